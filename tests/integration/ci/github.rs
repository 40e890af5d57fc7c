//! The action, its steps run as GitHub's runner runs them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{folder, path, repository, results, script, valid, yaml};
use crate::{
    fix::loose,
    support::{Machine, Said, snapshot},
    testing::{is_root, shellchecked},
};

/// One run of the action.
struct Run {
    /// Its last exit code.
    code: i32,
    /// What its steps said.
    log: String,
    /// The steps that ran, by name.
    ran: Vec<String>,
    /// What other actions were called with.
    called: BTreeMap<String, Value>,
    /// What it gives to later steps.
    outputs: BTreeMap<String, String>,
    /// What GitHub shows of it.
    summary: String,
    /// Where it worked.
    workspace: tempfile::TempDir,
}

impl Run {
    fn results(&self) -> PathBuf {
        self.workspace.path().join("cleanbill-results")
    }
}

/// Runs the action with these inputs and these programs; none where it cannot be read.
fn run(inputs: &[(&str, &str)], programs: &[&Path]) -> Option<Run> {
    run_in(tempfile::tempdir().unwrap(), inputs, programs)
}

fn run_in(workspace: tempfile::TempDir, inputs: &[(&str, &str)], programs: &[&Path]) -> Option<Run> {
    let action = yaml("action.yml")?;
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    for (name, of) in action["inputs"].as_object().unwrap() {
        known.insert(name, of["default"].as_str().unwrap().to_owned());
    }
    // No test asks for a password.
    known.insert("sudo", "false".to_owned());
    for (name, value) in inputs {
        assert!(known.insert(name, (*value).to_owned()).is_some(), "no input {name}");
    }
    let (output, summary) = (workspace.path().join(".output"), workspace.path().join(".summary"));
    let mut run = Run {
        code: 0,
        log: String::new(),
        ran: Vec::new(),
        called: BTreeMap::new(),
        outputs: BTreeMap::new(),
        summary: String::new(),
        workspace,
    };
    for step in action["runs"]["steps"].as_array().unwrap() {
        let outputs = run.outputs.clone();
        let value = |name: &str| match name.split_once('.') {
            Some(("inputs", name)) => known[name].clone(),
            _ => outputs.get(name.strip_prefix("steps.look.outputs.").unwrap()).cloned().unwrap_or_default(),
        };
        let wanted = |condition: &str| {
            condition.split(" && ").all(|part| {
                let (left, is, right) = match part.split_once(" == ") {
                    Some((left, right)) => (left, true, right),
                    None => part.split_once(" != ").map(|(left, right)| (left, false, right)).unwrap(),
                };
                (value(left) == right.trim_matches('\'')) == is
            })
        };
        // Without `always()` a step runs only after good ones.
        if run.code != 0 || step["if"].as_str().is_some_and(|condition| !wanted(condition)) {
            continue;
        }
        run.ran.push(step["name"].as_str().unwrap().to_owned());
        if let Some(action) = step["uses"].as_str() {
            let mut with = step["with"].clone();
            for given in with.as_object_mut().unwrap().values_mut() {
                *given = expanded(given.as_str().unwrap(), &value).into();
            }
            run.called.insert(action.split('@').next().unwrap().to_owned(), with);
            continue;
        }
        assert_eq!(step["shell"], "sh");
        let file = run.workspace.path().join(".step.sh");
        std::fs::write(&file, step["run"].as_str().unwrap()).unwrap();
        let mut command = Command::new("sh");
        command.arg("-e").arg(&file).current_dir(run.workspace.path()).env_clear();
        command.env("PATH", path(programs)).env("HOME", run.workspace.path()).env("LC_ALL", "C.UTF-8");
        if let Some(library) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", library);
        }
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_ACTION_PATH", repository());
        command.env("GITHUB_OUTPUT", &output).env("GITHUB_STEP_SUMMARY", &summary);
        for (name, given) in step["env"].as_object().unwrap() {
            command.env(name, expanded(given.as_str().unwrap(), &value));
        }
        let said: Said = command.output().unwrap().into();
        run.code = said.code;
        run.log += &(said.out + &said.err);
        for line in std::fs::read_to_string(&output).unwrap_or_default().lines() {
            let (name, value) = line.split_once('=').unwrap();
            run.outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    run.summary = std::fs::read_to_string(&summary).unwrap_or_default();
    Some(run)
}

/// The text with the value of each expression in it.
fn expanded(text: &str, value: &dyn Fn(&str) -> String) -> String {
    let mut parts = text.split("${{ ");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" }}").unwrap();
        out += &(value(name) + rest);
    }
    out
}

