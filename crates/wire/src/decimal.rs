//! Exact decimals of any size. Money, rates and numeric identifiers never pass through a float.
//!
//! Every value has one representation: no trailing zeros in the coefficient, zero as 0, and the small form whenever the
//! coefficient fits `i64`. So equality and hashing compare representations.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::canonical::{Value, Writer};

/// Largest power of ten that is compared by multiplication instead of digit by digit.
const SCALE_MAX: u32 = 18;

/// Largest exponent of a text: a few characters must not print as gigabytes. It is that of [`crate::Limits::OPEN`].
const EXPONENT_MAX: u32 = 100_000;

/// An exact decimal number: coefficient times a power of ten.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small { coefficient: i64, exponent: i32 },
    Big(Box<Big>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Big {
    negative: bool,
    /// Decimal digits without leading or trailing zeros; more than fit an `i64`.
    digits: Box<str>,
    exponent: i32,
}

/// The text is not a JSON number, or its exponent is beyond 100,000 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseDecimalError;

impl fmt::Display for ParseDecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a decimal number")
    }
}

impl std::error::Error for ParseDecimalError {}

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal::new(0, 0);

    /// `coefficient` times ten to the power of `exponent`.
    #[inline]
    pub const fn new(coefficient: i64, exponent: i32) -> Decimal {
        let (mut coefficient, mut exponent) = (coefficient, exponent);
        if coefficient == 0 {
            exponent = 0;
        } else {
            while coefficient % 10 == 0 {
                coefficient /= 10;
                exponent += 1;
            }
        }
        Decimal(Repr::Small { coefficient, exponent })
    }

    /// The value of a JSON number that was split by the reader: its digits without the point, and the exponent that
    /// remains. `digits` may have leading and trailing zeros.
    #[cold]
    pub(crate) fn from_digits(negative: bool, digits: &str, exponent: i32) -> Decimal {
        let digits = digits.trim_start_matches('0');
        let kept = digits.trim_end_matches('0');
        let exponent = exponent.saturating_add((digits.len() - kept.len()) as i32);
        if kept.is_empty() {
            return Decimal::ZERO;
        }
        if kept.len() <= 19
            && let Ok(magnitude) = kept.parse::<u64>()
            // The sign first: the smallest `i64` has no positive twin.
            && let Some(coefficient) =
                if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
        {
            return Decimal(Repr::Small { coefficient, exponent });
        }
        Decimal(Repr::Big(Box::new(Big { negative, digits: kept.into(), exponent })))
    }

    /// The value as an integer, if it is one and fits.
    pub const fn as_i64(&self) -> Option<i64> {
        let Repr::Small { coefficient, exponent } = self.0 else { return None };
        if exponent < 0 {
            return None;
        }
        let Some(power) = 10i64.checked_pow(exponent as u32) else {
            return if coefficient == 0 { Some(0) } else { None };
        };
        coefficient.checked_mul(power)
    }

    /// True if the value has no fraction, whatever its size.
    pub const fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Small { exponent, .. } => *exponent >= 0,
            Repr::Big(big) => big.exponent >= 0,
        }
    }

    /// True if the value is below zero.
    pub const fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small { coefficient, .. } => *coefficient < 0,
            Repr::Big(big) => big.negative,
        }
    }

    /// True if the value is a whole multiple of `unit`. Nothing is a multiple of zero but zero.
    #[inline]
    pub fn is_multiple_of(&self, unit: &Decimal) -> bool {
        if let (Repr::Small { coefficient, exponent }, Repr::Small { coefficient: unit, exponent: place }) =
            (&self.0, &unit.0)
            && *unit != 0
        {
            // Coefficients have no trailing zero, so a value with digits below the unit's place is no multiple of it.
            if *coefficient == 0 || exponent < place {
                return *coefficient == 0;
            }
            // The common units, 0.01 and 1, ask for no more than that.
            if *unit == 1 {
                return true;
            }
        }
        self.is_multiple_of_any(unit)
    }

    fn is_multiple_of_any(&self, unit: &Decimal) -> bool {
        let (unit_digits, unit_exponent) = unit.magnitude();
        let (digits, exponent) = self.magnitude();
        if digits.as_str() == "0" || unit_digits.as_str() == "0" {
            return digits.as_str() == "0";
        }
        // Coefficients have no trailing zero, so one that must still be divided by ten is not a multiple.
        let Some(power) = exponent.checked_sub(unit_exponent).filter(|power| *power >= 0) else { return false };
        match unit_digits.as_str().parse::<u64>() {
            Ok(modulus) => remainder(digits.as_str(), power as u32, modulus) == 0,
            // A unit of twenty digits and more: only values of the same digits are asked for in practice; divide exactly.
            Err(_) => long_remainder_is_zero(digits.as_str(), power as u32, unit_digits.as_str()),
        }
    }

    fn magnitude(&self) -> (Digits<'_>, i32) {
        match &self.0 {
            Repr::Small { coefficient, exponent } => (Digits::small(coefficient.unsigned_abs()), *exponent),
            Repr::Big(big) => (Digits::Big(&big.digits), big.exponent),
        }
    }
}

