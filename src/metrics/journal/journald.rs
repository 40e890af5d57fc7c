//! The journal of systemd, asked once a minute by one `journalctl` for what is new since the last message that was read.
//! The journal's own index finds errors and warnings among all others, so the rest costs nothing.
//!
//! Crates that read its files without libsystemd are young, and would bring ten thousand lines that read what any program
//! may write into the process that runs as root. `journalctl` is made by those who make the files; asking it costs 15 ms.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    Counts, Entry, WHAT,
    entry::{FIELDS, RESTARTED, SYSTEMD},
};
use crate::{
    facts::{Gap, Reason},
    host::{Command, Host, ReadError},
    words::thousands,
};

/// The most messages that are read at once.
pub(super) const MOST: usize = 5000;
/// Where it may be.
const PROGRAM: &str = "/usr/bin/journalctl";
/// How long it may take. A disk that is busy may make it slow.
const LIMIT: Duration = Duration::from_secs(20);

/// The journal, and up to where it was read.
#[derive(Debug)]
pub(super) struct Journald {
    cursor: Option<String>,
}

/// What `journalctl` is asked with for all after a message.
pub(super) fn read(cursor: &str) -> Vec<String> {
    let mut args: Vec<String> = [
        "--quiet".to_owned(),
        "--no-pager".to_owned(),
        "--output=json".to_owned(),
        format!("--output-fields={FIELDS}"),
        format!("--lines={MOST}"),
        format!("--after-cursor={cursor}"),
    ]
    .into();
    args.extend((0..=4).map(|priority| format!("PRIORITY={priority}")));
    args.extend(["+", "_TRANSPORT=kernel", "+"].map(str::to_owned));
    args.extend([format!("MESSAGE_ID={RESTARTED}"), format!("_SYSTEMD_UNIT={SYSTEMD}")]);
    args
}

impl Journald {
    /// The journal from now on; none where there is no journal.
    ///
    /// # Errors
    /// When it may not be read.
    pub fn new(host: &Host) -> Result<Option<Self>, Gap> {
        let files = ["/var/log/journal/*/*.journal", "/run/log/journal/*/*.journal"];
        let folders = ["/var/log/journal/*", "/run/log/journal/*"];
        let found: Vec<String> = files.iter().flat_map(|pattern| host.glob(pattern)).collect();
        if found.is_empty() {
            // Folders that may not be looked into look empty.
            let closed = |path: &String| matches!(host.list(path), Err(ReadError::Denied(_)));
            let closed = folders.iter().flat_map(|pattern| host.glob(pattern)).find(closed);
            return closed.map_or(Ok(None), |path| Err(Gap::new(WHAT, path, Reason::NeedsRoot)));
        }
        // Whoever may not read the journal of the system gets only messages of their own, which say nothing about it.
        let own = |path: &&String| path.ends_with("/system.journal");
        if let Some(path) = found.iter().find(own)
            && let Err(error) = host.open_file(path)
        {
            return Err(Gap::new(WHAT, path, error.reason()));
        }
        Ok(Some(Journald { cursor: None }))
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// When it cannot be read, or more is new than is read.
    pub fn read(&mut self, host: &Host, counts: &mut Counts) -> Result<(), Gap> {
        let Some(cursor) = &self.cursor else {
            self.cursor = now(host)?;
            return Ok(());
        };
        let said = match ask(host, read(cursor)) {
            Ok(said) => said,
            Err(gap) => {
                // Perhaps the journal is a new one, in which the place is not known.
                self.cursor = None;
                return Err(gap);
            }
        };
        let mut messages = 0;
        let mut last = None;
        for line in said.lines() {
            // One that is broken does not keep the others from counting.
            let Ok(fields) = serde_json::from_str::<Map<String, Value>>(line) else { continue };
            messages += 1;
            counts.add(&Entry::new(&fields));
            if let Some(Value::String(cursor)) = fields.get("__CURSOR") {
                last = Some(cursor.clone());
            }
        }
        if messages < MOST {
            self.cursor = last.or(self.cursor.take());
            return Ok(());
        }
        // Those that were not read are passed over: what comes next counts again.
        self.cursor = now(host)?;
        let what = format!("there were more than {} messages in a minute, and no more are counted", thousands(MOST));
        Err(Gap::new("all that the logs of this machine say", PROGRAM, Reason::Broken(what)))
    }
}

/// Where the journal stands; none where nothing is in it.
fn now(host: &Host) -> Result<Option<String>, Gap> {
    let said = ask(host, ["--quiet", "--no-pager", "--lines=0", "--show-cursor"].map(str::to_owned).into())?;
    Ok(said.lines().find_map(|line| line.strip_prefix("-- cursor: ")).map(|cursor| cursor.trim().to_owned()))
}

fn ask(host: &Host, args: Vec<String>) -> Result<String, Gap> {
    let command = Command::new(&[PROGRAM, "/bin/journalctl"]).args(args).limit(LIMIT).max_output(32 << 20);
    let said = host.run(&command).and_then(|output| output.success("journalctl"));
    said.map_err(|error| Gap::new(WHAT, PROGRAM, error.reason()))
}
