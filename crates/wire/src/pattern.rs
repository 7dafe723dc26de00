//! Matching of patterns that were compiled when the code was generated: loops for the common forms, a table of states for
//! every other. Time is linear to the text, and no pattern can be made to take longer.

/// The state from which no text matches any more.
const DEAD: u16 = 0;
/// The state from which every text matches.
const MATCHED: u16 = 1;

/// A regular expression as a table of states over the bytes of UTF-8.
///
/// State 0 is dead and state 1 has matched; of the others, those from `accepting` on match where the text ends.
pub struct Dfa {
    /// The class of each byte: bytes of one class are never told apart.
    pub classes: &'static [u8; 256],
    /// How many classes there are.
    pub class_count: usize,
    /// The state to begin in.
    pub start: u16,
    /// The first state that matches at the end of the text.
    pub accepting: u16,
    /// The next state by state and class; row after row of `class_count`.
    pub next: &'static [u16],
}

impl Dfa {
    /// Whether the pattern matches `text`.
    pub fn matches(&self, text: &str) -> bool {
        let mut state = self.start;
        for &byte in text.as_bytes() {
            if state <= MATCHED {
                break;
            }
            let class = usize::from(self.classes[usize::from(byte)]);
            state = self.next[usize::from(state) * self.class_count + class];
        }
        state != DEAD && (state == MATCHED || state >= self.accepting)
    }
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
    if text.len() <= max && text.len() >= 4 * min {
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
