//! What partners earn: which rule of a product makes which entry of the ledger, what may follow an entry, and statements.
//!
//! The terms of a request are settled at acceptance and kept with it: later versions of the products never change them. The
//! ledger only grows, and the sum of its entries is what is owed.

mod amount;
mod asked;
mod statement;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::amount::Amount;
pub use self::asked::{Sum, of_appointment_request, of_contact_request};
pub use self::statement::{CurrencyPart, Line, Month, Statement, Total, statement};
use crate::ids::PartnerId;
use crate::products::{Earns, Product, Trigger};
use crate::refusal::Refusal;
use crate::status::{Reason, Status};

/// What one delivery of a request earns once the cause comes about. Settled at acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// What earns it.
    pub cause: Cause,
    /// How much.
    pub amount: Amount,
    /// The currency, by its ISO 4217 code.
    pub currency: String,
}

/// What earns a commission: `acceptance`, or the name of a status. A product has at most one rule for each, so a delivery earns
/// by each once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(String);

impl Cause {
    /// The cause kept as this text.
    pub fn new(text: impl Into<String>) -> Self {
        Cause(text.into())
    }

    /// The cause that a rule waits for.
    pub fn of(trigger: Trigger) -> Self {
        Cause(match trigger {
            Trigger::Acceptance => "acceptance".to_owned(),
            Trigger::Status(status) => status.as_str().to_owned(),
        })
    }

    /// The text to keep.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What an entry of the ledger does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)*];

            /// The name on the wire and in the store.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Kind::$variant => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A rule came about: the amount is earned.
    Accrue = "accrue",
    /// The bank looks into it; nothing is paid meanwhile.
    Hold = "hold",
    /// The bank agrees to pay.
    Confirm = "confirm",
    /// It is not owed after all, as a whole or in part.
    Reverse = "reverse",
    /// It was paid.
    Pay = "pay",
}

impl Kind {
    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An entry of one delivery's ledger, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it does.
    pub kind: Kind,
    /// What earned it; entries with the same cause are about the same commission.
    pub cause: Cause,
    /// What it changes of what is owed: above zero when it is earned, below when it is reversed or paid, else zero.
    pub amount: Amount,
    /// The currency, by its ISO 4217 code.
    pub currency: String,
}

/// Where a commission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Earned.
    Accrued,
    /// Looked into.
    Held,
    /// Agreed.
    Confirmed,
    /// Paid; what is reversed then is owed by the partner.
    Paid,
    /// Reversed as a whole.
    Reversed,
}

impl State {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Accrued => "accrued",
            State::Held => "held",
            State::Confirmed => "confirmed",
            State::Paid => "paid",
            State::Reversed => "reversed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A commission of one delivery: all that its entries make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commission {
    /// What earned it.
    pub cause: Cause,
    /// The currency, by its ISO 4217 code.
    pub currency: String,
    /// Where it stands.
    pub state: State,
    /// What was earned.
    pub accrued: Amount,
    /// What was taken back of it.
    pub reversed: Amount,
    /// What was paid of it.
    pub paid: Amount,
}

/// What the bank does about a commission by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Looks into it.
    Hold,
    /// Agrees to pay.
    Confirm,
    /// Takes back this amount, or all that is left.
    Reverse(Option<Amount>),
    /// Has paid all that is left.
    Pay,
}

impl Action {
    /// What entry it makes.
    pub const fn kind(self) -> Kind {
        match self {
            Action::Hold => Kind::Hold,
            Action::Confirm => Kind::Confirm,
            Action::Reverse(_) => Kind::Reverse,
            Action::Pay => Kind::Pay,
        }
    }
}

/// The terms on which a request of this partner is accepted: one for each rule that can come about. `asked` is the amount the
/// request names; a percentage of nothing, or of another currency, is no term.
pub fn terms(product: &Product, partner: PartnerId, asked: Option<&Sum>) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    for rule in product.commission_of(partner) {
        let amount = match &rule.earns {
            Earns::Fixed(amount) => Amount::of(amount),
            Earns::Percentage(rate) => asked
                .filter(|asked| asked.currency == rule.currency)
                .and_then(|asked| asked.amount.percentage(rate, &rule.currency)),
        };
        // A percentage of little can round to nothing, and nothing is no commission.
        if let Some(amount) = amount.filter(|amount| amount.is_above_zero()) {
            terms.push(Term { cause: Cause::of(rule.trigger), amount, currency: rule.currency.clone() });
        }
    }
    terms
}

/// The entries that acceptance makes for each delivery.
pub fn on_acceptance(terms: &[Term]) -> Vec<Entry> {
    earned(terms, &Cause::of(Trigger::Acceptance)).map(accrual).collect()
}

