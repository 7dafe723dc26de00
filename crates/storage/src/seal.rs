//! Sealing: payloads and stored replies are encrypted with XChaCha20-Poly1305 and bound to where they stand.
//!
//! The binding is the associated data: bytes moved to another row, partner or environment do not open there.

use std::fmt;

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::model::{Commit, Payload, Write};
use crate::{
    Content, Digest, Environment, Idempotency, PartnerId, Record, Reply, Scope, SealedCommit, SealedIdempotency,
    StoreError, hex,
};

/// Length of a nonce in bytes; long enough to be drawn at random for ever.
pub(crate) const NONCE_BYTES: usize = 24;

/// Name of a payload key; not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Encrypted bytes with what is needed to open them, save the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key they were sealed with.
    pub key_id: KeyId,
    /// The random nonce.
    pub nonce: [u8; NONCE_BYTES],
    /// The ciphertext and its tag.
    pub ciphertext: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sealed({} bytes, key {})", self.ciphertext.len(), self.key_id)
    }
}

/// What a sealed text begins with.
const TEXT_FORM: &str = "sealed-1 ";

impl Sealed {
    /// As text, for a place that otherwise holds plain text.
    fn to_text(&self) -> String {
        let mut text = String::with_capacity(TEXT_FORM.len() + 2 * (8 + NONCE_BYTES + self.ciphertext.len()));
        text.push_str(TEXT_FORM);
        hex::push(&self.key_id.0, &mut text);
        hex::push(&self.nonce, &mut text);
        hex::push(&self.ciphertext, &mut text);
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(TEXT_FORM)?.as_bytes();
        let (key_id, digits) = digits.split_at_checked(16)?;
        let (nonce, ciphertext) = digits.split_at_checked(2 * NONCE_BYTES)?;
        Some(Self {
            key_id: KeyId(hex::array(key_id)?),
            nonce: hex::array(nonce)?,
            ciphertext: hex::bytes(ciphertext)?,
        })
    }
}

/// The warnings of a record that has none; nothing to hide.
const NO_WARNINGS: &str = "[]";

/// Where sealed bytes stand.
#[derive(Clone, Copy, Debug)]
pub enum Binding<'a> {
    /// A payload of a record.
    Payload {
        /// The record.
        record: Uuid,
        /// Which of its payloads.
        part: &'a str,
        /// Whose record it is.
        partner: PartnerId,
        /// Where it lives.
        environment: Environment,
    },
    /// The stored answer to an idempotency key.
    Reply {
        /// Whose key it is.
        scope: &'a Scope,
        /// The operation.
        operation: &'a str,
        /// The key.
        key_digest: &'a Digest,
    },
    /// A secret that webhooks are signed with.
    WebhookSecret {
        /// The secret.
        id: Uuid,
        /// What signs with it.
        owner: &'a str,
    },
    /// The known text that proves a key file.
    Probe,
}

impl Binding<'_> {
    /// The associated data. Frozen: only the last member of a form has no fixed length, so no two bindings agree.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        match self {
            Self::Payload { record, part, partner, environment } => {
                bytes.extend_from_slice(b"usher payload 1\0");
                bytes.extend_from_slice(record.as_bytes());
                bytes.extend_from_slice(partner.0.as_bytes());
                bytes.push(environment.number());
                bytes.extend_from_slice(part.as_bytes());
            }
            Self::Reply { scope, operation, key_digest } => {
                bytes.extend_from_slice(b"usher reply 1\0");
                bytes.extend_from_slice(scope.partner.0.as_bytes());
                bytes.extend_from_slice(scope.application.0.as_bytes());
                bytes.push(scope.environment.number());
                bytes.extend_from_slice(*key_digest);
                bytes.extend_from_slice(operation.as_bytes());
            }
            Self::WebhookSecret { id, owner } => {
                bytes.extend_from_slice(b"usher webhook secret 1\0");
                bytes.extend_from_slice(id.as_bytes());
                bytes.extend_from_slice(owner.as_bytes());
            }
            Self::Probe => bytes.extend_from_slice(b"usher probe 1\0"),
        }
        bytes
    }
}

/// Seals and opens with the key of this installation. The key is wiped from memory when this is dropped.
pub struct Sealer {
    key_id: KeyId,
    cipher: XChaCha20Poly1305,
}

impl Sealer {
    /// A sealer with this key.
    pub fn new(key_id: KeyId, key: &Zeroizing<[u8; 32]>) -> Self {
        Self { key_id, cipher: XChaCha20Poly1305::new((&**key).into()) }
    }

    /// The name of the key.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Encrypts in place, so that no second copy of the plaintext remains.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the system gives no random bytes.
    pub fn seal(&self, binding: &Binding<'_>, mut plaintext: Vec<u8>) -> Result<Sealed, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::Unavailable)?;
        self.cipher
            .encrypt_in_place(&XNonce::from(nonce), &binding.bytes(), &mut plaintext)
            .map_err(|_| StoreError::Constraint(crate::Constraint::Form))?;
        Ok(Sealed { key_id: self.key_id, nonce, ciphertext: plaintext })
    }

    /// Decrypts bytes that stand where `binding` says.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when they were sealed with another key, for another place, or altered since.
    pub fn open(&self, binding: &Binding<'_>, sealed: Sealed) -> Result<Content, StoreError> {
        if sealed.key_id != self.key_id {
            return Err(StoreError::Unreadable);
        }
        let mut bytes = sealed.ciphertext;
        self.cipher
            .decrypt_in_place(&XNonce::from(sealed.nonce), &binding.bytes(), &mut bytes)
            .map_err(|_| StoreError::Unreadable)?;
        Ok(Content::from(bytes))
    }

