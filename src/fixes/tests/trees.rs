//! Links, second names, swapped folders, attributes: what must not lead a change astray.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::{
    super::tree::{Content, State, Time, TreeError},
    Disk, Small, mine,
};
use crate::testing::{can, is_root};

fn give(small: &Small, path: &str, uid: u32) {
    std::os::unix::fs::lchown(small.at(path), Some(uid), Some(uid)).unwrap();
}

#[test]
fn a_file_is_replaced_whole_and_comes_back_to_the_nanosecond() {
    let small = Small::new();
    small.file("/etc/a", "old\n", 0o640);
    let (tree, before) = (small.tree(), small.seen());
    let old = tree.read("/etc/a").unwrap().unwrap();
    let new =
        State { content: Content::File(b"new\n".to_vec()), mode: 0o600, modified: Time::default(), ..old.clone() };
    tree.put("/etc/a", Some(&old), Some(&new)).unwrap();
    assert_eq!(small.text("/etc/a"), "new\n");
    assert_eq!(small.at("/etc/a").metadata().unwrap().mode() & 0o7777, 0o600);
    tree.take_back("/etc/a", Some(&old), Some(&new), false).unwrap();
    assert_eq!(small.seen(), before);
    // What is back already is not touched again.
    tree.take_back("/etc/a", Some(&old), Some(&new), false).unwrap();
    assert_eq!(small.seen(), before);
}

#[test]
fn files_folders_and_links_come_and_go() {
    let small = Small::new();
    let (tree, before) = (small.tree(), small.seen());
    let me = mine("", 0o644);
    let folder = State { content: Content::Directory, mode: 0o750, ..me.clone() };
    let link = State { content: Content::Link(b"/nowhere".to_vec()), mode: 0o777, ..me.clone() };
    for (path, state) in [("/etc/f", &me), ("/etc/d", &folder), ("/etc/d/l", &link)] {
        tree.put(path, None, Some(state)).unwrap();
        assert!(tree.read(path).unwrap().unwrap().same(state), "{path}");
        assert_eq!(tree.put(path, None, Some(state)), Err(TreeError::Changed(path.to_owned())), "it is there already");
    }
    assert_eq!(tree.put("/etc/d", Some(&folder), None), Err(TreeError::NotEmpty("/etc/d".to_owned())));
    for (path, state) in [("/etc/d/l", &link), ("/etc/d", &folder), ("/etc/f", &me)] {
        tree.put(path, Some(state), None).unwrap();
    }
    assert_eq!(small.seen(), before);
}

#[test]
fn a_link_comes_back_with_its_time() {
    let small = Small::new();
    symlink("/target", small.at("/etc/l")).unwrap();
    let (tree, before) = (small.tree(), small.seen());
    let old = tree.read("/etc/l").unwrap().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    tree.put("/etc/l", Some(&old), None).unwrap();
    tree.put("/etc/l", None, Some(&old)).unwrap();
    assert_eq!(small.seen(), before);
}

#[test]
fn what_was_written_in_1970_is_so_again() {
    let small = Small::new();
    small.file("/etc/a", "a", 0o644);
    std::fs::File::open(small.at("/etc/a")).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let (tree, before) = (small.tree(), small.seen());
    let old = tree.read("/etc/a").unwrap();
    let new = mine("b", 0o644);
    tree.put("/etc/a", old.as_ref(), Some(&new)).unwrap();
    tree.put("/etc/a", Some(&new), old.as_ref()).unwrap();
    assert_eq!(small.seen(), before);
}

#[test]
fn a_file_that_is_another_by_now_is_left_alone() {
    let small = Small::new();
    small.file("/etc/a", "old\n", 0o644);
    let tree = small.tree();
    let old = tree.read("/etc/a").unwrap().unwrap();
    let new = mine("new\n", 0o644);
    small.file("/etc/a", "newer\n", 0o644);
    let changed = Err(TreeError::Changed("/etc/a".to_owned()));
    assert_eq!(tree.put("/etc/a", Some(&old), Some(&new)), changed);
    assert_eq!(tree.put("/etc/a", Some(&old), None), changed);
    let rights = State { mode: 0o600, ..old.clone() };
    assert_eq!(tree.put("/etc/a", Some(&old), Some(&rights)), changed);
    assert_eq!(tree.take_back("/etc/a", Some(&old), Some(&new), true), changed);
    assert_eq!(small.text("/etc/a"), "newer\n");
    assert!(small.leftovers().is_empty());
}

