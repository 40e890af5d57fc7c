//! The comparison as Markdown, for a ticket.

use super::model::{Comparison, Weight};
use crate::report::{ProblemRef, markdown_text as safe, severity_words};

/// The comparison as Markdown; `all` cuts nothing.
pub fn markdown(comparison: &Comparison, all: bool) -> String {
    let mut out = format!("# {}\n\n{}\n", safe(&comparison.title), safe(&comparison.summary));
    for note in &comparison.notes {
        out.push_str(&format!("\n> {}\n", safe(note)));
    }
    let problems = &comparison.problems;
    let (new, fixed) = if comparison.same_machine {
        ("New problems".to_owned(), "Fixed".to_owned())
    } else {
        let only = |side: &super::model::Side| format!("Problems of {} alone", safe(&side.host));
        (only(&comparison.after), only(&comparison.before))
    };
    let lists: [(&str, &[ProblemRef]); 6] = [
        (&new, &problems.new),
        ("Came back", &problems.came_back),
        (&fixed, &problems.fixed),
        ("No longer seen: perhaps still there", &problems.unseen),
        ("Accepted since", &problems.accepted),
        ("In both", if all { &problems.open } else { &[] }),
    ];
    for (title, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        out.push_str(&format!("\n## {title}\n\n"));
        for problem in *list {
            let age = problem.age.as_ref().map_or_else(String::new, |a| format!(", {}", safe(a)));
            let how = severity_words(problem.severity);
            out.push_str(&format!("- {} ({how}{age}; `{}`)\n", safe(&problem.title), problem.check));
        }
    }
    if !comparison.changes.is_empty() {
        let title = if comparison.same_machine { "What changed on the machine" } else { "What is different" };
        out.push_str(&format!("\n## {title}\n"));
    }
    for group in &comparison.changes {
        out.push_str(&format!("\n### {}\n\n", group.title));
        for change in &group.changes {
            let text = safe(if all { &change.full_text } else { &change.text });
            match change.weight {
                Weight::Danger => out.push_str(&format!("- **Look at this:** {text}\n")),
                _ => out.push_str(&format!("- {text}\n")),
            }
        }
    }
    if !comparison.not_compared.is_empty() {
        out.push_str("\n## Not compared\n\n");
        for part in &comparison.not_compared {
            out.push_str(&format!("- {}\n", safe(&part.text)));
        }
    }
    if all && !comparison.other.is_empty() {
        out.push_str("\n## Other facts\n\n");
        for other in &comparison.other {
            out.push_str(&format!("- {} `{}`\n", safe(&other.text), other.query));
        }
    }
    out
}
