use super::*;
use crate::load::{LoadOptions, from_memory};

fn said(paths: &str) -> String {
    let openapi = format!(
        r##"{{"openapi": "3.1.0", "paths": {paths}, "components": {{"responses": {{"Paid": {{"content": {{"application/json; charset=utf-8": {{"schema": {{"$ref": "order.schema.json"}}}}}}}}}}}}}}"##
    );
    let files =
        vec![("shop/v1/openapi.json".to_owned(), openapi), ("shop/v1/order.schema.json".to_owned(), "{}".to_owned())];
    let sources = from_memory(files, &LoadOptions::default()).expect("the case is JSON");
    let registry = Registry::new(&sources).expect("every reference leads somewhere");
    match read(&sources, &registry) {
        Ok(apis) => apis.iter().flat_map(|api| &api.operations).map(described).collect(),
        Err(faults) => faults.iter().map(|fault| format!("{}\n", fault.to_text())).collect(),
    }
}

fn described(operation: &Operation) -> String {
    let Operation { id, method, path, kind, check_of, summary, .. } = operation;
    let mut text = format!("{id}: {method} {path}, {kind} {check_of:?}, {summary:?}\n");
    for Parameter { name, place, required, schema, description } in &operation.parameters {
        text += &format!("  {place} {name} required={required} {description:?} {}\n", schema.pointer);
    }
    text += &format!("  request {:?}\n", operation.request.as_ref().map(|place| &place.pointer));
    for (status, place) in &operation.responses {
        text += &format!("  {status} {:?}\n", place.as_ref().map(|place| &place.pointer));
    }
    text
}

#[test]
fn operations_are_read_with_their_schemas() {
    insta::assert_snapshot!(said(
        r##"{"/orders/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "post": {
                "operationId": "submitOrder", "x-kind": "submit", "summary": "Order.",
                "parameters": [{"name": "Idempotency-Key", "in": "header", "description": "Makes a repeat safe.", "schema": {"type": "string"}}],
                "requestBody": {"content": {"text/plain": {}, "application/json": {"schema": {"$ref": "order.schema.json"}}}},
                "responses": {"201": {"$ref": "#/components/responses/Paid"}, "204": {"description": "Empty."}, "default": {"content": {"application/problem+json": {"schema": {}}}}}
            },
            "put": {"operationId": "checkOrder", "x-kind": "check", "x-check-of": "submitOrder"}
        }}"##
    ));
}

#[test]
fn faults_of_operations_are_named() {
    let cases = [
        r#"{"/a": {"get": {}}}"#,
        r#"{"/a": {"get": {"operationId": "1"}}}"#,
        r#"{"/a": {"get": {"operationId": "readA"}, "put": {"operationId": "ReadA"}}}"#,
        r#"{"/a": {"get": {"operationId": "a", "x-kind": "look"}}}"#,
        r#"{"/a": {"post": {"operationId": "a", "x-kind": "check"}}}"#,
        r#"{"/a": {"post": {"operationId": "submitOrder"}, "put": {"operationId": "b", "x-kind": "check", "x-check-of": "submitOrdr"}}}"#,
        r#"{"/a": {"post": {"operationId": "a"}, "put": {"operationId": "b", "x-check-of": "a"}}}"#,
        r#"{"/a/{id}": {"get": {"operationId": "a"}}}"#,
        r#"{"/a": {"get": {"operationId": "a", "parameters": [{"name": "id", "in": "path", "schema": {}}]}}}"#,
        r#"{"/a": {"get": {"operationId": "a", "parameters": [{"name": "1", "in": "query", "schema": {}}]}}}"#,
        r#"{"/a": {"get": {"operationId": "a", "parameters": [{"name": "x-a", "in": "header", "description": "Makes a repeat safe.", "schema": {}}, {"name": "xA", "in": "query", "schema": {}}]}}}"#,
        r#"{"/a": {"get": {"operationId": "a", "parameters": [{"name": "c", "in": "cookie", "schema": {}}]}}}"#,
        r##"{"/a": {"get": {"operationId": "a", "responses": {"200": {"$ref": "#/components/responses/Nothing"}}}}}"##,
        r##"{"/a": {"get": {"operationId": "a", "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "order.schema.json"}}, "application/xml": {"schema": {}}}}}}}}"##,
    ];
    insta::assert_snapshot!(cases.iter().map(|case| format!("{case}\n{}\n", said(case))).collect::<String>());
}
