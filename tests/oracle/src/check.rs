//! The check: which of the seven invariants the evidence of a campaign breaks, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Answer, Received};

/// What must hold, whatever happens to processes, disks and networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// I1: what was acknowledged is stored as a whole, and delivered or still to be.
    Kept,
    /// I2: one id per tenant and key, stored once; every delivery of a message has the same bytes.
    Once,
    /// I3: what was not acknowledged comes to one answer when it is sent again under its key.
    Converges,
    /// I4: a final state is left by an audited replay only.
    Final,
    /// I5: personal data is nowhere but in the store and in deliveries.
    Private,
    /// I6: nobody sees what is another tenant's.
    Apart,
    /// I7: time, memory, files and disk stay below their bounds.
    Bounded,
}

/// Where an invariant is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub invariant: Invariant,
    /// Where: ids, keys and numbers.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "I{} ({:?}): {}", self.invariant as u8 + 1, self.invariant, self.what)
    }
}

/// A request as the store shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Whose it is.
    pub tenant: String,
    /// The idempotency key it was sent with, or what tells it from all others as well.
    pub key: String,
    /// Its id.
    pub id: String,
    /// Whether everything is there that one transaction wrote.
    pub is_whole: bool,
    /// How far it is on its way to the bank.
    pub handed: Handed,
}

/// How far a request is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// Still to be delivered; parked counts as well.
    Waits,
    /// Delivered, as the store says.
    Over,
    /// Neither.
    Lost,
}

/// A state something was seen in. The steps of one thing are in the order of time.
#[derive(Clone, Debug)]
pub struct Step {
    /// What.
    pub of: String,
    /// The state.
    pub state: String,
    /// Whether nothing may follow it but a replay.
    pub is_final: bool,
    /// Whether an audited replay led to it.
    pub is_replay: bool,
}

/// Something a tenant was shown.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Who was shown it.
    pub by: String,
    /// Whose it is.
    pub owner: String,
    /// Its id.
    pub id: String,
}

/// A planted value that was found where it must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Where.
    pub place: String,
    /// Which of the planted values, by its number: the value itself is not repeated.
    pub canary: usize,
}

/// A quantity with a bound.
#[derive(Clone, Debug)]
pub struct Measure {
    /// What, with its unit.
    pub what: String,
    /// How much of it there was.
    pub value: u64,
    /// How much there may be.
    pub max: u64,
}

/// What a campaign saw. What it did not look at stays empty.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The ledgers of all clients.
    pub answers: Vec<Answer>,
    /// Everything the store holds.
    pub stored: Vec<Stored>,
    /// The receivers' ledgers; none when nothing was to be delivered.
    pub received: Option<Vec<Received>>,
    /// States in the order of time.
    pub steps: Vec<Step>,
    /// What tenants were shown.
    pub sights: Vec<Sight>,
    /// What [`leaks`] found.
    pub leaks: Vec<Leak>,
    /// Quantities.
    pub measures: Vec<Measure>,
    /// Whether clients were cut off before they could send again: whether their requests converge cannot be judged then.
    pub is_cut_off: bool,
}

/// All faults in the evidence.
pub fn check(evidence: &Evidence) -> Vec<Fault> {
    let mut faults = Vec::new();
    told(evidence, &mut faults);
    stored(evidence, &mut faults);
    received(evidence, &mut faults);
    steps(&evidence.steps, &mut faults);
    for Leak { place, canary } in &evidence.leaks {
        faults.push(fault(Invariant::Private, format!("value {canary} stands in {place}")));
    }
    for Sight { by, owner, id } in evidence.sights.iter().filter(|sight| sight.by != sight.owner) {
        faults.push(fault(Invariant::Apart, format!("{by} was shown {id} of {owner}")));
    }
    for Measure { what, value, max } in evidence.measures.iter().filter(|measure| measure.value > measure.max) {
        faults.push(fault(Invariant::Bounded, format!("{what}: {value}, at most {max}")));
    }
    faults
}

