//! What a bank user may do.

/// The role of a bank user. Each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Reader,
    /// Works on requests, too: acknowledges and sets statuses.
    Agent,
    /// Runs the house, too: partners, products, users.
    Operator,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::Reader, Role::Agent, Role::Operator];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Agent => "agent",
            Role::Operator => "operator",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn each_role_may_do_what_the_one_before_may() {
        assert!(Role::Reader < Role::Agent && Role::Agent < Role::Operator);
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("Reader"), None);
    }
}
