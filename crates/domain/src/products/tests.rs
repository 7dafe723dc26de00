use serde_json::{Value, json};

use super::*;
use crate::test_support::{is_in_table, schema, with};

fn read(body: &Value) -> Result<Products, Vec<String>> {
    Products::read(body.to_string().as_bytes(), 3).map_err(|violations| {
        let told =
            violations.list.iter().inspect(|found| assert!(is_in_table(found.code, "violation"), "{}", found.code));
        told.map(|found| format!("{} {}", found.pointer, found.code)).collect()
    })
}

fn example(name: &str) -> Value {
    schema(&format!("platform/v1/examples/valid/products/{name}.json"))
}

/// The minimal document with a member of its contact request product set.
fn changed(member: &str, value: Value) -> Value {
    with(&example("minimal"), &format!("/products/0/{member}"), value)
}

#[test]
fn the_built_in_document_takes_everything_and_requires_nothing() {
    let products = Products::built_in();
    assert_eq!(products.version(), 0);
    for asked in Asked::ALL {
        let product = products.product_of(asked);
        assert!(product.is_offered && !product.consent_required && !product.dpa_required, "{asked}");
        assert_eq!(product.duplicates, Duplicates { days: 7, action: Policy::Warn });
        assert!(product.takes.contains(&asked) && product.commission.is_empty());
        let service = product.promise.service.as_ref().unwrap();
        let hours_a_day = (service.to_minute - service.from_minute) / 60;
        assert_eq!((product.promise.hours, hours_a_day), (8, 8), "one working day");
        assert_eq!(service.days, [true, true, true, true, true, false, false]);
    }
    let routes = |asked| products.product_of(asked).routes.clone();
    assert_eq!(routes(Asked::Mortgage), [Route::Bank]);
    assert_eq!(routes(Asked::Appointment), [Route::Referred]);
    assert_eq!(routes(Asked::Onboarding), [Route::Bank]);
}

#[test]
fn every_valid_example_is_a_set_of_products() {
    for name in ["minimal", "every_member", "phone_regions"] {
        assert_eq!(read(&example(name)).unwrap().version(), 3, "{name}");
    }
}

#[test]
fn a_product_says_what_was_written() {
    let products = read(&example("every_member")).unwrap();
    let mortgage = products.product_of(Asked::Mortgage);
    assert_eq!((mortgage.id.as_str(), mortgage.name.as_str()), ("mortgage", "Mortgage call-back"));
    assert!(mortgage.consent_required && !mortgage.blacklist);
    assert_eq!(mortgage.duplicates, Duplicates { days: 30, action: Policy::Refuse });
    assert_eq!(mortgage.routes, [Route::Bank, Route::Provider("branch-7".to_owned())]);
    let service = mortgage.promise.service.as_ref().unwrap();
    assert_eq!((service.from_minute, service.to_minute, service.days), (480, 1440, [true; 7]));
    assert_eq!(service.zone.iana_name(), Some("Europe/Prague"));
    assert_eq!(products.product_of(Asked::General).id, "other");
    assert!(products.product_of(Asked::Appointment).promise.service.is_none());
    assert!(!products.product_of(Asked::Onboarding).is_offered);
}

// shows: KB-009
#[test]
fn a_partner_with_rules_of_its_own_earns_by_these_only() {
    let products = read(&example("every_member")).unwrap();
    let product = products.product_of(Asked::Mortgage);
    let own = PartnerId::parse("6f1d7c4e-2b7a-4c55-9d0a-3b8e2f4a1c90").unwrap();
    let earned = |partner| product.commission_of(partner).map(|rule| rule.earns.clone()).collect::<Vec<_>>();
    let number = |text: &str| text.parse::<Decimal>().unwrap();
    assert_eq!(earned(own), [Earns::Fixed(number("200")), Earns::Percentage(number("0.3"))]);
    let anybody = PartnerId::from_bytes([1; 16]);
    assert_eq!(earned(anybody), [Earns::Fixed(number("150.5")), Earns::Percentage(number("0.25"))]);
    let triggers: Vec<Trigger> = product.commission_of(anybody).map(|rule| rule.trigger).collect();
    assert_eq!(triggers, [Trigger::Acceptance, Trigger::Status(Status::ConsultingDealMortgage)]);
}

#[test]
fn what_a_schema_cannot_say_is_refused_too() {
    let service = json!({"days": ["MON"], "from": "17:00", "to": "09:00", "timeZone": "Europe/Nowhere"});
    let fixed = json!({"kind": "fixed", "amount": 1, "currency": "CZK"});
    let share = json!({"kind": "percentage", "rate": 1, "currency": "CZK"});
    let minimal = example("minimal");
    let twice = |member: &str| {
        let mut body = minimal.clone();
        let mut copy = body["products"][1].clone();
        if member != "id" {
            copy["id"] = "another".into();
        }
        body["products"].as_array_mut().unwrap().push(copy);
        body
    };
    for (body, expected) in [
        (changed("dpaRequired", true.into()), &["/products/0/dpaRequired not_for_this_api"][..]),
        (
            with(&minimal, "/products/1/consentRequired", false.into()),
            &["/products/1/consentRequired not_for_this_api"],
        ),
        (with(&minimal, "/products/2/phoneRegion", "TR".into()), &["/products/2/phoneRegion not_for_this_api"]),
        (
            with(&minimal, "/products/2/duplicates", json!({"days": 1, "action": "warn"})),
            &["/products/2/duplicates not_for_this_api"],
        ),
        (
            with(&minimal, "/products/1/productTypes", json!(["GENERAL"])),
            &["/products/1/productTypes not_for_this_api"],
        ),
        (changed("destinations", json!(["bank", "providers"])), &["/products/0/destinations/1 not_for_this_api"]),
        (
            changed("promise", json!({"hours": 1, "service": service})),
            &[
                "/products/0/promise/service/to service_hours_empty",
                "/products/0/promise/service/timeZone time_zone_unknown",
            ],
        ),
        (changed("productTypes", json!(["GENERAL", "CREDIT_CARD", "MORTGAGE"])), &["/products request_unclaimed"; 2]),
        (twice("api"), &["/products/3/api request_claimed_twice"]),
        (twice("id"), &["/products/3/id product_repeated", "/products/3/api request_claimed_twice"]),
        (
            changed(
                "commission",
                json!([fixed, with(&fixed, "/onStatus", "NEW".into()), with(&share, "/onStatus", "WITHDRAWN".into())]),
            ),
            &[
                "/products/0/commission/1/onStatus commission_impossible",
                "/products/0/commission/2/onStatus commission_impossible",
            ],
        ),
        (changed("commission", json!([fixed, share])), &["/products/0/commission/1 commission_repeated"]),
        (
            with(&minimal, "/products/2/commission", json!([share])),
            &["/products/2/commission/0/kind commission_impossible"],
        ),
        (
            with(&minimal, "/products/1/commission", json!([share])),
            &["/products/1/commission/0/currency commission_impossible"],
        ),
    ] {
        assert_eq!(read(&body).unwrap_err(), expected, "{body}");
    }
    let mut body = minimal.clone();
    body["products"][0].as_object_mut().unwrap().remove("productTypes");
    assert_eq!(read(&body).unwrap_err()[0], "/products/0/productTypes required");
}

#[test]
fn a_product_type_belongs_to_one_product() {
    let mut body = example("minimal");
    let second = json!({"id": "cards", "api": "contact_request", "productTypes": ["CREDIT_CARD"]});
    body["products"].as_array_mut().unwrap().push(second);
    assert_eq!(read(&body).unwrap_err(), ["/products/3/productTypes/0 request_claimed_twice"]);
}
