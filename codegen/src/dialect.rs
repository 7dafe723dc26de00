//! The drafts of JSON Schema that are read, and what tells them apart.

/// A draft.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// Draft 7.
    Draft7,
    /// Draft 2019-09.
    Draft2019,
    /// Draft 2020-12.
    #[default]
    Draft2020,
}

impl Dialect {
    /// All of them, oldest first.
    pub const ALL: [Dialect; 3] = [Dialect::Draft7, Dialect::Draft2019, Dialect::Draft2020];

    /// The URI of its meta-schema, which `$schema` names.
    pub const fn uri(self) -> &'static str {
        match self {
            Dialect::Draft7 => "http://json-schema.org/draft-07/schema",
            Dialect::Draft2019 => "https://json-schema.org/draft/2019-09/schema",
            Dialect::Draft2020 => "https://json-schema.org/draft/2020-12/schema",
        }
    }

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Dialect::Draft7 => "draft 7",
            Dialect::Draft2019 => "draft 2019-09",
            Dialect::Draft2020 => "draft 2020-12",
        }
    }

    /// The draft whose meta-schema has this URI.
    pub fn of(uri: &str) -> Option<Dialect> {
        let uri = uri.trim_end_matches('#').trim_start_matches("https").trim_start_matches("http");
        Dialect::ALL
            .into_iter()
            .find(|dialect| dialect.uri().trim_start_matches("https").trim_start_matches("http") == uri)
    }

    /// Whether a keyword means something in this draft; else it is an annotation like any unknown one.
    pub fn knows(self, keyword: &str) -> bool {
        match keyword {
            "$anchor"
            | "$defs"
            | "$vocabulary"
            | "dependentRequired"
            | "dependentSchemas"
            | "deprecated"
            | "minContains"
            | "maxContains"
            | "unevaluatedItems"
            | "unevaluatedProperties" => self > Dialect::Draft7,
            "$dynamicRef" | "$dynamicAnchor" | "prefixItems" => self == Dialect::Draft2020,
            "$recursiveRef" | "$recursiveAnchor" => self == Dialect::Draft2019,
            "additionalItems" => self < Dialect::Draft2020,
            _ => true,
        }
    }

    /// Whether nothing beside a `$ref` counts.
    pub fn refers_alone(self) -> bool {
        self == Dialect::Draft7
    }

    /// Whether an item that `contains` counts is evaluated by it.
    pub fn contains_evaluates(self) -> bool {
        self == Dialect::Draft2020
    }
}
