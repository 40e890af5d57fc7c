//! Scripts that are really run, by the plain shell of Debian, on throw-away trees. Where that shell is not installed,
//! another is taken.

use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::Command,
};

use super::{super::tree::same, *};
use crate::checks::{Safety, Severity};

struct Case {
    dir: tempfile::TempDir,
    tree: Tree,
}

struct Ran {
    code: i32,
    said: String,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("root/etc")).unwrap();
        let root = dir.path().join("root").canonicalize().unwrap();
        Case { tree: Tree::open(&root).unwrap(), dir }
    }

    fn root(&self) -> &Path {
        self.tree.root()
    }

    fn file(&self, path: &str, bytes: &[u8], mode: u32) -> Option<State> {
        let whole = self.root().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
        std::fs::write(&whole, bytes).unwrap();
        std::fs::set_permissions(&whole, std::fs::Permissions::from_mode(mode)).unwrap();
        self.tree.read(path).unwrap()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.root().join(path.trim_start_matches('/'))).unwrap()
    }

    fn head(&self, live: bool) -> Head<'_> {
        Head { machine: "web01\n\u{1b}[2Jrm -rf /", made: Timestamp::UNIX_EPOCH, tree: &self.tree, live }
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Ran {
        let file = self.dir.path().join("fix.sh");
        std::fs::write(&file, script).unwrap();
        let shell = if Path::new("/bin/dash").exists() { "/bin/dash" } else { "/bin/sh" };
        let output = Command::new(shell)
            .arg(&file)
            .args(arguments)
            .env("BACKUPS", self.dir.path().join("backups"))
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        Ran { code: output.status.code().unwrap(), said: String::from_utf8_lossy(&said).into_owned() }
    }
}

fn checked(script: &str) {
    let file = tempfile::Builder::new().suffix(".sh").tempfile().unwrap();
    std::fs::write(file.path(), script).unwrap();
    crate::testing::shellchecked(file.path());
}

fn fix(n: usize, changes: Vec<Change>) -> PlannedFix {
    PlannedFix {
        check: format!("check-{n}"),
        problem: "It's \"open\" {{ 7*7 }}".to_owned(),
        title: format!("Close $(it) no. {n}"),
        severity: Severity::High,
        points: String::new(),
        minutes: 1,
        safety: Safety::Safe,
        effect: None,
        actions: Vec::new(),
        changes,
        refused: None,
        left: Vec::new(),
        asks: None,
        place: 0,
    }
}

fn change(path: &str, before: &Option<State>, after: Option<State>) -> Change {
    Change::File(FileChange { path: path.to_owned(), before: before.clone(), after })
}

fn with(before: &Option<State>, text: impl Into<Vec<u8>>) -> Option<State> {
    let before = before.clone().unwrap();
    Some(State { content: Content::File(text.into()), modified: Default::default(), ..before })
}

fn mine(state: State) -> Option<State> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    Some(State { uid, gid, ..state })
}

fn moment_of(path: &Path) -> (i64, i64, u32) {
    let data = std::fs::symlink_metadata(path).unwrap();
    (data.mtime(), data.mtime_nsec(), data.mode())
}

const ODD: &str = "/etc/a'b\"c $(touch hacked) `touch hacked`\n\u{1b}[31m\u{202e}{{ 7*7 }}\\\n";

