//! Signing what is sent, as Standard Webhooks 1.0 says: the id, the time of the attempt and the bytes of the body, each
//! after the other with a dot between. Who verifies is elsewhere; docs/delivery.md tells how.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::random::{self, Random};

/// How something is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// HMAC-SHA256: both ends have the secret.
    Hmac,
    /// Ed25519: the receiver has the public half only, with which nothing can be forged.
    Ed25519,
}

impl Signature {
    /// The name in documents and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Signature::Hmac => "hmac",
            Signature::Ed25519 => "ed25519",
        }
    }

    /// The signature of a name.
    pub fn parse(name: &str) -> Option<Signature> {
        [Signature::Hmac, Signature::Ed25519].into_iter().find(|signature| signature.as_str() == name)
    }
}

/// Bytes of a new secret of HMAC.
const HMAC_BYTES: usize = 32;
/// Bytes a secret of HMAC may have.
const HMAC_BYTES_RANGE: std::ops::RangeInclusive<usize> = 16..=64;

/// A secret to sign with. Its debug form shows nothing of it.
pub enum Secret {
    /// For HMAC-SHA256.
    Hmac(Zeroizing<Vec<u8>>),
    /// For Ed25519: the seed, and the pair made of it.
    Ed25519(Zeroizing<[u8; 32]>, Box<Ed25519KeyPair>),
}

impl Secret {
    /// A new one.
    pub fn draw(signature: Signature, random: &mut dyn Random) -> Secret {
        let bytes = Zeroizing::new(random::bytes::<HMAC_BYTES>(random));
        match signature {
            Signature::Hmac => Secret::Hmac(Zeroizing::new(bytes.to_vec())),
            Signature::Ed25519 => Secret::of_seed(bytes),
        }
    }

    fn of_seed(seed: Zeroizing<[u8; 32]>) -> Secret {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).expect("any 32 bytes are a seed of Ed25519");
        Secret::Ed25519(seed, Box::new(pair))
    }

    /// Reads a secret as [`Secret::to_text`] writes it.
    pub fn parse(text: &str) -> Option<Secret> {
        let decoded = |digits| STANDARD.decode(digits).ok().map(Zeroizing::new);
        if let Some(digits) = text.strip_prefix("whsec_") {
            return decoded(digits).filter(|bytes| HMAC_BYTES_RANGE.contains(&bytes.len())).map(Secret::Hmac);
        }
        let bytes = decoded(text.strip_prefix("whsk_")?)?;
        let (seed, public) = bytes.split_at_checked(32)?;
        let secret = Secret::of_seed(Zeroizing::new(seed.try_into().ok()?));
        match &secret {
            Secret::Ed25519(_, pair) if pair.public_key().as_ref() == public => Some(secret),
            _ => None,
        }
    }

    /// The form in which it is stored and shown: `whsec_…`, or `whsk_…` with both halves.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Secret::Hmac(bytes) => format!("whsec_{}", STANDARD.encode(&**bytes)),
            Secret::Ed25519(seed, pair) => {
                let both = Zeroizing::new([&seed[..], pair.public_key().as_ref()].concat());
                format!("whsk_{}", STANDARD.encode(&*both))
            }
        })
    }

    /// What the receiver verifies with, where that is no secret: `whpk_…`.
    pub fn public_text(&self) -> Option<String> {
        match self {
            Secret::Hmac(_) => None,
            Secret::Ed25519(_, pair) => Some(format!("whpk_{}", STANDARD.encode(pair.public_key()))),
        }
    }

    /// How it signs.
    pub fn signature(&self) -> Signature {
        match self {
            Secret::Hmac(_) => Signature::Hmac,
            Secret::Ed25519(..) => Signature::Ed25519,
        }
    }

    /// The signature of one attempt; `timestamp` is Unix seconds.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp}.");
        match self {
            Secret::Hmac(bytes) => {
                let mac: Hmac<Sha256> = KeyInit::new_from_slice(bytes).expect("HMAC takes a key of any length");
                let mac = mac.chain_update(head).chain_update(body).finalize().into_bytes();
                format!("v1,{}", STANDARD.encode(mac))
            }
            Secret::Ed25519(_, pair) => {
                let signed = [head.as_bytes(), body].concat();
                format!("v1a,{}", STANDARD.encode(pair.sign(&signed)))
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.signature().as_str())
    }
}

/// The header `webhook-signature`: one signature of each secret, so that a receiver who has any of them is content.
pub fn signatures<'s>(secrets: impl IntoIterator<Item = &'s Secret>, id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures: Vec<String> = secrets.into_iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::seeded;

    const SEEDED: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    #[test]
    fn a_secret_reads_back_and_shows_nothing_of_itself() {
        for signature in [Signature::Hmac, Signature::Ed25519] {
            let secret = Secret::draw(signature, &mut seeded(1));
            let text = secret.to_text();
            let again = Secret::parse(&text).unwrap();
            assert_eq!((again.signature(), &*again.to_text()), (signature, &*text));
            assert_eq!(again.public_text(), secret.public_text());
            assert_eq!(format!("{secret:?}"), format!("Secret({})", signature.as_str()));
            assert_eq!(Signature::parse(signature.as_str()), Some(signature));
        }
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let of = |count| format!("whsec_{}", STANDARD.encode(vec![7; count]));
        for (bytes, is_secret) in [(15, false), (16, true), (64, true), (65, false)] {
            assert_eq!(Secret::parse(&of(bytes)).is_some(), is_secret, "{bytes}");
        }
        let pair = Secret::draw(Signature::Ed25519, &mut seeded(1)).to_text();
        let other = Secret::draw(Signature::Ed25519, &mut seeded(2)).to_text();
        // The public half of another seed.
        let mixed = [
            &STANDARD.decode(&pair["whsk_".len()..]).unwrap()[..32],
            &STANDARD.decode(&other["whsk_".len()..]).unwrap()[32..],
        ]
        .concat();
        for text in
            ["", "whsec_", "whsec_?", "C2FVsBQIhrscChlQIMV", "whpk_AAAA", &format!("whsk_{}", STANDARD.encode(mixed))]
        {
            assert!(Secret::parse(text).is_none(), "{text}");
        }
    }

    /// Made by a script of its own (Python's hmac).
    #[test]
    fn the_id_the_time_and_the_body_are_signed() {
        let secret = Secret::parse(SEEDED).unwrap();
        let signed = secret.sign("msg_1", 1_700_000_000, b"{\"type\":\"a\"}");
        assert_eq!(signed, "v1,08t09CnS28d+u/rB+LeuhhUrb9qzhpxlZ0+eTiqYMf0=");
        for (id, timestamp, body) in [
            ("msg_2", 1_700_000_000, "{\"type\":\"a\"}"),
            ("msg_1", 1_700_000_001, "{\"type\":\"a\"}"),
            ("msg_1", 1_700_000_000, "{}"),
        ] {
            assert_ne!(secret.sign(id, timestamp, body.as_bytes()), signed);
        }
    }

    #[test]
    fn while_a_secret_is_replaced_both_sign() {
        let (old, new) = (Secret::parse(SEEDED).unwrap(), Secret::draw(Signature::Ed25519, &mut seeded(1)));
        let both = signatures([&new, &old], "msg_1", 1, b"");
        assert_eq!(both, format!("{} {}", new.sign("msg_1", 1, b""), old.sign("msg_1", 1, b"")));
    }
}
