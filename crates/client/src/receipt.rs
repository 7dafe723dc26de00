//! Receipts as proof: checks one offline, with nothing but the published keys of the gateway.
//!
//! ```
//! use usher_client::contract::shared::{JwkSet, Receipt};
//! use usher_client::receipt::{Unverified, verify};
//!
//! /// Whether the bank stated, signed, that it took exactly this body.
//! fn is_proof(receipt: &Receipt, keys: &JwkSet, body: &[u8]) -> bool {
//!     verify(receipt, keys, Some(body)).is_ok()
//! }
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{self, SHA256};
use ring::signature::{ED25519, UnparsedPublicKey};
use usher_contract::shared::{JwkSet, JwsHeader, Receipt, ReceiptClaims};
use usher_contract::{appointment_request, contact_request, digital_customer};
use usher_wire::xml::{self, XmlMessage as _};
use usher_wire::{Limits, Message, Mode, Options, Unreadable, Violations, canonical, parse};

/// A receipt that keeps what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The key it was signed with, by its thumbprint.
    pub key_id: String,
    /// What was signed.
    pub claims: ReceiptClaims,
    /// Whether the body was there, and is the one.
    pub is_body_proved: bool,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unverified {
    /// The signature is no JWS with Ed25519.
    #[error("the signature is not a compact JWS with EdDSA")]
    Malformed,
    /// It was signed with a key that is not among the given ones.
    #[error("the key {key_id} is not in the key set")]
    KeyUnknown {
        /// The key, by its thumbprint.
        key_id: String,
    },
    /// The key of that name cannot be used.
    #[error("the key {key_id} of the key set is not an Ed25519 public key")]
    KeyUnusable {
        /// The key, by its thumbprint.
        key_id: String,
    },
    /// It was not signed with the key that it names, or the signed text was changed.
    #[error("the signature is wrong: the receipt was not signed with the key {key_id}, or was changed")]
    Signature {
        /// The key, by its thumbprint.
        key_id: String,
    },
    /// What was signed are no claims of a receipt.
    #[error("what was signed are no claims of a receipt")]
    Claims(Violations),
    /// The receipt says something else than what was signed.
    #[error("the receipt differs from what was signed in: {}", members.join(", "))]
    Differs {
        /// The members that differ.
        members: Vec<&'static str>,
    },
    /// Without the salt the hash cannot be recomputed.
    #[error("the receipt has no salt any more, so no body can be proved with it")]
    NoSalt,
    /// It is not known how bodies of this operation are read.
    #[error("this version does not know the operation {operation}, so it cannot recompute the hash of its body")]
    OperationUnknown {
        /// The operation.
        operation: String,
    },
    /// The body is no text the gateway would read.
    #[error("the body cannot be read: line {}, column {}: {}", .0.line, .0.column, .0.message)]
    BodyUnreadable(Unreadable),
    /// The body is no request of the operation.
    #[error("the body is no request of the operation: {} rules are broken", .0.list.len())]
    BodyBroken(Violations),
    /// The body is another one.
    #[error("the body is not the one that was accepted: its hash is another")]
    BodyDiffers,
}

/// Checks a receipt against the published keys of the gateway: it was signed with one of them, and says what was signed.
/// With the body it was given for, in JSON or XML, also that this body was accepted: its canonical form has the signed hash.
///
/// # Errors
/// As [`Unverified`] says.
pub fn verify(receipt: &Receipt, keys: &JwkSet, body: Option<&[u8]>) -> Result<Verified, Unverified> {
    let (key_id, payload) = open(&receipt.signature, keys)?;
    let claims = read::<ReceiptClaims>(&payload).map_err(Unverified::Claims)?;
    let members = differences(receipt, &claims);
    if !members.is_empty() {
        return Err(Unverified::Differs { members });
    }
    if let Some(body) = body {
        let salt = receipt.salt.as_deref().and_then(bytes_of_hex).ok_or(Unverified::NoSalt)?;
        let canonical = canonical_of(&receipt.operation, body)?;
        let mut hash = digest::Context::new(&SHA256);
        hash.update(&salt);
        hash.update(&canonical);
        if bytes_of_hex(&claims.payload_hash).as_deref() != Some(hash.finish().as_ref()) {
            return Err(Unverified::BodyDiffers);
        }
    }
    Ok(Verified { key_id, claims, is_body_proved: body.is_some() })
}

