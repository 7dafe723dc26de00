//! Setting up: partners, applications, keys, products and users of the bank. Every command is an operation of the platform API:
//! called through the socket in the data folder while the gateway runs, else through one this process serves for the moment.

mod delivery;
mod destinations;
mod fault;
mod file;
mod output;
mod products;
mod reference;
mod toml;
mod way;

use std::io::Read as _;

use usher_client::TransportError;
use usher_contract::platform::v1::operations::{self, AddSubscriptionParameters, ChangeApplicationParameters};
use usher_contract::platform::v1::operations::{
    CreateApplicationParameters, CreateBankUserParameters, CreateKeyParameters, CreatePartnerParameters,
    EndSubscriptionParameters, EndWebhookParameters, ListApplicationsParameters, ListAuditParameters,
    ListBankUsersParameters, ListKeysParameters, ListPartnersParameters, ListWebhooksParameters,
    RenamePartnerParameters, RevokeBankUserParameters, RevokeKeyParameters, SetWebhookParameters,
};
use usher_contract::platform::v1::{
    Application, ApplicationChange, ApplicationWish, BankRole, BankUserWish, KeyWish, Mode, Partner, PartnerWish,
    Subscription, WebhookEnd, WebhookWish,
};
use usher_contract::shared::{Api, Environment, Problem};
use usher_wire::{Checked, Choice as _, Failure, Message, Personal, Unknown};

use self::destinations::Signer;
pub(crate) use self::fault::Fault;
use self::output::Output;
use self::way::{Way, Wire};
use crate::cli::{
    AdminCommand, ApplicationCommand, BankUserCommand, DestinationCommand, KeyCommand, PartnerCommand, ProductCommand,
    ReferenceCommand, SubscriptionArgs, SubscriptionCommand,
};
use crate::settings::Settings;

/// The generated client, over the socket.
type Client<'w> = operations::Client<Wire<'w>>;

/// Does what was asked for.
pub(crate) fn run(command: &AdminCommand, is_json: bool, settings: &Settings) -> Result<(), Fault> {
    let output = Output { is_json };
    // A file is checked without a gateway.
    match command {
        AdminCommand::Product(ProductCommand::Check { file }) => return products::check(file, &output),
        AdminCommand::Destination(DestinationCommand::Check { file }) => return destinations::check(file, &output),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::System)?;
    runtime.block_on(async {
        let way = Way::open(settings).await?;
        let done = obey(command, &operations::Client::new(way.wire()), &output).await;
        way.close().await;
        done
    })
}

/// Does what was asked for with code lists.
pub(crate) fn reference(command: &ReferenceCommand, is_json: bool, settings: &Settings) -> Result<(), Fault> {
    let output = Output { is_json };
    // A file is read and checked before a gateway is looked for.
    let task = reference::Task::of(command)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::System)?;
    runtime.block_on(async {
        let way = Way::open(settings).await?;
        let done = task.run(&operations::Client::new(way.wire()), &output).await;
        way.close().await;
        done
    })
}

async fn obey(command: &AdminCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    match command {
        AdminCommand::Partner(command) => partner(command, client, output).await,
        AdminCommand::Application(command) => application(command, client, output).await,
        AdminCommand::Subscription(command) => subscription(command, client, output).await,
        AdminCommand::Key(command) => key(command, client, output).await,
        AdminCommand::Product(command) => products::obey(command, client, output).await,
        AdminCommand::Destination(command) => destinations::obey(command, client, output).await,
        AdminCommand::Delivery(command) => delivery::obey(command, client, output).await,
        AdminCommand::BankUser(command) => bank_user(command, client, output).await,
        AdminCommand::Audit { after, limit } => {
            let parameters = ListAuditParameters { after: *after, limit: *limit, ..Default::default() };
            output.audit(&answered(client.list_audit(&parameters).await)?)
        }
    }
}

async fn partner(command: &PartnerCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    match command {
        PartnerCommand::Add { name } => {
            let wish = checked(PartnerWish { name: name.clone(), unknown: Unknown::default() })?;
            let parameters = CreatePartnerParameters::default();
            output.partners(&[answered(client.create_partner(&parameters, &wish).await)?.into_inner()])
        }
        PartnerCommand::List => output.partners(&partners(client).await?),
        PartnerCommand::Rename { partner, name } => {
            let id = find_partner(client, partner).await?.id;
            let wish = checked(PartnerWish { name: name.clone(), unknown: Unknown::default() })?;
            let parameters =
                RenamePartnerParameters { partner: id, x_correlation_id: None, unknown: Unknown::default() };
            output.partners(&[answered(client.rename_partner(&parameters, &wish).await)?.into_inner()])
        }
    }
}

