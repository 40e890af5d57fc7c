//! The password of the mail server: from a file, the environment or a systemd credential, never from the settings.

use std::{fs::File, io::Read as _, os::unix::fs::MetadataExt as _, path::Path};

use super::Mail;
use crate::mail::Secret;

/// No password is longer.
const LONGEST: u64 = 4096;

impl Mail {
    /// The password; none where none is named.
    ///
    /// # Errors
    /// Why it cannot be had, as a sentence.
    pub fn password(&self) -> Result<Option<Secret>, String> {
        if let Some(file) = &self.password_file {
            return of_file(file, true).map(Some);
        }
        if let Some(name) = &self.password_env {
            let value = std::env::var(name);
            return value
                .map(|v| Some(Secret::new(v)))
                .map_err(|_| format!("The environment variable {name} is not set"));
        }
        if let Some(name) = &self.password_credential {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                .ok_or_else(|| format!("The credential {name} is only there for the service: systemd hands it over"))?;
            if name.contains('/') {
                return Err(format!("`{}` is no name of a credential", crate::words::harmless(name)));
            }
            return of_file(&Path::new(&folder).join(name), false).map(Some);
        }
        Ok(None)
    }
}

fn of_file(path: &Path, own: bool) -> Result<Secret, String> {
    let shown = path.display();
    let failed = |e: std::io::Error| format!("The password in {shown} cannot be read: {e}");
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(format!("The password should be in {shown}, and that is not a file"));
    }
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if own && meta.mode() & 0o077 != 0 {
        return Err(format!("Others may read the password in {shown}. Close it with: chmod 600 {shown}"));
    }
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(failed)?;
    let first = text.lines().next().unwrap_or_default();
    if first.is_empty() || text.len() as u64 > LONGEST {
        return Err(format!("There is no password in {shown}: it should stand in the first line"));
    }
    Ok(Secret::new(first.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_password_is_the_first_line_of_a_file_that_only_its_owner_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let mail = Mail { password_file: Some(file.clone()), ..Mail::default() };
        let wrong = |part: &str| {
            let error = mail.password().unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        wrong("cannot be read");
        fs::write(&file, "s3cret word\nnote").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        wrong("chmod 600");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(mail.password().unwrap().unwrap().expose(), "s3cret word");
        fs::write(&file, "\n").unwrap();
        wrong("no password");
        assert!(Mail::default().password().unwrap().is_none());
        let mail = Mail { password_env: Some("CLEANBILL_NOT_THERE".to_owned()), ..Mail::default() };
        assert!(mail.password().unwrap_err().contains("not set"));
    }
}
