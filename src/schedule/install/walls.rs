//! The part of a unit that keeps what runs in it from what it has no business with. What is left open has its reason
//! beside it, for the administrator who reads it.

use std::{fmt::Write as _, path::PathBuf};

use super::{ScheduleError, needs::Needs, quote};
use crate::host::CONFINED;

/// Around what only looks: the daemon and the audits in it. Their findings are those of an audit outside.
pub(super) fn looking(needs: &Needs) -> Result<String, ScheduleError> {
    let mut out = format!(
        "\n# The walls. The machine is looked at and not changed: what runs here writes to its own folders and nowhere else.\n\
         # {CONFINED} makes an audit look at the machine as its first process sees it, so that nothing hides behind\n\
         # the walls from it.\n\
         Environment={CONFINED}=1\n\
         NoNewPrivileges=yes\nProtectSystem=strict\n"
    );
    folders(needs, &mut out)?;
    out.push_str(
        "PrivateDevices=yes\nPrivateMounts=yes\nProtectClock=yes\nProtectControlGroups=yes\nProtectKernelLogs=yes\n\
         ProtectKernelModules=yes\nProtectKernelTunables=yes\nProtectProc=invisible\nKeyringMode=private\nLockPersonality=yes\n\
         MemoryDenyWriteExecute=yes\nRestrictNamespaces=yes\nRestrictRealtime=yes\nSystemCallArchitectures=native\n\
         SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\nSystemCallErrorNumber=EPERM\nUMask=0077\n\
         \n\
         # Left open, because looking needs it:\n\
         #   CAP_DAC_READ_SEARCH          files that are closed to others: keys, passwords, the homes of people\n\
         #   CAP_SYS_PTRACE               which programs and files the processes of others use; the machine as its first\n\
         #                                process sees it\n\
         #   CAP_NET_ADMIN, CAP_NET_RAW   the rules of the firewall (nft, iptables)\n\
         #   CAP_AUDIT_CONTROL            the rules of the kernel's audit (auditctl)\n\
         CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_NET_ADMIN CAP_NET_RAW CAP_AUDIT_CONTROL\n\
         #   AF_UNIX                      systemd, the record of the system, name services\n\
         #   AF_NETLINK                   network cards, the firewall, the kernel's audit\n\
         #   AF_INET, AF_INET6            the mail server, and the program that keeps the time\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n\
         #   User=                        not set: much of what has to be looked at is open to root alone\n\
         #   RestrictSUIDSGID=            not set: it takes openat2 away, which opens files without being led astray by links\n\
         #   ProtectHostname=             not set: it would go on under the old name when the machine gets a new one\n\
         #   ProcSubset=pid               not set: it would hide the settings of the kernel\n\
         #   PrivateNetwork=              not set: the open ports to be looked at are those of the machine, and mail is sent\n\
         #   IPAddressDeny=               not set: mail servers change their addresses\n\
         #   PrivateUsers=                not set: the owner of every file would look like nobody\n\
         #   RootDirectory=               not set: the whole machine is looked at\n",
    );
    Ok(out)
}

/// Around what only hands mail to a mail server.
pub(super) fn mailing(needs: &Needs) -> Result<String, ScheduleError> {
    let mut out = "\n# The walls: it reads the queue beside the history, writes to it, and talks to the mail server.\n\
                   NoNewPrivileges=yes\nProtectSystem=strict\n"
        .to_owned();
    folders(needs, &mut out)?;
    out.push_str(
        "PrivateDevices=yes\nPrivateMounts=yes\nProtectClock=yes\nProtectControlGroups=yes\nProtectKernelLogs=yes\n\
         ProtectKernelModules=yes\nProtectKernelTunables=yes\nProtectProc=invisible\nKeyringMode=private\nLockPersonality=yes\n\
         MemoryDenyWriteExecute=yes\nRestrictNamespaces=yes\nRestrictRealtime=yes\nSystemCallArchitectures=native\n\
         SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\nSystemCallErrorNumber=EPERM\nUMask=0077\n\
         # CAP_DAC_READ_SEARCH: the file with the password may belong to someone else.\n\
         CapabilityBoundingSet=CAP_DAC_READ_SEARCH\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n\
         # Not set: User= (the history belongs to root), PrivateNetwork= and IPAddressDeny= (mail is sent), ProtectHostname=\n\
         # (it greets the mail server with the name of the machine), RestrictSUIDSGID= (it takes openat2 away).\n",
    );
    Ok(out)
}

