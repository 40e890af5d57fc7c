#!/bin/bash
# Breaks the accounts of a host, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

works() { visudo -c -q && sudo -n true && pwck -qr && getent passwd root >/dev/null && systemctl is-active -q ssh; }

break_account_not_used() {
    person ann sudo; person bob
    # lastlog(5): a record by number of user; time, line, host.
    perl -e 'open F, "+>>", "/var/log/lastlog"; seek F, 0, 0; close F;
        open F, "+<", "/var/log/lastlog"; for (["root", time], ["bob", time - 900 * 86400]) {
        seek F, (getpwnam $_->[0])[2] * 292, 0; print F pack("L a32 a256", $_->[1], "pts/0", "host") }'
    touch -d '3 years ago' /var/log/wtmp
}
answers_account_not_used() { echo bob; }

break_account_without_password() { person ann sudo; useradd -m -s /bin/bash dave; passwd -dq dave; }
works_account_without_password() { works; says '^dave:!' getent shadow dave; }

break_accounts_do_not_match() {
    sed -i 's/^sudo:x:27:.*/&,ghost/; s/:,ghost/:ghost/' /etc/group
    echo 'gone:!:19000:0:99999:7:::' >> /etc/shadow
    echo 'half:x:1500:100::/home/half:/bin/sh' >> /etc/passwd
}

break_everybody_can_be_root() { person ann sudo; echo 'ALL ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/everybody; chmod 440 /etc/sudoers.d/everybody; }
works_everybody_can_be_root() { works; sudo_works ann; }

break_group_with_password() { groupmod -p "$(openssl passwd -6 x)" users; }

break_guessing_is_not_stopped() { person ann sudo; }
works_guessing_is_not_stopped() {
    works; sudo_works ann
    # In one session: that root becomes ann is a login of ann, and forgets what was counted.
    export PASSWORD
    # shellcheck disable=SC2016
    su -s /bin/sh ann -c 'for n in 1 2 3 4 5; do echo wrong | sudo -S -k -p "" true; done
        if echo "$PASSWORD" | sudo -S -k -p "" true; then exit 1; fi' 2>/dev/null
    faillock --user ann --reset
    sudo_works ann
}

break_home_belongs_to_another() {
    person ann; person bob
    chown root:root /home/ann; rm -r /home/bob
}
works_home_belongs_to_another() { su ann -c 'touch ~/x && rm ~/x'; su bob -c 'touch ~/x && rm ~/x'; }

break_nobody_can_be_admin() {
    passwd -lq root; gpasswd -M '' sudo; person ann
}
answers_nobody_can_be_admin() { echo ann; }
works_nobody_can_be_admin() { sudo_works ann; }

break_old_network_entries() { echo '+::::::' >> /etc/passwd; echo '+:::' >> /etc/group; }

break_others_in_root_group() { person ann; usermod -aG root ann; }

break_password_in_list_of_users() {
    person ann sudo
    local hash
    hash=$(getent shadow ann | cut -d: -f2)
    sed -i "s|^ann:x:|ann:$hash:|" /etc/passwd; sed -i '/^ann:/d' /etc/shadow
}
works_password_in_list_of_users() { works; sudo_works ann; }

break_passwords_may_be_weak() {      # on the tree plus, which has the module
    person ann sudo
    pam-auth-update --package --remove pwquality
}
works_passwords_may_be_weak() { works; sudo_works ann; grep -q pam_pwquality /etc/pam.d/common-password; }

break_power_through_a_group() { person ann; usermod -aG disk ann; }
answers_power_through_a_group() { echo 'ann in disk'; }

break_root_has_password() { person ann sudo; echo "root:$(head -c 12 /dev/urandom | base64)" | chpasswd; }
works_root_has_password() { works; sudo_works ann; }

break_root_program_can_be_swapped() {
    person ann
    mkdir -p /opt/tool; printf '#!/bin/sh\ntrue\n' > /opt/tool/run; chmod 777 /opt/tool /opt/tool/run
    echo 'ann ALL=(root) NOPASSWD: /opt/tool/run' > /etc/sudoers.d/tool; chmod 440 /etc/sudoers.d/tool
}
works_root_program_can_be_swapped() { su ann -c 'sudo -n /opt/tool/run && ! test -w /opt/tool/run'; }

break_root_without_password() {
    person ann sudo; person bob
    printf 'bob\tALL=(ALL)  NOPASSWD:ALL # quick\n' > /etc/sudoers.d/bob; chmod 440 /etc/sudoers.d/bob
}
works_root_without_password() { works; sudo_works bob; sudo_refuses bob; }

break_second_root() { person ann sudo; useradd -o -u 0 -M -s /bin/bash toor; echo toor:abcdefg | chpasswd; }
answers_second_root() { echo toor; }

break_service_account_with_password() { echo 'backup:abc' | chpasswd; }

break_service_account_with_shell() { usermod -s /bin/bash games; }
answers_service_account_with_shell() { echo games; }

break_shell_is_missing() { person ann; sed -i 's|^\(ann:.*\):/bin/bash$|\1:/bin/zsh-gone|' /etc/passwd; }
answers_shell_is_missing() { echo /bin/bash; }
works_shell_is_missing() { su - ann -c true; }

break_sudo_forgets_to_ask() { printf 'Defaults\ttimestamp_timeout=-1, !lecture\n' > /etc/sudoers.d/time; chmod 440 /etc/sudoers.d/time; }

break_sudo_rule_for_nobody() { printf 'gone\tALL=(ALL:ALL) ALL\n# keep\n' > /etc/sudoers.d/gone; chmod 440 /etc/sudoers.d/gone; }

break_sudo_rules_ignored() {
    person ann
    echo 'ann ALL=(ALL) ALL' > /etc/sudoers.d/ann.conf; chmod 440 /etc/sudoers.d/ann.conf
    echo 'ann ALL=(ALL) /bin/true' > /etc/sudoers.d/loose; chmod 466 /etc/sudoers.d/loose
}
answers_sudo_rules_ignored() { printf '%s\n' /etc/sudoers.d/ann.conf /etc/sudoers.d/loose; }
works_sudo_rules_ignored() { works; sudo_works ann; }

break_sudo_settings_are_risky() {
    printf 'Defaults env_keep += "EDITOR LD_PRELOAD"\nDefaults !env_reset\nDefaults !secure_path\n' > /etc/sudoers.d/risky
    chmod 440 /etc/sudoers.d/risky
}
works_sudo_settings_are_risky() {
    works
    local seen
    seen=$(LD_PRELOAD='' EDITOR=vi sudo -n env)
    grep -q '^EDITOR=vi' <<<"$seen"
    if grep -q LD_PRELOAD <<<"$seen"; then return 1; fi
}

break_sudo_shares_the_screen() { sed -i '/use_pty/d' /etc/sudoers; }

break_trusts_other_machines() { person ann; echo 'other ann' > /home/ann/.rhosts; chown ann: /home/ann/.rhosts; }

main "$@"