fn root(machine: &Machine) -> String {
    machine.root().display().to_string()
}

#[test]
fn what_github_reads_is_valid_and_no_run_holds_text_of_others() {
    valid("github-actions.json", "action.yml");
    for file in ["docs/ci/github-actions.yml", ".github/workflows/ci.yml"] {
        valid("github-workflows.json", file);
    }
    let Some(action) = yaml("action.yml") else { return };
    let mut steps = action["runs"]["steps"].as_array().unwrap().clone();
    for file in ["docs/ci/github-actions.yml", ".github/workflows/ci.yml"] {
        for job in yaml(file).unwrap()["jobs"].as_object().unwrap().values() {
            steps.extend(job["steps"].as_array().unwrap().clone());
        }
    }
    let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert!(runs.len() >= 5 && !runs.iter().any(|run| run.contains("${{")), "{runs:#?}");
    // Each input is used, and each that is used is one.
    let text = std::fs::read_to_string(repository().join("action.yml")).unwrap();
    let used: std::collections::BTreeSet<&str> = text
        .split("inputs.")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap())
        .collect();
    let inputs: std::collections::BTreeSet<&str> =
        action["inputs"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(used, inputs);
    // The example asks for inputs that there are.
    let example = yaml("docs/ci/github-actions.yml").unwrap();
    let steps = example["jobs"]["image"]["steps"].as_array().unwrap();
    let ours = steps.iter().find(|step| step["id"] == "cleanbill").unwrap();
    for name in ours["with"].as_object().unwrap().keys() {
        assert!(inputs.contains(name.as_str()), "{name}");
    }
    shellchecked(&repository().join("docs/ci/cleanbill.sh"));
}

#[test]
fn the_action_fails_at_the_very_end_when_something_of_that_level_is_left() {
    let machine = loose();
    let before = snapshot(&machine.root(), false);
    let inputs = [("root", &*root(&machine)), ("upload-sarif", "true"), ("name", "shop/web")];
    let Some(run) = run(&inputs, &[&folder()]) else { return };
    let steps = ["Audit and fix", "Findings to code scanning", "Keep the results", "Verdict"];
    assert_eq!((run.code, &run.ran[..]), (1, &steps.map(str::to_owned)[..]), "{}", run.log);
    assert!(run.log.contains("::error title=cleanbill::Something is left that is high or worse"), "{}", run.log);
    let report = results(&run.results());
    assert_eq!(run.outputs["grade"], report["grade"].as_str().unwrap());
    assert_eq!(run.outputs["risk"].parse::<f64>().unwrap(), report["risk"].as_f64().unwrap());
    assert_eq!(run.outputs["root"], root(&machine));
    let sent = run.called["github/codeql-action/upload-sarif"]["sarif_file"].as_str().unwrap();
    assert!(run.workspace.path().join(sent).is_file() && sent == run.outputs["sarif"]);
    assert!(run.workspace.path().join(&run.outputs["junit"]).is_file());
    let sarif: Value = serde_json::from_slice(&std::fs::read(run.workspace.path().join(sent)).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["automationDetails"]["id"], "cleanbill/shop/web/");
    let kept = &run.called["actions/upload-artifact"];
    assert_eq!(kept["name"], "cleanbill");
    assert!(!kept["path"].as_str().unwrap().contains("history"), "{kept}");
    assert!(run.summary.starts_with("# Health report for web01") && run.summary.contains("ssh-root-login"));
    assert_eq!(snapshot(&machine.root(), false), before, "an audit changes nothing");
}

