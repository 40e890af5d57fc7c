//! The HTML page as a browser, a checker of accessibility and a checker of markup see it; `setup.sh` beside this file
//! installs them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use cleanbill::{
    report::{self, Detail, Logo, Options, Report},
    store::Store,
};

use crate::{history::Workshop, measured, recording};

/// What a page must survive wherever a text of the machine stands.
pub const EVIL: &str = "\"'`><img src=x onerror=alert(1)><script>alert(2)</script>{{ 70007*7 }}\u{202e}";
const LOGO: &[u8] =
    b"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 12 4\"><rect width=\"12\" height=\"4\"/></svg>";

/// The checker of markup does not reckon with hashes and `data:` in the rule of a page; the browser does, and says so.
const RULE_UNKNOWN: [&str; 2] = ["--filterpattern", ".*violates Content Security Policy.*"];

/// Where `setup.sh` installs.
pub fn tools() -> PathBuf {
    let named = std::env::var_os("CLEANBILL_PAGES").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/cleanbill/pages"))
}

pub fn folder_here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

/// The machine of the report tries to break its page.
fn spoil(report: &mut Report) {
    let evil = |text: &mut String| text.push_str(EVIL);
    evil(&mut report.title);
    evil(&mut report.host.name);
    for problem in &mut report.problems {
        evil(&mut problem.title);
        evil(&mut problem.area);
        problem.evidence.iter_mut().for_each(|e| evil(&mut e.text));
    }
    report.waived.iter_mut().for_each(|w| evil(&mut w.reason));
    if let Some(used) = &mut report.resources {
        used.shortages.iter_mut().for_each(|s| evil(&mut s.text));
        used.changes.iter_mut().for_each(evil);
        used.list.iter_mut().for_each(|r| evil(&mut r.title));
    }
}

/// Pages of the recorded hosts for both kinds of readers.
fn write_pages(folder: &Path) {
    let workshop = Workshop::open();
    let write = |name: &str, report: &Report, detail, logo| {
        let page = report::html(report, &Options { detail, logo, ..Options::default() }).unwrap();
        assert_eq!(page.warnings, Vec::<String>::new());
        std::fs::write(folder.join(name).with_extension("html"), page.text).unwrap();
    };
    let mut reports = Vec::new();
    for name in ["healthy", "typical", "dreadful", "first", "weeks"] {
        let store = folder.join(name).with_extension("duckdb");
        let (audit, history) = workshop.record(&recording::host(name), &store);
        measured::record(&recording::host(name), &store);
        let mut report = report::build(&audit, &workshop.catalogue, &history);
        report::measure(&mut report, &Store::at(&store), &jiff::tz::TimeZone::UTC).unwrap();
        let logo = Logo { mime: "image/svg+xml", bytes: LOGO.to_vec(), png: Vec::new(), size: (12, 4) };
        match name {
            "dreadful" => write(name, &report, Detail::Technician, None),
            "weeks" => {
                write(name, &report, Detail::Owner, Some(logo.clone()));
                write("weeks-technician", &report, Detail::Technician, Some(logo));
                spoil(&mut report);
                write("weeks-evil", &report, Detail::Technician, None);
            }
            _ => write(name, &report, Detail::Owner, None),
        }
        reports.push(report);
    }
    let many = report::fleet::fleet(&reports, Vec::new(), &workshop.catalogue, None).unwrap();
    let page = report::fleet::html(&many, &Options::default()).unwrap();
    std::fs::write(folder.join("many.html"), page.text).unwrap();
}

/// What a program complains about.
pub fn complaints(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if out.status.success() || !said.is_empty() { said } else { out.status.to_string() }
}

#[test]
#[ignore = "needs a browser: tests/pages/setup.sh"]
fn a_browser_can_read_and_use_the_page_bright_dark_small_by_keyboard_and_without_scripts() {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path());
    let wrong = complaints(Command::new("node").arg(folder_here().join("look.mjs")).arg(folder.path()).arg(tools()));
    assert_eq!(wrong, "");
}

#[test]
#[ignore = "needs Java: tests/pages/setup.sh"]
fn the_markup_and_the_style_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path());
    let pages = folder.path().read_dir().unwrap().map(|e| e.unwrap().path());
    let pages = pages.filter(|p| p.extension().is_some_and(|e| e == "html"));
    let checker = tools().join("node_modules/vnu-jar/build/dist/vnu.jar");
    let wrong = complaints(Command::new("java").arg("-jar").arg(checker).args(RULE_UNKNOWN).args(pages));
    assert_eq!(wrong, "");
}
