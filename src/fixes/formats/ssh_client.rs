//! `ssh_config`: the first value counts, and blocks begin with `Host` or `Match`. Source: ssh_config(5); what holds for
//! every host stands before all blocks, under `Host *` or under `Match all`.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax},
    sshd,
};

/// The client's format.
pub(super) struct SshClient;

impl Syntax for SshClient {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        sshd::read(text)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        sshd::check(edit, &["match", "host"])
    }

    fn is(&self, setting: &Setting, section: Option<&str>, key: &str) -> bool {
        let here = match section.map(sshd::block_name).as_deref() {
            None => matches!(setting.section.as_str(), "" | "host *" | "match all"),
            Some(section) => setting.section == section,
        };
        here && setting.name == sshd::keyword_name(key)
    }

    fn first_wins(&self) -> bool {
        true
    }

    fn adds_up(&self, key: &str) -> Option<&'static str> {
        let list = ["certificatefile", "dynamicforward", "identityfile", "localforward", "remoteforward", "sendenv"];
        list.contains(&key.to_ascii_lowercase().as_str()).then_some(" ")
    }

    fn plain(&self, key: &str, value: &str) -> Result<String, EditError> {
        sshd::plain(key, value)
    }

    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        sshd::in_block(text, settings, edit.section.unwrap_or("Host *"), edit.key, edit.value.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::SshClient;
    const DEBIAN: &str = include_str!("fixtures/ssh_config");

    #[test]
    fn the_file_of_debian() {
        let new = set(F, DEBIAN, None, "ForwardAgent", Some("no"));
        assert!(new.contains("Host *\n    ForwardAgent no\n"), "{new}");
        laws(F, DEBIAN, None, "HashKnownHosts", "no");
        laws(F, DEBIAN, Some("Host a b"), "ForwardX11", "no");
        hostile(F, DEBIAN, None, "ForwardAgent");
        assert_eq!(set(F, DEBIAN, None, "sendenv", Some("LANG")), DEBIAN.replace("SendEnv LANG LC_*", "SendEnv LANG"));
    }

    #[test]
    fn what_holds_for_every_host() {
        let text = "ForwardAgent yes\nHost a\n  Port 1\nHost *\n  Port 2\n  ForwardAgent no\n";
        assert_eq!(F.get(text, None, "forwardagent").as_deref(), Some("yes"));
        assert_eq!(F.get(text, None, "Port").as_deref(), Some("2"));
        assert_eq!(F.get(text, Some("host a"), "Port").as_deref(), Some("1"));
        assert_eq!(set(F, text, None, "ForwardAgent", Some("no")), text.replace("yes", "no"));
        assert_eq!(set(F, "Host a\n  Port 1", None, "X", Some("y")), "Host a\n  Port 1\n\nHost *\n    X y\n");
        refused(F, text, None, "Host", Some("x"));
    }

    #[test]
    fn made_up_files() {
        let pieces = &[
            "# c",
            "",
            "Host a",
            "Host *",
            "Match all",
            "  Port 22",
            "\tForwardAgent=yes",
            "ForwardAgent no # x",
            "SendEnv A B",
            "  SendEnv C",
        ];
        let values = "[a-z][a-z0-9*=.-]{0,9}";
        for section in [None, Some("Host a"), Some("Host *.example.org !x")] {
            Trial {
                format: F,
                pieces,
                must: "",
                section,
                keys: &["Port", "ForwardAgent", "SendEnv", "Ciphers"],
                values,
            }
            .run();
        }
    }
}
