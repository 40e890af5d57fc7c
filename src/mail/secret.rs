//! A password that is not shown, not copied and not left behind in memory.

use std::fmt;

use zeroize::Zeroizing;

/// A password. `Debug` shows `…`; it cannot be cloned, compared or serialised, and is wiped when dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a password over.
    pub fn new(password: String) -> Self {
        Secret(Zeroizing::new(password))
    }

    /// The password itself: only for the line that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(password: String) -> Self {
        Secret::new(password)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_password_is_not_shown() {
        let login = ("anna".to_owned(), Secret::new("hunter2".to_owned()));
        assert_eq!(format!("{login:?}"), r#"("anna", …)"#);
        assert_eq!(login.1.expose(), "hunter2");
    }
}
