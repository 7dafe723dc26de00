//! The meta-schemas of JSON Schema, for schemas that refer to them. Nothing is fetched, so they come along.
//!
//! They are the texts of json-schema.org, under the BSD or AFL licence of the JSON Schema specification authors.

macro_rules! metas {
    ($($uri:literal = $file:literal,)*) => {
        /// URI, path below the folder they are said to be in, text.
        pub(crate) const META_SCHEMAS: &[(&str, &str, &str)] =
            &[$(($uri, $file, include_str!(concat!("../meta/", $file))),)*];
    };
}

metas! {
    "http://json-schema.org/draft-07/schema" = "draft-07.json",
    "https://json-schema.org/draft/2020-12/schema" = "draft2020-12/schema.json",
    "https://json-schema.org/draft/2020-12/meta/applicator" = "draft2020-12/meta/applicator.json",
    "https://json-schema.org/draft/2020-12/meta/content" = "draft2020-12/meta/content.json",
    "https://json-schema.org/draft/2020-12/meta/core" = "draft2020-12/meta/core.json",
    "https://json-schema.org/draft/2020-12/meta/format-annotation" = "draft2020-12/meta/format-annotation.json",
    "https://json-schema.org/draft/2020-12/meta/format-assertion" = "draft2020-12/meta/format-assertion.json",
    "https://json-schema.org/draft/2020-12/meta/meta-data" = "draft2020-12/meta/meta-data.json",
    "https://json-schema.org/draft/2020-12/meta/unevaluated" = "draft2020-12/meta/unevaluated.json",
    "https://json-schema.org/draft/2020-12/meta/validation" = "draft2020-12/meta/validation.json",
    "https://json-schema.org/draft/2019-09/schema" = "draft2019-09/schema.json",
    "https://json-schema.org/draft/2019-09/meta/applicator" = "draft2019-09/meta/applicator.json",
    "https://json-schema.org/draft/2019-09/meta/content" = "draft2019-09/meta/content.json",
    "https://json-schema.org/draft/2019-09/meta/core" = "draft2019-09/meta/core.json",
    "https://json-schema.org/draft/2019-09/meta/format" = "draft2019-09/meta/format.json",
    "https://json-schema.org/draft/2019-09/meta/meta-data" = "draft2019-09/meta/meta-data.json",
    "https://json-schema.org/draft/2019-09/meta/validation" = "draft2019-09/meta/validation.json",
}
