//! Whatever the tree and whatever the fixes: taken back, all is as before, and a fix that was done has nothing to do.

use std::os::unix::fs::symlink;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{Job, Journal, Plan, Proof, actions::Action, apply, undo, view::View},
    Small, fix,
};
use crate::{
    host::Host,
    store::{FixRun, RunState, StepState, Store},
};

/// Files with what may stand in them.
const FILES: [(&str, &[&str]); 12] = [
    ("/etc/ssh/sshd_config", &["", "# x\nPermitRootLogin yes\n\nMatch User a\n  X11Forwarding yes\n", "Port 22"]),
    ("/etc/sysctl.conf", &["", "#kernel.a=1\nnet.ipv4.ip_forward = 1\n"]),
    ("/etc/sysctl.d/zz-cleanbill.conf", &["net.ipv4.ip_forward = 1\n"]),
    ("/etc/fstab", &["", "# <fs>\nUUID=1 / ext4 errors=remount-ro 0 1\ntmpfs /tmp tmpfs defaults 0 0\n"]),
    ("/etc/shadow", &["root:*:19000:0:99999:7:::\nann:$6$x:19000:0:99999:7:::\n"]),
    ("/etc/passwd", &["root:x:0:0::/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\n"]),
    ("/etc/login.defs", &["UMASK\t\t022\nPASS_MAX_DAYS\t99999\n", "# nothing"]),
    ("/etc/app.ini", &["[a]\nkey = 1\n[b]\nkey=2\n", "\u{feff}[a]\r\nkey=1\r\n"]),
    ("/etc/default/app", &["A=1\nB='x y'\n", "A=\"${A:-1}\"\n"]),
    ("/etc/app.json", &["{}", "{\n  \"a\": {\"b\": [1, 2]}\n}\n"]),
    ("/etc/note", &["one\ntwo\n", "two", "\0\u{1}binary"]),
    (
        "/usr/lib/systemd/system/x.service",
        &["[Unit]\n[Service]\nExecStart=/bin/x\n[Install]\nWantedBy=multi-user.target\n"],
    ),
];

fn a_tree() -> impl Strategy<Value = Vec<(usize, usize, u32, bool)>> {
    let modes = prop::sample::select(vec![0o644_u32, 0o600, 0o640, 0o666, 0o4755, 0o777]);
    prop::collection::vec((0..FILES.len(), 0..3_usize, modes, any::<bool>()), 4..16)
}

fn path() -> impl Strategy<Value = String> {
    let mut paths: Vec<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    paths.extend(["/etc/link", "/etc/new", "/etc/new.d/deep/file", "/etc/ssh", "/etc/dangling"].map(str::to_owned));
    prop::sample::select(paths)
}

fn an_action() -> impl Strategy<Value = Value> {
    let set =
        |format: &'static str, path: &'static str, section: Option<&'static str>, keys: &'static [&'static str]| {
            let value = prop::option::of(prop::sample::select(vec!["yes", "1", "no", "a b"]));
            (prop::sample::select(keys.to_vec()), value, any::<bool>()).prop_map(move |(key, value, only)| {
                let mut set = json!({ "format": format, "path": path, "key": key, "only_if_there": only });
                if let Some(section) = section {
                    set["section"] = section.into();
                }
                if let Some(value) = value {
                    set["value"] = value.into();
                }
                json!({ "set_config": set })
            })
        };
    let texts = prop::sample::select(vec!["two", "one", "a new line", "x\ny"]);
    let mode = prop::sample::select(vec!["0600", "0644", "4755", "0750"]);
    prop_oneof![
        set("sshd", "/etc/ssh/sshd_config", None, &["PermitRootLogin", "X11Forwarding"]),
        set("sysctl", "/etc/sysctl.conf", None, &["net.ipv4.ip_forward", "kernel.a"]),
        set("ini", "/etc/app.ini", Some("a"), &["key", "other"]),
        set("login-defs", "/etc/login.defs", None, &["UMASK", "PASS_MAX_DAYS"]),
        set("shell", "/etc/default/app", None, &["A", "C"]),
        set("json", "/etc/app.json", None, &["a.b", "c"]),
        set("key-value", "/etc/new.d/deep/file", None, &["minlen"]),
        set("systemd", "/etc/systemd/system/x.service.d/10-cleanbill.conf", Some("Service"), &["NoNewPrivileges"]),
        (path(), texts, any::<bool>(), any::<bool>()).prop_map(|(path, text, absent, first)| {
            json!({ "line": { "path": path, "text": text, "absent": absent, "first": first } })
        }),
        (path(), mode.clone()).prop_map(|(path, mode)| json!({ "mode": { "path": path, "mode": mode } })),
        (path(), prop::sample::select(vec!["022", "077", "6007"]))
            .prop_map(|(path, mode)| json!({ "mode": { "path": path, "clear": mode } })),
        path().prop_map(|path| {
            let me = rustix::process::geteuid().as_raw().to_string();
            json!({ "owner": { "path": path, "user": me } })
        }),
        path().prop_map(|path| json!({ "remove_acl": { "path": path } })),
        path().prop_map(|path| json!({ "remove": { "path": path } })),
        prop::sample::select(vec!["0", "1"])
            .prop_map(|value| json!({ "sysctl": { "key": "net.ipv4.ip_forward", "value": value } })),
        any::<bool>().prop_map(|blocked| json!({ "module": { "name": "cramfs", "blocked": blocked } })),
        any::<bool>().prop_map(|locked| json!({ "account": { "name": "ann", "locked": locked, "max_days": 365 } })),
        Just(json!({ "mount": { "point": "/tmp", "add": ["nosuid", "nodev"] } })),
        Just(
            json!({ "mount": { "point": "/dev/shm", "add": ["noexec"], "line": "tmpfs /dev/shm tmpfs defaults 0 0" } })
        ),
        prop::sample::select(vec!["enable", "disable", "mask"])
            .prop_map(|what| json!({ "service": { "name": "x", "do": what } })),
    ]
}

