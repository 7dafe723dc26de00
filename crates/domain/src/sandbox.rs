//! What the simulated bank of the sandbox does with a request: scripts, chosen by the mail address of the person.
//!
//! A script is a list of statuses; who moves them and when is the gateway's business. Production knows no scripts.

use crate::environment::Environment;
use crate::status::Status;

/// The domain whose mail addresses choose a script. Nobody has a mailbox there.
pub const DOMAIN: &str = "sandbox.usher.example";

/// What the simulated bank does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// The part of the address before the `@`.
    pub name: &'static str,
    /// What it sets, one after the other.
    pub statuses: &'static [Status],
    /// How many times the usual time each step takes.
    pub slowness: u32,
}

const fn script(name: &'static str, statuses: &'static [Status]) -> Script {
    Script { name, statuses, slowness: 1 }
}

use Status::{
    AppointmentArranged, AppointmentMissed, Claimed, ClientNotReachable, ConsultingDealMortgage, ConsultingDealOther,
    ConsultingNoDeal, DeclinedByBank, DeclinedByClient, FollowUp, InProgress, NoInterest, OfferSent,
};

/// All there are.
pub const SCRIPTS: [Script; 16] = [
    script("ignored", &[]),
    script("claimed", &[Claimed]),
    script("in-progress", &[Claimed, InProgress]),
    script("noanswer", &[Claimed, ClientNotReachable]),
    script("follow-up", &[Claimed, InProgress, FollowUp]),
    script("appointment", &[Claimed, InProgress, AppointmentArranged]),
    script("missed", &[Claimed, AppointmentArranged, AppointmentMissed]),
    script("offer", &[Claimed, InProgress, OfferSent]),
    script("no-interest", &[Claimed, NoInterest]),
    script("declined-by-client", &[Claimed, InProgress, OfferSent, DeclinedByClient]),
    script("declined", &[Claimed, DeclinedByBank]),
    script("no-deal", &[Claimed, InProgress, ConsultingNoDeal]),
    script("other-deal", &[Claimed, InProgress, AppointmentArranged, ConsultingDealOther]),
    script("mortgage", &[Claimed, InProgress, AppointmentArranged, OfferSent, ConsultingDealMortgage]),
    Script {
        name: "slow",
        statuses: &[Claimed, InProgress, AppointmentArranged, OfferSent, ConsultingDealMortgage],
        slowness: 30,
    },
    script("withdrawn-late", &[Claimed, InProgress, OfferSent]),
];

impl Script {
    /// The script a person's mail address chooses, if it is one of the sandbox.
    pub fn of_email(email: &str, environment: Environment) -> Option<&'static Script> {
        if environment != Environment::Sandbox {
            return None;
        }
        let (name, domain) = email.rsplit_once('@')?;
        domain.eq_ignore_ascii_case(DOMAIN).then(|| Script::of_name(&name.to_ascii_lowercase()))?
    }

    /// The script of that name.
    pub fn of_name(name: &str) -> Option<&'static Script> {
        SCRIPTS.iter().find(|script| script.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_address_of_the_sandbox_chooses_a_script_and_no_other_does() {
        let chosen = |email, environment| Script::of_email(email, environment).map(|script| script.name);
        assert_eq!(chosen("mortgage@sandbox.usher.example", Environment::Sandbox), Some("mortgage"));
        assert_eq!(chosen("No-Deal@Sandbox.Usher.Example", Environment::Sandbox), Some("no-deal"));
        for other in
            ["mortgage@example.org", "mortgage@a.sandbox.usher.example", "jana@sandbox.usher.example", "mortgage", ""]
        {
            assert_eq!(chosen(other, Environment::Sandbox), None, "{other}");
        }
        assert_eq!(chosen("mortgage@sandbox.usher.example", Environment::Production), None);
    }

    #[test]
    fn every_status_of_the_bank_can_be_reached() {
        let reached: BTreeSet<Status> = SCRIPTS.iter().flat_map(|script| script.statuses).copied().collect();
        // The first is where every request begins, the last is the partner's own.
        let expected: BTreeSet<Status> =
            Status::ALL.iter().copied().filter(|status| !matches!(status, Status::New | Status::Withdrawn)).collect();
        assert_eq!(reached, expected);
        let names: BTreeSet<_> = SCRIPTS.iter().map(|script| script.name).collect();
        assert_eq!(names.len(), SCRIPTS.len());
    }

    #[test]
    fn nothing_follows_an_end() {
        for script in SCRIPTS {
            let ends = script.statuses.iter().position(|status| status.is_final());
            assert!(ends.is_none_or(|at| at + 1 == script.statuses.len()), "{}", script.name);
        }
    }
}