    /// What an engine is given of a commit, and the reply to be handed back once it is on disk.
    pub(crate) fn seal_commit(&self, commit: Commit) -> Result<(SealedCommit, Reply), StoreError> {
        let Commit { scope, now, idempotency, conditions, writes, reply } = commit;
        let idempotency = match idempotency {
            None => None,
            Some(idempotency) => {
                let Idempotency { operation, key_digest, .. } = &idempotency;
                let body = self
                    .seal(&Binding::Reply { scope: &scope, operation, key_digest }, reply.body.as_slice().to_vec())?;
                Some(SealedIdempotency {
                    idempotency,
                    status: reply.status,
                    content_type: reply.content_type.clone(),
                    location: reply.location.clone(),
                    body,
                })
            }
        };
        let writes = writes.into_iter().map(|write| self.seal_write(&scope, write)).collect::<Result<_, _>>()?;
        Ok((SealedCommit { scope, now, idempotency, conditions, writes }, reply))
    }

    /// Opens the warnings of a record as it was read. One that is damaged must not take a whole page with it: it is named
    /// in the log, and says of itself that its warnings are lost.
    pub(crate) fn open_record(&self, scope: &Scope, mut record: Record) -> Record {
        if record.warnings != NO_WARNINGS {
            let sealed = Sealed::from_text(&record.warnings);
            let opened = sealed.and_then(|sealed| self.open(&warnings_of(record.id, scope), sealed).ok());
            let warnings = opened.and_then(|warnings| String::from_utf8(warnings.into_vec()).ok());
            record.warnings = warnings.map_or_else(
                || {
                    tracing::error!(record = %record.public_id, "the warnings of a record cannot be opened");
                    Record::UNREADABLE.into()
                },
                Into::into,
            );
        }
        record
    }

    fn seal_write(&self, scope: &Scope, write: Write) -> Result<Write<Sealed>, StoreError> {
        Ok(match write {
            Write::Payload(Payload { record, part, body }) => {
                let binding =
                    Binding::Payload { record, part: &part, partner: scope.partner, environment: scope.environment };
                let body = self.seal(&binding, body.into_vec())?;
                Write::Payload(Payload { record, part, body })
            }
            Write::Record(mut record) => {
                if record.warnings != NO_WARNINGS {
                    let warnings = record.warnings.into_owned().into_bytes();
                    record.warnings = self.seal(&warnings_of(record.id, scope), warnings)?.to_text().into();
                }
                Write::Record(record)
            }
            Write::Delivery(delivery) => Write::Delivery(delivery),
            Write::Message(message) => Write::Message(message),
            Write::Status { record, destination, change } => Write::Status { record, destination, change },
            Write::Ledger(entry) => Write::Ledger(entry),
            Write::OpenFlow(flow) => Write::OpenFlow(flow),
            Write::StepFlow(step) => Write::StepFlow(step),
            Write::EndFlow(step) => Write::EndFlow(step),
        })
    }
}

/// They stand in the record, but are sealed like a payload of their own.
fn warnings_of(record: Uuid, scope: &Scope) -> Binding<'static> {
    Binding::Payload { record, part: "warnings", partner: scope.partner, environment: scope.environment }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use zeroize::Zeroizing;

    use super::{Binding, KeyId, Sealer};
    use crate::{Environment, PartnerId, StoreError};

    fn binding(record: u128, part: &str, partner: u128, environment: Environment) -> Binding<'_> {
        Binding::Payload {
            record: Uuid::from_u128(record),
            part,
            partner: PartnerId(Uuid::from_u128(partner)),
            environment,
        }
    }

    #[test]
    fn sealed_bytes_open_only_where_they_were_sealed() {
        let sealer = Sealer::new(KeyId([1; 8]), &Zeroizing::new([7; 32]));
        let home = binding(1, "request", 2, Environment::Sandbox);
        let sealed = sealer.seal(&home, b"said in confidence".to_vec()).unwrap();

        assert_eq!(sealer.open(&home, sealed.clone()).unwrap().as_slice(), b"said in confidence");
        for elsewhere in [
            binding(9, "request", 2, Environment::Sandbox),
            binding(1, "withdrawal", 2, Environment::Sandbox),
            binding(1, "request", 9, Environment::Sandbox),
            binding(1, "request", 2, Environment::Production),
            Binding::Probe,
        ] {
            assert_eq!(sealer.open(&elsewhere, sealed.clone()), Err(StoreError::Unreadable), "{elsewhere:?}");
        }
    }

    #[test]
    fn altered_bytes_and_other_keys_do_not_open() {
        let sealer = Sealer::new(KeyId([1; 8]), &Zeroizing::new([7; 32]));
        let sealed = sealer.seal(&Binding::Probe, b"said in confidence".to_vec()).unwrap();

        let mut altered = sealed.clone();
        altered.ciphertext[0] ^= 1;
        assert_eq!(sealer.open(&Binding::Probe, altered), Err(StoreError::Unreadable));
        let same_name = Sealer::new(KeyId([1; 8]), &Zeroizing::new([8; 32]));
        assert_eq!(same_name.open(&Binding::Probe, sealed.clone()), Err(StoreError::Unreadable));
        let other_name = Sealer::new(KeyId([2; 8]), &Zeroizing::new([7; 32]));
        assert_eq!(other_name.open(&Binding::Probe, sealed), Err(StoreError::Unreadable));
    }

    #[test]
    fn the_same_text_is_never_sealed_to_the_same_bytes() {
        let sealer = Sealer::new(KeyId([1; 8]), &Zeroizing::new([7; 32]));
        let seal = || sealer.seal(&Binding::Probe, b"said in confidence".to_vec()).unwrap();
        assert_ne!(seal(), seal());
    }
}
