//! Leases, pauses and lanes: nothing is lost, nothing is overwritten, and nobody waits for another.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use usher_delivery::{Answer, Carrier, Dispatcher, Failure, LeaseTooShort, Letter, Parts, Route};
use usher_domain::receipt::DigestKey;
use usher_domain::webhook::Signature;
use usher_storage::{Environment, Held, Millis, Replay};

use crate::kit::{House, LEASE, NOW, PERSON, Receiver, http, members, random, status};

/// A carrier that a test holds in its hands: what is sent to an address that is closed waits until it is opened.
#[derive(Default)]
struct Hand {
    sent: Mutex<Vec<(String, Letter)>>,
    is_down: AtomicBool,
    closed: Mutex<HashMap<String, Arc<Semaphore>>>,
    flying_max: AtomicUsize,
    flying: AtomicUsize,
}

impl Hand {
    fn close(&self, owner: &str) {
        self.closed.lock().unwrap().insert(owner.to_owned(), Arc::new(Semaphore::new(0)));
    }

    fn open(&self, owner: &str, count: usize) {
        self.closed.lock().unwrap()[owner].add_permits(count);
    }

    fn sent(&self) -> Vec<(String, Letter)> {
        self.sent.lock().unwrap().clone()
    }

    fn ids(&self) -> Vec<String> {
        self.sent().into_iter().map(|(_, letter)| letter.id).collect()
    }
}

impl Carrier for Hand {
    async fn carry(&self, route: &Route, letter: Letter) -> Answer {
        let flying = self.flying.fetch_add(1, Ordering::SeqCst) + 1;
        self.flying_max.fetch_max(flying, Ordering::SeqCst);
        self.sent.lock().unwrap().push((route.owner.clone(), letter));
        let gate = self.closed.lock().unwrap().get(&route.owner).cloned();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        self.flying.fetch_sub(1, Ordering::SeqCst);
        match self.is_down.load(Ordering::SeqCst) {
            true => Answer::Failed(Failure::ConnectionFailed),
            false => Answer::Accepted,
        }
    }
}

/// A house whose bank is sent its messages by a carrier in the hand.
async fn house() -> (House, Arc<Hand>) {
    let house = House::new().await;
    house.send_to("bank", "https://bank.example.org/in").await;
    (house, Arc::new(Hand::default()))
}

/// Sends what is due now, to the last message.
async fn send_all<C: Carrier>(house: &House, dispatcher: &mut Dispatcher<C>) {
    while dispatcher.round().await.unwrap().is_some_and(|next| next <= house.now()) || {
        dispatcher.settle().await;
        house.in_state(Held::Pending).await.iter().any(|message| message.next_due_at <= house.now())
            && dispatcher.round().await.unwrap().is_none_or(|next| next <= house.now())
    } {}
    dispatcher.settle().await;
}

#[tokio::test]
async fn a_lease_must_outlast_the_longest_attempt() {
    let (house, hand) = house().await;
    let of = |seconds| Parts {
        store: house.store.clone(),
        carrier: hand.clone(),
        digests: Arc::new(DigestKey::new([7; 32])),
        lease: Duration::from_secs(seconds),
        clock: Arc::new(|| NOW),
        random: random(),
    };
    assert_eq!(Dispatcher::new(of(44)).err(), Some(LeaseTooShort));
    assert!(Dispatcher::new(of(45)).is_ok());
    assert!(LeaseTooShort.to_string().contains("at least 45 seconds"));
}

