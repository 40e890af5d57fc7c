//! Whatever the tree and whatever the fixes: taken back, all is as before, and a fix that was done has nothing to do.

use std::{collections::BTreeSet, os::unix::fs::symlink};

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{TestRng, TestRunner},
};
use serde_json::{Value, json};

use super::{
    super::{Job, Journal, Plan, Proof, actions::Action, apply, undo, view::View},
    Small, a_run, fix,
};
use crate::{
    host::Host,
    store::{StepState, Store},
    testing::can,
};

const NFT: &str = "/usr/sbin/nft";

/// Files with what may stand in them.
const FILES: [(&str, &[&str]); 18] = [
    ("/etc/ssh/sshd_config", &["", "# x\nPermitRootLogin yes\n\nMatch User a\n  X11Forwarding yes\n", "Port 22"]),
    ("/etc/sysctl.conf", &["", "#kernel.a=1\nnet.ipv4.ip_forward = 1\n"]),
    ("/etc/sysctl.d/zz-cleanbill.conf", &["net.ipv4.ip_forward = 1\n"]),
    ("/etc/fstab", &["", "# <fs>\nUUID=1 / ext4 errors=remount-ro 0 1\ntmpfs /tmp tmpfs defaults 0 0\n"]),
    ("/etc/shadow", &["root:*:19000:0:99999:7:::\nann:$6$x:19000:0:99999:7:::\n"]),
    ("/etc/passwd", &["root:x:0:0::/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\n"]),
    ("/etc/group", &["root:x:0:\nsudo:x:27:ann,bob\nusers:y:100:\nann:x:1000:\n", "root:x:0:\nsudo:x:27:bob"]),
    ("/etc/gshadow", &["root:*::\nsudo:*::ann,bob\nusers:$6$x::\nann:!::\n"]),
    ("/etc/sudoers.d/x", &["# ours\nann ALL=(ALL) NOPASSWD: ALL\n%sudo ALL=(ALL) ALL\n", "ann ALL=(ALL)  ALL"]),
    (NFT, &["\u{7f}ELF"]),
    (
        "/etc/nftables.conf",
        &["flush ruleset\n", "table inet mine {\n\tchain input {\n\t\ttcp dport 22 accept\n\t}\n}\n"],
    ),
    ("/etc/login.defs", &["UMASK\t\t022\nPASS_MAX_DAYS\t99999\n", "# nothing"]),
    ("/etc/app.ini", &["[a]\nkey = 1\n[b]\nkey=2\n", "\u{feff}[a]\r\nkey=1\r\n"]),
    ("/etc/default/app", &["A=1\nB='x y'\n", "A=\"${A:-1}\"\n"]),
    ("/etc/app.json", &["{}", "{\n  \"a\": {\"b\": [1, 2]}\n}\n"]),
    ("/etc/note", &["one\ntwo\n", "two", "\0\u{1}binary"]),
    (
        "/usr/lib/systemd/system/x.service",
        &["[Unit]\n[Service]\nExecStart=/bin/x\n[Install]\nWantedBy=multi-user.target\n"],
    ),
    (
        "/usr/lib/systemd/system/nftables.service",
        &["[Unit]\n[Service]\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\n[Install]\nWantedBy=sysinit.target\n"],
    ),
];

fn a_tree() -> impl Strategy<Value = Vec<(usize, usize, u32, bool)>> {
    let modes = prop::sample::select(vec![0o644_u32, 0o600, 0o640, 0o666, 0o4755, 0o777]);
    prop::collection::vec((0..FILES.len(), 0..3_usize, modes, any::<bool>()), 6..24)
}

fn path() -> impl Strategy<Value = String> {
    let mut paths: Vec<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    paths.extend(["/etc/link", "/etc/new", "/etc/new.d/deep/file", "/etc/ssh", "/etc/dangling"].map(str::to_owned));
    prop::sample::select(paths)
}

/// Numbers of users that whoever runs this can give a file to.
fn owners() -> Vec<String> {
    let me = rustix::process::geteuid();
    if me.is_root() { vec!["0".to_owned(), "1000".to_owned()] } else { vec![me.as_raw().to_string()] }
}

/// Whether an image can have it done: programs are not run there.
fn on_an_image(action: &Action) -> bool {
    // Without `_`: whoever adds a kind decides, and has it drawn in `an_action`.
    match action {
        Action::SetConfig(_)
        | Action::Line(_)
        | Action::Mode(_)
        | Action::Owner(_)
        | Action::RemoveAcl(_)
        | Action::RemoveCapabilities(_)
        | Action::Close(_)
        | Action::Remove(_)
        | Action::Rename(_)
        | Action::Folder(_)
        | Action::Link(_)
        | Action::Sysctl(_)
        | Action::Module(_)
        | Action::Service(_)
        | Action::Account(_)
        | Action::Group(_)
        | Action::RemoveEntry(_)
        | Action::SudoRule(_)
        | Action::Mount(_)
        | Action::Firewall(_) => true,
        Action::Package(_) | Action::Command(_) | Action::Script(_) => false,
    }
}

