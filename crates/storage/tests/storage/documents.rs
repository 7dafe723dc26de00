//! What operators import: version by version, each whole, none ever changed.

use usher_storage::{DocumentMeta, NewDocument, StoreError};

use crate::fixtures::{House, NOW, digest};

fn list(name: &str, content: &str) -> NewDocument {
    NewDocument {
        kind: "list".to_owned(),
        name: name.to_owned(),
        content: content.as_bytes().to_vec(),
        digest: digest(3),
        at: NOW,
        by: "operator".to_owned(),
    }
}

#[tokio::test]
async fn a_version_replaces_the_one_that_was_read_and_no_other() {
    let mut house = House::new().await;
    let store = &house.store;
    assert_eq!(store.put_document(list("banks", "one"), Some(1)).await, Err(StoreError::VersionConflict));
    assert_eq!(store.put_document(list("banks", "one"), None).await, Ok(1));
    for late in [None, Some(2), Some(0)] {
        assert_eq!(store.put_document(list("banks", "two"), late).await, Err(StoreError::VersionConflict), "{late:?}");
    }
    assert_eq!(store.put_document(list("banks", "two!"), Some(1)).await, Ok(2));
    assert_eq!(store.put_document(list("cities", "three"), None).await, Ok(1));
    house.reopen();

    let meta = |name: &str, version, bytes| DocumentMeta {
        kind: "list".to_owned(),
        name: name.to_owned(),
        version,
        digest: digest(3),
        created_at: NOW,
        created_by: "operator".to_owned(),
        bytes,
    };
    let all = house.store.documents().await;
    assert_eq!(all, Ok(vec![meta("banks", 1, 3), meta("banks", 2, 4), meta("cities", 1, 5)]));
    for (version, content, is) in [(None, "two!", 2), (Some(1), "one", 1), (Some(2), "two!", 2)] {
        let document = house.store.document("list", "banks", version).await.unwrap().unwrap();
        assert_eq!((document.meta, &*document.content), (meta("banks", is, content.len() as u32), content.as_bytes()));
    }
    for (kind, name, version) in [("list", "banks", Some(3)), ("list", "towns", None), ("products", "banks", None)] {
        assert_eq!(house.store.document(kind, name, version).await, Ok(None), "{kind}/{name} {version:?}");
    }
}

#[tokio::test]
async fn every_import_moves_the_generation_and_is_audited() {
    let house = House::new().await;
    let first = house.store.documents_generation().await.unwrap();
    house.store.put_document(list("banks", "one"), None).await.unwrap();
    let second = house.store.documents_generation().await.unwrap();
    house.store.put_document(list("banks", "two"), None).await.unwrap_err();
    assert_eq!(house.store.documents_generation().await, Ok(second));
    house.store.put_document(list("banks", "two"), Some(1)).await.unwrap();
    assert!(first < second && second < house.store.documents_generation().await.unwrap());

    let rows = house.store.audit(None, 100).await.unwrap();
    let told: Vec<_> = rows.iter().skip(5).map(|row| (&*row.action, &*row.target, &*row.detail)).collect();
    assert_eq!(told, [("document.imported", "list/banks", "1"), ("document.imported", "list/banks", "2")]);
}

#[tokio::test]
async fn a_version_never_changes_and_never_goes() {
    let house = House::new().await;
    house.store.put_document(list("banks", "one"), None).await.unwrap();
    for change in ["UPDATE documents SET content = x'00'", "DELETE FROM documents"] {
        house.database().execute(change, []).unwrap_err();
    }
}
