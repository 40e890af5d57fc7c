use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use super::*;

fn view() -> serde_json::Value {
    json!({ "grade": "C", "title": "A machine", "list": [1, 2, 3], "host": { "name": "web01" } })
}

/// Renders a page whose template on this machine is `text`; gives what went wrong with it, without the folder's name.
fn mistake(text: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("markdown")).unwrap();
    fs::write(dir.path().join("markdown/report.md"), text).unwrap();
    told(dir.path())
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
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("markdown")).unwrap();
    fs::write(dir.path().join("markdown/report.md"), "{% include \"markdown/mine.md\" %}: {{ grade }}").unwrap();
    fs::write(dir.path().join("markdown/mine.md"), "{{ host.name }}").unwrap();
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
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("markdown");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.join("report.md")).unwrap();
    assert_eq!(told(dir.path()), "report.md: it is not a file.");
    fs::remove_file(folder.join("report.md")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("report.md")).unwrap();
    assert_eq!(told(dir.path()), "report.md: it cannot be read (no such file or directory).");
    fs::remove_file(folder.join("report.md")).unwrap();
    fs::write(folder.join("report.md"), "x").unwrap();
    fs::set_permissions(folder.join("report.md"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    if fs::read(folder.join("report.md")).is_err() {
        assert_eq!(told(dir.path()), "report.md: it cannot be read (permission denied).");
    }
}
