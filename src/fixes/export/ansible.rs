//! A plan as an Ansible playbook: one block a fix with the check as its tag, the module that fits each change, handlers
//! for what runs when all files stand. Every value is a quoted scalar, and those with braces are marked as no template.

use std::fmt::Write as _;

use super::{
    super::{
        actions::Action,
        change::{Change, FileChange, Run},
        formats::Format,
        plan::Plan,
        tree::{Content, State},
        validate,
    },
    Exported, Head, Later, Written, each, is_plain, is_secret, late, moment, odd_attributes, resolved,
    script::digest,
    shadow::{self, Field, Kind},
    told,
};
use crate::{fixes::PlannedFix, words::harmless};

/// Where copies of removed files are kept.
const KEPT: &str = "/var/backups/cleanbill";
/// The file of ours for settings of the kernel.
const SYSCTL: &str = "/etc/sysctl.d/zz-cleanbill.conf";
const FSTAB: &str = "/etc/fstab";

/// Writes a plan as a playbook.
pub fn playbook(plan: &Plan, head: &Head<'_>) -> Exported {
    let (done, left) = each(plan, |fix, later| Writer::new(head, fix, later).fix());
    let handlers = late(done.iter().map(|w| w.fix));
    let mut text = opening(head, &done, &left);
    let _ =
        writeln!(text, "- name: {}", quote(&name_of(&format!("Fixes that cleanbill planned for {}", head.machine))));
    text.push_str("  hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n");
    if done.is_empty() {
        text.pop();
        text.push_str(" []\n");
    }
    for Written { fix, steps } in &done {
        let rescue: Vec<&Task> = steps.iter().flat_map(|s| &s.rescue).collect();
        let _ = writeln!(text, "    - name: {}", quote(&name_of(&fix.title)));
        let _ = writeln!(text, "      tags:\n        - {}", quote(&fix.check));
        for line in told(fix) {
            let _ = writeln!(text, "      # {line}");
        }
        text.push_str("      block:\n");
        for task in steps.iter().flat_map(|s| &s.tasks) {
            task.print(8, &mut text);
        }
        if !rescue.is_empty() {
            text.push_str("      rescue:\n");
            for task in rescue.iter().rev() {
                task.print(8, &mut text);
            }
            let mut fail = Task::new("Say that it was taken back", "ansible.builtin.fail");
            fail.set("msg", text_value("A program did not take its new settings, so the files are as they were."));
            fail.print(8, &mut text);
        }
    }
    if !handlers.is_empty() {
        text.push_str("  handlers:\n");
        for run in handlers {
            let mut task = program(run);
            task.name = handler_name(run);
            task.print(4, &mut text);
        }
    }
    Exported { text, fixes: done.len(), left }
}

fn opening(head: &Head<'_>, done: &[Written<'_, Step>], left: &[(String, String)]) -> String {
    let mut text = format!(
        "---\n# Fixes for {}, planned by cleanbill {} on {}.\n#\n",
        harmless(head.machine),
        env!("CARGO_PKG_VERSION"),
        moment(head)
    );
    if head.live {
        text.push_str("# Look first:  ansible-playbook -i HOST, --check --diff FILE\n# Do it:       ansible-playbook -i HOST, FILE\n");
    } else {
        text.push_str("# Do it:  ansible-playbook -i DIR, -c community.general.chroot FILE   (DIR holds the image)\n");
    }
    text.push_str(
        "# One fix:     add --tags ID\n# A file is changed only while it is as it was when this was planned; a copy of it is kept beside it.\n",
    );
    let needs =
        |name: &str| done.iter().flat_map(|w| &w.steps).flat_map(|s| &s.tasks).any(|t| t.module.starts_with(name));
    if needs("ansible.posix.") {
        text.push_str("# It needs:    ansible-galaxy collection install ansible.posix\n");
    }
    if !left.is_empty() {
        text.push_str("#\n# Not in it; use cleanbill itself, or do it by hand (cleanbill show ID):\n");
    }
    for (check, why) in left {
        let _ = writeln!(text, "#   {check}: {why}");
    }
    text.push_str(
        "#\n# yamllint disable rule:line-length rule:trailing-spaces rule:empty-lines rule:comments-indentation\n",
    );
    text
}

