//! What works, and goes back.

use super::{release::OTHER, server::proxy, *};
use crate::support::Machine;

#[test]
fn a_release_takes_the_place_of_the_one_before_and_goes_back() {
    let (server, installed) = (Server::start(), Installed::new());
    // A folder with a manual page that install.sh put there.
    for folder in ["share/cleanbill", "share/man/man1"] {
        fs::create_dir_all(installed.at(folder)).unwrap();
    }
    fs::write(installed.at("share/cleanbill/installed.list"), "").unwrap();
    fs::write(installed.at("cleanbill.toml"), "").unwrap();
    let tried = format!("echo \"$@\" \"$CLEANBILL_CONFIG\" > {}", installed.at("tried").display());
    let (says, bytes) = good("0.2.0", &script("0.2.0", &tried));
    publish(&server, &says, &bytes);
    let updater = installed.updater();
    let (found, steps) = update(&updater, &source(&server)).unwrap();
    assert!(found.newer);
    assert_eq!(found.manifest.notes.as_deref(), Some("It finds more."));
    let came = |step: &Step| if let Step::Fetched(came, all) = step { Some((*came, *all)) } else { None };
    assert_eq!(steps.iter().rev().find_map(came), Some((bytes.len() as u64, bytes.len() as u64)));
    assert!(matches!(steps[steps.len() - 3..], [Step::Signed, Step::Trying, Step::Works]));
    for program in ["cleanbill", "cleanbill-daemon"] {
        assert_eq!(installed.says(program), "cleanbill 0.2.0");
    }
    assert_eq!(
        names(&installed.bin()),
        [".cleanbill-daemon.former", ".cleanbill.former", "cleanbill", "cleanbill-daemon"]
    );
    let tried = fs::read_to_string(installed.at("tried")).unwrap();
    assert!(tried.starts_with("self-test --db ") && tried.trim().ends_with("/cleanbill.toml"), "{tried}");
    assert!(fs::read_to_string(installed.at("share/man/man1/cleanbill.1")).unwrap().starts_with(".TH"));
    assert_eq!(updater.back().unwrap().version.to_string(), "0.1.0");
    assert_eq!(
        (installed.says("cleanbill"), installed.says("cleanbill-daemon")),
        ("cleanbill 0.1.0".into(), "cleanbill 0.1.0".into())
    );
    assert_eq!(updater.back().unwrap().version.to_string(), "0.2.0", "and forward again");
}

#[test]
fn the_way_back_leads_past_a_history_of_a_newer_schema() {
    let (server, installed, machine) = (Server::start(), Installed::new(), Machine::debian());
    machine.run(&["audit"]);
    let mut updater = installed.updater();
    updater.store = Store::at(machine.db());
    let kept = machine.db().with_file_name("history.duckdb.schema-4-2026-11-26T2200");
    fs::copy(machine.db(), &kept).unwrap();
    machine.run(&["audit"]);
    // The former one reads what was kept for it, and nothing else.
    let reads = format!(
        "cmp -s \"$3\" {} || {{ echo \"$3 was written by a newer cleanbill (its format is 5, this one knows 4)\" >&2; exit 3; }}",
        kept.display()
    );
    fs::write(installed.bin().join("cleanbill"), script("0.1.0", &reads)).unwrap();
    let (says, bytes) = good("0.2.0", &script("0.2.0", "exit 0"));
    publish(&server, &says, &bytes);
    update(&updater, &source(&server)).unwrap();
    let back = updater.back().unwrap();
    assert_eq!((back.version.to_string().as_str(), back.history.as_ref()), ("0.1.0", Some(&kept)));
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.1.0");
    assert_eq!(updater.back().unwrap().history, None);
    // Without such a copy there is no way back.
    fs::remove_file(&kept).unwrap();
    let error = updater.back().unwrap_err().to_string();
    assert!(error.contains("was written by a newer cleanbill"), "{error}");
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.2.0");
}

