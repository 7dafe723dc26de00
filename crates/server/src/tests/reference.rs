//! Code lists over HTTP: how partners read them, how requests are judged by them, and who is credited.

use std::time::Duration;

use serde_json::{Value, json};
use usher_contract::reference::v1::{ListPage, Lists};
use usher_storage::NewDocument;

use super::{APPOINTMENT, CREATE, Reply, UPDATE, check, contact, example, get, obeys, of_flow, post};
use crate::limits::Limits;
use crate::test_support::World;
use crate::{documents, router};

const LISTS: &str = "/reference/v1/lists";

/// A gateway that looks for new lists.
async fn world() -> World {
    let follow = |gateway: &std::sync::Arc<crate::gateway::Gateway>| {
        tokio::spawn(documents::follow(gateway.clone()));
        router(gateway)
    };
    World::start(Limits::default(), follow).await
}

async fn call(world: &World, path: &str, lines: &str) -> Reply {
    Reply::read(&world.call("GET", path, &world.key, lines, "").await)
}

/// Stores a list, and waits until the gateway has it.
async fn load(world: &World, name: &str, version: &str, text: &str) {
    let text = format!("#name: {name}\n#version: {version}\n{text}");
    let (kind, name) = ("list".to_owned(), name.to_owned());
    let document = NewDocument {
        kind,
        name: name.clone(),
        content: text.into_bytes(),
        digest: [0; 32],
        at: 0,
        by: "test".to_owned(),
    };
    let previous = world.store.document("list", &name, None).await.expect("the store is there");
    let previous = previous.map(|document| document.meta.version);
    world.store.put_document(document, previous).await.expect("the document is stored");
    for _ in 0..100 {
        let lists = call(world, LISTS, "").await;
        let is_there = |list: &Value| list["name"] == name.as_str() && list["version"] == version;
        if lists.body["lists"].as_array().is_some_and(|lists| lists.iter().any(is_there)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} {version} did not come into force");
}

#[tokio::test]
async fn a_list_is_searched_and_read_page_by_page() {
    let world = world().await;
    let lists = call(&world, LISTS, "").await;
    obeys::<Lists>(&lists);
    let names: Vec<_> = lists.body["lists"].as_array().unwrap().iter().map(|list| list["name"].as_str()).collect();
    assert!(names.contains(&Some("sandbox_education")) && names.is_sorted(), "{names:?}");
    assert!(!lists.text.contains("blocked"), "{}", lists.text);
    for (query, codes, next) in [
        ("?search=ISTANBUL", &["34"][..], Value::Null),
        ("?search=isparta", &["32"], Value::Null),
        ("?search=3", &["32", "34", "35"], Value::Null),
        ("?limit=2", &["06", "32"], json!("32")),
        ("?limit=2&after=32", &["34", "35"], Value::Null),
        ("?parent=06", &[], Value::Null),
    ] {
        let page = call(&world, &format!("{LISTS}/sandbox_city{query}"), "").await;
        obeys::<ListPage>(&page);
        let entries = page.body["entries"].as_array().unwrap();
        let found: Vec<_> = entries.iter().map(|entry| entry["code"].as_str().unwrap()).collect();
        assert_eq!((&found[..], &page.body["next"]), (codes, &next), "{query}");
    }
    for name in ["nothing", "sandbox_blocked_terms_de"] {
        check(&get(&world, &format!("{LISTS}/{name}")).await, 404, "not_found");
    }
    check(&get(&world, &format!("{LISTS}/sandbox_city?limit=0")).await, 400, "parameter_invalid");
    let nobody = Reply::read(&world.call("GET", LISTS, "", "", "").await);
    assert_eq!(nobody.status, 401, "{}", nobody.text);
}

#[tokio::test]
async fn an_answer_that_is_still_the_one_is_not_sent_again() {
    let world = world().await;
    for path in [LISTS, "/reference/v1/lists/sandbox_city?search=a"] {
        let first = call(&world, path, "").await;
        let tag = first.header("etag").expect("a tag").to_owned();
        assert!(tag.starts_with('"') && first.header("cache-control") == Some("private, no-cache"), "{tag}");
        for kept in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = call(&world, path, &format!("If-None-Match: {kept}\r\n")).await;
            assert_eq!((again.status, again.text.as_str()), (304, ""), "{kept}");
            assert_eq!(again.header("etag"), Some(tag.as_str()));
        }
        let other = call(&world, path, "If-None-Match: \"other\"\r\n").await;
        assert_eq!((other.status, other.text), (200, first.text));
    }
    let before = call(&world, LISTS, "").await;
    load(&world, "codes", "1", "code\n1\n").await;
    assert_ne!(call(&world, LISTS, "").await.header("etag"), before.header("etag"));
}

