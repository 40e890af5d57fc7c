//! `cleanbill trend`: how a machine went over time.

use crate::support::Machine;

/// A machine on which a second administrator account came, went and came back.
fn restless() -> Machine {
    let machine = Machine::debian();
    let root = "root:x:0:0:root:/root:/bin/bash\n";
    let second = format!("{root}toor:x:0:0::/root:/bin/bash\n");
    for passwd in [&second, root, &second] {
        machine.file("etc/passwd", passwd);
        machine.run(&["audit"]);
    }
    machine
}

/// The id of a problem that the last audit has and the one before had not.
fn problem(machine: &Machine) -> String {
    let json = machine.run(&["compare", "--format", "json"]).json();
    json["problems"]["came_back"][0]["check"].as_str().unwrap().to_owned()
}

#[test]
fn the_risk_the_problems_and_one_check_are_told() {
    let machine = restless();
    let score = machine.run(&["trend"]);
    assert_eq!(score.code, 0, "{}", score.err);
    assert!(score.out.contains("web01") && score.out.contains("risk") && score.out.contains('█'), "{}", score.out);
    let problems = machine.run(&["trend", "problems", "--since", "30d"]);
    assert!(problems.out.contains("as many as"), "{}", problems.out);
    let id = problem(&machine);
    let one = machine.run(&["trend", &id]);
    assert!(one.out.contains("It had been gone once before that."), "{}", one.out);
    for said in [&score, &problems, &one] {
        assert!(said.out.lines().all(|l| l.chars().count() <= 80), "{}", said.out);
    }
}

#[test]
fn other_formats_tell_the_same() {
    let machine = restless();
    let json = machine.run(&["trend", "--format", "json"]).json();
    assert_eq!((json["about"].as_str(), json["points"].as_array().unwrap().len()), (Some("score"), 3));
    let csv = machine.run(&["trend", "problems", "--format", "csv"]).out;
    assert!(csv.starts_with("audit,started,risk,grade,critical,high,medium,low,info\r\n1,20"), "{csv}");
    assert_eq!(csv.lines().count(), 4);
    let file = machine.beside().join("risk.svg");
    let said = machine.run(&["trend", "score", "-o", file.to_str().unwrap()]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    assert!(std::fs::read_to_string(file).unwrap().starts_with("<svg "));
    let id = problem(&machine);
    let looks = machine.run(&["trend", &id, "--format", "csv"]).out;
    let results: Vec<&str> = looks.lines().skip(1).filter_map(|l| l.split(',').nth(3)).collect();
    assert_eq!(results, ["problem", "ok", "problem"]);
    let schema = machine.run(&["trend", "--schema"]).json();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&json));
}

#[test]
fn what_cannot_be_told_is_said_with_what_to_do() {
    let machine = Machine::debian();
    let none = machine.run(&["trend"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("There is no history yet"), "{}", none.err);
    machine.run(&["audit"]);
    let one = machine.run(&["trend"]);
    assert_eq!(one.code, 0);
    assert!(one.out.contains("There is only one look to show"), "{}", one.out);
    let picture = machine.run(&["trend", "--format", "svg"]);
    assert_eq!(picture.code, 2);
    assert!(picture.err.contains("only one look"), "{}", picture.err);
    let wrong = machine.run(&["trend", "ssh-rot-login"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("Did you mean: ssh-root-login?"), "{}", wrong.err);
    assert_eq!(machine.run(&["trend", "--since", "soon"]).code, 2);
}
