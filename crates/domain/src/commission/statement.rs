//! Statements: what a month did to what is owed, in each currency, recomputed from nothing but the entries.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::{Amount, Kind};

/// A month of the calendar in UTC: `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: Date,
}

/// An entry of the ledger, as far as statements need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it does.
    pub kind: Kind,
    /// The product of the request.
    pub product: String,
    /// What it changes of what is owed.
    pub amount: Amount,
    /// The currency, by its ISO 4217 code.
    pub currency: String,
    /// When it was written, Unix milliseconds.
    pub at: i64,
}

/// What a month did to what is owed to a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The month.
    pub month: Month,
    /// A part for each currency that was ever used, in alphabetical order.
    pub parts: Vec<CurrencyPart>,
}

/// The part of a statement in one currency: currencies are never added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyPart {
    /// The currency, by its ISO 4217 code.
    pub currency: String,
    /// What was owed when the month began.
    pub opening: Amount,
    /// What the month's entries of each product changed, in alphabetical order.
    pub products: Vec<Total<String>>,
    /// What the month's entries of each kind changed, in the order of the kinds.
    pub kinds: Vec<Total<Kind>>,
    /// What was owed when the month ended.
    pub closing: Amount,
}

/// The sum of some entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total<T> {
    /// What the entries have in common.
    pub of: T,
    /// How many they are.
    pub count: u64,
    /// Their sum.
    pub amount: Amount,
}

impl Month {
    /// The month of this text, such as `2026-11`.
    pub fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-')?;
        let is_digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(year, 4) || !is_digits(month, 2) {
            return None;
        }
        Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok().map(|first| Month { first })
    }

    /// The month that a time in Unix milliseconds is in.
    pub fn of(millis: i64) -> Month {
        let time = Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(TimeZone::UTC);
        Month { first: date(time.year(), time.month(), 1) }
    }

    /// The month after it.
    pub fn next(self) -> Month {
        // The calendar ends with the year 9999; what comes after is the same month for ever.
        let next = self.first.checked_add(jiff::Span::new().months(1));
        Month { first: next.unwrap_or(self.first) }
    }

    /// When it begins, in Unix milliseconds.
    pub fn begin(self) -> i64 {
        self.first.to_zoned(TimeZone::UTC).map_or(0, |begin| begin.timestamp().as_millisecond())
    }

    /// When it is over, in Unix milliseconds.
    pub fn end(self) -> i64 {
        self.next().begin()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

/// The statement of a month. `carried` is what older entries came to, in each currency; `lines` are all other entries of the
/// partner before its end, in any order; later ones do not count. So whoever has the whole ledger carries nothing.
pub fn statement<'l>(
    month: Month,
    carried: impl IntoIterator<Item = (&'l str, Amount)>,
    lines: impl IntoIterator<Item = &'l Line>,
) -> Statement {
    let mut books: BTreeMap<&str, Book<'_>> = BTreeMap::new();
    let (begin, end) = (month.begin(), month.end());
    for (currency, amount) in carried {
        books.entry(currency).or_default().opening += amount;
    }
    for line in lines.into_iter().filter(|line| line.at < end) {
        let book = books.entry(&line.currency).or_default();
        if line.at < begin {
            book.opening += line.amount;
        } else {
            book.products.entry(&line.product).or_default().add(line.amount);
            book.kinds.entry(line.kind).or_default().add(line.amount);
        }
    }
    Statement { month, parts: books.into_iter().map(|(currency, book)| book.close(currency)).collect() }
}

/// What is known of one currency while its entries are read.
#[derive(Default)]
struct Book<'l> {
    opening: Amount,
    products: BTreeMap<&'l str, Sum>,
    kinds: BTreeMap<Kind, Sum>,
}

impl Book<'_> {
    fn close(self, currency: &str) -> CurrencyPart {
        let change = self.kinds.values().map(|sum| sum.amount).sum();
        CurrencyPart {
            currency: currency.to_owned(),
            opening: self.opening,
            products: self.products.into_iter().map(|(of, sum)| sum.total(of.to_owned())).collect(),
            kinds: self.kinds.into_iter().map(|(of, sum)| sum.total(of)).collect(),
            closing: self.opening + change,
        }
    }
}

#[derive(Default)]
struct Sum {
    count: u64,
    amount: Amount,
}

impl Sum {
    fn add(&mut self, amount: Amount) {
        self.count += 1;
        self.amount += amount;
    }

    fn total<T>(self, of: T) -> Total<T> {
        Total { of, count: self.count, amount: self.amount }
    }
}
