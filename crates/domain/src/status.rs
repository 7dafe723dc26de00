//! What became of a request. The bank sets it, along legal moves; the partner has one move, to withdraw.

use std::fmt;

use crate::refusal::Refusal;

macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What became of a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Status {
            $($(#[$doc])* $variant,)*
        }

        impl Status {
            /// All of them, in the order of the taxonomy.
            pub const ALL: &'static [Status] = &[$(Status::$variant,)*];

            /// The name on the wire and in the store.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Status::$variant => $name,)*
                }
            }
        }
    };
}

statuses! {
    /// Accepted; nobody at the bank has taken it yet.
    New = "NEW",
    /// An agent has taken it.
    Claimed = "CLAIMED",
    /// The agent is at work.
    InProgress = "IN_PROGRESS",
    /// The person could not be reached so far.
    ClientNotReachable = "CLIENT_NOT_REACHABLE",
    /// There will be another conversation.
    FollowUp = "FOLLOW_UP",
    /// A meeting is arranged.
    AppointmentArranged = "APPOINTMENT_ARRANGED",
    /// The person did not come to the meeting.
    AppointmentMissed = "APPOINTMENT_MISSED",
    /// The bank has sent an offer.
    OfferSent = "OFFER_SENT",
    /// The person is not interested.
    NoInterest = "NO_INTEREST",
    /// The person declined the offer.
    DeclinedByClient = "DECLINED_BY_CLIENT",
    /// The bank declined the person.
    DeclinedByBank = "DECLINED_BY_BANK",
    /// Advised, and no contract came of it.
    ConsultingNoDeal = "CONSULTING_NO_DEAL",
    /// Advised, and a contract other than a mortgage came of it.
    ConsultingDealOther = "CONSULTING_DEAL_OTHER",
    /// Advised, and a mortgage came of it.
    ConsultingDealMortgage = "CONSULTING_DEAL_MORTGAGE",
    /// Taken back by the partner.
    Withdrawn = "WITHDRAWN",
}

impl Status {
    /// The status of that name.
    pub fn parse(name: &str) -> Option<Status> {
        Status::ALL.iter().copied().find(|status| status.as_str() == name)
    }

    /// Whether the request has come to its end.
    pub const fn is_final(self) -> bool {
        match self {
            Status::New
            | Status::Claimed
            | Status::InProgress
            | Status::ClientNotReachable
            | Status::FollowUp
            | Status::AppointmentArranged
            | Status::AppointmentMissed
            | Status::OfferSent => false,
            Status::NoInterest
            | Status::DeclinedByClient
            | Status::DeclinedByBank
            | Status::ConsultingNoDeal
            | Status::ConsultingDealOther
            | Status::ConsultingDealMortgage
            | Status::Withdrawn => true,
        }
    }
}

/// The partner takes back a request that has these statuses at its destinations: legal until it has come to an end at all
/// of them.
pub fn withdraw(statuses: &[Status]) -> Result<Status, Refusal> {
    if statuses.iter().all(|status| status.is_final()) { Err(Refusal::StatusFinal) } else { Ok(Status::Withdrawn) }
}

/// What a bank user wants to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The status.
    pub status: Status,
    /// Why.
    pub reason: Option<Reason>,
    /// Whether there is a note.
    pub has_note: bool,
}

/// A legal move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The status from then on.
    pub status: Status,
    /// Why.
    pub reason: Option<Reason>,
    /// Whether it tells of a contact with the person, or of an attempt.
    pub tells_of_contact: bool,
}

