//! C12: workers are held up for longer than their lease, others take their work over, and then they come back with what they
//! know. Nothing they say then may change anything.
//!
//! At the level of the store, under a clock that is moved. The control is a worker that marks without its token.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use usher_oracle::{Evidence, Measure, Step, check};
use usher_storage::{Claimed, Fate, Mark, Marked, Millis, Store};
use usher_testkit::random::Random;

use crate::power::scratch;
use crate::work::{LEASE, NOW, add_partner, claim, commit, open};
use crate::{Campaign, Round, Tally, nothing};

pub(crate) const CAMPAIGN: Campaign = Campaign { name: "zombie", round_runs: 2_000, needs: nothing, round };

const WORKERS: usize = 3;
/// What a worker claims at once.
const CLAIM_MAX: usize = 20;

/// With so much in hand a worker claims no more.
const HAND_MAX: usize = 30;

/// What a worker holds; some of it may be others' by now.
type Hands = Vec<Claimed>;

fn round(round: &Round<'_>) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let place = scratch();
    let folder = place.path().join("store");
    let store = open(&folder).expect("a store");
    let jobs = usize::try_from(round.runs).unwrap_or_default();
    let evidence = runtime.block_on(async {
        add_partner(&store).await.expect("a partner");
        for number in 0..jobs {
            store.commit(commit(number, 100)).await.expect("a commit");
        }
        // Opened by the control alone, beside the store.
        let beside = round.is_control.then(|| Connection::open(folder.join("usher.db")).expect("the database"));
        let run = Run { store: &store, beside, steps: Vec::new(), deliveries: 0, claims: BTreeMap::new() };
        run.all(round, jobs).await
    });
    store.close();
    Tally {
        runs: round.runs,
        acknowledged: round.runs,
        faults: check(&evidence).iter().map(ToString::to_string).collect(),
    }
}

struct Run<'s> {
    store: &'s Store,
    beside: Option<Connection>,
    steps: Vec<Step>,
    /// How often anything was sent.
    deliveries: u64,
    /// The newest claim of each message: only its owner may say anything.
    claims: BTreeMap<i64, i64>,
}

impl Run<'_> {
    async fn all(mut self, round: &Round<'_>, jobs: usize) -> Evidence {
        let mut random = Random::of_run(round.seed);
        let mut hands: [Hands; WORKERS] = Default::default();
        let mut now = NOW;
        let (mut finished, mut overdue, mut refused) = (0, 0, 0);
        while finished < jobs {
            let hand = &mut hands[random.below(WORKERS)];
            match random.below(40) {
                // Everybody is held up for longer than a lease: what is in any hand is a zombie's now.
                0 => now += Millis::try_from(LEASE.as_millis()).unwrap_or_default() + 1,
                1..=15 if hand.len() < HAND_MAX => {
                    let claimed = self.store.claim(claim(now, 1 + random.below(CLAIM_MAX))).await.expect("a claim");
                    for row in &claimed {
                        self.deliveries += 1;
                        self.claims.insert(row.id, row.token);
                    }
                    hand.extend(claimed);
                }
                _ if hand.is_empty() => {}
                _ => {
                    let row = hand.swap_remove(random.below(hand.len()));
                    let is_own = self.claims.get(&row.id) == Some(&row.token);
                    let (fate, state) = match random.below(8) {
                        0 => (Fate::Retry { due_at: now, reason: Some("timeout".into()) }, "pending"),
                        1 => (Fate::Parked { at: now, reason: "refused".into() }, "parked"),
                        _ => (Fate::Delivered { at: now }, "delivered"),
                    };
                    let is_done = self.mark(&row, fate, state).await;
                    overdue += u64::from(is_done && !is_own);
                    refused += u64::from(is_own && !is_done);
                    if is_done {
                        let is_final = state != "pending";
                        finished += usize::from(is_final && is_own);
                        self.steps.push(Step { of: name(&row), state: state.to_owned(), is_final, is_replay: false });
                        (round.progress)(u64::from(is_final && is_own));
                    }
                }
            }
        }
        let stale =
            Measure { what: "marks of a worker whose row was another's by then".to_owned(), value: overdue, max: 0 };
        let own = Measure { what: "marks of a worker's own row that were refused".to_owned(), value: refused, max: 0 };
        let twice = Measure {
            what: "deliveries beyond one for each claim".to_owned(),
            value: self.deliveries.saturating_sub(self.claims.values().sum::<i64>().unsigned_abs()),
            max: 0,
        };
        Evidence { steps: self.steps, measures: vec![stale, own, twice], ..Evidence::default() }
    }

    /// Says what became of a row; whether it was taken down.
    async fn mark(&self, row: &Claimed, fate: Fate, state: &str) -> bool {
        if let Some(beside) = &self.beside {
            let sql = "UPDATE messages SET state = ?2, lease_until = NULL WHERE id = ?1";
            return beside.execute(sql, params![row.id, state]).expect("the control writes") > 0;
        }
        let mark = Mark { id: row.id, token: row.token, fate };
        self.store.mark(vec![mark]).await.expect("a mark") == [Marked::Done]
    }
}

fn name(row: &Claimed) -> String {
    format!("message {}", row.id)
}
