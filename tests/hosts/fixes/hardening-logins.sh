#!/bin/bash
# Takes extra protection away from a host, a check at a time; most of it a fresh host does not have. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

# People and logins.

# Someone who logs in with a key and may use sudo: by that the fixes of logins are measured.
with_key() {
    person ann sudo; person bob
    [ -f /root/hardening-key ] || ssh-keygen -q -t ed25519 -N '' -f /root/hardening-key
    install -d -m 700 -o ann -g ann /home/ann/.ssh
    install -m 600 -o ann -g ann /root/hardening-key.pub /home/ann/.ssh/authorized_keys
}
by_key() {
    ssh -i /root/hardening-key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
        -o LogLevel=ERROR "$@"
}
# Logins by key and by password, sudo with the right and a wrong password, services, jobs.
logins_work() {
    active ssh cron
    [ "$(by_key ann@127.0.0.1 id -un)" = ann ]
    sudo_works ann; sudo_refuses ann
    faillock --user ann --reset 2>/dev/null || true
    su -s /bin/sh bob -c true; su - ann -c true
    visudo -c -q; sshd -t; pwck -qr; grpck -qr
}
# The lists of people are as now when this script ends, with their times; it may change them until then.
people_stay() {
    mkdir -p /run/people/etc/security; trap people_back EXIT
    for list in "${LISTS[@]}"; do if [ -e "$list" ]; then cp -a "$list" "/run/people$list"; fi; done
}
people_back() {
    for list in "${LISTS[@]}"; do
        if [ -e "/run/people$list" ]; then cp -a "/run/people$list" "$list"; else rm -f "$list"; fi
    done
    rm -r /run/people
}
LISTS=(/etc/{passwd,shadow,group,gshadow,subuid,subgid}{,-} /etc/security/opasswd{,.old})
# One setting of sshd as it counts.
sshd_says() { sshd -T | grep -ix "$1" >/dev/null; }

break_ssh_settings_not_tight() { with_key; }
works_ssh_settings_not_tight() {
    logins_work
    for s in 'clientaliveinterval 300' 'clientalivecountmax 3' 'logingracetime 60' 'maxstartups 10:30:60' \
        'permitemptypasswords no' 'ignorerhosts yes' 'loglevel INFO'; do sshd_says "$s"; done
}

break_ssh_tries_by_default() { with_key; }
works_ssh_tries_by_default() { logins_work; sshd_says 'maxauthtries 4'; }

# Whether someone who logs in reaches a door of this machine by that, and what is behind it speaks.
tunnel() { grep '^SSH-' >/dev/null <<<"$(by_key -W 127.0.0.1:22 ann@127.0.0.1 </dev/null 2>/dev/null | tr -d '\0')"; }
break_ssh_tunnels_allowed() { with_key; tunnel; }
works_ssh_tunnels_allowed() {
    logins_work
    echo hello > /root/sent; scp_key /root/sent ann@127.0.0.1:sent; cmp /root/sent /home/ann/sent
    rm /root/sent /home/ann/sent
    # A way through this machine to a door of its own is closed: it was open before.
    if tunnel; then return 1; fi
}
scp_key() { scp -q -i /root/hardening-key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o LogLevel=ERROR "$@"; }

# Root has a key, and who works is someone else.
break_ssh_root_with_key() { with_key; }
works_ssh_root_with_key() {
    logins_work; sshd_says 'permitrootlogin no'
    install -d -m 700 /root/.ssh; cat /root/hardening-key.pub >> /root/.ssh/authorized_keys
    if by_key root@127.0.0.1 true 2>/dev/null; then return 1; fi
    rm /root/.ssh/authorized_keys
}

break_ssh_older_codes_offered() { with_key; }
works_ssh_older_codes_offered() {
    logins_work
    if by_key -m hmac-sha1 -c aes128-ctr ann@127.0.0.1 true 2>/dev/null; then return 1; fi
    by_key -m hmac-sha2-256 -c aes128-ctr ann@127.0.0.1 true
}

break_no_warning_before_login() { with_key; }
works_no_warning_before_login() {
    logins_work
    ssh -i /root/hardening-key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
        ann@127.0.0.1 true 2>&1 | grep 'Authorized users only' >/dev/null
}

break_sudo_keeps_no_record() { with_key; }
works_sudo_keeps_no_record() {
    logins_work
    grep -q 'COMMAND=.*/true' /var/log/sudo.log
    logrotate -d /etc/logrotate.d/cleanbill-sudo 2>&1 | grep '/var/log/sudo.log' >/dev/null
    # The record is nothing that the fix wrote.
    rm /var/log/sudo.log
}

