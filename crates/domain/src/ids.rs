//! Ids that partners see. They are random, so that none tells when or how many, and none can be guessed.

use std::fmt;

use uuid::Uuid;

use crate::random::{self, Random};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new random id (UUID version 4).
            pub fn draw(random: &mut dyn Random) -> Self {
                $name(uuid::Builder::from_random_bytes(random::bytes(random)).into_uuid())
            }

            /// The id written as a hyphenated UUID, in either case; any other form is no id of ours.
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() != 36 {
                    return None;
                }
                Uuid::try_parse(text).ok().map($name)
            }

            /// The id kept as these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                $name(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes to keep.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

uuid_id! {
    /// The public id of an accepted request: in its receipt, its `Location` and every delivery of it.
    PublicId
}
uuid_id! {
    /// An organisation that sends requests.
    PartnerId
}
uuid_id! {
    /// One program of a partner. On the wire of the digital customer API it is the `AppKey`.
    ApplicationId
}
uuid_id! {
    /// Ties one call together over logs, answers and deliveries: `x-correlation-id`, `traceId`, `TransactionId`.
    CorrelationId
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $first:literal..=$last:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The smallest such number.
            pub const FIRST: i64 = $first;
            /// The largest such number.
            pub const LAST: i64 = $last;

            /// A new random number, each equally likely.
            pub fn draw(random: &mut dyn Random) -> Self {
                let drawn = random::number(random, $first..=$last);
                $name(i64::try_from(drawn).expect("the range is within i64"))
            }

            /// The number, when it is one of ours by its range.
            pub fn new(number: i64) -> Option<Self> {
                (Self::FIRST..=Self::LAST).contains(&number).then_some($name(number))
            }

            /// The number as it stands on the wire.
            pub const fn number(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id! {
    /// The public number of a flow: 16 digits, and exact even for a reader that knows only doubles.
    ProcessId, 1_000_000_000_000_000..=9_007_199_254_740_991
}
number_id! {
    /// The public number of a person's customer record: 10 digits.
    CustomerNo, 1_000_000_000..=9_999_999_999
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::seeded;

    #[test]
    fn a_public_id_is_a_random_uuid_and_reads_back() {
        let mut random = seeded(1);
        for _ in 0..100 {
            let id = PublicId::draw(&mut random);
            let text = id.to_string();
            assert_eq!((text.len(), &text[14..15]), (36, "4"), "{text}");
            assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
            assert_eq!(PublicId::parse(&text), Some(id));
            assert_eq!(PublicId::parse(&text.to_uppercase()), Some(id));
            assert_eq!(PublicId::from_bytes(*id.as_bytes()), id);
        }
    }

    #[test]
    fn other_text_is_no_public_id() {
        let hyphenated = "6a9ae8b4-3f0b-4f0e-9a51-0d8f3a7c2b10";
        assert!(PublicId::parse(hyphenated).is_some());
        for text in ["", "1", &hyphenated.replace('-', ""), &format!("{{{hyphenated}}}"), &hyphenated.replace('6', "g")]
        {
            assert_eq!(PublicId::parse(text), None, "{text}");
        }
    }

    // shows: IA-033
    #[test]
    fn a_process_id_has_16_digits_and_fits_a_double() {
        let mut random = seeded(2);
        for _ in 0..1_000 {
            let id = ProcessId::draw(&mut random);
            assert_eq!(id.to_string().len(), 16);
            assert_eq!(ProcessId::new(id.number()), Some(id));
        }
        for (number, ours) in [
            (999_999_999_999_999, false),
            (1_000_000_000_000_000, true),
            (9_007_199_254_740_991, true),
            (9_007_199_254_740_992, false),
            (-1_000_000_000_000_000, false),
        ] {
            assert_eq!(ProcessId::new(number).is_some(), ours, "{number}");
        }
    }

    // shows: IA-034
    #[test]
    fn a_customer_number_has_10_digits_and_no_leading_zero() {
        let mut random = seeded(3);
        for _ in 0..1_000 {
            assert_eq!(CustomerNo::draw(&mut random).to_string().len(), 10);
        }
        for (number, ours) in
            [(999_999_999, false), (1_000_000_000, true), (9_999_999_999, true), (10_000_000_000, false)]
        {
            assert_eq!(CustomerNo::new(number).is_some(), ours, "{number}");
        }
    }
}
