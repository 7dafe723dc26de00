//! Checks of the formats of JSON Schema that are asserted: bounded, without allocation.
