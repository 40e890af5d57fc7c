//! The chapters, read as mdBook reads them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A block of commands.
pub struct Block {
    pub line: usize,
    /// `console` shows what is typed and what is said, `sh` only what is typed.
    pub console: bool,
    /// Why it is not run here, only understood: `host=systemd`.
    pub host: Option<String>,
    /// The exit code of each command.
    pub exit: i32,
    /// Whether what is shown was said by a richer machine than the made one.
    pub elsewhere: bool,
    pub text: String,
}

/// One page.
pub struct Chapter {
    /// Relative to `docs`.
    pub name: String,
    pub blocks: Vec<Block>,
    /// Code within a sentence, with its line.
    pub spans: Vec<(usize, String)>,
    pub links: Vec<(usize, String)>,
    /// What a link may name after `#`.
    pub anchors: BTreeSet<String>,
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// All pages that the contents name.
pub fn all() -> Vec<Chapter> {
    let contents = read("SUMMARY.md");
    let names = contents.links.into_iter().map(|(_, link)| link);
    names.map(|name| read(&name)).collect()
}

pub fn read(name: &str) -> Chapter {
    let path = folder().join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
    parse(name, &text)
}

/// The links and headings of a page outside the book, whose blocks are its own affair.
pub fn linked(name: &str, text: &str) -> Chapter {
    gone_through(name, text, false)
}

pub fn parse(name: &str, text: &str) -> Chapter {
    gone_through(name, text, true)
}

fn gone_through(name: &str, text: &str, commands: bool) -> Chapter {
    let mut chapter = Chapter {
        name: name.to_owned(),
        blocks: Vec::new(),
        spans: Vec::new(),
        links: Vec::new(),
        anchors: BTreeSet::new(),
    };
    let mut block: Option<Block> = None;
    let mut heading: Option<String> = None;
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_HEADING_ATTRIBUTES;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        let line = 1 + text[..range.start].matches('\n').count();
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if commands => block = opened(name, line, &info),
            Event::End(TagEnd::CodeBlock) => chapter.blocks.extend(block.take()),
            Event::Start(Tag::Heading { id, .. }) => {
                chapter.anchors.extend(id.map(|id| id.to_string()));
                heading = Some(String::new());
            }
            Event::End(TagEnd::Heading(_)) => {
                let title = heading.take().unwrap();
                let mut anchor = anchor(&title);
                let (plain, mut n) = (anchor.clone(), 0);
                while !chapter.anchors.insert(anchor) {
                    n += 1;
                    anchor = format!("{plain}-{n}");
                }
            }
            Event::Start(Tag::Link { dest_url: to, .. } | Tag::Image { dest_url: to, .. }) => {
                chapter.links.push((line, to.into_string()))
            }
            Event::Text(words) => match (&mut block, &mut heading) {
                (Some(block), _) => block.text.push_str(&words),
                (None, Some(title)) => title.push_str(&words),
                (None, None) => {}
            },
            Event::Code(code) => match &mut heading {
                Some(title) => title.push_str(&code),
                None => chapter.spans.push((line, code.into_string())),
            },
            _ => {}
        }
    }
    chapter
}

/// A fence that holds commands, by its info string.
fn opened(name: &str, line: usize, info: &str) -> Option<Block> {
    let mut words = info.split(',');
    let console = match words.next() {
        Some("console") => true,
        Some("sh") => false,
        // Text, SQL, settings; what looks like commands must say that it is.
        Some("text" | "sql" | "toml" | "json" | "yaml" | "xml") => return None,
        other => panic!("{name}:{line}: a block of {other:?}: say console, sh, text, sql, toml, json, yaml or xml"),
    };
    let mut block = Block { line, console, host: None, exit: 0, elsewhere: false, text: String::new() };
    for word in words {
        match word.split_once('=') {
            Some(("host", why)) if !why.is_empty() => block.host = Some(why.to_owned()),
            Some(("exit", code)) => block.exit = code.parse().unwrap(),
            None if word == "elsewhere" => block.elsewhere = true,
            _ => panic!("{name}:{line}: `{word}` is not understood"),
        }
    }
    Some(block)
}

/// The anchor of a heading, as mdBook and code hosts make it.
pub fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-') || c.is_whitespace());
    kept.map(|c| if c.is_whitespace() { '-' } else { c.to_ascii_lowercase() }).collect()
}