/// The entries that a new status of a delivery makes, after those that are there.
///
/// The first time a status comes about that earns, it earns. A withdrawal, and an end for the reason that the request was
/// none (a duplicate, or nobody asked for it), takes back what is not paid; it earns nothing itself.
pub fn on_status(terms: &[Term], entries: &[Entry], status: Status, reason: Option<Reason>) -> Vec<Entry> {
    let known = commissions(entries);
    if undoes(status, reason) {
        let is_open = |commission: &&Commission| !matches!(commission.state, State::Paid | State::Reversed);
        return known
            .iter()
            .filter(is_open)
            .map(|commission| commission.entry(Kind::Reverse, -commission.left()))
            .collect();
    }
    let cause = Cause::of(Trigger::Status(status));
    earned(terms, &cause)
        .filter(|term| known.iter().all(|commission| commission.cause != term.cause))
        .map(accrual)
        .collect()
}

/// Whether a status says that there was no request worth a commission.
pub fn undoes(status: Status, reason: Option<Reason>) -> bool {
    status == Status::Withdrawn
        || (status.is_final() && matches!(reason, Some(Reason::Duplicate | Reason::NotRequested)))
}

/// The entry that an action of the bank makes about the commission with this cause.
///
/// # Errors
/// There is no such commission, it does not stand where the action is legal, or more would be reversed than is left.
pub fn by_hand(entries: &[Entry], cause: &Cause, action: Action) -> Result<Entry, Refusal> {
    let known = commissions(entries);
    let commission = known
        .iter()
        .find(|commission| commission.cause == *cause)
        .ok_or(Refusal::CommissionUnknown { pointer: "/cause" })?;
    let kind = action.kind();
    let is_legal = match (commission.state, action) {
        (State::Accrued | State::Confirmed, Action::Hold)
        | (State::Accrued | State::Held, Action::Confirm)
        | (State::Confirmed, Action::Pay) => true,
        (state, Action::Reverse(_)) => state != State::Reversed,
        _ => false,
    };
    if !is_legal {
        return Err(Refusal::CommissionMove { state: commission.state, kind });
    }
    let amount = match action {
        Action::Hold | Action::Confirm => Amount::ZERO,
        Action::Pay => -commission.left(),
        Action::Reverse(wanted) => {
            let amount = wanted.unwrap_or_else(|| commission.left());
            if !amount.is_above_zero() || amount > commission.left() || !amount.fits(&commission.currency) {
                return Err(Refusal::CommissionAmount);
            }
            -amount
        }
    };
    Ok(commission.entry(kind, amount))
}

/// What the entries of one delivery, in their order, make of its commissions.
pub fn commissions(entries: &[Entry]) -> Vec<Commission> {
    let mut commissions: Vec<Commission> = Vec::new();
    for entry in entries {
        let known = commissions.iter_mut().find(|commission| commission.cause == entry.cause);
        match (known, entry.kind) {
            (Some(commission), _) => commission.take(entry),
            (None, Kind::Accrue) => commissions.push(Commission {
                cause: entry.cause.clone(),
                currency: entry.currency.clone(),
                state: State::Accrued,
                accrued: entry.amount,
                reversed: Amount::ZERO,
                paid: Amount::ZERO,
            }),
            // Nothing is ever written about a commission that was not earned.
            (None, _) => {}
        }
    }
    commissions
}

impl Commission {
    /// What can still be reversed, and while it is not paid is owed.
    pub fn left(&self) -> Amount {
        self.accrued - self.reversed
    }

    fn take(&mut self, entry: &Entry) {
        match entry.kind {
            Kind::Accrue => self.accrued += entry.amount,
            Kind::Hold => self.state = State::Held,
            Kind::Confirm => self.state = State::Confirmed,
            Kind::Pay => {
                self.paid += -entry.amount;
                self.state = State::Paid;
            }
            Kind::Reverse => {
                self.reversed += -entry.amount;
                if !self.left().is_above_zero() {
                    self.state = State::Reversed;
                }
            }
        }
    }

    fn entry(&self, kind: Kind, amount: Amount) -> Entry {
        Entry { kind, cause: self.cause.clone(), amount, currency: self.currency.clone() }
    }
}

fn earned<'t>(terms: &'t [Term], cause: &Cause) -> impl Iterator<Item = &'t Term> {
    terms.iter().filter(move |term| term.cause == *cause)
}

fn accrual(term: &Term) -> Entry {
    let Term { cause, amount, currency } = term.clone();
    Entry { kind: Kind::Accrue, cause, amount, currency }
}

/// The terms as they are kept with the request.
pub fn write_terms(terms: &[Term]) -> Vec<u8> {
    serde_json::to_vec(terms).expect("terms are texts")
}

/// The terms that were kept.
pub fn read_terms(kept: &[u8]) -> Option<Vec<Term>> {
    serde_json::from_slice(kept).ok()
}
