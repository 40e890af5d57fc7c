use std::{fs, path::Path};

use super::*;
use crate::probes::run_one;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mail");

fn read(files: &[(&str, &str)]) -> Facts {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("usr")).unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    for (path, text) in files {
        let path = dir.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix('<') {
            Some(name) => fs::write(path, fs::read(Path::new(FIXTURES).join(name)).unwrap()).unwrap(),
            None => fs::write(path, text).unwrap(),
        }
    }
    run_one(&PROBE, &Host::image(dir.path()).unwrap())
}

const POSTFIX: (&str, &str) = ("/usr/sbin/postfix", "");
const MASTER: (&str, &str) = ("/etc/postfix/master.cf", "<master.cf");

#[test]
fn a_fresh_debian_postfix_is_no_open_relay() {
    let facts = read(&[POSTFIX, ("/etc/postfix/main.cf", "<main.cf"), MASTER]);
    assert!(facts.gaps().is_empty());
    let row = &facts.rows("mail_server")[0];
    assert_eq!(
        (&row["reach"], &row["open_relay"], &row["serves_domains"]),
        (&"any".into(), &"no".into(), &"no".into())
    );
    assert_eq!((&row["encryption"], &row["listens"]), (&"may".into(), &"*:smtp".into()));
}

#[test]
fn networks_of_strangers_make_an_open_relay() {
    let main = "mynetworks = 127.0.0.0/8,\n# more\n  $others\nothers = 0.0.0.0/0\ninet_interfaces = loopback-only\n";
    let row = read(&[POSTFIX, ("/etc/postfix/main.cf", main), MASTER]).rows("mail_server").remove(0);
    assert_eq!((&row["open_relay"], &row["reach"]), (&"yes".into(), &"loopback".into()));
    let main = "smtpd_relay_restrictions = permit\nsmtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n";
    let row = read(&[POSTFIX, ("/etc/postfix/main.cf", main), MASTER]).rows("mail_server").remove(0);
    assert_eq!(row["open_relay"], "no");
}

#[test]
fn a_postfix_without_doors_cannot_be_reached() {
    let master = ("/etc/postfix/master.cf", "pickup unix n - y 60 1 pickup\n#smtp inet n - y - - smtpd\n");
    let row =
        read(&[POSTFIX, ("/etc/postfix/main.cf", "inet_interfaces = all\n"), master]).rows("mail_server").remove(0);
    assert_eq!(row["reach"], "none");
}

#[test]
fn debians_exim_takes_mail_of_this_machine() {
    let conf = "dc_eximconfig_configtype='local'\ndc_other_hostnames='box'\ndc_local_interfaces='127.0.0.1 ; ::1'\ndc_relay_nets=''\n";
    let row =
        read(&[("/usr/sbin/exim4", ""), ("/etc/exim4/update-exim4.conf.conf", conf)]).rows("mail_server").remove(0);
    assert_eq!((&row["reach"], &row["open_relay"]), (&"loopback".into(), &"no".into()));
    let conf = "dc_local_interfaces=''\ndc_relay_nets='0.0.0.0/0'\n";
    let row =
        read(&[("/usr/sbin/exim4", ""), ("/etc/exim4/update-exim4.conf.conf", conf)]).rows("mail_server").remove(0);
    assert_eq!((&row["reach"], &row["open_relay"]), (&"any".into(), &"yes".into()));
}

#[test]
fn passwords_in_settings_are_not_kept() {
    let main = "smtp_sasl_password_maps = static:user:hunter2\n";
    let facts = read(&[POSTFIX, ("/etc/postfix/main.cf", main), MASTER]);
    assert!(!format!("{:?}", facts.rows("postfix_settings")).contains("hunter2"));
}
