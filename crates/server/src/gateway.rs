//! What every request uses: the store, the secrets, the clock.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use usher_domain::destinations::Destinations;
use usher_domain::environment::Environment;
use usher_domain::key::Pepper;
use usher_domain::products::Products;
use usher_domain::receipt::DigestKey;
use usher_domain::reference::Reference;
use usher_domain::signature::SigningKeys;
use usher_storage::{Store, StoreError};
use usher_wire::Violations;

use crate::caller::Callers;
use crate::limits::Limits;
use crate::meter::Meters;
use crate::platform;
use crate::pressure::Pressure;
use crate::register::Registers;

/// What a 2xx stands for: the request is on the one disk of this machine.
pub const DURABILITY: &str = "single-disk";

/// The gateway behind the listener.
pub struct Gateway {
    pub(crate) store: Store,
    pub(crate) callers: Callers,
    pub(crate) digests: Arc<DigestKey>,
    pub(crate) signing: SigningKeys,
    products: RwLock<Arc<Products>>,
    reference: RwLock<Arc<Reference>>,
    destinations: RwLock<Arc<Destinations>>,
    pub(crate) registers: Registers,
    pub(crate) sandbox_step: Duration,
    /// Told of each request that the simulated bank has a script for.
    pub(crate) scripted: Notify,
    pub(crate) limits: Limits,
    pub(crate) meters: Meters,
    pub(crate) pressure: Pressure,
    clock: fn() -> Timestamp,
}

/// What a gateway is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// Turns keys into what is stored of them.
    pub pepper: Pepper,
    /// Turns bodies and persons into what is stored of them.
    pub digests: Arc<DigestKey>,
    /// Signs receipts.
    pub signing: SigningKeys,
    /// The environments whose keys are admitted.
    pub environments: Vec<Environment>,
    /// The products in force.
    pub products: Products,
    /// Who is asked for persons.
    pub registers: Registers,
    /// How long the simulated bank of the sandbox takes for a step.
    pub sandbox_step: Duration,
    /// The same limits as the listener's.
    pub limits: Limits,
    /// The time.
    pub clock: fn() -> Timestamp,
}

/// Why the products in force cannot be had from a store.
#[derive(Debug, thiserror::Error)]
pub enum ProductsError {
    /// The store does not say.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored version is not valid for this program.
    #[error("the products in force are not valid for this version of the program: {0}")]
    Invalid(Violations),
}

/// The products in force in a store.
///
/// # Errors
/// As [`ProductsError`] says.
pub async fn stored_products(store: &Store) -> Result<Products, ProductsError> {
    platform::in_force(store).await?.map_err(ProductsError::Invalid)
}

impl Gateway {
    /// A gateway.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, pepper, digests, signing, environments, products, registers, sandbox_step, limits, clock } =
            parts;
        let products = RwLock::new(Arc::new(products));
        let reference = RwLock::new(Arc::new(Reference::default()));
        let callers = Callers::new(pepper, environments);
        Gateway {
            store,
            callers,
            digests,
            signing,
            products,
            reference,
            destinations: RwLock::default(),
            registers,
            sandbox_step,
            scripted: Notify::new(),
            limits,
            meters: Meters::default(),
            pressure: Pressure::default(),
            clock,
        }
    }

    /// The code lists. Whoever judges a request asks once.
    pub(crate) fn reference(&self) -> Arc<Reference> {
        self.reference.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts code lists in force, for every request that is judged from now on.
    pub(crate) fn put_reference(&self, reference: Reference) {
        *self.reference.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(reference);
    }

    /// The destinations in force.
    pub(crate) fn destinations(&self) -> Arc<Destinations> {
        self.destinations.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts destinations in force, for every message that is pulled from now on.
    pub(crate) fn put_destinations(&self, destinations: Destinations) {
        *self.destinations.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(destinations);
    }

    /// The products in force. Whoever decides asks once, so that one request is judged by one version.
    pub(crate) fn products(&self) -> Arc<Products> {
        // A poisoned lock still guards a whole value: nothing that can panic runs under it.
        self.products.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts products in force, for every decision from now on. Versions only go up, whoever comes first.
    pub(crate) fn put_in_force(&self, products: Products) {
        let mut current = self.products.write().unwrap_or_else(PoisonError::into_inner);
        if products.version() > current.version() {
            *current = Arc::new(products);
        }
    }

    /// The time, to the millisecond: what is answered is what is stored.
    pub(crate) fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}
