//! The reference: every fact table, every check and every command, as the program itself declares them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::Arg;
use cleanbill::{
    checks::{Catalogue, Check, Safety},
    facts::Table,
    probes::{self, Probe},
};

use crate::chapters;

/// Said above each page, for whoever wants to change one.
const MADE: &str =
    "<!-- Made from the program: INSTA_UPDATE=always cargo test --release --test book the_reference -->\n\n";

fn probes() -> impl Iterator<Item = &'static Probe> {
    probes::ALL.iter().chain([&probes::METRICS])
}

/// Text of the program as Markdown: only code stays code.
fn words(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('`').enumerate() {
        let code = n % 2 == 1;
        if n > 0 {
            out.push('`');
        }
        for c in part.chars() {
            match c {
                '\n' => out.push(' '),
                '|' => out.push_str("\\|"),
                '\\' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '$' if !code => {
                    out.push('\\');
                    out.push(c);
                }
                _ => out.push(c),
            }
        }
    }
    out
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

// -- facts

fn facts(pages: &mut BTreeMap<PathBuf, String>) {
    let mut index = format!(
        "# All facts\n\n{MADE}What cleanbill sees, as tables that checks and `cleanbill query` ask. Each row says where it \
         was read. Times are UTC. An empty cell means: not known, or of no meaning here.\n\n\
         | table | a row is | on an image |\n|---|---|---|\n"
    );
    let mut tables: Vec<(&Table, &Probe)> = probes().flat_map(|p| p.tables.iter().map(move |t| (*t, p))).collect();
    tables.sort_by_key(|(table, _)| table.name);
    for (table, probe) in &tables {
        let image = if table.offline { "yes" } else { "no" };
        let about = words(first(table.about));
        let name = table.name;
        let _ = writeln!(index, "| [`{name}`](facts/{}.md#{name}) | {about} | {image} |", probe.name);
    }
    pages.insert("facts.md".into(), index);
    for probe in probes() {
        let name = probe.name.replace('_', " ");
        let mut page = format!("# Facts: {name}\n\n{MADE}What cleanbill sees here: {}.", words(probe.about));
        let _ = writeln!(page, " The probe is `{}`; it may take {} seconds.", probe.name, probe.limit.as_secs());
        for table in probe.tables {
            let _ = writeln!(page, "\n## {}\n\n{}\n", table.name, words(table.about));
            let place = if table.offline {
                "It can be read from a mounted image, too."
            } else {
                "It needs the running machine: on a mounted image it is absent."
            };
            let _ = writeln!(page, "{place}\n\n| column | type | what it holds |\n|---|---|---|");
            for column in table.columns {
                let empty = if column.nullable { ", or empty" } else { "" };
                let ty = column.ty.sql().to_lowercase();
                let _ = writeln!(page, "| `{}` | {}{empty} | {} |", column.name, ty, words(column.about));
            }
            if !table.examples.is_empty() {
                let _ = writeln!(page, "\n```sql\n{}\n```", table.examples.join(";\n"));
            }
        }
        pages.insert(format!("facts/{}.md", probe.name).into(), page);
    }
}

fn first(text: &str) -> &str {
    text.split_inclusive(". ").next().unwrap_or(text).trim_end()
}

// -- checks

fn checks(pages: &mut BTreeMap<PathBuf, String>) {
    let catalogue = Catalogue::builtin().unwrap();
    let mut index = format!(
        "# All checks\n\n{MADE}{} questions, by area. `cleanbill checks show ID` says the same of one, and shows its \
         tests.\n",
        catalogue.len()
    );
    for group in catalogue.groups() {
        let of: Vec<&Check> = catalogue.checks().filter(|c| c.group == group.id).collect();
        let fixes = of.iter().filter(|c| c.is_fixable()).count();
        let _ = writeln!(
            index,
            "\n## {title}\n\n[{n} checks, {fixes} of them with a fix](checks/{id}.md)\n\n| check | severity | what is wrong |\n|---|---|---|",
            title = words(&group.title),
            n = of.len(),
            id = group.id,
        );
        let mut page = format!("# Checks: {}\n\n{MADE}The area `{}`.\n", words(&group.title), group.id);
        for check in of {
            let _ = writeln!(
                index,
                "| [`{id}`](checks/{group}.md#{id}) | {} | {} |",
                check.severity.name(),
                words(&check.title),
                id = check.id,
                group = group.id
            );
            one(&mut page, check, &catalogue);
        }
        pages.insert(format!("checks/{}.md", group.id).into(), page);
    }
    pages.insert("checks.md".into(), index);
}

fn one(page: &mut String, check: &Check, catalogue: &Catalogue) {
    let _ = writeln!(page, "\n## {}\n\n**{}.**\n\n{}\n", check.id, words(&check.title), words(&check.why));
    let _ = writeln!(page, "*What to do:* {}\n", words(&check.advice));
    let list = |items: &[String]| items.iter().map(|i| code(i)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(page, "| | |\n|---|---|");
    let _ = writeln!(page, "| severity | {} |", check.severity.name());
    let needs: Vec<String> = check.needs.iter().map(|name| table_link(name)).collect();
    let whole = if check.needs_all_rows { "; all of it must be readable" } else { "" };
    let _ = writeln!(page, "| asks | {}{whole} |", needs.join(", "));
    if !check.measures.is_empty() {
        let _ = writeln!(page, "| measures | {} |", list(&check.measures));
    }
    if !check.only_on.is_empty() {
        let _ = writeln!(page, "| only on | {} |", list(&check.only_on));
    }
    if !check.part_of.is_empty() {
        let told = |id: &String| match catalogue.get(id) {
            Some(other) => format!("[`{id}`]({}.md#{id})", other.group),
            None => code(id),
        };
        let _ = writeln!(page, "| told with | {} |", check.part_of.iter().map(told).collect::<Vec<_>>().join(", "));
    }
    for (name, value) in &check.params {
        let _ = writeln!(page, "| setting | {} |", code(&format!("{name} = {value}")));
    }
    let fix = match &check.fix {
        Some(fix) => {
            let how = match (check.is_fixable(), fix.safety) {
                (false, _) => "by hand",
                (true, Safety::Safe) => "safe",
                (true, Safety::Guarded) => "guarded: could lock you out, and takes itself back then",
                (true, Safety::Manual) => "asks first",
            };
            let effect = fix.effect.as_deref().map(|e| format!(". {}", words(e))).unwrap_or_default();
            format!("{} ({how}){effect}", words(&fix.title))
        }
        None => "by hand".to_owned(),
    };
    let _ = writeln!(page, "| fix | {fix} |");
    let minutes = if check.minutes == 1 { "a minute".to_owned() } else { format!("{} minutes", check.minutes) };
    let _ = writeln!(page, "| takes you | {minutes} |");
    for (framework, ids) in &check.references {
        let ids: Vec<String> = ids.iter().map(|id| reference(framework, id)).collect();
        let _ = writeln!(page, "| {} | {} |", framework_name(framework), ids.join(", "));
    }
    let _ = writeln!(
        page,
        "\n<details><summary>What it asks</summary>\n\n```sql\n{}\n```\n\n</details>",
        check.query.trim()
    );
}

fn table_link(name: &str) -> String {
    let (_, probe) = probes::table(name).unwrap();
    format!("[`{name}`](../facts/{}.md#{name})", probe.name)
}

fn framework_name(name: &str) -> &str {
    match name {
        "cis_debian12" => "CIS Debian 12",
        "nist_800_53" => "NIST 800-53",
        "attack" => "ATT&amp;CK",
        "lynis" => "Lynis",
        "ssg" => "SCAP Security Guide",
        "url" => "read more",
        other => other,
    }
}

fn reference(framework: &str, id: &str) -> String {
    if framework == "url" { format!("<{id}>") } else { words(id) }
}

// -- the command line

fn command_line(pages: &mut BTreeMap<PathBuf, String>) {
    let mut root = cleanbill::cli::command();
    root.build();
    let mut page = format!(
        "# Every command\n\n{MADE}What `--help` says of each command, on one page. Every command takes `--help`, and \
         `--config FILE` for another settings file.\n"
    );
    page.push_str("\n| command | |\n|---|---|\n");
    for command in shown(&root) {
        let name = command.get_name();
        let _ = writeln!(page, "| [`cleanbill {name}`](#cleanbill-{name}) | {} |", about(command));
    }
    for command in shown(&root) {
        describe(&mut page, command, &format!("cleanbill {}", command.get_name()), 2);
    }
    pages.insert("commands.md".into(), page);
}

fn shown(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help")
}

fn about(command: &clap::Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    words(&about.map(ToString::to_string).unwrap_or_default())
}

fn describe(page: &mut String, command: &clap::Command, path: &str, level: usize) {
    let _ = writeln!(page, "\n{} {path}\n\n{}\n", "#".repeat(level), about(command));
    let usage = command.clone().render_usage().to_string();
    let _ = writeln!(page, "```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim());
    for argument in command.get_arguments().filter(|a| !a.is_hide_set() && !common(a)) {
        option(page, argument);
    }
    if let Some(help) = command.get_after_long_help().or(command.get_after_help()) {
        let _ = writeln!(page, "\n```text\n{}\n```", help.to_string().trim());
    }
    for command in shown(command) {
        describe(page, command, &format!("{path} {}", command.get_name()), level + 1);
    }
}

/// What every command takes.
fn common(argument: &Arg) -> bool {
    matches!(argument.get_id().as_str(), "config" | "help" | "version")
}

fn option(page: &mut String, argument: &Arg) {
    let short = argument.get_short().map(|s| format!("`-{s}`, ")).unwrap_or_default();
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut defaults = argument.get_default_values().iter().map(|d| d.to_string_lossy().into_owned());
    let default = if argument.get_action().takes_values() { defaults.next() } else { None };
    let default = default.map(|d| format!(" Without it: `{d}`.")).unwrap_or_default();
    let _ = writeln!(page, "- {short}`{argument}`: {}.{default}", words(&help).trim_end_matches('.'));
    if !argument.get_action().takes_values() {
        return;
    }
    for value in argument.get_possible_values().iter().filter(|v| !v.is_hide_set()) {
        let help = value.get_help().map(|h| format!(": {}", words(&h.to_string()))).unwrap_or_default();
        let _ = writeln!(page, "  - `{}`{help}", value.get_name());
    }
}

// -- all of it

/// Each page by its name below `docs/reference`.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut pages = BTreeMap::new();
    facts(&mut pages);
    checks(&mut pages);
    command_line(&mut pages);
    pages
}

/// The contents with a line for each page of the reference below the line of its index.
fn contents(old: &str) -> String {
    let catalogue = Catalogue::builtin().unwrap();
    let mut out = String::new();
    for line in old.lines().filter(|l| !l.contains("](reference/checks/") && !l.contains("](reference/facts/")) {
        let _ = writeln!(out, "{line}");
        let under = " ".repeat(2 + line.len() - line.trim_start().len());
        if line.contains("](reference/checks.md)") {
            for group in catalogue.groups() {
                let _ = writeln!(out, "{under}- [{}](reference/checks/{}.md)", group.title, group.id);
            }
        } else if line.contains("](reference/facts.md)") {
            for probe in probes() {
                let _ =
                    writeln!(out, "{under}- [{}](reference/facts/{1}.md)", probe.name.replace('_', " "), probe.name);
            }
        }
    }
    out
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path.strip_prefix(folder).unwrap().to_owned()) }
        }
    }
    found
}