/// Which of the planted values stand in these bytes.
pub fn leaks(place: &str, bytes: &[u8], canaries: &[&str]) -> Vec<Leak> {
    let stands = |canary: &&str| bytes.windows(canary.len().max(1)).any(|window| window == canary.as_bytes());
    let found = canaries.iter().enumerate().filter(|(_, canary)| stands(canary));
    found.map(|(canary, _)| Leak { place: place.to_owned(), canary }).collect()
}

fn fault(invariant: Invariant, what: String) -> Fault {
    Fault { invariant, what }
}

/// What clients were told, by itself.
fn told(evidence: &Evidence, faults: &mut Vec<Fault>) {
    let answers = &evidence.answers;
    let mut ids: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for answer in answers {
        let ids = ids.entry((&answer.tenant, &answer.key)).or_default();
        if answer.is_acknowledged() {
            ids.insert(answer.id.as_deref().unwrap_or_default());
        }
    }
    // A refusal is final: it is right for a request to end with one, and then nothing may be stored of it.
    let refused: BTreeSet<(&str, &str)> = answers
        .iter()
        .filter(|answer| answer.status.is_some_and(|status| (400..500).contains(&status) && !is_passing(status)))
        .map(|answer| (&*answer.tenant, &*answer.key))
        .collect();
    for ((tenant, key), ids) in ids {
        match ids.len() {
            0 if !evidence.is_cut_off && !refused.contains(&(tenant, key)) => {
                faults.push(fault(Invariant::Converges, format!("{key} of {tenant} was never answered for good")));
            }
            0 | 1 => {}
            count => {
                faults.push(fault(Invariant::Once, format!("{key} of {tenant} was acknowledged under {count} ids")));
            }
        }
    }
}

/// Whether a refusal asks to come again.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429)
}

/// What is stored, against what was told.
fn stored(evidence: &Evidence, faults: &mut Vec<Fault>) {
    let by_id: BTreeMap<(&str, &str), &Stored> =
        evidence.stored.iter().map(|stored| ((&*stored.tenant, &*stored.id), stored)).collect();
    let mut judged = BTreeSet::new();
    for answer in evidence.answers.iter().filter(|answer| answer.is_acknowledged()) {
        let Answer { tenant, key, .. } = answer;
        let id = answer.id.as_deref().unwrap_or_default();
        if !judged.insert((tenant, key, id)) {
            continue;
        }
        match by_id.get(&(tenant.as_str(), id)) {
            None => faults.push(fault(Invariant::Kept, format!("{key} of {tenant} was acknowledged as {id}: lost"))),
            Some(stored) if stored.key != *key => {
                faults.push(fault(Invariant::Once, format!("{key} of {tenant} is stored as {}: {id}", stored.key)));
            }
            Some(stored) if stored.handed == Handed::Lost => {
                faults.push(fault(Invariant::Kept, format!("{id} of {tenant} is neither delivered nor to be")));
            }
            Some(_) => {}
        }
    }
    let sent: BTreeSet<(&str, &str)> = evidence.answers.iter().map(|answer| (&*answer.tenant, &*answer.key)).collect();
    let mut times: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for stored in &evidence.stored {
        let Stored { tenant, key, id, .. } = stored;
        *times.entry((tenant, key)).or_default() += 1;
        if !stored.is_whole {
            faults.push(fault(Invariant::Kept, format!("{id} of {tenant} is stored in part")));
        }
        if !sent.contains(&(tenant.as_str(), key.as_str())) {
            faults.push(fault(Invariant::Once, format!("{id} of {tenant} was sent by nobody")));
        }
    }
    for ((tenant, key), count) in times.into_iter().filter(|(_, count)| *count > 1) {
        faults.push(fault(Invariant::Once, format!("{key} of {tenant} is stored {count} times")));
    }
}

