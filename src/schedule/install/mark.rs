//! The first lines of what we write, by which it is told from what others wrote, and from what a person made of it.

/// How the first line begins.
const HEAD: &str = "# Written by `cleanbill schedule install`";
/// What stands before the fingerprint.
const PRINT: &str = "# Fingerprint of what follows: ";

/// Whose a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// As we wrote it.
    Ours,
    /// We wrote it, and someone changed it.
    Changed,
    /// Someone else's.
    Others,
}

/// A text with our mark before it. `own` says where a person puts what they want to have otherwise.
pub(super) fn marked(own: &str, body: &str) -> String {
    format!("{HEAD}, which writes it anew.\n# {own}\n{PRINT}{}\n{body}", fingerprint(body))
}

/// Whose a text is.
pub(super) fn whose(text: &str) -> Whose {
    if !text.starts_with(HEAD) {
        return Whose::Others;
    }
    let parts = text.split_once(PRINT).and_then(|(_, rest)| rest.split_once('\n'));
    match parts {
        Some((print, body)) if print == fingerprint(body) => Whose::Ours,
        _ => Whose::Changed,
    }
}

fn fingerprint(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex().chars().take(16).collect()
}

/// Our part of a crontab that a person has other lines in.
pub(super) mod part {
    const BEGIN: &str = "# BEGIN cleanbill";
    const END: &str = "# END cleanbill";

    /// Our lines, if they are there.
    pub(in super::super) fn of(crontab: &str) -> Option<String> {
        let lines: Vec<&str> = crontab.lines().collect();
        let (from, to) = place(&lines)?;
        Some(lines.get(from + 1..to)?.iter().map(|line| format!("{line}\n")).collect())
    }

    /// The crontab with other lines of ours, or with none. All else stays as it is.
    pub(in super::super) fn put(crontab: &str, ours: Option<&str>) -> String {
        let lines: Vec<&str> = crontab.lines().collect();
        let (before, after) = match place(&lines) {
            Some((from, to)) => (lines.get(..from).unwrap_or_default(), lines.get(to + 1..).unwrap_or_default()),
            None => (lines.as_slice(), &[][..]),
        };
        let mut out: String = before.iter().map(|line| format!("{line}\n")).collect();
        if let Some(ours) = ours {
            out.push_str(&format!("{BEGIN}\n{ours}{END}\n"));
        }
        out.extend(after.iter().map(|line| format!("{line}\n")));
        out
    }

    fn place(lines: &[&str]) -> Option<(usize, usize)> {
        let from = lines.iter().position(|line| line.trim_end() == BEGIN)?;
        let to = lines.iter().skip(from).position(|line| line.trim_end() == END)?;
        Some((from, from + to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_changed_is_told_from_what_we_wrote() {
        let text = marked("Elsewhere.", "[Unit]\nDescription=a\n");
        assert_eq!(whose(&text), Whose::Ours);
        assert_eq!(whose(&text.replace("Description=a", "Description=b")), Whose::Changed);
        assert_eq!(whose(&text.replace(PRINT, "# ")), Whose::Changed);
        assert_eq!(whose("[Unit]\nDescription=a\n"), Whose::Others);
        assert_eq!(whose(""), Whose::Others);
    }

    #[test]
    fn other_lines_of_a_crontab_stay_as_they_are() {
        let theirs = "MAILTO=me\n0 1 * * * backup\n";
        let with = part::put(theirs, Some("# a\n* * * * * b\n"));
        assert_eq!(with, "MAILTO=me\n0 1 * * * backup\n# BEGIN cleanbill\n# a\n* * * * * b\n# END cleanbill\n");
        assert_eq!(part::of(&with).unwrap(), "# a\n* * * * * b\n");
        let more = format!("{with}5 5 * * * more\n");
        assert_eq!(
            part::put(&more, Some("c\n")),
            format!("{theirs}# BEGIN cleanbill\nc\n# END cleanbill\n5 5 * * * more\n")
        );
        assert_eq!(part::put(&more, None), format!("{theirs}5 5 * * * more\n"));
        assert_eq!(part::put(theirs, None), theirs);
        assert_eq!(part::of(theirs), None);
        // Half of ours is not taken for ours: nothing of theirs may be lost.
        let cut = with.replace("# END cleanbill\n", "");
        assert_eq!(part::put(&cut, None), cut);
    }
}
