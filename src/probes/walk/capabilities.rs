//! Privileges attached to a program file (capabilities(7)), which lend rights as the SUID bit does.

use std::ffi::CStr;

/// Names of capabilities(7) by number.
const CAPABILITIES: &[&str] = &[
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// Privileges attached to a program, by name, separated by commas.
pub(super) fn of(root: &std::path::Path, path: &str) -> Option<String> {
    const ATTRIBUTE: &CStr = c"security.capability";
    let full = root.join(path.trim_start_matches('/'));
    let mut value = [0_u8; 32];
    let length = rustix::fs::lgetxattr(&full, ATTRIBUTE, &mut value).ok()?;
    parse(value.get(..length)?)
}

/// `struct vfs_cap_data`: a header, then permitted and inheritable words, lowest 32 first.
pub(super) fn parse(value: &[u8]) -> Option<String> {
    let word = |at: usize| -> Option<u64> {
        let bytes: [u8; 4] = value.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes).into())
    };
    let permitted = word(4)? | word(12).unwrap_or(0) << 32;
    let names: Vec<String> = (0..64_usize)
        .filter(|bit| permitted >> bit & 1 == 1)
        .map(|bit| CAPABILITIES.get(bit).map_or_else(|| format!("cap_{bit}"), |n| (*n).to_owned()))
        .collect();
    (!names.is_empty()).then(|| names.join(","))
}
