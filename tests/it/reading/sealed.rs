//! Sealed bytes of the first release open for ever: the cipher and what it is bound to, against bytes sealed by a program of
//! its own (XChaCha20-Poly1305 after draft-irtf-cfrg-xchacha, checked with the draft's vector).

use usher_domain::hex;
use usher_storage::{ApplicationId, Binding, Environment, KeyId, PartnerId, Scope, Sealed, Sealer, StoreError};
use uuid::{Uuid, uuid};
use zeroize::Zeroizing;

const KEY_ID: KeyId = KeyId([1; 8]);
const RECORD: Uuid = uuid!("01900000-0000-7000-8000-000000000001");
const PARTNER: PartnerId = PartnerId(uuid!("6a9ae8b4-3f0b-4f0e-9a51-0d8f3a7c2b10"));
const APPLICATION: ApplicationId = ApplicationId(uuid!("0c1d2e3f-4051-4253-8465-768798a9bacb"));

fn open<const N: usize>(binding: &Binding<'_>, ciphertext: &str) -> Result<Vec<u8>, StoreError> {
    let sealer = Sealer::new(KEY_ID, &Zeroizing::new(std::array::from_fn(|at| at as u8)));
    let ciphertext = hex::decode::<N>(ciphertext).unwrap().to_vec();
    let sealed = Sealed { key_id: KEY_ID, nonce: std::array::from_fn(|at| 100 + at as u8), ciphertext };
    Ok(sealer.open(binding, sealed)?.as_slice().to_vec())
}

#[test]
fn a_payload_sealed_by_the_first_release_opens() {
    let sealed = "07519892c51ff471016105e02d78aa8bd1c09bf4ef2f6b";
    let home = |partner, environment| Binding::Payload { record: RECORD, part: "request", partner, environment };
    assert_eq!(open::<23>(&home(PARTNER, Environment::Sandbox), sealed).as_deref(), Ok(&br#"{"a":1}"#[..]));
    let elsewhere = home(PARTNER, Environment::Production);
    assert_eq!(open::<23>(&elsewhere, sealed), Err(StoreError::Unreadable));
}

#[test]
fn a_reply_sealed_by_the_first_release_opens() {
    let scope = Scope { partner: PARTNER, application: APPLICATION, environment: Environment::Production };
    let binding = Binding::Reply { scope: &scope, operation: "submitContactRequest", key_digest: &[9; 32] };
    let opened = open::<26>(&binding, "075190d4dd14abfaa54d2bc6da57d3b7621832a014555c859e14");
    assert_eq!(opened.as_deref(), Ok(&br#"{"id":"x"}"#[..]));
}
