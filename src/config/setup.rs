//! What a machine is set up with at first: whom it tells, how mail goes, what is done when. Whatever else stands in the
//! file stays.

use std::path::PathBuf;

use toml_edit::Array;

use super::{Config, ConfigError, Edit, Job, Length, PolicyName, Security, Task};
use crate::report::Detail;

/// What a machine is set up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// What the machine is for.
    pub purpose: Option<String>,
    /// Who hears how it is; nobody where it sends no mail.
    pub to: Vec<String>,
    /// The mail server; none where the mail program of the machine takes the mail.
    pub server: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// How the line to it is protected.
    pub security: Security,
    /// The name to log in with.
    pub user: Option<String>,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The sender.
    pub from: Option<String>,
    /// Who reads the report.
    pub reader: Detail,
    /// When the report comes.
    pub when: String,
    /// When it looks in between.
    pub look: String,
    /// Whether it fixes by itself what can break nothing.
    pub fixes: bool,
    /// Whether the daemon measures how the machine runs.
    pub measures: bool,
}

/// The jobs that it sets up.
const MAIL: &str = "mail";
const LOOK: &str = "look";
const FIX: &str = "fix";
const COPY: &str = "backup";
/// When what nobody is asked about is done.
const FIX_WHEN: &str = "every day 3:30";
const COPY_WHEN: &str = "every sunday 4:30";
/// Many machines do not look at the same moment.
const JITTER: u64 = 900;

impl Setup {
    /// What holds now, and what is usual where nothing does.
    pub fn of(now: &Config) -> Self {
        let mail = &now.mail;
        let when = |name: &str, usual: &str| now.schedule.get(name).map_or(usual, |job| &job.when).to_owned();
        Setup {
            purpose: now.machine.purpose.clone(),
            to: mail.to.clone(),
            server: mail.server.clone(),
            port: mail.port,
            security: mail.security,
            user: mail.user.clone(),
            password_file: mail.password_file.clone(),
            from: mail.from.clone(),
            reader: now.report.reader,
            when: when(MAIL, "every monday 7:00"),
            look: when(LOOK, "every day 2:30"),
            fixes: now.schedule.contains_key(FIX),
            measures: now.metrics.enabled,
        }
    }

    /// Lets mail go by this server. Of another server, or another kind of line, nothing holds that was said of the one before.
    pub fn goes_by(&mut self, server: String, security: Security) {
        let other = self.server.as_ref() != Some(&server);
        if other {
            (self.user, self.password_file) = (None, None);
        }
        if other || security != self.security {
            self.port = None;
        }
        (self.server, self.security) = (Some(server), security);
    }

    /// Writes it into settings.
    ///
    /// # Errors
    /// When they would be wrong.
    pub fn write(&self, edit: &mut Edit) -> Result<(), ConfigError> {
        edit.put("machine.purpose", self.purpose.as_deref());
        let people: Array = self.to.iter().collect();
        edit.put("mail.to", (!self.to.is_empty()).then_some(people));
        if !self.to.is_empty() {
            let held = edit.settings()?.config.mail.server;
            self.way(edit, held == self.server);
        }
        edit.put("report.for", (self.reader == Detail::Technician).then_some("technician"));
        let held = edit.settings()?.config;
        if held.metrics.enabled != self.measures {
            edit.set("metrics.enabled", self.measures);
        }
        let jobs = held.schedule;
        // What someone chose for a job beside its time stays.
        let with = |name: &str, task: Task, when: &str| match jobs.get(name) {
            Some(job) if job.task == task => Job { when: when.to_owned(), ..job.clone() },
            _ => Job::new(task, when),
        };
        let held = |name: &str, usual: &str| jobs.get(name).map_or(usual, |job| &job.when).to_owned();
        let jitter = jobs.get(LOOK).map_or_else(|| Length::seconds(JITTER), |job| job.jitter.clone());
        let policy = jobs.get(FIX).map_or(PolicyName::Safe, |job| job.policy);
        let look = Job { jitter, ..with(LOOK, Task::Audit, &self.look) };
        let mail = with(MAIL, Task::Email, &self.when);
        let fix = Job { policy, ..with(FIX, Task::Fix, &held(FIX, FIX_WHEN)) };
        let copy = with(COPY, Task::Backup, &held(COPY, COPY_WHEN));
        for (name, job, wanted) in
            [(LOOK, look, true), (MAIL, mail, !self.to.is_empty()), (FIX, fix, self.fixes), (COPY, copy, true)]
        {
            if wanted {
                edit.job(name, &job);
            } else {
                edit.remove_job(name);
            }
        }
        edit.settings().map(|_| ())
    }

