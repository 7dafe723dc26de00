//! Names: from the spelling of the schemas to the spelling of Rust.

/// `appointment_request`, `PhoneNumber`, `IN_LESS_THAN_ONE_YEAR` as the name of a type or a variant.
pub fn pascal(text: &str) -> String {
    let mut name = String::new();
    for word in words(text) {
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            name.extend(first.to_uppercase());
            name.push_str(&letters.as_str().to_lowercase());
        }
    }
    name
}

/// The same as the name of a field, a function or a module.
pub fn snake(text: &str) -> String {
    words(text).iter().map(|word| word.to_lowercase()).collect::<Vec<_>>().join("_")
}

/// The same as the name of a constant.
pub fn screaming(text: &str) -> String {
    words(text).iter().map(|word| word.to_uppercase()).collect::<Vec<_>>().join("_")
}

/// Whether a name can stand in Rust as it is or as a raw identifier.
pub fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic());
    begins && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// A name as an identifier: keywords become raw ones, the few that cannot get an underscore.
pub fn identifier(name: &str) -> proc_macro2::Ident {
    let span = proc_macro2::Span::call_site();
    match name {
        "self" | "Self" | "super" | "crate" | "_" => proc_macro2::Ident::new(&format!("{name}_"), span),
        _ if syn::parse_str::<syn::Ident>(name).is_ok() => proc_macro2::Ident::new(name, span),
        _ => proc_macro2::Ident::new_raw(name, span),
    }
}

/// Splits at separators and where the case says a word begins: `IsUSCustomer` is `Is US Customer`.
fn words(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (index, &letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        let before = index.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(index + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || before.is_numeric() || after.is_some_and(|after| after.is_lowercase())
            });
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A number for a text that stays while others come and go (FNV-1a): what the runtime remembers verdicts and resources under.
pub fn stable_number(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::{identifier, pascal, screaming, snake};

    #[test]
    fn spellings_of_the_wire_become_spellings_of_rust() {
        for (wire, type_name, field) in [
            ("appointment_request", "AppointmentRequest", "appointment_request"),
            ("PhoneNumber", "PhoneNumber", "phone_number"),
            ("IsKVKKApproved", "IsKvkkApproved", "is_kvkk_approved"),
            ("IsUSCustomer", "IsUsCustomer", "is_us_customer"),
            ("IN_LESS_THAN_ONE_YEAR", "InLessThanOneYear", "in_less_than_one_year"),
            ("x-correlation-id", "XCorrelationId", "x_correlation_id"),
            ("$type", "Type", "type"),
            ("geoCode2", "GeoCode2", "geo_code2"),
        ] {
            assert_eq!((pascal(wire), snake(wire)), (type_name.into(), field.into()));
        }
        assert_eq!(screaming("PostalCode"), "POSTAL_CODE");
    }

    #[test]
    fn keywords_are_escaped() {
        assert_eq!(identifier("type").to_string(), "r#type");
        assert_eq!(identifier("self").to_string(), "self_");
        assert_eq!(identifier("forename").to_string(), "forename");
    }
}
