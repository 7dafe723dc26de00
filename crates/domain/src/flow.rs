//! One person's onboarding at one partner: its states and which method may come next.
//!
//! A flow goes on by its methods; it ends by the last of them, by the bank's verdict, or by time.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::ids::{CustomerNo, ProcessId};
use crate::receipt::Digest;
use crate::refusal::Refusal;
use crate::status::Status;

/// How long a flow stays open.
pub const FLOW_LIFE_DAYS: i64 = 30;

/// Where a flow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowState {
    /// The person is known by number, phone and mail address.
    Created,
    /// All further information is there.
    Informed,
    /// The person has become a customer candidate of the bank.
    Completed,
    /// The bank has refused the person.
    Rejected,
    /// Nothing came in time.
    Expired,
}

/// A method of the digital customer API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Starts a flow or gives the open one back.
    Create,
    /// Adds information; may be repeated until the flow is completed.
    Update,
    /// Ends the flow.
    Complete,
}

/// A flow of the caller, as the store keeps it. It holds digests of the person, never the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Its public number.
    pub process: ProcessId,
    /// The public number of the person in this flow.
    pub customer: CustomerNo,
    /// Where it stands, whatever the time; see [`Flow::state_at`].
    pub state: FlowState,
    /// When it expires unless it has ended before.
    pub expires_at: Timestamp,
    /// The person, by national id.
    pub person: Digest,
    /// The person's phone number.
    pub phone: Digest,
    /// The person's mail address.
    pub email: Digest,
    /// Whether the application wants an event after each step.
    pub notify: bool,
}

impl FlowState {
    /// All of them, in the order of a flow's life.
    pub const ALL: [FlowState; 5] =
        [FlowState::Created, FlowState::Informed, FlowState::Completed, FlowState::Rejected, FlowState::Expired];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            FlowState::Created => "CREATED",
            FlowState::Informed => "INFORMED",
            FlowState::Completed => "COMPLETED",
            FlowState::Rejected => "REJECTED",
            FlowState::Expired => "EXPIRED",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<FlowState> {
        FlowState::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether anything can still happen in the flow.
    pub const fn is_open(self) -> bool {
        matches!(self, FlowState::Created | FlowState::Informed)
    }

    /// The methods that may be called next for this flow.
    pub const fn next_methods(self) -> &'static [Method] {
        match self {
            FlowState::Created => &[Method::Update],
            FlowState::Informed => &[Method::Update, Method::Complete],
            FlowState::Completed | FlowState::Rejected | FlowState::Expired => &[],
        }
    }

    /// What the flow still needs before it can be completed, as pointers into the body of `Method::Update`.
    pub const fn missing_fields(self) -> &'static [&'static str] {
        match self {
            FlowState::Created => UPDATE_FIELDS,
            FlowState::Informed | FlowState::Completed | FlowState::Rejected | FlowState::Expired => &[],
        }
    }

    /// The state after `method` was accepted.
    pub fn after(self, method: Method) -> Result<FlowState, Refusal> {
        if !self.next_methods().contains(&method) {
            return Err(Refusal::FlowTransition { state: self, method });
        }
        match method {
            // Not among the next methods of any state: a flow is created once.
            Method::Create => Ok(FlowState::Created),
            Method::Update => Ok(FlowState::Informed),
            Method::Complete => Ok(FlowState::Completed),
        }
    }
}

/// What an update adds to a flow, beyond the numbers that say which flow it is.
const UPDATE_FIELDS: &[&str] = &[
    "/Parameters/0/EducationStatus",
    "/Parameters/0/EducationStatusCode",
    "/Parameters/0/CompanyName",
    "/Parameters/0/SalaryInfo",
    "/Parameters/0/WorkingStatus",
    "/Parameters/0/WorkingStatusCode",
    "/Parameters/0/JobTitle",
    "/Parameters/0/JobTitleCode",
    "/Parameters/0/HomeStatus",
    "/Parameters/0/HomeStatusCode",
    "/Parameters/0/WorkAreaCode",
    "/Parameters/0/JobAddressInfo",
    "/Parameters/0/BranchId",
    "/Parameters/0/HomeAddressInfo",
    "/Parameters/0/SelectedAddress",
    "/Parameters/0/CalculateLimit",
];

