//! What Ansible has a module for: settings of the kernel, disks, services, packages.

use super::{
    super::super::{
        actions::{Action, FSTAB, LAST, SYSCTL, Sysctl},
        change::{Change, Run},
        formats::Format,
        tree::State,
    },
    Step, Writer,
    yaml::{Task, Value, literal, name_of, quote},
};

impl Writer<'_> {
    /// Actions for which Ansible has a module that does all of it.
    pub(super) fn whole_actions(&self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for action in &self.fix.actions {
            let tasks: Vec<Task> = match action {
                Action::Sysctl(setting) => {
                    let files = [LAST, SYSCTL].into_iter().filter(|path| self.sets(path, setting));
                    files.map(|path| self.setting(path, setting)).collect()
                }
                Action::Mount(mount) => self.mount(&mount.point)?.into_iter().collect(),
                _ => Vec::new(),
            };
            for mut task in tasks {
                self.notify(&mut task);
                steps.push(Step { tasks: vec![task], rescue: Vec::new() });
            }
        }
        Ok(steps)
    }

    fn setting(&self, path: &str, setting: &Sysctl) -> Task {
        let name = format!("Set {} in {path}", name_of(&setting.key).to_lowercase());
        Task::new(name, "ansible.posix.sysctl")
            .with("name", literal(&setting.key))
            .with("value", literal(&setting.value))
            .with("sysctl_file", quote(path))
            .with("sysctl_set", if self.head.live { "true" } else { "false" })
            .with("reload", "false")
            .with("state", "present")
    }

    /// Whether the fix writes a setting of the kernel to a file, or sets it now.
    fn sets(&self, path: &str, setting: &Sysctl) -> bool {
        let value = |state: &Option<State>| {
            state.as_ref().and_then(State::text).and_then(|t| Format::Sysctl.get(t, None, &setting.key))
        };
        self.fix.changes.iter().any(|change| match change {
            Change::File(file) => file.path == path && value(&file.before) != value(&file.after),
            Change::Run(run) => path == SYSCTL && sets_now(run, setting),
        })
    }

    /// The line of the list of disks for a place.
    fn mount(&self, point: &str) -> Result<Option<Task>, String> {
        let Some(text) = self.disks() else { return Ok(None) };
        let now = self.fix.changes.iter().any(|c| matches!(c, Change::Run(run) if remounts(run, point)));
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

    /// The list of disks as this fix makes it; none where it leaves it as it is.
    fn disks(&self) -> Option<&str> {
        self.fix.changes.iter().find_map(|c| match c {
            Change::File(file) if file.path == FSTAB => file.after.as_ref().and_then(State::text),
            _ => None,
        })
    }

    /// Whether an action with a module of its own tells this change.
    pub(super) fn is_told(&self, change: &Change) -> bool {
        self.fix.actions.iter().any(|action| match (action, change) {
            (Action::Sysctl(_), Change::File(file)) => file.path == SYSCTL || file.path == LAST,
            (Action::Sysctl(setting), Change::Run(run)) => sets_now(run, setting),
            (Action::Mount(_), Change::File(file)) => file.path == FSTAB,
            (Action::Mount(mount), Change::Run(run)) => self.disks().is_some() && remounts(run, &mount.point),
            _ => false,
        })
    }
}

/// Whether a program sets this setting of the kernel.
fn sets_now(run: &Run, setting: &Sysctl) -> bool {
    let set = format!("{}={}", setting.key, setting.value);
    run.command.iter().any(|a| a == "-w") && run.command.last() == Some(&set)
}

/// Whether a program gives a mounted place its new options.
fn remounts(run: &Run, point: &str) -> bool {
    run.command.iter().any(|a| a.starts_with("remount,")) && run.command.last().is_some_and(|a| a == point)
}

/// A program as the module that does the same, or as itself.
pub(super) fn program(run: &Run) -> Task {
    let name = name_of(&run.what);
    let mut words = run.command.iter().map(String::as_str);
    let program = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let base = program.rsplit('/').next().unwrap_or_default();
    let service = |unit: &str| Task::new(name.clone(), "ansible.builtin.systemd_service").with("name", literal(unit));
    match (base, rest.as_slice()) {
        ("systemctl", ["daemon-reload"]) => {
            Task::new(name, "ansible.builtin.systemd_service").with("daemon_reload", "true")
        }
        ("systemctl", ["enable", "--now", unit]) => service(unit).with("enabled", "true").with("state", "started"),
        ("systemctl", ["disable", "--now", unit]) => service(unit).with("enabled", "false").with("state", "stopped"),
        ("systemctl", ["mask", "--now", unit]) => service(unit).with("masked", "true").with("state", "stopped"),
        ("systemctl", ["unmask", unit]) => service(unit).with("masked", "false"),
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
            let place = |module: &str| literal(&format!("/sys/module/{}", module.replace('-', "_")));
            match (base, rest.as_slice()) {
                ("modprobe", ["-r", module]) => task.with("removes", place(module)),
                ("modprobe", [module]) => task.with("creates", place(module)),
                _ => task,
            }
            .and("changed_when", "true")
        }
    }
}
