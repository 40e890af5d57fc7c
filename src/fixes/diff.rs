//! What a change does to a file, as a unified diff.

use similar::TextDiff;

use super::{
    change::FileChange,
    tree::{Content, State},
};
use crate::words::harmless;

/// Lines of a diff that are shown beside a change.
const CONTEXT: usize = 3;

/// The diff of a change, with its rights where they change; harmless to show.
pub fn diff(change: &FileChange) -> String {
    let mut out = String::new();
    let text = |state: &Option<State>| {
        let text = state.as_ref().map(|s| content(&s.content)).unwrap_or_default();
        if holds_passwords(&change.path) { without_passwords(&text) } else { text }
    };
    let (old, new) = (text(&change.before), text(&change.after));
    if old != new {
        let label = |there: bool| if there { change.path.clone() } else { "/dev/null".to_owned() };
        let diff = TextDiff::from_lines(&old, &new);
        let mut unified = diff.unified_diff();
        unified.context_radius(CONTEXT).header(&label(change.before.is_some()), &label(change.after.is_some()));
        out = unified.to_string();
    } else {
        out.push_str(&format!("{}\n", change.what()));
    }
    if let (Some(before), Some(after)) = (&change.before, &change.after)
        && old != new
        && (before.mode, before.uid, before.gid) != (after.mode, after.uid, after.gid)
    {
        out.push_str(&format!("{}\n", change.what()));
    }
    out.lines().map(|line| harmless(line) + "\n").collect()
}

/// Whether a file holds what passwords are guessed from: that is for no screen, log or report.
fn holds_passwords(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    ["shadow", "gshadow", "opasswd"].iter().any(|n| name.starts_with(n))
}

/// The lines of such a file without the passwords; whether one is locked still shows.
fn without_passwords(text: &str) -> String {
    let hidden = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        let field = fields.get(1).copied().unwrap_or_default();
        let locks = field.len() - field.trim_start_matches(['!', '*']).len();
        let shown = format!("{}{}", &field[..locks], if field.len() > locks { "(hidden)" } else { "" });
        if let Some(field) = fields.get_mut(1) {
            *field = &shown;
        }
        fields.join(":")
    };
    text.lines().map(|line| hidden(line) + "\n").collect()
}

/// What can be shown of something.
fn content(content: &Content) -> String {
    match content {
        Content::File(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => text.to_owned(),
            _ => format!("({} bytes that are no text)\n", bytes.len()),
        },
        Content::Link(target) => format!("(a link to {})\n", String::from_utf8_lossy(target)),
        Content::Directory => "(a folder)\n".to_owned(),
        Content::Opaque(..) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: Option<&str>, after: Option<&str>) -> String {
        let state = |text: &str| State::file(text, 0o644);
        diff(&FileChange { path: "/etc/x".to_owned(), before: before.map(state), after: after.map(state) })
    }

    #[test]
    fn a_diff_names_the_file_and_the_lines() {
        let told = change(Some("a\nb\nc\n"), Some("a\nB\nc\n"));
        assert_eq!(told, "--- /etc/x\n+++ /etc/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
        assert!(change(None, Some("a\n")).starts_with("--- /dev/null\n+++ /etc/x\n"));
    }

    #[test]
    fn passwords_are_not_shown() {
        let state = |text: &str| Some(State::file(text, 0o640));
        let told = diff(&FileChange {
            path: "/etc/shadow".to_owned(),
            before: state("root:*:19000:::::\nann:$6$salt$hash:19000:::::\nbob:$6$b:1:::::\n"),
            after: state("root:*:19000:::::\nann:!$6$salt$hash:19000:::::\nbob:$6$b:1:::::\n"),
        });
        assert!(told.contains("-ann:(hidden):19000") && told.contains("+ann:!(hidden):19000"), "{told}");
        assert!(!told.contains("$6$"), "{told}");
        // Nothing but the password itself is another.
        let told = diff(&FileChange {
            path: "/etc/shadow".to_owned(),
            before: state("ann:$6$a:1:\n"),
            after: state("ann:$6$b:1:\n"),
        });
        assert_eq!(told, "/etc/shadow: another content\n");
    }

    #[test]
    fn what_a_file_holds_cannot_reach_the_terminal() {
        let told = change(Some(""), Some("\u{1b}[31mred\u{202e}\n"));
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    }
}