#[test]
fn the_action_passes_when_the_level_is_not_reached_or_nothing_should_fail() {
    let machine = loose();
    for level in ["critical", "never"] {
        // Whoever runs this owns the files, which is critical where it is not root.
        let inputs = [("root", &*root(&machine)), ("only", "remote-access"), ("fail-on", level), ("artifact", "")];
        let Some(run) = run(&inputs, &[&folder()]) else { return };
        let steps = ["Audit and fix", "Verdict"].map(str::to_owned);
        assert_eq!((run.code, &run.ran[..]), (0, &steps[..]), "{level}: {}", run.log);
        let worst = &results(&run.results())["problems"][0]["severity"];
        assert_eq!(worst, "high", "there is something that could fail it");
    }
}

#[test]
fn the_action_fixes_and_the_second_audit_is_better() {
    let machine = loose();
    let inputs = [("root", &*root(&machine)), ("fix", "true")];
    let Some(run) = run(&inputs, &[&folder()]) else { return };
    // Files of the system that belong to whoever runs this are a problem of weight themselves.
    let left = i32::from(!rustix::process::geteuid().is_root());
    assert_eq!(run.code, left, "{}", run.log);
    let after = results(&run.results());
    let read = |name: &str| std::fs::read_to_string(run.results().join(name)).unwrap();
    let before: Value = serde_json::from_str(&read("before.json")).unwrap();
    assert!(after["risk"].as_f64() < before["risk"].as_f64(), "{}", run.log);
    let fixed: Vec<&str> =
        after["changes"]["fixed"].as_array().unwrap().iter().map(|p| p["check"].as_str().unwrap()).collect();
    assert!(fixed.contains(&"ssh-root-login"), "compared with what was before the fixes: {fixed:?}");
    assert!(read("fixes.xml").contains("ssh-root-login") && run.log.contains("+PermitRootLogin prohibit-password"));
    let text = std::fs::read_to_string(machine.root().join("etc/ssh/sshd_config.d/50-quick.conf")).unwrap();
    assert!(text.contains("PermitRootLogin prohibit-password"), "{text}");
    // And all of it can be taken back.
    let db = run.results().join("history.duckdb");
    let mut undo = crate::support::program();
    undo.args(["undo", "--yes", "--root", &root(&machine), "--db"]).arg(db);
    assert!(undo.output().unwrap().status.success());
    let text = std::fs::read_to_string(machine.root().join("etc/ssh/sshd_config.d/50-quick.conf")).unwrap();
    assert!(text.contains("PermitRootLogin yes"), "{text}");
}

#[test]
fn what_is_asked_for_is_all_that_is_fixed() {
    let machine = loose();
    let inputs =
        [("root", &*root(&machine)), ("fix", "true"), ("only", "ssh-root-login  files"), ("skip", "password-list-*")];
    let Some(first) = run(&inputs, &[&folder()]) else { return };
    let shadow = std::fs::metadata(machine.root().join("etc/shadow")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&shadow.permissions()) & 0o777, 0o644, "{}", first.log);
    let fixes = std::fs::read_to_string(first.results().join("fixes.xml")).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&fixes).unwrap();
    let names: Vec<&str> = junit.test_suites[0].test_cases.iter().map(|case| case.name.as_str()).collect();
    assert!(names.contains(&"ssh-root-login") && !names.contains(&"password-list-can-be-read"), "{names:?}");
    // What is safe only leaves what could lock someone out.
    let machine = loose();
    let inputs = [("root", &*root(&machine)), ("fix", "safe"), ("fail-on", "never")];
    let run = run(&inputs, &[&folder()]).unwrap();
    let after = results(&run.results());
    let left: Vec<&str> = after["problems"].as_array().unwrap().iter().map(|p| p["check"].as_str().unwrap()).collect();
    assert!(left.contains(&"ssh-root-login") && !left.contains(&"password-list-can-be-read"), "{left:?}");
}

