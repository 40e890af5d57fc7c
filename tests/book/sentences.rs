//! What the chapter about troubles says that the program says, it does say.

use std::{fs, path::Path};

use crate::chapters;

/// All text of the program, in one line and in small letters.
fn program(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            program(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs" || e == "toml") {
            // A string may go on in the next line.
            let text = fs::read_to_string(&path).unwrap();
            for line in text.lines() {
                match line.trim_start().strip_suffix('\\') {
                    Some(goes_on) => into.push_str(&goes_on.to_lowercase()),
                    None => *into += &(line.trim_start().to_lowercase() + "\n"),
                }
            }
        }
    }
}

/// The sentences that a chapter quotes: in tables below `it says`, and set off by `>`.
fn quoted(text: &str) -> Vec<&str> {
    let (mut quoted, mut says, mut block) = (Vec::new(), false, false);
    for line in text.lines() {
        block ^= line.starts_with("```");
        if block {
            continue;
        }
        if let Some(sentence) = line.strip_prefix("> ") {
            quoted.push(sentence);
        }
        let cell = line.strip_prefix("| ").and_then(|row| row.split(" |").next());
        says = cell.is_some_and(|cell| says || cell == "it says" || cell == "what it says")
            || (says && line.starts_with("|-"));
        quoted.extend(cell.filter(|cell| says && !cell.ends_with("it says")));
    }
    quoted
}

#[test]
fn the_program_says_what_the_book_quotes() {
    let mut said = String::new();
    for folder in ["src", "checks"] {
        program(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut said);
    }
    let mut wrong = Vec::new();
    let mut sentences = 0;
    for chapter in ["troubleshooting.md", "weekly-mail.md"] {
        let text = fs::read_to_string(chapters::folder().join(chapter)).unwrap();
        for sentence in quoted(&text) {
            sentences += 1;
            let parts = sentence.split('…').map(|part| part.trim().trim_end_matches(['.', ':']).to_lowercase());
            let missing = parts.filter(|part| !part.is_empty()).find(|part| !said.contains(part));
            wrong.extend(missing.map(|part| format!("docs/{chapter}: {sentence}: nothing says `{part}`")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sentences > 30, "only {sentences}");
}

#[test]
fn a_sentence_is_found_in_a_table_and_in_a_quote() {
    let text = "| it says | do |\n|---|---|\n| a b … | c |\n\n| other | x |\n|---|---|\n| d | e |\n\n> f g\n\n```text\n> h\n```\n";
    assert_eq!(quoted(text), ["a b …", "f g"]);
}