#[test]
fn odd_names_and_contents_come_out_as_they_are_and_go_back() {
    let case = Case::new();
    let text = "END\n$(touch hacked) `id` \\n {{ 7*7 }} 'x'\n\tEND_\n";
    let binary = [0_u8, 1, 255, 10, 13, b'\''];
    let odd = case.file(ODD, b"old", 0o644);
    let plain = case.file("/etc/plain", b"old\n", 0o640);
    let bytes = case.file("/etc/bytes", b"", 0o604);
    let gone = case.file("/etc/gone", b"was here\n", 0o600);
    let times = moment_of(&case.root().join("etc/gone"));
    let (folder, link) =
        (State::new(Content::Directory, 0o750), State::new(Content::Link(b"a'b $(x)".to_vec()), 0o777));
    let plan = Plan {
        fixes: vec![
            fix(1, vec![change(ODD, &odd, with(&odd, text)), change("/etc/bytes", &bytes, with(&bytes, binary))]),
            fix(2, vec![change("/etc/plain", &plain, mine(State { mode: 0o600, ..plain.clone().unwrap() }))]),
            fix(3, vec![change("/etc/gone", &gone, None)]),
            fix(
                4,
                vec![
                    change("/etc/new", &None, mine(folder)),
                    change("/etc/new/no-end", &None, mine(State::file("no line break at the end", 0o640))),
                    change("/etc/new/link", &None, mine(link)),
                ],
            ),
        ],
    };
    let Exported { text: script, fixes, left } = script(&plan, &case.head(false));
    assert_eq!((fixes, left), (4, Vec::new()));
    assert!(script.chars().all(|c| c == '\n' || c == '\t' || !c.is_control() && c != '\u{202e}'), "{script}");
    checked(&script);
    let ran = case.run(&script, &[]);
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert!(!ran.said.contains('\u{1b}'), "{}", ran.said);
    assert_eq!(case.read(ODD), text.as_bytes());
    assert_eq!(case.read("/etc/bytes"), binary);
    assert_eq!(case.read("/etc/new/no-end"), b"no line break at the end");
    assert_eq!(moment_of(&case.root().join("etc/plain")).2 & 0o777, 0o600);
    assert_eq!(std::fs::read_link(case.root().join("etc/new/link")).unwrap(), Path::new("a'b $(x)"));
    assert!(!case.root().join("etc/gone").exists());
    for file in plan.files() {
        assert!(
            same(case.tree.read_like(&file.path, file.after.as_ref()).unwrap().as_ref(), file.after.as_ref()),
            "{file:?}"
        );
    }
    let again = case.run(&script, &[]);
    assert_eq!((again.code, again.said.matches("stands already").count()), (0, 4), "{}", again.said);
    let back = case.run(&script, &["undo"]);
    assert_eq!(back.code, 0, "{}", back.said);
    assert_eq!(case.read(ODD), b"old");
    assert_eq!(moment_of(&case.root().join("etc/gone")), times);
    assert!(!case.root().join("etc/new").exists());
    assert_eq!(moment_of(&case.root().join("etc/plain")).2 & 0o777, 0o640);
    let hacked =
        [case.root(), case.dir.path()].iter().any(|d| d.join("hacked").exists() || d.join("etc/hacked").exists());
    assert!(!hacked);
}

#[test]
fn two_fixes_of_one_file_build_on_each_other_and_a_changed_file_is_left_alone() {
    let case = Case::new();
    let first = case.file("/etc/a", b"1\n", 0o644);
    let (second, third) = (with(&first, "2\n"), with(&first, "3\n"));
    let other = case.file("/etc/b", b"b\n", 0o644);
    let plan = Plan {
        fixes: vec![
            fix(1, vec![change("/etc/a", &first, second.clone())]),
            fix(2, vec![change("/etc/a", &second, third), change("/etc/b", &other, with(&other, "B\n"))]),
        ],
    };
    let script = script(&plan, &case.head(false)).text;
    for _ in 0..2 {
        let ran = case.run(&script, &[]);
        assert_eq!(ran.code, 0, "{}", ran.said);
        assert_eq!((case.read("/etc/a"), case.read("/etc/b")), (b"3\n".to_vec(), b"B\n".to_vec()));
    }
    case.file("/etc/b", b"mine\n", 0o644);
    let back = case.run(&script, &["undo"]);
    assert_eq!(back.code, 1);
    assert!(back.said.contains("someone changed it since"), "{}", back.said);
    assert_eq!((case.read("/etc/a"), case.read("/etc/b")), (b"1\n".to_vec(), b"mine\n".to_vec()));
    // Of a fix that cannot be done whole nothing stays.
    let ran = case.run(&script, &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.said.contains("/etc/b: it is no longer as it was") && ran.said.contains("NOT DONE"), "{}", ran.said);
    assert_eq!((case.read("/etc/a"), case.read("/etc/b")), (b"2\n".to_vec(), b"mine\n".to_vec()));
}