break_sudo_makes_open_files() { with_key; }
works_sudo_makes_open_files() {
    logins_work
    su -s /bin/sh ann -c 'sudo -S -k -p "" touch /root/made' <<<"$PASSWORD"
    [ "$(stat -c %a /root/made)" = 600 ]; rm /root/made
}

break_guessing_not_limited() { with_key; }
works_guessing_not_limited() {
    logins_work
    if grep -q nullok /etc/pam.d/common-auth; then return 1; fi
    export PASSWORD
    # In one session: that root becomes ann is a login of ann, and forgets what was counted.
    # shellcheck disable=SC2016
    su -s /bin/sh ann -c 'for n in 1 2 3; do echo wrong | sudo -S -k -p "" true; done
        if echo "$PASSWORD" | sudo -S -k -p "" true; then exit 1; fi' 2>/dev/null
    by_key ann@127.0.0.1 true           # a key is no guess
    faillock --user ann --reset
    sudo_works ann
    # Wrong ones in between are forgotten by a right one.
    for _ in 1 2 3 4; do sudo_refuses ann; sudo_works ann; done
}

# On the tree plus, which has the module.
break_new_passwords_not_checked() { with_key; pam-auth-update --package --remove pwquality; }
works_new_passwords_not_checked() {
    logins_work; people_stay
    local good='Quite9-Other,Horse' old="$PASSWORD"
    # change OLD NEW: as bob
    change() { printf '%s\n%s\n%s\n' "$1" "$2" "$2" | su -s /bin/sh bob -c passwd >/dev/null 2>&1; }
    if change "$old" short; then return 1; fi
    change "$old" "$good"
    if change "$good" "$old"; then return 1; fi
}

break_passwords_never_end() { with_key; }
works_passwords_never_end() {
    logins_work; people_stay
    useradd -m new; [ "$(getent shadow new | cut -d: -f4,5,7)" = 1:365:45 ]; userdel -r new 2>/dev/null
    useradd -r prog; [ "$(getent shadow prog | cut -d: -f4,5)" = : ]; userdel prog
    [ "$(getent shadow ann | cut -d: -f5)" = 99999 ]
}

break_new_passwords_older_way() { with_key; }
works_new_passwords_older_way() {
    logins_work; people_stay
    useradd -m new; echo 'new:Another9-good,one!' | chpasswd
    getent shadow new | grep -q '^new:[$]y[$]'; userdel -r new 2>/dev/null
}

# Whether bob, who is no administrator, becomes ann with her password.
# shellcheck disable=SC2016
bob_becomes_ann() { PASSWORD=$PASSWORD su -s /bin/sh bob -c 'echo "$PASSWORD" | su ann -c true' 2>/dev/null; }
break_su_open_to_all() { with_key; bob_becomes_ann; }
works_su_open_to_all() {
    logins_work
    if bob_becomes_ann; then return 1; fi
    [ "$(getent group sugroup | cut -d: -f1,4)" = sugroup: ]
}

break_idle_terminals_stay_open() { with_key; }
works_idle_terminals_stay_open() {
    logins_work
    # shellcheck disable=SC2016
    [ "$(su - ann -c 'echo $TMOUT')" = 600 ]
    [ -z "$(dash -l -c true 2>&1)" ]
    [ -z "$(bash -l -c 'bash -l -c true' 2>&1)" ]
}

break_new_files_open_by_default() { with_key; }
works_new_files_open_by_default() {
    logins_work
    [ "$(su - ann -c 'touch made; stat -c %a made; rm made')" = 600 ]
    # Services make their files as before.
    systemd-run -q --wait -p RemainAfterExit=no touch /run/made-by-service
    [ "$(stat -c %a /run/made-by-service)" = 644 ]
}

break_crash_files_allowed() { with_key; }
works_crash_files_allowed() { logins_work; [ "$(su - ann -c 'ulimit -H -c')" = 0 ]; }

break_settings_can_be_read() { with_key; }
works_settings_can_be_read() {
    logins_work
    systemctl restart ssh; by_key ann@127.0.0.1 true
    if su -s /bin/sh bob -c 'cat /etc/ssh/sshd_config || cat /etc/crontab' 2>/dev/null >&2; then return 1; fi
}

break_records_can_be_read() { with_key; }
works_records_can_be_read() {
    logins_work
    systemd-tmpfiles --create 2>/dev/null || true
    [ "$(stat -c %a /var/log/wtmp)" = 640 ]
    last >/dev/null
    logrotate -d /etc/logrotate.conf 2>/dev/null
}

break_records_cut_weekly() { :; }
works_records_cut_weekly() { logrotate -d /etc/logrotate.conf 2>/dev/null; grep -qx daily /etc/logrotate.conf; }

break_root_at_every_screen() { with_key; }
works_root_at_every_screen() { logins_work; grep -q '^auth.*pam_securetty' /etc/pam.d/login; }

works() { logins_work; }

main "$@"