/// The decimal digits of a coefficient, without an allocation for the small form.
enum Digits<'d> {
    Small { bytes: [u8; 20], start: usize },
    Big(&'d str),
}

impl Digits<'_> {
    fn small(mut value: u64) -> Self {
        let mut bytes = [b'0'; 20];
        let mut start = 20;
        loop {
            start -= 1;
            bytes[start] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                return Digits::Small { bytes, start };
            }
        }
    }

    fn as_str(&self) -> &str {
        match self {
            // Only ASCII digits were written, so this is always text.
            Digits::Small { bytes, start } => std::str::from_utf8(&bytes[*start..]).unwrap_or("0"),
            Digits::Big(digits) => digits,
        }
    }
}

fn remainder(digits: &str, power: u32, modulus: u64) -> u64 {
    let modulus = u128::from(modulus);
    let step = |rest: u128, digit: u128| (rest * 10 + digit) % modulus;
    let rest = digits.bytes().fold(0, |rest, byte| step(rest, u128::from(byte - b'0')));
    // rest * 10^power, by squaring: the exponent may be large.
    let (mut result, mut base, mut power) = (rest, 10 % modulus, power);
    while power > 0 && result != 0 {
        if power & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        power >>= 1;
    }
    result as u64
}

/// Schoolbook division on decimal digits, for units beyond `u64`: quadratic in the digits, which the reader bounds.
fn long_remainder_is_zero(digits: &str, power: u32, unit: &str) -> bool {
    let unit: Vec<u8> = unit.bytes().map(|byte| byte - b'0').collect();
    let mut rest: Vec<u8> = Vec::with_capacity(unit.len() + 1);
    let zeros = std::iter::repeat_n(0, power as usize);
    for digit in digits.bytes().map(|byte| byte - b'0').chain(zeros) {
        if !(rest.is_empty() && digit == 0) {
            rest.push(digit);
        }
        while compare_digits(&rest, &unit) != Ordering::Less {
            subtract(&mut rest, &unit);
        }
    }
    rest.is_empty()
}

fn compare_digits(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn subtract(from: &mut Vec<u8>, what: &[u8]) {
    let mut borrow = 0;
    for back in 1..=from.len() {
        let at = from.len() - back;
        let taken = borrow + if back <= what.len() { what[what.len() - back] } else { 0 };
        borrow = u8::from(from[at] < taken);
        from[at] = from[at] + 10 * borrow - taken;
    }
    let zeros = from.iter().take_while(|digit| **digit == 0).count();
    from.drain(..zeros);
}

impl From<i64> for Decimal {
    #[inline]
    fn from(value: i64) -> Self {
        Decimal::new(value, 0)
    }
}

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    /// Reads the grammar of a JSON number.
    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            None => (rest, 0),
            Some((mantissa, exponent)) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(ParseDecimalError);
                }
                let exponent = exponent.parse::<i32>().map_err(|_| ParseDecimalError)?;
                if exponent.unsigned_abs() > EXPONENT_MAX {
                    return Err(ParseDecimalError);
                }
                (mantissa, exponent)
            }
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(ParseDecimalError);
        }
        let exponent = exponent.checked_sub(fraction.len() as i32).ok_or(ParseDecimalError)?;
        Ok(Decimal::from_digits(negative, &format!("{whole}{fraction}"), exponent))
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Small { coefficient: a, exponent: x }, Repr::Small { coefficient: b, exponent: y }) =
            (&self.0, &other.0)
        {
            if x == y {
                return a.cmp(b);
            }
            let apart = x.abs_diff(*y);
            if apart <= SCALE_MAX {
                let power = 10i64.pow(apart);
                let narrow = if x > y {
                    a.checked_mul(power).map(|a| a.cmp(b))
                } else {
                    b.checked_mul(power).map(|b| a.cmp(&b))
                };
                if let Some(order) = narrow {
                    return order;
                }
                let power = 10i128.pow(apart);
                return if x > y {
                    (i128::from(*a) * power).cmp(&i128::from(*b))
                } else {
                    i128::from(*a).cmp(&(i128::from(*b) * power))
                };
            }
        }
        self.compare_far(other)
    }
}

