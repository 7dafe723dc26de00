//! What the codes of a list stand for. Rules ask for a subject, never for a list by its name, so several lists, each with a
//! licence of its own, can answer together without being merged.

/// What the codes of a list stand for, where a rule asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Postal codes of Germany.
    DePostalCode,
    /// 13-digit geo codes of Germany.
    DeGeoCode,
    /// Domains of throw-away mail addresses.
    DisposableDomain,
    /// Education.
    Education,
    /// Kinds of work.
    WorkingStatus,
    /// Occupations.
    JobTitle,
    /// Ways to live.
    HomeStatus,
    /// Provinces, as addresses of the digital customer name them.
    City,
    /// Towns; the parent is the city.
    Town,
    /// Districts; the parent is the town.
    District,
    /// Streets; the parent is the district.
    Street,
    /// Branches of the bank.
    Branch,
    /// Terms that certain fields must not hold.
    BlockedTerm,
    /// Terms that may be held although a part of them is blocked.
    AllowedTerm,
}

impl Subject {
    /// Every subject.
    pub const ALL: [Subject; 14] = [
        Subject::DePostalCode,
        Subject::DeGeoCode,
        Subject::DisposableDomain,
        Subject::Education,
        Subject::WorkingStatus,
        Subject::JobTitle,
        Subject::HomeStatus,
        Subject::City,
        Subject::Town,
        Subject::District,
        Subject::Street,
        Subject::Branch,
        Subject::BlockedTerm,
        Subject::AllowedTerm,
    ];

    /// Its name in a list's head.
    pub const fn as_str(self) -> &'static str {
        match self {
            Subject::DePostalCode => "de_postal_code",
            Subject::DeGeoCode => "de_geo_code",
            Subject::DisposableDomain => "disposable_domain",
            Subject::Education => "education",
            Subject::WorkingStatus => "working_status",
            Subject::JobTitle => "job_title",
            Subject::HomeStatus => "home_status",
            Subject::City => "city",
            Subject::Town => "town",
            Subject::District => "district",
            Subject::Street => "street",
            Subject::Branch => "branch",
            Subject::BlockedTerm => "blocked_term",
            Subject::AllowedTerm => "allowed_term",
        }
    }

    /// The subject of that name.
    pub fn parse(name: &str) -> Option<Subject> {
        Subject::ALL.into_iter().find(|subject| subject.as_str() == name)
    }

    /// Whether the list is of words: it has a language and field classes, and partners do not read it.
    pub fn is_words(self) -> bool {
        matches!(self, Subject::BlockedTerm | Subject::AllowedTerm)
    }

    /// What is wrong with the form of a code of this subject, if anything is.
    pub(crate) fn fault_of(self, code: &str) -> Option<&'static str> {
        let are_digits = code.bytes().all(|byte| byte.is_ascii_digit());
        match self {
            Subject::DePostalCode => (!are_digits || code.len() != 5).then_some("must have 5 digits"),
            Subject::DeGeoCode => (!are_digits || code.len() != 13 || !code.starts_with("1276"))
                .then_some("must have 13 digits and begin with 1276"),
            Subject::DisposableDomain => {
                let is_domain = code.contains('.')
                    && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'))
                    && code.split('.').all(|label| !label.is_empty());
                (!is_domain).then_some("must be a domain in lower case, with a dot")
            }
            // Any word or sign, a picture included.
            Subject::BlockedTerm | Subject::AllowedTerm => None,
            _ => (!are_digits || code.len() > 20).then_some("must have 1 to 20 digits"),
        }
    }
}

/// What kind of field a word is looked for in. Streets and places have none: words are never looked for there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldClass {
    /// Names of persons.
    Name,
    /// Names of companies and banks.
    Company,
    /// What a person writes freely.
    Text,
}

impl FieldClass {
    /// Every class.
    pub const ALL: [FieldClass; 3] = [FieldClass::Name, FieldClass::Company, FieldClass::Text];

    /// Its name in a list's head.
    pub const fn as_str(self) -> &'static str {
        match self {
            FieldClass::Name => "name",
            FieldClass::Company => "company",
            FieldClass::Text => "text",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<FieldClass> {
        FieldClass::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// Where the persons of an API live. Terms of another market's language are not looked for: what offends in Turkish may be a
/// Czech name. Terms of a language that is no market's are looked for everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Market {
    /// Czechia.
    Czech,
    /// Germany.
    German,
    /// Turkey.
    Turkish,
}

impl Market {
    pub(crate) const ALL: [Market; 3] = [Market::Czech, Market::German, Market::Turkish];

    /// The language most persons write.
    pub const fn language(self) -> &'static str {
        match self {
            Market::Czech => "cs",
            Market::German => "de",
            Market::Turkish => "tr",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_is_found_by_its_name() {
        for subject in Subject::ALL {
            assert_eq!(Subject::parse(subject.as_str()), Some(subject));
        }
        for class in FieldClass::ALL {
            assert_eq!(FieldClass::parse(class.as_str()), Some(class));
        }
        assert_eq!((Subject::parse("planet"), FieldClass::parse("street")), (None, None));
    }

    #[test]
    fn a_code_has_the_form_of_its_subject() {
        for (subject, code, good) in [
            (Subject::DePostalCode, "10115", true),
            (Subject::DePostalCode, "1011", false),
            (Subject::DePostalCode, "1011a", false),
            (Subject::DeGeoCode, "1276003001046", true),
            (Subject::DeGeoCode, "1276003001", false),
            (Subject::DeGeoCode, "1040003001046", false),
            (Subject::DisposableDomain, "mail.example", true),
            (Subject::DisposableDomain, "Mail.example", false),
            (Subject::DisposableDomain, "example", false),
            (Subject::DisposableDomain, "mail..example", false),
            (Subject::City, "06", true),
            (Subject::City, "Ankara", false),
            (Subject::Street, "123456789012345678901", false),
            (Subject::BlockedTerm, "two words", true),
        ] {
            assert_eq!(subject.fault_of(code).is_none(), good, "{subject:?} {code}");
        }
    }
}
