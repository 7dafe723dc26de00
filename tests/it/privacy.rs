//! Where a person's data may be: in the sealed payload, and nowhere else. Marked values stand in every member of every
//! request, accepted and refused, while the gateway logs all it can; then they are looked for in everything it said and
//! everything it left on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use usher_domain::environment::Environment;
use usher_domain::national_id;

use crate::contract::examples::{Read, facts, strict};
use crate::gateway::{APPOINTMENT, COMPLETE, CONTACT, CREATE, Caller, House, Submit, UPDATE, accepted};
use crate::http::Reply;
use crate::reading::secrecy::for_each_valid_example;

/// An example with every member its API has, and the submit that takes it.
const BASES: [(Submit, &str); 5] = [
    (CONTACT, "every_member"),
    (APPOINTMENT, "full"),
    (CREATE, "teller_and_caller"),
    (UPDATE, "contact_selected"),
    (COMPLETE, "user_code_with_backslash"),
];

/// The personal texts that no mark fits into: closed lists, and the table of postal codes.
const UNMARKED: [&str; 8] = [
    "/contactRequest/contactAddress/postalCode",
    "/contactRequest/financingTerms/employment",
    "/contactRequest/financingTerms/employmentSector",
    "/contactRequest/financingTerms/financing/financingStart",
    "/contactRequest/financingTerms/financing/projectState",
    "/contactRequest/financingTerms/fixedNominalInterestRate",
    "/contactRequest/salutation",
    "/contactRequest/title",
];

/// Members whose values come from code lists, so that no mark fits into them either.
const LISTED: [&str; 12] = [
    "City",
    "CityCode",
    "District",
    "DistrictCode",
    "EducationStatus",
    "HomeStatus",
    "JobTitle",
    "Street",
    "StreetCode",
    "Town",
    "TownCode",
    "WorkingStatus",
];

/// The start of every marked word.
const WORD: &str = "zq7canary";

/// Marked values, and where they may stand.
#[derive(Default)]
struct Marks {
    /// Nowhere in the clear.
    personal: Vec<String>,
    /// In rows, to find a request by; but not in logs.
    public: Vec<String>,
    unmarked: Vec<String>,
    count: usize,
}

impl Marks {
    /// Puts a mark into every scalar of a request that can hold one and stay valid.
    fn mark(&mut self, read: Read, body: &mut Value, leaves: &BTreeMap<String, bool>) {
        let valid = |body: &Value| {
            let reading = read(body.to_string().as_bytes(), &strict(&facts()));
            reading.is_ok_and(|reading| reading.violations.list.is_empty())
        };
        for (pointer, personal) in leaves {
            self.count += 1;
            let before = body.pointer(pointer).unwrap().clone();
            let marked = candidates(self.count, &before).into_iter().find(|(candidate, _)| {
                *body.pointer_mut(pointer).unwrap() = candidate.clone();
                valid(body)
            });
            match marked {
                Some((_, mark)) if *personal => self.personal.push(mark),
                Some((_, mark)) => self.public.push(mark),
                None => {
                    if *personal && before.is_string() {
                        self.unmarked.push(pointer.clone());
                    }
                    *body.pointer_mut(pointer).unwrap() = before;
                }
            }
        }
    }
}

/// Values that nobody else has, with the part of them to look for; for a member of the same type as `like`.
fn candidates(count: usize, like: &Value) -> Vec<(Value, String)> {
    let word = format!("{WORD}{count:03}");
    let digits = format!("7351982{count:03}");
    let national = (0..100).map(|checksum| format!("987651{count:03}{checksum:02}"));
    let national = national.into_iter().find(|id| national_id::check(id, Environment::Sandbox).is_ok()).unwrap();
    let day = format!("19{:02}-0{}-1{}", 30 + count / 81 % 60, 1 + count / 9 % 9, 1 + count % 9);
    match like {
        Value::String(_) => vec![
            (json!(word), word.clone()),
            (json!(format!("{word}@example.org")), word),
            (json!(digits), digits.clone()),
            (json!(format!("+4930{digits}")), digits.clone()),
            (json!(format!("601735{count:03}")), format!("601735{count:03}")),
            (json!(format!("5017351{count:03}")), format!("5017351{count:03}")),
            (json!(national), national.clone()),
            (json!(digits.repeat(4)[..32]), digits.clone()),
            (json!(digits.repeat(7)[..64]), digits),
            (json!(day), day),
        ],
        Value::Number(_) => {
            let number = |text: &str| json!(text.parse::<i64>().unwrap());
            vec![(number(&digits), digits), (number(&national), national)]
        }
        _ => Vec::new(),
    }
}

/// A request with marks wherever they fit, and the places of its scalars.
struct Base {
    submit: Submit,
    marked: Value,
    pointers: Vec<String>,
}

