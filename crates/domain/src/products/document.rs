//! From the document to products: its schema, then what a schema cannot say. Everything that is wrong is told at once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use usher_contract::platform::v1 as contract;
use usher_wire::{Checked, Limits, Mode, Options, Violation, Violations, parse};

use super::{
    Asked, BUILT_IN, CommissionRule, Duplicates, Earns, Policy, Product, Products, Promise, Route, Service, Trigger,
};
use crate::ids::PartnerId;
use crate::phone::PhoneRegion;
use crate::status::Status;

/// Hours of the promise where a product makes none: with the service hours below, one working day.
const PROMISE_HOURS: u16 = 8;
const SERVICE_DAYS: [bool; 7] = [true, true, true, true, true, false, false];
const SERVICE_FROM_MINUTE: u16 = 9 * 60;
const SERVICE_TO_MINUTE: u16 = 17 * 60;
const DUPLICATES: Duplicates = Duplicates { days: 7, action: Policy::Warn };

/// The amounts of an appointment request are in this currency.
const APPOINTMENT_CURRENCY: &str = "EUR";

impl Products {
    /// What is in force while nothing was applied: everything is taken, nothing is required beyond the contracts.
    pub fn built_in() -> Products {
        Products::read(BUILT_IN.as_bytes(), 0).expect("the built-in document is valid; a test reads it")
    }

    /// Reads the JSON text of a document.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(json: &[u8], version: u32) -> Result<Products, Violations> {
        // Documents are the operator's, not a stranger's, so they may be as long as they are.
        let limits = Limits { body_bytes_max: usize::MAX, ..Limits::GATEWAY };
        let parsed = parse::<contract::Products>(json, &Options { mode: Mode::Strict, limits, facts: None })?;
        let (document, _) = parsed.into_result()?;
        Products::of(&document, version)
    }

    /// The products of a document that obeys its schema.
    ///
    /// # Errors
    /// Everything that is wrong with it all the same.
    pub fn of(document: &Checked<contract::Products>, version: u32) -> Result<Products, Violations> {
        let mut findings = Findings::default();
        let products: Vec<Product> =
            document.products.iter().enumerate().map(|(index, product)| findings.product(index, product)).collect();
        findings.ids(&products);
        let places = findings.places(document, &products);
        if findings.0.is_empty() {
            return Ok(Products { version, products, places });
        }
        Err(Violations { list: findings.0, truncated: false })
    }
}

