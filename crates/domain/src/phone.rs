//! Phone numbers. The library behind this is young, so nothing else in the product knows it.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

/// The country a number without a country code is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneRegion {
    /// Austria.
    At,
    /// Czechia: contact request, unless its product says otherwise.
    Cz,
    /// Germany: appointment request.
    De,
    /// Poland.
    Pl,
    /// Slovakia.
    Sk,
    /// Turkey: digital customer.
    Tr,
}

impl PhoneRegion {
    /// The region with this ISO 3166 code.
    pub fn parse(code: &str) -> Option<PhoneRegion> {
        Some(match code {
            "AT" => PhoneRegion::At,
            "CZ" => PhoneRegion::Cz,
            "DE" => PhoneRegion::De,
            "PL" => PhoneRegion::Pl,
            "SK" => PhoneRegion::Sk,
            "TR" => PhoneRegion::Tr,
            _ => return None,
        })
    }
}

/// The number in E.164 (`+420601123456`), or nothing when no such number can exist in any numbering plan.
pub fn e164(text: &str, region: PhoneRegion) -> Option<String> {
    let region = match region {
        PhoneRegion::At => Region::AT,
        PhoneRegion::Cz => Region::CZ,
        PhoneRegion::De => Region::DE,
        PhoneRegion::Pl => Region::PL,
        PhoneRegion::Sk => Region::SK,
        PhoneRegion::Tr => Region::TR,
    };
    let number = PHONE_NUMBER_UTIL.parse(text, Some(region)).ok()?;
    number.is_valid().then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, seeded};

    // shows: IS-078
    #[test]
    fn a_real_number_becomes_e164() {
        use PhoneRegion::{Cz, De, Tr};
        for (text, region, expected) in [
            ("601 123 456", Cz, "+420601123456"),
            ("+420 601 123 456", Cz, "+420601123456"),
            ("00420601123456", Cz, "+420601123456"),
            ("212 345 678", Cz, "+420212345678"),
            ("+49 30 123456", Cz, "+4930123456"),
            ("030 123456", De, "+4930123456"),
            ("+49 (0)30/123456", De, "+4930123456"),
            ("01512 3456789", De, "+4915123456789"),
            ("5012345678", Tr, "+905012345678"),
            ("+905012345678", Tr, "+905012345678"),
            ("05012345678", Tr, "+905012345678"),
        ] {
            assert_eq!(e164(text, region).as_deref(), Some(expected), "{text} {region:?}");
        }
    }

    // shows: IS-077
    #[test]
    fn a_number_that_cannot_exist_is_refused() {
        use PhoneRegion::{Cz, De, Tr};
        for (text, region) in [
            ("", Cz),
            ("abc", Cz),
            ("601 123 45", Cz),
            ("601 123 4567", Cz),
            ("110", De),
            ("00000000", De),
            ("+49", De),
            ("+999 601 123 456", De),
            ("501234567", Tr),
            ("50123456789", Tr),
            (&"1".repeat(300), De),
        ] {
            assert_eq!(e164(text, region), None, "{text} {region:?}");
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic() {
        let alphabet: Vec<char> = "0123456789+-()/. ;extphon#,:=\u{ff0b}\u{661}\u{0}\u{10ffff}é".chars().collect();
        let mut random = seeded(20);
        for _ in 0..5_000 {
            let mut picks = [0; 24];
            random.fill(&mut picks);
            let length = usize::from(picks[0]) % picks.len();
            let text: String =
                picks[..length].iter().map(|&pick| alphabet[usize::from(pick) % alphabet.len()]).collect();
            for region in [PhoneRegion::Cz, PhoneRegion::De, PhoneRegion::Tr] {
                if let Some(number) = e164(&text, region) {
                    assert!(number.starts_with('+') && number[1..].bytes().all(|byte| byte.is_ascii_digit()), "{text}");
                }
            }
        }
    }
}
