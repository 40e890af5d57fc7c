use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{load::parse, *};

/// All mistakes of a text, as they are told.
fn told(text: &str) -> String {
    match parse(text) {
        Ok(_) => "right\n".to_owned(),
        Err(mistakes) => mistakes.iter().map(|m| format!("{m}\n")).collect(),
    }
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
    assert_eq!(parse("[mail]\n[alerts]\n").unwrap(), Config::default());
}

#[test]
fn a_whole_file_is_read() {
    let config = parse(
        r#"
        [machine]
        purpose = "the web shop"
        [mail]
        to = ["owner@example.org"]
        server = "smtp.example.org"
        user = "web01"
        password_file = "/etc/cleanbill/mail-password"
        [autofix]
        enabled = true
        groups = ["updates"]
        windows = ["sat 02:00-05:00"]
        [checks.very-old-password]
        days = 3650
        [schedule.monday-mail]
        when = "every monday 7:00"
        do = "email"
        for = "technician"
        jitter = "15m"
        [schedule]
        hello = { when = "@daily", do = "run", command = "true" }
        "#,
    );
    let config = config.unwrap();
    let job = &config.schedule["monday-mail"];
    assert_eq!((job.task, job.pdf, job.jitter.duration().as_secs()), (Task::Email, true, 900));
    assert_eq!(config.schedule["hello"].limit, Length::seconds(3600));
    assert!(config.autofix.enabled && config.alerts.enabled);
}