fn build(files: &[(usize, usize, u32, bool)]) -> Small {
    let small = Small::new();
    for (n, text, mode, note) in files {
        let (path, texts) = FILES[*n];
        small.file(path, texts[text % texts.len()], *mode);
        if *note {
            // Not every disk has them.
            let _ = xattr::set(small.at(path), "user.note", path.as_bytes());
            let rules = super::trees::rules(6, 4);
            let _ = xattr::set(small.at(path), "system.posix_acl_access", &rules);
        }
    }
    small.folder("/usr");
    symlink("note", small.at("/etc/link")).unwrap();
    symlink("/etc/nowhere", small.at("/etc/dangling")).unwrap();
    small.folder("/etc/systemd/system/multi-user.target.wants");
    symlink("/usr/lib/systemd/system/x.service", small.at("/etc/systemd/system/multi-user.target.wants/x.service"))
        .unwrap();
    small
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn taken_back_all_is_as_before(files in a_tree(), actions in prop::collection::vec(an_action(), 1..7)) {
        let small = build(&files);
        let before = small.seen();
        let (tree, host) = (small.tree(), Host::image(&small.root()).unwrap());
        let mut view = View::new(&tree, &host);
        let mut plan = Plan::default();
        for (n, action) in actions.iter().enumerate() {
            let action: Action = serde_json::from_value(action.clone()).unwrap();
            let made = view.made();
            if action.act().plan(&mut view).is_err() {
                view.forget(made);
                continue;
            }
            let changes = view.take();
            action.act().plan(&mut view).unwrap();
            prop_assert_eq!(view.take(), vec![], "done once, {} has nothing to do", action.told());
            plan.fixes.push(fix(&format!("fix-{n}"), changes));
        }
        let journal = Journal::open(&Store::at(small.beside().join("store.duckdb"))).unwrap();
        let run = FixRun {
            id: 0,
            host: String::new(),
            hostname: String::new(),
            root: small.root().to_string_lossy().into_owned(),
            started: Timestamp::now(),
            ended: None,
            state: RunState::Running,
            who: String::new(),
            version: String::new(),
            folder: String::new(),
            confirm_until: None,
            risk_before: 0.0,
            risk_after: None,
            steps: Vec::new(),
        };
        let job = Job { plan: &plan, tree: &tree, live: false, journal: &journal, run, arm: None };
        let mut done = apply(job, &mut |_| {}, |_| Proof::default()).unwrap();
        let bad: Vec<_> = done.steps.iter().filter(|s| s.state == StepState::Failed).collect();
        prop_assert!(bad.is_empty(), "{bad:?}");
        prop_assert!(small.leftovers().is_empty());
        for file in plan.files() {
            let now = tree.read_like(&file.path, file.after.as_ref()).unwrap();
            prop_assert!(super::super::tree::alike(now.as_ref(), file.after.as_ref()), "{}", file.path);
        }
        if done.steps.iter().any(|s| s.state.stands()) {
            undo(&journal, &tree, false, &mut done, None, false).unwrap();
        }
        prop_assert_eq!(small.seen(), before);
    }
}
