use std::collections::BTreeMap;

use super::*;
use crate::{
    facts::State,
    probes::{run_one, tests::tree},
};

const GRUB: &str = include_str!("../../../tests/fixtures/system/grub.cfg");

fn live(files: &[(&str, &str)]) -> Facts {
    let dir = tree(files);
    run_one(&PROBE, &Host::fake(dir.path(), jiff::Timestamp::UNIX_EPOCH, BTreeMap::new()).unwrap())
}

fn boot(facts: &Facts) -> serde_json::Map<String, serde_json::Value> {
    facts.rows("boot").remove(0)
}

#[test]
fn grub_tells_its_words_and_that_it_asks_no_password() {
    let facts = live(&[("boot/grub/grub.cfg", GRUB), ("proc/cmdline", "BOOT_IMAGE=/vmlinuz quiet mitigations=off\n")]);
    let row = boot(&facts);
    assert_eq!((row["loader"].as_str(), row["password"].as_bool()), (Some("grub"), Some(false)));
    assert_eq!(row["timeout"], 5);
    let configured = facts.rows("kernel_parameters");
    let configured: Vec<_> = configured.iter().filter(|r| r["stage"] == "configured").collect();
    let names: Vec<_> = configured.iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["root", "ro", "quiet"]);
    assert_eq!(configured[0]["value"], "UUID=0f1e2d3c-1111-2222-3333-444455556666");
    assert!(configured[0]["line"].is_i64());
}

#[test]
fn a_password_without_a_superuser_asks_nobody() {
    let secret = "password_pbkdf2 root grub.pbkdf2.sha512.10000.AA.BB\n";
    let row = boot(&live(&[("boot/grub/grub.cfg", secret)]));
    assert_eq!(row["password"], false);
    let with_user = format!("set superusers=\"root\"\n{secret}");
    assert_eq!(boot(&live(&[("boot/grub/grub.cfg", &with_user)]))["password"], true);
}

#[test]
fn an_editor_that_is_off_is_as_good_as_a_password() {
    let on = boot(&live(&[("boot/efi/loader/loader.conf", "timeout 3\n#editor no\n")]));
    assert_eq!((on["loader"].as_str(), on["password"].as_bool()), (Some("systemd-boot"), Some(false)));
    let off =
        boot(&live(&[("boot/loader/loader.conf", "editor no\n"), ("boot/loader/entries/a.conf", "options ro x=1\n")]));
    assert_eq!((off["password"].as_bool(), off["cmdline_configured"].as_str()), (Some(true), Some("ro x=1")));
}

#[test]
fn the_newest_kernel_is_newest_by_number() {
    let row = boot(&live(&[("boot/vmlinuz-6.1.0-9-amd64", ""), ("boot/vmlinuz-6.1.0-10-amd64", "")]));
    assert_eq!(row["newest_kernel"], "6.1.0-10-amd64");
}

#[test]
fn words_keep_quotes_together_and_end_where_the_first_process_begins() {
    let words = cmdline::words("a b=\"c d\" e= -- f");
    let words: Vec<_> = words.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
    assert_eq!(words, [("a", None), ("b", Some("c d")), ("e", Some(""))]);
}

#[test]
fn taint_has_letters() {
    assert_eq!(taint(0), "");
    assert_eq!(taint(1 | 1 << 12 | 1 << 13), "P O E");
    assert_eq!(taint(u64::MAX).len(), 37);
}

#[test]
fn a_rescue_mode_that_asks_nothing_is_found() {
    let unit =
        ("usr/lib/systemd/system/rescue.service", "[Service]\nExecStart=-/lib/systemd/systemd-sulogin-shell rescue\n");
    assert_eq!(boot(&live(&[unit]))["rescue_shell"], "password");
    let drop_in = ("etc/systemd/system/rescue.service.d/open.conf", "[Service]\nEnvironment=SYSTEMD_SULOGIN_FORCE=1\n");
    let row = boot(&live(&[unit, drop_in]));
    assert_eq!(row["rescue_shell"], "nothing");
    assert_eq!(row["rescue_source"], "/etc/systemd/system/rescue.service.d/open.conf");
}

#[test]
fn an_image_without_a_loader_is_read_whole() {
    let dir = tree(&[("x", "")]);
    let facts = run_one(&PROBE, &Host::image(dir.path()).unwrap());
    assert_eq!(facts.state("boot"), State::Read);
    assert_eq!(boot(&facts)["loader"], "none");
    assert!(boot(&facts)["cmdline"].is_null());
}
