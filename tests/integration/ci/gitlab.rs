//! The template for GitLab, its job run as GitLab's runner runs it.

use std::process::Command;

use super::{folder, path, repository, results, valid, yaml};
use crate::{fix::loose, support::Said};

#[test]
fn the_template_is_valid_and_each_of_its_variables_is_one_of_the_script() {
    valid("gitlab-ci.json", "docs/ci/gitlab.yml");
    let Some(template) = yaml("docs/ci/gitlab.yml") else { return };
    let script = std::fs::read_to_string(repository().join("docs/ci/cleanbill.sh")).unwrap();
    let known: Vec<&str> = script
        .lines()
        .filter_map(|line| line.strip_prefix("#   CLEANBILL_"))
        .map(|rest| rest.split([' ', ',']).next().unwrap())
        .collect();
    let mine: Vec<&str> = template["variables"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| name.strip_prefix("CLEANBILL_").unwrap())
        .collect();
    assert!(mine.contains(&"OUTPUT"), "the artifacts are below it: {mine:?}");
    let more: Vec<&str> = mine.iter().copied().filter(|name| *name != "SCRIPT" && !known.contains(name)).collect();
    assert_eq!(more, Vec::<&str>::new());
}

#[test]
fn the_job_leaves_its_artifacts_and_fails_when_something_of_weight_is_left() {
    let Some(template) = yaml("docs/ci/gitlab.yml") else { return };
    let job = &template["cleanbill"];
    for (level, code) in [("high", 1), ("critical", 0)] {
        let machine = loose();
        let project = machine.beside().join("project");
        std::fs::create_dir_all(project.join("ci")).unwrap();
        std::fs::copy(repository().join("docs/ci/cleanbill.sh"), project.join("ci/cleanbill.sh")).unwrap();
        let root = machine.root().display().to_string();
        // Whoever runs this owns the files, which is critical where it is not root.
        let only = ("CLEANBILL_ONLY", "remote-access");
        let own = [("CLEANBILL_ROOT", root.as_str()), ("CLEANBILL_FAIL_ON", level), only];
        let mut variables: Vec<(String, String)> = Vec::new();
        for (name, value) in template["variables"].as_object().unwrap() {
            variables.push((name.clone(), value.as_str().unwrap().to_owned()));
        }
        for (name, value) in own {
            variables.retain(|(known, _)| known != name);
            variables.push((name.to_owned(), value.to_owned()));
        }
        let script: Vec<&str> = job["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let mut command = Command::new("sh");
        command.args(["-e", "-c", &script.join("\n")]).current_dir(&project).env("PATH", path(&[&folder()]));
        command.env_remove("CLEANBILL_DB").env("CI", "true").envs(variables.iter().cloned());
        let said: Said = command.output().unwrap().into();
        assert_eq!(said.code, code, "{}{}", said.out, said.err);
        let artifacts = &job["artifacts"];
        assert_eq!(artifacts["when"], "always", "also when the job fails");
        let place = |path: &str| path.replace("$CLEANBILL_OUTPUT", "cleanbill-results");
        assert!(project.join(place(artifacts["reports"]["junit"].as_str().unwrap())).is_file());
        let paths: Vec<String> =
            artifacts["paths"].as_array().unwrap().iter().map(|path| place(path.as_str().unwrap())).collect();
        assert!(paths.contains(&"cleanbill-results/cleanbill.*".to_owned()));
        assert!(!paths.iter().any(|path| path.contains("history") || path.ends_with('/')), "{paths:?}");
        results(&project.join("cleanbill-results"));
        let told = "cleanbill.sh: Something is left that is high or worse: see cleanbill-results/cleanbill.html.";
        assert_eq!(said.err.contains(told), code == 1, "{}", said.err);
    }
}
