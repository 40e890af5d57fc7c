use super::*;
use crate::probes::run_one;

fn facts(info: Option<&str>, fstab: &str) -> Facts {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["etc", "usr", "proc/self"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("etc/fstab"), fstab).unwrap();
    std::fs::write(dir.path().join("proc/swaps"), "Filename Type Size Used Priority\n/dev/sda3 partition 8 0 -2\n")
        .unwrap();
    let host = match info {
        Some(info) => {
            std::fs::write(dir.path().join("proc/self/mountinfo"), info).unwrap();
            Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, Default::default()).unwrap()
        }
        None => Host::image(dir.path()).unwrap(),
    };
    run_one(&PROBE, &host)
}

const INFO: &str = "25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n\
                    30 25 0:30 / /tmp rw,nosuid - tmpfs tmpfs rw,size=1024k\n\
                    31 25 0:31 / /mnt/a\\040b ro - cifs //nas/share rw,username=x,password=hunter2\n";

#[test]
fn each_line_of_fstab_is_compared_with_what_is_mounted() {
    let fstab = "# a comment\n\
                 UUID=1 / ext4 errors=remount-ro 0 1\n\
                 /dev/sda3 none swap sw 0 0\n\
                 tmpfs /tmp tmpfs nosuid,nodev,noexec 0 0\n\
                 //me:hunter2@nas/share /mnt/a\\040b cifs password=hunter2,ro 0 0\n\
                 /dev/sdb1 /srv ext4 nofail,noauto 0 0\n";
    let facts = facts(Some(INFO), fstab);
    let rows = facts.rows("fstab");
    let mounted: Vec<_> = rows.iter().map(|r| (r["line"].as_i64().unwrap(), r["mounted"].as_bool())).collect();
    assert_eq!(mounted, [(2, Some(true)), (3, Some(true)), (4, Some(true)), (5, Some(true)), (6, Some(false))]);
    assert_eq!(rows[2]["missing_options"], "nodev,noexec");
    assert_eq!(rows[3]["has_password"], true);
    assert_eq!(rows[3]["path"], "/mnt/a b");
    assert_eq!((&rows[4]["auto"], &rows[4]["nofail"]), (&false.into(), &true.into()));
    assert_eq!(facts.rows("mounts")[2]["read_only"], true);
    for table in ["fstab", "mounts", "disk_space"] {
        assert!(!format!("{:?}", facts.rows(table)).contains("hunter2"), "{table}");
    }
}

#[test]
fn in_an_image_nothing_is_known_to_be_mounted() {
    let facts = facts(None, "/dev/sda1 / ext4 defaults 0 1\n");
    assert!(facts.rows("fstab")[0]["mounted"].is_null());
    assert!(matches!(facts.state("disk_space"), crate::facts::State::Absent(_)));
}

#[test]
fn junk_is_no_mount() {
    assert_eq!(parse_mount("1 2 3"), None);
    assert_eq!(parse_mount(" - "), None);
    assert_eq!(unescape("a\\04"), "a\\04");
    assert_eq!(unescape("a\\377\\040\\\\"), "a\u{fffd} \\\\");
    let rows = facts(Some(INFO), "\u{1b}[31m\nx\nx y\n\t\t\n").rows("fstab");
    assert!(rows.is_empty());
}

#[test]
fn what_a_containers_host_lends_it_is_no_disk() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["etc", "srv", "proc/self", "run/host/incoming"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("etc/hosts"), "").unwrap();
    let info = "30 25 8:1 /docker/x/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n31 25 8:2 / /srv rw - ext4 /dev/sda2 rw\n\
        32 25 8:3 /x /run/host/incoming rw - ext4 /dev/sda3 rw\n";
    std::fs::write(dir.path().join("proc/self/mountinfo"), info).unwrap();
    let host = Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, Default::default()).unwrap();
    let rows = run_one(&PROBE, &host).rows("disk_space");
    let paths: Vec<_> = rows.iter().map(|r| r["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/srv"]);
}

#[test]
fn what_another_has_to_answer_for_may_hang_and_so_may_what_lies_beneath() {
    let lines = "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n26 25 0:41 / /mnt/nas rw - nfs4 nas:/ rw\n\
        27 26 8:2 / /mnt/nas/disk rw - ext4 /dev/sdb1 rw\n28 25 8:3 / /mnt/nasty rw - xfs /dev/sdc1 rw\n\
        29 25 8:4 / /media/stick rw - fuseblk /dev/sdd1 rw\n";
    let mounts: Vec<_> = lines.lines().filter_map(parse_mount).collect();
    let hanging = mounts.iter().filter(|m| space::may_hang(m, &mounts)).map(|m| m.path.as_str());
    assert_eq!(hanging.collect::<Vec<_>>(), ["/mnt/nas", "/mnt/nas/disk", "/media/stick"]);
    let root = parse_mount("25 1 0:50 / / rw - nfs4 server:/ rw").unwrap();
    assert!(space::may_hang(&mounts[0], &[root]));
}
