//! Whom the client trusts.

use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use usher_client::{ApiKey, Client, Error, NetworkFault};

use crate::server::{Server, answer};
use crate::{KEY, assert_discreet, example, request};

/// A root certificate and the TLS of a server it vouches for.
fn root_and_server() -> (Certificate, TlsAcceptor) {
    let root_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&root_key).expect("a root");
    let issuer = Issuer::new(params, root_key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a server");
    (root, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn only_the_given_roots_are_trusted() {
    let (root, tls) = root_and_server();
    let (stranger, _) = root_and_server();
    let script = [answer(201, example("shared::receipt/every_member")).into()];
    let server = Server::start_tls(script, tls).await;
    let client = |root: &Certificate| {
        let key = ApiKey::new(KEY).expect("a key");
        Client::builder(&server.url(), key).root_certificates(root.pem()).build().expect("a client")
    };

    let error = client(&stranger).contact_request().submit(&request()).await.expect_err("an unknown root");
    match &error {
        Error::Network(network) => assert_eq!((network.fault, network.sent.attempt_count), (NetworkFault::Tls, 1)),
        other => panic!("{other:?}"),
    }
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    assert_discreet(&format!("{error} {error:?}"));
    assert!(server.received().is_empty());

    client(&root).contact_request().submit(&request()).await.expect("a receipt");
    assert_eq!(server.received().len(), 1);
}

/// A certificate that signs itself, as `openssl req -x509` makes one: of an authority, with a common name only.
fn self_signed(is_over: bool) -> (Certificate, TlsAcceptor) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    if is_over {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let certificate = params.self_signed(&key).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a server");
    (certificate, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn the_very_certificate_that_was_named_is_trusted_while_its_time_lasts() {
    let (stranger, _) = self_signed(false);
    for (is_over, is_named, cause) in
        [(false, true, None), (false, false, Some("CaUsedAsEndEntity")), (true, true, Some("expired"))]
    {
        let (certificate, tls) = self_signed(is_over);
        let script = [answer(201, example("shared::receipt/every_member")).into()];
        let server = Server::start_tls(script, tls).await;
        let named = if is_named { &certificate } else { &stranger };
        let builder = Client::builder(&server.url(), ApiKey::new(KEY).expect("a key"));
        let client = builder.root_certificates(named.pem()).build().expect("a client");
        let told = client.contact_request().submit(&request()).await.map(|_| ()).map_err(|error| error.to_string());
        match (told, cause) {
            (Ok(()), None) => {}
            (Err(told), Some(cause)) => assert!(told.contains(cause), "{told}"),
            (told, cause) => panic!("{told:?} for {cause:?}"),
        }
    }
}