/// The name of the key and the payload, once the signature holds.
fn open(jws: &str, keys: &JwkSet) -> Result<(String, Vec<u8>), Unverified> {
    let (signed, signature) = jws.rsplit_once('.').ok_or(Unverified::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Unverified::Malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Unverified::Malformed);
    let header = read::<JwsHeader>(&decode(header)?).map_err(|_| Unverified::Malformed)?;
    // The only one that is ever used; a header that names another must not choose how it is checked.
    if header.alg != "EdDSA" {
        return Err(Unverified::Malformed);
    }
    let (payload, signature, key_id) = (decode(payload)?, decode(signature)?, header.kid);
    let Some(key) = keys.keys.iter().find(|key| key.kid == key_id) else {
        return Err(Unverified::KeyUnknown { key_id });
    };
    let is_ed25519 = key.kty == "OKP" && key.crv == "Ed25519";
    let Some(public) = URL_SAFE_NO_PAD.decode(&key.x).ok().filter(|x| is_ed25519 && x.len() == 32) else {
        return Err(Unverified::KeyUnusable { key_id });
    };
    match UnparsedPublicKey::new(&ED25519, public).verify(signed.as_bytes(), &signature) {
        Ok(()) => Ok((key_id, payload)),
        Err(_) => Err(Unverified::Signature { key_id }),
    }
}

/// Reads a document that somebody signed. Members of a later version are no fault.
fn read<T: for<'a> Message<'a>>(json: &[u8]) -> Result<T, Violations> {
    let options = Options { mode: Mode::Answer, limits: Limits::GATEWAY, facts: None };
    let parsed = parse::<T>(json, &options).map_err(Violations::from)?;
    parsed.into_result().map(|(checked, _)| checked.into_inner())
}

/// The members of the receipt that say something else than what was signed. What was signed and the receipt does not know
/// is from a later version.
fn differences(receipt: &Receipt, claims: &ReceiptClaims) -> Vec<&'static str> {
    let told = receipt.warnings.iter().map(|warning| (&warning.pointer, &warning.code));
    let signed = claims.warnings.iter().map(|warning| (&warning.pointer, &warning.code));
    let members = [
        ("id", receipt.id == claims.id),
        ("api", receipt.api == claims.api),
        ("version", receipt.version == claims.version),
        ("operation", receipt.operation == claims.operation),
        ("environment", receipt.environment == claims.environment),
        ("receivedAt", receipt.received_at == claims.received_at),
        ("partnerReference", receipt.partner_reference == claims.partner_reference),
        ("payloadHash", receipt.payload_hash == claims.payload_hash),
        ("durability", receipt.durability == claims.durability),
        ("contractVersion", receipt.contract_version == claims.contract_version),
        ("product", receipt.product == claims.product),
        ("productsVersion", receipt.products_version == claims.products_version),
        ("lists", receipt.lists == claims.lists),
        ("warnings", told.eq(signed)),
    ];
    members.into_iter().filter(|(_, is_equal)| !is_equal).map(|(name, _)| name).collect()
}

/// The canonical form of a body, read as the gateway reads it: the appointment request in XML too.
fn canonical_of(operation: &str, body: &[u8]) -> Result<Vec<u8>, Unverified> {
    fn of<T: for<'a> Message<'a>>(body: &[u8]) -> Result<Vec<u8>, Unverified> {
        let options = Options { mode: Mode::Tolerant, limits: Limits::GATEWAY, facts: None };
        let parsed = parse::<T>(body, &options).map_err(Unverified::BodyUnreadable)?;
        parsed.into_result().map(|(checked, _)| canonical(&*checked)).map_err(Unverified::BodyBroken)
    }
    if operation == "submitAppointmentRequest" && is_xml(body) {
        let document = appointment_request::v2::Request::<String>::XML;
        let body = xml::to_json(body, document, &Limits::GATEWAY).map_err(Unverified::BodyUnreadable)?;
        return of::<appointment_request::v2::Request>(&body);
    }
    match operation {
        "submitContactRequest" => of::<contact_request::v1::Request>(body),
        "submitAppointmentRequest" => of::<appointment_request::v2::Request>(body),
        "createDigitalCustomer" => of::<digital_customer::v1::CreateDigitalCustomer>(body),
        "updateDigitalCustomerInformations" => of::<digital_customer::v1::UpdateDigitalCustomerInformations>(body),
        "completeDigitalCustomer" => of::<digital_customer::v1::CompleteDigitalCustomer>(body),
        operation => Err(Unverified::OperationUnknown { operation: operation.to_owned() }),
    }
}

/// Whether a body is a document in XML: no text in JSON begins like one.
fn is_xml(body: &[u8]) -> bool {
    let begin = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    begin.trim_ascii_start().starts_with(b"<")
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}
