use std::path::PathBuf;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;

fn document(text: &str) -> Document {
    Document { name: "request.json".to_owned(), bytes: text.as_bytes().to_vec() }
}

fn measure(mode: Mode) -> Measure {
    Measure { environment: Environment::Sandbox, now: Timestamp::now(), mode }
}

fn shown(fault: &Fault) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(200);
    handler.render_report(&mut text, fault).unwrap();
    text
}

/// The valid examples of a schema.
fn examples(schema: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(schema);
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_valid_example_tells_what_it_is_and_passes() {
    for (schema, kind) in [
        ("contact_request/v1/examples/valid/request", Kind::Contact),
        ("appointment_request/v2/examples/valid/request", Kind::Appointment),
        ("digital_customer/v1/examples/valid/create", Kind::CreateDigitalCustomer),
        ("digital_customer/v1/examples/valid/update", Kind::UpdateDigitalCustomer),
        ("digital_customer/v1/examples/valid/complete", Kind::CompleteDigitalCustomer),
    ] {
        for path in examples(schema) {
            let document = Document::read(&path).unwrap();
            assert_eq!(document.kind(None).unwrap(), kind, "{}", path.display());
            assert!(document.check(kind, &measure(Mode::Strict)).is_ok(), "{}", path.display());
        }
    }
}

#[test]
fn a_body_that_does_not_tell_is_not_guessed_at() {
    for text in ["{}", "[]", "7", r#"{"Header": {}, "Parameters": []}"#, r#"{"person": {}, "referredOffers": []}"#] {
        let fault = document(text).kind(None).unwrap_err();
        assert!(matches!(fault, Fault::Kind { .. }), "{text}");
        assert!(shown(&fault).contains("help: Say it with --api, one of: contact-request, appointment-request,"));
    }
    assert_eq!(document("{}").kind(Some("digital-customer/update")).unwrap(), Kind::UpdateDigitalCustomer);
    // One telling member is enough: what else is missing or wrong is for the contract to say.
    assert_eq!(document(r#"{"phoneNumber": 1}"#).kind(None).unwrap(), Kind::Contact);
}

#[test]
fn a_text_that_is_no_json_is_shown_with_its_place() {
    let fault = document("{\n  \"person\": {,\n}").kind(None).unwrap_err();
    let text = shown(&fault);
    assert!(text.contains("request.json cannot be read: line 2, column 14"), "{text}");
    assert!(text.contains("[request.json:2:14]") && text.contains("syntax"), "{text}");
    let fault = Document { name: "x".to_owned(), bytes: b"{\"person\": \"\xff\"}".to_vec() }.kind(None).unwrap_err();
    assert!(shown(&fault).contains("line 1, column 13"), "{}", shown(&fault));
}

#[test]
fn a_document_in_xml_is_read_as_its_json_and_shown_in_it() {
    for path in examples("appointment_request/v2/examples/xml/valid") {
        let document = Document::read(&path).unwrap().into_json().unwrap();
        assert_eq!(document.kind(None).unwrap(), Kind::Appointment, "{}", path.display());
        assert!(document.check(Kind::Appointment, &measure(Mode::Strict)).is_ok(), "{}", path.display());
    }
    let fault = document("<a>\n  &b;\n</a>").into_json().err().unwrap();
    assert!(shown(&fault).contains("the root element, or its namespace, is another one"), "{}", shown(&fault));

    let path = examples("appointment_request/v2/examples/xml/invalid");
    let path = path.iter().find(|path| path.ends_with("type_missing.xml")).unwrap();
    let document = Document::read(path).unwrap().into_json().unwrap();
    let Err(Fault::Broken(broken)) = document.check(Kind::Appointment, &measure(Mode::Strict)) else {
        panic!("it was not refused");
    };
    let text = shown(&Fault::Broken(broken));
    assert!(text.contains("type_missing.xml (as JSON) breaks a rule of appointment-request"), "{text}");
}

#[test]
fn every_broken_rule_is_shown_under_its_place() {
    let text = r#"{
  "person": {"forename": "Jana"},
  "phoneNumber": "12",
  "email": "jana.vzorova@example.org",
  "subject": {"productType": "PENSION"}
}"#;
    let document = document(text);
    let Err(Fault::Broken(broken)) = document.check(Kind::Contact, &measure(Mode::Strict)) else {
        panic!("it was not refused");
    };
    let json = serde_json::to_value(&broken.verdict).unwrap();
    let codes: Vec<_> = json["violations"].as_array().unwrap().iter().map(|it| (&it["pointer"], &it["code"])).collect();
    assert_eq!(codes.len(), 3, "{json}");
    assert_eq!(json["valid"], false);
    let text = shown(&Fault::Broken(broken));
    for part in [
        "request.json breaks 3 rules of contact-request",
        "/person/surname required",
        "/phoneNumber phone_invalid",
        "/subject/productType enum",
        "2 |   \"person\"",
        "help: Correct the marked places",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn members_the_contract_does_not_name_are_for_tolerant_applications() {
    let path = examples("contact_request/v1/examples/valid/request").remove(0);
    let mut text = std::fs::read_to_string(path).unwrap();
    let end = text.rfind('}').unwrap();
    text.insert_str(end, ", \"shoeSize\": 43");
    let document = document(&text);
    assert!(document.check(Kind::Contact, &measure(Mode::Strict)).is_err());
    let (_, warnings) = document.check(Kind::Contact, &measure(Mode::Tolerant)).ok().unwrap();
    assert_eq!((warnings[0].pointer.as_str(), warnings[0].code), ("/shoeSize", "unknown_member"));
}
