use regex_automata::nfa::thompson::pikevm::PikeVM;

use super::*;
use crate::hostile::Random;

impl Random {
    fn text(&mut self) -> String {
        let count = self.below(9);
        (0..count)
            .map(|_| self.pick(&["a", "b", "7", " ", "-", "_", "\n", "é", "\u{feff}", "\u{85}", "€", "𝕏", "Ж"]))
            .collect()
    }

    fn pattern(&mut self, depth: usize) -> String {
        let terms = 1 + self.below(3);
        let mut out = String::new();
        for _ in 0..terms {
            match self.below(if depth == 0 { 7 } else { 9 }) {
                0 => out.push_str(self.pick(&["^", "$", r"\b", r"\B"])),
                7 | 8 => {
                    let inner = self.pattern(depth - 1);
                    let other =
                        if self.below(2) == 0 { format!("|{}", self.pattern(depth - 1)) } else { String::new() };
                    let open = self.pick(&["(", "(?:", "("]);
                    out.push_str(&format!("{open}{inner}{other})"));
                    out.push_str(self.pick(&["", "*", "+", "?", "{0,2}", "{2}", "{1,}", "*?"]));
                }
                _ => {
                    let atoms = [
                        "a",
                        "b",
                        "é",
                        "𝕏",
                        ".",
                        r"\d",
                        r"\D",
                        r"\w",
                        r"\W",
                        r"\s",
                        r"\S",
                        "[ab]",
                        "[^a]",
                        "[^]",
                        "[]",
                        r"[\s\S]",
                        r"[^\sé]",
                        r"\p{Script=Cyrillic}",
                        "[a-€]",
                        r"[^\d-]",
                        r"\u{e9}",
                        r"\ud835\udd4f",
                        "-",
                    ];
                    out.push_str(self.pick(&atoms));
                    out.push_str(self.pick(&["", "", "", "*", "+", "?", "{2}", "{0,3}"]));
                }
            }
        }
        out
    }
}

/// The table as generated code runs it.
fn at_run_time(dfa: &Dfa) -> usher_wire::pattern::Dfa {
    let cells: Box<[u16; 1 << 16]> = Box::new(usher_wire::pattern::table(&dfa.cell_runs()));
    let rows = Box::leak(cells[..dfa.cell_count()].to_vec().into_boxed_slice());
    usher_wire::pattern::Dfa::new(&dfa.class_runs(), dfa.class_count(), dfa.start(), dfa.accepting(), rows)
}

fn matches_at_run_time(pattern: &Pattern, text: &str) -> bool {
    let bound = |max: &Option<u32>| max.map_or(usize::MAX, |max| max as usize);
    match pattern {
        Pattern::Digits { min, max } => usher_wire::pattern::digits(text, *min as usize, bound(max)),
        Pattern::Trimmed { min, max } => usher_wire::pattern::trimmed(text, *min as usize, *max as usize),
        Pattern::Dfa(dfa) => at_run_time(dfa).matches(text),
    }
}

#[test]
fn tables_agree_with_a_simulation_of_the_pattern() {
    let mut random = Random(2026);
    let (mut patterns, mut refused, mut matched, mut cases) = (0, 0, 0, 0);
    while patterns < 800 {
        let source = random.pattern(1);
        let Ok(hir) = ecma::parse(&source) else { continue };
        patterns += 1;
        // A few of these need too large a table, as they would in earnest.
        let Ok(compiled) = compile(&source) else {
            refused += 1;
            continue;
        };
        let runtime = match &compiled {
            Pattern::Dfa(dfa) => Some(at_run_time(dfa)),
            _ => None,
        };
        let nfa = regex_automata::nfa::thompson::Compiler::new().build_from_hir(&hir).expect("the pattern is small");
        let vm = PikeVM::new_from_nfa(nfa).expect("the pattern is small");
        let mut cache = vm.create_cache();
        for _ in 0..40 {
            let text = random.text();
            // Not `is_match`: it loses matches that begin before an empty one inside a character.
            let expected = vm.find(&mut cache, text.as_str()).is_some();
            let found =
                runtime.as_ref().map_or_else(|| matches_at_run_time(&compiled, &text), |dfa| dfa.matches(&text));
            assert_eq!(found, expected, "{source:?} on {text:?} at run time");
            assert_eq!(compiled.matches(&text), expected, "{source:?} on {text:?}");
            matched += usize::from(expected);
            cases += 1;
        }
    }
    assert!(refused * 100 < patterns, "{refused} of {patterns} were refused");
    assert!(matched * 10 > cases && matched * 10 < cases * 9, "the cases say both yes and no: {matched} of {cases}");
}