#[test]
fn what_not_everybody_may_read_is_never_written_down() {
    let case = Case::new();
    let old = "user = bob\npassword = hunter2-hunter2\nopen = yes\n";
    let before = case.file("/etc/app.conf", old.as_bytes(), 0o600);
    let shadow = case.file("/etc/shadow", b"bob:$6$salt$scrambled:1:0:99999:7:::\n", 0o644);
    let plan = Plan {
        fixes: vec![
            fix(1, vec![change("/etc/app.conf", &before, with(&before, old.replace("yes", "no")))]),
            fix(2, vec![change("/etc/shadow", &shadow, with(&shadow, "bob:!$6$salt$scrambled:1:0:365:7:::\n"))]),
        ],
    };
    // A list that was missing, made of passwords that stood in the open one.
    let missing = mine(State::file("bob:$6$salt$scrambled:1:0:99999:7:::\n", 0o640));
    let made = Plan { fixes: vec![fix(1, vec![change("/etc/gshadow", &None, missing)])] };
    for export in [script(&made, &case.head(false)), playbook(&made, &case.head(false))] {
        assert!(!export.text.contains("scrambled") && export.left.len() == 1, "{:?}", export.left);
    }
    let written = script(&plan, &case.head(false));
    assert!(written.left.is_empty());
    assert!(!written.text.contains("hunter") && !written.text.contains("scrambled") && !written.text.contains("bob ="));
    let ran = case.run(&written.text, &[]);
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert_eq!(case.read("/etc/app.conf"), old.replace("yes", "no").as_bytes());
    assert_eq!(case.read("/etc/shadow"), b"bob:!$6$salt$scrambled:1:0:365:7:::\n");
    let live = script(&plan, &case.head(true));
    checked(&live.text);
    assert!(live.text.contains("usermod -L -- bob") && live.text.contains("chage -M 365 -- bob"), "{}", live.text);
    assert!(!live.text.contains("scrambled"));
    let book = playbook(&plan, &case.head(true));
    assert!(!book.text.contains("hunter") && !book.text.contains("scrambled"));
    assert!(
        book.text.contains("password_lock: true") && book.text.contains("password_expire_max: 365"),
        "{}",
        book.text
    );
    assert_eq!(book.left.first().map(|(check, _)| check.as_str()), Some("check-1"));
}

#[test]
fn rights_are_never_changed_through_a_link() {
    let case = Case::new();
    case.file("/etc/a", b"a\n", 0o644);
    let secret = case.file("/etc/secret", b"s\n", 0o640).unwrap();
    let before = case.tree.rights("/etc/a").unwrap();
    let plan = Plan {
        fixes: vec![fix(1, vec![change("/etc/a", &before, before.clone().map(|s| State { mode: 0o666, ..s }))])],
    };
    let script = script(&plan, &case.head(false)).text;
    std::fs::remove_file(case.root().join("etc/a")).unwrap();
    std::os::unix::fs::symlink("secret", case.root().join("etc/a")).unwrap();
    let ran = case.run(&script, &[]);
    assert_eq!(ran.code, 1, "{}", ran.said);
    assert_eq!(case.tree.read("/etc/secret").unwrap(), Some(secret));
    // The same for a folder on the way.
    std::fs::rename(case.root().join("etc"), case.root().join("other")).unwrap();
    std::os::unix::fs::symlink("other", case.root().join("etc")).unwrap();
    let ran = case.run(&script, &[]);
    assert!(ran.code == 1 && ran.said.contains("a link on the way"), "{}", ran.said);
}