#[test]
fn no_link_leads_out_of_the_root() {
    let small = Small::new();
    std::fs::write(small.beside().join("outside"), "mine").unwrap();
    let outside = small.beside().canonicalize().unwrap();
    symlink(&outside, small.at("/etc/absolute")).unwrap();
    symlink("../../../../../../../../..", small.at("/etc/up")).unwrap();
    let tree = small.tree();
    let inside = format!("/etc/absolute{}", "/outside");
    assert_eq!(tree.read(&inside).unwrap(), None, "it is looked for beneath the root");
    // Above the root is the root.
    assert!(tree.read("/etc/up/etc").unwrap().is_some());
    assert_eq!(tree.follow("/etc/up"), Err(TreeError::Path("/".to_owned())));
    for bad in ["/etc/../x", "etc/a", "/etc//a", "/", "", "/etc/./a", "/etc/a\0b"] {
        assert_eq!(tree.read(bad), Err(TreeError::Path(bad.to_owned())), "{bad}");
    }
}

#[test]
fn links_of_the_owner_are_followed_on_the_way_and_never_at_the_end() {
    let small = Small::new();
    small.file("/usr/lib/conf/a", "a", 0o644);
    symlink("/usr/lib/conf", small.at("/etc/conf")).unwrap();
    symlink("a", small.at("/usr/lib/conf/b")).unwrap();
    let tree = small.tree();
    let a = tree.read("/etc/conf/a").unwrap().unwrap();
    assert_eq!(a.text(), Some("a"));
    assert!(matches!(tree.read("/etc/conf/b").unwrap().unwrap().content, Content::Link(_)));
    assert_eq!(tree.follow("/etc/conf/a").unwrap(), "/etc/conf/a");
    assert_eq!(tree.follow("/etc/conf/b").unwrap(), "/usr/lib/conf/a");
    // Up from where the folder really is.
    symlink("../c", small.at("/usr/lib/conf/up")).unwrap();
    assert_eq!(tree.follow("/etc/conf/up").unwrap(), "/usr/lib/c");
    symlink("loop", small.at("/etc/loop")).unwrap();
    assert!(matches!(tree.follow("/etc/loop"), Err(TreeError::Link(_))));
    assert!(matches!(tree.read("/etc/loop/x"), Err(TreeError::Link(_))));
}

#[test]
fn links_that_others_can_turn_are_not_followed() {
    if !is_root() {
        return;
    }
    let small = Small::new();
    small.file("/etc/shadow", "secret", 0o640);
    small.folder("/home/eve");
    give(&small, "/home/eve", 4242);
    symlink("/etc", small.at("/home/eve/dir")).unwrap();
    symlink("/etc/shadow", small.at("/home/eve/file")).unwrap();
    let tree = small.tree();
    // Even where root made them: their folder is hers.
    assert!(matches!(tree.read("/home/eve/dir/shadow"), Err(TreeError::Link(_))));
    assert!(matches!(tree.follow("/home/eve/file"), Err(TreeError::Link(_))));
    give(&small, "/home/eve/dir", 4242);
    assert!(matches!(tree.read("/home/eve/dir/shadow"), Err(TreeError::Link(_))));
    // In a folder for all with the sticky bit root's own link is good, another's is not.
    small.folder("/tmp");
    std::fs::set_permissions(small.at("/tmp"), std::fs::Permissions::from_mode(0o1777)).unwrap();
    symlink("/etc", small.at("/tmp/mine")).unwrap();
    symlink("/etc", small.at("/tmp/hers")).unwrap();
    give(&small, "/tmp/hers", 4242);
    assert!(tree.read("/tmp/mine/shadow").unwrap().is_some());
    assert!(matches!(tree.read("/tmp/hers/shadow"), Err(TreeError::Link(_))));
}

