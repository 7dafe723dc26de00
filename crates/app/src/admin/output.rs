//! What the commands of the operator show: tables for people, JSON for programs. Secrets are shown once, on stdout only.

use std::io::{self, Write as _};

use serde::Serialize;
use usher_contract::platform::v1::{
    Application, AuditPage, BankUser, DestinationsVersion, IssuedBankUser, IssuedKey, IssuedWebhookSecret, Key,
    OutgoingList, Partner, ProductsVersion, StoredList, Webhook, WebhookSecret,
};
use usher_wire::{Checked, Value, to_json};

use super::Fault;

/// How results are shown.
pub(super) struct Output {
    /// For programs.
    pub(super) is_json: bool,
}

impl Output {
    /// Says something about a result. With stderr closed nobody wants to hear it.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Writes to stdout.
    pub(super) fn print(&self, text: &str) -> Result<(), Fault> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(Fault::Stdout)
    }

    /// Writes a value as JSON.
    pub(super) fn print_json(&self, value: &impl Serialize) -> Result<(), Fault> {
        self.print(&serde_json::to_string(value).map_err(|error| Fault::Stdout(error.into()))?)
    }

    pub(super) fn partners(&self, partners: &[Partner]) -> Result<(), Fault> {
        self.list(partners, ["ID", "NAME", "SINCE"], |partner| {
            [partner.id.clone(), partner.name.clone(), day(&partner.created_at)]
        })
    }

    pub(super) fn applications(&self, applications: &[Application]) -> Result<(), Fault> {
        self.list(applications, ["ID (APPKEY)", "NAME", "PARTNER", "MODE", "MAY CALL"], |application| {
            let calls = application.subscriptions.iter();
            let calls = calls.map(|one| format!("{}/{}", one.environment.as_str(), one.api.as_str()));
            [
                application.id.clone(),
                application.name.clone(),
                application.partner_name.clone(),
                application.mode.as_str().to_owned(),
                calls.collect::<Vec<_>>().join(" "),
            ]
        })
    }

    pub(super) fn keys(&self, keys: &[Key]) -> Result<(), Fault> {
        self.list(keys, ["PREFIX", "ENVIRONMENT", "MADE", "ENDS", "REVOKED", "LAST USED"], |key| {
            let optional = |time: &Option<String>| time.as_deref().map_or("-".to_owned(), day);
            [
                key.prefix.clone(),
                key.environment.as_str().to_owned(),
                day(&key.created_at),
                optional(&key.expires_at),
                optional(&key.revoked_at),
                key.last_used_at.clone().unwrap_or("-".to_owned()),
            ]
        })
    }

    pub(super) fn bank_users(&self, users: &[BankUser]) -> Result<(), Fault> {
        self.list(users, ["ID", "NAME", "ROLE", "SEES", "KEY PREFIX", "ENDS", "REVOKED"], |user| {
            let places: Vec<&str> = user.environments.iter().map(|place| place.as_str()).collect();
            let destination = user.destination.as_deref().unwrap_or("all destinations");
            [
                user.id.clone(),
                user.name.expose().clone(),
                user.role.as_str().to_owned(),
                format!("{destination} in {}", places.join(", ")),
                user.prefix.clone(),
                user.expires_at.as_deref().map_or("-".to_owned(), day),
                user.revoked_at.as_deref().map_or("-".to_owned(), day),
            ]
        })
    }

    pub(super) fn versions(&self, versions: &[ProductsVersion]) -> Result<(), Fault> {
        self.list(versions, ["VERSION", "APPLIED", "BY"], |version| {
            [
                version.version.to_string(),
                version.applied_at.clone().unwrap_or("built in".to_owned()),
                version.applied_by.clone().unwrap_or("-".to_owned()),
            ]
        })
    }

    pub(super) fn destinations_versions(&self, versions: &[DestinationsVersion]) -> Result<(), Fault> {
        self.list(versions, ["VERSION", "APPLIED", "BY"], |version| {
            [
                version.version.to_string(),
                version.applied_at.clone().unwrap_or("-".to_owned()),
                version.applied_by.clone().unwrap_or("-".to_owned()),
            ]
        })
    }

    pub(super) fn webhooks(&self, webhooks: &[Webhook]) -> Result<(), Fault> {
        self.list(webhooks, ["APPLICATION", "ENVIRONMENT", "URL", "SIGNED", "SINCE"], |webhook| {
            [
                webhook.application.clone(),
                webhook.environment.as_str().to_owned(),
                webhook.url.clone(),
                webhook.signature.as_str().to_owned(),
                day(&webhook.created_at),
            ]
        })
    }

    pub(super) fn webhook_secrets(&self, secrets: &[WebhookSecret]) -> Result<(), Fault> {
        self.list(secrets, ["ID", "SIGNED", "MADE", "ENDS", "PUBLIC KEY"], |secret| {
            [
                secret.id.clone(),
                secret.signature.as_str().to_owned(),
                secret.created_at.clone(),
                secret.ends_at.clone().unwrap_or("-".to_owned()),
                secret.public_key.clone().unwrap_or("-".to_owned()),
            ]
        })
    }

    pub(super) fn outgoing(&self, page: &Checked<OutgoingList>) -> Result<(), Fault> {
        if self.is_json {
            return self.print_json(page);
        }
        let titles = ["NO", "DESTINATION", "EVENT", "REQUEST", "TRIED", "DUE SINCE", "NEXT", "PARKED", "REASON"];
        self.list(&page.items, titles, |message| {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
            [
                message.id.to_string(),
                message.destination.clone(),
                message.event.clone(),
                message.request_id.clone(),
                message.attempts.to_string(),
                message.due_since.clone(),
                or_dash(&message.next_attempt_at),
                or_dash(&message.parked_at),
                or_dash(&message.reason),
            ]
        })?;
        if let Some(next) = page.next {
            self.say(&format!("There is more: --after {next}"));
        }
        Ok(())
    }

    pub(super) fn issued_webhook_secret(&self, issued: &Checked<IssuedWebhookSecret>) -> Result<(), Fault> {
        if self.is_json {
            return self.print_json(issued);
        }
        let about = &issued.about;
        match (&issued.secret, &about.public_key) {
            (Some(secret), _) => self.print(&format!(
                "Secret: {}\nIt is shown now and never again; the receiver verifies with it.",
                secret.expose()
            )),
            (None, key) => self.print(&format!(
                "Public key: {}\nThe receiver verifies with it; it is no secret.",
                key.as_deref().unwrap_or("-")
            )),
        }
    }

    pub(super) fn lists(&self, lists: &[StoredList]) -> Result<(), Fault> {
        self.list(lists, ["NAME", "VERSION", "NO", "SUBJECT", "FROM", "TO", "LICENCE", "IMPORTED", "BY"], |list| {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
            [
                list.name.clone(),
                list.version.clone(),
                list.number.to_string(),
                or_dash(&list.subject),
                or_dash(&list.valid_from),
                or_dash(&list.valid_to),
                or_dash(&list.licence),
                list.imported_at.clone(),
                list.imported_by.clone(),
            ]
        })
    }

    pub(super) fn audit(&self, page: &Checked<AuditPage>) -> Result<(), Fault> {
        if self.is_json {
            return self.print_json(page);
        }
        self.list(&page.entries, ["NO", "AT", "WHO", "WHAT", "TARGET", "DETAIL"], |entry| {
            [
                entry.id.to_string(),
                entry.at.clone(),
                entry.actor.clone(),
                entry.action.clone(),
                entry.target.clone(),
                entry.detail.clone(),
            ]
        })?;
        if let Some(next) = page.next {
            self.say(&format!("There is more: --after {next}"));
        }
        Ok(())
    }

    pub(super) fn issued_key(&self, issued: &Checked<IssuedKey>) -> Result<(), Fault> {
        if self.is_json {
            return self.print_json(issued);
        }
        let kind = if issued.environment.as_str() == "production" { "Production" } else { "Sandbox" };
        self.print(&format!(
            "Application id (AppKey): {}\n{kind} key: {}\nThe key is shown now and never again; it is valid until {}.",
            issued.application,
            issued.key.expose(),
            day(&issued.expires_at)
        ))
    }

    pub(super) fn issued_bank_user(&self, issued: &Checked<IssuedBankUser>) -> Result<(), Fault> {
        if self.is_json {
            return self.print_json(issued);
        }
        let end = issued.user.expires_at.as_deref().map_or("-".to_owned(), day);
        self.print(&format!(
            "User id: {}\nBank key: {}\nThe key is shown now and never again; it is valid until {end}.",
            issued.user.id,
            issued.key.expose()
        ))
    }

    /// A table with a line for each entry, or a JSON array.
    fn list<T: Value, const N: usize>(
        &self,
        entries: &[T],
        titles: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), Fault> {
        if self.is_json {
            let texts: Vec<_> =
                entries.iter().map(|entry| String::from_utf8_lossy(&to_json(entry)).into_owned()).collect();
            return self.print(&format!("[{}]", texts.join(",")));
        }
        let rows: Vec<[String; N]> = entries.iter().map(row).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([titles[column].chars().count()]).max().unwrap_or_default()
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let line = |cells: [&str; N]| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![line(titles)];
        lines.extend(rows.iter().map(|row| line(std::array::from_fn(|column| row[column].as_str()))));
        self.print(&lines.join("\n"))
    }
}

/// The day of a time in RFC 3339.
fn day(time: &str) -> String {
    time.get(..10).unwrap_or(time).to_owned()
}