fn an_action() -> impl Strategy<Value = Value> {
    prop_oneof![2 => of_settings(), 3 => of_files(), 1 => of_lists()]
}

/// What sets settings of programs and of the system.
fn of_settings() -> impl Strategy<Value = Value> {
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
    prop_oneof![
        set("sshd", "/etc/ssh/sshd_config", None, &["PermitRootLogin", "X11Forwarding"]),
        set("sysctl", "/etc/sysctl.conf", None, &["net.ipv4.ip_forward", "kernel.a"]),
        set("ini", "/etc/app.ini", Some("a"), &["key", "other"]),
        set("login-defs", "/etc/login.defs", None, &["UMASK", "PASS_MAX_DAYS"]),
        set("shell", "/etc/default/app", None, &["A", "C"]),
        set("json", "/etc/app.json", None, &["a.b", "c"]),
        set("key-value", "/etc/new.d/deep/file", None, &["minlen"]),
        set("systemd", "/etc/systemd/system/x.service.d/10-cleanbill.conf", Some("Service"), &["NoNewPrivileges"]),
        prop::sample::select(vec!["0", "1"])
            .prop_map(|value| json!({ "sysctl": { "key": "net.ipv4.ip_forward", "value": value } })),
        any::<bool>().prop_map(|blocked| json!({ "module": { "name": "cramfs", "blocked": blocked } })),
        Just(json!({ "mount": { "point": "/tmp", "add": ["nosuid", "nodev"] } })),
        Just(
            json!({ "mount": { "point": "/dev/shm", "add": ["noexec"], "line": "tmpfs /dev/shm tmpfs defaults 0 0" } })
        ),
        prop::sample::select(vec!["enable", "disable", "mask"])
            .prop_map(|what| json!({ "service": { "name": "x", "do": what } })),
        any::<bool>().prop_map(|keep| json!({ "firewall": { "ports": "tcp/22 udp/53", "keep": keep } })),
    ]
}

/// What changes files and folders as such.
fn of_files() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec!["two", "one", "a new line", "x\ny"]);
    let mode = prop::sample::select(vec!["0600", "0644", "4755", "0750"]);
    let user = prop::option::of(prop::sample::select(owners()));
    prop_oneof![
        (path(), texts, any::<bool>(), any::<bool>()).prop_map(|(path, text, absent, first)| {
            json!({ "line": { "path": path, "text": text, "absent": absent, "first": first } })
        }),
        (path(), mode.clone()).prop_map(|(path, mode)| json!({ "mode": { "path": path, "mode": mode } })),
        (path(), prop::sample::select(vec!["022", "077", "6007"]))
            .prop_map(|(path, mode)| json!({ "mode": { "path": path, "clear": mode } })),
        (path(), prop::sample::select(owners()), any::<bool>())
            .prop_map(|(path, user, below)| json!({ "owner": { "path": path, "user": user, "below": below } })),
        path().prop_map(|path| json!({ "remove_acl": { "path": path } })),
        path().prop_map(|path| json!({ "remove": { "path": path } })),
        path().prop_map(|path| json!({ "remove_capabilities": { "path": path } })),
        (path(), user.clone(), any::<bool>())
            .prop_map(|(path, user, only)| json!({ "close": { "path": path, "user": user, "only": only } })),
        path().prop_map(|path| json!({ "rename": { "path": path, "to": format!("{path}.off") } })),
        (prop::sample::select(vec!["/opt", "/etc/new.d", "/etc/new.d/deep", "/etc/ssh"]), mode, user)
            .prop_map(|(path, mode, user)| json!({ "folder": { "path": path, "mode": mode, "user": user } })),
        (path(), prop::sample::select(vec!["/etc/note", "/etc/app.json", "/etc/missing"]))
            .prop_map(|(path, to)| json!({ "link": { "path": path, "to": to } })),
    ]
}