#[test]
fn the_reference_is_what_the_program_declares() {
    let folder = chapters::folder().join("reference");
    let summary = chapters::folder().join("SUMMARY.md");
    let old = fs::read_to_string(&summary).unwrap();
    let pages = pages();
    if std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
        for name in kept(&folder).into_iter().filter(|name| !pages.contains_key(name)) {
            fs::remove_file(folder.join(name)).unwrap();
        }
        for (name, text) in &pages {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::write(&summary, contents(&old)).unwrap();
        return;
    }
    let anew = "INSTA_UPDATE=always cargo test --release --test book the_reference writes it anew";
    for name in kept(&folder) {
        assert!(pages.contains_key(&name), "docs/reference/{} is of nothing any more: {anew}", name.display());
    }
    for (name, text) in &pages {
        let old = fs::read_to_string(folder.join(name)).unwrap_or_default();
        let differs = text.lines().zip(old.lines()).find(|(new, old)| new != old);
        assert!(*text == old, "docs/reference/{} is not up to date: {anew}\n{differs:#?}", name.display());
    }
    assert_eq!(old, contents(&old), "the contents: {anew}");
}

/// Nothing is left out: what can be asked for by name stands in the reference.
#[test]
fn every_check_table_and_command_has_its_heading() {
    let headings = |folder: &str| {
        let of = |name: PathBuf| chapters::read(&format!("reference/{folder}/{}", name.display())).anchors;
        kept(&chapters::folder().join("reference").join(folder)).into_iter().flat_map(of).collect::<Vec<_>>()
    };
    let (checks, facts) = (headings("checks"), headings("facts"));
    let catalogue = Catalogue::builtin().unwrap();
    assert!(catalogue.len() > 300);
    for check in catalogue.checks() {
        assert!(checks.contains(&check.id), "{}", check.id);
    }
    for table in probes::tables() {
        assert!(facts.iter().any(|f| f == table.name), "{}", table.name);
    }
    let commands = chapters::read("reference/commands.md").anchors;
    for path in ["audit", "schedule-add", "store-restore", "checks-new", "fix"] {
        assert!(commands.contains(&format!("cleanbill-{path}")), "{path}");
    }
}

/// What a fix can do is listed where checks are written.
#[test]
fn every_action_is_named_where_checks_are_written() {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fixes/actions/mod.rs")).unwrap();
    let chapter = fs::read_to_string(chapters::folder().join("writing-checks.md")).unwrap();
    let (_, list) = source.split_once("\nactions! {\n").unwrap();
    let (list, _) = list.split_once("\n}\n").unwrap();
    let lines: Vec<&str> = list.lines().map(str::trim).collect();
    let mut seen = 0;
    for pair in lines.chunks(2) {
        let [about, action] = pair else { panic!("{pair:?}") };
        let mut name = String::new();
        for c in action.split('(').next().unwrap().chars() {
            if c.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(c.to_lowercase());
        }
        let line = format!("| `{name}` | {} |", about.trim_start_matches("/// "));
        assert!(chapter.contains(&line), "docs/writing-checks.md does not have the line: {line}");
        seen += 1;
    }
    assert!(seen > 20);
}