impl Status {
    /// The statuses a bank user may set after this one. The same one again is a further attempt to reach the person, see
    /// [`Status::set`].
    pub const fn next(self) -> &'static [Status] {
        use Status::{
            AppointmentArranged, AppointmentMissed, Claimed, ClientNotReachable, ConsultingDealMortgage,
            ConsultingDealOther, ConsultingNoDeal, DeclinedByBank, DeclinedByClient, FollowUp, InProgress, New,
            NoInterest, OfferSent, Withdrawn,
        };
        match self {
            New => {
                &[Claimed, InProgress, ClientNotReachable, FollowUp, AppointmentArranged, NoInterest, DeclinedByBank]
            }
            // An agent may hand back what was claimed.
            Claimed => {
                &[New, InProgress, ClientNotReachable, FollowUp, AppointmentArranged, NoInterest, DeclinedByBank]
            }
            InProgress => &[
                ClientNotReachable,
                FollowUp,
                AppointmentArranged,
                OfferSent,
                NoInterest,
                DeclinedByBank,
                ConsultingNoDeal,
                ConsultingDealOther,
                ConsultingDealMortgage,
            ],
            // Nobody was spoken with, so nothing can have been offered or agreed.
            ClientNotReachable => &[InProgress, FollowUp, AppointmentArranged, NoInterest, DeclinedByBank],
            FollowUp => &[
                InProgress,
                ClientNotReachable,
                AppointmentArranged,
                OfferSent,
                NoInterest,
                DeclinedByBank,
                ConsultingNoDeal,
                ConsultingDealOther,
                ConsultingDealMortgage,
            ],
            AppointmentArranged => &[
                InProgress,
                ClientNotReachable,
                FollowUp,
                AppointmentMissed,
                OfferSent,
                NoInterest,
                DeclinedByBank,
                ConsultingNoDeal,
                ConsultingDealOther,
                ConsultingDealMortgage,
            ],
            AppointmentMissed => {
                &[InProgress, ClientNotReachable, FollowUp, AppointmentArranged, NoInterest, DeclinedByBank]
            }
            OfferSent => &[
                InProgress,
                ClientNotReachable,
                FollowUp,
                AppointmentArranged,
                DeclinedByClient,
                DeclinedByBank,
                ConsultingNoDeal,
                ConsultingDealOther,
                ConsultingDealMortgage,
            ],
            NoInterest
            | DeclinedByClient
            | DeclinedByBank
            | ConsultingNoDeal
            | ConsultingDealOther
            | ConsultingDealMortgage
            | Withdrawn => &[],
        }
    }

    /// The reasons that can be given with this status.
    pub const fn reasons(self) -> &'static [Reason] {
        use Reason::{
            BankCancelled, BankCriteria, CallbackRequested, ChangedPlans, ClientAbsent, ClientCancelled,
            DecisionPending, DocumentsMissing, Duplicate, IdentityUnverified, MailboxReached, NoAnswer, NoNeed,
            NotAffordable, NotRequested, NumberWrong, Other, OtherBank, Property, Terms,
        };
        match self {
            Status::ClientNotReachable => &[NoAnswer, MailboxReached, NumberWrong, Other],
            Status::FollowUp => &[CallbackRequested, DocumentsMissing, DecisionPending, Other],
            Status::AppointmentMissed => &[ClientAbsent, ClientCancelled, BankCancelled, Other],
            Status::NoInterest => &[NotRequested, NoNeed, ChangedPlans, OtherBank, Duplicate, Other],
            Status::DeclinedByClient => &[Terms, OtherBank, ChangedPlans, Other],
            Status::DeclinedByBank => &[BankCriteria, DocumentsMissing, Property, IdentityUnverified, Duplicate, Other],
            Status::ConsultingNoDeal => &[NoNeed, NotAffordable, Terms, OtherBank, ChangedPlans, Other],
            Status::New
            | Status::Claimed
            | Status::InProgress
            | Status::AppointmentArranged
            | Status::OfferSent
            | Status::ConsultingDealOther
            | Status::ConsultingDealMortgage
            | Status::Withdrawn => &[],
        }
    }

    /// Whether this status is only set when the person was contacted, or somebody tried to.
    pub const fn tells_of_contact(self) -> bool {
        match self {
            Status::ClientNotReachable
            | Status::FollowUp
            | Status::AppointmentArranged
            | Status::AppointmentMissed
            | Status::OfferSent
            | Status::NoInterest
            | Status::DeclinedByClient
            | Status::ConsultingNoDeal
            | Status::ConsultingDealOther
            | Status::ConsultingDealMortgage => true,
            // The bank can decline from what it was sent alone.
            Status::New | Status::Claimed | Status::InProgress | Status::DeclinedByBank | Status::Withdrawn => false,
        }
    }

    /// The bank sets a status: a legal next one, or the same again with a note, which tells of one more attempt.
    ///
    /// # Errors
    /// The move is not legal from here, or the reason is none of the status.
    pub fn set(self, wish: Wish) -> Result<Move, Refusal> {
        let Wish { status, reason, has_note } = wish;
        if reason.is_some_and(|reason| !status.reasons().contains(&reason)) {
            return Err(Refusal::ReasonOfOtherStatus { status });
        }
        let is_again = status == self && !self.is_final() && self != Status::New && has_note;
        if !is_again && !self.next().contains(&status) {
            return Err(Refusal::StatusMove { from: self, to: status });
        }
        Ok(Move { status, reason, tells_of_contact: is_again || status.tells_of_contact() })
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why a status was set. Partners see it, so none of them tells more about a person than its status does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The name on the wire and in the store.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$variant => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// Nobody answered.
    NoAnswer = "NO_ANSWER",
    /// A mailbox or an answering machine was reached.
    MailboxReached = "MAILBOX_REACHED",
    /// The number or address is not the person's, or does not exist.
    NumberWrong = "NUMBER_WRONG",
    /// The person asked to be called again.
    CallbackRequested = "CALLBACK_REQUESTED",
    /// Documents are missing.
    DocumentsMissing = "DOCUMENTS_MISSING",
    /// Somebody has yet to decide.
    DecisionPending = "DECISION_PENDING",
    /// The person did not come.
    ClientAbsent = "CLIENT_ABSENT",
    /// The person called the meeting off.
    ClientCancelled = "CLIENT_CANCELLED",
    /// The bank called the meeting off.
    BankCancelled = "BANK_CANCELLED",
    /// The person did not ask for this.
    NotRequested = "NOT_REQUESTED",
    /// There is no need any more.
    NoNeed = "NO_NEED",
    /// The plans have changed.
    ChangedPlans = "CHANGED_PLANS",
    /// Another bank was chosen.
    OtherBank = "OTHER_BANK",
    /// The bank has this request already.
    Duplicate = "DUPLICATE",
    /// The terms did not suit the person.
    Terms = "TERMS",
    /// The person cannot or will not afford it.
    NotAffordable = "NOT_AFFORDABLE",
    /// It does not meet the bank's criteria.
    BankCriteria = "BANK_CRITERIA",
    /// The property is none the bank finances.
    Property = "PROPERTY",
    /// The person's identity could not be verified.
    IdentityUnverified = "IDENTITY_UNVERIFIED",
    /// Something else.
    Other = "OTHER",
}