#[test]
fn the_rights_of_a_file_with_a_second_name_stay_in_the_folder_of_another() {
    if !is_root() {
        return;
    }
    let small = Small::new();
    small.file("/etc/shadow", "secret", 0o640);
    small.folder("/home/eve");
    give(&small, "/home/eve", 4242);
    std::fs::hard_link(small.at("/etc/shadow"), small.at("/home/eve/keys")).unwrap();
    let tree = small.tree();
    let old = tree.rights("/home/eve/keys").unwrap().unwrap();
    let open = State { uid: 4242, mode: 0o644, ..old.clone() };
    let refused = tree.put("/home/eve/keys", Some(&old), Some(&open));
    assert_eq!(refused, Err(TreeError::SecondName("/home/eve/keys".to_owned())));
    // Another content makes a file of its own; the second name keeps the old one.
    let old = tree.read("/home/eve/keys").unwrap().unwrap();
    let new = State { content: Content::File(b"hers".to_vec()), uid: 4242, ..old.clone() };
    tree.put("/home/eve/keys", Some(&old), Some(&new)).unwrap();
    assert_eq!(small.text("/etc/shadow"), "secret");
    assert_eq!(small.at("/etc/shadow").metadata().unwrap().uid(), 0);
}

#[test]
fn a_folder_that_is_swapped_while_it_is_changed_does_no_harm() {
    if !is_root() {
        return;
    }
    let small = Small::new();
    // What root has there looks like hers, so nothing but the way to it keeps it from being changed.
    small.file("/etc/a", "hers", 0o644);
    small.file("/home/eve/conf/a", "hers", 0o644);
    give(&small, "/home/eve", 4242);
    let (tree, before) = (small.tree(), small.seen()["/etc/a"].clone());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (mut through, swapped) = (0, std::sync::atomic::AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (conf, aside) = (small.at("/home/eve/conf"), small.at("/home/eve/aside"));
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                std::fs::rename(&conf, &aside).unwrap();
                symlink("/etc", &conf).unwrap();
                std::fs::remove_file(&conf).unwrap();
                std::fs::rename(&aside, &conf).unwrap();
                swapped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        });
        let (mut now, mut next) = (mine("hers", 0o644), mine("written by root", 0o600));
        for _ in 0..4000 {
            // Where it goes through, it is beneath her own folder; else it fails.
            if tree.put("/home/eve/conf/a", Some(&now), Some(&next)).is_ok() {
                through += 1;
                std::mem::swap(&mut now, &mut next);
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(small.seen()["/etc/a"], before);
    assert!(through > 0 && swapped.into_inner() > 0, "{through}");
}

#[test]
fn who_writes_at_the_same_moment_loses_nothing() {
    let small = Small::new();
    small.file("/etc/a", "0", 0o644);
    let tree = small.tree();
    let (mut tried, mut through, mut written) = (0, 0, 0_u64);
    while tried < 1500 {
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for _ in 0..20 {
                    written += 1;
                    std::fs::write(small.at("/etc/new"), written.to_string()).unwrap();
                    std::fs::rename(small.at("/etc/new"), small.at("/etc/a")).unwrap();
                    std::thread::sleep(std::time::Duration::from_micros(30));
                }
            });
            let mut once_more = true;
            while once_more {
                once_more = !writer.is_finished();
                let Ok(Some(now)) = tree.read("/etc/a") else { continue };
                let ours = State { content: Content::File(b"ours".to_vec()), ..now.clone() };
                tried += 1;
                if tree.put("/etc/a", Some(&now), Some(&ours)).is_ok() {
                    through += 1;
                    // It fails only where something newer is there, which stays.
                    let _ = tree.put("/etc/a", Some(&ours), Some(&now));
                }
            }
        });
        assert_eq!(small.text("/etc/a"), written.to_string(), "what was written last is there");
    }
    assert!(through > 0 && small.leftovers().is_empty(), "{through} {:?}", small.leftovers());
}

