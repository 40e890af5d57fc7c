//! The page of a mail as mail programs read it: only what they know, and nothing from outside.

use std::collections::BTreeSet;

use super::made::*;
use crate::report::{email::*, options::Detail, tests::EVIL};

const TAGS: [&str; 26] = [
    "html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td", "h1", "h2", "h3", "p", "ul",
    "ol", "li", "span", "img", "code", "br", "b", "strong", "em", "hr",
];
const ATTRIBUTES: [&str; 20] = [
    "lang",
    "dir",
    "charset",
    "name",
    "content",
    "class",
    "style",
    "bgcolor",
    "role",
    "width",
    "height",
    "align",
    "valign",
    "border",
    "cellpadding",
    "cellspacing",
    "src",
    "alt",
    "http-equiv",
    "colspan",
];
/// Nothing that places, floats, flexes or fetches.
const PROPERTIES: [&str; 27] = [
    "background-color",
    "border",
    "border-color",
    "border-top",
    "border-left",
    "border-right",
    "border-radius",
    "border-collapse",
    "border-spacing",
    "color",
    "display",
    "font-family",
    "font-size",
    "font-weight",
    "height",
    "line-height",
    "margin",
    "max-height",
    "max-width",
    "overflow",
    "overflow-wrap",
    "padding",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "width",
];
/// The same that only make words break and cells stand.
const MORE: [&str; 2] = ["vertical-align", "word-break"];

/// An element as it begins.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// The elements in their order, and the style sheet.
fn elements(page: &str) -> (Vec<Element>, String) {
    let mut found = Vec::new();
    let mut style = String::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            assert!(rest.starts_with('/') || rest.starts_with("!DOCTYPE html>"), "what is <{rest:.20}?");
            continue;
        }
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        rest = &rest[name.len()..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            let (key, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no attribute at {rest:.60}"));
            let (value, after) = after.split_once('"').unwrap();
            attributes.push((key.to_owned(), value.to_owned()));
            rest = after;
        }
        if name == "style" {
            let (text, after) = rest.split_once("</style>").unwrap();
            style.push_str(text);
            rest = after;
        }
        found.push(Element { name, attributes });
    }
    (found, style)
}

/// The properties that a list of declarations sets.
fn properties(declarations: &str) -> impl Iterator<Item = &str> {
    declarations.split(';').filter_map(|d| d.split_once(':')).map(|(name, _)| name.trim())
}

/// What a style sheet says outside its conditions.
fn outside(style: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for c in style.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if depth == 0 && !c.is_whitespace() => out.push(c),
            _ => {}
        }
    }
    out.replace("@media(max-width:480px)", "").replace("@media(prefers-color-scheme:dark)", "")
}

/// Every kind of mail.
fn mails() -> Vec<Mail> {
    let (quiet, better, worse, unseen) = (quiet(), better(), worse(), unseen());
    let evil = flood(30, EVIL, EVIL);
    let fleet = twelve();
    let zone = week(&quiet).zone;
    let mut mails: Vec<Mail> = [&quiet, &better, &worse, &unseen]
        .into_iter()
        .flat_map(|report| {
            [Detail::Owner, Detail::Technician].map(|detail| {
                let trouble = vec!["The audit of Monday did not run: the machine was off.".to_owned()];
                mail(&Week { detail, trouble, fixed_by: fixed(), ..week(report) })
            })
        })
        .collect();
    mails.push(mail(&full(&evil, EVIL)));
    mails.push(alert(&news(&worse, Kind::Found, &["redis-open-no-password", "gone"]), nowhere()).unwrap());
    let one = Solved { report: &better, solved: fixed(), purpose: None, zone: zone.clone() };
    mails.push(solved(&one, nowhere()).unwrap());
    let trial = TestMail {
        host: EVIL.to_owned(),
        purpose: Some(EVIL.to_owned()),
        who: Some(EVIL.to_owned()),
        at: now(),
        plan: vec![EVIL.to_owned()],
        zone: zone.clone(),
    };
    let keep = Confirm {
        host: EVIL.to_owned(),
        purpose: Some(EVIL.to_owned()),
        fixed: vec![EVIL.to_owned(); 40],
        at: now(),
        until: now(),
        zone,
    };
    mails.push(confirm(&keep, nowhere()).unwrap());
    let helpless = Stuck {
        host: EVIL.to_owned(),
        purpose: Some(EVIL.to_owned()),
        why: EVIL.repeat(100),
        hint: EVIL.repeat(100),
        at: now(),
        zone: keep.zone,
    };
    mails.push(stuck(&helpless, nowhere()).unwrap());
    mails.push(test_mail(&trial, nowhere()).unwrap());
    for detail in [Detail::Owner, Detail::Technician] {
        mails.push(digest(&Digest { detail, trouble: vec![EVIL.to_owned()], ..overview(&fleet) }, nowhere()).unwrap());
    }
    mails
}

