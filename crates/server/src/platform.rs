//! The routes of the platform API: what operators set up. Who may call them is settled before; every change leaves a line in
//! the audit with the operator's name.

mod bank_users;
pub(crate) mod destinations;
mod directory;
mod lists;
mod messages;
mod products;
mod webhooks;

use usher_contract::platform::v1::operations::{
    AddSubscriptionParameters, ApplyDestinationsParameters, ApplyProductsParameters, ChangeApplicationParameters,
    CheckDestinationsParameters, CheckProductsParameters, CreateApplicationParameters, CreateBankUserParameters,
    CreateKeyParameters, CreatePartnerParameters, CreateWebhookSecretParameters, EndSubscriptionParameters,
    EndWebhookParameters, ImportListParameters, ListApplicationsParameters, ListAuditParameters,
    ListBankUsersParameters, ListDestinationsVersionsParameters, ListKeysParameters, ListOutgoingParameters,
    ListPartnersParameters, ListProductsVersionsParameters, ListStoredListsParameters, ListWebhookSecretsParameters,
    ListWebhooksParameters, ReadDestinationsParameters, ReadProductsParameters, ReadProductsVersionParameters,
    RenamePartnerParameters, ReplayMessagesParameters, RevokeBankUserParameters, RevokeKeyParameters, Server,
    SetWebhookParameters,
};
use usher_contract::platform::v1::{
    ApplicationChange, ApplicationWish, AuditEntry, AuditPage, BankUserWish, Destinations, KeyWish, ListImport,
    PartnerWish, Products, Replay, Subscription, WebhookEnd, WebhookSecretWish, WebhookWish,
};
use usher_domain::environment::Environment;
use usher_storage::{Audit, Change, Constraint, StoreError};
use usher_wire::{Parsed, Unknown, to_json};
use uuid::Uuid;

pub(crate) use self::products::in_force;
use crate::caller::Operator;
use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::submit::header_key;
use crate::{random, receipt};

/// Days a key is valid where nobody says otherwise.
const KEY_DAYS: i64 = 365;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const AUDIT_LIMIT: u32 = 100;

/// A call of an operator.
type OperatorCall = Call<Operator>;

/// The API as the contract's server sees it.
pub(crate) struct Platform;

/// How a creation ended.
enum Created {
    /// It is there now.
    Now,
    /// It was there: made by an earlier call with the same idempotency key.
    Before,
}

impl OperatorCall {
    /// What a new thing is made from. The same under a repeated idempotency key, so that a repeat finds what is there.
    fn seed(&self, subject: &str) -> Result<Option<[u8; 32]>, Fault> {
        let key = header_key(self)?;
        let seed = |key: String| self.gateway.digests.creation(self.operation.id, &self.known.name, subject, &key);
        Ok(key.map(|key| *seed(key).as_bytes()))
    }

    /// The id of a new thing.
    fn new_id(&self, subject: &str) -> Result<Uuid, Fault> {
        let mut bytes = [0; 16];
        match self.seed(subject)? {
            Some(seed) => bytes.copy_from_slice(&seed[..16]),
            None => random::fill(&mut bytes),
        }
        Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Changes the directory in the operator's name.
    async fn administer(&self, change: Change) -> Result<(), StoreError> {
        let audit = Audit { actor: self.known.name.clone(), at: self.now.as_millisecond() };
        self.gateway.store.administer(vec![change], audit).await
    }

    /// Adds something to the directory, unless an earlier call with the same idempotency key did.
    async fn create(&self, change: Change) -> Result<Created, Fault> {
        match self.administer(change).await {
            Ok(()) => Ok(Created::Now),
            Err(StoreError::Constraint(Constraint::Unique)) if header_key(self)?.is_some() => Ok(Created::Before),
            Err(error) => Err(error.into()),
        }
    }

    /// When a key made now for so many days ends.
    fn key_end(&self, days: Option<i64>) -> i64 {
        self.now.as_millisecond() + days.unwrap_or(KEY_DAYS) * DAY_MILLIS
    }
}

/// The environment as the store knows it.
fn stored(environment: Environment) -> usher_storage::Environment {
    match environment {
        Environment::Sandbox => usher_storage::Environment::Sandbox,
        Environment::Production => usher_storage::Environment::Production,
    }
}

impl Created {
    fn answer(&self, call: &OperatorCall, body: Vec<u8>) -> Answer {
        Answer { is_replayed: matches!(self, Created::Before), ..call.answer(body) }
    }
}

impl Server for Platform {
    type Call = OperatorCall;
    type Answer = Result<Answer, Fault>;

