//! The products document: read, checked, applied. Each version stays as it was.

use usher_contract::platform::v1::{CommissionRule, Products as Document, ProductsHistory, ProductsVersion};
use usher_contract::shared::CheckResult;
use usher_domain::products::{BUILT_IN, Products};
use usher_storage::{DocumentMeta, NewDocument, Store, StoreError};
use usher_wire::{Checked, Limits, Mode, Options, Parsed, Unknown, Violation, Violations, parse, to_json};

use super::OperatorCall;
use super::directory::uuid;
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::receipt;

/// Kind and name of the document in the store.
const KIND: &str = "products";

/// The products in force in a store: the newest version, else the built-in one.
///
/// # Errors
/// The store cannot say; or what is stored is not valid for this program, with everything that is wrong.
pub(crate) async fn in_force(store: &Store) -> Result<Result<Products, Violations>, StoreError> {
    Ok(match store.document(KIND, KIND, None).await? {
        Some(document) => Products::read(&document.content, document.meta.version),
        None => Ok(Products::built_in()),
    })
}

/// Shows a version, or the one in force.
pub(super) async fn read(call: &OperatorCall, version: Option<i64>) -> Result<Answer, Fault> {
    let wanted = version.map(u32::try_from).transpose().map_err(|_| Fault::NotFound)?;
    let stored = match wanted {
        Some(0) => None,
        wanted => call.gateway.store.document(KIND, KIND, wanted).await?,
    };
    let shown = match stored {
        Some(stored) => {
            let document = document(&stored.content)?;
            ProductsVersion { document: Some(document.into_inner()), ..shown(stored.meta) }
        }
        None if wanted.is_none_or(|wanted| wanted == 0) => ProductsVersion {
            version: 0,
            applied_at: None,
            applied_by: None,
            document: Some(document(BUILT_IN.as_bytes())?.into_inner()),
            unknown: Unknown::default(),
        },
        None => return Err(Fault::NotFound),
    };
    Ok(call.answer(to_json(&shown)))
}

/// Lists all versions, newest first.
pub(super) async fn versions(call: &OperatorCall) -> Result<Answer, Fault> {
    let mut documents = call.gateway.store.documents().await?;
    documents.retain(|meta| meta.kind == KIND);
    let versions = documents.into_iter().rev().map(shown).collect();
    Ok(call.answer(to_json(&ProductsHistory { versions, unknown: Unknown::default() })))
}

/// Says whether a version could be applied.
pub(super) async fn check(call: &OperatorCall, body: Parsed<Document>) -> Result<Answer, Fault> {
    checked(call, body, 0).await?;
    Ok(call.answer(to_json(&CheckResult::<String> { warnings: Vec::new(), unknown: Unknown::default() })))
}

/// Puts a version in force, for every request that is decided from now on.
pub(super) async fn apply(call: &OperatorCall, previous: i64, body: Parsed<Document>) -> Result<Answer, Fault> {
    let previous = u32::try_from(previous).map_err(|_| Fault::NotFound)?;
    let (document, _) = checked(call, body, 0).await?;
    let content = to_json(&*document);
    let new = NewDocument {
        kind: KIND.to_owned(),
        name: KIND.to_owned(),
        digest: *call.gateway.digests.fingerprint(KIND, &content).as_bytes(),
        content,
        at: call.now.as_millisecond(),
        by: call.known.name.clone(),
    };
    let expected = Some(previous).filter(|previous| *previous > 0);
    let version = call.gateway.store.put_document(new, expected).await?;
    let products = Products::of(&document, version).map_err(Fault::Violated)?;
    call.gateway.put_in_force(products);
    let shown = ProductsVersion {
        version: version.into(),
        applied_at: Some(receipt::time(call.now.as_millisecond())),
        applied_by: Some(call.known.name.clone()),
        document: Some(document.into_inner()),
        unknown: Unknown::default(),
    };
    Ok(call.answer(to_json(&shown)))
}

/// The document if it obeys its schema, makes products, and names partners there are.
async fn checked(
    call: &OperatorCall,
    body: Parsed<Document>,
    version: u32,
) -> Result<(Checked<Document>, Products), Fault> {
    let (document, _) = body.into_result().map_err(Fault::Violated)?;
    let unknown = unknown_partners(call, &document).await?;
    match Products::of(&document, version) {
        Ok(products) if unknown.is_empty() => Ok((document, products)),
        Ok(_) => Err(Fault::Violated(Violations { list: unknown, truncated: false })),
        Err(mut violations) => {
            violations.list.extend(unknown);
            Err(Fault::Violated(violations))
        }
    }
}

/// Where commission rules name partners there are not.
async fn unknown_partners(call: &OperatorCall, document: &Document) -> Result<Vec<Violation>, Fault> {
    let partners = call.gateway.store.partners().await?;
    let is_known = |id: &str| uuid(id).is_ok_and(|id| partners.iter().any(|partner| partner.id.0 == id));
    let mut violations = Vec::new();
    for (index, product) in document.products.iter().enumerate() {
        for (place, rule) in product.commission.iter().flatten().enumerate() {
            let partner = match rule {
                CommissionRule::Fixed(rule) => &rule.partner,
                CommissionRule::Percentage(rule) => &rule.partner,
                _ => &None,
            };
            if partner.as_deref().is_some_and(|id| !is_known(id)) {
                violations.push(Violation {
                    pointer: format!("/products/{index}/commission/{place}/partner"),
                    code: "partner_unknown",
                    message: "must be the id of a partner".into(),
                    limit: None,
                    schema: "",
                    keyword: "",
                });
            }
        }
    }
    Ok(violations)
}

/// A document of ours, as the contract's type.
fn document(content: &[u8]) -> Result<Checked<Document>, Fault> {
    let limits = Limits { body_bytes_max: usize::MAX, ..Limits::GATEWAY };
    let options = Options { mode: Mode::Tolerant, limits, facts: None };
    let parsed = parse::<Document>(content, &options).ok().and_then(|parsed| parsed.into_result().ok());
    parsed.map(|(document, _)| document).ok_or_else(|| {
        tracing::error!("a stored version of the products cannot be read");
        Fault::Internal
    })
}

fn shown(meta: DocumentMeta) -> ProductsVersion {
    ProductsVersion {
        version: meta.version.into(),
        applied_at: Some(receipt::time(meta.created_at)),
        applied_by: Some(meta.created_by),
        document: None,
        unknown: Unknown::default(),
    }
}
