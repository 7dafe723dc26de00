//! Digests: the salted hash in a receipt, which a partner can recompute, and the keyed digests by which the store
//! recognises a repeat or a person without holding what it recognises.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::hex;
use crate::ids::{ApplicationId, PartnerId};
use crate::random::{self, Random};

/// The salt of one payload hash. The partner gets it with the receipt; at erasure it is destroyed, and the hash
/// that stays behind no longer tells whether a guessed body was the one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A new salt.
    pub fn draw(random: &mut dyn Random) -> Salt {
        Salt(random::bytes(random))
    }

    /// The salt kept as these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Salt {
        Salt(bytes)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::display(&self.0, f)
    }
}

/// SHA-256 of the 32 bytes of the salt followed by the canonical body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadHash([u8; 32]);

impl PayloadHash {
    /// The hash of a canonical body.
    pub fn of(salt: &Salt, canonical: &[u8]) -> PayloadHash {
        PayloadHash(Sha256::new().chain_update(salt.0).chain_update(canonical).finalize().into())
    }

    /// The hash kept as these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> PayloadHash {
        PayloadHash(bytes)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::display(&self.0, f)
    }
}

/// A keyed digest (HMAC-SHA-256): equal for equal input, and worth nothing without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest kept as these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Whose idempotency key it is: the same text means another request in another scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The partner.
    pub partner: PartnerId,
    /// The partner's application.
    pub application: ApplicationId,
    /// The environment of its key.
    pub environment: Environment,
    /// The operation that was called, by its operationId.
    pub operation: &'a str,
}

/// The key of all keyed digests. Every purpose has a label of its own, so a digest of one is never one of another.
pub struct DigestKey(Secret);

impl DigestKey {
    /// The key kept as these bytes.
    pub fn new(bytes: [u8; 32]) -> DigestKey {
        DigestKey(Secret::new(bytes))
    }

    /// What to keep to know this key again.
    pub fn check_value(&self) -> [u8; 32] {
        *self.digest("check/v1", &[]).as_bytes()
    }

    /// Recognises the same body of the same operation under a repeated idempotency key.
    pub fn fingerprint(&self, operation: &str, canonical: &[u8]) -> Digest {
        self.digest("body/v1", &[operation.as_bytes(), canonical])
    }

    /// Stands for an idempotency key in the store: partners put mail addresses and names into such keys.
    pub fn idempotency_key(&self, scope: Scope<'_>, key: &str) -> Digest {
        let Scope { partner, application, environment, operation } = scope;
        self.digest(
            "idempotency-key/v1",
            &[
                partner.as_bytes(),
                application.as_bytes(),
                environment.as_str().as_bytes(),
                operation.as_bytes(),
                key.as_bytes(),
            ],
        )
    }

    /// Recognises a person by the national id of a country (ISO 3166 alpha-2), given as its plain digits.
    pub fn person(&self, country: &str, national_id: &str) -> Digest {
        self.digest("person/v1", &[country.as_bytes(), national_id.as_bytes()])
    }

    /// Recognises a person by the phone number, given in E.164, among the requests of one partner in one environment. The
    /// same person of another partner has another digest, so nothing in the store tells that both know them.
    pub fn partners_person(&self, partner: PartnerId, environment: Environment, e164: &str) -> Digest {
        self.digest("partners-person/v1", &[partner.as_bytes(), environment.as_str().as_bytes(), e164.as_bytes()])
    }

    /// What a thing is made from that an operator creates under an idempotency key, so that a repeat meets it.
    pub fn creation(&self, operation: &str, operator: &str, subject: &str, key: &str) -> Digest {
        self.digest("creation/v1", &[operation.as_bytes(), operator.as_bytes(), subject.as_bytes(), key.as_bytes()])
    }

    /// Recognises a phone number, given in E.164.
    pub fn phone(&self, e164: &str) -> Digest {
        self.digest("phone/v1", &[e164.as_bytes()])
    }

    /// Recognises a mail address, whatever the case it is written in.
    pub fn email(&self, address: &str) -> Digest {
        self.digest("email/v1", &[address.trim().to_lowercase().as_bytes()])
    }

