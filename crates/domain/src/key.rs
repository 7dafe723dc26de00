//! API keys: made, read and compared. The text of a key exists only when it is made and when it is sent;
//! what is kept is its selector, to find it, and its MAC, to prove it.
//!
//! ```text
//! usher_sbx_<selector: 12>_<secret: 32>_<checksum: 6>
//! ```
//! `sbx` and `prd` are a partner's, for sandbox and production; `bnk` is a bank user's.
//!
//! Selector, secret and checksum are base62 (`0-9A-Za-z`). The checksum is the CRC-32 of everything before its
//! underscore, padded with zeros: a typing error is found without asking anybody, and a scanner for leaked keys
//! has next to no false hits.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::environment::Environment;
use crate::random::{self, BASE62, Random};
use crate::receipt::Secret;

/// Finds keys in source code and logs; meant for secret scanners, and published.
pub const SCANNER_PATTERN: &str = r"\busher_(?:bnk|prd|sbx)_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}\b";

/// Letters of the selector, by which a key is found.
pub const SELECTOR_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;
const CODE_LENGTH: usize = 3;
const PREFIX: &str = "usher";
/// Says that a key is a bank user's.
const BANK_CODE: &str = "bnk";

/// A well-made key of a partner's application. It is not yet a known one.
pub struct ApiKey {
    text: KeyText,
    environment: Environment,
}

/// A well-made key of a bank user. It is not yet a known one, and never opens what is for partners.
pub struct BankKey(KeyText);

/// A key whose MAC may be kept, whoever holds it.
pub trait Key {
    /// The part that is no secret: a key is found, named and logged by it.
    fn selector(&self) -> &str;

    /// The whole key, to be shown once to its owner or sent to the gateway. It must not reach a log or the store.
    fn reveal(&self) -> &str;
}

/// Why a text is no API key. Neither form tells the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFault {
    /// It does not have the form of a key at all.
    Form,
    /// It has the form, but a character is wrong: the checksum does not fit.
    Checksum,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyFault::Form => {
                "not an API key: expected usher_sbx_ or usher_prd_ and three groups of letters and digits"
            }
            KeyFault::Checksum => "a character of the API key is wrong or missing; copy it again",
        })
    }
}

impl std::error::Error for KeyFault {}

impl ApiKey {
    /// Makes a new key.
    pub fn draw(environment: Environment, random: &mut dyn Random) -> ApiKey {
        ApiKey { text: KeyText::draw(environment.key_code(), random), environment }
    }

    /// Reads a key as it was sent.
    pub fn parse(text: &str) -> Result<ApiKey, KeyFault> {
        let text = KeyText::parse(text, |code| Environment::of_key_code(code).is_some())?;
        let environment = Environment::of_key_code(text.code()).ok_or(KeyFault::Form)?;
        Ok(ApiKey { text, environment })
    }

    /// The environment the key says it is for.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// The part that is no secret: a key is found, named and logged by it.
    pub fn selector(&self) -> &str {
        self.text.selector()
    }

    /// The whole key, to be shown once to its owner or sent to the gateway. It must not reach a log or the store.
    pub fn reveal(&self) -> &str {
        &self.text.0
    }
}

impl BankKey {
    /// Makes a new key.
    pub fn draw(random: &mut dyn Random) -> BankKey {
        BankKey(KeyText::draw(BANK_CODE, random))
    }

    /// Reads a key as it was sent.
    pub fn parse(text: &str) -> Result<BankKey, KeyFault> {
        KeyText::parse(text, |code| code == BANK_CODE).map(BankKey)
    }
}

impl Key for ApiKey {
    fn selector(&self) -> &str {
        self.text.selector()
    }

    fn reveal(&self) -> &str {
        &self.text.0
    }
}

impl Key for BankKey {
    fn selector(&self) -> &str {
        self.0.selector()
    }

    fn reveal(&self) -> &str {
        &self.0.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({PREFIX}_{}_{}_..)", self.text.code(), self.selector())
    }
}

impl fmt::Debug for BankKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BankKey({PREFIX}_{BANK_CODE}_{}_..)", self.selector())
    }
}

/// The text of a key that has the form of one.
struct KeyText(Zeroizing<String>);

