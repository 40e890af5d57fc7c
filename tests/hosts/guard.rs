//! What could lock someone out takes itself back, whatever becomes of whoever began it.

use std::time::{Duration, Instant};

use super::host::Host;

const SETTINGS: &str = "/etc/ssh/sshd_config.d/00-mine.conf";

/// A host that root may enter with a password, which the fix forbids; someone else may too, or it would be refused.
fn host(kind: &str) -> (Host, String) {
    let host = Host::up(kind, "patched", None);
    let setup = format!(
        "useradd -m -s /bin/bash ann; echo 'ann:a long word of hers' | chpasswd; mkdir -p /etc/ssh/sshd_config.d; echo 'PermitRootLogin yes' > {SETTINGS}; \
         touch -d 2020-01-02T03:04:05.678 {SETTINGS}; chmod 640 {SETTINGS}; systemctl reload ssh 2>/dev/null || true"
    );
    host.exec(&["/bin/sh", "-c", &setup]);
    let before = state(&host);
    (host, before)
}

/// All settings of sshd with their rights and times, and what it would do.
fn state(host: &Host) -> String {
    let look = "cd /etc/ssh; stat -c '%n %a %u:%g %Y %s' sshd_config sshd_config.d/*; cat sshd_config.d/*; \
                sshd -T 2>/dev/null | grep -i permitrootlogin";
    host.exec(&["/bin/sh", "-c", look])
}

fn fix(host: &Host, window: &str) -> String {
    let (code, said) = host.run(&["cleanbill", "fix", "ssh-root-login", "--yes", "--window", window]);
    fixed(host, code, &said);
    said
}

/// Root is kept out, and that waits for someone to say that it is good.
fn fixed(host: &Host, code: i32, said: &str) {
    assert!(code == 0 && said.contains("cleanbill fix confirm"), "{code}: {said}");
    let now = state(host);
    assert!(
        now.contains("permitrootlogin without-password") || now.contains("permitrootlogin prohibit-password"),
        "{now}"
    );
}

fn wait_for(host: &Host, state_wanted: &str, limit: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if state(host) == state_wanted {
            return true;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    false
}

fn alive(host: &Host) {
    let (code, said) = host.run(&["/bin/systemctl", "is-active", "ssh"]);
    assert_eq!(code, 0, "{said}");
    let banner = "exec 3<>/dev/tcp/127.0.0.1/22 && head -c 4 <&3";
    assert!(host.exec(&["/usr/bin/timeout", "5", "/bin/bash", "-c", banner]).contains("SSH-"));
}

fn no_trace(host: &Host) {
    let units = host.exec(&["/bin/sh", "-c", "ls /etc/systemd/system /etc/systemd/system/*.wants | grep cleanbill"]);
    assert_eq!(units, "");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn what_nobody_confirms_takes_itself_back() {
    let (host, before) = host("guardoff");
    let said = fix(&host, "20");
    assert!(wait_for(&host, &before, Duration::from_secs(90)), "{said}\n{}\nwas\n{before}", state(&host));
    alive(&host);
    let history = host.exec(&["cleanbill", "history"]);
    assert!(history.contains("taken back"), "{history}");
    let (code, late) = host.run(&["cleanbill", "fix", "confirm"]);
    assert_eq!(code, 2, "{late}");
    no_trace(&host);
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn what_someone_confirms_stays_and_can_be_taken_back() {
    let (host, before) = host("guardon");
    fix(&host, "40");
    // Until then nothing is built on it.
    let (code, said) = host.run(&["cleanbill", "fix", "--all", "--yes"]);
    assert!(code == 3 && said.contains("Run 1 still waits to be confirmed"), "{code}: {said}");
    let kept = state(&host);
    assert_ne!(kept, before);
    let (code, said) = host.run(&["cleanbill", "fix", "confirm"]);
    assert_eq!(code, 0, "{said}");
    std::thread::sleep(Duration::from_secs(45));
    assert_eq!(state(&host), kept);
    alive(&host);
    no_trace(&host);
    let (code, said) = host.run(&["cleanbill", "undo", "--yes"]);
    assert_eq!((code, state(&host)), (0, before), "{said}");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn a_restart_in_between_changes_nothing_about_it() {
    let (host, before) = host("guardboot");
    fix(&host, "600");
    let wants = "/etc/systemd/system/multi-user.target.wants/cleanbill-undo-1-after-restart.service";
    // As after a restart: the timer is gone, the time is over, and what starts with the machine starts.
    host.exec(&["/bin/systemctl", "stop", "cleanbill-undo-1.timer"]);
    let (code, said) = host.run(&["/usr/bin/test", "-L", wants]);
    assert_eq!(code, 0, "{said}");
    host.exec(&["/bin/systemctl", "daemon-reload"]);
    host.exec(&["/bin/systemctl", "start", "--no-block", "cleanbill-undo-1-after-restart.service"]);
    std::thread::sleep(Duration::from_secs(2));
    let (_, still) = host.run(&["/bin/systemctl", "is-active", "cleanbill-undo-1-after-restart.service"]);
    assert_eq!(still.trim(), "active", "it waits as long as someone can confirm");
    let (code, said) = host.run(&["cleanbill", "fix", "confirm"]);
    assert_eq!(code, 0, "{said}");
    no_trace(&host);
    let (_, still) = host.run(&["/bin/systemctl", "is-active", "cleanbill-undo-1-after-restart.service"]);
    assert_eq!(still.trim(), "inactive", "nothing waits any more");
    assert_ne!(state(&host), before, "what is confirmed stays");
    let (code, said) = host.run(&["cleanbill", "undo", "--yes"]);
    assert_eq!((code, state(&host)), (0, before), "{said}");
}

#[test]
#[ignore = "needs root and throw-away hosts: make hosts"]
fn without_systemd_a_helper_of_our_own_waits() {
    let (host, before) = host("guardhelp");
    // What says that systemd runs is not seen, so it is done without.
    let script = "unshare --mount /bin/sh -c 'mount -t tmpfs none /run/systemd && \
                  cleanbill fix ssh-root-login --yes --window 20'";
    let (code, said) = host.run(&["/bin/sh", "-c", script]);
    fixed(&host, code, &said);
    no_trace(&host);
    let timers = host.exec(&["/bin/systemctl", "list-timers", "--all", "--no-legend", "cleanbill-*"]);
    assert_eq!(timers, "", "it is done without systemd");
    assert!(wait_for(&host, &before, Duration::from_secs(90)), "{said}\n{}\nwas\n{before}", state(&host));
    alive(&host);
    let history = host.exec(&["cleanbill", "history"]);
    assert!(history.contains("taken back"), "{history}");
}