#[test]
fn what_cannot_be_done_fails_the_step_in_a_sentence() {
    let machine = Machine::debian();
    let fakes = machine.beside().join("fakes");
    let own = folder();
    let cases = [
        ("audit) exit 3", &[][..], 3, "The audit could not be made. Exit code 3; what it said stands above."),
        ("audit) exit 2", &[], 2, "The audit could not be made. Exit code 2"),
        (
            "report) echo 'No room' >&2; exit 3",
            &[],
            3,
            "The report could not be written; what cleanbill said stands above.",
        ),
        ("fix) exit 3", &[("fix", "true")], 3, "The fixes could not be made. Exit code 3"),
        ("-) ;", &[("fail-on", "bad")], 2, "To fail on 'bad' is not possible"),
        ("-) ;", &[("fix", "yes please")], 2, "To fix 'yes please' is not possible"),
        (
            "-) ;",
            &[("root", "/no/such 100%\n::warning::x")],
            2,
            "There is no folder /no/such 100%25 ::warning::x to look at.",
        ),
        ("-) ;", &[("root", "")], 2, "Say what to look at"),
        ("-) ;", &[("root", "/"), ("fix", "true"), ("only", "ssh-*")], 2, "A pipeline fixes images, not the machine"),
        ("-) ;", &[("only", "no-such-check")], 2, "The audit could not be made. Exit code 2"),
    ];
    let tree = root(&machine);
    for (fake, inputs, code, told) in cases {
        let body = format!("#!/bin/sh\ncase $1 in\n{fake};;\n*) exec {}/cleanbill \"$@\" ;;\nesac\n", own.display());
        script(&fakes, "cleanbill", &body.replace(" ;;;", ";;"));
        let all: Vec<(&str, &str)> = [("root", &*tree)].into_iter().chain(inputs.iter().copied()).collect();
        let Some(run) = run(&all, &[&fakes]) else { return };
        assert_eq!((run.code, run.ran.len()), (code, 1), "{fake} {inputs:?}: {}", run.log);
        assert!(run.log.contains(&format!("::error title=cleanbill::{told}")), "{fake} {inputs:?}: {}", run.log);
        assert!(!fake.contains("No room") || run.log.contains("No room"));
    }
    // A verdict of an earlier run is none of this one.
    let workspace = tempfile::tempdir().unwrap();
    std::fs::create_dir(workspace.path().join("cleanbill-results")).unwrap();
    std::fs::write(workspace.path().join("cleanbill-results/verdict"), "0\n").unwrap();
    let run = run_in(workspace, &[("root", &root(&machine)), ("only", "no-such-check")], &[&own]).unwrap();
    assert_eq!((run.code, run.results().join("verdict").exists()), (2, false));
}

#[test]
fn text_of_others_is_never_run_nor_taken_for_an_option() {
    let machine = loose();
    let evil = "$(touch made) `touch made` '; touch made; '\" --output=made --fail-on=critical * ${{ inputs.root }}";
    for name in ["only", "skip", "root", "image", "name", "fix", "fail-on", "answer", "version"] {
        let mut inputs = vec![("root", root(&machine)), ("fix", "true".to_owned())];
        inputs.push((name, evil.to_owned()));
        let inputs: Vec<(&str, &str)> = inputs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let Some(run) = run(&inputs, &[&folder()]) else { return };
        assert!(!run.workspace.path().join("made").exists(), "{name}: {}", run.log);
        assert!(name == "version" || run.code >= 1, "{name}: {}", run.log);
    }
    // A folder may be called as it likes.
    let machine = loose();
    let run = run(&[("root", &root(&machine)), ("output", "it's $HOME; results")], &[&folder()]).unwrap();
    assert_eq!(run.code, 1, "{}", run.log);
    results(&run.workspace.path().join("it's $HOME; results"));
}