impl Decimal {
    #[cold]
    fn compare_far(&self, other: &Self) -> Ordering {
        let ((digits, exponent), (other_digits, other_exponent)) = (self.magnitude(), other.magnitude());
        let (digits, other_digits) = (digits.as_str(), other_digits.as_str());
        let sign = |decimal: &Decimal, digits: &str| match (digits, decimal.is_negative()) {
            ("0", _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        let (own, others) = (sign(self, digits), sign(other, other_digits));
        if own != others || own == 0 {
            return own.cmp(&others);
        }
        let place = |digits: &str, exponent: i32| digits.len() as i64 + i64::from(exponent);
        let magnitude = place(digits, exponent)
            .cmp(&place(other_digits, other_exponent))
            // Both have no leading zeros, so the texts compare like fractions.
            .then_with(|| digits.cmp(other_digits));
        if own < 0 { magnitude.reverse() } else { magnitude }
    }
}

impl PartialOrd for Decimal {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    /// The canonical form: no exponent, no trailing zeros, `-0` as `0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, exponent) = self.magnitude();
        let digits = digits.as_str();
        if self.is_negative() {
            f.write_str("-")?;
        }
        if exponent >= 0 {
            f.write_str(digits)?;
            return (0..exponent).try_for_each(|_| f.write_str("0"));
        }
        let places = exponent.unsigned_abs() as usize;
        if let Some(whole) = digits.len().checked_sub(places).filter(|whole| *whole > 0) {
            return write!(f, "{}.{}", &digits[..whole], &digits[whole..]);
        }
        f.write_str("0.")?;
        (digits.len()..places).try_for_each(|_| f.write_str("0"))?;
        f.write_str(digits)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Value for Decimal {
    fn write(&self, writer: &mut Writer) {
        writer.number(self);
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn one_value_has_one_canonical_form() {
        for (texts, canonical) in [
            (&["0", "-0", "0.0", "0e7", "-0.00"][..], "0"),
            (&["1", "1.0", "10e-1", "0.1E+1"][..], "1"),
            (&["12345.60", "12345.6", "123456e-1"][..], "12345.6"),
            (&["-0.005", "-5e-3"][..], "-0.005"),
            (&["1000", "1e3"][..], "1000"),
            (&["9223372036854775808", "9223372036854775808.0"][..], "9223372036854775808"),
            (&["-9223372036854775808", "-9223372036854775808.0"][..], "-9223372036854775808"),
            (&["123456789012345678901234567890.5"][..], "123456789012345678901234567890.5"),
        ] {
            for text in texts {
                assert_eq!(decimal(text).to_string(), canonical, "{text}");
                assert_eq!(decimal(text), decimal(canonical), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_json_number_is_refused() {
        for text in [
            "",
            "-",
            "+1",
            ".5",
            "1.",
            "01",
            "1e",
            "1e+",
            "0x1",
            "1 ",
            "NaN",
            "1.5.2",
            "1e99999999999",
            "1e100001",
            "1e-100001",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        assert!("1e100000".parse::<Decimal>().is_ok());
    }

    #[test]
    fn order_is_by_value_across_sizes() {
        let ascending = [
            "-1e40",
            "-123456789012345678901",
            "-2",
            "-1.5",
            "-1e-30",
            "0",
            "1e-30",
            "0.1",
            "0.11",
            "1",
            "9.99",
            "10",
            "1e18",
            "9223372036854775807",
            "9223372036854775808",
            "123456789012345678901",
            "1e40",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(decimal(a).cmp(&decimal(b)), i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (value, unit, multiple) in [
            ("0.07", "0.01", true),
            ("4.35", "0.01", true),
            ("4.355", "0.01", false),
            ("1e400", "0.5", true),
            ("7", "2", false),
            ("0", "3", true),
            ("3", "0", false),
            ("-9", "3", true),
            ("246913578024691357802469135780", "123456789012345678901234567890", true),
            ("246913578024691357802469135781", "123456789012345678901234567890", false),
            ("370370367037036703703670370370123", "370370367037036703703670370370123", true),
        ] {
            assert_eq!(decimal(value).is_multiple_of(&decimal(unit)), multiple, "{value} {unit}");
        }
    }

    #[test]
    fn integers_fit_or_say_so() {
        assert_eq!(decimal("20e-1").as_i64(), Some(2));
        assert_eq!(decimal("9223372036854775807").as_i64(), Some(i64::MAX));
        assert_eq!(decimal("9223372036854775808").as_i64(), None);
        assert_eq!(decimal("-9223372036854775808").as_i64(), Some(i64::MIN));
        assert_eq!(decimal("-9223372036854775808"), Decimal::from(i64::MIN));
        assert_eq!(decimal("-9223372036854775809").as_i64(), None);
        assert_eq!(decimal("1.5").as_i64(), None);
        assert!(decimal("1e300").is_integer());
        assert!(!decimal("1e-300").is_integer());
    }
}
