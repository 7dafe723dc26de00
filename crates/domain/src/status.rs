//! What became of a request. The bank sets it; the partner has one move, to withdraw.

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

    #[test]
    fn the_names_are_those_of_the_contract() {
        let schema = crate::test_support::schema("shared/status.schema.json");
        let names: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
        assert_eq!(crate::test_support::strings(&schema["enum"]), names);
        assert_eq!(Status::parse("new"), None);
    }
}
