//! What this program is a version of: the product, and the contracts it serves. The numbers are independent.

/// The version of the product.
pub(crate) const PRODUCT: &str = env!("CARGO_PKG_VERSION");

/// The text of `usher --version`.
pub(crate) const TEXT: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncontracts: appointment_request v2 (2.0.0), bank v1 (1.0.0), bank_commission v1 (1.0.0), ",
    "commission v1 (1.0.0), contact_request v1 (1.0.0), ",
    "digital_customer v1 (1.0.0), lead v2 (2.0.0), platform v1 (1.0.0), receipts v1 (1.0.0), reference v1 (1.0.0), ",
    "register v1 (1.0.0), sandbox v1 (1.0.0), signing_keys v1 (1.0.0)"
);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::TEXT;

    #[test]
    fn the_contracts_are_those_of_the_schemas() {
        let mut contracts = Vec::new();
        let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        for api in fs::read_dir(schemas).unwrap().map(|api| api.unwrap().path()).filter(|api| api.is_dir()) {
            for version in fs::read_dir(&api).unwrap().map(|version| version.unwrap().path()) {
                let Ok(text) = fs::read_to_string(version.join("openapi.json")) else { continue };
                let document: serde_json::Value = serde_json::from_str(&text).unwrap();
                let number = document["info"]["version"].as_str().unwrap();
                let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
                contracts.push(format!("{} {} ({number})", name(&api), name(&version)));
            }
        }
        contracts.sort();
        assert_eq!(TEXT.lines().nth(1).unwrap(), format!("contracts: {}", contracts.join(", ")));
    }
}
