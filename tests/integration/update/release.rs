//! Made-up releases: archives and what they say of themselves, signed with made-up keys.

use std::io::Cursor;

use base64ct::{Base64, Encoding as _};
use cleanbill::update::Keys;
use ed25519_dalek::{Signer as _, SigningKey};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

pub const X86: &str = "x86_64-unknown-linux-gnu";
/// The secret key that is trusted in these tests, and one that is not.
pub const OURS: u8 = 7;
pub const OTHER: u8 = 8;

pub fn secret(key: u8) -> SigningKey {
    SigningKey::from_bytes(&[key; 32])
}

pub fn pem(key: u8) -> String {
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend(secret(key).verifying_key().to_bytes());
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", Base64::encode_string(&der))
}

pub fn keys(of: &[u8]) -> Keys {
    let pems: Vec<String> = of.iter().map(|key| pem(*key)).collect();
    Keys::of(&pems.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

/// Plain Ed25519, as manifests are signed.
pub fn signature(key: u8, bytes: &[u8]) -> Vec<u8> {
    secret(key).sign(bytes).to_bytes().to_vec()
}

/// A program that says a version and, where it is tried, does what it is told.
pub fn script(version: &str, tried: &str) -> String {
    format!("#!/bin/sh\ncase \"$1\" in --version) echo 'cleanbill {version}' ;; self-test) {tried} ;; esac\n")
}

/// What is in an archive.
pub struct Content {
    tar: Builder<GzEncoder<Vec<u8>>>,
    top: String,
}

impl Content {
    pub fn new(version: &str, target: &str) -> Self {
        Content {
            tar: Builder::new(GzEncoder::new(Vec::new(), Compression::fast())),
            top: format!("cleanbill-{version}-{target}"),
        }
    }

    pub fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        let path = format!("{}/{path}", self.top);
        self.tar.append_data(&mut header, path, bytes).unwrap();
        self
    }

    /// Something else than a file, or a file elsewhere: the name is written as it is.
    pub fn odd(mut self, path: &str, kind: EntryType, link: &str, bytes: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        self.tar.append(&header, bytes).unwrap();
        self
    }

    /// Says of a file that it is larger than all disks.
    pub fn bomb(mut self, path: &str) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.set_path(format!("{}/{path}", self.top)).unwrap();
        header.set_size(1 << 50);
        header.set_mode(0o644);
        header.set_cksum();
        use std::io::Write as _;
        self.tar.get_mut().write_all(header.as_bytes()).unwrap();
        self.tar.get_mut().write_all(&vec![0; 1 << 20]).unwrap();
        self.tar.into_inner().unwrap().finish().unwrap()
    }

    pub fn done(self) -> Vec<u8> {
        self.tar.into_inner().unwrap().finish().unwrap()
    }
}

/// An archive with these two programs and a manual page.
pub fn archive(version: &str, target: &str, program: &[u8]) -> Vec<u8> {
    Content::new(version, target)
        .file("bin/cleanbill", program)
        .file("bin/cleanbill-daemon", program)
        .file("share/man/man1/cleanbill.1", b".TH cleanbill 1\n")
        .done()
}

pub fn name(version: &str, target: &str) -> String {
    format!("cleanbill-{version}-{target}.tar.gz")
}

/// The archive with its signature in it, as zipsign makes it: it holds for this name.
pub fn signed(key: u8, name: &str, archive: &[u8]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let key = SigningKey::from_bytes(&[key; 32]);
    zipsign_api::sign::copy_and_sign_tar(&mut Cursor::new(archive), &mut out, &[key], Some(name.as_bytes())).unwrap();
    out.into_inner()
}

/// What a release says of itself.
#[derive(Clone)]
pub struct Says {
    pub version: String,
    pub target: String,
    pub channel: String,
    pub released: String,
    pub expires: String,
    pub bytes: usize,
    pub sha256: String,
}

impl Says {
    pub fn of(version: &str, archive: &[u8]) -> Self {
        let sha256 = Sha256::digest(archive).iter().map(|byte| format!("{byte:02x}")).collect();
        Says {
            version: version.to_owned(),
            target: X86.to_owned(),
            channel: "stable".to_owned(),
            released: "2026-11-26T00:00:00Z".to_owned(),
            expires: "2027-05-25T00:00:00Z".to_owned(),
            bytes: archive.len(),
            sha256,
        }
    }

    pub fn text(&self) -> String {
        let Says { version, target, channel, released, expires, bytes, sha256 } = self;
        let file = name(version, target);
        format!(
            r#"{{"format":1,"channel":"{channel}","version":"{version}","released":"{released}","expires":"{expires}","notes":"It finds more.","archives":[{{"target":"{target}","file":"{file}","bytes":{bytes},"sha256":"{sha256}"}}]}}"#
        )
    }
}