    async fn create_partner(
        &self,
        call: &OperatorCall,
        _parameters: CreatePartnerParameters,
        body: Parsed<PartnerWish>,
    ) -> Result<Answer, Fault> {
        directory::create_partner(call, body).await
    }

    async fn list_partners(&self, call: &OperatorCall, _parameters: ListPartnersParameters) -> Result<Answer, Fault> {
        directory::list_partners(call).await
    }

    async fn rename_partner(
        &self,
        call: &OperatorCall,
        parameters: RenamePartnerParameters,
        body: Parsed<PartnerWish>,
    ) -> Result<Answer, Fault> {
        directory::rename_partner(call, &parameters.partner, body).await
    }

    async fn create_application(
        &self,
        call: &OperatorCall,
        parameters: CreateApplicationParameters,
        body: Parsed<ApplicationWish>,
    ) -> Result<Answer, Fault> {
        directory::create_application(call, &parameters.partner, body).await
    }

    async fn list_applications(
        &self,
        call: &OperatorCall,
        parameters: ListApplicationsParameters,
    ) -> Result<Answer, Fault> {
        directory::list_applications(call, parameters.partner.as_deref()).await
    }

    async fn change_application(
        &self,
        call: &OperatorCall,
        parameters: ChangeApplicationParameters,
        body: Parsed<ApplicationChange>,
    ) -> Result<Answer, Fault> {
        directory::change_application(call, &parameters.application, body).await
    }

    async fn add_subscription(
        &self,
        call: &OperatorCall,
        parameters: AddSubscriptionParameters,
        body: Parsed<Subscription>,
    ) -> Result<Answer, Fault> {
        directory::subscribe(call, &parameters.application, body, true).await
    }

    async fn end_subscription(
        &self,
        call: &OperatorCall,
        parameters: EndSubscriptionParameters,
        body: Parsed<Subscription>,
    ) -> Result<Answer, Fault> {
        directory::subscribe(call, &parameters.application, body, false).await
    }

    async fn create_key(
        &self,
        call: &OperatorCall,
        parameters: CreateKeyParameters,
        body: Parsed<KeyWish>,
    ) -> Result<Answer, Fault> {
        directory::create_key(call, &parameters.application, body).await
    }

    async fn list_keys(&self, call: &OperatorCall, parameters: ListKeysParameters) -> Result<Answer, Fault> {
        directory::list_keys(call, &parameters.application).await
    }

    async fn revoke_key(&self, call: &OperatorCall, parameters: RevokeKeyParameters) -> Result<Answer, Fault> {
        directory::revoke_key(call, &parameters.application, &parameters.prefix).await
    }

    async fn read_products(&self, call: &OperatorCall, _parameters: ReadProductsParameters) -> Result<Answer, Fault> {
        products::read(call, None).await
    }

    async fn apply_products(
        &self,
        call: &OperatorCall,
        parameters: ApplyProductsParameters,
        body: Parsed<Products>,
    ) -> Result<Answer, Fault> {
        products::apply(call, parameters.previous, body).await
    }

    async fn check_products(
        &self,
        call: &OperatorCall,
        _parameters: CheckProductsParameters,
        body: Parsed<Products>,
    ) -> Result<Answer, Fault> {
        products::check(call, body).await
    }

    async fn list_products_versions(
        &self,
        call: &OperatorCall,
        _parameters: ListProductsVersionsParameters,
    ) -> Result<Answer, Fault> {
        products::versions(call).await
    }

    async fn read_products_version(
        &self,
        call: &OperatorCall,
        parameters: ReadProductsVersionParameters,
    ) -> Result<Answer, Fault> {
        products::read(call, Some(parameters.version)).await
    }

    async fn import_list(
        &self,
        call: &OperatorCall,
        _parameters: ImportListParameters,
        body: Parsed<ListImport>,
    ) -> Result<Answer, Fault> {
        lists::import(call, body).await
    }

