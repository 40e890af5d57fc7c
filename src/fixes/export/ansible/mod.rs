//! A plan as an Ansible playbook: one block a fix with the check as its tag, the module that fits each change, handlers
//! for what runs when all files stand. Every value is a quoted scalar, and those with braces are marked as no template.

mod files;
mod modules;
mod yaml;

use std::fmt::Write as _;

use super::{
    super::{
        change::{Change, Run},
        plan::Plan,
        validate,
    },
    Exported, Head, Later, Written, each, late, moment, told,
};
use crate::{fixes::PlannedFix, words::harmless};
use modules::program;
use yaml::{Task, Value, literal, name_of, quote, text_value, words_of};

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
            fail.set("msg", text_value("This fix was not done. Files that it wrote hold again what they held."));
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

/// What one change becomes.
#[derive(Debug, Default)]
struct Step {
    tasks: Vec<Task>,
    rescue: Vec<Task>,
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
                change if self.is_told(change) => {}
                Change::File(file) => {
                    steps.push(self.file(file, n)?);
                    let whole = validate::of_whole(&file.path).into_iter();
                    for command in whole.filter(|c| self.head.live && self.is_there(c)) {
                        if !asked.contains(&command) {
                            asked.push(command);
                        }
                    }
                }
                Change::Run(run) if run.when.is_late() => {}
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

    fn notify(&self, task: &mut Task) {
        if !self.notify.is_empty() {
            task.more.push(("notify", Value::List(self.notify.clone())));
        }
    }
}
