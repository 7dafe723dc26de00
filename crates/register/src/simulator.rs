//! A register that knows only synthetic persons. Some numbers make it play a trouble; every other one is somebody, and
//! always the same.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use usher_contract::register::v1::{Address, Person};
use usher_domain::register::Finding;
use usher_server::register::{IdentityRegister, LookingUp, RegisterUnavailable};
use usher_wire::{Personal, Unknown};

/// After which time the simulated register asks to be asked again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often in a row the number that is down fails before it answers once.
const DOWN_COUNT: u32 = 2;

/// A number by which the simulator plays something else than a person who is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger {
    /// The number.
    pub national_id: &'static str,
    plays: Plays,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plays {
    NotFound,
    Deceased,
    Mismatch,
    Slow,
    Down,
    Rubbish,
}

/// All of them, as the schema of the number lists them.
pub const TRIGGERS: [Trigger; 6] = [
    Trigger { national_id: "98769999130", plays: Plays::NotFound },
    Trigger { national_id: "98769999208", plays: Plays::Deceased },
    Trigger { national_id: "98769999376", plays: Plays::Mismatch },
    Trigger { national_id: "98769999444", plays: Plays::Slow },
    Trigger { national_id: "98769999512", plays: Plays::Down },
    Trigger { national_id: "98769999680", plays: Plays::Rubbish },
];

/// The simulated register.
#[derive(Debug)]
pub struct Simulator {
    slowness: Duration,
    down_count: AtomicU32,
}

impl Simulator {
    /// A simulator whose slow answer takes so long.
    pub fn new(slowness: Duration) -> Self {
        Simulator { slowness, down_count: AtomicU32::new(0) }
    }

    async fn ask(&self, digits: &str) -> Result<Finding, RegisterUnavailable> {
        let unavailable = Err(RegisterUnavailable { retry_after: RETRY_AFTER });
        let plays = TRIGGERS.iter().find(|trigger| trigger.national_id == digits).map(|trigger| trigger.plays);
        match plays {
            Some(Plays::NotFound) => Ok(Finding::NotFound),
            Some(Plays::Deceased) => Ok(Finding::Deceased),
            Some(Plays::Mismatch) => Ok(Finding::Mismatch),
            Some(Plays::Rubbish) => unavailable,
            Some(Plays::Down) if self.down_count.fetch_add(1, Ordering::Relaxed) % (DOWN_COUNT + 1) < DOWN_COUNT => {
                unavailable
            }
            Some(Plays::Slow) => {
                tokio::time::sleep(self.slowness).await;
                Ok(Finding::Found(Box::new(person(digits))))
            }
            Some(Plays::Down) | None => Ok(Finding::Found(Box::new(person(digits)))),
        }
    }
}

impl IdentityRegister for Simulator {
    fn look_up<'r>(&'r self, national_id: &'r Personal<String>, _correlation_id: &'r str) -> LookingUp<'r> {
        Box::pin(self.ask(national_id.expose()))
    }
}

const FORENAMES: [&str; 12] =
    ["DENİZ", "YAĞMUR", "TOPRAK", "BAHAR", "GÜNEŞ", "UMUT", "ÇINAR", "NEHİR", "POYRAZ", "DEFNE", "ILGAZ", "ADA"];
const SURNAMES: [&str; 10] =
    ["ÖRNEK", "DENEME", "TASLAK", "MODEL", "SINAMA", "ŞABLON", "NUMUNE", "PROVA", "BENZER", "KURGU"];
const TOWNS: [(&str, &str); 6] = [
    ("ANKARA", "ÇANKAYA"),
    ("İSTANBUL", "KADIKÖY"),
    ("İZMİR", "BORNOVA"),
    ("BURSA", "NİLÜFER"),
    ("ANTALYA", "MURATPAŞA"),
    ("TRABZON", "ORTAHİSAR"),
];

/// The person of a number: invented, and the same each time.
fn person(digits: &str) -> Person {
    // FNV-1a: spreads neighbouring numbers, and needs nobody to trust it.
    let mut seed = digits
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut draw = |count: u64| {
        let drawn = seed % count;
        seed = (seed / count).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed >> 7;
        drawn
    };
    let mut pick = |length: usize| draw(length as u64) as usize;
    let (forename, surname, (city, town)) = (FORENAMES[pick(12)], SURNAMES[pick(10)], TOWNS[pick(6)]);
    let birth_date = format!("{:04}-{:02}-{:02}", 1950 + pick(55), 1 + pick(12), 1 + pick(28));
    let detail = format!("Örnek Mah. {}. Sok. No: {} İç Kapı No: {}", 1 + pick(99), 1 + pick(60), 1 + pick(20));
    Person {
        forename: Personal::new(forename.to_owned()),
        surname: Personal::new(surname.to_owned()),
        birth_date: Personal::new(birth_date),
        address: Address {
            city: Personal::new(city.to_owned()),
            town: Personal::new(town.to_owned()),
            detail: Personal::new(detail),
            unknown: Unknown::default(),
        },
        unknown: Unknown::default(),
    }
}

#[cfg(test)]
mod tests {
    use usher_wire::Checked;

    use super::*;

    fn asked(simulator: &Simulator, national_id: &str) -> Result<Finding, RegisterUnavailable> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(simulator.look_up(&Personal::new(national_id.to_owned()), ""))
    }

    #[test]
    fn every_other_number_is_always_the_same_invented_person() {
        let simulator = Simulator::new(Duration::ZERO);
        let mut names = std::collections::BTreeSet::new();
        for number in 98_760_001_000_u64..98_760_001_200 {
            let digits = number.to_string();
            let Ok(Finding::Found(first)) = asked(&simulator, &digits) else { panic!("{digits} is not found") };
            assert_eq!(asked(&simulator, &digits), Ok(Finding::Found(first.clone())));
            Checked::check((*first).clone()).expect("the contract allows the person");
            names.insert(format!("{} {}", first.forename.expose(), first.surname.expose()));
        }
        assert!(names.len() > 50, "{} names", names.len());
    }

    #[test]
    fn trigger_numbers_play_what_they_stand_for() {
        let simulator = Simulator::new(Duration::from_secs(3600));
        let down = Err(RegisterUnavailable { retry_after: RETRY_AFTER });
        assert_eq!(asked(&simulator, "98769999130"), Ok(Finding::NotFound));
        assert_eq!(asked(&simulator, "98769999208"), Ok(Finding::Deceased));
        assert_eq!(asked(&simulator, "98769999376"), Ok(Finding::Mismatch));
        assert_eq!(asked(&simulator, "98769999680"), down);
        assert!(matches!(asked(&simulator, "98769999444"), Ok(Finding::Found(_))));
        for _ in 0..2 {
            assert_eq!(asked(&simulator, "98769999512"), down);
            assert_eq!(asked(&simulator, "98769999512"), down);
            assert!(matches!(asked(&simulator, "98769999512"), Ok(Finding::Found(_))));
        }
    }
}
