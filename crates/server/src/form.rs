//! The two forms of a body: which one came, and which one is wanted back. Behind this everything is JSON.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use usher_wire::xml::{self, Document};

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Xml,
    /// XML under its other name, for those who ask for that.
    TextXml,
}

/// Most ranges of an `Accept` header that are looked at.
const RANGES_MAX: usize = 64;

impl Form {
    const ALL: [Form; 3] = [Form::Json, Form::Xml, Form::TextXml];

    fn media_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Xml => "application/xml",
            Form::TextXml => "text/xml",
        }
    }

    pub(crate) fn is_xml(self) -> bool {
        self != Form::Json
    }

    /// The form of the body that came, by its `Content-Type` with no parameter but `charset=utf-8`.
    pub(crate) fn sent(headers: &HeaderMap) -> Option<Form> {
        let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let (name, parameter) = media_type.split_once(';').unwrap_or((media_type, ""));
        let parameter = parameter.trim().to_ascii_lowercase();
        let is_utf8 = matches!(parameter.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"");
        Form::ALL.into_iter().find(|form| is_utf8 && name.trim().eq_ignore_ascii_case(form.media_type()))
    }

    /// The form that is wanted back: what `Accept` likes best, else the form that was sent. Where nothing of ours is
    /// accepted the answer is JSON all the same: a refusal that cannot be read helps nobody.
    pub(crate) fn wanted(headers: &HeaderMap) -> Form {
        let sent = Form::sent(headers).unwrap_or(Form::Json);
        let accepted: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        if accepted.iter().all(|value| value.trim().is_empty()) {
            return sent;
        }
        let ranges = || accepted.iter().flat_map(|value| value.split(',')).take(RANGES_MAX);
        // What is liked as well as others gives way to the form that was sent, then to the first.
        let liking = |form: Form| (quality(ranges(), form), form == sent);
        let best = Form::ALL.into_iter().rev().max_by_key(|form| liking(*form)).unwrap_or(sent);
        if liking(best).0 > 0 { best } else { Form::Json }
    }

    /// An answer of ours in this form, and its media type. `json` is the media type that the JSON form has.
    pub(crate) fn write(
        self,
        body: Vec<u8>,
        json: &'static str,
        document: Option<&'static Document>,
    ) -> (Vec<u8>, &'static str) {
        match (self, document) {
            (Form::Xml, Some(document)) => (xml::from_json(&body, document), "application/xml; charset=utf-8"),
            (Form::TextXml, Some(document)) => (xml::from_json(&body, document), "text/xml; charset=utf-8"),
            _ => (body, json),
        }
    }
}

/// How much a form is liked, in thousandths: what the most exact range says counts.
fn quality<'r>(ranges: impl Iterator<Item = &'r str>, form: Form) -> u16 {
    let whole = form.media_type();
    let of_type = whole.split('/').next().unwrap_or_default();
    let mut found = (0, 0);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let exactness = match name.split_once('/') {
            _ if name == whole => 3,
            Some((begin, "*")) if begin == of_type => 2,
            Some(("*", "*")) => 1,
            _ => continue,
        };
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")));
        let weight = weight.map_or(1000, thousandths);
        if exactness > found.0 || (exactness == found.0 && weight > found.1) {
            found = (exactness, weight);
        }
    }
    found.1
}

/// A weight from 0 to 1 with at most three places; another one counts nothing.
fn thousandths(weight: &str) -> u16 {
    let (whole, places) = weight.split_once('.').unwrap_or((weight, ""));
    let is_right = places.len() <= 3 && places.bytes().all(|digit| digit.is_ascii_digit());
    match (whole, format!("{places:0<3}").parse::<u16>()) {
        ("0", Ok(places)) if is_right => places,
        ("1", Ok(0)) if is_right => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::{ACCEPT, CONTENT_TYPE};

    use super::Form;

    fn wanted(sent: &str, accepted: &[&str]) -> Form {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, sent.parse().expect("a header value"));
        for value in accepted {
            headers.append(ACCEPT, value.parse().expect("a header value"));
        }
        Form::wanted(&headers)
    }

    #[test]
    fn an_answer_has_the_form_that_is_liked_best() {
        use Form::{Json, TextXml, Xml};
        let (json, xml) = ("application/json", "application/xml; charset=utf-8");
        for (sent, accepted, form) in [
            (json, &[] as &[&str], Json),
            (xml, &[], Xml),
            ("text/xml", &[], TextXml),
            (xml, &[""], Xml),
            (xml, &["*/*"], Xml),
            (json, &["*/*"], Json),
            (json, &["application/*"], Json),
            ("text/xml", &["application/*"], Json),
            (json, &["text/*"], TextXml),
            (json, &["Application/XML"], Xml),
            (xml, &["application/json"], Json),
            (json, &["application/json;q=0.5, application/xml"], Xml),
            (json, &["application/json;q=0.5", "text/xml;q=0.501"], TextXml),
            (json, &["application/xml;q=0.9, */*;q=0.8"], Xml),
            (xml, &["application/xml;q=0, */*;q=0.1"], Json),
            (xml, &["*/*;q=0.1, application/xml;q=0"], Json),
            (json, &["application/xml; version=1 ; q=0.3, text/html"], Xml),
            // Nothing of ours, nothing at all, and weights that are none.
            (xml, &["text/html"], Json),
            (xml, &["*/*;q=0"], Json),
            (xml, &["application/xml;q=2, application/json;q=0.001"], Json),
            (xml, &["application/xml;q=0.1234, application/json;q=0.001"], Json),
            ("text/plain", &[], Json),
        ] {
            assert_eq!(wanted(sent, accepted), form, "{sent} {accepted:?}");
        }
    }

    #[test]
    fn only_so_much_of_a_long_list_is_looked_at() {
        let list = "a/b,".repeat(63);
        assert_eq!(wanted("application/json", &[&format!("{list}application/xml")]), Form::Xml);
        assert_eq!(wanted("application/json", &[&format!("{list}a/b,application/xml")]), Form::Json);
    }
}
