//! Whom this machine believes, and what to say when it does not believe a server.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::words::said;

/// The settings of encryption: TLS 1.2 or 1.3, the authorities of this machine and those of the file.
///
/// # Errors
/// A sentence when the file cannot be used or nothing is trusted at all.
pub(crate) fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = trusted(ca_file)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("Encryption cannot be set up on this machine ({e})"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The authorities of this machine and those of the file.
///
/// # Errors
/// A sentence when the file cannot be used or nothing is trusted at all.
pub(crate) fn trusted(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    roots(rustls_native_certs::load_native_certs().certs, ca_file)
}

/// The certificates in a file.
///
/// # Errors
/// A sentence when it cannot be used.
pub(crate) fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = said(&path.display().to_string());
    let pem = fs::read(path).map_err(|e| format!("The file of certificates {shown} cannot be read ({e})"))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|e| no_certificate(path, &e))?;
    if all.is_empty() {
        return Err(format!("There is no certificate in the file {shown}; it must be in the PEM format"));
    }
    Ok(all)
}

fn no_certificate(path: &Path, why: &dyn std::fmt::Display) -> String {
    let [shown, why] = [path.display().to_string(), why.to_string()].map(|text| said(&text));
    format!("The file {shown} holds something that is no certificate ({why})")
}

fn roots(native: Vec<CertificateDer<'static>>, ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(native);
    if let Some(path) = ca_file {
        for certificate in read(path)? {
            roots.add(certificate).map_err(|e| no_certificate(path, &e))?;
        }
    }
    if roots.is_empty() { Err(NOBODY.to_owned()) } else { Ok(roots) }
}

const NOBODY: &str = "This machine trusts no authority, so it cannot tell whether a server is the right one. \
                      Install the package ca-certificates, or name the server's own certificate file";

/// The authorities of this machine and those of the file, as they are.
///
/// # Errors
/// A sentence when the file cannot be used or nothing is trusted at all.
pub(crate) fn certificates(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut all = rustls_native_certs::load_native_certs().certs;
    all.extend(ca_file.map(read).transpose()?.into_iter().flatten());
    if all.is_empty() { Err(NOBODY.to_owned()) } else { Ok(all) }
}

/// Why a server is not believed, to follow its name: `has a certificate that …`. Nothing when the line broke in another
/// way.
pub(crate) fn disbelief(error: &rustls::Error) -> Option<String> {
    let rustls::Error::InvalidCertificate(wrong) = error else { return None };
    let why = match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has a certificate that is out of date".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "has a certificate that is not valid yet; is the clock of this machine right?".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "has a certificate for another name".to_owned()
        }
        // An authority that was made anew under its old name signs with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "has a certificate from an authority that this machine does not know".to_owned()
        }
        // A certificate of an authority that stands for a server, as many make it that sign their own.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "has a certificate that it signed itself".to_owned()
        }
        CertificateError::Revoked => "has a certificate that was withdrawn".to_owned(),
        other => format!("has a certificate that cannot be trusted ({})", said(&other.to_string())),
    };
    Some(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_authorities_it_says_what_to_install() {
        let none = roots(Vec::new(), None).unwrap_err();
        assert!(none.contains("ca-certificates"), "{none}");
    }

    #[test]
    fn a_file_without_a_certificate_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            roots(Vec::new(), Some(&path)).unwrap_err()
        };
        assert!(file("empty.pem", "").contains("There is no certificate"));
        assert!(file("text.pem", "hello").contains("There is no certificate"));
        let broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
        assert!(broken.contains("no certificate ("), "{broken}");
        let missing = roots(Vec::new(), Some(&dir.path().join("missing.pem"))).unwrap_err();
        assert!(missing.contains("cannot be read"), "{missing}");
    }
}