impl fmt::Display for FlowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Method {
    /// All of them, in the order of a flow.
    pub const ALL: [Method; 3] = [Method::Create, Method::Update, Method::Complete];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Create => "CreateDigitalCustomer",
            Method::Update => "UpdateDigitalCustomerInformations",
            Method::Complete => "CompleteDigitalCustomer",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Flow {
    /// When a flow created at `now` expires.
    pub fn expiry(now: Timestamp) -> Timestamp {
        now.saturating_add(SignedDuration::from_hours(24 * FLOW_LIFE_DAYS))
            .expect("a duration in hours has no calendar units to be in doubt of")
    }

    /// Where the flow stands at `now`: an open flow is over once its time is.
    pub fn state_at(&self, now: Timestamp) -> FlowState {
        if self.state.is_open() && now >= self.expires_at { FlowState::Expired } else { self.state }
    }

    /// Where the flow stands once the bank has set this status on one of its steps: who is declined is no candidate any more,
    /// whichever step it was decided on. None where the status changes nothing.
    pub fn after_verdict(status: Status) -> Option<FlowState> {
        (status == Status::DeclinedByBank).then_some(FlowState::Rejected)
    }

    /// When the flow expires, as long as it is open.
    pub fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.state_at(now).is_open().then_some(self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{schema, strings};

    #[test]
    fn only_the_legal_methods_move_a_flow() {
        use FlowState::{Completed, Created, Expired, Informed, Rejected};
        for (state, method, after) in [
            (Created, Method::Create, None),
            (Created, Method::Update, Some(Informed)),
            (Created, Method::Complete, None),
            (Informed, Method::Create, None),
            (Informed, Method::Update, Some(Informed)),
            (Informed, Method::Complete, Some(Completed)),
            (Completed, Method::Create, None),
            (Completed, Method::Update, None),
            (Completed, Method::Complete, None),
            (Rejected, Method::Update, None),
            (Rejected, Method::Complete, None),
            (Expired, Method::Update, None),
            (Expired, Method::Complete, None),
        ] {
            let expected = after.ok_or(Refusal::FlowTransition { state, method });
            assert_eq!(state.after(method), expected, "{state} {method}");
        }
    }

    #[test]
    fn only_being_declined_by_the_bank_rejects_a_flow() {
        for status in Status::ALL {
            let rejected = (*status == Status::DeclinedByBank).then_some(FlowState::Rejected);
            assert_eq!(Flow::after_verdict(*status), rejected, "{status}");
        }
    }

    #[test]
    fn the_names_are_those_of_the_contract() {
        let states = schema("digital_customer/v1/flow_state.schema.json");
        assert_eq!(strings(&states["enum"]), FlowState::ALL.map(FlowState::as_str));
        assert!(FlowState::ALL.into_iter().all(|state| FlowState::parse(state.as_str()) == Some(state)));
        let methods = schema("digital_customer/v1/method.schema.json");
        assert_eq!(strings(&methods["enum"]), Method::ALL.map(Method::as_str));
    }

    #[test]
    fn a_created_flow_misses_what_an_update_requires() {
        let update = schema("digital_customer/v1/update.schema.json");
        let required = strings(&update["$defs"]["UpdateParameters"]["required"]);
        let expected: Vec<String> = required
            .iter()
            .filter(|name| !matches!(**name, "CustomerNo" | "ProcessId" | "CitizenshipNumber"))
            .map(|name| format!("/Parameters/0/{name}"))
            .collect();
        assert_eq!(FlowState::Created.missing_fields(), expected);
        assert_eq!(FlowState::Informed.missing_fields(), [""; 0]);
    }

    #[test]
    fn an_open_flow_expires_and_an_ended_one_stays_as_it_is() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut flow = Flow {
            process: ProcessId::new(ProcessId::FIRST).unwrap(),
            customer: CustomerNo::new(CustomerNo::FIRST).unwrap(),
            state: FlowState::Created,
            expires_at: Flow::expiry(now),
            person: Digest::from_bytes([3; 32]),
            phone: Digest::from_bytes([4; 32]),
            email: Digest::from_bytes([5; 32]),
            notify: false,
        };
        let last = "2026-12-21T11:59:59.999999999Z".parse().unwrap();
        let over = "2026-12-21T12:00:00Z".parse().unwrap();
        assert_eq!((flow.state_at(last), flow.expires_at(last)), (FlowState::Created, Some(over)));
        assert_eq!((flow.state_at(over), flow.expires_at(over)), (FlowState::Expired, None));
        flow.state = FlowState::Completed;
        assert_eq!((flow.state_at(over), flow.expires_at(last)), (FlowState::Completed, None));
    }
}