#[tokio::test]
async fn a_message_whose_worker_died_after_sending_is_sent_again_with_the_same_id_and_bytes() {
    let (house, hand) = house().await;
    hand.close("production/bank");
    house.accept(&["bank"]).await;
    let mut died = house.dispatcher(hand.clone());
    died.round().await.unwrap();
    while hand.sent().is_empty() {
        tokio::task::yield_now().await;
    }
    // Whatever was on its way ends with it, unmarked.
    drop(died);
    let lease_end = NOW + Millis::try_from(LEASE.as_millis()).unwrap();
    let mut next = house.dispatcher(hand.clone());
    house.set_time(lease_end - 1);
    next.round().await.unwrap();
    assert_eq!(hand.sent().len(), 1);
    // Given back when its time is over, at the latest when it is looked for such claims the next time.
    house.set_time(lease_end + 10_000);
    hand.open("production/bank", 9);
    send_all(&house, &mut next).await;
    let [(_, first), (_, again)] = &hand.sent()[..] else { panic!("{:?}", hand.ids()) };
    assert_eq!((&first.id, &first.body), (&again.id, &again.body));
    assert_eq!((first.timestamp, again.timestamp), (NOW / 1_000, (lease_end + 10_000) / 1_000));
    assert_ne!(first.signature, again.signature);
    assert_eq!(house.in_state(Held::Delivered).await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_slept_past_its_lease_overwrites_nothing() {
    let (house, hand) = house().await;
    hand.close("production/bank");
    let request = house.accept(&["bank"]).await;
    let mut zombie = house.dispatcher(hand.clone());
    zombie.round().await.unwrap();
    while hand.sent().is_empty() {
        tokio::task::yield_now().await;
    }
    let later = NOW + 120_000;
    house.set_time(later);
    let quick = Arc::new(Hand::default());
    let mut other = house.dispatcher(quick.clone());
    send_all(&house, &mut other).await;
    assert_eq!(house.in_state(Held::Delivered).await.len(), 1);
    // It wakes, has failed, and wants to try again: too late.
    house.set_time(later + 5_000);
    hand.is_down.store(true, Ordering::SeqCst);
    hand.open("production/bank", 1);
    zombie.settle().await;
    assert_eq!(house.in_state(Held::Delivered).await.len(), 1);
    assert_eq!(house.in_state(Held::Pending).await.len(), 0);
    assert_eq!(house.acknowledged(request).await, [Some(later)]);
    assert_eq!(hand.ids(), quick.ids());
}

#[tokio::test]
async fn one_recipient_that_hangs_keeps_nobody_else_waiting() {
    let house = House::new().await;
    for name in ["bank", "provider/hangs"] {
        house.secret(name, Signature::Hmac).await;
    }
    house
        .apply(&[
            members("bank", "https://bank.example.org/in"),
            members("provider/hangs", "https://hangs.example.org/"),
        ])
        .await;
    let hand = Arc::new(Hand::default());
    hand.close("production/provider/hangs");
    for _ in 0..200 {
        house.accept(&["bank", "provider/hangs"]).await;
    }
    let mut dispatcher = house.dispatcher(hand.clone());
    let delivered = async || house.in_state(Held::Delivered).await.len();
    while delivered().await < 200 {
        dispatcher.round().await.unwrap();
        tokio::task::yield_now().await;
    }
    let to_hanging = hand.sent().iter().filter(|(owner, _)| owner.ends_with("hangs")).count();
    // As many as it may have on their way, and no more, however much waits.
    assert_eq!(to_hanging, 8);
    hand.open("production/provider/hangs", 1_000);
    while delivered().await < 400 {
        dispatcher.round().await.unwrap();
        tokio::task::yield_now().await;
    }
    dispatcher.settle().await;
    assert!(hand.flying_max.load(Ordering::SeqCst) <= 16);
}

#[tokio::test]
async fn a_bank_that_was_down_gets_everything_once_per_id() {
    let (house, hand) = house().await;
    hand.is_down.store(true, Ordering::SeqCst);
    for _ in 0..40 {
        house.accept(&["bank"]).await;
    }
    let mut dispatcher = house.dispatcher(hand.clone());
    // Two days of nothing but failures.
    for hour in 0..48 {
        house.set_time(NOW + hour * 3_600_000);
        send_all(&house, &mut dispatcher).await;
    }
    assert_eq!((house.in_state(Held::Pending).await.len(), house.in_state(Held::Parked).await.len()), (40, 0));
    hand.is_down.store(false, Ordering::SeqCst);
    let failed = hand.sent().len();
    for hour in 48..50 {
        for minute in 0..60 {
            house.set_time(NOW + hour * 3_600_000 + minute * 60_000);
            send_all(&house, &mut dispatcher).await;
        }
    }
    let arrived = hand.ids().split_off(failed);
    assert_eq!(arrived.len(), 40);
    assert_eq!(arrived.iter().collect::<HashSet<_>>().len(), 40);
    let mut bodies = BTreeMap::new();
    for (_, letter) in hand.sent() {
        assert_eq!(bodies.entry(letter.id).or_insert(letter.body.clone()), &letter.body);
    }
    assert_eq!(house.in_state(Held::Delivered).await.len(), 40);
}

#[tokio::test]
async fn a_recipient_that_is_down_is_asked_by_one_message_at_a_time() {
    let (house, hand) = house().await;
    hand.is_down.store(true, Ordering::SeqCst);
    for _ in 0..100 {
        house.accept(&["bank"]).await;
    }
    let mut dispatcher = house.dispatcher(hand.clone());
    send_all(&house, &mut dispatcher).await;
    // As many as were on their way when it broke; the others were not tried at all.
    let first = hand.sent().len();
    assert!((5..=8).contains(&first), "{first}");
    for trial in 1..=3 {
        house.set_time(NOW + trial * 31_000);
        send_all(&house, &mut dispatcher).await;
        assert_eq!(hand.sent().len(), first + usize::try_from(trial).unwrap());
    }
    hand.is_down.store(false, Ordering::SeqCst);
    house.set_time(NOW + 4 * 31_000);
    send_all(&house, &mut dispatcher).await;
    assert!(house.in_state(Held::Delivered).await.len() >= 90);
}

#[tokio::test]
async fn after_three_days_a_message_is_given_up_kept_and_can_be_sent_once_more() {
    let (house, hand) = house().await;
    hand.is_down.store(true, Ordering::SeqCst);
    let request = house.accept(&["bank"]).await;
    let mut dispatcher = house.dispatcher(hand.clone());
    send_all(&house, &mut dispatcher).await;
    let end = NOW + 72 * 3_600_000;
    let mut before = 0;
    while let Some(message) = house.in_state(Held::Pending).await.pop() {
        assert!(message.next_due_at <= end && message.first_due_at == NOW, "{message:?}");
        assert!(message.next_due_at > before, "{message:?}");
        before = message.next_due_at;
        // The circuit may be open a little longer than the pause.
        house.set_time(message.next_due_at.max(house.now() + 31_000));
        send_all(&house, &mut dispatcher).await;
    }
    let parked = house.in_state(Held::Parked).await;
    assert_eq!((parked.len(), parked[0].reason.as_deref()), (1, Some("connection_failed")));
    assert!(house.now() >= end && parked[0].attempts >= 72, "{parked:?}");
    let tried = hand.sent().len();
    house.set_time(end + 30 * 24 * 3_600_000);
    send_all(&house, &mut dispatcher).await;
    assert_eq!(hand.sent().len(), tried);

    hand.is_down.store(false, Ordering::SeqCst);
    let replay = Replay {
        state: Held::Parked,
        environment: Environment::Production,
        destination: Some("bank".to_owned()),
        id: None,
        from: None,
        to: None,
        now: house.now(),
        actor: "operator".to_owned(),
    };
    assert_eq!(house.store.replay(replay).await, Ok(1));
    send_all(&house, &mut dispatcher).await;
    let sent = hand.sent();
    let (first, last) = (&sent[0].1, &sent[sent.len() - 1].1);
    assert_eq!((&first.id, &first.body), (&last.id, &last.body));
    assert_eq!(house.acknowledged(request).await, [Some(house.now())]);
}

#[tokio::test]
async fn a_destination_without_a_secret_waits_and_one_that_is_taken_out_is_sent_nothing() {
    let house = House::new().await;
    let hand = Arc::new(Hand::default());
    house.apply(&[members("bank", "https://bank.example.org/in")]).await;
    house.accept(&["bank"]).await;
    let mut dispatcher = house.dispatcher(hand.clone());
    send_all_once(&mut dispatcher).await;
    assert_eq!(hand.sent().len(), 0);
    house.secret("bank", Signature::Hmac).await;
    send_all_once(&mut dispatcher).await;
    assert_eq!(hand.sent().len(), 1);
    house.apply(&[]).await;
    house.accept(&["bank"]).await;
    send_all_once(&mut dispatcher).await;
    assert_eq!((hand.sent().len(), house.in_state(Held::Pending).await.len()), (1, 1));
}

async fn send_all_once<C: Carrier>(dispatcher: &mut Dispatcher<C>) {
    dispatcher.round().await.unwrap();
    dispatcher.settle().await;
}

#[tokio::test]
async fn an_application_is_told_ids_and_codes_and_nothing_of_the_person() {
    let house = House::new().await;
    let partner = Receiver::start(status("204 No Content", "")).await;
    house.secret(&format!("application/{}", crate::kit::APPLICATION), Signature::Ed25519).await;
    house.apply(&[]).await;
    house.tell_application().await;
    house.webhook(&partner.url()).await;
    let request = house.tell_application().await;
    let mut dispatcher = house.dispatcher(http());
    send_all_once(&mut dispatcher).await;
    // What came before there was a webhook is not sent.
    let received = partner.received();
    assert_eq!(received.len(), 1);
    let body = String::from_utf8(received[0].body.clone()).unwrap();
    let event = received[0].headers["webhook-id"].strip_prefix("evt_").unwrap();
    assert_eq!(
        body,
        format!(
            r#"{{"data":{{"actor":"partner","api":"contact_request","destination":"bank","environment":"production","event":"{event}","requestId":"{request}","status":"NEW"}},"timestamp":"2027-01-15T08:00:00Z","type":"status.changed"}}"#
        )
    );
}

#[tokio::test]
async fn the_body_for_a_destination_is_these_bytes() {
    let house = House::new().await;
    let bank = Receiver::start(status("200 OK", "")).await;
    house.send_to("bank", &bank.url()).await;
    let request = house.accept(&["bank"]).await;
    let mut dispatcher = house.dispatcher(http());
    send_all_once(&mut dispatcher).await;
    let received = &bank.received()[0];
    assert_eq!((&*received.target, &*received.headers["webhook-id"]), ("/in?from=usher", "msg_1"));
    assert_eq!(received.headers["content-type"], "application/json");
    assert_eq!(received.headers["webhook-timestamp"], (NOW / 1_000).to_string());
    // Frozen: whoever changes a byte of it breaks receivers that compare what they get twice.
    let hash = "09".repeat(32);
    let expected = format!(
        concat!(
            r#"{{"data":{{"api":"contact_request","attribution":{{"partnerReference":"order-7"}},"contractVersion":"1.0.0","#,
            r#""delivery":1,"destination":"bank","environment":"production","message":1,"#,
            r#""operation":"submitContactRequest","partner":"00000000-0000-0000-0000-000000000001","#,
            r#""payloadHash":"{hash}","phone":"+420601123456","product":"mortgage","productsVersion":3,"#,
            r#""promisedAt":"2027-01-15T09:00:00Z","receivedAt":"2027-01-15T08:00:00Z","#,
            r#""request":{{"number":2,"person":{{"surname":"{person}"}}}},"requestId":"{request}","#,
            r#""warnings":[{{"code":"unverified","message":"could not be verified","pointer":"/person"}}]}},"#,
            r#""timestamp":"2027-01-15T08:00:00Z","type":"request.accepted"}}"#
        ),
        request = request,
        hash = hash,
        person = PERSON
    );
    assert_eq!(String::from_utf8_lossy(&received.body), expected);
}

#[tokio::test]
async fn connections_are_used_again_and_one_that_ended_meanwhile_costs_nothing() {
    let house = House::new().await;
    let bank = Receiver::start(status("200 OK", "")).await;
    house.send_to("bank", &bank.url()).await;
    let mut dispatcher = house.dispatcher(http());
    for _ in 0..20 {
        house.accept(&["bank"]).await;
        send_all_once(&mut dispatcher).await;
    }
    assert_eq!(house.in_state(Held::Delivered).await.len(), 20);
    let closing = Receiver::start(status("200 OK", "connection: close\r\n")).await;
    house.apply(&[members("bank", &closing.url())]).await;
    for _ in 0..5 {
        house.accept(&["bank"]).await;
        send_all_once(&mut dispatcher).await;
    }
    assert_eq!((closing.received().len(), house.in_state(Held::Delivered).await.len()), (5, 25));
}