/// The same patterns read by somebody else.
#[test]
fn patterns_mean_what_another_validator_takes_them_for() {
    let sources = [
        r"^\s*\S([\s\S]{0,3}\S)?\s*$",
        r"^[0-9]{2,4}$",
        r"^\d+$",
        r"^a.b$",
        r"a$",
        r"^\w+$",
        r"[^a-z\d]",
        r"^[^\s@]+@[^\s@]+\.[a-z]{2,}$",
        r"^(a|b|é)*$",
        r"^\+?[0-9 ()/-]{3,8}$",
        r"\p{Lu}",
        r"^[-_a]+$",
        r"^\u00e9|\x61$",
        r"^(?<year>7{2})-b?$",
        r"\/|\.|\$",
        "",
        "é",
    ];
    let mut random = Random(7);
    for source in sources {
        let ours = compile(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
        let schema = serde_json::json!({"pattern": source});
        let theirs = jsonschema::draft202012::new(&schema).expect("the pattern is valid");
        for _ in 0..800 {
            let text = random.text();
            // The other validator takes U+FEFF and U+0085 as Unicode does, not as ECMA-262 does.
            if source.contains('s') && text.contains(['\u{feff}', '\u{85}']) {
                continue;
            }
            let expected = theirs.is_valid(&serde_json::Value::String(text.clone()));
            assert_eq!(ours.matches(&text), expected, "{source:?} on {text:?}");
            assert_eq!(matches_at_run_time(&ours, &text), expected, "{source:?} on {text:?} at run time");
        }
    }
}

/// Verdicts of an ECMA-262 engine (`new RegExp(pattern, "u").test(text)`), noted once.
#[test]
fn ecma_peculiarities_hold() {
    let cases = [
        (r"^abc$", "abc\n", false),
        (r"^\s$", "\u{feff}", true),
        (r"^\s$", "\u{85}", false),
        (r"^\s$", "\u{2029}", true),
        (r"^\d$", "\u{7c0}", false),
        (r"^\w$", "é", false),
        (r"^.$", "𝕏", true),
        (r"^.$", "\u{2028}", false),
        (r"^.$", "\u{85}", true),
        (r"^[^]$", "\n", true),
        (r"[]", "a", false),
        (r"^\cC$", "\u{3}", true),
        (r"^\ud835\udd4f$", "𝕏", true),
        (r"^[\ud835\udd4f]$", "𝕏", true),
        (r"^\u{1d54f}$", "𝕏", true),
        (r"^[\b]$", "\u{8}", true),
        (r"^\0$", "\0", true),
        (r"é\b", "éa", true),
        (r"^.\Ba", "éa", false),
        (r"^[^\ud800-\udfff]$", "€", true),
        (r"(?:)", "", true),
        (r"a{0}", "b", true),
        (r"^[\w-]+$", "a-b", true),
        (r"^\v\f\t\r\n$", "\u{b}\u{c}\t\r\n", true),
        (r"^\p{digit}$", "\u{9ea}", true),
        (r"^\P{L}$", "1", true),
        (r"^\p{Script=Greek}+$", "αβ", true),
        (r"^a|b$", "xb", true),
    ];
    for (source, text, expected) in cases {
        let pattern = compile(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
        assert_eq!(pattern.matches(text), expected, "{source:?} on {text:?}");
    }
}

#[test]
fn common_shapes_are_recognised() {
    let digits = |min, max| Pattern::Digits { min, max };
    let cases = [
        (r"^[0-9]{5}$", digits(5, Some(5))),
        (r"^\d{1,3}$", digits(1, Some(3))),
        (r"^\d+$", digits(1, None)),
        (r"^(?:[0-9])*$", digits(0, None)),
        (r"^\d$", digits(1, Some(1))),
        (r"^\d?$", digits(0, Some(1))),
        (r"^\s*\S([\s\S]{0,98}\S)?\s*$", Pattern::Trimmed { min: 1, max: 100 }),
        (r"^\s*\S(?:[^]{0,0}\S)?\s*$", Pattern::Trimmed { min: 1, max: 2 }),
    ];
    for (source, expected) in cases {
        assert_eq!(compile(source).as_ref(), Ok(&expected), "{source}");
    }
    for source in [r"^\s*\S([\s\S]{1,98}\S)?\s*$", r"^\s*\S(.{0,98}\S)?\s*$", r"^[0-9]{5}", r"^[1-9][0-9]*$"] {
        assert!(matches!(compile(source), Ok(Pattern::Dfa(_))), "{source}");
    }
}

#[test]
fn refusals_say_what_to_write_instead() {
    let sources = [
        "(?=a)b",
        "a(?!b)",
        "(?<=a)b",
        "(?<!a)b",
        r"(a)\1",
        r"(?<n>a)\k<n>",
        "(?i:a)",
        "(?P<n>a)",
        "a**",
        "+a",
        "^*",
        "(a",
        "a)",
        "[a",
        "a]",
        "{",
        "a{2,1}",
        "a{,2}",
        r"\a",
        r"\-",
        "[z-a]",
        r"[\d-z]",
        r"\u12",
        r"\x1",
        r"\c1",
        r"\ud800",
        r"\p{Nothing}",
        r"\pL",
        "a{0,100000}",
        r"^\p{L}{1,200}$",
        "(?<1a>b)",
        "(?<a>b)(?<a>c)",
        "\\",
        r"\u{110000}",
        "((a{5000}){5000}){5000}",
    ];
    let texts: String = sources
        .iter()
        .map(|source| match compile(source) {
            Ok(_) => panic!("{source} was compiled"),
            Err(error) => format!("{source}\n    {}\n    help: {}\n", error.message, error.help.unwrap_or_default()),
        })
        .collect();
    insta::assert_snapshot!(texts);
}

#[test]
fn literals_are_short() {
    let Ok(Pattern::Dfa(dfa)) = compile(r"^[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2}$") else { panic!("not a table") };
    insta::assert_snapshot!(dfa.literal().to_string());
    let Ok(Pattern::Dfa(any)) = compile("^.{0,100}$") else { panic!("not a table") };
    assert_eq!(
        any.state_count(),
        101 * 4 - 3,
        "beside one for each count, three for the lead byte of the line ends U+2028 and U+2029"
    );
}

#[test]
fn no_pattern_breaks_the_compiler() {
    let mut random = Random(99);
    let pieces = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "*",
        "+",
        "?",
        "\\",
        "^",
        "$",
        "|",
        ".",
        "-",
        "?:",
        "?<n>",
        "\\u",
        "\\p{",
        "L}",
        "\\x",
        "d83d",
        "1",
        ",",
        "9999",
        "é",
        "\u{10ffff}",
        "\\b",
        "a",
        "\\k",
        "?=",
        "[^",
    ];
    for _ in 0..8000 {
        let count = random.below(12);
        let source: String = (0..count).map(|_| random.pick(&pieces)).collect();
        if let Ok(pattern) = compile(&source) {
            pattern.matches("a1é");
        }
    }
    assert!(compile(&"(".repeat(100_000)).is_err());
    assert!(compile(&"(a|".repeat(49)).is_err());
}
