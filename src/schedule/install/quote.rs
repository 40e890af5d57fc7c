//! Paths and values as the files that we write need them.

use std::path::Path;

use crate::{schedule::ScheduleError, words};

/// A value of a unit as one word: `%` begins a specifier, and blanks and quotes need quoting.
pub(super) fn unit(value: &str) -> Result<String, ScheduleError> {
    let doubled = one_line(value)?.replace('%', "%%");
    if doubled.chars().all(|c| c.is_alphanumeric() || "/_-.+=%:@,~".contains(c)) {
        return Ok(doubled);
    }
    Ok(format!("\"{}\"", doubled.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// The same for a command, where `$` begins a variable too.
pub(super) fn exec(path: &Path) -> Result<String, ScheduleError> {
    Ok(unit(text(path)?)?.replace('$', "$$"))
}

/// A word of a command in a crontab: the shell reads it after cron, for which `%` ends the command.
pub(super) fn cron(path: &Path) -> Result<String, ScheduleError> {
    Ok(words::shell(one_line(text(path)?)?).replace('%', "\\%"))
}

/// A path as text.
pub(super) fn text(path: &Path) -> Result<&str, ScheduleError> {
    path.to_str().ok_or_else(|| refused(&path.to_string_lossy()))
}

pub(super) fn one_line(value: &str) -> Result<&str, ScheduleError> {
    if value.contains(char::is_control) { Err(refused(value)) } else { Ok(value) }
}

fn refused(value: &str) -> ScheduleError {
    ScheduleError::Install {
        what: format!("`{}` has signs in it that cannot be written into a unit or a crontab.", words::harmless(value)),
        hint: "Give the file or folder a plain name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_keeps_its_meaning() {
        assert_eq!(unit("/usr/local/bin/cleanbill").unwrap(), "/usr/local/bin/cleanbill");
        assert_eq!(unit("/srv/a b%\"\\c").unwrap(), "\"/srv/a b%%\\\"\\\\c\"");
        assert_eq!(exec(Path::new("/opt/$x/y")).unwrap(), "\"/opt/$$x/y\"");
        assert_eq!(cron(Path::new("/opt/50%/it's")).unwrap(), "'/opt/50\\%/it'\\''s'");
        assert!(unit("a\nExecStart=/bin/sh").is_err());
    }
}