/// What changes the lists of people and of what they may.
fn of_lists() -> impl Strategy<Value = Value> {
    let name = || prop::sample::select(vec!["root", "ann", "sudo", "users", "new"]);
    let who = || prop::option::of(prop::sample::select(vec!["ann", "bob"]));
    let lists = prop::sample::select(vec!["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"]);
    let rules = prop::sample::select(vec!["ann ALL=(ALL) NOPASSWD: ALL", "ann ALL=(ALL) ALL"]);
    prop_oneof![
        any::<bool>().prop_map(|locked| json!({ "account": { "name": "ann", "locked": locked, "max_days": 365 } })),
        (name(), who(), who(), any::<bool>(), any::<bool>()).prop_map(|(name, add, remove, no_password, make)| {
            json!({ "group": { "name": name, "add": add, "remove": remove, "no_password": no_password, "make": make } })
        }),
        (lists, name()).prop_map(|(path, name)| json!({ "remove_entry": { "path": path, "name": name } })),
        (rules, prop::sample::select(vec!["ask", "remove"]))
            .prop_map(|(rule, what)| json!({ "sudo_rule": { "path": "/etc/sudoers.d/x", "rule": rule, "do": what } })),
    ]
}

/// That a program may send and take raw packets, as the kernel keeps it.
const CAPABILITIES: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

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
            let _ = xattr::set(small.at(path), "security.capability", &CAPABILITIES);
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
            prop_assert!(on_an_image(&action), "{}", action.told());
            let made = view.made();
            if action.act().plan(&mut view).is_err() {
                view.forget(made);
                continue;
            }
            let changes = view.take();
            // A rule that is gone is not found any more.
            let again = action.act().plan(&mut view);
            prop_assert!(again.is_ok() || matches!(action, Action::SudoRule(_)), "{}: {again:?}", action.told());
            prop_assert_eq!(view.take(), vec![], "done once, {} has nothing to do", action.told());
            plan.fixes.push(fix(&format!("fix-{n}"), changes));
        }
        let journal = Journal::open(&Store::at(small.beside().join("store.duckdb"))).unwrap();
        let run = a_run(&small.root().to_string_lossy());
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

/// The kinds of actions that there are, as what reads them tells.
fn kinds() -> BTreeSet<String> {
    let error = serde_json::from_value::<Action>(json!({ "?": {} })).unwrap_err().to_string();
    let names = error.split_once("expected one of").unwrap_or_else(|| panic!("{error}")).1;
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_kind_that_an_image_can_have_is_drawn_and_changes_something() {
    // A list of rights would close those without one.
    let with_rights = |path: &str| path == NFT || path.starts_with("/etc/ssh");
    let whole: Vec<_> = FILES.iter().enumerate().map(|(n, (path, _))| (n, 0, 0o4777, with_rights(path))).collect();
    let small = build(&whole);
    let (tree, host) = (small.tree(), Host::image(&small.root()).unwrap());
    let rng = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let drawn = an_action();
    let mut found = BTreeSet::new();
    for _ in 0..3000 {
        let value = drawn.new_tree(&mut runner).unwrap().current();
        let kind = value.as_object().unwrap().keys().next().unwrap().clone();
        let action: Action = serde_json::from_value(value).unwrap();
        let mut view = View::new(&tree, &host);
        if action.act().plan(&mut view).is_ok() && !view.take().is_empty() {
            found.insert(kind);
        }
    }
    let mut left: BTreeSet<String> = kinds().difference(&found).cloned().collect();
    for (attribute, kind) in [("system.posix_acl_access", "remove_acl"), ("security.capability", "remove_capabilities")]
    {
        let there = xattr::get(small.at(NFT), attribute).is_ok_and(|value| value.is_some());
        if !can(there, &format!("{attribute} cannot be set here")) {
            left.remove(kind);
        }
    }
    let never = ["package", "command", "script"].map(str::to_owned);
    assert_eq!(left, never.into(), "these are never tried");
}

/// A fix that writes a file twice, at first as it is: the list of groups is such a one.
#[test]
fn what_was_written_as_it_is_keeps_its_time() {
    let small = build(&[(7, 0, 0o644, false)]);
    let before = small.seen();
    let (tree, host) = (small.tree(), Host::image(&small.root()).unwrap());
    let mut view = View::new(&tree, &host);
    let group = json!({ "group": { "name": "ann", "add": "ann", "remove": null, "no_password": false, "make": true } });
    let action: Action = serde_json::from_value(group).unwrap();
    action.act().plan(&mut view).unwrap();
    let plan = Plan { fixes: vec![fix("fix", view.take())] };
    let journal = Journal::open(&Store::at(small.beside().join("store.duckdb"))).unwrap();
    let run = a_run(&small.root().to_string_lossy());
    let job = Job { plan: &plan, tree: &tree, live: false, journal: &journal, run, arm: None };
    let mut done = apply(job, &mut |_| {}, |_| Proof::default()).unwrap();
    assert_ne!(small.seen(), before);
    undo(&journal, &tree, false, &mut done, None, false).unwrap();
    assert_eq!(small.seen(), before);
}
