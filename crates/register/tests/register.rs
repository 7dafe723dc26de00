//! What the gateway notices of a register over HTTP, against a server that does as it is told.

#[path = "../../client/tests/client/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use server::{Server, Step, answer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use usher_client::ApiKey;
use usher_domain::breaker::{BreakerPolicy, BreakerState};
use usher_domain::register::Finding;
use usher_register::{HttpRegister, HttpRegisterSettings, SetupError};
use usher_server::register::{IdentityRegister, RegisterUnavailable};
use usher_wire::Personal;

const NUMBER: &str = "98760000088";
const CORRELATION: &str = "3f0b6f0e-6f0e-4c59-9d38-0d6d2ad9b9a1";
const FOUND: &str = include_str!("../../../schemas/register/v1/examples/valid/lookup_answer/found.json");

fn settings(url: &str) -> HttpRegisterSettings {
    let mut settings = HttpRegisterSettings::new(url, ApiKey::of_other_service("register-key").unwrap());
    settings.timeout = Duration::from_secs(5);
    settings
}

/// A register whose answers are not waited for.
fn impatient(url: &str) -> HttpRegister {
    HttpRegister::new(HttpRegisterSettings { timeout: Duration::from_millis(300), ..settings(url) }).unwrap()
}

async fn ask(register: &HttpRegister) -> Result<Finding, RegisterUnavailable> {
    register.look_up(&Personal::new(NUMBER.to_owned()), CORRELATION).await
}

// shows: IA-014
#[tokio::test]
async fn a_person_is_asked_for_with_the_key_and_without_showing_the_number() {
    let server = Server::start([answer(200, FOUND).into()]).await;
    let register = HttpRegister::new(settings(&server.url())).unwrap();
    let Ok(Finding::Found(person)) = ask(&register).await else { panic!("nobody was found") };
    assert_eq!((person.forename.expose().as_str(), person.birth_date.expose().as_str()), ("DENİZ", "1990-05-17"));
    let received = server.received();
    assert_eq!((received[0].method.as_str(), received[0].target.as_str()), ("POST", "/register/v1/lookup"));
    assert_eq!(received[0].header("x-api-key"), Some("register-key"));
    assert_eq!(received[0].header("x-correlation-id"), Some(CORRELATION));
    assert_eq!(received[0].body, format!("{{\"nationalId\":\"{NUMBER}\"}}"));
    let shown = format!("{register:?}");
    assert!(!shown.contains("register-key") && !shown.contains(NUMBER), "{shown}");
}

#[tokio::test]
async fn every_answer_of_the_contract_is_understood() {
    for (result, finding) in
        [("NOT_FOUND", Finding::NotFound), ("DECEASED", Finding::Deceased), ("MISMATCH", Finding::Mismatch)]
    {
        // What a newer register adds is no trouble.
        let body = format!("{{\"result\":\"{result}\",\"since\":\"2099\"}}");
        let server = Server::start([answer(200, body).into()]).await;
        assert_eq!(ask(&HttpRegister::new(settings(&server.url())).unwrap()).await, Ok(finding));
    }
}

