//! Archives of images, made and unpacked by the tools that people use.

use std::{
    path::Path,
    process::{Command, Output},
};

use super::{folder, path, repository, results, script};
use crate::{
    fix::loose,
    support::{Machine, Said},
    testing::{can, is_root},
};

fn ran(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Looks at an archive, with these programs before those of the machine.
fn look(image: &Path, results: &Path, programs: &[&Path]) -> Said {
    let mut command = Command::new("sh");
    command.arg(repository().join("docs/ci/cleanbill.sh")).env("PATH", path(programs));
    command.env_remove("CLEANBILL_DB").env("CLEANBILL_IMAGE", image).env("CLEANBILL_OUTPUT", results);
    command.output().unwrap().into()
}

/// Programs with which no engine answers.
fn no_engine(machine: &Machine) -> std::path::PathBuf {
    let fakes = machine.beside().join("no-engine");
    for name in ["docker", "podman"] {
        script(&fakes, name, "#!/bin/sh\necho 'no daemon' >&2\nexit 1\n");
    }
    fakes
}

#[test]
fn an_archive_of_files_is_unpacked_and_looked_at() {
    if !is_root() {
        return;
    }
    let machine = loose();
    let image = machine.beside().join("files.tar");
    let (root, tar) = (machine.root(), image.to_str().unwrap().to_owned());
    ran("tar", &["-C", root.to_str().unwrap(), "-cf", &tar, "."]);
    let out = machine.beside().join("out");
    for _ in 0..2 {
        let said = look(&image, &out, &[&no_engine(&machine), &folder()]);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        assert_eq!(results(&out)["host"]["root"], out.join("rootfs").display().to_string());
    }
}

#[test]
fn what_is_no_image_is_refused_in_a_sentence() {
    let machine = Machine::debian();
    let at = |name: &str| machine.beside().join(name);
    std::fs::write(at("text"), "no archive").unwrap();
    std::fs::write(at("other"), "x").unwrap();
    ran("tar", &["-C", machine.beside().to_str().unwrap(), "-cf", at("other.tar").to_str().unwrap(), "other"]);
    for (image, told) in [
        (at("gone.tar"), "There is no image archive"),
        (machine.root(), "A folder of files is a root, not an image."),
        (at("text"), "is no tar archive"),
        (at("other.tar"), "holds neither an image nor the files of one"),
    ] {
        let said = look(&image, &at("out"), &[&no_engine(&machine), &folder()]);
        assert_eq!((said.code, said.err.contains(told)), (2, true), "{}", said.err);
    }
}

/// An OCI image of two layers, the second of which takes a file of the first away; none without the tools.
fn oci(machine: &Machine) -> Option<String> {
    let there = ["umoci", "skopeo"].iter().all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !(is_root() && can(there, "umoci or skopeo is not installed")) {
        return None;
    }
    let layout = machine.beside().join("layout").display().to_string();
    let image = format!("{layout}:app");
    machine.file("etc/gone", "of the first layer\n");
    ran("umoci", &["init", "--layout", &layout]);
    ran("umoci", &["new", "--image", &image]);
    ran("umoci", &["insert", "--image", &image, machine.root().to_str().unwrap(), "/"]);
    ran("umoci", &["insert", "--image", &image, "--whiteout", "/etc/gone"]);
    Some(layout)
}

#[test]
fn an_image_of_layers_is_unpacked_without_a_daemon() {
    let machine = loose();
    let Some(layout) = oci(&machine) else { return };
    let at = |name: &str| machine.beside().join(name);
    ran("tar", &["-C", &layout, "-cf", at("oci.tar").to_str().unwrap(), "."]);
    let saved = format!("docker-archive:{}:app:built", at("docker.tar").display());
    ran("skopeo", &["--insecure-policy", "copy", "--quiet", &format!("oci:{layout}:app"), &saved]);
    for name in ["oci.tar", "docker.tar"] {
        let out = at(&format!("out-{name}"));
        let said = look(&at(name), &out, &[&no_engine(&machine), &folder()]);
        assert_eq!(said.code, 1, "{name}: {}{}", said.out, said.err);
        assert_eq!(results(&out)["host"]["name"], "web01");
        assert!(out.join("rootfs/etc/passwd").is_file() && !out.join("rootfs/etc/gone").exists());
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&out.join("rootfs/etc/shadow").metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o644, "rights are those of the image");
    }
    // Without any of these tools.
    let few = at("few");
    std::fs::create_dir(&few).unwrap();
    for tool in
        ["sh", "tar", "grep", "sed", "head", "mktemp", "rm", "mkdir", "mv", "id", "cat", "tr", "dirname", "basename"]
    {
        let found = String::from_utf8(ran("sh", &["-c", &format!("command -v {tool}")]).stdout).unwrap();
        let _ = std::os::unix::fs::symlink(found.trim(), few.join(tool));
    }
    let mut command = Command::new(few.join("sh"));
    command.arg(repository().join("docs/ci/cleanbill.sh")).env("PATH", &few);
    command.env("CLEANBILL_IMAGE", at("oci.tar")).env("CLEANBILL_OUTPUT", at("out-none"));
    let said: Said = command.output().unwrap().into();
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("nothing here could unpack it: that takes docker, podman, or umoci"), "{}", said.err);
}

#[test]
fn an_engine_that_answers_is_asked_and_keeps_no_container() {
    if !is_root() {
        return;
    }
    let machine = loose();
    let at = |name: &str| machine.beside().join(name);
    std::fs::write(at("manifest.json"), "[]").unwrap();
    ran("tar", &["-C", machine.beside().to_str().unwrap(), "-cf", at("app.tar").to_str().unwrap(), "manifest.json"]);
    let docker = format!(
        "#!/bin/sh\necho \"$*\" >>{log}\ncase $1 in\nload) echo 'Loaded image: app:built' ;;\ncreate) echo 0123abcd ;;\n\
         export) tar -C {root} -cf - . ;;\nesac\n",
        log = at("log").display(),
        root = machine.root().display()
    );
    let fakes = at("fakes");
    script(&fakes, "docker", &docker);
    let said = look(&at("app.tar"), &at("out"), &[&fakes, &folder()]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    results(&at("out"));
    let asked = std::fs::read_to_string(at("log")).unwrap();
    let load = format!("load --input {}", at("app.tar").display());
    let all: Vec<&str> = asked.lines().collect();
    assert_eq!(all, [&load, "create app:built /bin/true", "export 0123abcd", "rm 0123abcd"]);
}
