//! Files in a playbook: written only while they are as they were planned, with a copy, and given back where the fix fails.

use super::{
    super::{
        super::{
            change::FileChange,
            tree::{Content, State},
            validate,
        },
        digest, is_plain, is_secret, lists_go, odd_attributes, resolved,
        shadow::{self, Field, Kind},
    },
    Step, Writer,
    yaml::{Task, Value, literal, quote, text_value, variable, words_of},
};

/// Where copies of removed files are kept.
const KEPT: &str = "/var/backups/cleanbill";

impl Writer<'_> {
    pub(super) fn file(&self, change: &FileChange, n: usize) -> Result<Step, String> {
        if change.path == shadow::SHADOW
            && let Some(fields) = shadow::fields(change)
        {
            return self.accounts(&fields);
        }
        let path = resolved(self.head.tree, &change.path);
        let shown = words_of(&path);
        let place = literal(&path);
        let mut step = Step::default();
        match (&change.before, &change.after) {
            (Some(old), Some(new)) if old.content == new.content => {
                let lists_go = lists_go(&path, old, new)?;
                if matches!(old.content, Content::Opaque(_, _, false)) {
                    step.tasks.extend(self.as_planned(change, &path, n, false));
                }
                if lists_go {
                    step.tasks.push(no_list(&path));
                }
                let task =
                    Task::new(format!("Set the rights of {shown}"), "ansible.builtin.file").with("path", place.clone());
                let mut task = rights(task, new).with("follow", "false");
                if let Content::Opaque(_, _, folder) = &old.content {
                    task = task.with("state", if *folder { "directory" } else { "file" });
                }
                self.notify(&mut task);
                step.tasks.push(task);
            }
            (_, Some(State { content: Content::File(_), .. })) => self.write(change, &path, n, &mut step)?,
            (_, Some(State { content: Content::Link(target), .. })) => {
                let target = std::str::from_utf8(target).map_err(|_| format!("{path} would lead to an odd name."))?;
                let mut task = Task::new(format!("Let {shown} lead elsewhere"), "ansible.builtin.file")
                    .with("dest", place)
                    .with("src", literal(target))
                    .with("state", "link")
                    .with("force", "true")
                    .with("follow", "false");
                self.notify(&mut task);
                step.tasks.push(task);
            }
            (None, Some(new @ State { content: Content::Directory, .. })) => {
                let task = Task::new(format!("Make the folder {shown}"), "ansible.builtin.file")
                    .with("path", place)
                    .with("state", "directory");
                step.tasks.push(rights(task, new));
            }
            (Some(old @ State { content: Content::File(_) | Content::Link(_), .. }), None) => {
                if matches!(old.content, Content::File(_)) {
                    step.tasks.extend(self.as_planned(change, &path, n, true));
                    step.tasks.extend(keep_copy(
                        &path,
                        &shown,
                        &format!("cleanbill_{}_{n}_now", variable(&self.fix.check)),
                    ));
                }
                let mut task = Task::new(format!("Remove {shown}"), "ansible.builtin.file")
                    .with("path", place)
                    .with("state", "absent");
                self.notify(&mut task);
                step.tasks.push(task);
            }
            _ => return Err(format!("{path} is something that a playbook does not change.")),
        }
        Ok(step)
    }

    /// Writes a file whole, keeps what it held, and gives it back where a later step of the fix fails.
    fn write(&self, change: &FileChange, path: &str, n: usize, step: &mut Step) -> Result<(), String> {
        let (old, Some(new)) = (change.before.as_ref(), change.after.as_ref()) else { return Ok(()) };
        let Content::File(bytes) = &new.content else { return Ok(()) };
        let (shown, place) = (words_of(path), literal(path));
        if is_secret(change) {
            return Err(format!("What {path} holds is not for everybody, so it is not written into a playbook."));
        }
        if old.into_iter().chain([new]).any(odd_attributes) {
            return Err(format!("{path} has access rules or attributes that a playbook cannot keep."));
        }
        if old.is_some_and(|o| !matches!(o.content, Content::File(_))) {
            return Err(format!("{path} is no plain file."));
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(format!("{path} is no text, which a playbook cannot write."));
        };
        step.tasks.extend(self.as_planned(change, path, n, true));
        let mut task = Task::new(format!("Write {shown}"), "ansible.builtin.copy").with("dest", place.clone());
        task.set(
            "content",
            if is_plain(text) && !text.contains('\t') { Value::Lines(text.to_owned()) } else { text_value(text) },
        );
        let mut task = rights(task, new);
        let mut tests = validate::of_copy(&change.path).into_iter();
        if let Some(test) = tests.find(|c| self.head.live && self.is_there(c)) {
            task.set("validate", Value::Word(quote(&test.join(" ").replace("{}", "%s"))));
        }
        let mut task = task.with("backup", "true").with("follow", "false");
        let register = format!("cleanbill_{}_{n}", variable(&self.fix.check));
        task.more.push(("register", Value::Word(register.clone())));
        self.notify(&mut task);
        step.tasks.push(task);
        step.rescue.push(match old {
            Some(_) => Task::new(format!("Give {shown} back what it held"), "ansible.builtin.copy")
                .with("src", quote(&format!("{{{{ {register}.backup_file }}}}")))
                .with("dest", place)
                .with("remote_src", "true")
                .with("mode", "preserve")
                .and("when", format!("{register}.backup_file is defined")),
            None => Task::new(format!("Take {shown} away again"), "ansible.builtin.file")
                .with("path", place)
                .with("state", "absent")
                // It may not have come so far.
                .and("when", format!("{register} is defined and {register} is changed")),
        });
        Ok(())
    }

    /// Stops where a file is neither as it was when this was planned nor as it will be.
    fn as_planned(&self, change: &FileChange, path: &str, n: usize, content: bool) -> Vec<Task> {
        let now = format!("cleanbill_{}_{n}_now", variable(&self.fix.check));
        let look = Task::new(format!("Look at {}", words_of(path)), "ansible.builtin.stat")
            .with("path", literal(path))
            .with("checksum_algorithm", "sha256")
            .with("get_checksum", if content { "true" } else { "false" })
            .and("register", now.clone());
        let mut check =
            Task::new(format!("Go on only if {} is as it was planned", words_of(path)), "ansible.builtin.assert");
        if !content {
            check.set("that", Value::List(vec![quote(&format!("{now}.stat.exists and not {now}.stat.islnk"))]));
            check.set("fail_msg", text_value("It is a link, or it is not there. Nothing was changed."));
            return vec![look, check];
        }
        let mut sums: Vec<String> = Vec::new();
        let states = [&change.before, &change.after].into_iter().chain(self.later.of(&change.path).map(|c| &c.after));
        for state in states {
            let sum = match state.as_ref().map(|s| &s.content) {
                Some(Content::File(bytes)) => format!("'{}'", digest(bytes)),
                None => "'none'".to_owned(),
                _ => continue,
            };
            if !sums.contains(&sum) {
                sums.push(sum);
            }
        }
        let list = sums.join(", ");
        let that = format!("({now}.stat.checksum | default('link' if {now}.stat.exists else 'none')) in [{list}]");
        check.set("that", Value::List(vec![quote(&that)]));
        check.set(
            "fail_msg",
            text_value("Someone changed it since this was planned. It was left alone: plan anew with cleanbill."),
        );
        vec![look, check]
    }

    fn accounts(&self, fields: &[Field]) -> Result<Step, String> {
        let mut step = Step::default();
        for field in fields {
            // Else it would be made where it is missing.
            let there = Task::new(
                format!("Make sure that there is an account {}", words_of(&field.name)),
                "ansible.builtin.getent",
            )
            .with("database", "passwd")
            .with("key", literal(&field.name));
            if !step.tasks.contains(&there) {
                step.tasks.push(there);
            }
            let (what, name, value) = match (field.kind, field.after.as_str()) {
                (Kind::Password, "locked") => ("Lock the password of", "password_lock", "true".to_owned()),
                (Kind::Password, _) => ("Open the password of", "password_lock", "false".to_owned()),
                (Kind::Expires, "") => ("Let no day end the account", "expires", "-1".to_owned()),
                (Kind::Expires, day) => {
                    let day: i64 = day.parse().map_err(|_| "An account ends on an odd day.".to_owned())?;
                    ("Let nobody log in with the account", "expires", (day * 86400).to_string())
                }
                (_, "") => return Err("An account would have no limit of days, which Ansible cannot set.".to_owned()),
                (Kind::Min, days) => ("Set how long a password stays for", "password_expire_min", days.to_owned()),
                (Kind::Max, days) => ("Set how long a password holds for", "password_expire_max", days.to_owned()),
                (Kind::Warn, days) => ("Set when the password warns for", "password_expire_warn", days.to_owned()),
            };
            let mut task = Task::new(format!("{what} {}", words_of(&field.name)), "ansible.builtin.user")
                .with("name", literal(&field.name))
                .with(name, value);
            self.notify(&mut task);
            step.tasks.push(task);
        }
        Ok(step)
    }
}