    async fn list_stored_lists(
        &self,
        call: &OperatorCall,
        parameters: ListStoredListsParameters,
    ) -> Result<Answer, Fault> {
        lists::list(call, parameters.name.as_deref()).await
    }

    async fn create_bank_user(
        &self,
        call: &OperatorCall,
        _parameters: CreateBankUserParameters,
        body: Parsed<BankUserWish>,
    ) -> Result<Answer, Fault> {
        bank_users::create(call, body).await
    }

    async fn list_bank_users(
        &self,
        call: &OperatorCall,
        _parameters: ListBankUsersParameters,
    ) -> Result<Answer, Fault> {
        bank_users::list(call).await
    }

    async fn revoke_bank_user(
        &self,
        call: &OperatorCall,
        parameters: RevokeBankUserParameters,
    ) -> Result<Answer, Fault> {
        bank_users::revoke(call, &parameters.user).await
    }

    async fn set_webhook(
        &self,
        call: &OperatorCall,
        parameters: SetWebhookParameters,
        body: Parsed<WebhookWish>,
    ) -> Result<Answer, Fault> {
        webhooks::set(call, &parameters.application, body).await
    }

    async fn end_webhook(
        &self,
        call: &OperatorCall,
        parameters: EndWebhookParameters,
        body: Parsed<WebhookEnd>,
    ) -> Result<Answer, Fault> {
        webhooks::end(call, &parameters.application, body).await
    }

    async fn list_webhooks(&self, call: &OperatorCall, _parameters: ListWebhooksParameters) -> Result<Answer, Fault> {
        webhooks::list(call).await
    }

    async fn create_webhook_secret(
        &self,
        call: &OperatorCall,
        _parameters: CreateWebhookSecretParameters,
        body: Parsed<WebhookSecretWish>,
    ) -> Result<Answer, Fault> {
        webhooks::create_secret(call, body).await
    }

    async fn list_webhook_secrets(
        &self,
        call: &OperatorCall,
        parameters: ListWebhookSecretsParameters,
    ) -> Result<Answer, Fault> {
        let ListWebhookSecretsParameters { environment, destination, application, .. } = parameters;
        webhooks::list_secrets(call, environment.as_ref(), destination, application.as_deref()).await
    }

    async fn read_destinations(
        &self,
        call: &OperatorCall,
        parameters: ReadDestinationsParameters,
    ) -> Result<Answer, Fault> {
        destinations::read(call, parameters.version).await
    }

    async fn apply_destinations(
        &self,
        call: &OperatorCall,
        parameters: ApplyDestinationsParameters,
        body: Parsed<Destinations>,
    ) -> Result<Answer, Fault> {
        destinations::apply(call, parameters.previous, body).await
    }

    async fn check_destinations(
        &self,
        call: &OperatorCall,
        _parameters: CheckDestinationsParameters,
        body: Parsed<Destinations>,
    ) -> Result<Answer, Fault> {
        destinations::check(call, body).await
    }

    async fn list_destinations_versions(
        &self,
        call: &OperatorCall,
        _parameters: ListDestinationsVersionsParameters,
    ) -> Result<Answer, Fault> {
        destinations::versions(call).await
    }

    async fn list_outgoing(&self, call: &OperatorCall, parameters: ListOutgoingParameters) -> Result<Answer, Fault> {
        messages::list(call, parameters).await
    }

    async fn replay_messages(
        &self,
        call: &OperatorCall,
        _parameters: ReplayMessagesParameters,
        body: Parsed<Replay>,
    ) -> Result<Answer, Fault> {
        messages::replay(call, body).await
    }

    async fn list_audit(&self, call: &OperatorCall, parameters: ListAuditParameters) -> Result<Answer, Fault> {
        let limit = parameters.limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(AUDIT_LIMIT);
        // One more than wanted tells whether there is another page.
        let mut entries = call.gateway.store.audit(parameters.after, limit + 1).await?;
        let has_more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let next = entries.last().map(|entry| entry.id).filter(|_| has_more);
        let entry = |entry: usher_storage::AuditEntry| AuditEntry {
            id: entry.id,
            at: receipt::time(entry.at),
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            detail: entry.detail,
            unknown: Unknown::default(),
        };
        let entries = entries.into_iter().map(entry).collect();
        Ok(call.answer(to_json(&AuditPage { entries, next, unknown: Unknown::default() })))
    }
}
