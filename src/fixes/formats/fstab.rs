//! `fstab`: six fields between blanks, the fourth holds mount options with commas between; `\040` stands for a blank.
//! Source: fstab(5) and mount(8): of `exec` and `noexec` the later counts.

use std::ops::Range;

use super::{
    Edit, EditError,
    lines::{Setting, Syntax, bad, bad_key, bad_value, lines},
};

/// Options that undo each other.
const PAIRS: &[(&str, &str)] = &[
    ("exec", "noexec"),
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("rw", "ro"),
    ("auto", "noauto"),
    ("user", "nouser"),
    ("atime", "noatime"),
    ("diratime", "nodiratime"),
    ("relatime", "norelatime"),
    ("symfollow", "nosymfollow"),
    ("async", "sync"),
];

/// The format.
pub(super) struct Fstab;

impl Syntax for Fstab {
    fn settings(&self, text: &str) -> Result<Vec<Setting>, EditError> {
        let mut out = Vec::new();
        for line in lines(text) {
            let body = line.trimmed();
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            let fields = fields(text, line.start..line.body_end());
            let (Some(place), Some(options)) = (fields.get(1), fields.get(3)) else {
                return bad(text, line.start, "the line has fewer than four fields");
            };
            out.push(Setting {
                section: String::new(),
                name: decoded(&text[place.clone()]),
                value: Some(text[options.clone()].to_owned()),
                whole: line.start..line.end,
                raw: options.clone(),
                kept: String::new(),
            });
        }
        Ok(out)
    }

    fn check(&self, edit: &Edit<'_>) -> Result<(), EditError> {
        if edit.section.is_some_and(|section| !section.is_empty()) {
            return super::lines::bad_section(edit.section.unwrap_or_default(), "fstab has no sections");
        }
        let (place, option) = split(edit.key);
        if place == "/" && option.is_none() && edit.value.is_none() {
            return bad_key(edit.key, "without its line the machine does not start");
        }
        if let Some(option) = option {
            super::lines::check_key(option, "_-.")?;
        }
        let odd = if option.is_some() { &[' ', '\t', '"', '\\', '#', ','][..] } else { &[' ', '\t', '"', '\\', '#'] };
        match edit.value {
            Some(value) if value.contains(odd) => {
                bad_value(edit.key, "it has blanks, quotes, a backslash or more than one option")
            }
            Some("") if option.is_none() => bad_value(edit.key, "it is empty"),
            Some(value) if option.is_none() && value.split(',').any(str::is_empty) => {
                bad_value(edit.key, "an option between commas is empty")
            }
            _ => Ok(()),
        }
    }

    fn is(&self, setting: &Setting, _: Option<&str>, key: &str) -> bool {
        setting.name == split(key).0
    }

    fn insertion(&self, _: &str, _: &[Setting], edit: &Edit<'_>) -> Result<(usize, String), EditError> {
        bad_key(edit.key, "nothing is mounted there, so there is no line to change")
    }

    fn get(&self, text: &str, _: Option<&str>, key: &str) -> Result<Option<String>, EditError> {
        let settings = self.settings(text)?;
        let value = settings.into_iter().rfind(|setting| self.is(setting, None, key)).and_then(|setting| setting.value);
        Ok(match split(key).1 {
            None => value,
            Some(option) => value.and_then(|value| option_in(&value, option)),
        })
    }

    fn edit(&self, text: &str, edit: &Edit<'_>) -> Result<String, EditError> {
        self.check(edit)?;
        let settings = self.settings(text)?;
        let hits = self.hits(&settings, None, edit.key);
        let old = match hits.as_slice() {
            [] if edit.value.is_none() => return Ok(text.to_owned()),
            [] => return self.insertion(text, &settings, edit).map(|_| text.to_owned()),
            [one] => *one,
            _ => return bad_key(edit.key, "more than one line mounts there"),
        };
        let before = old.value.as_deref().unwrap_or_default();
        let after = match (split(edit.key).1, edit.value) {
            (None, None) => return Ok(super::lines::without(text, &hits)),
            (None, Some(value)) => value.to_owned(),
            (Some(option), value) if option_in(before, option).as_deref() == value => before.to_owned(),
            (Some(option), value) => with_option(before, option, value),
        };
        Ok(super::lines::spliced(text, &[(old.raw.clone(), &after)]))
    }
}

/// The mount point and, after the last `:`, an option; a `/` after it says that it belongs to the mount point.
fn split(key: &str) -> (&str, Option<&str>) {
    match key.rsplit_once(':') {
        Some((place, option)) if !option.contains('/') => (place, Some(option)),
        _ => (key, None),
    }
}

fn fields(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let (mut out, mut at) = (Vec::new(), range.start);
    for word in text[range].split([' ', '\t']) {
        if !word.is_empty() {
            out.push(at..(at + word.len()));
        }
        at += word.len() + 1;
    }
    out
}

/// `\040` and the like are one byte in octal.
fn decoded(field: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] if *first == b'\\' => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Options between commas outside of quotes.
fn options(value: &str) -> Vec<&str> {
    let mut quote = false;
    let cut = value.split(move |c| {
        quote ^= c == '"';
        c == ',' && !quote
    });
    cut.collect()
}

fn name(option: &str) -> &str {
    option.split('=').next().unwrap_or_default()
}

