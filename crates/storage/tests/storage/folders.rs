//! One process, one folder, one key: everything else is refused with a way out.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use usher_storage::{ApplicationId, Environment, Filter, OpenError, Options, Outcome, PartnerId, Scope, Store};

use crate::fixtures::{House, commit, database, private_folder, reply, wish};

fn open(folder: &Path) -> Result<Store, OpenError> {
    Store::open(folder, &Options::default())
}

fn refusal(folder: &Path) -> OpenError {
    match open(folder) {
        Ok(_) => panic!("the folder was accepted"),
        Err(error) => error,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_first_start_makes_everything_private() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep/usher-data");
    let store = open(&folder).unwrap();
    assert!(!store.has_partners().await.unwrap());
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["payload.key", "usher.db", "usher.db-shm", "usher.db-wal", "usher.lock"]);
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut house = House::new().await;
    house.commit(commit(1)).await;
    house.reopen();
    assert!(house.store.has_partners().await.unwrap());
    assert_eq!(house.commit(commit(1)).await, Outcome::Replayed(reply(1)));
    assert_eq!(house.count("payloads"), 1);
}

#[tokio::test]
async fn a_second_process_is_refused_with_folder_and_remedy() {
    let house = House::new().await;
    let error = refusal(house.folder.path());
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(house.folder.path().to_str().unwrap()), "{text}");
    assert!(text.contains(&format!("({})", std::process::id())), "{text}");
    assert_eq!(error.remedy(), "Stop the other process, or choose another data folder.");

    house.store.close();
    open(house.folder.path()).unwrap();
}

