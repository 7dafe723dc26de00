//! Ids of events as partners see them: stable, and without a trace of how much happens in the house.

use std::fmt;

use crate::receipt::DigestKey;

/// The id of an event, which is also the place after it in the feed.
///
/// The number of a row counts what happens to all partners, so it is not shown. The id is the number under a permutation
/// that only the key undoes: a Feistel network of four rounds over its two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId(u64);

const ROUNDS: [u8; 4] = [0, 1, 2, 3];

impl EventId {
    /// The id of the event with this number.
    pub fn of_number(number: i64, key: &DigestKey) -> EventId {
        let (left, right) = halves(number.cast_unsigned());
        let (left, right) =
            ROUNDS.into_iter().fold((left, right), |(left, right), round| (right, left ^ scrambled(key, round, right)));
        EventId(whole(left, right))
    }

    /// The number behind the id. Of an id that was made up it is any number.
    pub fn number(self, key: &DigestKey) -> i64 {
        let (left, right) = halves(self.0);
        let (left, right) = ROUNDS
            .into_iter()
            .rev()
            .fold((left, right), |(left, right), round| (right ^ scrambled(key, round, left), left));
        whole(left, right).cast_signed()
    }

    /// Reads an id as it is shown.
    pub fn parse(text: &str) -> Option<EventId> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.as_bytes().iter().all(is_digit) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(EventId)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

fn halves(whole: u64) -> (u32, u32) {
    ((whole >> 32) as u32, whole as u32)
}

fn whole(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

fn scrambled(key: &DigestKey, round: u8, half: u32) -> u32 {
    let digest = key.digest("event-id/v1", &[&[round], &half.to_be_bytes()]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_gives_its_number_back_and_tells_nothing_of_it() {
        let (key, other) = (DigestKey::new([1; 32]), DigestKey::new([2; 32]));
        let mut seen = std::collections::BTreeSet::new();
        for number in (0..1_000).chain([i64::MAX, i64::MIN, -1]) {
            let id = EventId::of_number(number, &key);
            assert_eq!(EventId::parse(&id.to_string()).unwrap().number(&key), number);
            assert_ne!(id.number(&other), number);
            assert!(seen.insert(id.to_string()));
        }
        let neighbours = [7, 8].map(|number| EventId::of_number(number, &key).0);
        assert!((neighbours[0] ^ neighbours[1]).count_ones() > 8);
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in ["", "0", "0123456789ABCDEF", "+123456789abcdef", "0123456789abcdef0", "0123456789abcdeg"] {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }
}
