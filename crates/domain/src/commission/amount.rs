//! Amounts of money: exact, in ten-thousandths of the currency's unit, which holds the minor units of all currencies.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use usher_wire::Decimal;

/// Decimal places of an amount: as many as the currencies with the smallest minor units have.
const PLACES: u32 = 4;
/// Percentages have at most as many decimal places.
const RATE_PLACES: u32 = 4;

/// The currencies of ISO 4217 whose minor unit is not a hundredth, with their decimal places.
const PLACES_OF: [(u32, &[&str]); 3] = [
    (
        0,
        &[
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
            "XOF", "XPF",
        ],
    ),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
    (4, &["CLF", "UYW"]),
];

/// An amount of money in a currency that is told beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Amount(i128);

/// The text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAmount;

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// The amount of a number with at most four decimal places, of any size that requests can have.
    pub fn of(number: &Decimal) -> Option<Amount> {
        scaled(number, PLACES).map(Amount)
    }

    /// The number.
    pub fn number(self) -> Decimal {
        self.to_string().parse().expect("an amount is written as a number")
    }

    /// Whether there is any.
    pub const fn is_above_zero(self) -> bool {
        self.0 > 0
    }

    /// Whether the currency has coins that small.
    pub fn fits(self, currency: &str) -> bool {
        self.0 % 10i128.pow(PLACES - places_of(currency)) == 0
    }

    /// So many percent of it, rounded half to even to the minor unit of the currency.
    pub fn percentage(self, rate: &Decimal, currency: &str) -> Option<Amount> {
        let rate = scaled(rate, RATE_PLACES)?;
        let product = self.0.checked_mul(rate)?;
        // The product is in units of ten to the power of -(PLACES + RATE_PLACES), of a hundredth.
        let minor = 10i128.pow(PLACES - places_of(currency));
        let divisor = 10i128.pow(RATE_PLACES + 2) * minor;
        let (whole, rest) = (product.div_euclid(divisor), product.rem_euclid(divisor));
        let is_up = rest * 2 > divisor || (rest * 2 == divisor && whole % 2 != 0);
        Some(Amount((whole + i128::from(is_up)) * minor))
    }
}

/// How many decimal places amounts of a currency have.
fn places_of(currency: &str) -> u32 {
    PLACES_OF.iter().find(|(_, currencies)| currencies.contains(&currency)).map_or(2, |(places, _)| *places)
}

/// The number times ten to the power of `places`, if that is whole and not far beyond all money there is.
fn scaled(number: &Decimal, places: u32) -> Option<i128> {
    let text = number.to_string();
    let (digits, is_negative) = text.strip_prefix('-').map_or((text.as_str(), false), |digits| (digits, true));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = (places as usize).checked_sub(fraction.len())?;
    if whole.len() > 18 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()?;
    Some(if is_negative { -digits } else { digits })
}

impl fmt::Display for Amount {
    /// As a number without trailing zeros: `12.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10u128.pow(PLACES);
        let (whole, rest) = (self.0.unsigned_abs() / unit, self.0.unsigned_abs() % unit);
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{rest:0width$}", width = PLACES as usize);
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl FromStr for Amount {
    type Err = NoAmount;

    fn from_str(text: &str) -> Result<Self, NoAmount> {
        text.parse().ok().as_ref().and_then(Amount::of).ok_or(NoAmount)
    }
}

impl TryFrom<String> for Amount {
    type Error = NoAmount;

    fn try_from(text: String) -> Result<Self, NoAmount> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> String {
        amount.to_string()
    }
}

impl fmt::Display for NoAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an amount with at most four decimal places")
    }
}

impl std::error::Error for NoAmount {}

// Sums stay far from the bounds: 2^127 ten-thousandths are more than ten to the power of 19 of the largest amounts.
impl Add for Amount {
    type Output = Amount;

    fn add(self, other: Amount) -> Amount {
        Amount(self.0 + other.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        *self = *self + other;
    }
}

impl Sub for Amount {
    type Output = Amount;

    fn sub(self, other: Amount) -> Amount {
        Amount(self.0 - other.0)
    }
}

impl Neg for Amount {
    type Output = Amount;

    fn neg(self) -> Amount {
        Amount(-self.0)
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        amounts.fold(Amount::ZERO, Add::add)
    }
}
