#!/bin/bash
# Breaks how a host starts, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

works() { systemctl is-active -q ssh && systemctl cat rescue.service >/dev/null; }

break_boot_files_writable() { person ann; chmod 777 /etc/init.d; chown ann /etc/default/grub 2>/dev/null || true; }

break_keyboard_restart() { as_metal; }
works_keyboard_restart() { works; [ "$(systemctl is-enabled ctrl-alt-del.target)" = masked ]; }

break_rescue_without_password() {
    as_vm
    echo "root:$PASSWORD" | chpasswd
    mkdir -p /etc/systemd/system/rescue.service.d
    printf '[Service]\nEnvironment=SYSTEMD_SULOGIN_FORCE=1\nTimeoutSec=90\n' > /etc/systemd/system/rescue.service.d/open.conf
    systemctl daemon-reload
}
works_rescue_without_password() { works; if says FORCE systemctl show -p Environment rescue.service; then return 1; fi; }

break_shell_without_password() { as_vm; systemctl enable -q debug-shell.service; }

main "$@"
