//! The two worlds of the gateway. Keys, data and destinations of one never reach the other.

use std::fmt;

/// Where a key is valid: `Sandbox` for tests with synthetic data, `Production` for real people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// Tests with synthetic data.
    Sandbox,
    /// Real people.
    Production,
}

impl Environment {
    /// Both, for tables and tests.
    pub const ALL: [Environment; 2] = [Environment::Sandbox, Environment::Production];

    /// The name on the wire, in configuration and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Environment::Sandbox => "sandbox",
            Environment::Production => "production",
        }
    }

    /// The environment of that name.
    pub fn parse(name: &str) -> Option<Environment> {
        Environment::ALL.into_iter().find(|environment| environment.as_str() == name)
    }

    /// The three letters an API key carries.
    pub const fn key_code(self) -> &'static str {
        match self {
            Environment::Sandbox => "sbx",
            Environment::Production => "prd",
        }
    }

    /// The environment an API key with these three letters belongs to.
    pub fn of_key_code(code: &str) -> Option<Environment> {
        Environment::ALL.into_iter().find(|environment| environment.key_code() == code)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn names_and_key_codes_read_back() {
        for environment in Environment::ALL {
            assert_eq!(Environment::parse(environment.as_str()), Some(environment));
            assert_eq!(Environment::of_key_code(environment.key_code()), Some(environment));
        }
        for other in ["", "Sandbox", "sbx ", "test"] {
            assert_eq!(Environment::parse(other), None);
            assert_eq!(Environment::of_key_code(other), None);
        }
    }
}