impl KeyText {
    fn draw(code: &str, random: &mut dyn Random) -> KeyText {
        // Sized for the whole key, so that no part of the secret stays behind in a buffer that was outgrown.
        let mut text = String::with_capacity(64);
        text.push_str(PREFIX);
        text.push('_');
        text.push_str(code);
        text.push('_');
        random::push_base62(random, SELECTOR_LENGTH, &mut text);
        text.push('_');
        random::push_base62(random, SECRET_LENGTH, &mut text);
        let checksum = checksum(&text);
        text.push('_');
        text.extend(checksum.map(char::from));
        KeyText(Zeroizing::new(text))
    }

    fn parse(text: &str, is_code: impl FnOnce(&str) -> bool) -> Result<KeyText, KeyFault> {
        let (checked, checksum_sent) = split(text, is_code).ok_or(KeyFault::Form)?;
        if checksum(checked) != checksum_sent.as_bytes() {
            return Err(KeyFault::Checksum);
        }
        Ok(KeyText(Zeroizing::new(text.to_owned())))
    }

    fn code(&self) -> &str {
        let start = PREFIX.len() + 1;
        &self.0[start..start + CODE_LENGTH]
    }

    fn selector(&self) -> &str {
        let start = PREFIX.len() + CODE_LENGTH + 2;
        &self.0[start..start + SELECTOR_LENGTH]
    }
}

/// What is kept of a key: HMAC-SHA-256 of its whole text under the pepper.
#[derive(Clone)]
pub struct KeyMac([u8; 32]);

impl KeyMac {
    /// The MAC kept as these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> KeyMac {
        KeyMac(bytes)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

// No `PartialEq`: a comparison that stops at the first difference would tell how far a guess was right.
impl fmt::Debug for KeyMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMac(..)")
    }
}

/// The secret that turns keys into MACs. It is kept outside the database, so a stolen database proves no key.
pub struct Pepper(Secret);

impl Pepper {
    /// The pepper kept as these bytes.
    pub fn new(bytes: [u8; 32]) -> Pepper {
        Pepper(Secret::new(bytes))
    }

    /// What to keep to know this pepper again. The text has a space, so it is never a key.
    pub fn check_value(&self) -> [u8; 32] {
        self.0.mac(b"usher pepper check 1")
    }

    /// What to keep of `key`.
    pub fn mac(&self, key: &impl Key) -> KeyMac {
        KeyMac(self.0.mac(key.reveal().as_bytes()))
    }

