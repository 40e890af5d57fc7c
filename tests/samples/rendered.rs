//! The sample reports in `docs/samples`: what the program itself writes from the recorded hosts.
//!
//! They are text and pages that people read on the web, so they are kept in the repository, and a test says when they
//! are no longer what the program writes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    history::{VERSION, Workshop},
    made, mails, measured, recording,
};

/// Recorded hosts of which there is a sample.
pub const SAMPLES: [&str; 3] = ["weeks", "healthy", "dreadful"];

/// What is written of each.
const FORMATS: [&str; 4] = ["html", "pdf", "md", "json"];

/// Mails that are kept, each as its text and as its page with the pictures in it.
const MAILS: [&str; 3] = ["weekly", "weekly-quiet", "digest"];

/// Where the samples lie.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/samples")
}

/// Writes all samples to `folder`; returns their names.
pub fn write(workshop: &Workshop, folder: &Path) -> Vec<String> {
    let stores = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for name in SAMPLES {
        let store = stores.path().join(name).with_extension("duckdb");
        workshop.record(&recording::host(name), &store);
        measured::record(&recording::host(name), &store);
        for format in FORMATS {
            written.push(render(&store, folder, name, format));
        }
    }
    let many = stores.path().join("fleet");
    fs::create_dir(&many).unwrap();
    for host in made::fleet(workshop) {
        workshop.record(&host, &many.join(&host.host.name).with_extension("duckdb"));
    }
    for format in FORMATS {
        written.push(render(&many, folder, "fleet", format));
    }
    for (name, mail) in mails::mails(workshop).into_iter().filter(|(name, _)| MAILS.contains(name)) {
        let name = format!("email-{name}");
        for (format, text) in
            [("txt", format!("Subject: {}\n\n{}", mail.subject, mail.text)), ("html", mails::page(&mail))]
        {
            let name = format!("{name}.{format}");
            fs::write(folder.join(&name), named(&text)).unwrap();
            written.push(name);
        }
    }
    written
}

/// Writes one report as a user would; returns its name.
pub fn render(store: &Path, folder: &Path, name: &str, format: &str) -> String {
    let name = format!("{name}.{format}");
    let file = folder.join(&name);
    let output = Command::new(env!("CARGO_BIN_EXE_cleanbill"))
        .args(["report", "--paper", "a4", "--format", format, "--db"])
        .arg(store)
        .arg("--output")
        .arg(&file)
        .env_remove("CLEANBILL_DB")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    if format != "pdf" {
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, named(&text)).unwrap();
    }
    name
}

/// The text with the version that stands in all samples.
fn named(text: &str) -> String {
    let own = env!("CARGO_PKG_VERSION");
    let text = text.replace(&format!("cleanbill {own}"), &format!("cleanbill {VERSION}"));
    text.replace(&format!("\"version\": \"{own}\""), &format!("\"version\": \"{VERSION}\""))
}

/// Whether a sample may be compared byte by byte: the overview as PDF names the program's version where no text can be
/// put in its place.
pub fn comparable(name: &str) -> bool {
    name != "fleet.pdf" || env!("CARGO_PKG_VERSION") == VERSION
}

/// The first line in which two texts are not the same, and how it reads in each.
pub fn difference(old: &str, new: &str) -> String {
    let lines = old.lines().map(Some).chain(std::iter::repeat(None)).zip(new.lines().map(Some).chain([None]));
    let first = (1..).zip(lines).find(|(_, (old, new))| old != new);
    first.map_or_else(
        || "Only bytes that are no text, or ends of lines, are different.".to_owned(),
        |(line, (old, new))| {
            let short = |text: Option<&str>| text.unwrap_or("(no line)").chars().take(300).collect::<String>();
            format!("line {line}\n  was {}\n  is  {}", short(old), short(new))
        },
    )
}
