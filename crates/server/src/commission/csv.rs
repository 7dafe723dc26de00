//! A statement as CSV (RFC 4180): a row for what was owed when the month began, one for each entry, one for what was owed when
//! it ended; for each currency its own.

use std::borrow::Cow;

use usher_contract::commission::v1::Entry;
use usher_domain::commission::Statement;

const HEAD: [&str; 16] = [
    "row",
    "id",
    "at",
    "kind",
    "amount",
    "currency",
    "cause",
    "product",
    "requestId",
    "delivery",
    "destination",
    "reference",
    "partnerReference",
    "campaign",
    "source",
    "subPartner",
];

/// The text of a statement with its entries.
pub(super) fn write(statement: &Statement, entries: &[Entry<Cow<'_, str>>]) -> String {
    let mut csv = String::new();
    row(&mut csv, &HEAD.map(Field::Text));
    let balance = |name, currency: &str, amount: String| {
        let mut fields = [const { Field::Text("") }; HEAD.len()];
        (fields[0], fields[4], fields[5]) = (Field::Text(name), Field::Number(amount), Field::Text(currency));
        let mut line = String::new();
        row(&mut line, &fields);
        line
    };
    let openings: String =
        statement.parts.iter().map(|part| balance("opening", &part.currency, part.opening.to_string())).collect();
    let closings: String =
        statement.parts.iter().map(|part| balance("closing", &part.currency, part.closing.to_string())).collect();
    csv.push_str(&openings);
    for entry in entries {
        let text = |text: &'_ Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
        let attribution = &entry.attribution;
        let told = [&entry.reference, &attribution.partner_reference, &attribution.campaign].map(text);
        let more = [&attribution.source, &attribution.sub_partner].map(text);
        row(
            &mut csv,
            &[
                Field::Text("entry"),
                Field::Number(entry.id.to_string()),
                Field::Text(&entry.at),
                Field::Text(entry.kind.as_str()),
                Field::Number(entry.amount.to_string()),
                Field::Text(entry.currency.as_str()),
                Field::Text(&entry.cause),
                Field::Text(&entry.product),
                Field::Text(&entry.request_id),
                Field::Number(entry.delivery.to_string()),
                Field::Text(&entry.destination),
                Field::Text(&told[0]),
                Field::Text(&told[1]),
                Field::Text(&told[2]),
                Field::Text(&more[0]),
                Field::Text(&more[1]),
            ],
        );
    }
    csv.push_str(&closings);
    csv
}

/// A field of a row.
enum Field<'f> {
    /// Anything that somebody may have chosen.
    Text(&'f str),
    /// A number of ours, which may begin with a minus.
    Number(String),
}

fn row(csv: &mut String, fields: &[Field<'_>]) {
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            csv.push(',');
        }
        match field {
            Field::Number(number) => csv.push_str(number),
            Field::Text(text) => push_text(csv, text),
        }
    }
    csv.push_str("\r\n");
}

/// A text that a spreadsheet would take for a formula gets an apostrophe in front, so that it stays text.
fn push_text(csv: &mut String, text: &str) {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let apostrophe = if is_formula { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n', ';', '\t']) {
        csv.push('"');
        csv.push_str(apostrophe);
        csv.push_str(&text.replace('"', "\"\""));
        csv.push('"');
    } else {
        csv.push_str(apostrophe);
        csv.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_becomes_a_formula_or_another_field() {
        for (text, written) in [
            ("spring", "spring"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("+420", "'+420"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"'\t=1\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("two\nlines", "\"two\nlines\""),
            ("\u{ff1d}1", "'\u{ff1d}1"),
        ] {
            let mut csv = String::new();
            push_text(&mut csv, text);
            assert_eq!(csv, written, "{text:?}");
        }
        let mut csv = String::new();
        row(&mut csv, &[Field::Text("-1"), Field::Number("-1".to_owned())]);
        assert_eq!(csv, "'-1,-1\r\n");
    }
}