async fn application(command: &ApplicationCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    match command {
        ApplicationCommand::Add { partner, name, mode } => {
            let partner = find_partner(client, partner).await?.id;
            let mode = Mode::find(mode);
            let wish = checked(ApplicationWish { name: name.clone(), mode, unknown: Unknown::default() })?;
            let parameters = CreateApplicationParameters {
                partner,
                idempotency_key: None,
                x_correlation_id: None,
                unknown: Unknown::default(),
            };
            output.applications(&[answered(client.create_application(&parameters, &wish).await)?.into_inner()])
        }
        ApplicationCommand::List { partner } => {
            let partner = match partner {
                Some(partner) => Some(find_partner(client, partner).await?.id),
                None => None,
            };
            let parameters = ListApplicationsParameters { partner, ..Default::default() };
            output.applications(&answered(client.list_applications(&parameters).await)?.into_inner().applications)
        }
        ApplicationCommand::Change { application, name, mode } => {
            let application = find_application(client, Some(application)).await?.id;
            let mode = mode.as_deref().and_then(Mode::find);
            let change = checked(ApplicationChange { name: name.clone(), mode, unknown: Unknown::default() })?;
            let parameters =
                ChangeApplicationParameters { application, x_correlation_id: None, unknown: Unknown::default() };
            output.applications(&[answered(client.change_application(&parameters, &change).await)?.into_inner()])
        }
        ApplicationCommand::Secret { application, secret } => {
            destinations::make_secret(Signer::Application(application), secret, client, output).await
        }
        ApplicationCommand::Secrets { application, environment } => {
            destinations::list_secrets(Signer::Application(application), environment, client, output).await
        }
        ApplicationCommand::Webhook { application, url: Some(url), signature, environment: place, .. } => {
            let wish = checked(WebhookWish {
                environment: environment(place),
                url: url.clone(),
                signature: destinations::signature(signature),
                unknown: Unknown::default(),
            })?;
            let application = find_application(client, Some(application)).await?.id;
            let parameters = SetWebhookParameters { application, x_correlation_id: None, unknown: Unknown::default() };
            output.webhooks(&[answered(client.set_webhook(&parameters, &wish).await)?.into_inner()])
        }
        ApplicationCommand::Webhook { application, url: None, environment: place, .. } => {
            let end = checked(WebhookEnd { environment: environment(place), unknown: Unknown::default() })?;
            let application = find_application(client, Some(application)).await?.id;
            let parameters = EndWebhookParameters { application, x_correlation_id: None, unknown: Unknown::default() };
            output.webhooks(&answered(client.end_webhook(&parameters, &end).await)?.into_inner().webhooks)
        }
        ApplicationCommand::Webhooks => {
            let listed = client.list_webhooks(&ListWebhooksParameters::default()).await;
            output.webhooks(&answered(listed)?.into_inner().webhooks)
        }
    }
}

async fn subscription(command: &SubscriptionCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    let (SubscriptionCommand::Add(args) | SubscriptionCommand::End(args)) = command;
    let application = find_application(client, args.application.as_deref()).await?.id;
    let mut after = None;
    for api in &args.api {
        let body = wished(args, api)?;
        after = Some(match command {
            SubscriptionCommand::Add(_) => {
                let parameters = AddSubscriptionParameters {
                    application: application.clone(),
                    x_correlation_id: None,
                    unknown: Unknown::default(),
                };
                answered(client.add_subscription(&parameters, &body).await)?
            }
            SubscriptionCommand::End(_) => {
                let parameters = EndSubscriptionParameters {
                    application: application.clone(),
                    x_correlation_id: None,
                    unknown: Unknown::default(),
                };
                answered(client.end_subscription(&parameters, &body).await)?
            }
        });
    }
    let after: Vec<Application> = after.into_iter().map(Checked::into_inner).collect();
    output.applications(&after)
}

fn wished(args: &SubscriptionArgs, api: &str) -> Result<Checked<Subscription>, Fault> {
    let api = Api::find(api).unwrap_or_else(|| Api::Unknown(api.into()));
    checked(Subscription { api, environment: environment(&args.environment), unknown: Unknown::default() })
}

