//! The port of the identity register: whom the gateway asks before it opens a flow. How it is asked is the business of
//! whoever implements the trait.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use usher_domain::environment::Environment;
use usher_domain::register::Finding;
use usher_wire::Personal;

/// A register of persons by national id.
pub trait IdentityRegister: Send + Sync {
    /// Asks who has this number. `correlation_id` is that of the call for which it is asked.
    fn look_up<'r>(&'r self, national_id: &'r Personal<String>, correlation_id: &'r str) -> LookingUp<'r>;
}

/// A question on its way. Dropped, it is forgotten: asking changes nothing.
pub type LookingUp<'r> = Pin<Box<dyn Future<Output = Result<Finding, RegisterUnavailable>> + Send + 'r>>;

/// The register gave no answer that can be used: it is down, slow, or what it says is not what the contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterUnavailable {
    /// After which time it may be worth asking again.
    pub retry_after: Duration,
}

/// The register of each environment. The sandbox has one of its own, so that nobody real is ever asked for there.
#[derive(Clone)]
pub struct Registers {
    /// The simulated one.
    pub sandbox: Arc<dyn IdentityRegister>,
    /// The real one; without it no flow is opened in production.
    pub production: Option<Arc<dyn IdentityRegister>>,
}

impl Registers {
    /// The register of an environment.
    pub(crate) fn of(&self, environment: Environment) -> Option<&dyn IdentityRegister> {
        match environment {
            Environment::Sandbox => Some(&*self.sandbox),
            Environment::Production => self.production.as_deref(),
        }
    }
}
