//! The routes of the bank's half of commission: the ledger of all partners, and what the bank does about a commission by hand.

use std::borrow::Cow;

use usher_contract::bank_commission::v1::operations::{
    CheckMoveCommissionParameters, ListLedgerEntriesParameters, MoveCommissionParameters,
    ReadLedgerStatementParameters, ReadLedgerStatementParametersFormat, Server,
};
use usher_contract::commission::v1::{Commission, CommissionMove, CommissionState, MoveKind};
use usher_contract::shared::{CheckResult, Currency};
use usher_domain::commission::{self as rules, Action, Amount, Cause, Entry};
use usher_domain::refusal::Refusal;
use usher_storage::{Actor, Condition, Content, Delivery, Environment, LedgerFilter, PartnerId, Reply};
use usher_wire::{Choice, Parsed, Unknown, Warning, to_json};

use crate::bank::BankCall;
use crate::commission::{self, Author, PageWish, Reader};
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::receipt;
use crate::submit::{Attempt, Ended, header_key};

/// The API as the contract's server sees it.
pub(crate) struct BankCommission;

/// A move that may be made.
struct Decided {
    /// What must hold of the ledger when it is.
    condition: Condition,
    entry: Entry,
    /// What the commission is with it.
    after: rules::Commission,
}

impl Server for BankCommission {
    type Call = BankCall;
    type Answer = Result<Answer, Fault>;

    async fn list_ledger_entries(
        &self,
        call: &BankCall,
        parameters: ListLedgerEntriesParameters,
    ) -> Result<Answer, Fault> {
        let ListLedgerEntriesParameters { partner, month, delivery, cursor, limit, .. } = parameters;
        let partner = partner.as_deref().map(partner_id).transpose()?;
        let deliveries = delivery.into_iter().collect();
        let filter = LedgerFilter { partner, deliveries, ..LedgerFilter::default() };
        let wish = PageWish { month: month.as_deref(), cursor: cursor.as_deref(), limit };
        Ok(call.answer(to_json(&commission::page(&call.gateway.store, &reader(call)?, filter, wish).await?)))
    }

    async fn move_commission(
        &self,
        call: &BankCall,
        _parameters: MoveCommissionParameters,
        body: Parsed<CommissionMove>,
    ) -> Result<Answer, Fault> {
        let canonical = body.canonical();
        let (wanted, _) = body.into_result().map_err(Fault::Violated)?;
        let found = find(call, &wanted).await?;
        // Users are told apart by the key: the rows of the store belong to the partner of the delivery.
        let key = header_key(call)?.map(|key| format!("bank-user/{}/{key}", call.known.id));
        let attempt = Attempt::begin_in(call, found.scope, key.as_deref(), "", canonical.as_deref())?;
        let Decided { condition, entry, after } = match decide(call, &found, &wanted).await {
            Ok(decided) => decided,
            Err(fault) => return attempt.refused(fault).await,
        };
        let author = Author {
            actor: Actor::Bank,
            actor_name: Some(call.known.name.clone()),
            at: call.now.as_millisecond(),
            reference: wanted.reference.clone(),
        };
        let write = commission::write(found.record.id, found.destination.clone().into(), entry, author);
        let reply = Reply {
            status: call.operation.success,
            content_type: Cow::Borrowed("application/json"),
            location: None,
            body: Content::from(to_json(&told(&found, &after)?)),
        };
        match attempt.store(vec![condition], vec![write], reply).await? {
            Ended::Answered(answer) => Ok(answer),
            // Somebody else wrote about this delivery meanwhile. What is legal now is told to the next try.
            Ended::Overtaken => Err(Fault::Overloaded),
        }
    }

    async fn check_move_commission(
        &self,
        call: &BankCall,
        _parameters: CheckMoveCommissionParameters,
        body: Parsed<CommissionMove>,
    ) -> Result<Answer, Fault> {
        let (wanted, warnings) = body.into_result().map_err(Fault::Violated)?;
        let found = find(call, &wanted).await?;
        decide(call, &found, &wanted).await?;
        let warnings: Vec<Warning> = warnings.into_iter().chain(call.correlation.warning()).collect();
        Ok(call.answer(to_json(&CheckResult { warnings: receipt::warnings(&warnings), unknown: Unknown::default() })))
    }

    async fn read_ledger_statement(
        &self,
        call: &BankCall,
        parameters: ReadLedgerStatementParameters,
    ) -> Result<Answer, Fault> {
        let format = parameters.format.map(|format| format == ReadLedgerStatementParametersFormat::Csv);
        let partner = partner_id(&parameters.partner)?;
        commission::statement(call, &reader(call)?, partner, &parameters.month, format).await
    }
}

/// What this user sees of the ledger: nothing is ever earned outside production.
fn reader(call: &BankCall) -> Result<Reader, Fault> {
    Ok(Reader::Bank(call.known.view(Environment::Production)?.destination))
}

/// The delivery, if this user may see it.
async fn find(call: &BankCall, wanted: &CommissionMove) -> Result<Delivery, Fault> {
    let view = call.known.view(Environment::Production)?;
    let found = call.gateway.store.delivery(view, wanted.delivery).await?;
    found.ok_or(Fault::Refused(Refusal::CommissionUnknown { pointer: "/delivery" }))
}

async fn decide(call: &BankCall, found: &Delivery, wanted: &CommissionMove) -> Result<Decided, Fault> {
    let (last, mut entries) = commission::of_delivery(&call.gateway.store, found.id).await?;
    let amount = wanted.amount.as_ref().map(|amount| Amount::of(amount).ok_or(Refusal::CommissionAmount));
    let amount = amount.transpose().map_err(Fault::Refused)?;
    let action = match wanted.kind {
        MoveKind::Reverse => Action::Reverse(amount),
        // An amount that would not be looked at is a mistake of the caller's.
        _ if amount.is_some() => return Err(Fault::Refused(Refusal::CommissionAmount)),
        MoveKind::Hold => Action::Hold,
        MoveKind::Confirm => Action::Confirm,
        MoveKind::Pay => Action::Pay,
    };
    let cause = Cause::new(wanted.cause.as_str());
    let entry = rules::by_hand(&entries, &cause, action).map_err(Fault::Refused)?;
    entries.push(entry.clone());
    let after = rules::commissions(&entries).into_iter().find(|commission| commission.cause == cause);
    let condition = Condition::LedgerUnmoved { delivery: found.id, last };
    Ok(Decided { condition, entry, after: after.ok_or(Fault::Internal)? })
}

fn told(found: &Delivery, commission: &rules::Commission) -> Result<Commission<Cow<'static, str>>, Fault> {
    Ok(Commission {
        delivery: found.id,
        request_id: found.record.public_id.to_string().into(),
        cause: commission.cause.as_str().to_owned().into(),
        state: CommissionState::find(commission.state.as_str()).ok_or(Fault::Internal)?,
        currency: Currency::find(&commission.currency).ok_or(Fault::Internal)?,
        accrued: commission.accrued.number(),
        reversed: commission.reversed.number(),
        paid: commission.paid.number(),
        unknown: Unknown::default(),
    })
}

fn partner_id(text: &str) -> Result<PartnerId, Fault> {
    // The contract asks for a UUID.
    text.parse().map(PartnerId).map_err(|_| Fault::NotFound)
}
