//! The XML twin of a JSON document, written after the contract and without the tables of the generator.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(super) const CONSTRUCTION: &str = "http://rest.immobilienscout24.de/schema/financing/construction/1.0";
pub(super) const FINANCING: &str = "http://rest.immobilienscout24.de/schema/financing/construction/2.0";
pub(super) const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A JSON value that keeps the order of members and the text of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bare(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn parse(text: &str) -> Json {
        match text.trim_start().as_bytes()[0] {
            b'n' => Json::Null,
            b'"' => Json::Text(serde_json::from_str(text).unwrap()),
            b'[' => {
                let items: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap();
                Json::Array(items.iter().map(|item| Json::parse(item.get())).collect())
            }
            b'{' => {
                let members = serde_json::Deserializer::from_str(text).deserialize_map(Members).unwrap();
                Json::Object(members.iter().map(|(name, value)| (name.clone(), Json::parse(value.get()))).collect())
            }
            _ => Json::Bare(text.trim().to_owned()),
        }
    }

    pub(super) fn to_text(&self) -> String {
        match self {
            Json::Null => "null".to_owned(),
            Json::Bare(text) => text.clone(),
            Json::Text(text) => serde_json::to_string(text).unwrap(),
            Json::Array(items) => format!("[{}]", items.iter().map(Json::to_text).collect::<Vec<_>>().join(",")),
            Json::Object(members) => {
                let member = |(name, value): &(String, Json)| {
                    format!("{}:{}", serde_json::to_string(name).unwrap(), value.to_text())
                };
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// The document in XML; none where it holds what XML has no form for.
pub(super) fn of(body: &Json) -> Option<String> {
    let Json::Object(members) = body else { return None };
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<c:appointmentRequest xmlns:c=\"{CONSTRUCTION}\" xmlns:f=\"{FINANCING}\" xmlns:xsi=\"{INSTANCE}\">"
    );
    for (name, value) in members {
        elements(name, value, &mut xml)?;
    }
    xml.push_str("</c:appointmentRequest>");
    Some(xml)
}

fn elements(name: &str, value: &Json, xml: &mut String) -> Option<()> {
    match value {
        Json::Array(items) => items.iter().try_for_each(|item| match item {
            // An array in an array has no element of its own.
            Json::Array(_) => None,
            item => element(name, item, xml),
        }),
        value => element(name, value, xml),
    }
}

fn element(name: &str, value: &Json, xml: &mut String) -> Option<()> {
    xml.push_str(&format!("<{name}"));
    match value {
        Json::Null | Json::Array(_) => return None,
        Json::Bare(text) => xml.push_str(&format!(">{text}")),
        Json::Text(text) => xml.push_str(&format!(">{}", escaped(text)?)),
        Json::Object(members) => {
            let is_tag = |member: &&(String, Json)| name == "financing" && member.0 == "type";
            if let Some((_, tag)) = members.iter().find(is_tag) {
                let Json::Text(tag) = tag else { return None };
                xml.push_str(&format!(" xsi:type=\"f:{}\"", escaped(tag)?));
            }
            xml.push('>');
            for (name, value) in members.iter().filter(|member| !is_tag(member)) {
                elements(name, value, xml)?;
            }
        }
    }
    xml.push_str(&format!("</{name}>"));
    Some(())
}

fn escaped(text: &str) -> Option<String> {
    let is_control = |character: char| character < ' ' && !matches!(character, '\t' | '\n' | '\r');
    if text.contains(is_control) {
        return None;
    }
    Some(
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('\r', "&#13;")
            .replace('"', "&quot;"),
    )
}

/// The members that are a number, alone or beside text.
const NUMBERS: [&str; 11] = [
    "additionalCosts",
    "amortizationRate",
    "currentCredits",
    "netIncome",
    "numberOfBorrowers",
    "ownFunds",
    "primaryAppointmentDate",
    "propertyValue",
    "purchasePrice",
    "remainingDebt",
    "secondaryAppointmentDate",
];

const OBJECTS: [&str; 5] = ["contactAddress", "contactRequest", "financing", "financingTerms", "referredOffers"];

const BOOLEANS: [&str; 2] = ["dpaAccepted", "kfwPromotion"];

/// The document as XML types it: text that is a number, or a boolean, is one where the schema takes it, and blank text is an
/// empty object where elements belong.
pub(super) fn typed(body: &Json) -> Json {
    match body {
        Json::Array(items) => Json::Array(items.iter().map(typed).collect()),
        Json::Object(members) => {
            let member = |(name, value): &(String, Json)| (name.clone(), typed_member(name, value));
            Json::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

fn typed_member(name: &str, value: &Json) -> Json {
    let text = match value {
        Json::Text(text) => text,
        Json::Array(items) => return Json::Array(items.iter().map(|item| typed_member(name, item)).collect()),
        other => return typed(other),
    };
    let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
    let bare = match trimmed {
        "" if OBJECTS.contains(&name) => return Json::Object(Vec::new()),
        "true" | "1" if BOOLEANS.contains(&name) => "true",
        "false" | "0" if BOOLEANS.contains(&name) => "false",
        number if NUMBERS.contains(&name) && is_number(number) => number,
        _ => return value.clone(),
    };
    Json::Bare(bare.to_owned())
}

/// Whether a text is a number of JSON, by another parser than ours.
fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<Box<RawValue>>(text).is_ok()
}

/// The members in the order of the schema: XML is read in it.
const ORDER: [&str; 42] = [
    "referredOffers",
    "contactRequest",
    "providerId",
    "product",
    "financingTerms",
    "geoCode",
    "postalCodeOfTerms",
    "amortizationRate",
    "employment",
    "employmentSector",
    "fixedNominalInterestRate",
    "financing",
    "useType",
    "salutation",
    "title",
    "surname",
    "forename",
    "email",
    "phoneNumber",
    "message",
    "contactChannel",
    "primaryAppointmentDate",
    "primaryAppointmentTime",
    "secondaryAppointmentDate",
    "secondaryAppointmentTime",
    "netIncome",
    "bank",
    "dateOfBirth",
    "numberOfBorrowers",
    "currentCredits",
    "kfwPromotion",
    "dpaAccepted",
    "contactAddress",
    "exposeId",
    "objectId",
    "type",
    "purchasePrice",
    "propertyValue",
    "ownFunds",
    "remainingDebt",
    "additionalCosts",
    "financingStart",
];

/// The place of what the schema does not name.
const UNKNOWN: usize = 100;

/// Whether the schema names no such member.
pub(super) fn is_unknown(object: &str, name: &str) -> bool {
    rank(object, name) == UNKNOWN
}

/// Where a member stands among its siblings; what the schema does not name stands behind all that it does.
fn rank(object: &str, name: &str) -> usize {
    let name = if object == "financingTerms" && name == "postalCode" { "postalCodeOfTerms" } else { name };
    match (object, name) {
        ("contactAddress", "street") => 0,
        ("contactAddress", "streetNumber") => 1,
        ("contactAddress", "postalCode") => 2,
        ("contactAddress", "location") => 3,
        ("financing", "projectState") => 90,
        _ => ORDER.iter().position(|known| *known == name).unwrap_or(UNKNOWN),
    }
}

/// The document with its members in the order of the schema, in which XML is read.
pub(super) fn in_order(object: &str, value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let mut members: Vec<(String, Json)> =
                members.iter().map(|(name, value)| (name.clone(), in_order(name, value))).collect();
            members.sort_by_key(|(name, _)| rank(object, name));
            Json::Object(members)
        }
        Json::Array(items) => Json::Array(items.iter().map(|item| in_order(object, item)).collect()),
        other => other.clone(),
    }
}