/// Owner and rights as arguments of a task.
fn rights(task: Task, state: &State) -> Task {
    let task = task.with("owner", quote(&state.uid.to_string())).with("group", quote(&state.gid.to_string()));
    task.with("mode", quote(&format!("{:04o}", state.mode & 0o7777)))
}

/// Takes the access rules of single people away.
fn no_list(path: &str) -> Task {
    let mut task = Task::new(format!("Take the access rules of {} away", words_of(path)), "ansible.builtin.command");
    let words = ["/usr/bin/setfacl", "-b", "--", path];
    task.set("argv", Value::List(words.iter().map(|w| literal(w)).collect()));
    task.and("changed_when", "true")
}

/// A copy of what is removed, in a folder of root.
fn keep_copy(path: &str, shown: &str, now: &str) -> [Task; 2] {
    let copy = format!("{KEPT}/{}", path.trim_start_matches('/').replace('/', "_"));
    let folder = Task::new("Make the folder of copies", "ansible.builtin.file")
        .with("path", quote(KEPT))
        .with("state", "directory")
        .with("mode", quote("0700"));
    let keep = Task::new(format!("Keep a copy of {shown}"), "ansible.builtin.copy")
        .with("src", literal(path))
        .with("dest", literal(&copy))
        .with("remote_src", "true")
        .with("mode", "preserve")
        .and("when", format!("{now}.stat.exists and not ansible_check_mode"));
    [folder, keep]
}
