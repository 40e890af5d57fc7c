//! What single messages of the kernel mean.

/// The program that was ended for lack of memory, where a message tells of one.
pub(super) fn killed(message: &str) -> Option<&str> {
    let begins = ["Out of memory: ", "Memory cgroup out of memory: ", ""];
    let rest = begins.iter().find_map(|begin| message.strip_prefix(begin)?.strip_prefix("Killed process "))?;
    let (number, rest) = rest.split_once(" (")?;
    number.parse::<u32>().ok()?;
    // A program may call itself anything, with brackets too.
    let end = rest.find(") total-vm").or_else(|| rest.rfind(')')).or_else(|| rest.find(','))?;
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_ended_for_lack_of_memory_are_recognised() {
        for (message, expected) in [
            ("Out of memory: Killed process 4242 (mysqld) total-vm:1012kB, anon-rss:1kB, UID:0", Some("mysqld")),
            ("Memory cgroup out of memory: Killed process 7 (a) b) total-vm:1kB (x)", Some("a) b")),
            ("Killed process 12 (java), UID 1000, total-vm:1kB", Some("java")),
            ("Out of memory: Kill process 12 (java) score 900 or sacrifice child", None),
            ("Killed process x (java) total-vm:1kB", None),
            ("Killed process 12 (", None),
            ("oom-kill:constraint=CONSTRAINT_NONE,task=mysqld,pid=4242,uid=0", None),
            ("usb 1-1: Killed process 12 (java)", None),
            ("", None),
        ] {
            assert_eq!(killed(message), expected, "{message}");
        }
    }
}