#[test]
fn programs_run_once_and_go_back_and_a_late_one_that_fails_takes_its_fixes_back() {
    if !crate::testing::is_root() {
        return;
    }
    // As on the running machine, but for files in a folder of its own.
    let case = Case::new();
    let tree = Tree::open(Path::new("/")).unwrap();
    let head = Head { machine: "web01", made: Timestamp::UNIX_EPOCH, tree: &tree, live: true };
    let log = case.root().join("log");
    let path = case.root().join("etc/a").to_string_lossy().into_owned();
    case.file("/etc/a", b"1\n", 0o644);
    let before = tree.read(&path).unwrap();
    let note = |what: &str| {
        ["/bin/sh", "-c", "echo \"$1\" >>\"$2\"; test \"$1\" != bad", "sh", what, &log.to_string_lossy()]
            .map(str::to_owned)
            .to_vec()
    };
    let run = |what: &str, undo: &str| {
        let words = note(what);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let undo = note(undo);
        Run::new(what, &words).undone_by(&undo.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let good = Plan {
        fixes: vec![fix(
            1,
            vec![
                change(&path, &before, with(&before, "2\n")),
                Change::Run(run("now", "not now")),
                Change::Run(run("late", "never").late()),
            ],
        )],
    };
    let told = || std::fs::read_to_string(&log).unwrap_or_default().lines().collect::<Vec<_>>().join(",");
    let text = script(&good, &head).text;
    checked(&text);
    for _ in 0..2 {
        let ran = case.run(&text, &[]);
        assert_eq!((ran.code, told().as_str()), (0, "now,late"), "{}", ran.said);
    }
    let ran = case.run(&text, &["undo"]);
    assert_eq!(
        (ran.code, told().as_str(), case.read("/etc/a")),
        (0, "now,late,not now,late", b"1\n".to_vec()),
        "{}",
        ran.said
    );
    // A fix that is nothing but a late program, such as a restart.
    std::fs::remove_file(&log).unwrap();
    let restart = Plan { fixes: vec![fix(1, vec![Change::Run(run("restart", "never").late())])] };
    let text = script(&restart, &head).text;
    for _ in 0..2 {
        let ran = case.run(&text, &[]);
        assert_eq!((ran.code, told().as_str()), (0, "restart"), "{}", ran.said);
    }
    assert!(playbook(&restart, &head).text.contains("          - \"restart\"\n"));
    let before = tree.read(&path).unwrap();
    for (late, expected) in [(true, "bad,bad"), (false, "bad,undone")] {
        std::fs::remove_file(&log).unwrap();
        let bad = run("bad", if late { "never" } else { "undone" });
        let bad = if late { bad.late() } else { bad };
        let plan = Plan { fixes: vec![fix(1, vec![change(&path, &before, with(&before, "2\n")), Change::Run(bad)])] };
        let ran = case.run(&script(&plan, &head).text, &[]);
        assert_eq!((ran.code, told().as_str(), case.read("/etc/a")), (1, expected, b"1\n".to_vec()), "{}", ran.said);
    }
}

#[test]
fn a_refused_fix_and_what_builds_on_it_are_named_and_left_out() {
    let case = Case::new();
    let before = case.file("/etc/a", b"1\n", 0o644);
    let listed = before.clone().map(|mut s| {
        s.xattrs.insert("user.note".to_owned(), b"x".to_vec());
        s
    });
    let mut refused = fix(3, Vec::new());
    refused.refused = Some("No\nreason".to_owned());
    let plan = Plan {
        fixes: vec![
            fix(1, vec![change("/etc/a", &listed, with(&listed, "2\n"))]),
            fix(2, vec![change("/etc/a", &with(&before, "2\n"), with(&before, "3\n"))]),
            refused,
        ],
    };
    for written in [script(&plan, &case.head(false)), playbook(&plan, &case.head(false))] {
        let left: Vec<&str> = written.left.iter().map(|(check, _)| check.as_str()).collect();
        assert_eq!((written.fixes, left), (0, vec!["check-1", "check-2", "check-3"]));
        assert!(written.text.contains("#   check-3: No reason\n"), "{}", written.text);
    }
    let ran = case.run(&script(&plan, &case.head(false)).text, &[]);
    assert_eq!(ran.code, 0, "{}", ran.said);
}

#[test]
fn a_playbook_has_the_module_for_each_change_and_no_template_from_the_machine() {
    let case = Case::new();
    let odd = case.file(ODD, b"old\n", 0o644);
    let sudo = case.file("/etc/default/grub", b"A=1\n", 0o644);
    case.file("/bin/sh", b"", 0o755);
    case.file("/usr/sbin/sshd", b"", 0o755);
    let mut remount =
        fix(5, vec![Change::Run(Run::new("new rules hold", &["/usr/bin/mount", "-o", "remount,nodev", "/dev/shm"]))]);
    // The list of disks says so already.
    let action = serde_json::json!({ "mount": { "point": "/dev/shm", "add": ["nodev"] } });
    remount.actions.push(serde_json::from_value(action).unwrap());
    let systemctl = "/usr/bin/systemctl";
    let apt = ["/usr/bin/apt-get", "-y", "-q", "install", "--only-upgrade", "--", "openssl", "libc6"];
    let plan = Plan {
        fixes: vec![
            fix(1, vec![change(ODD, &odd, with(&odd, "{{ 7*7 }}\n"))]),
            fix(
                2,
                vec![
                    change("/etc/default/grub", &sudo, with(&sudo, "A=2\n\n")),
                    Change::Run(
                        Run::new("ssh reads its settings anew", &[systemctl, "try-reload-or-restart", "ssh.service"])
                            .late(),
                    ),
                ],
            ),
            fix(
                3,
                vec![
                    Change::Run(Run::new("telnet stops", &[systemctl, "disable", "--now", "telnet.socket"])),
                    Change::Run(Run::new("openssl is upgraded", &apt)),
                    Change::Run(Run::new("cramfs is unloaded", &["/sbin/modprobe", "-r", "cramfs"])),
                ],
            ),
            fix(4, vec![change("/etc/ssh/sshd_config.d/10-x.conf", &None, mine(State::file("Port 22\n", 0o600)))]),
            remount,
        ],
    };
    let book = playbook(&plan, &case.head(true)).text;
    for part in [
        "            content: !unsafe |2\n              {{ 7*7 }}\n",
        "            content: |2+\n              A=2\n\n",
        "            validate: \"/bin/sh -n %s\"\n",
        "          notify:\n            - \"Ssh reads its settings anew\"\n",
        // Not `state: reloaded`, which would start a service that someone stopped.
        "          - \"try-reload-or-restart\"\n          - \"ssh.service\"\n",
        "          when: cleanbill_check_4_0 is defined and cleanbill_check_4_0 is changed\n",
        "              - \"remount,nodev\"\n              - \"/dev/shm\"\n",
        "            name: \"telnet.socket\"\n            enabled: false\n            state: stopped\n",
        "            state: latest\n            only_upgrade: true\n",
        "            removes: \"/sys/module/cramfs\"\n          changed_when: true\n",
        "      tags:\n        - \"check-1\"\n",
    ] {
        assert!(book.contains(part), "{part}\nin\n{book}");
    }
    assert!(
        book.contains(
            "dest: !unsafe \"/etc/a'b\\\"c $(touch hacked) `touch hacked`\\n\\x1b[31m\\u202e{{ 7*7 }}\\\\\\n\""
        ),
        "{book}"
    );
    assert!(book.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'));
    if let Some(file) = std::env::var_os("KEEP_PLAYBOOK") {
        std::fs::write(file, book).unwrap();
    }
}

/// Where Ansible is installed, the playbook is really played, on files in a folder of their own.
#[test]
fn a_playbook_makes_what_was_planned_and_a_second_time_nothing() {
    let case = Case::new();
    let tree = Tree::open(Path::new("/")).unwrap();
    let head = Head { machine: "web01", made: Timestamp::UNIX_EPOCH, tree: &tree, live: false };
    let at = |path: &str| format!("{}{path}", case.root().to_string_lossy());
    let odd_name = "/etc/a'b\"c $(touch hacked)\u{1b}[31m{{ 7*7 }} {% x %}\\";
    for (path, mode) in [(odd_name, 0o644), ("/etc/plain", 0o644), ("/etc/gone", 0o644), ("/etc/to-link", 0o644)] {
        case.file(path, b"old\n", mode);
    }
    let state = |path: &str| tree.read(&at(path)).unwrap();
    let (odd, plain, gone) = (state(odd_name), state("/etc/plain"), state("/etc/gone"));
    let text = "  {{ 7*7 }}\n\n'a': \"b\" # {# c #}\n\\n\n";
    let loose = tree.rights(&at("/etc/to-link")).unwrap();
    let plan = Plan {
        fixes: vec![
            fix(
                1,
                vec![
                    change(&at(odd_name), &odd, with(&odd, text)),
                    change(&at("/etc/plain"), &plain, with(&plain, "a\tb\nno end")),
                ],
            ),
            fix(
                2,
                vec![
                    change(&at("/etc/gone"), &gone, None),
                    change(&at("/etc/new"), &None, mine(State::new(Content::Directory, 0o750))),
                    change(&at("/etc/new/file"), &None, mine(State::file("x\n\n\n", 0o640))),
                    change(&at("/etc/new/link"), &None, mine(State::new(Content::Link(b"../{{ 1 }}".to_vec()), 0o777))),
                    change(&at("/etc/to-link"), &loose, loose.clone().map(|s| State { mode: 0o600, ..s })),
                ],
            ),
        ],
    };
    let written = playbook(&plan, &head);
    assert_eq!(written.left, Vec::new());
    let file = case.dir.path().join("fix.yml");
    std::fs::write(&file, written.text.replace("/var/backups", &at("/backups"))).unwrap();
    std::fs::create_dir(case.root().join("backups")).unwrap();
    let play = |more: &[&str]| {
        let mut command = Command::new("ansible-playbook");
        command
            .args([
                "-i",
                "localhost,",
                "-c",
                "local",
                "-e",
                "ansible_become=false",
                "-e",
                "ansible_python_interpreter={{ ansible_playbook_python }}",
            ])
            .args(more)
            .arg(&file);
        command.env("ANSIBLE_NOCOLOR", "1").env("ANSIBLE_LOCALHOST_WARNING", "False").current_dir(case.dir.path());
        let output = command.output().ok()?;
        Some((output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()))
    };
    let first = play(&[]);
    if !crate::testing::can(first.is_some(), "Ansible is not installed: no playbook is played") {
        return;
    }
    let (code, said) = first.unwrap();
    assert_eq!(code, Some(0), "{said}");
    for file in plan.files() {
        let now = tree.read_like(&file.path, file.after.as_ref()).unwrap();
        assert!(same(now.as_ref(), file.after.as_ref()), "{file:?}\n{now:?}");
    }
    let (code, said) = play(&[]).unwrap();
    assert!(code == Some(0) && said.contains("changed=0"), "{said}");
    case.file("/etc/plain", b"mine\n", 0o644);
    let (code, said) = play(&["--tags", "check-1"]).unwrap();
    assert!(code == Some(2) && said.contains("Someone changed it since"), "{said}");
    assert_eq!(case.read("/etc/plain"), b"mine\n");
}