/// A task: a name, a module, its arguments, and what else it has. Values are YAML already.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Task {
    name: String,
    module: &'static str,
    arguments: Vec<(&'static str, Value)>,
    more: Vec<(&'static str, Value)>,
}

/// A value of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    /// On one line.
    Word(String),
    /// A list.
    List(Vec<String>),
    /// Lines of text.
    Lines(String),
}

/// What one change becomes.
#[derive(Debug, Default)]
struct Step {
    tasks: Vec<Task>,
    rescue: Vec<Task>,
}

impl Task {
    fn new(name: impl Into<String>, module: &'static str) -> Self {
        Task { name: name.into(), module, arguments: Vec::new(), more: Vec::new() }
    }

    fn set(&mut self, name: &'static str, value: Value) {
        self.arguments.push((name, value));
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.arguments.push((name, Value::Word(value.into())));
        self
    }

    fn and(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.push((name, Value::Word(value.into())));
        self
    }

    fn print(&self, indent: usize, text: &mut String) {
        let pad = " ".repeat(indent);
        let _ = writeln!(text, "{pad}- name: {}\n{pad}  {}:", quote(&self.name), self.module);
        if self.arguments.is_empty() {
            text.pop();
            text.push_str(" {}\n");
        }
        for (values, indent) in [(&self.arguments, indent + 4), (&self.more, indent + 2)] {
            let pad = " ".repeat(indent);
            for (name, value) in values {
                match value {
                    Value::Word(word) => {
                        let _ = writeln!(text, "{pad}{name}: {word}");
                    }
                    Value::List(items) => {
                        let _ = writeln!(text, "{pad}{name}:");
                        for item in items {
                            let _ = writeln!(text, "{pad}  - {item}");
                        }
                    }
                    Value::Lines(lines) => {
                        let mark = if is_template(lines) { "!unsafe " } else { "" };
                        let keep = if lines.ends_with("\n\n") { "+" } else { "" };
                        let _ = writeln!(text, "{pad}{name}: {mark}|2{keep}");
                        for line in lines.lines() {
                            // Indented by two, as the number says.
                            let _ = writeln!(
                                text,
                                "{}",
                                if line.is_empty() { String::new() } else { format!("{pad}  {line}") }
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Whether Ansible would take it for a template.
fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|t| text.contains(t))
}

/// A scalar in double quotes that YAML 1.1 and 1.2 read alike.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii() && !c.is_ascii_control() || c.is_alphanumeric() => out.push(c),
            c => {
                let _ = match u32::from(c) {
                    n @ 0..=0xff => write!(out, "\\x{n:02x}"),
                    n @ 0x100..=0xffff => write!(out, "\\u{n:04x}"),
                    n => write!(out, "\\U{n:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

/// The same as a value that is no template.
fn literal(text: &str) -> String {
    let mark = if is_template(text) { "!unsafe " } else { "" };
    format!("{mark}{}", quote(text))
}

fn text_value(text: &str) -> Value {
    Value::Word(literal(text))
}

/// A name for people: no template, with a capital letter.
fn name_of(text: &str) -> String {
    let text = harmless(text).replace(['{', '}'], "?");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn handler_name(run: &Run) -> String {
    name_of(&run.what)
}

struct Writer<'a> {
    head: &'a Head<'a>,
    fix: &'a PlannedFix,
    later: &'a Later<'a>,
    notify: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(head: &'a Head<'a>, fix: &'a PlannedFix, later: &'a Later<'a>) -> Self {
        let mut notify: Vec<String> = Vec::new();
        for run in late(std::iter::once(fix)) {
            notify.push(quote(&handler_name(run)));
        }
        Writer { head, fix, later, notify }
    }

    fn fix(&self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        let mut asked: Vec<Vec<String>> = Vec::new();
        for (n, change) in self.fix.changes.iter().enumerate() {
            match change {
                Change::File(file) if self.is_told(file) => {}
                Change::File(file) => {
                    steps.push(self.file(file, n)?);
                    let whole = validate::commands(&file.path).into_iter().filter(|c| !c.iter().any(|a| a == "{}"));
                    for command in whole.filter(|c| self.head.live && self.is_there(c)) {
                        if !asked.contains(&command) {
                            asked.push(command);
                        }
                    }
                }
                Change::Run(run) if run.when.is_late() || self.is_told_run(run) => {}
                Change::Run(run) => {
                    let mut task = program(run);
                    self.notify(&mut task);
                    steps.push(Step { tasks: vec![task], rescue: Vec::new() });
                }
            }
        }
        steps.extend(self.whole_actions()?);
        // Before the handlers tell a service to read its settings.
        let ask = |command: &Vec<String>| {
            let program = command.first().map_or("", String::as_str);
            let mut task = Task::new(
                format!("Ask whether {} takes the new settings", words_of(program)),
                "ansible.builtin.command",
            );
            task.set("argv", Value::List(command.iter().map(|a| literal(a)).collect()));
            task.and("changed_when", "false")
        };
        let asks: Vec<Task> = asked.iter().map(ask).collect();
        if asks.is_empty() {
            steps.iter_mut().for_each(|s| s.rescue.clear());
        } else {
            steps.push(Step { tasks: asks, rescue: Vec::new() });
        }
        steps.retain(|s| !s.tasks.is_empty());
        if steps.is_empty() {
            // Nothing is there that could call a handler.
            let tasks: Vec<Task> = late(std::iter::once(self.fix)).into_iter().map(program).collect();
            steps.extend(Some(Step { tasks, rescue: Vec::new() }).filter(|s| !s.tasks.is_empty()));
        }
        Ok(steps)
    }

    /// Whether a program is on the machine: one that is not there does not read the file either.
    fn is_there(&self, command: &[String]) -> bool {
        command.first().is_some_and(|p| self.head.tree.rights(p).is_ok_and(|s| s.is_some()))
    }

    /// Actions for which Ansible has a module that does all of it.
    fn whole_actions(&self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for action in &self.fix.actions {
            let task = match action {
                Action::Sysctl(setting) => {
                    let files = ["/etc/sysctl.conf", SYSCTL].into_iter().filter(|path| self.sets(path, &setting.key));
                    for path in files {
                        let task = Task::new(
                            format!("Set {} in {path}", name_of(&setting.key).to_lowercase()),
                            "ansible.posix.sysctl",
                        )
                        .with("name", literal(&setting.key))
                        .with("value", literal(&setting.value))
                        .with("sysctl_file", quote(path))
                        .with("sysctl_set", if self.head.live { "true" } else { "false" })
                        .with("reload", "false")
                        .with("state", "present");
                        steps.push(task);
                    }
                    continue;
                }
                Action::Mount(mount) => self.mount(&mount.point)?,
                _ => continue,
            };
            steps.extend(task);
        }
        let step = |mut task: Task| {
            self.notify(&mut task);
            Step { tasks: vec![task], rescue: Vec::new() }
        };
        Ok(steps.into_iter().map(step).collect())
    }

    /// Whether the fix writes a setting of the kernel to a file, or sets it now.
    fn sets(&self, path: &str, key: &str) -> bool {
        let value =
            |state: &Option<State>| state.as_ref().and_then(State::text).and_then(|t| Format::Sysctl.get(t, None, key));
        let file = self
            .fix
            .changes
            .iter()
            .any(|c| matches!(c, Change::File(f) if f.path == path && value(&f.before) != value(&f.after)));
        let set = format!("{key}=");
        let now = self
            .fix
            .changes
            .iter()
            .any(|c| matches!(c, Change::Run(r) if r.command.last().is_some_and(|a| a.starts_with(&set))));
        file || now && path == SYSCTL
    }

    /// The line of the list of disks for a place.
    fn mount(&self, point: &str) -> Result<Option<Task>, String> {
        let changed = self.fix.changes.iter().find_map(|c| match c {
            Change::File(file) if file.path == FSTAB => file.after.as_ref().and_then(State::text),
            _ => None,
        });
        let now = self.fix.changes.iter().any(
            |c| matches!(c, Change::Run(r) if r.command.iter().any(|a| a.starts_with("remount,")) && r.command.last().is_some_and(|a| a == point)),
        );
        let Some(text) = changed else { return Ok(None) };
        let line = text
            .lines()
            .map(|l| l.split_whitespace().collect::<Vec<_>>())
            .find(|l| l.get(1) == Some(&point) && !l.first().is_some_and(|f| f.starts_with('#')));
        let Some([source, _, kind, options, rest @ ..]) = line.as_deref() else {
            return Err(format!("{FSTAB} has no plain line for {point}."));
        };
        let mut task = Task::new(
            format!("Mount {} with {}", name_of(point), name_of(options).to_lowercase()),
            "ansible.posix.mount",
        )
        .with("path", literal(point))
        .with("src", literal(source))
        .with("fstype", literal(kind))
        .with("opts", literal(options));
        for (name, value) in ["dump", "passno"].into_iter().zip(rest) {
            task = task.with(name, literal(value));
        }
        Ok(Some(task.with("backup", "true").with("state", if now { "mounted" } else { "present" })))
    }

    /// Whether an action with a module of its own tells this change.
    fn is_told(&self, file: &FileChange) -> bool {
        self.fix.actions.iter().any(|action| match action {
            Action::Sysctl(_) => file.path == SYSCTL || file.path == "/etc/sysctl.conf",
            Action::Mount(_) => file.path == FSTAB,
            _ => false,
        })
    }

    fn is_told_run(&self, run: &Run) -> bool {
        self.fix.actions.iter().any(|action| match action {
            Action::Sysctl(setting) => {
                run.command.iter().any(|a| a == "-w")
                    && run.command.last().is_some_and(|a| *a == format!("{}={}", setting.key, setting.value))
            }
            Action::Mount(mount) => {
                run.command.iter().any(|a| a.starts_with("remount,")) && run.command.last() == Some(&mount.point)
            }
            _ => false,
        })
    }

    fn notify(&self, task: &mut Task) {
        if !self.notify.is_empty() {
            task.more.push(("notify", Value::List(self.notify.clone())));
        }
    }

    fn file(&self, change: &FileChange, n: usize) -> Result<Step, String> {
        if change.path == shadow::SHADOW
            && let Some(fields) = shadow::fields(change)
        {
            return self.accounts(&fields);
        }
        let path = resolved(self.head.tree, &change.path);
        let shown = words_of(&path);
        let place = literal(&path);
        let rights = |task: Task, state: &State| {
            let task = task.with("owner", quote(&state.uid.to_string())).with("group", quote(&state.gid.to_string()));
            task.with("mode", quote(&format!("{:04o}", state.mode & 0o7777)))
        };
        let mut step = Step::default();
        match (&change.before, &change.after) {
            (Some(old), Some(new)) if old.content == new.content => {
                if old.xattrs != new.xattrs {
                    step.tasks.push(self.no_list(&path, old, new)?);
                }
                if matches!(old.content, Content::Opaque(_, _, false)) && !matches!(&old.content, Content::Directory) {
                    step.tasks.extend(self.as_planned(change, &path, n, false));
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
            (old, Some(new @ State { content: Content::File(bytes), .. })) => {
                if is_secret(change) {
                    return Err(format!(
                        "What {path} holds is not for everybody, so it is not written into a playbook."
                    ));
                }
                if old.iter().chain([new]).any(odd_attributes) {
                    return Err(format!("{path} has access rules or attributes that a playbook cannot keep."));
                }
                if old.as_ref().is_some_and(|o| !matches!(o.content, Content::File(_))) {
                    return Err(format!("{path} is no plain file."));
                }
                let Ok(text) = std::str::from_utf8(bytes) else {
                    return Err(format!("{path} is no text, which a playbook cannot write."));
                };
                step.tasks.extend(self.as_planned(change, &path, n, true));
                let mut task = Task::new(format!("Write {shown}"), "ansible.builtin.copy").with("dest", place.clone());
                task.set(
                    "content",
                    if is_plain(text) && !text.contains('\t') {
                        Value::Lines(text.to_owned())
                    } else {
                        text_value(text)
                    },
                );
                let mut task = rights(task, new);
                let mut tests = validate::commands(&change.path)
                    .into_iter()
                    .filter(|c| self.head.live && self.is_there(c) && c.iter().any(|a| a == "{}"));
                if let Some(test) = tests.next() {
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
                        .and("when", format!("{register} is changed")),
                });
            }
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

    fn no_list(&self, path: &str, old: &State, new: &State) -> Result<Task, String> {
        let list = |s: &State| s.xattrs.keys().any(|n| n.starts_with("system.posix_acl_"));
        let others = |s: &State| s.xattrs.iter().filter(|(n, _)| !n.starts_with("system.posix_acl_")).count();
        if !list(old) || list(new) || others(old) != others(new) {
            return Err(format!("{path} has access rules or attributes that a playbook cannot keep."));
        }
        let mut task =
            Task::new(format!("Take the access rules of {} away", words_of(path)), "ansible.builtin.command");
        let words = ["/usr/bin/setfacl", "-b", "--", path];
        task.set("argv", Value::List(words.iter().map(|w| literal(w)).collect()));
        Ok(task.and("changed_when", "true"))
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

/// A name for a sentence: what is odd in it is left out.
fn words_of(text: &str) -> String {
    let shown = name_of(text);
    let shown =
        if text.starts_with(|c: char| c.is_lowercase()) { harmless(text).replace(['{', '}'], "?") } else { shown };
    shown.chars().take(120).collect()
}

/// A part of the name of a variable.
fn variable(check: &str) -> String {
    check.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// A program as the module that does the same, or as itself.
fn program(run: &Run) -> Task {
    let name = name_of(&run.what);
    let mut words = run.command.iter().map(String::as_str);
    let program = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let service = |unit: &str| Task::new(name.clone(), "ansible.builtin.systemd_service").with("name", literal(unit));
    match (program.rsplit('/').next().unwrap_or_default(), rest.as_slice()) {
        ("systemctl", ["daemon-reload"]) => {
            Task::new(name, "ansible.builtin.systemd_service").with("daemon_reload", "true")
        }
        ("systemctl", ["enable", "--now", unit]) => service(unit).with("enabled", "true").with("state", "started"),
        ("systemctl", ["disable", "--now", unit]) => service(unit).with("enabled", "false").with("state", "stopped"),
        ("systemctl", ["mask", "--now", unit]) => service(unit).with("masked", "true").with("state", "stopped"),
        ("systemctl", ["unmask", unit]) => service(unit).with("masked", "false"),
        ("systemctl", ["try-restart", unit]) => service(unit).with("state", "restarted"),
        ("systemctl", ["try-reload-or-restart", unit]) => service(unit).with("state", "reloaded"),
        ("apt-get", ["-q", "update"]) => {
            Task::new(name, "ansible.builtin.apt").with("update_cache", "true").with("cache_valid_time", "3600")
        }
        ("apt-get", arguments) if arguments.contains(&"--") => {
            let names = arguments.iter().skip_while(|a| **a != "--").skip(1).map(|n| literal(n)).collect();
            let has = |word: &str| arguments.iter().take_while(|a| **a != "--").any(|a| *a == word);
            let mut task = Task::new(name, "ansible.builtin.apt");
            task.set("name", Value::List(names));
            if has("remove") {
                task.with("state", "absent")
            } else if has("--only-upgrade") {
                // The newest version is what the fix is for.
                task.with("state", "latest").with("only_upgrade", "true")
            } else {
                task.with("state", "present").with("install_recommends", "false")
            }
        }
        _ => {
            let mut task = Task::new(name, "ansible.builtin.command");
            task.set("argv", Value::List(run.command.iter().map(|a| literal(a)).collect()));
            match (program.rsplit('/').next().unwrap_or_default(), rest.as_slice()) {
                ("modprobe", ["-r", module]) => {
                    task.with("removes", literal(&format!("/sys/module/{}", module.replace('-', "_"))))
                }
                ("modprobe", [module]) => {
                    task.with("creates", literal(&format!("/sys/module/{}", module.replace('-', "_"))))
                }
                _ => task,
            }
            .and("changed_when", "true")
        }
    }
}