#[test]
fn the_real_program_tries_itself_on_a_copy_of_the_history() {
    let (server, installed, machine) = (Server::start(), Installed::new(), Machine::debian());
    machine.run(&["audit"]);
    let before = fs::read(machine.db()).unwrap();
    let real = fs::read(env!("CARGO_BIN_EXE_cleanbill")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let bytes = signed(OURS, &name(version, X86), &archive(version, X86, &real));
    publish(&server, &Says::of(version, &bytes), &bytes);
    let mut updater = installed.updater();
    updater.current = "0.0.9".parse().unwrap();
    updater.store = Store::at(machine.db());
    let patient = source(&server);
    update(&updater, &patient).unwrap();
    assert_eq!(installed.says("cleanbill"), format!("cleanbill {version}"));
    assert!(fs::read(machine.db()).unwrap() == before, "the history itself is as it was");
    // With a history that it cannot read, it would not have taken that place.
    fs::write(machine.db(), "no history").unwrap();
    let error = updater.fetch(&patient, &updater.find(&patient, &newest()).unwrap(), true, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("is not a cleanbill history"), "{error}");
}

#[test]
fn what_is_asked_for_by_its_number_comes_and_older_only_on_demand() {
    let (server, installed) = (Server::start(), Installed::new());
    for version in ["0.0.5", "0.2.0", "0.3.0"] {
        let (says, bytes) = good(version, &script(version, "exit 0"));
        publish(&server, &says, &bytes);
    }
    let (mut updater, source) = (installed.updater(), source(&server));
    let get = |updater: &Updater, version: &str, downgrade: bool| {
        let found = updater.find(&source, &Wanted::Version(version.parse().unwrap()))?;
        updater.fetch(&source, &found, downgrade, &mut |_| {})
    };
    get(&updater, "0.2.0", false).unwrap();
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.2.0");
    updater.current = "0.2.0".parse().unwrap();
    let error = get(&updater, "0.0.5", false).unwrap_err();
    assert_eq!(error.to_string(), "0.0.5 is older than this cleanbill (0.2.0)");
    assert!(error.hint().contains("--allow-downgrade"));
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.2.0");
    get(&updater, "0.0.5", true).unwrap();
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.0.5");
    let error = get(&updater, "9.9.9", false).unwrap_err();
    assert!(matches!(error, UpdateError::NotThere { .. }), "{error}");
    // Another release under that name is not what was asked for.
    let text = good("0.3.0", "").0.text();
    server.gives("0.2.0/manifest.json", text.as_bytes());
    server.gives("0.2.0/manifest.json.sig", signature(OURS, text.as_bytes()));
    let error = get(&updater, "0.2.0", false).unwrap_err();
    assert_eq!(error.to_string(), "the server was asked for 0.2.0, and answered with 0.3.0");
}

#[test]
fn an_archive_can_be_brought_without_the_network() {
    let installed = Installed::new();
    let updater = installed.updater();
    let bring = |file: &str, bytes: &[u8], downgrade: bool| {
        let path = installed.at(file);
        fs::write(&path, bytes).unwrap();
        updater.bring(&path, downgrade, &mut |_| {})
    };
    let (_, bytes) = good("0.2.0", &script("0.2.0", "exit 0"));
    let own = name("0.2.0", X86);
    // Under another name it could pass for a newer one than it is.
    let error = bring(&name("0.4.0", X86), &bytes, false).unwrap_err().to_string();
    assert!(error.contains("was not signed by us under this name"), "{error}");
    assert!(bring("release.tar.gz", &bytes, false).unwrap_err().to_string().contains("has no name of a release"));
    let error = bring(&name("0.2.0", "aarch64-unknown-linux-gnu"), &bytes, false).unwrap_err().to_string();
    assert!(error.contains("has no name of a release for this machine, such as cleanbill-1.2.3-x86_64"), "{error}");
    assert!(updater.bring(&installed.at(&name("0.5.0", X86)), false, &mut |_| {}).is_err());
    let old = good("0.0.5", &script("0.0.5", "exit 0")).1;
    assert!(matches!(bring(&name("0.0.5", X86), &old, false), Err(UpdateError::Downgrade { .. })));
    installed.is_untouched();
    assert_eq!(bring(&own, &bytes, false).unwrap().to_string(), "0.2.0");
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.2.0");
}

#[test]
fn keys_are_exchanged_over_two_releases() {
    let (server, installed) = (Server::start(), Installed::new());
    let program = script("0.2.0", "exit 0");
    let bytes = signed(OTHER, &name("0.2.0", X86), &archive("0.2.0", X86, program.as_bytes()));
    let text = Says::of("0.2.0", &bytes).text();
    publish(&server, &Says::of("0.2.0", &bytes), &bytes);
    server.gives("stable.json.sig", signature(OTHER, text.as_bytes()));
    let mut updater = installed.updater();
    // One that knows the old key alone takes nothing that the new key signed.
    assert!(matches!(update(&updater, &source(&server)), Err(UpdateError::UnsignedManifest)));
    installed.is_untouched();
    // The release in between knows both.
    updater.keys = keys(&[OURS, OTHER]);
    update(&updater, &source(&server)).unwrap();
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.2.0");
    // Later ones do not know the old key any more, and what it signs is nothing to them.
    let (says, bytes) = good("0.3.0", &script("0.3.0", "exit 0"));
    publish(&server, &says, &bytes);
    updater.keys = keys(&[OTHER]);
    assert!(matches!(update(&updater, &source(&server)), Err(UpdateError::UnsignedManifest)));
}

#[test]
fn a_proxy_leads_there() {
    let (server, installed) = (Server::start(), Installed::new());
    let (says, bytes) = good("0.2.0", &script("0.2.0", "exit 0"));
    publish(&server, &says, &bytes);
    let (proxy, asked) = proxy();
    let through = Source { proxy: Some(proxy), ..source(&server) };
    update(&installed.updater(), &through).unwrap();
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.2.0");
    let asked: Vec<String> = asked.try_iter().collect();
    assert!(asked.len() >= 3 && asked.iter().all(|to| *to == format!("localhost:{}", server.port())), "{asked:?}");
    let nowhere = Source { proxy: Some("http://localhost:1".to_owned()), ..source(&server) };
    let error = installed.updater().find(&nowhere, &newest()).unwrap_err().to_string();
    assert!(error.contains("localhost"), "{error}");
    let wrong = Source { proxy: Some("ftp://anna:secret@".to_owned()), ..source(&server) };
    let error = installed.updater().find(&wrong, &newest()).unwrap_err().to_string();
    assert!(error.contains("no address of a proxy") && !error.contains("secret"), "{error}");
}
