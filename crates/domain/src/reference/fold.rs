//! Texts as they compare: compatibility forms, case and blanks do not count. Turkish has two letters i, and each has both
//! cases: I belongs to ı, and İ to i. Every other language pairs I with i.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The dot that lower case leaves over an i where İ was.
const DOT_ABOVE: char = '\u{307}';

/// Which letters are one letter in two cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Casing {
    /// I and ı, İ and i.
    Turkish,
    /// I and i.
    Other,
}

impl Casing {
    /// The casing of a language, by its BCP 47 tag.
    pub fn of(language: &str) -> Casing {
        let primary = language.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("tr") || primary.eq_ignore_ascii_case("az") {
            Casing::Turkish
        } else {
            Casing::Other
        }
    }
}

/// The text as it compares: NFKC, folded, invisible characters dropped, runs of blanks one blank, none at the ends.
pub fn fold(text: &str, casing: Casing) -> String {
    let mut folded = String::with_capacity(text.len());
    let add = |character| match character {
        'I' if casing == Casing::Turkish => folded.push('ı'),
        'İ' => folded.push('i'),
        other => push(&mut folded, other),
    };
    // ASCII has no compatibility forms, and most texts are ASCII.
    if text.is_ascii() {
        text.chars().for_each(add);
    } else {
        text.nfkc().for_each(add);
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// The text as it is searched for: letters without their marks, and one i for all four.
pub fn fold_for_search(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.nfkd().filter(|&character| !is_combining_mark(character)) {
        match character {
            'ı' => folded.push('i'),
            other => push(&mut folded, other),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

fn push(folded: &mut String, character: char) {
    match character {
        // Drawn as nothing: soft hyphen, zero-width blanks and joiners, byte order mark.
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
        DOT_ABOVE if folded.ends_with('i') => {}
        'ß' | 'ẞ' => folded.push_str("ss"),
        'ς' => folded.push('σ'),
        blank if blank.is_whitespace() => {
            if !folded.is_empty() && !folded.ends_with(' ') {
                folded.push(' ');
            }
        }
        other if other.is_ascii() => folded.push(other.to_ascii_lowercase()),
        other => folded.extend(other.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turkish_i_keeps_its_dot_in_both_cases() {
        for (a, b, same) in [
            ("İSTANBUL", "İstanbul", true),
            ("İSTANBUL", "istanbul", true),
            ("I\u{307}STANBUL", "istanbul", true),
            ("ISTANBUL", "istanbul", false),
            ("ISPARTA", "Isparta", true),
            ("ISPARTA", "ısparta", true),
            ("ISPARTA", "isparta", false),
            ("KIRIKKALE", "Kırıkkale", true),
            ("DİYARBAKIR", "diyarbakır", true),
            ("BÜYÜK ÇINARALTI CADDESİ", "Büyük  Çınaraltı Caddesi", true),
            ("A\u{308}", "ä", true),
        ] {
            assert_eq!(fold(a, Casing::Turkish) == fold(b, Casing::Turkish), same, "{a} {b}");
        }
    }

    #[test]
    fn other_languages_have_one_letter_i() {
        for (a, b, same) in [
            ("TITEL", "titel", true),
            ("İ", "i", true),
            ("I", "ı", false),
            ("STRASSE", "straße", true),
            ("ﬁne", "FINE", true),
            ("ｆｕｌｌ", "full", true),
            ("in\u{ad}visi\u{200b}ble", "invisible", true),
            (" two\t\nwords ", "Two words", true),
            ("ΟΔΟΣ", "οδος", true),
            ("Žižkov", "zizkov", false),
        ] {
            assert_eq!(fold(a, Casing::Other) == fold(b, Casing::Other), same, "{a} {b}");
        }
    }

    #[test]
    fn a_search_needs_neither_marks_nor_the_right_i() {
        for (label, typed) in [
            ("İstanbul", "ISTANBUL"),
            ("Isparta", "isparta"),
            ("Kadıköy", "kadikoy"),
            ("Žižkov", "zizkov"),
            ("Weißensee", "WEISSENSEE"),
        ] {
            assert_eq!(fold_for_search(label), fold_for_search(typed), "{label}");
        }
    }

    #[test]
    fn the_language_of_a_tag_decides() {
        for (tag, casing) in
            [("tr", Casing::Turkish), ("TR-tr", Casing::Turkish), ("az", Casing::Turkish), ("trv", Casing::Other)]
        {
            assert_eq!(Casing::of(tag), casing, "{tag}");
        }
    }
}
