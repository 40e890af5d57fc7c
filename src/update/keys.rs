//! Whose releases this program takes: public keys, compiled in. A key of a release that is trusted comes with an earlier
//! release that was trusted already; packaging/README.md tells how one takes the place of another.

use ed25519_dalek::VerifyingKey;
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

use super::UpdateError;

/// A public key of Ed25519.
pub type Key = self_update::VerifyingKey;

/// The keys, the newest last.
const COMPILED_IN: &[&str] = &[include_str!("keys/2026.pem")];

// What takes unsigned files when there are no keys must never be built without any.
const _: () = assert!(!COMPILED_IN.is_empty(), "a program that trusts no key cannot tell a release from anything else");

/// What stands before the 32 bytes of every public key of Ed25519 (RFC 8410).
pub(super) const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Public keys, never none.
#[derive(Debug, Clone)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Those that are compiled in.
    ///
    /// # Errors
    /// When one of them is none; a test keeps that from happening.
    pub fn compiled_in() -> Result<Self, UpdateError> {
        Keys::of(COMPILED_IN)
    }

    /// Those in these texts, each a public key in the PEM format.
    ///
    /// # Errors
    /// When there is none, or one is no key of Ed25519.
    pub fn of(pems: &[&str]) -> Result<Self, UpdateError> {
        let keys: Option<Vec<Key>> = pems.iter().map(|pem| read(pem)).collect();
        keys.filter(|keys| !keys.is_empty()).map(Keys).ok_or(UpdateError::NoKeys)
    }

    /// The keys themselves, for what asks for any of them.
    pub(super) fn all(&self) -> &[Key] {
        &self.0
    }

    /// Whether one of them signed this: 64 bytes of plain Ed25519, as `openssl pkeyutl -sign -rawin` writes them.
    pub(super) fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
        let known = |key: &Key| VerifyingKey::from_bytes(key).is_ok_and(|k| k.verify_strict(bytes, &signature).is_ok());
        self.0.iter().any(known)
    }
}

fn read(pem: &str) -> Option<Key> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    let key: Key = der.as_ref().strip_prefix(ED25519.as_slice())?.try_into().ok()?;
    VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak())?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_key_and_each_is_one() {
        let keys = Keys::compiled_in().unwrap();
        assert_eq!(keys.all().len(), COMPILED_IN.len());
        assert!(!keys.all().is_empty());
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/update/keys")).unwrap();
        assert_eq!(
            folder.count(),
            COMPILED_IN.len(),
            "a key that lies there and is not compiled in is trusted by nobody"
        );
    }

    #[test]
    fn what_is_no_key_is_none() {
        assert!(matches!(Keys::of(&[]), Err(UpdateError::NoKeys)));
        let pem = |der: &[u8]| {
            let text = base64ct::Base64::encode_string(der);
            format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
        };
        use base64ct::Encoding as _;
        let of = |key: [u8; 32]| pem(&[ED25519.as_slice(), &key].concat());
        let good = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes();
        assert_eq!(Keys::of(&[&of(good)]).unwrap().all(), [good]);
        // One of few points, to which anybody can make signatures; one that is not on the curve; another kind; no PEM.
        for bad in [of([0; 32]), of([2; 32]), pem(&[0x30, 0x03, 0x02, 0x01, 0x05]), "key".to_owned()] {
            assert!(Keys::of(&[&of(good), &bad]).is_err(), "{bad}");
        }
    }
}
