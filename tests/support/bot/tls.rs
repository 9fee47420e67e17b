//! The bot over TLS, with a certificate that holds, one that has expired, and one that nobody vouches for.

use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Inner, http};

/// What is to be wrong with the certificate, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    Good,
    Expired,
    /// For another host than the one that was asked for.
    OfAnother,
}

/// An authority of the test's own, in PEM, and a server with a certificate by it for 127.0.0.1.
pub(crate) fn server(certificate: Certificate) -> (String, Arc<ServerConfig>) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let pem = authority.self_signed(&authority_key).expect("an authority").pem();
    let name = if certificate == Certificate::OfAnother { "telegram.invalid" } else { "127.0.0.1" };
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(if certificate == Certificate::Expired { 2021 } else { 2090 }, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let issuer = Issuer::new(authority, authority_key);
    let signed = params.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows them")
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key)
        .expect("its key");
    (pem, Arc::new(config))
}

pub(super) fn serve(connection: &TcpStream, config: Arc<ServerConfig>, inner: &Mutex<Inner>) -> std::io::Result<()> {
    let server = ServerConnection::new(config).map_err(std::io::Error::other)?;
    http::serve(StreamOwned::new(server, connection.try_clone()?), connection, inner)
}
