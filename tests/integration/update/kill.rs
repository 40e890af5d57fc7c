//! An update that is killed at any moment leaves a program that works.

use std::{
    os::unix::process::CommandExt as _,
    process::{Child, Stdio},
    time::Instant,
};

use super::{release::Content, *};

/// Tells the child in which folder it is to update, and from where.
const FOLDER: &str = "CLEANBILL_TEST_UPDATE";

/// What the child does; without that variable it is no test.
#[test]
#[ignore = "it is what another test starts and kills"]
fn the_child() {
    let Ok(told) = std::env::var(FOLDER) else { return };
    let [folder, url, ca]: [&str; 3] = told.split('|').collect::<Vec<_>>().try_into().unwrap();
    let folder = Path::new(folder);
    let updater = Updater {
        keys: keys(&[OURS]),
        place: Place::of(&folder.join("bin/cleanbill")),
        current: "0.1.0".parse().unwrap(),
        target: X86.to_owned(),
        store: Store::at(folder.join("store/history.duckdb")),
        settings: folder.join("cleanbill.toml"),
        now: "2026-12-01T00:00:00Z".parse().unwrap(),
    };
    let source =
        Source { url: url.to_owned(), proxy: None, ca_file: Some(PathBuf::from(ca)), patience: Patience::default() };
    update(&updater, &source).unwrap();
}

fn child(installed: &Installed, server: &Server) -> Child {
    let told = format!("{}|{}|{}", installed.dir.path().display(), server.url, server.authority.file().display());
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "update::kill::the_child", "--ignored", "--nocapture"])
        .env(FOLDER, told)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

#[test]
fn killed_at_a_hundred_moments_a_program_that_works_is_there() {
    let server = Server::start();
    let program = script("0.2.0", "sleep 0.02; exit 0");
    let content = Content::new("0.2.0", X86)
        .file("share/doc/cleanbill/large", &vec![0x5a; 8 << 20])
        .file("bin/cleanbill", program.as_bytes())
        .file("bin/cleanbill-daemon", program.as_bytes());
    let bytes = signed(OURS, &name("0.2.0", X86), &content.done());
    publish(&server, &Says::of("0.2.0", &bytes), &bytes);

    // How long a whole one takes: kills are spread over that.
    let whole = (0..3).map(|_| {
        let start = Instant::now();
        assert!(child(&Installed::new(), &server).wait().unwrap().success());
        start.elapsed()
    });
    let whole = whole.max().unwrap();

    let (mut before, mut after) = (0, 0);
    let mut installed = Installed::new();
    for n in 0..100u32 {
        let mut child = child(&installed, &server);
        // Even steps with a jump: every part of the way is met, not in order.
        std::thread::sleep(whole.mul_f64(f64::from(n * 37 % 100) / 75.0));
        let _ = rustix::process::kill_process_group(
            rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(),
            rustix::process::Signal::KILL,
        );
        let _ = child.wait();
        for program in ["cleanbill", "cleanbill-daemon"] {
            let says = installed.says(program);
            match says.as_str() {
                "cleanbill 0.1.0" => before += 1,
                "cleanbill 0.2.0" => after += 1,
                other => panic!("after kill {n} {program} says `{other}`"),
            }
        }
        if installed.says("cleanbill") == "cleanbill 0.2.0" {
            installed = Installed::new();
        }
    }
    assert!(before > 20 && after > 0, "the kills met {before} old and {after} new programs");
    // What was left behind keeps nobody from updating.
    let mut last = child(&installed, &server);
    assert!(last.wait().unwrap().success());
    assert_eq!(installed.says("cleanbill"), "cleanbill 0.2.0");
    assert!(!installed.bin().join(".cleanbill.update").exists());
}