/// What was found wrong so far.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, pointer: String, code: &'static str, message: impl Into<Cow<'static, str>>) {
        let message = message.into();
        self.0.push(Violation { pointer, code, message, limit: None, schema: "", keyword: "" });
    }

    fn product(&mut self, index: usize, written: &contract::Product) -> Product {
        let at = format!("/products/{index}");
        let takes = self.takes(&at, written);
        let api = written.api.as_str();
        self.misplaced(&at, written);
        let promise = match &written.promise {
            Some(promise) => Promise {
                hours: bounded(promise.hours),
                service: promise.service.as_ref().and_then(|service| self.service(&at, service)),
            },
            None => Promise { hours: PROMISE_HOURS, service: Some(service_of(api)) },
        };
        Product {
            id: written.id.clone(),
            name: written.name.clone().unwrap_or_else(|| written.id.clone()),
            is_offered: written.offered.unwrap_or(true),
            promise,
            consent_required: written.consent_required.unwrap_or(false),
            dpa_required: written.dpa_required.unwrap_or(false),
            phone_region: phone_region(api, written.phone_region.as_ref().map(contract::PhoneRegion::as_str)),
            duplicates: written.duplicates.as_ref().map_or(DUPLICATES, |duplicates| Duplicates {
                days: bounded(duplicates.days),
                action: policy(&duplicates.action),
            }),
            routes: routes(api, written.destinations.as_deref()),
            disposable_email: written.disposable_email.as_ref().map_or(Policy::Warn, policy),
            blacklist: written.blacklist.unwrap_or(true),
            commission: self.commission(&at, written, &takes),
            takes,
        }
    }

    /// Which requests a product takes.
    fn takes(&mut self, at: &str, written: &contract::Product) -> Vec<Asked> {
        match (written.api.as_str(), &written.product_types) {
            ("contact_request", Some(types)) => {
                types.iter().filter_map(|name| Asked::of_product_type(name.as_str())).collect()
            }
            ("contact_request", None) => {
                self.add(format!("{at}/productTypes"), "required", "must name what contact requests it takes");
                Vec::new()
            }
            (api, types) => {
                if types.is_some() {
                    self.add(format!("{at}/productTypes"), "not_for_this_api", "is for contact_request only");
                }
                Asked::ALL.into_iter().filter(|asked| asked.api() == api).collect()
            }
        }
    }

    /// Members that say something about another API than the product's.
    fn misplaced(&mut self, at: &str, written: &contract::Product) {
        let api = written.api.as_str();
        for (member, is_there, owner) in [
            ("consentRequired", written.consent_required.is_some(), "contact_request"),
            ("dpaRequired", written.dpa_required.is_some(), "appointment_request"),
            ("phoneRegion", written.phone_region.is_some(), "contact_request"),
        ] {
            if is_there && api != owner {
                self.add(format!("{at}/{member}"), "not_for_this_api", format!("is for {owner} only"));
            }
        }
        if written.duplicates.is_some() && api == "digital_customer" {
            let message = "is not for digital_customer: the open flow of a person tells";
            self.add(format!("{at}/duplicates"), "not_for_this_api", message);
        }
        for (index, destination) in written.destinations.iter().flatten().enumerate() {
            if destination == "providers" && api != "appointment_request" {
                let message = "`providers` is for appointment_request only: no other request names any";
                self.add(format!("{at}/destinations/{index}"), "not_for_this_api", message);
            }
        }
    }

    fn service(&mut self, at: &str, written: &contract::Service) -> Option<Service> {
        let at = format!("{at}/promise/service");
        let (from_minute, to_minute) = (minute(&written.from), minute(&written.to));
        if from_minute >= to_minute {
            self.add(format!("{at}/to"), "service_hours_empty", "must be later than `from`");
        }
        let mut days = [false; 7];
        for day in &written.days {
            let names = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
            if let Some(index) = names.iter().position(|name| *name == day.as_str()) {
                days[index] = true;
            }
        }
        match TimeZone::get(&written.time_zone) {
            Ok(zone) => Some(Service { days, from_minute, to_minute, zone }),
            Err(_) => {
                let message = "must be a time zone of the IANA database, such as Europe/Prague";
                self.add(format!("{at}/timeZone"), "time_zone_unknown", message);
                None
            }
        }
    }

    fn commission(&mut self, at: &str, written: &contract::Product, takes: &[Asked]) -> Vec<CommissionRule> {
        let mut rules: Vec<CommissionRule> = Vec::new();
        for (index, written) in written.commission.iter().flatten().enumerate() {
            let at = format!("{at}/commission/{index}");
            let Some(rule) = commission_rule(written) else { continue };
            if matches!(rule.trigger, Trigger::Status(Status::New | Status::Withdrawn)) {
                let message = "must be a status that the bank sets later; leave it out for acceptance";
                self.add(format!("{at}/onStatus"), "commission_impossible", message);
            }
            if matches!(rule.earns, Earns::Percentage(_)) {
                let is_amountless = |asked: &Asked| matches!(asked, Asked::General | Asked::Onboarding);
                if takes.iter().all(is_amountless) {
                    let message = "must be fixed: no request of this product names an amount";
                    self.add(format!("{at}/kind"), "commission_impossible", message);
                } else if takes == [Asked::Appointment] && rule.currency != APPOINTMENT_CURRENCY {
                    let message = "must be EUR: the amounts of appointment requests are";
                    self.add(format!("{at}/currency"), "commission_impossible", message);
                }
            }
            let same = |other: &CommissionRule| (other.partner, other.trigger) == (rule.partner, rule.trigger);
            if let Some(first) = rules.iter().position(same) {
                let message = format!("the rule at {first} is for the same partner and the same event");
                self.add(at, "commission_repeated", message);
            }
            rules.push(rule);
        }
        rules
    }

    fn ids(&mut self, products: &[Product]) {
        for (index, product) in products.iter().enumerate() {
            if products[..index].iter().any(|earlier| earlier.id == product.id) {
                self.add(
                    format!("/products/{index}/id"),
                    "product_repeated",
                    "must be another than of earlier products",
                );
            }
        }
    }

    /// The product of each kind of request: exactly one.
    fn places(&mut self, document: &contract::Products, products: &[Product]) -> [usize; Asked::ALL.len()] {
        let mut places: BTreeMap<Asked, usize> = BTreeMap::new();
        for (index, product) in products.iter().enumerate() {
            for asked in &product.takes {
                let Some(first) = places.get(asked) else {
                    places.insert(*asked, index);
                    continue;
                };
                let name = asked.product_type();
                let types = document.products[index].product_types.iter().flatten();
                let place = name.and_then(|name| types.map(|written| written.as_str()).position(|other| other == name));
                let member = place.map_or("api".to_owned(), |place| format!("productTypes/{place}"));
                let message = format!("{asked} is taken by the product `{}` already", products[*first].id);
                self.add(format!("/products/{index}/{member}"), "request_claimed_twice", message);
            }
        }
        Asked::ALL.map(|asked| {
            places.get(&asked).copied().unwrap_or_else(|| {
                let message = format!("no product takes {asked}; one with `offered: false` would refuse it");
                self.add("/products".to_owned(), "request_unclaimed", message);
                0
            })
        })
    }
}