#[test]
fn rights_alone_change_the_file_that_is_there_however_it_grows() {
    let small = Small::new();
    small.file("/var/log/x", "line\n", 0o644);
    let tree = small.tree();
    let number = || small.at("/var/log/x").metadata().unwrap().ino();
    let inode = number();
    let old = tree.rights("/var/log/x").unwrap().unwrap();
    let new = State { mode: 0o600, ..old.clone() };
    let mut log = std::fs::OpenOptions::new().append(true).open(small.at("/var/log/x")).unwrap();
    std::io::Write::write_all(&mut log, b"more\n").unwrap();
    tree.put("/var/log/x", Some(&old), Some(&new)).unwrap();
    assert_eq!((number(), small.text("/var/log/x").as_str()), (inode, "line\nmore\n"));
    // Between plan and change another file in its place is another; long afterwards it is the same log, rotated.
    small.file("/var/log/y", "rotated\n", 0o600);
    std::fs::rename(small.at("/var/log/y"), small.at("/var/log/x")).unwrap();
    assert_eq!(tree.put("/var/log/x", Some(&new), Some(&old)), Err(TreeError::Changed("/var/log/x".to_owned())));
    tree.take_back("/var/log/x", Some(&old), Some(&new), false).unwrap();
    assert_eq!(small.at("/var/log/x").metadata().unwrap().mode() & 0o7777, 0o644);
    assert_eq!(small.text("/var/log/x"), "rotated\n");
}

#[test]
fn sockets_and_pipes_get_rights_and_are_never_opened() {
    let small = Small::new();
    let pipe = small.at("/etc/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o666), 0)
        .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(small.at("/etc/socket")).unwrap();
    let tree = small.tree();
    for path in ["/etc/pipe", "/etc/socket"] {
        let old = tree.read(path).unwrap().unwrap();
        let new = State { mode: 0o600, ..old.clone() };
        tree.put(path, Some(&old), Some(&new)).unwrap();
        assert_eq!(small.at(path).metadata().unwrap().mode() & 0o7777, 0o600);
        let kind = Err(TreeError::Kind(path.to_owned()));
        assert_eq!(tree.put(path, Some(&new), Some(&mine("a file", 0o600))), kind);
        assert_eq!(tree.put(path, Some(&new), None), kind);
    }
}

#[test]
fn attributes_and_special_rights_go_along() {
    let small = Small::new();
    small.file("/etc/a", "a", 0o4755);
    if !can(xattr::set(small.at("/etc/a"), "user.note", b"kept").is_ok(), "no attributes on this disk") {
        return;
    }
    let (tree, before) = (small.tree(), small.seen());
    let old = tree.read("/etc/a").unwrap().unwrap();
    let new = State { content: Content::File(b"b".to_vec()), modified: Time::default(), ..old.clone() };
    tree.put("/etc/a", Some(&old), Some(&new)).unwrap();
    assert_eq!(xattr::get(small.at("/etc/a"), "user.note").unwrap().unwrap(), b"kept");
    assert_eq!(small.at("/etc/a").metadata().unwrap().mode() & 0o7777, 0o4755);
    tree.put("/etc/a", Some(&new), Some(&old)).unwrap();
    assert_eq!(small.seen(), before);
    if is_root() {
        // A new owner takes the special rights away; they are there again afterwards.
        let old = tree.rights("/etc/a").unwrap().unwrap();
        let other = State { uid: 4_000_000_000, gid: 12, ..old.clone() };
        tree.put("/etc/a", Some(&old), Some(&other)).unwrap();
        let meta = small.at("/etc/a").metadata().unwrap();
        assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (4_000_000_000, 12, 0o4755));
        tree.take_back("/etc/a", Some(&old), Some(&other), false).unwrap();
        assert_eq!(small.seen(), before);
    }
}

