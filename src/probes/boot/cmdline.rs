//! The kernel's command line: words with or without a value, which quotes may hold together.

/// Names and values.
pub(super) fn words(text: &str) -> Vec<(String, Option<String>)> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars().take(65_536).chain([' ']) {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                let whole = std::mem::take(&mut word);
                // What follows this word is for the first process.
                if whole == "--" {
                    return words;
                }
                match whole.split_once('=') {
                    Some((name, value)) if !name.is_empty() => {
                        words.push((name.to_owned(), Some(value.to_owned())));
                    }
                    _ if !whole.is_empty() => words.push((whole, None)),
                    _ => {}
                }
            }
            c => word.push(c),
        }
    }
    words
}
