//! Matching of patterns that were compiled when the code was generated: loops for the common forms, a table of states for
//! every other. Time is linear to the text, and no pattern can be made to take longer.

/// The state from which no text matches any more.
const DEAD: u16 = 0;
/// The state from which every text matches.
const MATCHED: u16 = 1;

/// A regular expression as a table of states over the bytes of UTF-8; made by generated code, in a `static`.
///
/// State 0 is dead and state 1 has matched; neither has a row. Of the others, those from `accepting` on match where the
/// text ends.
pub struct Dfa {
    classes: [u8; 256],
    class_count: usize,
    start: u16,
    accepting: u16,
    next: &'static [u16],
}

impl Dfa {
    /// A table as the generator writes it. `classes` holds pairs of a byte and the class of all bytes from it on; `next` is
    /// the next state by state and class, row after row of `class_count`, beginning with state 2.
    pub const fn new(classes: &[u8], class_count: usize, start: u16, accepting: u16, next: &'static [u16]) -> Dfa {
        let mut expanded = [0; 256];
        let mut byte = 0;
        let mut run = 0;
        while byte < 256 {
            if run + 2 < classes.len() && classes[run + 2] as usize == byte {
                run += 2;
            }
            expanded[byte] = classes[run + 1];
            byte += 1;
        }
        Dfa { classes: expanded, class_count, start, accepting, next }
    }

    /// Whether the pattern matches somewhere in `text`.
    pub fn matches(&self, text: &str) -> bool {
        let mut state = self.start;
        for &byte in text.as_bytes() {
            if state <= MATCHED {
                break;
            }
            let class = usize::from(self.classes[usize::from(byte)]);
            state = self.next[usize::from(state - MATCHED - 1) * self.class_count + class];
        }
        state == MATCHED || state >= self.accepting
    }
}

/// Expands the rows of a [`Dfa`] from `runs`: a count, then a state in two bytes, the low one first. Used in constants.
pub const fn table<const CELLS: usize>(runs: &[u8]) -> [u16; CELLS] {
    let mut cells = [DEAD; CELLS];
    let mut cell = 0;
    let mut run = 0;
    while run + 2 < runs.len() {
        let end = cell + runs[run] as usize;
        let state = u16::from_le_bytes([runs[run + 1], runs[run + 2]]);
        while cell < end {
            cells[cell] = state;
            cell += 1;
        }
        run += 3;
    }
    cells
}

/// Whether `text` is ASCII digits only, between `min` and `max` of them.
#[inline]
pub fn digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` has between `min` and `max` characters once white space is trimmed at both ends.
#[inline]
pub fn trimmed(text: &str, min: usize, max: usize) -> bool {
    let text = text.trim_matches(is_space);
    // A character is one to four bytes.
    if text.len() <= max && text.len() >= min.saturating_mul(4) {
        return true;
    }
    (min..=max).contains(&text.chars().count())
}

/// White space as ECMA-262 has it for `\s`: Unicode's, without U+0085 and with U+FEFF.
#[inline]
fn is_space(character: char) -> bool {
    match character {
        '\u{85}' => false,
        '\u{feff}' => true,
        other => other.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `^a[^a]?b` by hand: 2 begins, 3 has seen `a`, 4 wants `b`.
    static BY_HAND: Dfa = Dfa::new(
        b"\x00\x00a\x01b\x02c\x00",
        3,
        2,
        5,
        const { &table::<9>(b"\x01\0\0\x01\x03\0\x01\0\0\x01\x04\0\x01\0\0\x01\x01\0\x02\0\0\x01\x01\0") },
    );

    #[test]
    fn a_table_is_followed_byte_by_byte() {
        for (text, matches) in [
            ("ab", true),
            ("axb", true),
            ("ab and more", true),
            ("", false),
            ("a", false),
            ("aab", false),
            ("xab", false),
            ("axx", false),
        ] {
            assert_eq!(BY_HAND.matches(text), matches, "{text:?}");
        }
    }

    #[test]
    fn digits_are_ascii() {
        assert!(digits("0129", 4, 4));
        assert!(!digits("012", 4, 4));
        assert!(!digits("\u{664}\u{665}", 1, 4));
        assert!(digits("", 0, usize::MAX));
    }

    #[test]
    fn trimming_counts_characters_without_the_white_space_around_them() {
        let hundred = "ü".repeat(100);
        assert!(trimmed(&format!("\u{feff} {hundred}\t\u{3000}"), 1, 100));
        assert!(!trimmed(&format!("{hundred}x"), 1, 100));
        assert!(trimmed(&"x".repeat(100), 1, 100));
        assert!(!trimmed(" \n\u{2029}", 1, 100));
        assert!(trimmed("\u{85}", 1, 1), "U+0085 is no white space in ECMA-262");
    }
}