async fn key(command: &KeyCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    match command {
        KeyCommand::Add { application, environment: place, days } => {
            let found = find_application(client, application.as_deref()).await?;
            let wish = KeyWish { environment: environment(place), days: *days, unknown: Unknown::default() };
            let parameters = CreateKeyParameters {
                application: found.id.clone(),
                idempotency_key: None,
                x_correlation_id: None,
                unknown: Unknown::default(),
            };
            let issued = answered(client.create_key(&parameters, &checked(wish)?).await)?;
            let opens = found.subscriptions.iter().any(|subscription| subscription.environment == issued.environment);
            if !opens {
                output.say(&format!(
                    "The application may call nothing in {place} yet: usher admin subscription add --application {} \
                     --environment {place} --api NAME",
                    found.id
                ));
            }
            output.issued_key(&issued)
        }
        KeyCommand::List { application } => {
            let application = find_application(client, application.as_deref()).await?.id;
            let parameters = ListKeysParameters { application, x_correlation_id: None, unknown: Unknown::default() };
            output.keys(&answered(client.list_keys(&parameters).await)?.into_inner().keys)
        }
        KeyCommand::Revoke { prefix, application } => {
            let application = find_application(client, application.as_deref()).await?.id;
            let parameters = RevokeKeyParameters {
                application,
                prefix: prefix.clone(),
                x_correlation_id: None,
                unknown: Unknown::default(),
            };
            output.keys(&[answered(client.revoke_key(&parameters).await)?.into_inner()])
        }
    }
}

async fn bank_user(command: &BankUserCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    match command {
        BankUserCommand::Add { name, role, environment: places, destination, days } => {
            let wish = checked(BankUserWish {
                name: Personal::new(name.clone()),
                role: BankRole::find(role).unwrap_or_else(|| BankRole::Unknown(role.as_str().into())),
                destination: destination.clone(),
                environments: places.iter().map(|place| environment(place)).collect(),
                days: *days,
                unknown: Unknown::default(),
            })?;
            let parameters = CreateBankUserParameters::default();
            output.issued_bank_user(&answered(client.create_bank_user(&parameters, &wish).await)?)
        }
        BankUserCommand::List => {
            let users = answered(client.list_bank_users(&ListBankUsersParameters::default()).await)?;
            output.bank_users(&users.into_inner().bank_users)
        }
        BankUserCommand::Revoke { user } => {
            let parameters =
                RevokeBankUserParameters { user: user.clone(), x_correlation_id: None, unknown: Unknown::default() };
            output.bank_users(&[answered(client.revoke_bank_user(&parameters).await)?.into_inner()])
        }
    }
}

async fn partners(client: &Client<'_>) -> Result<Vec<Partner>, Fault> {
    Ok(answered(client.list_partners(&ListPartnersParameters::default()).await)?.into_inner().partners)
}

/// The partner with this id, else the only one of this name.
async fn find_partner(client: &Client<'_>, named: &str) -> Result<Partner, Fault> {
    let partners = partners(client).await?;
    let lines = |partners: &[Partner]| partners.iter().map(|one| format!("  {} ({})", one.id, one.name)).collect();
    let known: Vec<String> = lines(&partners);
    let (mut same, mut others): (Vec<_>, Vec<_>) = partners.into_iter().partition(|partner| partner.name == named);
    if let Some(place) = others.iter().position(|partner| partner.id == named) {
        return Ok(others.swap_remove(place));
    }
    match (same.pop(), same.is_empty()) {
        (Some(partner), true) => Ok(partner),
        (Some(_), false) => Err(Fault::unclear("several partners have this name", "its id", &known)),
        (None, _) => Err(Fault::unclear("there is no such partner", "one", &known)),
    }
}

/// The application with this id; the only one there is, when none is named.
async fn find_application(client: &Client<'_>, named: Option<&str>) -> Result<Application, Fault> {
    let listed = answered(client.list_applications(&ListApplicationsParameters::default()).await)?;
    let mut applications = listed.into_inner().applications;
    let line = |one: &Application| format!("  {} ({}, {})", one.id, one.name, one.partner_name);
    let known: Vec<String> = applications.iter().map(line).collect();
    match named {
        Some(id) => match applications.iter().position(|application| application.id == id) {
            Some(place) => Ok(applications.swap_remove(place)),
            None => Err(Fault::unclear("there is no such application", "one with --application", &known)),
        },
        None if applications.len() == 1 => Ok(applications.swap_remove(0)),
        None if applications.is_empty() => {
            Err(Fault::unclear("there is no application yet", "one after usher admin application add", &known))
        }
        None => Err(Fault::unclear("there are several applications", "one with --application", &known)),
    }
}

fn environment(name: &str) -> Environment {
    Environment::find(name).unwrap_or_else(|| Environment::Unknown(name.into()))
}

/// Checks what was made of the command line by the contract.
fn checked<T: for<'t> Message<'t>>(value: T) -> Result<Checked<T>, Fault> {
    Checked::check(value).map_err(Fault::NotValid)
}

/// The answer to a call.
fn answered<T>(outcome: Result<Checked<T>, Failure<TransportError, Problem>>) -> Result<Checked<T>, Fault> {
    outcome.map_err(Fault::of_call)
}

/// The text of a file; `-` is stdin.
fn read_text(file: &std::path::Path) -> Result<String, Fault> {
    let failed = |source| Fault::File { name: file.display().to_string(), source };
    if file == std::path::Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(failed)
}
