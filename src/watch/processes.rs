//! Programs that run, from the `sysinfo` library: what each uses. Their names are made harmless here, once.

use std::collections::HashMap;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind, Users};

use crate::words::harmless;

/// A program that runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Who runs it.
    pub user: String,
    /// Its name.
    pub name: String,
    /// Its command line; its name where it has none.
    pub command: String,
    /// Processors that it uses: 1 is one whole.
    pub cpu: f64,
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of processor time since it began.
    pub time: f64,
    /// What it does, in a word.
    pub state: &'static str,
}

/// Reads them again and again.
pub(super) struct Processes {
    system: System,
    users: Option<Users>,
    /// What does not change while a program runs: when it began, who runs it, its name, its command line.
    known: HashMap<u32, Known>,
}

struct Known {
    began: u64,
    /// The name as it was read: a program may change it.
    raw: std::ffi::OsString,
    user: String,
    name: String,
    command: String,
}

/// The most that are shown.
const MOST: usize = 5000;
/// The longest command line, in characters.
const LONGEST: usize = 400;

impl Processes {
    pub(super) fn new() -> Option<Self> {
        let system = System::new().ok()?;
        Some(Processes { system, users: Users::new_with_refreshed_list().ok(), known: HashMap::new() })
    }

    pub(super) fn read(&mut self) -> Vec<Process> {
        let what = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_memory()
            .without_tasks()
            .with_user(UpdateKind::OnlyIfNotSet)
            .with_cmd(UpdateKind::OnlyIfNotSet);
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let processes = self.system.processes();
        self.known.retain(|pid, _| processes.contains_key(&Pid::from_u32(*pid)));
        let mut all: Vec<Process> = Vec::with_capacity(processes.len());
        for (pid, process) in processes {
            let pid = pid.as_u32();
            let same = |known: &Known| known.began == process.start_time() && known.raw == process.name();
            if !self.known.get(&pid).is_some_and(same) {
                self.known.insert(pid, known(process, self.users.as_ref()));
            }
            let Some(known) = self.known.get(&pid) else { continue };
            #[allow(clippy::cast_precision_loss)]
            all.push(Process {
                pid,
                user: known.user.clone(),
                name: known.name.clone(),
                command: known.command.clone(),
                cpu: f64::from(process.cpu_usage()) / 100.0,
                memory: process.memory(),
                time: process.accumulated_cpu_time() as f64 / 1000.0,
                state: state(process.status()),
            });
        }
        if all.len() > MOST {
            all.sort_by(|a, b| b.cpu.total_cmp(&a.cpu).then(b.memory.cmp(&a.memory)));
            all.truncate(MOST);
        }
        all
    }
}

fn known(process: &sysinfo::Process, users: Option<&Users>) -> Known {
    let text = |text: &std::ffi::OsStr| harmless(&text.to_string_lossy()).chars().take(LONGEST).collect::<String>();
    let name = text(process.name());
    let mut command = String::new();
    for word in process.cmd() {
        if command.len() > LONGEST {
            break;
        }
        if !command.is_empty() {
            command.push(' ');
        }
        command.push_str(&text(word));
    }
    let user = process.user_id().map_or_else(String::new, |id| {
        let user = users.and_then(|users| users.get_user_by_id(id));
        user.map_or_else(|| id.to_string(), |user| harmless(user.name()))
    });
    // Threads of the kernel have no command line.
    let command = if command.trim().is_empty() { format!("[{name}]") } else { command };
    Known { began: process.start_time(), raw: process.name().to_owned(), user, name, command }
}

fn state(status: sysinfo::ProcessStatus) -> &'static str {
    match status {
        sysinfo::ProcessStatus::Run => "runs",
        sysinfo::ProcessStatus::UninterruptibleDiskSleep => "disk",
        sysinfo::ProcessStatus::Stop | sysinfo::ProcessStatus::Tracing => "stopped",
        sysinfo::ProcessStatus::Zombie | sysinfo::ProcessStatus::Dead => "zombie",
        _ => "sleeps",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_among_those_that_run() {
        let mut processes = Processes::new().unwrap();
        processes.read();
        let all = processes.read();
        let own = all.iter().find(|process| process.pid == std::process::id()).unwrap();
        assert!(own.memory > 1 << 20, "{own:?}");
        assert!(!own.name.is_empty() && own.command.contains(&own.name[..own.name.len().min(8)]), "{own:?}");
        assert!(all.iter().all(|process| !process.command.contains(char::is_control)));
    }
}