/// Access rules: the owner, one person, the group, the most that rules may give, others.
pub(super) fn rules(person: u8, most: u8) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, may, id) in
        [(1_u16, 6_u8, u32::MAX), (2, person, 4242), (4, 4, u32::MAX), (16, most, u32::MAX), (32, 4, u32::MAX)]
    {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(u16::from(may).to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

#[test]
fn access_rules_and_rights_are_kept_in_step() {
    let small = Small::new();
    small.file("/etc/a", "a", 0o644);
    if !can(
        xattr::set(small.at("/etc/a"), "system.posix_acl_access", &rules(6, 6)).is_ok(),
        "no access rules on this disk",
    ) {
        return;
    }
    let (tree, before) = (small.tree(), small.seen());
    let old = tree.rights("/etc/a").unwrap().unwrap();
    assert_eq!(old.mode, 0o664);
    // Fewer rights lessen the most that rules may give.
    let new = State { mode: 0o600, ..old.clone() }.agreed();
    tree.put("/etc/a", Some(&old), Some(&new)).unwrap();
    assert!(tree.rights("/etc/a").unwrap().unwrap().same(&new));
    tree.take_back("/etc/a", Some(&old), Some(&new), false).unwrap();
    assert_eq!(small.seen(), before);
    let none = State { mode: 0o604, xattrs: Default::default(), ..old.clone() };
    tree.put("/etc/a", Some(&old), Some(&none)).unwrap();
    assert_eq!(xattr::list(small.at("/etc/a")).unwrap().count(), 0);
    tree.take_back("/etc/a", Some(&old), Some(&none), false).unwrap();
    assert_eq!(small.seen(), before);
}

#[test]
fn rights_that_were_cut_off_half_way_are_taken_back() {
    if !is_root() {
        return;
    }
    let small = Small::new();
    small.file("/etc/a", "a", 0o4755);
    let (tree, before) = (small.tree(), small.seen());
    let old = tree.rights("/etc/a").unwrap().unwrap();
    let new = State { uid: 12, gid: 12, mode: 0o600, ..old.clone() };
    // The owner is the new one already, which took the special rights; the rights are not.
    std::os::unix::fs::chown(small.at("/etc/a"), Some(12), Some(12)).unwrap();
    let changed = Err(TreeError::Changed("/etc/a".to_owned()));
    assert_eq!(tree.take_back("/etc/a", Some(&old), Some(&new), false), changed, "someone may have wanted this");
    tree.take_back("/etc/a", Some(&old), Some(&new), true).unwrap();
    assert_eq!(small.seen(), before);
}

#[test]
fn what_was_left_beside_a_file_goes_and_what_nobody_knows_is_kept() {
    let small = Small::new();
    small.file("/etc/a", "a", 0o644);
    small.file("/etc/.cleanbill-0000000000000001", "half of wh", 0o600);
    small.file("/etc/.cleanbill-0000000000000002", "a person's work", 0o600);
    small.folder("/etc/.cleanbill-0000000000000003");
    small.file("/etc/other", "x", 0o600);
    let known =
        |content: &Content| matches!(content, Content::File(bytes) if b"half of what was written".starts_with(bytes));
    let mut kept = Vec::new();
    small.tree().sweep("/etc/a", &known, &mut |state| {
        kept.push(state.text().unwrap().to_owned());
        true
    });
    assert_eq!(kept, ["a person's work"]);
    assert!(small.leftovers().is_empty() && small.at("/etc/other").exists());
}

#[test]
fn what_cannot_be_written_says_why() {
    let small = Small::new();
    let Some(disk) = Disk::on(small.at("/mnt"), "64k") else { return };
    small.file("/mnt/a", "a", 0o644);
    let (tree, before) = (small.tree(), small.seen());
    let old = tree.read("/mnt/a").unwrap().unwrap();
    let big = State { content: Content::File(vec![b'x'; 200 << 10]), ..old.clone() };
    assert_eq!(tree.put("/mnt/a", Some(&old), Some(&big)), Err(TreeError::Full("/mnt/a".to_owned())));
    assert_eq!(small.seen(), before);
    let new = mine("b", 0o600);
    tree.put("/mnt/a", Some(&old), Some(&new)).unwrap();
    let after = small.seen();
    disk.shut();
    let read_only = || Err(TreeError::ReadOnly("/mnt/a".to_owned()));
    assert_eq!(tree.put("/mnt/a", Some(&new), Some(&mine("c", 0o644))), read_only());
    assert_eq!(tree.put("/mnt/a", Some(&new), Some(&State { mode: 0o644, ..new.clone() })), read_only());
    for cut_off in [false, true] {
        assert_eq!(tree.take_back("/mnt/a", Some(&old), Some(&new), cut_off), read_only());
    }
    assert_eq!(tree.put("/mnt/a", Some(&new), None), read_only());
    assert_eq!(small.seen(), after);
    let folder = tree.read("/mnt").unwrap();
    assert_eq!(tree.put("/mnt", folder.as_ref(), None), Err(TreeError::Mounted("/mnt".to_owned())));
}
