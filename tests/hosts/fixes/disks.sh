#!/bin/bash
# Breaks the disks of a host, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

break_disk_not_mounted() { as_vm; mkdir -p /srv/extra; printf 'tmpfs /srv/extra tmpfs size=1m 0 0\n' >> /etc/fstab; }
works_disk_not_mounted() { findmnt /srv/extra >/dev/null; }

break_disk_rules_not_in_force() {
    mkdir -p /srv/rules; printf 'tmpfs /srv/rules tmpfs nosuid,nodev,noexec 0 0\n' >> /etc/fstab
    mount -t tmpfs none /srv/rules
}
works_disk_rules_not_in_force() { findmnt -O nosuid,nodev,noexec /srv/rules >/dev/null; }

break_removable_disk_is_trusted() { mkdir -p /media/usb; printf '/dev/sdz1 /media/usb vfat noauto 0 0\n' >> /etc/fstab; }
works_removable_disk_is_trusted() { says 'noauto.*nosuid' findmnt --fstab -n -o OPTIONS /media/usb; }

break_shared_memory_has_no_limits() { as_vm; mount -o remount,exec,suid,dev /dev/shm; }
works_shared_memory_has_no_limits() { findmnt -O nosuid,nodev,noexec /dev/shm >/dev/null; }

break_temporary_files_can_be_programs() { as_vm; if findmnt /tmp >/dev/null; then umount -l /tmp; fi; }
works_temporary_files_can_be_programs() { findmnt -O nosuid,nodev,noexec /tmp >/dev/null; touch /tmp/x; rm /tmp/x; }

main "$@"