#[test]
fn the_program_is_installed_where_it_is_missing_in_the_version_that_was_asked_for() {
    let machine = loose();
    let server = machine.beside().join("server");
    let install = format!(
        "#!/bin/sh\necho \"installs: $*\"\n[ \"$1 $2 $3\" = '--version 0.2.0 --prefix' ] || exit 3\nmkdir -p \"$4/bin\"\n\
         ln -s {}/cleanbill \"$4/bin/cleanbill\"\n",
        folder().display()
    );
    script(&server, "install.sh", &install);
    let url = format!("file://{}", server.display());
    let tree = root(&machine);
    let inputs = [("root", &*tree), ("version", "0.2.0"), ("url", &url)];
    let Some(with) = run(&inputs, &[]) else { return };
    assert_eq!(with.code, 1, "{}", with.log);
    assert!(with.log.contains("installs: --version 0.2.0 --prefix ") && with.log.contains(&format!("--url {url}")));
    results(&with.results());
    let other = run(&[("root", &tree), ("version", "9.9.9"), ("url", &url)], &[]).unwrap();
    assert_eq!(other.code, 3);
    assert!(other.log.contains("cleanbill could not be installed; what install.sh said"), "{}", other.log);
    let gone = run(&[("root", &tree), ("url", "file:///no/such/server")], &[]).unwrap();
    assert_eq!(
        (gone.code, gone.log.contains("install.sh could not be fetched from file:///no")),
        (3, true),
        "{}",
        gone.log
    );
    let nowhere = run(&[("root", &tree)], &[]).unwrap();
    assert_eq!((nowhere.code, nowhere.log.contains("CLEANBILL_URL does not say")), (2, true), "{}", nowhere.log);
    // One that is here is used, and it is said that it is another one.
    let here = run(&inputs, &[&folder()]).unwrap();
    assert!(here.code == 1 && here.log.contains("is here already and is used; 0.2.0 was asked for."), "{}", here.log);
}

#[test]
fn where_sudo_asks_nothing_it_works_as_root_and_results_belong_to_who_asked() {
    if !is_root() {
        return;
    }
    let machine = loose();
    let fakes = machine.beside().join("fakes");
    script(&fakes, "id", "#!/bin/sh\necho 1234\n");
    // With an environment of its own, as sudo does it.
    let library = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let sudo =
        format!("#!/bin/sh\nshift\nexec env -i LD_LIBRARY_PATH={library} PATH=/usr/sbin:/usr/bin:/sbin:/bin \"$@\"\n");
    script(&fakes, "sudo", &sudo);
    let tree = root(&machine);
    let inputs = [("root", &*tree), ("sudo", "true"), ("fix", "true"), ("only", "ssh-root-login")];
    let Some(run) = run(&inputs, &[&fakes, &folder()]) else { return };
    assert_eq!(run.code, 0, "{}", run.log);
    let owner = |name: &str| std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(run.results().join(name)).unwrap());
    for name in ["", "cleanbill.sarif", "before.json", "fixes.xml", "verdict"] {
        assert_eq!(owner(name), 1234, "{name}");
    }
    assert_eq!(owner("history.duckdb"), 0, "what holds copies of files stays with root");
    assert!(!run.summary.is_empty() && run.outputs["root"] == tree);
    // Where it asks, it is said.
    script(&fakes, "sudo", "#!/bin/sh\nexit 1\n");
    let run = super::github::run(&inputs, &[&fakes, &folder()]).unwrap();
    assert!(run.log.contains("sudo does not work here without a password"), "{}", run.log);
}