#[tokio::test]
async fn a_folder_others_can_look_into_is_refused_unless_it_is_empty() {
    let house = House::new().await;
    let folder = house.folder.path();
    house.store.close();
    fs::set_permissions(folder, Permissions::from_mode(0o750)).unwrap();
    let error = refusal(folder);
    assert!(matches!(error, OpenError::FolderMode { mode: 0o750, .. }), "{error}");
    assert_eq!(error.remedy(), format!("Run: chmod 700 '{}'", folder.canonicalize().unwrap().display()));

    let empty = tempfile::tempdir().unwrap();
    fs::set_permissions(empty.path(), Permissions::from_mode(0o755)).unwrap();
    open(empty.path()).unwrap();
    assert_eq!(mode(empty.path()), 0o700);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = refusal(&path);
        assert!(matches!(error, OpenError::Folder { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn a_key_others_can_read_is_refused() {
    let house = House::new().await;
    house.store.close();
    let key = house.folder.path().join("payload.key");
    for wrong in [0o640, 0o604, 0o660] {
        fs::set_permissions(&key, Permissions::from_mode(wrong)).unwrap();
        let error = refusal(house.folder.path());
        assert!(matches!(error, OpenError::KeyMode { mode, .. } if mode == wrong), "{error}");
        assert!(error.remedy().starts_with("Run: chmod 600 '"), "{}", error.remedy());
    }
    fs::set_permissions(&key, Permissions::from_mode(0o400)).unwrap();
    open(house.folder.path()).unwrap();
}

#[tokio::test]
async fn a_lost_key_is_not_replaced_while_anything_is_sealed_with_it() {
    let house = House::new().await;
    let key = house.folder.path().join("payload.key");
    house.store.close();
    fs::remove_file(&key).unwrap();
    // Nothing is sealed yet, so a new key does no harm.
    let store = open(house.folder.path()).unwrap();
    assert_eq!(store.commit(commit(1)).await, Ok(Outcome::Committed(reply(1))));
    store.close();

    let saved = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let error = refusal(house.folder.path());
    assert!(matches!(error, OpenError::KeyMissing { .. }), "{error}");
    assert!(!key.exists());
    fs::write(&key, saved).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let store = open(house.folder.path()).unwrap();
    assert_eq!(store.commit(commit(1)).await, Ok(Outcome::Replayed(reply(1))));
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_found_at_the_start() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house.store.close();
    let key = house.folder.path().join("payload.key");
    let line = fs::read_to_string(&key).unwrap();
    let flipped = |index: usize| {
        let digit = if line.as_bytes()[index] == b'0' { '1' } else { '0' };
        format!("{}{digit}{}", &line[..index], &line[index + 1..])
    };

    // The same name with another key, and another name.
    for foreign in [flipped(line.len() - 2), flipped("usher-payload-key-1 ".len())] {
        fs::write(&key, foreign).unwrap();
        let error = refusal(house.folder.path());
        assert!(matches!(error, OpenError::KeyForeign { .. }), "{error}");
    }
    for malformed in ["", "\n", &line[..60], &line.replace("-1 ", "-2 "), &line.replace(' ', "x"), &format!("{line}0")]
    {
        fs::write(&key, malformed).unwrap();
        let error = refusal(house.folder.path());
        assert!(matches!(error, OpenError::KeyMalformed { .. }), "{malformed:?}: {error}");
        assert!(!format!("{error} {error:?}").contains(&line[40..60]), "the error shows the key");
    }
    fs::write(&key, &line).unwrap();
    open(house.folder.path()).unwrap();
}

#[tokio::test]
async fn a_lost_database_is_not_taken_for_a_first_start() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house.store.close();
    let path = |name: &str| house.folder.path().join(name);
    let saved = fs::read(path("usher.db")).unwrap();
    fs::remove_file(path("usher.db")).unwrap();
    let pepper = format!("usher-pepper-1 {}", "0".repeat(64));
    for (beside, content) in [("payload.key", None), ("pepper.key", Some(&*pepper)), ("usher.db-wal", Some(""))] {
        if let Some(content) = content {
            fs::write(path(beside), content).unwrap();
        }
        let error = refusal(house.folder.path());
        assert!(matches!(error, OpenError::DatabaseMissing { .. }), "{error}");
        assert!(error.to_string().contains("usher.db") && error.to_string().contains(beside), "{error}");
        assert!(error.remedy().contains("backup"), "{}", error.remedy());
        assert!(!path("usher.db").exists());
        fs::rename(path(beside), path("aside")).unwrap();
        if beside == "payload.key" {
            fs::copy(path("aside"), path("payload.saved")).unwrap();
        }
    }
    fs::rename(path("payload.saved"), path("payload.key")).unwrap();
    fs::write(path("usher.db"), saved).unwrap();
    let store = open(house.folder.path()).unwrap();
    assert_eq!(store.commit(commit(1)).await, Ok(Outcome::Replayed(reply(1))));

    // A key for TLS may be there first.
    let folder = private_folder();
    fs::write(folder.path().join("tls.key"), "-----BEGIN PRIVATE KEY-----").unwrap();
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_half_written_key_of_a_crashed_first_start_is_replaced() {
    let folder = private_folder();
    fs::write(folder.path().join("payload.key.new"), "usher-payload-key-1 00").unwrap();
    open(folder.path()).unwrap();
    assert!(!folder.path().join("payload.key.new").exists());
}

#[tokio::test]
async fn a_database_of_another_version_is_refused() {
    let house = House::new().await;
    house.store.close();
    database(house.folder.path())
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')",
            [],
        )
        .unwrap();
    let error = refusal(house.folder.path());
    assert!(matches!(error, OpenError::Schema { .. }), "{error}");
    assert!(error.remedy().contains("newest version"), "{}", error.remedy());
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = private_folder();
    fs::write(folder.path().join("usher.db"), vec![7; 8_192]).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(error, OpenError::Database { .. }), "{error}");
}

#[tokio::test]
async fn an_empty_folder_gets_the_whole_schema() {
    let house = House::new().await;
    let database = house.database();
    let mut statement = database
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        .unwrap();
    let tables: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(
        tables,
        [
            "applications",
            "audit",
            "bank_users",
            "deliveries",
            "documents",
            "flows",
            "idempotency",
            "keys",
            "ledger",
            "ledger_months",
            "messages",
            "partners",
            "payload_keys",
            "payloads",
            "records",
            "refinery_schema_history",
            "secret_checks",
            "statuses",
            "subscriptions",
            "webhook_secrets",
            "webhooks",
        ]
    );
    let loose = "SELECT count(*) FROM pragma_table_list
        WHERE schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite_%' AND name <> 'refinery_schema_history'";
    assert_eq!(database.query_row(loose, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "every table is STRICT");
}

/// What the first version wrote, in its own SQL: a record that is under way, one that was withdrawn, one for a provider.
const FIRST_VERSION: &str = "
    INSERT INTO partners VALUES (zeroblob(16), 'A partner', 0);
    INSERT INTO applications VALUES (zeroblob(16), zeroblob(16), 'app', 'An application', 'tolerant', 0);
    INSERT INTO records (id, public_id, partner_id, application_id, environment, api, version, operation,
        contract_version, received_at, status, payload_hash, durability, warnings, correlation_id)
    SELECT unhex('0000000000000000000000000000000' || value), '00000000-0000-0000-0000-00000000000' || value,
        zeroblob(16), zeroblob(16), 1, 'contact_request', 1, 'submitContactRequest', '1.0.0', 100 + value,
        CASE value WHEN 2 THEN 'WITHDRAWN' ELSE 'NEW' END, zeroblob(32), 'single-disk', '[{\"pointer\":\"/aName\"}]',
        '00000000-0000-0000-0000-000000000099'
    FROM json_each('[1, 2, 3]');
    INSERT INTO statuses SELECT id, 0, 'NEW', 'partner', received_at FROM records;
    INSERT INTO statuses SELECT id, 1, 'WITHDRAWN', 'partner', 150 FROM records WHERE status = 'WITHDRAWN';
    INSERT INTO outbox (record_id, destination, state, next_due_at, finished_at)
    SELECT id, CASE received_at WHEN 103 THEN 'provider/7' ELSE 'bank' END,
        CASE received_at WHEN 101 THEN 'delivered' ELSE 'pending' END, received_at,
        CASE received_at WHEN 101 THEN 120 END FROM records;
    INSERT INTO outbox (record_id, destination, state, next_due_at)
    SELECT id, 'bank/withdrawal', 'pending', 150 FROM records WHERE status = 'WITHDRAWN';";

#[tokio::test]
async fn a_folder_of_the_first_version_is_carried_over() {
    // Made by the program, then put back to what the first version knew.
    let folder = private_folder();
    open(folder.path()).unwrap().close();
    let path = folder.path().join("usher.db");
    let old = database(folder.path());
    let history: Vec<(i64, String, String, String)> = old
        .prepare("SELECT version, name, applied_on, checksum FROM refinery_schema_history ORDER BY version")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    drop(old);
    fs::write(&path, "").unwrap();
    let old = database(folder.path());
    old.execute_batch(include_str!("../../migrations/sqlite/V1__first.sql")).unwrap();
    old.execute_batch(
        "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255),
           checksum VARCHAR(255))",
    )
    .unwrap();
    old.execute("INSERT INTO refinery_schema_history VALUES (?1, ?2, ?3, ?4)", history[0].clone()).unwrap();
    old.execute_batch(FIRST_VERSION).unwrap();
    drop(old);

    let store = open(folder.path()).unwrap();
    let nil = uuid::Uuid::nil();
    let scope = Scope { partner: PartnerId(nil), application: ApplicationId(nil), environment: Environment::Sandbox };
    let page = store.records(&scope, Filter::Api("contact_request".into()), None, 10).await.unwrap();
    assert_eq!(page.records.len(), 3);
    for record in page.records {
        assert_eq!((&*record.warnings, &*record.lists, record.products_version), ("[]", "[]", 0));
        let number = record.id.as_u128();
        let deliveries = store.record_deliveries(&scope, vec![record.id]).await.unwrap();
        let [delivery] = &deliveries[..] else { panic!("{number}: {deliveries:?}") };
        let entries = store.timeline(&scope, record.id, None).await.unwrap();
        let timeline: Vec<_> = entries.iter().map(|entry| (entry.position, &*entry.status, entry.at)).collect();
        let seen = (&*delivery.destination, delivery.open, delivery.version, delivery.acknowledged_at);
        match number {
            1 => assert_eq!((seen, &timeline[..]), (("bank", true, 0, Some(120)), &[(0, "NEW", 101)][..])),
            2 => assert_eq!(
                (seen, &timeline[..]),
                (("bank", false, 1, None), &[(0, "NEW", 102), (1, "WITHDRAWN", 150)][..])
            ),
            _ => assert_eq!((seen, &timeline[..]), (("provider/7", true, 0, None), &[(0, "NEW", 103)][..])),
        }
    }
    // Since when each has been waiting is carried over too.
    let waiting = store.backlog().await.unwrap();
    let waiting: Vec<_> = waiting.iter().map(|one| (&*one.destination, one.pending, one.oldest_due_at)).collect();
    assert_eq!(waiting, [("bank", 2, Some(102)), ("provider/7", 1, Some(103))]);
    let mut rows = store.claim(wish("bank", 1_000)).await.unwrap();
    rows.extend(store.claim(wish("provider/7", 1_000)).await.unwrap());
    let rows: Vec<_> =
        rows.iter().map(|row| (row.record.as_u128(), &*row.event, &*row.destination, row.position)).collect();
    assert_eq!(
        rows,
        [
            (2, "request.accepted", "bank", Some(0)),
            (2, "request.withdrawn", "bank", Some(1)),
            (3, "request.accepted", "provider/7", Some(0)),
        ]
    );
}
