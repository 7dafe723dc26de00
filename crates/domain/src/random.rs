//! Randomness comes from the caller. Here it is only turned into values that are equally likely.

use std::ops::RangeInclusive;

/// A source of random bytes: the operating system in the program, a counter in a test.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Random for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// The 62 letters and digits of keys, in the order of their value.
pub(crate) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>(random: &mut dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// A number of the range, each equally likely: a draw that would favour the low numbers is thrown away.
pub(crate) fn number(random: &mut dyn Random, range: RangeInclusive<u64>) -> u64 {
    let span = range.end() - range.start() + 1;
    let unfair = u64::MAX % span + 1;
    loop {
        let draw = u64::from_be_bytes(bytes(random));
        if unfair == span || draw <= u64::MAX - unfair {
            return range.start() + draw % span;
        }
    }
}

/// Appends `count` letters and digits, each equally likely.
pub(crate) fn push_base62(random: &mut dyn Random, count: usize, text: &mut String) {
    let end = text.len() + count;
    while text.len() < end {
        // 248 is the largest multiple of 62 in a byte; a larger byte would favour the first letters.
        for byte in bytes::<32>(random).into_iter().filter(|&byte| byte < 248) {
            if text.len() < end {
                text.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
    }
}

/// A repeatable source for tests: SplitMix64.
#[cfg(test)]
pub(crate) fn seeded(seed: u64) -> impl Random {
    let mut state = seed;
    move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_be_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_that_would_favour_low_numbers_is_thrown_away() {
        // 2^64 mod 10 is 6, so the six largest draws are one too many for the numbers 0 to 5.
        let mut draws = vec![u64::MAX, u64::MAX - 5, u64::MAX - 6].into_iter();
        let mut source = |bytes: &mut [u8]| bytes.copy_from_slice(&draws.next().unwrap().to_be_bytes());
        assert_eq!(number(&mut source, 0..=9), (u64::MAX - 6) % 10);
        assert_eq!(draws.next(), None);
    }

    #[test]
    fn a_span_that_divides_evenly_throws_nothing_away() {
        let mut source = |bytes: &mut [u8]| bytes.fill(0xff);
        assert_eq!(number(&mut source, 0..=15), 15);
    }

    #[test]
    fn a_byte_that_would_favour_the_first_letters_is_thrown_away() {
        let mut next = 247_u8;
        let mut source = |bytes: &mut [u8]| {
            for byte in bytes {
                *byte = next;
                next = next.wrapping_add(1);
            }
        };
        let mut text = String::new();
        push_base62(&mut source, 3, &mut text);
        // 247 is the last letter; 248 to 255 are skipped; 0 and 1 follow.
        assert_eq!(text, "z01");
    }

    #[test]
    fn every_letter_comes_about_equally_often() {
        let mut text = String::new();
        push_base62(&mut seeded(7), 62_000, &mut text);
        for &letter in BASE62 {
            let count = text.bytes().filter(|&byte| byte == letter).count();
            assert!((850..1150).contains(&count), "{} came {count} times", char::from(letter));
        }
    }
}