fn bases(marks: &mut Marks) -> Vec<Base> {
    let mut bases = Vec::new();
    for_each_valid_example(|read, path, body, leaves| {
        let is_base = |(submit, name): &&(Submit, &str)| {
            path == format!("{}/examples/valid/{}/{name}.json", submit.folder, submit.stem)
        };
        if let Some((submit, _)) = BASES.iter().find(is_base) {
            let mut marked = body.clone();
            marks.mark(read, &mut marked, leaves);
            bases.push(Base { submit: *submit, marked, pointers: leaves.keys().cloned().collect() });
        }
    });
    // Create before update before complete.
    bases.sort_by_key(|base| BASES.iter().position(|(submit, _)| submit.path == base.submit.path));
    assert_eq!(bases.len(), BASES.len());
    bases
}

/// Makes the requests of one flow name this application, and one person.
fn join(bases: &mut [Base], caller: &Caller) {
    let person = bases[2].marked["Parameters"][0]["DigitalCustomer"].clone();
    for base in &mut bases[2..] {
        base.marked["Header"]["AppKey"] = json!(caller.app_key);
        let parameters = base.marked["Parameters"][0].as_object_mut().unwrap();
        for (name, value) in parameters {
            if let Some(shared) = person.get(name) {
                value.clone_from(shared);
            }
        }
    }
}

/// Calls, and keeps what comes back.
struct Talk<'c> {
    caller: &'c Caller,
    accepted: Vec<Reply>,
    refused: Vec<Reply>,
}

impl Talk<'_> {
    fn post(&mut self, path: &str, lines: &str, body: impl AsRef<[u8]>) -> Reply {
        let reply = self.caller.post(path, lines, body);
        let kept = if reply.status < 300 { &mut self.accepted } else { &mut self.refused };
        kept.push(reply.clone());
        reply
    }

    fn is_refused(&mut self, path: &str, lines: &str, body: impl AsRef<[u8]>) {
        let reply = self.post(path, lines, body);
        assert!(matches!(reply.status, 400..=499), "{path}: {}", reply.text);
    }
}

#[test]
fn a_persons_data_stands_in_the_sealed_payload_and_nowhere_else() {
    let House { place, gateway, caller } = House::started_with(&["--log-level", "trace"]);
    let mut marks = Marks::default();
    let mut bases = bases(&mut marks);
    let is_listed = |pointer: &String| LISTED.contains(&pointer.rsplit('/').next().unwrap_or_default());
    let (listed, unmarked): (Vec<_>, Vec<_>) = marks.unmarked.iter().cloned().partition(is_listed);
    assert_eq!((listed.len(), &unmarked[..]), (28, &UNMARKED.map(str::to_owned)[..]));
    join(&mut bases, &caller);
    let mut talk = Talk { caller: &caller, accepted: Vec::new(), refused: Vec::new() };
    let mut stored = Vec::new();
    for index in 0..bases.len() {
        let Base { submit, marked, pointers } = &bases[index];
        let text = marked.to_string();
        let lines = format!("Idempotency-Key: {WORD}-{index}\r\nx-correlation-id: {WORD}\r\nUser-Agent: {WORD}\r\n");
        assert_eq!(talk.post(&format!("{}/check", submit.path), &lines, &text).status, 200);
        let reply = talk.post(submit.path, &lines, &text);
        stored.push((accepted(*submit, &reply), text.clone()));
        assert_eq!(talk.post(submit.path, &lines, &text).header("idempotency-replayed"), Some("true"));
        refuse(&mut talk, *submit, marked, pointers, &lines);
        if submit.stem == "create" {
            let created = reply.json();
            for base in &mut bases[index + 1..] {
                base.marked["Parameters"][0]["ProcessId"] = created["Data"]["ProcessId"].clone();
                base.marked["Parameters"][0]["CustomerNo"] = created["Data"]["CustomerId"].clone();
            }
        }
    }
    let withdrawal = format!("{}/{}/withdrawal", CONTACT.path, stored[0].0);
    talk.is_refused(&withdrawal, "", json!({"reason": WORD.repeat(500)}).to_string());
    assert_eq!(talk.post(&withdrawal, "", json!({"reason": format!("{WORD}-reason")}).to_string()).status, 200);
    refuse_callers(&mut talk);

    let Talk { accepted, refused, .. } = talk;
    // Idempotency keys and the reason of the withdrawal.
    marks.personal.push(format!("{WORD}-"));
    for reply in &refused {
        is_silent(&format!("{}{}", reply.head, reply.text), &[&marks.personal[..], &marks.public].concat());
        assert!(!reply.text.contains(WORD) && !reply.head.contains(WORD), "{}{}", reply.head, reply.text);
    }
    for reply in &accepted {
        is_silent(&format!("{}{}", reply.head, reply.text), &marks.personal);
    }
    let log = gateway.log();
    is_silent(&log, &[&marks.personal[..], &marks.public].concat());
    assert!(!log.contains(WORD), "{log}");
    let told = log.lines().filter(|line| line.contains("\"message\":\"request\"")).count();
    assert_eq!(told, accepted.len() + refused.len(), "one line for each request");

    let data = place.path("usher-data");
    let is_sealed = || {
        let found = found(&data, &marks.personal);
        assert!(found.is_empty(), "{found:#?}");
        // The search would find them: what a request is found by stands in its row.
        let reference = bases[0].marked["attribution"]["partnerReference"].as_str().unwrap().to_owned();
        assert!(!self::found(&data, &[reference]).is_empty());
    };
    // The log of the database holds everything that is not yet in its main file, and after an orderly end it is empty.
    is_sealed();
    let (code, log) = gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    is_sealed();

    let directory = crate::directory::Directory::open(&data);
    let scope = directory.scope(&caller.key);
    for (id, text) in stored {
        let (body, sent): (Value, Value) =
            (serde_json::from_str(&directory.body(&scope, &id)).unwrap(), serde_json::from_str(&text).unwrap());
        let without_key = |mut body: Value| {
            body.pointer_mut("/Header").and_then(Value::as_object_mut).map(|header| header.remove("AppKey"));
            body
        };
        assert_eq!(body, without_key(sent));
    }
}