/// Around the mail program of this machine.
pub(super) fn sendmail() -> String {
    "\n# The walls leave out what mail programs need. Some change who they are (postdrop, exim), deliver into the homes of\n\
     # people, or write where only they know: so NoNewPrivileges=, ProtectHome=, ProtectSystem=strict and User= are not set.\n\
     ProtectSystem=full\nPrivateTmp=yes\nPrivateDevices=yes\nPrivateMounts=yes\nProtectClock=yes\nProtectControlGroups=yes\nProtectKernelLogs=yes\n\
     ProtectKernelModules=yes\nProtectKernelTunables=yes\nProtectProc=invisible\nKeyringMode=private\nLockPersonality=yes\n\
     RestrictNamespaces=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\nSystemCallArchitectures=native\n\
     SystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM\n\
     CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_SETGID CAP_SETUID\n\
     RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
        .to_owned()
}

/// Around what changes the machine.
pub(super) fn changing() -> String {
    "\n# Few walls: this job changes the machine. It installs packages, writes settings, mounts, turns services on and off, or\n\
     # runs a command of yours. Whatever gives it a tree of its own (ProtectSystem=, ProtectHome=, PrivateTmp=, PrivateDevices=,\n\
     # ProtectKernelTunables= and their like) would hide its changes from the machine, or forbid them. NoNewPrivileges= would\n\
     # break package scripts that act as other users; SystemCallFilter= and RestrictNamespaces= would break some of them too.\n\
     # What no fix needs is closed:\n\
     CapabilityBoundingSet=~CAP_SYS_BOOT CAP_SYS_PACCT CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_MAC_OVERRIDE CAP_LEASE\n\
     KeyringMode=private\nLockPersonality=yes\nRestrictRealtime=yes\n\
     # The files that packages bring are for everybody.\n\
     UMask=0022\n"
        .to_owned()
}

/// What a service of one user can have: a user may take away rights, and cannot build walls.
pub(super) fn of_user(needs: &Needs) -> String {
    let mut out =
        "\n# The walls that a service of one user can have; those that need mounts are for root.\n".to_owned();
    if needs.sendmail.is_some() || needs.changing().next().is_some() {
        out.push_str("# NoNewPrivileges= and filters are not set: mail programs and commands of yours may need to change who they are.\n");
    } else {
        out.push_str(
            "NoNewPrivileges=yes\nLockPersonality=yes\nMemoryDenyWriteExecute=yes\nRestrictNamespaces=yes\nRestrictRealtime=yes\n\
             SystemCallArchitectures=native\nSystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM\n\
             RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n",
        );
    }
    out.push_str("UMask=0077\n");
    out
}

/// Folders: those that may be written to, and those that are hidden.
fn folders(needs: &Needs, out: &mut String) -> Result<(), ScheduleError> {
    if needs.state {
        out.push_str("StateDirectory=cleanbill\nStateDirectoryMode=0700\n");
    }
    if !needs.writable.is_empty() {
        out.push_str("# As the settings say: the history, reports or copies lie there.\n");
    }
    for folder in &needs.writable {
        let _ = writeln!(out, "ReadWritePaths={}", quote::unit(&format!("-{}", quote::text(folder)?))?);
    }
    match needs.in_homes.as_slice() {
        [] => out.push_str("ProtectHome=yes\n"),
        paths => {
            let _ = writeln!(out, "# Not `yes`, because this is needed: {}", listed(paths));
            out.push_str("ProtectHome=read-only\n");
        }
    }
    match needs.in_tmp.as_slice() {
        [] => out.push_str("PrivateTmp=yes\n"),
        paths => {
            let _ = writeln!(out, "# PrivateTmp= is not set, because this is needed: {}", listed(paths));
        }
    }
    Ok(())
}

/// Paths in a comment.
fn listed(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|p| crate::words::harmless(&p.to_string_lossy())).collect();
    shown.join(", ")
}