    /// HMAC over label and parts, each preceded by its length as eight bytes, so that no two lists of parts run together.
    pub(crate) fn digest(&self, label: &str, parts: &[&[u8]]) -> Digest {
        let mut mac = self.0.hmac();
        for part in std::iter::once(&label.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Digest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

/// 32 secret bytes, wiped when dropped, never shown.
pub(crate) struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    pub(crate) fn new(bytes: [u8; 32]) -> Secret {
        Secret(Zeroizing::new(bytes))
    }

    pub(crate) fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.hmac().chain_update(message).finalize().into_bytes().into()
    }

    fn hmac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&*self.0).expect("HMAC takes a key of any length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::seeded;

    /// Made by a script of its own (Python's hashlib and hmac); docs/decisions publishes the payload hashes.
    #[test]
    fn the_published_vectors_hold() {
        let salt = Salt::from_bytes(std::array::from_fn(|at| at as u8));
        for (canonical, expected) in [
            ("{}", "3beb4649fb0f3ba0e4d1db3befc0f9e6982d28cf69bc263851e1b7635a0c9f38"),
            (r#"{"a":1}"#, "4f19620c461d8a7dbce184d078ae5cea8d74bdf4cb77c5b4525343a83029003e"),
        ] {
            assert_eq!(PayloadHash::of(&salt, canonical.as_bytes()).to_string(), expected);
        }
        let key = DigestKey::new([1; 32]);
        let scope = Scope {
            partner: PartnerId::from_bytes([2; 16]),
            application: ApplicationId::from_bytes([3; 16]),
            environment: Environment::Sandbox,
            operation: "submitContactRequest",
        };
        for (digest, expected) in [
            (
                key.fingerprint("submitContactRequest", b"{}"),
                "6bf7d952f8055ffccf8de5d7c68f3567fae0fda9796f1acf487937552615072c",
            ),
            (key.idempotency_key(scope, "k-1"), "f9baf9104764f35efcc2a939a3b6d2126bffcf664cee7b43190871634d9c8878"),
            (key.person("TR", "98760000088"), "40f4627359f726778c39c14e52424b74695a4c92a55e22c336229e4db46c282f"),
            (key.phone("+420601123456"), "e0a012e915ace7188b0be664377f63248de570515c6d6f0215b0a73e0e828c31"),
            (key.email(" Ada@Example.org "), "77a1a3f367ab38974c71d7c1d45c896a1b4aa96dbd3fb2edfc002aac2d7fcdfb"),
        ] {
            assert_eq!(hex::encode(digest.as_bytes()), expected);
        }
    }

    #[test]
    fn another_salt_gives_another_hash() {
        let mut random = seeded(1);
        let (one, other) = (Salt::draw(&mut random), Salt::draw(&mut random));
        assert_ne!(PayloadHash::of(&one, b"{}"), PayloadHash::of(&other, b"{}"));
        assert_eq!(hex::decode(&one.to_string()).map(Salt::from_bytes), Some(one));
    }

    #[test]
    fn no_two_meanings_share_a_digest() {
        let key = DigestKey::new([1; 32]);
        let scope = Scope {
            partner: PartnerId::from_bytes([2; 16]),
            application: ApplicationId::from_bytes([3; 16]),
            environment: Environment::Sandbox,
            operation: "a",
        };
        let digests = [
            key.fingerprint("a", b"bc"),
            key.fingerprint("ab", b"c"),
            key.phone("a"),
            key.email("a"),
            key.person("a", ""),
            key.person("", "a"),
            key.idempotency_key(scope, "bc"),
            key.idempotency_key(Scope { operation: "ab", ..scope }, "c"),
            key.idempotency_key(Scope { environment: Environment::Production, ..scope }, "bc"),
            key.idempotency_key(Scope { partner: PartnerId::from_bytes([4; 16]), ..scope }, "bc"),
            key.idempotency_key(Scope { application: ApplicationId::from_bytes([4; 16]), ..scope }, "bc"),
            DigestKey::new([2; 32]).phone("a"),
        ];
        let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn a_mail_address_is_the_same_in_any_case() {
        let key = DigestKey::new([1; 32]);
        assert_eq!(key.email("Ada@Example.ORG"), key.email("ada@example.org"));
        assert_ne!(key.email("ada@example.org"), key.email("ada@example.com"));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", DigestKey::new([65; 32])), "DigestKey(..)");
    }
}