/// Everything that can be wrong with a request, with marks all over it.
fn refuse(talk: &mut Talk<'_>, submit: Submit, marked: &Value, pointers: &[String], lines: &str) {
    let check = format!("{}/check", submit.path);
    let text = marked.to_string();
    for value in
        [json!(WORD), json!(WORD.repeat(600)), json!(7_351_982_000_i64), json!([WORD]), json!({"x": WORD}), json!(null)]
    {
        let mut everywhere = marked.clone();
        for pointer in pointers {
            *everywhere.pointer_mut(pointer).unwrap() = value.clone();
        }
        talk.is_refused(submit.path, "", everywhere.to_string());
        talk.is_refused(&check, "", everywhere.to_string());
    }
    let mut more = marked.clone();
    more["extra"] = json!(WORD);
    talk.is_refused(submit.path, lines, more.to_string());
    // The key stands for another body.
    let last = text.rfind(WORD).unwrap() + WORD.len();
    talk.is_refused(submit.path, lines, format!("{}9{}", &text[..last], &text[last + 1..]));
    let unreadable = [
        text[..last].to_owned(),
        format!("{}\\x{}", &text[..last], &text[last..]),
        format!("{}\\u0000{}", &text[..last], &text[last..]),
        format!("{}\\ud800{}", &text[..last], &text[last..]),
        format!("{{\"{WORD}\":1,\"{WORD}\":2}}"),
        format!("{text}{text}"),
    ];
    for text in &unreadable {
        talk.is_refused(submit.path, "", text);
    }
    let latin = [&text.as_bytes()[..last], b"\xe9", &text.as_bytes()[last..]].concat();
    talk.is_refused(submit.path, "", latin);
    talk.is_refused(submit.path, &format!("Idempotency-Key: {WORD} {WORD}\r\n"), &text);
    talk.is_refused(submit.path, &format!("Content-Encoding: {WORD}\r\n"), &text);
    talk.is_refused(&format!("{}?name={WORD}", submit.path), "", &text);
    if submit.dialect == crate::gateway::Dialect::ServiceResponse {
        let mut foreign = marked.clone();
        foreign["Header"]["AppKey"] = json!(WORD);
        talk.is_refused(submit.path, "", foreign.to_string());
    }
    if submit.path == COMPLETE.path {
        let mut another = marked.clone();
        another["Parameters"][0]["Email"] = json!(format!("{WORD}@example.org"));
        talk.is_refused(submit.path, "", another.to_string());
    }
}

/// Calls that reach nothing, with marks in place of the key and the path.
fn refuse_callers(talk: &mut Talk<'_>) {
    for (path, lines) in [
        (format!("/{WORD}"), String::new()),
        (format!("{}/{WORD}", APPOINTMENT.path), String::new()),
        (format!("/receipts/v1/{WORD}"), String::new()),
        (CREATE.path.to_owned(), format!("Ocp-Apim-Subscription-Key: {WORD}\r\n")),
        (UPDATE.path.to_owned(), format!("Authorization: Bearer {WORD}\r\n")),
        (CONTACT.path.to_owned(), format!("x-correlation-id: {WORD}\r\nx-correlation-id: {WORD}\r\n")),
    ] {
        talk.is_refused(&path, &lines, json!({"x": WORD}).to_string());
    }
    for query in ["partnerReference=", "cursor=", "limit=", "name="] {
        let long = WORD.repeat(8);
        let reply = talk.caller.get(&format!("/receipts/v1?{query}{long}"));
        assert_eq!(reply.status, 400, "{}", reply.text);
        talk.refused.push(reply);
    }
}

