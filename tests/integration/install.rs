//! What runs the schedule, written beneath a folder that stands for a machine.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::support::{Said, program};

const SETTINGS: &str = "[mail]\nto = ['owner@example.org']\nfrom = 'cleanbill@example.org'\n\
                        [schedule.nightly]\nwhen = 'every day 2:30'\ndo = 'audit'\n\
                        [schedule.fixes]\nwhen = 'sat,sun 3:00'\ndo = 'fix'\n";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        place.settings(SETTINGS);
        place
    }

    fn settings(&self, text: &str) {
        let file = self.0.path().join("cleanbill.toml");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("machine")
    }

    fn call(&self, args: &[&str]) -> Said {
        let mut command = program();
        command.args(["schedule"]).args(args).arg("--into").arg(self.root());
        command
            .env("CLEANBILL_CONFIG", self.0.path().join("cleanbill.toml"))
            .env("CLEANBILL_DB", self.0.path().join("h.duckdb"));
        command.stdin(Stdio::null()).output().unwrap().into()
    }

    fn install(&self, more: &[&str]) -> Said {
        self.call(&[&["install", "--program", "/usr/local/bin/cleanbill"], more].concat())
    }

    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, root, found)
                } else {
                    found.push(path.strip_prefix(root).unwrap().display().to_string())
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.root(), &self.root(), &mut found);
        found.sort();
        found
    }
}

#[test]
fn everything_is_shown_before_it_is_written() {
    let place = Place::new();
    let said = place.install(&["--dry-run"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for part in [
        "cleanbill.service\n# Written by",
        "ExecStart=/usr/local/bin/cleanbill daemon",
        "cleanbill-job@.service",
        "Nothing was changed",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let said = place.install(&[]);
    assert!(said.code == 2 && said.err.contains("--yes"), "{}", said.err);
    assert!(said.out.contains("new        ") && said.out.contains("cleanbill-mail.service"), "{}", said.out);
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn what_is_written_follows_the_settings_and_goes_again() {
    let place = Place::new();
    let said = place.install(&["--yes"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let unit = |name: &str| format!("etc/systemd/system/{name}");
    assert_eq!(
        place.files(),
        [unit("cleanbill-job@.service"), unit("cleanbill-mail.service"), unit("cleanbill.service")]
    );
    let said = place.install(&["--yes"]);
    assert!(said.out.contains("in place already"), "{}", said.out);
    // Without the jobs that change the machine, what they need goes too.
    place.settings(SETTINGS.split("[schedule.fixes]").next().unwrap());
    let said = place.install(&["--yes"]);
    assert!(said.out.contains("taken away "), "{}", said.out);
    assert_eq!(place.files(), [unit("cleanbill-mail.service"), unit("cleanbill.service")]);
    let said = place.install(&["--yes", "--crontab"]);
    assert_eq!((said.code, place.files()), (0, vec!["etc/cron.d/cleanbill".to_owned()]), "{}", said.err);
    let cron = fs::metadata(place.root().join("etc/cron.d/cleanbill")).unwrap();
    assert_eq!(cron.permissions().mode() & 0o777, 0o644);
    assert_eq!(place.install(&["--crontab", "--systemd-timers"]).code, 2);
    // It goes also when the settings are wrong.
    place.settings("[mail]\nservr = 1\n");
    let said = place.call(&["uninstall", "--yes"]);
    assert_eq!((said.code, place.files()), (0, Vec::new()), "{}", said.err);
    assert!(said.out.contains("are as they were"), "{}", said.out);
    assert!(place.call(&["uninstall", "--yes"]).out.contains("nothing to take away"));
}

#[test]
fn what_someone_changed_stays() {
    let place = Place::new();
    place.install(&["--yes"]);
    let service = place.root().join("etc/systemd/system/cleanbill.service");
    let text = fs::read_to_string(&service).unwrap() + "# mine\n";
    fs::write(&service, &text).unwrap();
    let said = place.install(&["--yes"]);
    assert!(said.code == 3 && said.err.contains("--force"), "{}", said.err);
    let said = place.call(&["uninstall", "--yes"]);
    assert!(said.code == 1 && said.out.contains("someone changed it"), "{}", said.out);
    assert_eq!(fs::read_to_string(&service).unwrap(), text);
    assert_eq!(place.call(&["uninstall", "--yes", "--force"]).code, 0);
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn a_program_that_was_just_built_is_not_installed() {
    let place = Place::new();
    // Beneath a folder too, unless another program is named.
    let said = place.call(&["install", "--yes"]);
    assert!(
        said.code == 3 && said.err.contains("/usr/local/bin/cleanbill") | said.err.contains(".local/bin"),
        "{}",
        said.err
    );
    assert_eq!(place.files(), Vec::<String>::new());
}