    /// How mail leaves the machine; `same` where it does so by the server of before.
    fn way(&self, edit: &mut Edit, same: bool) {
        let far = self.server.is_some();
        let login = far && self.user.is_some();
        edit.put("mail.from", self.from.as_deref());
        edit.put("mail.server", self.server.as_deref());
        edit.put("mail.port", self.port.filter(|_| far).map(i64::from));
        let security = match self.security {
            Security::StartTls => None,
            Security::Tls => Some("tls"),
            Security::None => Some("none"),
        };
        edit.put("mail.security", security.filter(|_| far));
        edit.put("mail.user", self.user.as_deref().filter(|_| login));
        let password = self.password_file.as_ref().filter(|_| login).map(|file| file.to_string_lossy().into_owned());
        // There is one way to the password, or none.
        if !same || !login || password.is_some() {
            edit.unset("mail.password_env");
            edit.unset("mail.password_credential");
        }
        edit.put("mail.password_file", password);
        if !same {
            edit.unset("mail.ca_file");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn written(before: &str, change: impl FnOnce(&mut Setup)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cleanbill.toml");
        fs::write(&file, before).unwrap();
        let mut edit = Edit::open(&file).unwrap();
        let mut setup = Setup::of(&edit.settings().unwrap().config);
        change(&mut setup);
        setup.write(&mut edit).unwrap();
        edit.text()
    }

    #[test]
    fn nothing_said_changes_nothing_once_it_is_set_up() {
        let first = written("", |setup| setup.to = vec!["a@example.org".to_owned()]);
        assert_eq!(written(&first, |_| {}), first);
        let mine = "[mail]\nto = ['a@example.org'] # me\nserver = 'x' # ours\nuser = 'u'\npassword_env = 'P'\n\
                    ca_file = '/ca.pem'\n[schedule.fix]\nwhen = '@daily' # often\ndo = 'fix'\npolicy = 'autofix' # as I say\n";
        let again = written(mine, |_| {});
        assert!(again.starts_with(mine), "{again}");
    }

    #[test]
    fn measuring_is_turned_on_and_off_and_the_rest_of_it_stays() {
        let on = written("", |setup| setup.measures = true);
        assert!(on.contains("[metrics]\nenabled = true\n"), "{on}");
        let mine = "[metrics]\nenabled = true # so be it\nevery = '1m'\n";
        assert!(written(mine, |_| {}).starts_with(mine));
        let off = written(mine, |setup| setup.measures = false);
        assert!(off.contains("enabled = false") && off.contains("every = '1m'"), "{off}");
        let never = "[metrics]\nenabled = false # never\n";
        assert!(written(never, |_| {}).starts_with(never));
    }

    #[test]
    fn another_way_takes_the_rest_of_the_old_one_along() {
        let mine = "[mail]\nto = ['a@example.org']\nserver = 'x'\nport = 99\nsecurity = 'tls'\nuser = 'u'\npassword_env = 'P'\n\
                    ca_file = '/ca.pem'\n";
        let typed = written(mine, |setup| setup.password_file = Some("/p".into()));
        assert!(typed.contains("password_file = \"/p\"") && !typed.contains("password_env"), "{typed}");
        let other = written(mine, |setup| setup.goes_by("y".to_owned(), Security::StartTls));
        assert!(other.contains("server = \"y\""), "{other}");
        for gone in ["port", "security", "user", "password", "ca_file"] {
            assert!(!other.contains(gone), "{gone}: {other}");
        }
        let line = written(mine, |setup| setup.goes_by("x".to_owned(), Security::StartTls));
        assert!(!line.contains("port") && line.contains("user = 'u'") && line.contains("password_env"), "{line}");
        let own = written(mine, |setup| setup.server = None);
        for gone in ["server", "port", "security", "user", "password", "ca_file"] {
            assert!(!own.contains(gone), "{gone}: {own}");
        }
        let nobody = written(mine, |setup| setup.to.clear());
        assert!(!nobody.contains("schedule.mail") && nobody.contains("schedule.look"), "{nobody}");
    }
}