/// What came to receivers, against what is stored.
fn received(evidence: &Evidence, faults: &mut Vec<Fault>) {
    let Some(received) = &evidence.received else { return };
    let mut firsts: BTreeMap<&str, &Received> = BTreeMap::new();
    let mut reached = BTreeSet::new();
    let known: BTreeSet<&str> = evidence.stored.iter().map(|stored| stored.id.as_str()).collect();
    for delivery in received {
        let Received { message, id, .. } = delivery;
        reached.insert(id.as_str());
        let first = firsts.entry(message).or_insert(delivery);
        if (&first.id, &first.body) != (id, &delivery.body) {
            faults.push(fault(Invariant::Once, format!("message {message} was delivered with other bytes")));
        }
        if !delivery.is_verified {
            faults.push(fault(Invariant::Once, format!("message {message} came with a wrong signature")));
        }
        if !known.contains(id.as_str()) {
            faults.push(fault(Invariant::Kept, format!("message {message} tells of {id}, which is not stored")));
        }
    }
    for stored in evidence.stored.iter().filter(|stored| stored.handed == Handed::Over) {
        if !reached.contains(stored.id.as_str()) {
            faults.push(fault(Invariant::Kept, format!("{} counts as delivered and never came", stored.id)));
        }
    }
}

fn steps(steps: &[Step], faults: &mut Vec<Fault>) {
    let mut last: BTreeMap<&str, &Step> = BTreeMap::new();
    for step in steps {
        let before = last.insert(&step.of, step).filter(|before| before.is_final);
        if let Some(before) = before.filter(|before| before.state != step.state && !step.is_replay) {
            let what = format!("{} went from {} to {} without a replay", step.of, before.state, step.state);
            faults.push(fault(Invariant::Final, what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Fault, Handed, Invariant, Measure, Sight, Step, Stored, check, leaks};
    use crate::{Answer, Received, digest};

    fn answer(key: &str, status: Option<u16>, id: Option<&str>) -> Answer {
        Answer {
            tenant: "p".to_owned(),
            key: key.to_owned(),
            body: digest(key.as_bytes()),
            at: 1,
            status,
            id: id.map(str::to_owned),
        }
    }

    fn stored(key: &str, id: &str, handed: Handed) -> Stored {
        Stored { tenant: "p".to_owned(), key: key.to_owned(), id: id.to_owned(), is_whole: true, handed }
    }

    fn received(message: &str, id: &str, body: &str) -> Received {
        Received {
            message: message.to_owned(),
            id: id.to_owned(),
            body: digest(body.as_bytes()),
            is_verified: true,
            at: 2,
        }
    }

    fn step(state: &str, is_final: bool, is_replay: bool) -> Step {
        Step { of: "m".to_owned(), state: state.to_owned(), is_final, is_replay }
    }

    /// A run in which all is well: one request at once, one at the second attempt, one refused, one delivered twice.
    fn well() -> Evidence {
        Evidence {
            answers: vec![
                answer("a", Some(201), Some("1")),
                answer("b", None, None),
                answer("b", Some(503), None),
                answer("b", Some(201), Some("2")),
                answer("b", Some(201), Some("2")),
                answer("c", Some(422), None),
            ],
            stored: vec![stored("a", "1", Handed::Waits), stored("b", "2", Handed::Over)],
            received: Some(vec![received("m", "2", "x"), received("m", "2", "x")]),
            steps: vec![
                step("pending", false, false),
                step("parked", true, false),
                step("parked", true, false),
                step("pending", false, true),
                step("delivered", true, false),
            ],
            leaks: leaks("the log", b"request 1 stored", &["Jana"]),
            sights: vec![Sight { by: "p".to_owned(), owner: "p".to_owned(), id: "1".to_owned() }],
            measures: vec![Measure { what: "files".to_owned(), value: 10, max: 10 }],
            is_cut_off: false,
        }
    }

    #[track_caller]
    fn finds(change: impl FnOnce(&mut Evidence), expected: &[(Invariant, &str)]) {
        let mut evidence = well();
        change(&mut evidence);
        let faults = check(&evidence);
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (Fault { invariant, what }, (expected, part)) in faults.iter().zip(expected) {
            assert!(invariant == expected && what.contains(part), "{invariant:?}: {what}");
        }
    }

    #[test]
    fn where_all_is_well_nothing_is_found() {
        finds(|_| {}, &[]);
    }

    #[test]
    fn what_is_lost_is_found() {
        finds(|run| drop(run.stored.remove(0)), &[(Invariant::Kept, "a of p was acknowledged as 1: lost")]);
        finds(|run| run.stored[0].handed = Handed::Lost, &[(Invariant::Kept, "1 of p is neither delivered nor to be")]);
        finds(|run| run.stored[0].is_whole = false, &[(Invariant::Kept, "1 of p is stored in part")]);
        finds(|run| run.received = Some(Vec::new()), &[(Invariant::Kept, "2 counts as delivered and never came")]);
        finds(
            |run| run.received.as_mut().unwrap().push(received("n", "9", "x")),
            &[(Invariant::Kept, "message n tells of 9, which is not stored")],
        );
    }

    #[test]
    fn what_is_there_twice_is_found() {
        finds(
            |run| run.answers.push(answer("a", Some(201), Some("2"))),
            &[(Invariant::Once, "a of p was acknowledged under 2 ids"), (Invariant::Once, "a of p is stored as b: 2")],
        );
        finds(|run| run.stored.push(stored("a", "3", Handed::Waits)), &[(Invariant::Once, "a of p is stored 2 times")]);
        finds(
            |run| run.stored.push(stored("z", "3", Handed::Waits)),
            &[(Invariant::Once, "3 of p was sent by nobody")],
        );
        finds(
            |run| run.received.as_mut().unwrap().push(received("m", "2", "y")),
            &[(Invariant::Once, "message m was delivered with other bytes")],
        );
        finds(
            |run| run.received.as_mut().unwrap().push(received("m", "1", "x")),
            &[(Invariant::Once, "message m was delivered with other bytes")],
        );
        finds(
            |run| run.received.as_mut().unwrap()[1].is_verified = false,
            &[(Invariant::Once, "message m came with a wrong signature")],
        );
        // The same key of another tenant is another key.
        finds(
            |run| {
                run.answers.push(Answer { tenant: "q".to_owned(), ..answer("a", Some(201), Some("1")) });
                run.stored.push(Stored { tenant: "q".to_owned(), ..stored("a", "1", Handed::Waits) });
            },
            &[],
        );
    }

    #[test]
    fn what_never_comes_to_an_answer_is_found() {
        for status in [None, Some(503), Some(429), Some(409)] {
            finds(
                |run| run.answers.push(answer("d", status, None)),
                &[(Invariant::Converges, "d of p was never answered for good")],
            );
        }
        finds(
            |run| {
                run.answers.push(answer("d", None, None));
                run.is_cut_off = true;
            },
            &[],
        );
    }

    #[test]
    fn a_final_state_that_is_left_is_found() {
        finds(
            |run| run.steps.push(step("pending", false, false)),
            &[(Invariant::Final, "m went from delivered to pending without a replay")],
        );
        finds(
            |run| run.steps[3].is_replay = false,
            &[(Invariant::Final, "m went from parked to pending without a replay")],
        );
    }

    #[test]
    fn what_stands_in_the_open_is_found_and_not_repeated() {
        finds(
            |run| run.leaks = leaks("the log", b"stored for Jana", &["Karel", "Jana"]),
            &[(Invariant::Private, "value 1 stands in the log")],
        );
    }

    #[test]
    fn what_another_tenant_sees_is_found() {
        finds(|run| run.sights[0].by = "q".to_owned(), &[(Invariant::Apart, "q was shown 1 of p")]);
    }

    #[test]
    fn what_is_over_its_bound_is_found() {
        finds(|run| run.measures[0].value = 11, &[(Invariant::Bounded, "files: 11, at most 10")]);
    }
}