#[test]
fn a_name_that_a_partner_made_up_is_sealed_too() {
    let (house, stranger) = House::with_stranger(usher_storage::Mode::Tolerant);
    let House { place, gateway, .. } = house;
    let mut body: Value = serde_json::from_str(&stranger.example(CONTACT, "general")).unwrap();
    body[format!("{WORD}Name")] = json!(format!("{WORD}Value"));
    let reply = stranger.post(CONTACT.path, "", body.to_string());
    let id = accepted(CONTACT, &reply);
    let warned = |reply: &Reply| reply.json()["warnings"][0]["pointer"] == json!(format!("/{WORD}Name"));
    assert!(warned(&reply), "{}", reply.text);
    // The partner reads it again as it was; nobody finds it on the disk or in the log.
    assert!(warned(&stranger.get(&format!("/receipts/v1/{id}"))));
    let data = place.path("usher-data");
    let is_sealed = |log: &str| {
        assert!(!log.contains(WORD), "{log}");
        assert_eq!(found(&data, &[WORD.to_owned()]), [""; 0]);
    };
    is_sealed(&gateway.log());
    let (code, log) = gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    is_sealed(&log);
}

#[test]
fn secrets_stand_in_their_own_files_and_nowhere_else() {
    let House { place, gateway, caller } = House::started_with(&["--log-level", "trace"]);
    let body = caller.example(CONTACT, "general");
    accepted(CONTACT, &caller.post(CONTACT.path, "Idempotency-Key: order-1\r\n", &body));
    let wrong = caller.key.replacen("usher_sbx_", "usher_prd_", 1);
    let refused = [
        caller.call_without_key("POST", CONTACT.path, &format!("x-api-key: {wrong}\r\n"), &body),
        caller.post(CONTACT.path, &format!("Authorization: Bearer {wrong}\r\n"), &body),
        caller.post(CONTACT.path, "", format!("{{\"key\":\"{}\"}}", caller.key)),
    ];
    let secret = caller.key.split('_').nth(3).unwrap().to_owned();
    let data = place.path("usher-data");
    let mut secrets = vec![("the API key".to_owned(), secret.clone().into_bytes())];
    for name in ["pepper.key", "digest.key", "payload.key"] {
        let text = fs::read_to_string(data.join(name)).unwrap();
        let digits = text.trim().rsplit(' ').next().unwrap().to_owned();
        let bytes = usher_domain::hex::decode::<32>(&digits).unwrap();
        secrets.extend([(name.to_owned(), digits.into_bytes()), (name.to_owned(), bytes.to_vec())]);
    }
    let check = |log: &str| {
        for (name, secret) in &secrets {
            for (file, content) in files(&data).into_iter().filter(|(file, _)| file != name) {
                assert!(!contains(&content, secret), "{name} stands in {file}");
            }
            assert!(!contains(log.as_bytes(), secret), "{name} stands in the log");
        }
    };
    assert!(refused.iter().all(|reply| reply.status >= 400 && !reply.text.contains(&secret)));
    check(&gateway.log());
    assert!(!contains(gateway.said.as_bytes(), &secrets[1].1), "{}", gateway.said);
    let (code, log) = gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    check(&log);
    let again = place.start();
    assert!(!contains(again.said.as_bytes(), &secrets[0].1), "{}", again.said);
}

#[track_caller]
fn is_silent(said: &str, marks: &[String]) {
    for mark in marks {
        assert!(!said.contains(mark), "{mark} is repeated in\n{said}");
    }
}

/// Every file of a folder, with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    // The socket of operators is there too, and holds nothing.
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    paths.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}

/// Which of the marks stand in the clear in which files: as text, or as a number of a row.
fn found(folder: &Path, marks: &[String]) -> Vec<String> {
    let files = files(folder);
    let mut found = Vec::new();
    for mark in marks {
        let mut forms = vec![mark.clone().into_bytes()];
        if let Ok(number) = mark.parse::<u64>() {
            let bytes = number.to_be_bytes();
            forms.push(bytes[number.leading_zeros() as usize / 8..].to_vec());
        }
        for (name, content) in &files {
            if forms.iter().any(|form| contains(content, form)) {
                found.push(format!("{mark} in {name}"));
            }
        }
    }
    found
}

fn contains(content: &[u8], part: &[u8]) -> bool {
    content.windows(part.len()).any(|window| window == part)
}
