//! Every link of the book and of the pages beside it leads to something that is there.

use std::{collections::BTreeSet, fs, path::Path};

use crate::chapters::{self, Chapter};

/// Pages outside the book whose links are looked at, too.
const BESIDE: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];

/// What is wrong with a link from the page, which lies in that folder.
fn wrong(page: &Chapter, link: &str, folder: &Path, pages: &BTreeSet<String>) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|start| link.starts_with(start)) {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { folder.join(&page.name) } else { folder.join(&page.name).with_file_name(file) };
    let Ok(path) = path.canonicalize() else { return Some("there is no such file".to_owned()) };
    let docs = chapters::folder().canonicalize().unwrap();
    let within = path.strip_prefix(&docs).ok().map(|p| p.display().to_string());
    if folder == docs {
        let Some(within) = &within else { return Some("it leads out of the book".to_owned()) };
        if path.extension().is_some_and(|e| e == "md") && !pages.contains(within) {
            return Some("that page is not in the contents".to_owned());
        }
    }
    let anchor = anchor?;
    let text = fs::read_to_string(&path).unwrap();
    let there = chapters::linked(&path.display().to_string(), &text).anchors;
    (!there.contains(anchor)).then(|| format!("there is no heading `{anchor}`"))
}

#[test]
fn every_link_leads_to_something() {
    let docs = chapters::folder().canonicalize().unwrap();
    let chapters = chapters::all();
    let pages: BTreeSet<String> = chapters.iter().map(|c| c.name.clone()).collect();
    let mut found = Vec::new();
    let mut looked_at = 0;
    for page in &chapters {
        for (line, link) in &page.links {
            looked_at += 1;
            found.extend(wrong(page, link, &docs, &pages).map(|what| format!("{}:{line}: {link}: {what}", page.name)));
        }
    }
    assert!(looked_at > 500, "only {looked_at} links");
    let top = docs.parent().unwrap();
    for name in BESIDE {
        let text = fs::read_to_string(top.join(name)).unwrap();
        let page = chapters::linked(name, &text);
        for (line, link) in &page.links {
            found.extend(wrong(&page, link, top, &pages).map(|what| format!("{name}:{line}: {link}: {what}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let docs = chapters::folder().canonicalize().unwrap();
    let pages = BTreeSet::from(["forecast.md".to_owned()]);
    let page = chapters::parse("schedule.md", "# A title\n");
    for (link, what) in [
        ("nowhere.md", Some("there is no such file")),
        ("../README.md", Some("it leads out of the book")),
        ("metrics.md", Some("that page is not in the contents")),
        ("forecast.md#nothing", Some("there is no heading `nothing`")),
        ("forecast.md#what-is-looked-at", None),
        ("cleanbill.toml", None),
        ("https://example.org/", None),
    ] {
        assert_eq!(wrong(&page, link, &docs, &pages).as_deref(), what, "{link}");
    }
}

/// Every page that is kept is in the contents: none is forgotten.
#[test]
fn the_contents_name_every_page() {
    let docs = chapters::folder();
    let named: BTreeSet<String> = chapters::all().into_iter().map(|c| c.name).collect();
    let mut folders = vec![docs.clone()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&docs).unwrap().display().to_string();
            if path.is_dir() {
                // Reports are samples, not pages of the book.
                folders.extend((name != "samples").then_some(path));
            } else if name.ends_with(".md") && name != "SUMMARY.md" {
                seen += 1;
                assert!(named.contains(&name), "SUMMARY.md does not name {name}");
            }
        }
    }
    assert_eq!(seen, named.len());
}