#[tokio::test]
async fn a_loaded_list_decides_and_is_named_in_the_receipt() {
    let world = world().await;
    let mut body = example("appointment_request/v2:request/minimal");
    body["contactRequest"]["financingTerms"] = {
        let mut terms = body["contactRequest"]["financingTerms"].clone();
        terms.as_object_mut().unwrap().remove("geoCode");
        terms["postalCode"] = json!("10115");
        terms
    };
    let unseen = post(&world, APPOINTMENT, "", &body).await;
    assert!(unseen.status == 201 && unseen.text.contains("unverified"), "{}", unseen.text);
    load(&world, "codes_a", "1", "#subject: de_postal_code\ncode\n10115\n").await;
    load(&world, "codes_b", "7", "#subject: de_postal_code\ncode\n80331\n").await;
    let seen = post(&world, APPOINTMENT, "", &body).await;
    assert!(seen.status == 201 && !seen.text.contains("unverified"), "{}", seen.text);
    let receipt = get(&world, seen.header("location").expect("a receipt")).await;
    assert!(receipt.body["lists"].as_array().unwrap().contains(&json!("codes_a@1")), "{}", receipt.text);
    body["contactRequest"]["financingTerms"]["postalCode"] = json!("80331");
    assert_eq!(post(&world, APPOINTMENT, "", &body).await.status, 201);
    body["contactRequest"]["financingTerms"]["postalCode"] = json!("10117");
    let refused = post(&world, APPOINTMENT, "", &body).await;
    assert_eq!((refused.status, &refused.body["message"][0]["code"]), (400, &json!("postal_code_unknown")));
    let reason = refused.body["message"][0]["reason"].as_str().unwrap();
    assert!(reason.ends_with("[postal code does not exist]") && !refused.text.contains("10117"), "{reason}");
    // The next version takes the code in; the one before stays in the store.
    load(&world, "codes_a", "2", "#subject: de_postal_code\ncode\n10115\n10117\n").await;
    assert_eq!(post(&world, APPOINTMENT, "", &body).await.status, 201);
    assert!(world.store.document("list", "codes_a", Some(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_blacklisted_name_is_told_by_its_field_and_never_repeated() {
    let world = world().await;
    let mut body = example("appointment_request/v2:request/minimal");
    body["contactRequest"]["surname"] = json!("Von USHERBLOCKED");
    let refused = post(&world, APPOINTMENT, "", &body).await;
    assert_eq!(refused.status, 400);
    let reason = refused.body["message"][0]["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "Invalid parameter: parameterName=contactRequest.surname reason=The request is not schema valid. \
         [SURNAME is blacklisted]"
    );
    assert!(!refused.text.to_lowercase().contains("usherblocked"), "{}", refused.text);
    // Towns and streets may be called anything.
    body["contactRequest"]["surname"] = json!("Musterfrau");
    body["contactRequest"]["contactAddress"] =
        json!({"street": "Usherblocked", "streetNumber": "1", "postalCode": "10115", "location": "usherblocked"});
    let accepted = post(&world, APPOINTMENT, "", &body).await;
    assert_eq!(accepted.status, 201, "{}", accepted.text);
}

#[tokio::test]
async fn one_round_trip_leads_from_a_refused_to_a_corrected_update() {
    let world = world().await;
    let create = example("digital_customer/v1:create/new_customer");
    let created = post(&world, CREATE, "", &create).await;
    let mut update = of_flow("digital_customer/v1:update/codes_as_text", &created.body, "2");
    let person = &create["Parameters"][0]["DigitalCustomer"];
    update["Parameters"][0]["CitizenshipNumber"] = person["CitizenshipNumber"].clone();
    let right = update.clone();
    update["Parameters"][0]["EducationStatus"] = json!("Doktora");
    update["Parameters"][0]["JobTitleCode"] = json!("77");
    update["Parameters"][0]["SalaryInfo"] = json!(-1);
    update["Parameters"][0]["HomeAddressInfo"]["DistrictCode"] = json!("32000010001");
    update["Parameters"][0].as_object_mut().unwrap().remove("CalculateLimit");
    let refused = post(&world, UPDATE, "", &update).await;
    let told: Vec<_> = refused.body["Error"]["Parameters"].as_array().unwrap().iter().collect();
    let mut codes: Vec<_> = told.iter().map(|one| one["Code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["code_unknown", "district_code_mismatch", "label_mismatch", "minimum", "required"]);
    let accepted = post(&world, UPDATE, "", &right).await;
    assert_eq!(accepted.status, 200, "{}", accepted.text);
}

#[tokio::test]
async fn the_page_about_the_data_credits_loaded_lists_without_a_key() {
    let world = world().await;
    let page = async || Reply::read(&world.call("GET", "/about/data", "", "", "").await);
    let empty = page().await;
    assert!(empty.status == 200 && empty.text.contains("No list is loaded"), "{}", empty.text);
    let head = "#title: Codes <b>\n#source: A & B\n#licence: CC BY 4.0\n#credit: Somebody \"X\"\n";
    load(&world, "codes", "1", &format!("{head}code\n1\n")).await;
    let full = page().await;
    assert_eq!(full.header("content-type"), Some("text/html; charset=utf-8"));
    for cell in ["Codes &lt;b&gt;", "A &amp; B", "CC BY 4.0", "Somebody &quot;X&quot;"] {
        assert!(full.text.contains(&format!("<td>{cell}</td>")), "{cell}: {}", full.text);
    }
    assert!(!full.text.contains("<script"));
    // A request that has nothing to do with lists is not said to have been checked with one.
    let mut body = contact();
    body["email"] = json!("jana.vzorova@example.org");
    let accepted = post(&world, super::CONTACT, "", &body).await;
    assert!(!accepted.body["lists"].as_array().unwrap().contains(&json!("codes@1")), "{}", accepted.text);
}
