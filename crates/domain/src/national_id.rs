//! The Turkish national id (T.C. number): its checksum, and the range that stands for nobody.

use crate::environment::Environment;

/// Ids that begin so belong to nobody: the sandbox takes no others, production takes none of them.
pub const SYNTHETIC_PREFIX: &str = "9876";

/// Why an id is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdFault {
    /// Not 11 digits that pass the checksum.
    Checksum,
    /// A sandbox takes only synthetic ids, so that no real person is put into a test.
    SyntheticOnly,
    /// Production takes no synthetic id.
    SyntheticRefused,
}

/// Whether the digits are a national id that this environment takes.
pub fn check(digits: &str, environment: Environment) -> Result<(), IdFault> {
    if !passes_checksum(digits) {
        return Err(IdFault::Checksum);
    }
    match (environment, digits.starts_with(SYNTHETIC_PREFIX)) {
        (Environment::Sandbox, false) => Err(IdFault::SyntheticOnly),
        (Environment::Production, true) => Err(IdFault::SyntheticRefused),
        (Environment::Sandbox, true) | (Environment::Production, false) => Ok(()),
    }
}

/// The tenth digit is 7 times the odd places less the even ones, the eleventh the sum of the ten before, both mod 10.
fn passes_checksum(digits: &str) -> bool {
    let digits = digits.as_bytes();
    if digits.len() != 11 || digits[0] == b'0' || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum = |places: &[usize]| places.iter().map(|&place| i32::from(digits[place] - b'0')).sum::<i32>();
    let tenth = (7 * sum(&[0, 2, 4, 6, 8]) - sum(&[1, 3, 5, 7])).rem_euclid(10);
    let eleventh = sum(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) % 10;
    i32::from(digits[9] - b'0') == tenth && i32::from(digits[10] - b'0') == eleventh
}

#[cfg(test)]
mod tests {
    use super::*;

    // The specimen number of public documents; no private person's.
    const SPECIMEN: &str = "10000000146";
    const SYNTHETIC: &str = "98760000088";

    // shows: IA-010
    #[test]
    fn each_environment_takes_its_own_ids() {
        use Environment::{Production, Sandbox};
        for (digits, environment, expected) in [
            (SYNTHETIC, Sandbox, Ok(())),
            (SPECIMEN, Production, Ok(())),
            (SPECIMEN, Sandbox, Err(IdFault::SyntheticOnly)),
            (SYNTHETIC, Production, Err(IdFault::SyntheticRefused)),
        ] {
            assert_eq!(check(digits, environment), expected, "{digits} {environment}");
        }
    }

    #[test]
    fn a_wrong_digit_anywhere_is_found() {
        for id in [SPECIMEN, SYNTHETIC] {
            for place in 0..11 {
                for digit in b'0'..=b'9' {
                    let mut wrong = id.as_bytes().to_vec();
                    wrong[place] = digit;
                    let wrong = String::from_utf8(wrong).unwrap();
                    assert_eq!(passes_checksum(&wrong), wrong == id, "{wrong}");
                }
            }
        }
    }

    #[test]
    fn other_text_fails_the_checksum_whatever_the_environment() {
        for text in ["", "9876", "00000000000", "9876000008", "987600000880", "9876000008x", "٩٨٧٦٠"] {
            for environment in Environment::ALL {
                assert_eq!(check(text, environment), Err(IdFault::Checksum), "{text}");
            }
        }
    }
}
