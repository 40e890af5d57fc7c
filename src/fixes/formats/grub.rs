//! `/etc/default/grub`: a shell file whose `GRUB_CMDLINE_*` strings hold the parameters of the kernel. Source: the
//! manual of GRUB, "Simple configuration", and kernel-command-line(7): words between blanks, `-` and `_` are the same.

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad_key},
    shell::{Shell, check_word},
};

/// The format.
pub(super) struct Grub;

impl Syntax for Grub {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        Shell.settings(text)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        let Some((variable, parameter)) = edit.key.split_once(':') else { return Shell.check(edit) };
        Shell.check(&Edit { key: variable, ..*edit })?;
        super::lines::check_key(parameter, "_-.")?;
        check_word(edit.key, edit.value.unwrap_or_default())
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        setting.name == key.split_once(':').map_or(key, |(variable, _)| variable)
    }

    fn insertion(&self, text: &str, settings: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        Shell.insertion(text, settings, edit)
    }

    fn get(&self, text: &str, section: Option<&str>, key: &str) -> Result<Option<String>, EditError> {
        let Some((variable, parameter)) = key.split_once(':') else { return Shell.get(text, section, key) };
        let line = Shell.get(text, section, variable)?.unwrap_or_default();
        let of = |word: &&str| name(word) == name(parameter);
        let last = words(&line).into_iter().rfind(of);
        Ok(last.map(|word| word.split_once('=').map_or("", |(_, value)| value).to_owned()))
    }

    fn edit(&self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        self.check(edit)?;
        let Some((variable, parameter)) = edit.key.split_once(':') else { return Shell.edit(text, edit) };
        let settings = Shell.settings(text)?;
        let before = Shell.get(text, None, variable)?;
        if before.is_none() && settings.iter().any(|setting| setting.name == variable) {
            return bad_key(edit.key, "the string is put together by the shell");
        }
        let line = before.unwrap_or_default();
        let of = |word: &str| name(word) == name(parameter);
        let mut all = words(&line);
        match edit.value {
            _ if self.get(text, None, edit.key)?.as_deref() == edit.value => return Ok(text.to_owned()),
            None => all.retain(|word| !of(word)),
            Some(value) => {
                let new = if value.is_empty() { parameter.to_owned() } else { format!("{parameter}={value}") };
                let line = match all.iter().rposition(|word| of(word)) {
                    Some(at) => all.iter().enumerate().map(|(i, word)| if i == at { &new } else { *word }).collect(),
                    None => all.iter().copied().chain([new.as_str()]).collect::<Vec<_>>(),
                };
                return Shell.edit(text, &Edit { section: None, key: variable, value: Some(&line.join(" ")) });
            }
        }
        Shell.edit(text, &Edit { section: None, key: variable, value: Some(&all.join(" ")) })
    }
}

/// The name of a parameter as the kernel compares it.
fn name(word: &str) -> String {
    word.split('=').next().unwrap_or_default().replace('-', "_")
}

/// Words between blanks; double quotes hold blanks together.
fn words(line: &str) -> Vec<&str> {
    let mut quote = false;
    let cut = line.split(move |c| {
        quote ^= c == '"';
        !quote && (c == ' ' || c == '\t' || c == '\n')
    });
    cut.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Grub;
    const DEBIAN: &str = include_str!("fixtures/grub");

    #[test]
    fn the_file_of_debian() {
        let key = "GRUB_CMDLINE_LINUX_DEFAULT:quiet";
        assert_eq!(F.get(DEBIAN, None, key).as_deref(), Some(""));
        assert_eq!(set(F, DEBIAN, None, key, None), DEBIAN.replace("DEFAULT=\"quiet\"", "DEFAULT=\"\""));
        let key = "GRUB_CMDLINE_LINUX_DEFAULT:audit";
        assert_eq!(set(F, DEBIAN, None, key, Some("1")), DEBIAN.replace("\"quiet\"", "\"quiet audit=1\""));
        laws(F, DEBIAN, None, "GRUB_CMDLINE_LINUX:apparmor", "1");
        laws(F, DEBIAN, None, "GRUB_TIMEOUT", "0");
        hostile(F, DEBIAN, None, "GRUB_CMDLINE_LINUX:audit");
        hostile(F, DEBIAN, None, "GRUB_TIMEOUT");
    }

    #[test]
    fn parameters() {
        let text = "L='a=\"x y\" init-call=1 init_call=2 b'\n";
        assert_eq!(F.get(text, None, "L:init_call").as_deref(), Some("2"));
        assert_eq!(set(F, text, None, "L:init-call", Some("3")), "L='a=\"x y\" init-call=1 init-call=3 b'\n");
        assert_eq!(set(F, text, None, "L:init-call", None), "L='a=\"x y\" b'\n");
        assert_eq!(set(F, "", None, "L:a", Some("")), "L=\"a\"\n");
        refused(F, "L=\"$X a\"\n", None, "L:b", Some("1"));
        for key in ["L:", "L:a b", "L:a=b", ":a", "L:a:b"] {
            refused(F, text, None, key, Some("1"));
        }
    }

    #[test]
    fn made_up_files() {
        let pieces = &["# it's", "", "L=\"quiet splash\"", "L=", "M='x=1 x=2'", "export L='a b=\"c d\"'", "K=`id`"];
        Trial {
            format: F,
            pieces,
            must: "",
            section: None,
            keys: &["L:quiet", "L:x", "M:x", "N:y"],
            values: "[!#%-&(-\\[\\]-_a-z]{0,8}",
        }
        .run();
    }
}
