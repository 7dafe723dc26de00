//! Users of the bank: people and programs that work on requests, or run the house.

use usher_contract::platform::v1::{BankRole, BankUser, BankUserList, BankUserWish, IssuedBankUser};
use usher_domain::key::{BankKey, Key as _};
use usher_storage::{BankUserEntry, Change, NewBankUser};
use usher_wire::{Choice as _, Parsed, Personal, Unknown, to_json};
use uuid::Uuid;

use super::directory::{shown_environment, stored_environment, uuid};
use super::{Created, OperatorCall};
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::{random, receipt};

pub(super) async fn create(call: &OperatorCall, body: Parsed<BankUserWish>) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let id = call.new_id("")?;
    let key = BankKey::draw(&mut random::fill);
    let wish = wish.into_inner();
    let new = NewBankUser {
        id,
        name: wish.name.into_inner(),
        role: wish.role.as_str().to_owned(),
        destination: wish.destination,
        environments: wish.environments.iter().map(stored_environment).collect(),
        selector: key.selector().to_owned(),
        mac: *call.gateway.callers.pepper().mac(&key).as_bytes(),
        created_at: call.now.as_millisecond(),
        expires_at: Some(call.key_end(wish.days)),
    };
    // A secret is shown once: a repeat cannot be answered with it again.
    if let Created::Before = call.create(Change::BankUser(new)).await? {
        return Err(Fault::IdempotencyKeyReused);
    }
    let user = shown(find(call, id).await?);
    let key = Personal::new(key.reveal().to_owned());
    Ok(call.answer(to_json(&IssuedBankUser { key, user, unknown: Unknown::default() })))
}

pub(super) async fn list(call: &OperatorCall) -> Result<Answer, Fault> {
    let bank_users = call.gateway.store.bank_users().await?.into_iter().map(shown).collect();
    Ok(call.answer(to_json(&BankUserList { bank_users, unknown: Unknown::default() })))
}

pub(super) async fn revoke(call: &OperatorCall, id: &str) -> Result<Answer, Fault> {
    let id = find(call, uuid(id)?).await?.id;
    call.administer(Change::BankUserRevoked { id, at: call.now.as_millisecond() }).await?;
    Ok(call.answer(to_json(&shown(find(call, id).await?))))
}

async fn find(call: &OperatorCall, id: Uuid) -> Result<BankUserEntry, Fault> {
    call.gateway.store.bank_users().await?.into_iter().find(|user| user.id == id).ok_or(Fault::NotFound)
}

fn shown(user: BankUserEntry) -> BankUser {
    BankUser {
        id: user.id.to_string(),
        name: Personal::new(user.name),
        role: BankRole::find(&user.role).unwrap_or_else(|| BankRole::Unknown(user.role.into_boxed_str())),
        destination: user.destination,
        environments: user.environments.into_iter().map(shown_environment).collect(),
        prefix: user.selector,
        created_at: receipt::time(user.created_at),
        expires_at: user.expires_at.map(receipt::time),
        revoked_at: user.revoked_at.map(receipt::time),
        unknown: Unknown::default(),
    }
}
