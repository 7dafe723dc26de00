//! Personal data, kept out of everything that prints.

use std::fmt;

use crate::canonical::{Value, Writer};

/// A value that tells about a person, or a credential. Its debug form is a placeholder; reaching inside is explicit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Marks `value` as personal.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Personal(value)
    }

    /// The value itself. It must not reach a log, an error, a metric or a URL.
    #[inline(always)]
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, taken out.
    #[inline(always)]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Personal(value)
    }
}

impl From<&str> for Personal<String> {
    fn from(value: &str) -> Self {
        Personal(value.to_owned())
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(..)")
    }
}

impl<T: Value> Value for Personal<T> {
    #[inline]
    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
}

#[cfg(test)]
mod tests {
    use super::Personal;

    #[test]
    fn debug_shows_a_placeholder() {
        assert_eq!(format!("{:?}", Some(Personal::new("Ada"))), "Some(Personal(..))");
    }
}
