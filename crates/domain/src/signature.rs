//! The signature of a receipt: a compact JWS (RFC 7515) with Ed25519 (RFC 8037) over the facts of acceptance.
//!
//! Nothing in it changes later and Ed25519 draws no randomness, so it is not stored: it is made again on each read. What a
//! partner proves with it is in docs/receipts.md; the check of it is in the client.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};
use usher_contract::shared::{ClaimedWarning, Jwk, JwkSet, JwsHeader, Receipt, ReceiptClaims};
use usher_wire::{Text, Unknown, canonical};

/// The key that receipts are signed with.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
    /// The first part of every JWS, with the dot behind it: it is the same for all of one key.
    head: String,
}

impl SigningKey {
    /// The key made of these secret bytes.
    pub fn new(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed of Ed25519");
        let public = pair.public_key().as_ref().try_into().expect("a public key of Ed25519 has 32 bytes");
        let public = PublicKey(public);
        let header = JwsHeader {
            alg: "EdDSA".to_owned(),
            kid: public.thumbprint(),
            typ: Some("receipt+jws".to_owned()),
            unknown: Unknown::default(),
        };
        SigningKey { pair, public, head: URL_SAFE_NO_PAD.encode(canonical(&header)) + "." }
    }

    /// What everybody may know of it.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    fn sign<'a, S: Text<'a>>(&self, receipt: &Receipt<S>) -> String {
        let payload = canonical(&claims(receipt));
        let mut jws = String::with_capacity(self.head.len() + payload.len() * 4 / 3 + 100);
        jws.push_str(&self.head);
        URL_SAFE_NO_PAD.encode_string(payload, &mut jws);
        let signature = self.pair.sign(jws.as_bytes());
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut jws);
        jws
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.thumbprint())
    }
}

/// The public half of a [`SigningKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key kept as these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        PublicKey(bytes)
    }

    /// The bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its name in a JWS: the thumbprint of RFC 7638.
    pub fn thumbprint(&self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// The key in use and those it took the place of.
#[derive(Debug)]
pub struct SigningKeys {
    current: SigningKey,
    retired: Vec<PublicKey>,
}

impl SigningKeys {
    /// Signs with `current`; publishes `retired` too, for the receipts that were signed with them.
    pub fn new(current: SigningKey, retired: Vec<PublicKey>) -> Self {
        SigningKeys { current, retired }
    }

    /// The signature of a receipt, whatever stands in it as its signature.
    pub fn sign<'a, S: Text<'a>>(&self, receipt: &Receipt<S>) -> String {
        self.current.sign(receipt)
    }

    /// The keys as they are published: the one in use first.
    pub fn key_set(&self) -> JwkSet {
        let key = |key: &PublicKey| Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: key.x(),
            kid: key.thumbprint(),
            alg: "EdDSA".to_owned(),
            r#use: "sig".to_owned(),
            unknown: Unknown::default(),
        };
        let keys = std::iter::once(&self.current.public).chain(&self.retired).map(key).collect();
        JwkSet { keys, unknown: Unknown::default() }
    }
}

/// What a receipt claims about the acceptance: all of it that never changes and that no erasure takes away.
pub fn claims<'a, S: Text<'a>>(receipt: &Receipt<S>) -> ReceiptClaims<S> {
    let warning = |warning: &usher_contract::shared::Warning<S>| ClaimedWarning {
        pointer: warning.pointer.clone(),
        code: warning.code.clone(),
        unknown: Unknown::default(),
    };
    ReceiptClaims {
        id: receipt.id.clone(),
        api: receipt.api.clone(),
        version: receipt.version.clone(),
        operation: receipt.operation.clone(),
        environment: receipt.environment.clone(),
        received_at: receipt.received_at.clone(),
        partner_reference: receipt.partner_reference.clone(),
        payload_hash: receipt.payload_hash.clone(),
        durability: receipt.durability.clone(),
        contract_version: receipt.contract_version.clone(),
        product: receipt.product.clone(),
        products_version: receipt.products_version,
        lists: receipt.lists.clone(),
        warnings: receipt.warnings.iter().map(warning).collect(),
        unknown: Unknown::default(),
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;
    use crate::test_support::schema;

    /// The key of RFC 8037, appendix A.
    fn key() -> SigningKey {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        SigningKey::new(&seed.try_into().unwrap())
    }

    fn receipt() -> Receipt {
        let example = schema("shared/examples/valid/receipt/every_member.json").to_string();
        let parsed = usher_wire::parse::<Receipt>(
            example.as_bytes(),
            &usher_wire::Options { mode: usher_wire::Mode::Strict, limits: usher_wire::Limits::GATEWAY, facts: None },
        );
        parsed.unwrap().into_result().unwrap().0.into_inner()
    }

    #[test]
    fn the_vectors_of_rfc_8037_hold() {
        let set = SigningKeys::new(key(), vec![SigningKey::new(&[1; 32]).public()]).key_set();
        assert_eq!(set.keys.len(), 2);
        assert_eq!(set.keys[0].x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(set.keys[0].kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let signed = key().pair.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
        let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(URL_SAFE_NO_PAD.encode(signed), expected);
    }

    #[test]
    fn a_receipt_is_signed_the_same_each_time() {
        let (key, receipt) = (SigningKeys::new(key(), Vec::new()), receipt());
        let jws = key.sign(&receipt);
        assert_eq!(key.sign(&Receipt { signature: jws.clone(), ..receipt.clone() }), jws);
        // What happens later, and what erasure takes, is no part of it.
        let later = Receipt { status: usher_contract::shared::Status::Withdrawn, salt: None, ..receipt.clone() };
        assert_eq!(key.sign(&later), jws);
        let other = Receipt { payload_hash: "0".repeat(64), ..receipt };
        assert_ne!(key.sign(&other), jws);

        let (signed, signature) = jws.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let public = key.current.public();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ED25519, public.as_bytes()).verify(signed.as_bytes(), &signature).unwrap();
        let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        let kid = public.thumbprint();
        assert_eq!(header, format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"receipt+jws"}}"#));
        let payload: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(payload, schema("shared/examples/valid/receipt_claims/of_the_receipt.json"));
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", key()), "SigningKey(kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k)");
    }
}
