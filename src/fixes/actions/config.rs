//! One setting of a file: everything else in it stays as it is.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::fixes::{
    formats::{Edit, Format},
    view::{Refusal, View},
};

/// Sets or removes one setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetConfig {
    /// How the file is written.
    pub format: Format,
    /// The file.
    pub path: String,
    /// The section, where the format has such; an empty one is none.
    #[serde(default)]
    pub section: Option<String>,
    /// The setting.
    pub key: String,
    /// Its value; none removes it.
    #[serde(default)]
    pub value: Option<String>,
    /// The file that includes this one. Where it does not, the setting goes into that one itself.
    #[serde(default)]
    pub included_by: Option<String>,
    /// Rights of a new file, where they are not those that are usual for its format.
    #[serde(default)]
    pub mode: Option<String>,
    /// Whether nothing is done where there is no such file.
    #[serde(default)]
    pub only_if_there: bool,
}

impl SetConfig {
    /// The file to change.
    fn place(&self, view: &View<'_>) -> Result<&str, Refusal> {
        let Some(main) = &self.included_by else { return Ok(&self.path) };
        let text = view.text(&view.follow(main)?)?.unwrap_or_default();
        Ok(if includes(main, &text, &self.path) { &self.path } else { main })
    }
}

/// Whether a line of a file includes another: `Include /etc/ssh/sshd_config.d/*.conf`, and in sudoers
/// `@includedir /etc/sudoers.d`, of old with a `#`.
fn includes(main: &str, text: &str, path: &str) -> bool {
    let beside = main.rsplit_once('/').map_or("", |(folder, _)| folder);
    let fits = |pattern: &str, whole: bool| {
        let pattern = pattern.trim_matches(['"', ';']).trim_end_matches('/');
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{beside}/{pattern}") };
        let pattern = if whole { format!("{pattern}/*") } else { pattern };
        let glob = globset::GlobBuilder::new(&pattern).literal_separator(true).build();
        glob.is_ok_and(|glob| glob.compile_matcher().is_match(path))
    };
    text.lines().any(|line| {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let whole = ["@includedir", "#includedir"].contains(&first);
        (whole || first.eq_ignore_ascii_case("include")) && words.any(|word| fits(word, whole))
    })
}

impl Act for SetConfig {
    fn plan(&self, view: &mut View<'_>) -> Result<(), Refusal> {
        let path = view.follow(self.place(view)?)?;
        let old = view.text(&path)?;
        if old.is_none() && (self.only_if_there || self.value.is_none()) {
            return Ok(());
        }
        let edit = Edit {
            section: self.section.as_deref().filter(|s| !s.is_empty()),
            key: &self.key,
            value: self.value.as_deref(),
        };
        let new = self
            .format
            .edit(old.as_deref().unwrap_or_default(), &edit)
            .map_err(|e| Refusal::new(format!("{path} could not be changed: {e}")))?;
        if old.as_deref() == Some(new.as_str()) {
            return Ok(());
        }
        let mode = self.mode.as_deref().map_or(Ok(self.format.mode()), super::rights::octal)?;
        view.write(&path, &new, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_counts_only_where_it_is_included() {
        let path = "/etc/ssh/sshd_config.d/10-cleanbill.conf";
        let includes = |text: &str, path: &str| includes("/etc/ssh/sshd_config", text, path);
        assert!(includes("# x\nInclude /etc/ssh/sshd_config.d/*.conf\n", path));
        assert!(!includes("#Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n", path));
        assert!(!includes("Include /etc/ssh/other.d/*.conf\n", path));
        assert!(!includes("Include /etc/ssh/sshd_config.d/20-*.conf\n", path));
        assert!(includes("include sshd_config.d/*.conf\n", path));
        let path = "/etc/sudoers.d/10-cleanbill";
        assert!(includes("@includedir /etc/sudoers.d\n", path) && includes("#includedir /etc/sudoers.d\n", path));
        assert!(!includes("# includedir /etc/sudoers.d\n@includedir /etc/sudoers.e\n", path));
    }
}
