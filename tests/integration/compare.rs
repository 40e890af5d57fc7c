//! `cleanbill compare`: what changed between two audits.

use crate::support::{Machine, program};

/// A machine with two audits: a user came, a program was updated, another came.
fn changed() -> Machine {
    let machine = Machine::debian();
    let packages = |openssl: &str, more: &str| {
        let entry = |name: &str, version: &str| {
            format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
        };
        entry("openssl", openssl) + &if more.is_empty() { String::new() } else { entry(more, "1.0") }
    };
    machine.file("var/lib/dpkg/status", packages("3.0.15-1", ""));
    assert_eq!(machine.run(&["audit"]).code, 0);
    machine.file(
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\neve:x:1000:1000::/home/eve:/bin/bash\n=cmd:x:1001:1001::/:/bin/bash\n",
    );
    machine.file("etc/group", "root:x:0:\nsudo:x:27:eve\neve:x:1000:\n");
    machine.file("var/lib/dpkg/status", packages("3.0.17-1", "hello"));
    machine.run(&["audit"]);
    machine
}

#[test]
fn the_last_two_audits_are_compared_in_plain_english() {
    let machine = changed();
    let said = machine.run(&["compare"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for sentence in [
        "! The user 'eve' was added, is in the group 'sudo' and may become",
        "One program was updated: openssl 3.0.15-1 → 3.0.17-1.",
        "The program hello 1.0 was installed.",
        "cleanbill compare 1 2 --all",
    ] {
        assert!(said.out.contains(sentence), "{sentence} is not in\n{}", said.out);
    }
    assert!(said.out.lines().all(|l| l.chars().count() <= 80), "{}", said.out);
    for names in [&["compare", "1"][..], &["compare", "last"], &["compare", "2", "1"], &["compare", "previous", "last"]]
    {
        assert_eq!(machine.run(names).out, said.out, "{names:?}");
    }
}

#[test]
fn other_formats_tell_the_same() {
    let machine = changed();
    let json = machine.run(&["compare", "--format", "json"]).json();
    let changes = json["changes"].as_array().unwrap().iter().flat_map(|g| g["changes"].as_array().unwrap().clone());
    let texts: Vec<String> = changes.map(|c| c["text"].as_str().unwrap().to_owned()).collect();
    assert!(texts.iter().any(|t| t == "The program hello 1.0 was installed."), "{texts:?}");
    assert_eq!((json["before"]["audit"].as_i64(), json["after"]["audit"].as_i64()), (Some(1), Some(2)));
    let md = machine.run(&["compare", "--format", "md"]).out;
    assert!(md.starts_with("# web01 in ") && md.contains("**Look at this:** The user 'eve' was added"), "{md}");
    let csv = machine.run(&["compare", "--format", "csv"]).out;
    assert!(csv.starts_with("what,subject,weight,id,text\r\n"), "{csv}");
    assert!(
        csv.contains("change,access,danger,users,\"The user 'eve' was added, is in the group 'sudo' and may become administrator.\"\r\n"),
        "{csv}"
    );
    let schema = machine.run(&["compare", "--schema"]).json();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&json));
    let file = machine.beside().join("changes.md");
    let said = machine.run(&["compare", "--format", "md", "--output", file.to_str().unwrap()]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(file).unwrap(), md);
}

#[test]
fn two_machines_can_be_compared() {
    let one = Machine::debian();
    one.run(&["audit"]);
    let two = Machine::debian();
    two.file("etc/hostname", "web02\n");
    two.file("etc/machine-id", "fedcba9876543210fedcba9876543210\n");
    two.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\n");
    program().args(["audit", "--root"]).arg(two.root()).arg("--db").arg(one.db()).output().unwrap();
    let said = one.run(&["compare", "1", "2"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("different machines"), "{}", said.out);
    assert!(said.out.contains("web01") && said.out.contains("web02"), "{}", said.out);
    assert!(said.out.contains("The user 'anna' was added and can log in."), "{}", said.out);
}

#[test]
fn what_cannot_be_compared_is_said_with_what_to_do() {
    let machine = Machine::debian();
    let none = machine.run(&["compare"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("There is no history yet") && none.err.contains("cleanbill audit"), "{}", none.err);
    machine.run(&["audit"]);
    let one = machine.run(&["compare"]);
    assert_eq!(one.code, 2);
    assert!(one.err.contains("There is only one audit of web01"), "{}", one.err);
    machine.run(&["audit"]);
    for (args, word) in [
        (&["compare", "9"][..], "There is no audit 9"),
        (&["compare", "2", "2"], "the same audit"),
        (&["compare", "tomorrow"], "name an audit"),
        (&["compare", "last", "yesterday"], "A time is compared with another time."),
    ] {
        let said = machine.run(args);
        assert_eq!(said.code, 2, "{}", said.out);
        assert!(said.err.contains(word), "{}", said.err);
    }
    let same = machine.run(&["compare"]);
    assert!(same.out.contains("Nothing else that matters changed"), "{}", same.out);
    let far = machine.run(&["compare", "90d"]);
    assert!(far.out.contains("There is no audit 90 days before the last one."), "{}", far.out);
}