#[test]
fn mistakes_are_told_with_their_line_and_what_would_be_right() {
    let wrong = [
        "[mial]\nto = []",
        "[mail]\nsever = 'x'",
        "[mail]\nserver = 'x'\n\npassword = 'secret'",
        "[mail]\nkeep = 3",
        "frobnicate = 1",
        "[mail]\nport = 'x'",
        "[mail]\nport = 70000",
        "[mail]\nsecurity = 'startls'",
        "[mail]\nsecurity = 'none'\nserver = 'smtp.example.org'\nuser = 'a'\npassword_env = 'P'",
        "[mail]\nuser = 'a'\nserver = 'x'",
        "[mail]\nserver = 'x'\nuser = 'a'\npassword_env = 'P'\npassword_file = '/p'",
        "[mail]\nport = 25",
        "[mail]\nserver = 'smtp example'",
        "[alerts]\nagain_after = 'soon'",
        "[alerts]\nenabled = 'yes'",
        "mail = 3",
        "[backup]\nkeep = 0",
        "[metrics]\nevery = '1ms'\nbatch = '1d'",
        "[metrics]\nevery = '1h'\nkeep_samples = '1h'",
        "[metrics]\nkeep_samples = '60d'\nkeep_hours = '1d'",
        "[metrics]\nonly = ['cpu', 'memry']",
        "[metrics]\nprometheus = '/var/lib/x'",
        "[metrics]\nprometheus = 'localhost'",
        "[autofix]\nchecks = ['ssh-root-logn']",
        "[autofix]\ngroups = ['updatez']",
        "[autofix]\nwindows = ['caturday 2:00-3:00']",
        "[checks.very-old-pasword]\ndays = 1",
        "[checks.very-old-password]\nday = 1",
        "[checks.very-old-password]\ndays = 'many'",
        "[schedule.Monday]\nwhen = 'every monday 7:00'\ndo = 'email'",
        "[schedule.a]\nwhen = 'every monday 7:00'",
        "[schedule.a]\nwhen = 'every monday 7:00'\ndo = 'emial'",
        "[schedule.a]\nwhen = 'every monday 7:00'\ndo = 'run'",
        "[schedule.a]\nwhen = 'every monday 7:00'\ndo = 'audit'\nto = ['a@example.org']\ncomand = 'x'",
        "[schedule.a]\nwhen = 'every monday 7:00'\ndo = 'audit'\nto = ['a@example.org']",
        "[schedule.a]\nwhen = 'every monday 7:00'\ndo = 'report'\nlimit = '0'",
        "[schedule.a]\nwhen = 'every monday 7:00'\ndo = 'report'\nhistories = '/srv'\nformats = ['html', 'sarif']",
        "[mail\nto = []",
        "[mail]\nto = [\n'a',\n",
        "[mail]\nto = 'a'\nto = 'b'",
        "[mail]\nto = ['\u{1b}[31m']\nsev\u{e9}r = 1",
    ];
    let mut all = String::new();
    for text in wrong {
        let said = told(text);
        assert_ne!(said, "right\n", "{text}");
        all.push_str(&format!(
            "{}\n  → {}\n",
            text.replace('\n', "\n  ").replace('\u{1b}', "ESC"),
            said.trim_end().replace('\n', "\n    ")
        ));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_should_answer_must_be_something_that_can_be_asked() {
    let target = |rest: &str| format!("[metrics.targets.shop]\nurl = 'https://shop.example.org/'\n{rest}");
    let right = ["every = '30s'\ntimeout = '5m'\nstatus = 401\nca_file = '/etc/own.pem'", ""];
    right.iter().for_each(|rest| assert_eq!(told(&target(rest)), "right\n"));
    let wrong = [
        "[metrics.targets.shop]\nevery = '1m'".to_owned(),
        "[metrics.targets.shop]\nurl = 'shop.example.org'".to_owned(),
        "[metrics.targets.shop]\n\nurl = 'https://me:secret@shop.example.org/'".to_owned(),
        "[metrics.targets.db]\nurl = 'tcp://db.example.org'".to_owned(),
        "[metrics.targets.names]\nurl = 'dns://192.0.2.53/example.org/ANY'".to_owned(),
        "[metrics.targets.'My Shop']\nurl = 'https://shop.example.org/'".to_owned(),
        "[metrics.targets.db]\nurl = 'tcp://db.example.org:5432'\nstatus = 200\nca_file = '/x'".to_owned(),
        target("status = 70"),
        target("every = '0'"),
        target("timeout = '0'"),
        target("timeout = '1h'"),
        target("follow = true"),
    ];
    let mut all = String::new();
    for text in wrong {
        let said = told(&text);
        assert_ne!(said, "right\n", "{text}");
        all.push_str(&format!("{}\n→ {}\n", text, said.trim_end()));
    }
    insta::assert_snapshot!(all);
    let many: String = (0..201).map(|n| format!("[metrics.targets.t{n}]\nurl = 'tcp://x:1'\n")).collect();
    assert!(told(&many).contains("200 is the most"), "{}", told(&many));
}

#[test]
fn nothing_that_is_read_makes_it_stumble() {
    use proptest::prelude::*;
    let whole = reference();
    proptest!(|(cut in 0..whole.len(), junk in "[\\PC\n\\[\\]=\"'#.]{0,40}")| {
        let cut = (0..=cut).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        let _ = parse(&format!("{}{junk}{}", &whole[..cut], &whole[cut..]));
        let _ = parse(&junk);
    });
}

#[test]
fn a_file_that_others_may_change_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cleanbill.toml");
    assert!(Settings::load(&file).unwrap().text.is_none());
    fs::write(&file, "[mail]\n").unwrap();
    assert!(Settings::load(&file).unwrap().text.is_some());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(Settings::load(&file).unwrap_err().to_string().contains("chmod go-w"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, b"[mail]\nto = ['\xff']").unwrap();
    assert!(Settings::load(&file).unwrap_err().to_string().ends_with("line 2 is not UTF-8 text"));
    fs::write(&file, " ".repeat(2 << 20)).unwrap();
    assert!(Settings::load(&file).unwrap_err().to_string().contains("1 MB"));
    assert!(Settings::load(folder.path()).unwrap_err().to_string().contains("not a file"));
}

#[test]
fn a_change_leaves_everything_else_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sub/cleanbill.toml");
    let mut edit = Edit::open(&file).unwrap();
    edit.set("mail.server", "smtp.example.org");
    let mut job = Job::new(Task::Email, "every monday 7:00");
    job.to = vec!["owner@example.org".to_owned()];
    edit.job("monday-mail", &job);
    let made = edit.save().unwrap();
    assert_eq!(made.config.schedule["monday-mail"], job);
    insta::assert_snapshot!(fs::read_to_string(&file).unwrap());

    let text = "# mine\n[mail] # all of it\nto = [ \"a@example.org\" ] # me\nserver = 'x' # the old one\n\n# weekly\n\
                [schedule.a]\nwhen = '@daily' # often\ndo = 'audit'\n";
    fs::write(&file, text).unwrap();
    let mut edit = Edit::open(&file).unwrap();
    assert!(!edit.is_changed() && edit.text() == text);
    edit.set("mail.server", "y");
    assert!(edit.unset("mail.to") && !edit.unset("mail.port"));
    assert!(edit.remove_job("a") && !edit.remove_job("b"));
    edit.job("c", &Job::new(Task::Audit, "@hourly"));
    edit.save().unwrap();
    insta::assert_snapshot!(fs::read_to_string(&file).unwrap());
    // What would be wrong is not written.
    let mut edit = Edit::open(&file).unwrap();
    edit.set("mail.security", "nonsense");
    assert!(edit.save().is_err());
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}
