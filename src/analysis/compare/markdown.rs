//! The comparison as Markdown, for a ticket.

use super::model::{Comparison, Mark, Weight};
use crate::report::{markdown_id, markdown_text as safe, severity_words};

/// The comparison as Markdown; `all` cuts nothing.
pub fn markdown(comparison: &Comparison, all: bool) -> String {
    let mut out = format!("# {}\n\n{}\n", safe(&comparison.title), safe(&comparison.summary));
    for note in &comparison.notes {
        out.push_str(&format!("\n> {}\n", safe(note)));
    }
    for listed in comparison.lists(all).iter().filter(|l| !l.problems.is_empty()) {
        out.push_str(&format!("\n## {}\n\n", safe(&listed.title)));
        for problem in listed.problems {
            let how = Some(severity_words(problem.severity).to_owned()).filter(|_| listed.mark != Mark::Done);
            let said: Vec<String> = how.into_iter().chain(problem.age.as_ref().map(|a| safe(a))).collect();
            let said = if said.is_empty() { String::new() } else { format!("{}; ", said.join(", ")) };
            out.push_str(&format!("- {} ({said}`{}`)\n", safe(&problem.title), markdown_id(&problem.check)));
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