#[tokio::test]
async fn what_is_no_answer_is_never_taken_for_one() {
    let other = FOUND.replace(NUMBER, "98760001078");
    for (what, step) in [
        ("about another number", answer(200, other).into()),
        ("of an unknown kind", answer(200, "{\"result\":\"MARRIED\"}").into()),
        ("without its members", answer(200, "{\"result\":\"FOUND\"}").into()),
        ("rubbish", answer(200, "<html>it works</html>").into()),
        ("empty", answer(200, "").into()),
        ("another status", answer(204, "").into()),
        ("a redirect", Step::from(answer(302, "").header("location", "http://localhost:1/"))),
        ("a fault of the register", answer(500, "{}").into()),
        ("a key that is not taken", answer(401, "{}").into()),
        ("without an end", Step::Endless),
    ] {
        let server = Server::start([step]).await;
        let register = HttpRegister::new(settings(&server.url())).unwrap();
        let unavailable = ask(&register).await.expect_err(what);
        assert!(unavailable.retry_after >= Duration::from_secs(1), "{what}");
        assert_eq!((server.received().len(), register.counts().failed), (1, 1), "{what}");
    }
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out() {
    for (what, trouble) in [
        ("closed without a word", Step::Cut),
        ("cut off in the middle", Step::CutAnswer),
        ("busy", answer(503, "{}").into()),
        ("too many", Step::from(answer(429, "{}").header("retry-after", "0"))),
    ] {
        let server = Server::start([trouble, answer(200, FOUND).into()]).await;
        let register = HttpRegister::new(settings(&server.url())).unwrap();
        assert!(matches!(ask(&register).await, Ok(Finding::Found(_))), "{what}");
        assert_eq!((server.received().len(), register.counts().succeeded), (2, 1), "{what}");
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_the_limit() {
    let server = Server::start([Step::Silence, Step::Silence, Step::Silence]).await;
    let register = impatient(&server.url());
    let begun = std::time::Instant::now();
    ask(&register).await.expect_err("nothing was answered");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let mut server = Server::start([]).await;
    server.stop().await;
    ask(&impatient(&server.url())).await.expect_err("nobody is there");
}

#[tokio::test]
async fn no_more_are_asked_for_at_once_than_the_limit_says() {
    let server = Server::start([Step::Silence, Step::Silence, Step::Silence]).await;
    let register = HttpRegister::new(HttpRegisterSettings {
        lookup_count_max: 1,
        timeout: Duration::from_millis(400),
        ..settings(&server.url())
    });
    let register = register.unwrap();
    let (first, second) = tokio::join!(ask(&register), ask(&register));
    assert!(first.is_err() && second.is_err());
    // Both attempts are the first one's: the second waited for its turn to the end of its own time.
    assert!(server.received().len() <= 2, "{} questions", server.received().len());
}

#[tokio::test]
async fn a_register_that_is_down_is_left_in_peace_and_tried_again_later() {
    let down = || Step::from(answer(500, "{}"));
    let server = Server::start([down(), down(), answer(200, FOUND).into()]).await;
    let breaker = BreakerPolicy { failure_count_max: 2, open_time: Duration::from_secs(3600) };
    let register = HttpRegister::new(HttpRegisterSettings { breaker, ..settings(&server.url()) }).unwrap();
    for _ in 0..2 {
        ask(&register).await.unwrap_err();
    }
    assert_eq!(register.state(), BreakerState::Open);
    let told = ask(&register).await.unwrap_err();
    assert!(told.retry_after > Duration::from_secs(3500), "{told:?}");
    assert_eq!((server.received().len(), register.counts().refused), (2, 1));

    let breaker = BreakerPolicy { failure_count_max: 2, open_time: Duration::ZERO };
    let server = Server::start([down(), down(), answer(200, FOUND).into()]).await;
    let register = HttpRegister::new(HttpRegisterSettings { breaker, ..settings(&server.url()) }).unwrap();
    for _ in 0..2 {
        ask(&register).await.unwrap_err();
    }
    assert_eq!(register.state(), BreakerState::HalfOpen);
    assert!(ask(&register).await.is_ok());
    assert_eq!(register.state(), BreakerState::Closed);
}

#[tokio::test]
async fn only_a_register_that_proves_to_be_it_is_asked() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap())
        .unwrap();
    let tls = TlsAcceptor::from(Arc::new(config));
    let server = Server::start_tls([answer(200, FOUND).into()], tls).await;
    let with = |pem: String| {
        HttpRegister::new(HttpRegisterSettings { root_certificates: Some(pem.into_bytes()), ..settings(&server.url()) })
    };
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    ask(&with(other).unwrap()).await.expect_err("another certificate is not trusted");
    assert_eq!(server.received().len(), 0);
    assert!(ask(&with(cert.pem()).unwrap()).await.is_ok());
    assert!(matches!(with(String::new()), Err(SetupError::RootCertificates)));
}

#[test]
fn numbers_and_keys_do_not_travel_readable() {
    assert!(matches!(HttpRegister::new(settings("http://register.example.org")), Err(SetupError::InsecureHttp)));
    assert!(matches!(HttpRegister::new(settings("register.example.org")), Err(SetupError::Url)));
    assert!(HttpRegister::new(settings("http://127.0.0.1:9")).is_ok());
}
