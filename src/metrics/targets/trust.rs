//! Encryption of a line to a target: checked as strictly as any other, but what the server showed is kept even when it is
//! not believed, since when its certificate ended is what its owner wants to know.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::answer::Shown;
use crate::net::tls::trusted;

/// How long what is trusted is kept: authorities come and go with updates, and files of one's own are changed.
const KEPT: Duration = Duration::from_secs(600);

/// Whom to believe, for all targets with the same file of certificates.
#[derive(Debug)]
pub(super) struct Trust {
    ca_file: Option<PathBuf>,
    provider: Arc<CryptoProvider>,
    kept: Mutex<Option<(Instant, Judge)>>,
}

/// What judges a certificate, or why nothing can.
type Judge = Result<Arc<WebPkiServerVerifier>, String>;

impl Trust {
    pub fn new(ca_file: Option<PathBuf>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Trust { ca_file, provider, kept: Mutex::new(None) }
    }

    /// What judges now. The lock is not held while files are read: a disk that hangs stops only who reads it.
    fn judge(&self) -> Judge {
        if let Ok(kept) = self.kept.lock()
            && let Some((since, judge)) = kept.as_ref()
            && since.elapsed() < KEPT
        {
            return judge.clone();
        }
        let judge = trusted(self.ca_file.as_deref()).and_then(|roots| {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider));
            builder.build().map_err(|e| format!("Encryption cannot be set up on this machine ({e})"))
        });
        // What is wrong may be put right soon.
        if let (Ok(mut kept), Ok(_)) = (self.kept.lock(), &judge) {
            *kept = Some((Instant::now(), judge.clone()));
        }
        judge
    }

    /// The settings of one line, and what will be seen on it.
    ///
    /// # Errors
    /// When encryption cannot be set up at all.
    pub fn line(&self) -> Result<(Arc<ClientConfig>, Arc<Witness>), String> {
        let witness =
            Arc::new(Witness { judge: self.judge(), provider: Arc::clone(&self.provider), seen: Mutex::new(None) });
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| format!("Encryption cannot be set up on this machine ({e})"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        // A line that goes on from an earlier one shows no certificate.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok((Arc::new(config), witness))
    }
}

/// Judges as rustls does, and remembers what it saw.
#[derive(Debug)]
pub(super) struct Witness {
    judge: Judge,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Shown>>,
}

impl Witness {
    /// The certificate that the server showed.
    pub fn seen(&self) -> Option<Shown> {
        self.seen.lock().ok().and_then(|seen| *seen)
    }

    /// Why no certificate can be believed on this machine.
    pub fn blind(&self) -> Option<&str> {
        self.judge.as_ref().err().map(String::as_str)
    }
}

/// When a certificate ends.
fn ends(der: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match &self.judge {
            Ok(judge) => judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            Err(_) => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        };
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Some(Shown { ends: ends(end_entity), trusted: verdict.is_ok() });
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