impl Reason {
    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Reason> {
        Reason::ALL.iter().copied().find(|reason| reason.as_str() == name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_can_be_withdrawn_until_it_has_come_to_an_end() {
        for (name, final_) in [
            ("NEW", false),
            ("CLAIMED", false),
            ("IN_PROGRESS", false),
            ("CLIENT_NOT_REACHABLE", false),
            ("FOLLOW_UP", false),
            ("APPOINTMENT_ARRANGED", false),
            ("APPOINTMENT_MISSED", false),
            ("OFFER_SENT", false),
            ("NO_INTEREST", true),
            ("DECLINED_BY_CLIENT", true),
            ("DECLINED_BY_BANK", true),
            ("CONSULTING_NO_DEAL", true),
            ("CONSULTING_DEAL_OTHER", true),
            ("CONSULTING_DEAL_MORTGAGE", true),
            ("WITHDRAWN", true),
        ] {
            let status = Status::parse(name).unwrap();
            let expected = if final_ { Err(Refusal::StatusFinal) } else { Ok(Status::Withdrawn) };
            assert_eq!(withdraw(&[status]), expected, "{name}");
            assert_eq!(withdraw(&[status, Status::NoInterest]), expected, "{name} beside an end");
        }
        assert_eq!(withdraw(&[]), Err(Refusal::StatusFinal));
    }

    fn wish(status: Status) -> Wish {
        Wish { status, reason: None, has_note: false }
    }

    #[test]
    fn the_bank_sets_what_the_documented_table_allows_and_nothing_else() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/bank-api.md");
        let page = std::fs::read_to_string(path).unwrap();
        for from in Status::ALL {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{from}` |"))).unwrap();
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let names =
                |cell: &str| cell.split(", ").filter(|name| *name != "-").map(str::to_owned).collect::<Vec<_>>();
            let codes = |list: &[&str]| list.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let next: Vec<&str> = from.next().iter().map(|status| status.as_str()).collect();
            assert_eq!(names(cells[2]), codes(&next), "{from}");
            let reasons: Vec<&str> = from.reasons().iter().map(|reason| reason.as_str()).collect();
            assert_eq!(names(cells[3]), codes(&reasons), "{from}");
            assert_eq!(cells[4] == "yes", from.tells_of_contact(), "{from}");
            for to in Status::ALL {
                let expected = if from.next().contains(to) {
                    Ok(Move { status: *to, reason: None, tells_of_contact: to.tells_of_contact() })
                } else {
                    Err(Refusal::StatusMove { from: *from, to: *to })
                };
                assert_eq!(from.set(wish(*to)), expected, "{from} {to}");
            }
        }
    }

    #[test]
    fn nothing_follows_an_end_and_only_partners_withdraw() {
        for status in Status::ALL {
            assert_eq!(status.next().is_empty(), status.is_final(), "{status}");
            assert!(!status.next().contains(&Status::Withdrawn) && !status.next().contains(status), "{status}");
        }
    }

    #[test]
    fn the_same_status_again_with_a_note_is_one_more_attempt() {
        for status in Status::ALL {
            let again = Wish { has_note: true, ..wish(*status) };
            let expected = if status.is_final() || *status == Status::New {
                Err(Refusal::StatusMove { from: *status, to: *status })
            } else {
                Ok(Move { status: *status, reason: None, tells_of_contact: true })
            };
            assert_eq!(status.set(again), expected, "{status}");
        }
    }

    #[test]
    fn a_reason_belongs_to_its_status() {
        let set = |reason| Status::InProgress.set(Wish { reason: Some(reason), ..wish(Status::NoInterest) });
        assert_eq!(set(Reason::OtherBank).unwrap().reason, Some(Reason::OtherBank));
        assert_eq!(set(Reason::NoAnswer), Err(Refusal::ReasonOfOtherStatus { status: Status::NoInterest }));
        let schema = crate::test_support::schema("bank/v1/reason.schema.json");
        let names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(crate::test_support::strings(&schema["enum"]), names);
        for reason in Reason::ALL {
            assert!(Status::ALL.iter().any(|status| status.reasons().contains(reason)), "{reason:?}");
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
        }
    }

    #[test]
    fn the_names_are_those_of_the_contract() {
        let schema = crate::test_support::schema("shared/status.schema.json");
        let names: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
        assert_eq!(crate::test_support::strings(&schema["enum"]), names);
        assert_eq!(Status::parse("new"), None);
    }
}