fn commission_rule(written: &contract::CommissionRule) -> Option<CommissionRule> {
    let (earns, currency, status, partner) = match written {
        contract::CommissionRule::Fixed(rule) => {
            (Earns::Fixed(rule.amount.clone()), &rule.currency, &rule.on_status, &rule.partner)
        }
        contract::CommissionRule::Percentage(rule) => {
            (Earns::Percentage(rule.rate.clone()), &rule.currency, &rule.on_status, &rule.partner)
        }
        #[allow(unreachable_patterns, reason = "the type has another case where the contract uses it in answers")]
        _ => return None,
    };
    let trigger = match status {
        Some(status) => Trigger::Status(Status::parse(status.as_str())?),
        None => Trigger::Acceptance,
    };
    let partner = partner.as_deref().and_then(PartnerId::parse);
    Some(CommissionRule { partner, trigger, earns, currency: currency.as_str().to_owned() })
}

fn service_of(api: &str) -> Service {
    let zone = match api {
        "appointment_request" => "Europe/Berlin",
        "digital_customer" => "Europe/Istanbul",
        _ => "Europe/Prague",
    };
    Service {
        days: SERVICE_DAYS,
        from_minute: SERVICE_FROM_MINUTE,
        to_minute: SERVICE_TO_MINUTE,
        zone: TimeZone::get(zone).expect("the zone data in the binary has it"),
    }
}

fn phone_region(api: &str, named: Option<&str>) -> PhoneRegion {
    match (api, named) {
        ("appointment_request", _) => PhoneRegion::De,
        ("digital_customer", _) => PhoneRegion::Tr,
        (_, named) => named.and_then(PhoneRegion::parse).unwrap_or(PhoneRegion::Cz),
    }
}

fn routes(api: &str, named: Option<&[String]>) -> Vec<Route> {
    match named {
        Some(named) => named.iter().map(|name| route(name)).collect(),
        None if api == "appointment_request" => vec![Route::Referred],
        None => vec![Route::Bank],
    }
}

fn route(name: &str) -> Route {
    match name.strip_prefix("provider/") {
        Some(id) => Route::Provider(id.to_owned()),
        None if name == "providers" => Route::Referred,
        None => Route::Bank,
    }
}

fn policy(written: &contract::Policy) -> Policy {
    match written.as_str() {
        "allow" => Policy::Allow,
        "refuse" => Policy::Refuse,
        _ => Policy::Warn,
    }
}

/// The minute of the day of `HH:MM`, which the schema has checked.
fn minute(text: &str) -> u16 {
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u16>().ok()).unwrap_or_default();
    number(text.get(..2)) * 60 + number(text.get(3..5))
}

/// A number that the schema keeps far below the limit of its type.
fn bounded(number: i64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