    /// Whether `key` is the one kept. An unknown selector has nothing kept and takes the same time to refuse.
    pub fn admits(&self, key: &impl Key, kept: Option<&KeyMac>) -> bool {
        let mut sent = self.mac(key);
        let nothing = KeyMac([0; 32]);
        let same = sent.0.ct_eq(&kept.unwrap_or(&nothing).0);
        sent.0.zeroize();
        bool::from(same) & kept.is_some()
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

/// The text the checksum covers, and the checksum as sent.
fn split(text: &str, is_code: impl FnOnce(&str) -> bool) -> Option<(&str, &str)> {
    let mut groups = text.split('_');
    let mut group = |length: usize| {
        groups.next().filter(|group| group.len() == length && group.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    if group(PREFIX.len())? != PREFIX || !is_code(group(CODE_LENGTH)?) {
        return None;
    }
    group(SELECTOR_LENGTH)?;
    group(SECRET_LENGTH)?;
    let checksum = group(CHECKSUM_LENGTH)?;
    if groups.next().is_some() {
        return None;
    }
    Some((&text[..text.len() - CHECKSUM_LENGTH - 1], checksum))
}

/// CRC-32 in base62, most significant digit first.
fn checksum(text: &str) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::seeded;

    fn key(seed: u64) -> ApiKey {
        ApiKey::draw(Environment::Sandbox, &mut seeded(seed))
    }

    #[test]
    fn a_new_key_has_the_published_form_and_reads_back() {
        for environment in Environment::ALL {
            let key = ApiKey::draw(environment, &mut seeded(1));
            let text = key.reveal();
            let groups: Vec<&str> = text.split('_').collect();
            assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [5, 3, 12, 32, 6]);
            assert_eq!((groups[0], groups[1]), ("usher", environment.key_code()));
            let read = ApiKey::parse(text).unwrap();
            assert_eq!((read.environment(), read.selector()), (environment, groups[2]));
        }
    }

    #[test]
    fn the_checksum_is_the_crc_32_in_base62() {
        // Made by a script of its own: zlib.crc32 of the text before the last underscore, six base62 digits.
        let text = "usher_sbx_000000000000_00000000000000000000000000000000_0V2prm";
        assert_eq!(ApiKey::parse(text).unwrap().selector(), "000000000000");
    }

    #[test]
    fn every_single_typing_error_is_found_offline() {
        let key = key(2);
        let text = key.reveal();
        for position in 0..text.len() {
            for replacement in ['0', 'a', 'Z', '_', '-'] {
                let mut typo: Vec<char> = text.chars().collect();
                if std::mem::replace(&mut typo[position], replacement) == replacement {
                    continue;
                }
                let typo: String = typo.into_iter().collect();
                let fault = ApiKey::parse(&typo).unwrap_err();
                let is_letter = position >= 10 && !matches!(position, 22 | 55) && replacement.is_alphanumeric();
                assert_eq!(fault, if is_letter { KeyFault::Checksum } else { KeyFault::Form }, "position {position}");
            }
        }
    }

    #[test]
    fn swapped_letters_are_found_offline() {
        let key = key(3);
        let mut swapped = key.reveal().as_bytes().to_vec();
        let position = (23..54).find(|&at| swapped[at] != swapped[at + 1]).unwrap();
        swapped.swap(position, position + 1);
        assert_eq!(ApiKey::parse(std::str::from_utf8(&swapped).unwrap()).unwrap_err(), KeyFault::Checksum);
    }

    #[test]
    fn other_text_has_not_the_form_of_a_key() {
        let key = key(4);
        let text = key.reveal();
        for other in [
            "",
            "_____",
            "usher_sbx",
            &text[..text.len() - 1],
            &format!("{text}0"),
            &format!("{text}_"),
            &format!(" {text}"),
            &text.replace("usher", "Usher"),
            &text.replace("_sbx_", "_dev_"),
            &text.replace('_', "-"),
            &text.replacen(key.selector(), "éééééé", 1),
        ] {
            assert_eq!(ApiKey::parse(other).unwrap_err(), KeyFault::Form, "{other}");
        }
    }

    #[test]
    fn keys_of_bank_users_and_of_partners_are_never_taken_for_each_other() {
        let (bank, partner) = (BankKey::draw(&mut seeded(9)), key(9));
        assert!(bank.reveal().starts_with("usher_bnk_"));
        assert_eq!(BankKey::parse(bank.reveal()).unwrap().selector(), bank.selector());
        assert_eq!(bank.selector(), partner.selector());
        assert_eq!(ApiKey::parse(bank.reveal()).unwrap_err(), KeyFault::Form);
        assert_eq!(BankKey::parse(partner.reveal()).unwrap_err(), KeyFault::Form);
        let pepper = Pepper::new([7; 32]);
        assert!(!pepper.admits(&bank, Some(&pepper.mac(&partner))) && pepper.admits(&bank, Some(&pepper.mac(&bank))));
        assert_eq!(format!("{bank:?}"), format!("BankKey(usher_bnk_{}_..)", bank.selector()));
    }

    #[test]
    fn only_the_kept_key_is_admitted() {
        let pepper = Pepper::new([7; 32]);
        let (right, wrong) = (key(5), key(6));
        let kept = pepper.mac(&right);
        assert!(pepper.admits(&right, Some(&KeyMac::from_bytes(*kept.as_bytes()))));
        assert!(!pepper.admits(&wrong, Some(&kept)));
        assert!(!pepper.admits(&right, None));
        assert!(!Pepper::new([8; 32]).admits(&right, Some(&kept)));
    }

    #[test]
    fn nothing_kept_is_refused_even_when_the_mac_would_be_the_stand_in() {
        let pepper = Pepper::new([7; 32]);
        let stand_in = KeyMac::from_bytes([0; 32]);
        assert!(!pepper.admits(&key(7), None) && !pepper.admits(&key(7), Some(&stand_in)));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = key(8);
        let secret = key.reveal().split('_').nth(3).unwrap().to_owned();
        let pepper = Pepper::new(*b"pepper pepper pepper pepper 1234");
        let shown = format!("{key:?} {pepper:?} {:?} {:?}", pepper.mac(&key), ApiKey::parse("usher_sbx_secret"));
        assert!(shown.contains(key.selector()), "{shown}");
        for hidden in [&secret[..], "pepper 1", "secret"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}