fn opposite(option: &str) -> Option<&'static str> {
    PAIRS.iter().find_map(|(a, b)| match option {
        option if option == *a => Some(*b),
        option if option == *b => Some(*a),
        _ => None,
    })
}

/// The value of an option in force: nothing when a later one undoes it.
fn option_in(value: &str, option: &str) -> Option<String> {
    let last = options(value).into_iter().rfind(|one| name(one) == option || Some(name(one)) == opposite(option))?;
    (name(last) == option).then(|| last.split_once('=').map_or("", |(_, value)| value).to_owned())
}

fn with_option(before: &str, option: &str, value: Option<&str>) -> String {
    let mut all = options(before);
    let mine = |one: &str| name(one) == option;
    let Some(value) = value else {
        all.retain(|one| !mine(one));
        // The field must not become empty.
        return if all.is_empty() { "defaults".to_owned() } else { all.join(",") };
    };
    let new = if value.is_empty() { option.to_owned() } else { format!("{option}={value}") };
    let at = all.iter().rposition(|one| mine(one));
    let undone = |one: &str| Some(name(one)) == opposite(option);
    match at {
        Some(at) if !all.iter().skip(at).any(|one| undone(one)) => {
            if let Some(old) = all.get_mut(at) {
                *old = &new;
            }
        }
        _ => {
            all.retain(|one| !mine(one) && !undone(one));
            all.push(&new);
        }
    }
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::super::{Format, testing::*};

    const F: Format = Format::Fstab;
    /// As the installer of Debian 12 writes it.
    const DEBIAN: &str = "\
# /etc/fstab: static file system information.\n\
#\n\
# <file system> <mount point>   <type>  <options>       <dump>  <pass>\n\
# / was on /dev/vda1 during installation\n\
UUID=6d1f0c1e-8b1a-4b59-9d0b-1d2c3e4f5a6b /               ext4    errors=remount-ro 0       1\n\
# swap was on /dev/vda5 during installation\n\
UUID=0b0c2f4e-77aa-4a8b-a6cb-7f0f0f0f0f0f none            swap    sw              0       0\n\
/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0\n\
tmpfs /tmp tmpfs\tdefaults,size=1G\t0 0\n\
/dev/x /a\\040b ext4 rw,exec\n";

    #[test]
    fn the_file_of_debian() {
        assert_eq!(set(F, DEBIAN, None, "/tmp:noexec", Some("")), DEBIAN.replace("size=1G", "size=1G,noexec"));
        assert_eq!(set(F, DEBIAN, None, "/tmp:size", Some("2G")), DEBIAN.replace("size=1G", "size=2G"));
        assert_eq!(set(F, DEBIAN, None, "/tmp:size", None), DEBIAN.replace(",size=1G", ""));
        assert_eq!(set(F, DEBIAN, None, "/a b:noexec", Some("")), DEBIAN.replace("rw,exec", "rw,noexec"));
        assert_eq!(
            set(F, DEBIAN, None, "/media/cdrom0", None),
            DEBIAN.replace("/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0\n", "")
        );
        for (key, value) in
            [("/tmp", "nodev,nosuid"), ("/:nodev", ""), ("/a b:context", "x"), ("/media/cdrom0:nosuid", "")]
        {
            if key != "/" {
                laws(F, DEBIAN, None, key, value);
            }
            hostile(F, DEBIAN, None, key);
        }
    }

    #[test]
    fn what_is_in_force() {
        let text = "a /x t noexec,exec,context=\"a,b\"\n";
        assert_eq!(F.get(text, None, "/x:noexec"), None);
        assert_eq!(F.get(text, None, "/x:exec").as_deref(), Some(""));
        assert_eq!(set(F, text, None, "/x:noexec", Some("")), "a /x t context=\"a,b\",noexec\n");
        assert_eq!(set(F, "a /x t ro\n", None, "/x:ro", None), "a /x t defaults\n");
        refused(F, text, None, "/y:ro", Some(""));
        refused(F, "a /x t ro\nb /x t ro\n", None, "/x:rw", Some(""));
        refused(F, "a /x\n", None, "/x:ro", Some(""));
        refused(F, DEBIAN, None, "/", None);
        for value in ["a,b", "a b", "a\"b", "a\\040b"] {
            refused(F, text, None, "/x:size", Some(value));
        }
        for key in ["/x:", "/x:a=b", "/x:a,b", "/x:a b"] {
            refused(F, text, None, key, Some(""));
        }
    }

    #[test]
    fn made_up_files() {
        let must = "tmpfs\t/x  tmpfs rw,size=1,noexec 0 0 # c";
        let pieces = &["# c", "", "a /y\\134 t ro", " b none swap sw 0 0", "c /z\\040z t x=\"a,b\" 0"];
        let keys = &["/x:size", "/x:mode"];
        Trial { format: F, pieces, must, section: None, keys, values: "[!$-+.-Z^-~]{0,8}" }.run();
        let keys = &["/x:ro", "/x:exec", "/x:noexec", "/x:nodev"];
        Trial { format: F, pieces, must, section: None, keys, values: "" }.run();
        Trial { format: F, pieces, must, section: None, keys: &["/x"], values: "[a-z=0-9]{1,5}(,[a-z]{1,5}){0,3}" }
            .run();
    }
}
