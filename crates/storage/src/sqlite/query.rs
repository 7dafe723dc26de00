//! Statements that grow with a filter.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

/// A statement that grows: text that never comes from outside, and values that may.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Query {
    pub(super) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Adds text that needs no value.
    pub(super) fn text(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Adds text with one value, which takes the place of the question mark.
    pub(super) fn with(&mut self, sql: &str, value: impl Into<Value>) {
        self.sql.push_str(sql);
        self.values.push(value.into());
    }

    /// The same, where there is a value.
    pub(super) fn with_some(&mut self, sql: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.with(sql, value);
        }
    }

    /// Adds text that ends with the bracket of a list, and the list, where there is any.
    pub(super) fn with_any<T: Clone + Into<Value>>(&mut self, sql: &str, values: &[T]) {
        for (index, value) in values.iter().enumerate() {
            self.with(if index == 0 { sql } else { ", " }, value.clone());
            self.text("?");
        }
        if !values.is_empty() {
            self.text(")");
        }
    }

    pub(super) fn rows<T>(
        &self,
        connection: &Connection,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        statement.query_map(params_from_iter(&self.values), read)?.collect()
    }
}