#[test]
fn a_page_has_only_what_mail_programs_leave_in_it() {
    for mail in mails() {
        let (elements, style) = elements(&mail.html);
        assert!(elements.len() > 30);
        for element in &elements {
            assert!(TAGS.contains(&element.name.as_str()), "<{}>", element.name);
            for (name, value) in &element.attributes {
                assert!(ATTRIBUTES.contains(&name.as_str()), "{name} of <{}>", element.name);
                assert!(!value.contains("://") && !value.contains("javascript"), "{name}={value}");
            }
            for property in element.get("style").into_iter().flat_map(properties) {
                assert!(PROPERTIES.contains(&property) || MORE.contains(&property), "{property}");
            }
        }
        for wrong in ["url(", "@import", "position", "float", "flex", "grid", "calc(", "var("] {
            assert!(!mail.html.contains(wrong), "{wrong}");
        }
        // What is left of the style sheet adapts; without it, the page is whole.
        assert_eq!(outside(&style), "");
        assert!(style.len() < 8_192 && style.matches("@media").count() == 2, "Gmail drops a larger sheet");
    }
}

#[test]
fn every_style_is_in_its_element() {
    for mail in mails() {
        for element in elements(&mail.html).0 {
            let styled = ["td", "h1", "h2", "h3", "p", "ul", "li", "img"].contains(&element.name.as_str());
            assert!(!styled || element.get("style").is_some(), "<{}> has no style", element.name);
            if element.name == "table" {
                assert_eq!(element.get("role"), Some("presentation"));
            }
        }
    }
}

#[test]
fn every_picture_is_in_the_mail_and_says_what_it_shows() {
    for mail in mails() {
        let elements = elements(&mail.html).0;
        let shown: Vec<&Element> = elements.iter().filter(|e| e.name == "img").collect();
        let cids: BTreeSet<&str> = mail.pictures.iter().map(|p| p.cid.as_str()).collect();
        assert_eq!(cids.len(), mail.pictures.len(), "an id is there twice");
        let used: BTreeSet<&str> =
            shown.iter().map(|e| e.get("src").unwrap().strip_prefix("cid:").expect("inside the mail")).collect();
        assert_eq!(used, cids);
        for picture in shown {
            assert!(picture.get("alt").is_some_and(|alt| alt.len() > 20) && picture.get("width").is_some());
        }
        for picture in &mail.pictures {
            assert!(picture.png.starts_with(b"\x89PNG") && !picture.alt.is_empty());
            assert!(picture.cid.chars().all(|c| c.is_ascii_alphanumeric() || "@-".contains(c)), "{}", picture.cid);
        }
    }
}

#[test]
fn headings_go_down_one_step_at_a_time_and_the_language_is_said() {
    for mail in mails() {
        let elements = elements(&mail.html).0;
        let level = |e: &Element| e.name.strip_prefix('h').and_then(|n| n.parse::<usize>().ok());
        let levels: Vec<usize> = elements.iter().filter_map(level).collect();
        assert_eq!(levels.first(), Some(&1));
        assert_eq!(levels.iter().filter(|l| **l == 1).count(), 1);
        for (before, after) in levels.iter().zip(levels.iter().skip(1)) {
            assert!(*after <= before + 1, "h{before} is followed by h{after}");
        }
        assert_eq!(elements.first().and_then(|e| e.get("lang")), Some("en"));
    }
}
