use super::*;
use crate::{
    facts::State,
    probes::{run_one, tests::tree},
};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/accounts/pam");

fn with(files: &[(&str, &str)]) -> Facts {
    run_one(&PROBE, &Host::image(tree(files).path()).unwrap())
}

fn list(facts: &Facts, table: &str, columns: &[&str]) -> Vec<String> {
    let show = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    facts.rows(table).iter().map(|r| columns.iter().map(|c| show(&r[*c])).collect::<Vec<_>>().join(" ")).collect()
}

fn policy(facts: &Facts) -> Vec<String> {
    list(facts, "password_policy", &["module", "setting", "value"])
}

#[test]
fn the_stack_of_debian_is_put_together_from_its_parts() {
    let facts = run_one(&PROBE, &Host::image(FIXTURE.as_ref()).unwrap());
    let sshd: Vec<_> =
        list(&facts, "pam", &["service", "pam_type", "control", "module", "arguments", "source", "line"])
            .into_iter()
            .filter(|r| r.starts_with("sshd auth") || r.starts_with("sshd password"))
            .collect();
    assert_eq!(
        sshd,
        [
            "sshd auth success=1 default=ignore pam_unix.so nullok /etc/pam.d/common-auth 17",
            "sshd auth requisite pam_deny.so  /etc/pam.d/common-auth 19",
            "sshd auth required pam_permit.so  /etc/pam.d/common-auth 23",
            "sshd password requisite pam_pwquality.so retry=3 /etc/pam.d/common-password 25",
            "sshd password success=1 default=ignore pam_unix.so obscure use_authtok try_first_pass yescrypt /etc/pam.d/common-password 26",
            "sshd password requisite pam_deny.so  /etc/pam.d/common-password 28",
            "sshd password required pam_permit.so  /etc/pam.d/common-password 32",
        ]
    );
    assert!(!list(&facts, "pam", &["service"]).iter().any(|s| s.starts_with("common-")), "a part is no service");
    let policy = policy(&facts);
    for line in ["pwquality minlen 8", "pwquality retry 3", "unix hash yescrypt", "unix nullok on", "all min_length 8"]
    {
        assert!(policy.contains(&line.to_owned()), "{line}: {policy:?}");
    }
    assert!(!policy.iter().any(|p| p.starts_with("faillock")), "a file of settings for a module that is not in use");
}

#[test]
fn files_arguments_and_credits_decide_about_the_length() {
    let passwd = "password requisite pam_pwquality.so minlen=12 dcredit=2 # ucredit=9\npassword sufficient pam_unix.so sha512 minlen=4\n";
    let facts = with(&[
        ("etc/pam.d/passwd", passwd),
        ("etc/security/pwquality.conf", "# minlen = 30\nminclass=3\n\tdcredit\t=  -1\n"),
        ("etc/security/pwquality.conf.d/10-x.conf", "minlen = 20\nminclass = 4\nenforce_for_root\n"),
        ("etc/security/pwquality.conf.d/20-x.disabled", "minlen = 40\n"),
    ]);
    let policy = policy(&facts);
    for line in [
        "pwquality minlen 12",
        "pwquality minclass 3",
        "pwquality enforce_for_root on",
        "unix hash sha512",
        "all min_length 10",
    ] {
        assert!(policy.contains(&line.to_owned()), "{line}: {policy:?}");
    }
}

#[test]
fn lines_of_one_kind_are_taken_from_an_include_and_modules_by_path_are_known() {
    let system = "auth required /usr/lib64/security/pam_faillock.so preauth\nauth sufficient pam_unix.so\nauth [default=die] pam_faillock.so authfail deny=5\naccount required pam_unix.so\n-session optional pam_systemd.so\n";
    let facts = with(&[
        (
            "etc/pam.d/sshd",
            "auth\tsubstack\tsystem-auth\naccount INCLUDE system-auth\nsession \\\n  include system-auth\n",
        ),
        ("usr/lib/pam.d/system-auth", system),
        ("usr/lib/pam.d/sshd", "auth required pam_permit.so\n"),
        ("etc/pam.d/sshd.dpkg-old", "auth required pam_permit.so\n"),
        ("etc/security/faillock.conf", "deny = 4\nunlock_time=0\n"),
    ]);
    assert_eq!(
        list(&facts, "pam", &["position", "pam_type", "module", "arguments"]),
        [
            "1 auth pam_faillock.so preauth",
            "2 auth pam_unix.so ",
            "3 auth pam_faillock.so authfail deny=5",
            "4 account pam_unix.so ",
            "5 session pam_systemd.so "
        ]
    );
    assert_eq!(policy(&facts), ["faillock deny 5", "faillock unlock_time 0", "faillock fail_interval 900"]);
}

#[test]
fn without_a_word_in_the_line_login_defs_decides_how_passwords_are_kept() {
    let line = ("etc/pam.d/passwd", "password required pam_unix.so\n");
    assert!(policy(&with(&[line])).contains(&"unix hash des".to_owned()));
    assert!(
        policy(&with(&[line, ("etc/login.defs", "ENCRYPT_METHOD SHA512\n")])).contains(&"unix hash sha512".to_owned())
    );
}

#[test]
fn the_last_umask_of_a_login_counts() {
    let effective = |files: &[(&str, &str)]| {
        let facts = with(files);
        let rows = list(&facts, "umask_settings", &["effective", "mask", "place", "source"]);
        rows.into_iter().filter_map(|r| r.strip_prefix("true ").map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(
        effective(&[("etc/pam.d/login", "auth required pam_unix.so\n"), ("etc/login.defs", "UMASK 077\n")]),
        ["0022 default systemd"]
    );
    let pam = ("etc/pam.d/login", "session optional pam_umask.so\n");
    assert_eq!(effective(&[pam, ("etc/login.defs", "UMASK 027\n")]), ["0027 pam /etc/login.defs"]);
    let own = ("etc/pam.d/login", "session optional pam_umask.so umask=0027\n");
    assert_eq!(effective(&[own, ("etc/profile", "#umask 077\n  umask\t002 # all\n")]), ["0002 profile /etc/profile"]);
    assert_eq!(
        effective(&[own, ("etc/profile.d/x.sh", "umask u=rwx,g=rx,o=\n"), ("etc/profile.d/y", "umask 0\n")]),
        ["0027 profile /etc/profile.d/x.sh"]
    );
}

#[test]
fn files_that_include_each_other_end() {
    let loops = "@include b\n@include b\nauth include b\n".repeat(20);
    let facts = with(&[
        ("etc/pam.d/a", "@include b\n"),
        ("etc/pam.d/b", &loops),
        ("etc/pam.d/passwd", "auth [x\n[]\n[ ] [ ]\n\\\n"),
    ]);
    assert!(matches!(facts.state("pam"), State::Read));
    assert!(matches!(with(&[]).state("pam"), State::Absent(_)));
    let facts = with(&[("etc/pam.d/a", &"auth required pam_deny.so\n".repeat(2001))]);
    assert_eq!(facts.rows("pam").len(), 2000);
    assert!(matches!(facts.state("pam"), State::Partial(_)));
}
