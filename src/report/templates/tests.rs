use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use super::*;

fn view() -> serde_json::Value {
    json!({ "grade": "C", "title": "A machine", "list": [1, 2, 3], "host": { "name": "web01" } })
}

/// A folder of a machine's own templates with this one in it, as an administrator makes it whatever the umask is.
fn folder(report: impl AsRef<[u8]>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("markdown")).unwrap();
    mode(&dir.path().join("markdown"), 0o755);
    file(dir.path(), "markdown/report.md", report);
    dir
}

fn file(dir: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(dir.join(name), text).unwrap();
    mode(&dir.join(name), 0o644);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Renders a page whose template on this machine is `text`; gives what went wrong with it, without the folder's name.
fn mistake(text: &[u8]) -> String {
    told(folder(text).path())
}

fn told(dir: &Path) -> String {
    // The built-in page needs a whole report, which is not what these tests are about.
    let full = super::super::view::view(&super::super::tests::small(), super::super::view::Limits::PLAIN, |_, text| {
        text.to_owned()
    });
    let mut view = full;
    view["grade"] = json!("C");
    let page = render(dir, "markdown/report.md", &view, |_| {}).unwrap();
    assert!(page.text.starts_with("# "), "the built-in page is used");
    let [warning] = page.warnings.as_slice() else { panic!("one warning, not {:?}", page.warnings) };
    let (start, end) = (format!("{}/markdown/", dir.display()), " The built-in page is used.");
    warning.strip_prefix(&start).and_then(|w| w.strip_suffix(end)).unwrap_or(warning).to_owned()
}

#[test]
fn a_template_of_the_machine_replaces_the_built_in_one() {
    let dir = folder("{% include \"markdown/mine.md\" %}: {{ grade }}");
    file(dir.path(), "markdown/mine.md", "{{ host.name }}");
    fs::write(dir.path().join("markdown/.report.md.swp"), [0xff]).unwrap();
    let page = render(dir.path(), "markdown/report.md", &view(), |_| {}).unwrap();
    assert_eq!(page, Rendered { text: "web01: C".to_owned(), warnings: Vec::new() });
}

#[test]
fn a_folder_that_is_not_there_is_no_mistake() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Own::read(&dir.path().join("none"), "html").unwrap().is_empty());
    fs::write(dir.path().join("html"), "a file").unwrap();
    assert!(Own::read(dir.path(), "html").unwrap().is_empty());
}

#[test]
fn a_mistake_is_told_with_its_file_its_line_and_the_variable() {
    for (text, expected) in [
        ("a\n\n{{ grad }}", "report.md, line 3: there is no variable `grad` (did you mean `grade`?)."),
        ("{{ zzz }}", "report.md, line 1: there is no variable `zzz`."),
        ("{{ host.nam }}", "report.md, line 1: there is no field `nam` (did you mean `name`?)."),
        ("{{ host.nam.first }}", "report.md, line 1: there is no field `nam` (did you mean `name`?)."),
        (
            "x\n{% include \"markdown/none.md\" %}",
            "report.md, line 2: it includes `markdown/none.md`, which is not there.",
        ),
        ("{{ grade | lowr }}", "report.md, line 1: there is no filter `lowr`."),
        ("{% include \"markdown/report.md\" %}", "report.md: it includes itself without end."),
        ("{% extends \"x.md\" %}", "report.md: it extends `x.md`, which is not there."),
        ("{{ throw(message=\"No, `thank` you\") }}", "report.md, line 1: no, `thank` you."),
    ] {
        assert_eq!(mistake(text.as_bytes()), expected, "{text}");
    }
    for text in ["{% if grade %}\n", "{% for x in %}", "{{ grade", "{% nonsense %}", "{{ 1 / 0 }}", "{{ grade + 1 }}"] {
        let told = mistake(text.as_bytes());
        assert!(told.starts_with("report.md, line ") && told.ends_with('.') && !told.contains('\n'), "{told}");
    }
}

#[test]
fn a_loop_that_fills_the_memory_ends() {
    let text = "{% for a in range(end=100000) %}{% for b in range(end=100000) %}{{ title }}{% endfor %}{% endfor %}";
    assert!(mistake(text.as_bytes()).contains("the page grows without end"));
}

#[test]
fn files_that_are_no_templates_are_told() {
    assert_eq!(mistake(b"fine\n\xff\xfe"), "report.md: line 2 is not UTF-8 text.");
    assert_eq!(mistake(&vec![b'a'; (1 << 20) + 1]), "report.md: it is larger than 1 MB.");
    let dir = folder("");
    let report = dir.path().join("markdown/report.md");
    for (target, expected) in [
        ("/dev/null", "report.md: it is not a file."),
        ("nowhere", "report.md: it cannot be read (no such file or directory)."),
    ] {
        fs::remove_file(&report).unwrap();
        std::os::unix::fs::symlink(target, &report).unwrap();
        assert_eq!(told(dir.path()), expected);
    }
    fs::remove_file(&report).unwrap();
    fs::write(&report, "x").unwrap();
    mode(&report, 0o000);
    // Root may read everything.
    if fs::read(&report).is_err() {
        assert_eq!(told(dir.path()), "report.md: it cannot be read (permission denied).");
    }
}

#[test]
fn what_others_may_change_is_not_used() {
    const WHY: &str = "others may change it, so it is not trusted: run chmod go-w on it.";
    let dir = folder("own");
    let report = dir.path().join("markdown/report.md");
    for open in [0o664, 0o646] {
        mode(&report, open);
        assert_eq!(told(dir.path()), format!("report.md: {WHY}"), "{open:o}");
    }
    mode(&report, 0o644);
    // Who may write to a folder puts another file in the place of a good one.
    for place in [dir.path().join("markdown"), dir.path().to_owned()] {
        for open in [0o775, 0o757, 0o1777] {
            mode(&place, open);
            assert_eq!(told(dir.path()), format!("{}: {WHY} The built-in page is used.", place.display()), "{open:o}");
        }
        mode(&place, 0o755);
    }
    assert_eq!(render(dir.path(), "markdown/report.md", &view(), |_| {}).unwrap().text, "own");
}
