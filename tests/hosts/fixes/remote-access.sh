#!/bin/bash
# Breaks how people log in from outside, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317
. "$(dirname "$0")/lib.sh"

drop=/etc/ssh/sshd_config.d/00-broken.conf

# As it was before anything was broken here. Ann has a key, so she can log in whatever happens to passwords; root has it
# too.
whole() {
    local home
    if ! id ann >/dev/null 2>&1; then
        person ann
        ssh-keygen -q -t ed25519 -N '' -f /root/.ssh-to-ann
        for home in /home/ann /root; do
            mkdir -p "$home/.ssh"; chmod 700 "$home/.ssh"
            cp /root/.ssh-to-ann.pub "$home/.ssh/authorized_keys"; chmod 600 "$home/.ssh/authorized_keys"
        done
        chown -R ann:ann /home/ann/.ssh
    fi
    rm -f "$drop" /etc/ssh/ssh_config.d/lend.conf /etc/ssh/ssh_config.d/trust.conf /home/ann/.ssh/id_ed25519*
    chmod 644 /etc/ssh/sshd_config
    chmod 600 /etc/ssh/ssh_host_*_key /home/ann/.ssh/authorized_keys
    chmod 700 /home/ann /home/ann/.ssh
}

settings() {
    printf '%s\n' "$@" > "$drop"
    systemctl reload ssh
}

enters() {
    ssh -i /root/.ssh-to-ann -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o ConnectTimeout=5 "$1@127.0.0.1" true
}

# What sshd goes by now.
goes_by() { grep -qix "$1" <<<"$(sshd -T)"; }

# Ann still gets in by her key, and sshd would start again.
works() { sshd -t; enters ann; }
restarts() { works; systemctl restart ssh; enters ann; }

break_authorized_keys_can_be_changed() { chmod 666 /home/ann/.ssh/authorized_keys; chmod 777 /home/ann; }

break_ssh_client_lends_keys() { printf 'Host *\n    ForwardAgent yes\n' > /etc/ssh/ssh_config.d/lend.conf; }
works_ssh_client_lends_keys() { works; grep -qix 'forwardagent no' <<<"$(ssh -G host)"; }

break_ssh_client_trusts_blindly() { printf 'StrictHostKeyChecking no\n' > /etc/ssh/ssh_config.d/trust.conf; }
works_ssh_client_trusts_blindly() { works; if grep -qixE 'stricthostkeychecking (no|false|off)' <<<"$(ssh -G host)"; then return 1; fi; }

break_ssh_config_can_be_changed() { chmod 666 /etc/ssh/sshd_config; }
works_ssh_config_can_be_changed() { restarts; }

break_ssh_empty_passwords() { settings 'PermitEmptyPasswords yes'; }
works_ssh_empty_passwords() { works; goes_by 'permitemptypasswords no'; }

break_ssh_host_based() { settings 'IgnoreRhosts no' 'HostbasedAuthentication yes'; }
works_ssh_host_based() { works; goes_by 'hostbasedauthentication no'; }

break_ssh_host_key_readable() { chmod 644 /etc/ssh/ssh_host_ed25519_key; }
works_ssh_host_key_readable() { restarts; }

break_ssh_many_tries() { settings 'MaxAuthTries 50' 'LoginGraceTime 0'; }

break_ssh_no_records() { settings 'LogLevel QUIET'; }

break_ssh_password_login() { settings 'PasswordAuthentication yes' 'KbdInteractiveAuthentication yes'; }
works_ssh_password_login() { works; goes_by 'passwordauthentication no'; }

break_ssh_root_login() { echo root:root | chpasswd; settings 'PermitRootLogin yes'; }
works_ssh_root_login() { works; enters root; goes_by 'permitrootlogin \(prohibit\|without\)-password'; }

break_ssh_strict_modes_off() { settings 'StrictModes no'; }
works_ssh_strict_modes_off() { works; goes_by 'strictmodes yes'; }

break_ssh_user_environment() { settings 'PermitUserEnvironment yes'; }
works_ssh_user_environment() { works; goes_by 'permituserenvironment no'; }

break_ssh_weak_ciphers() { settings 'Ciphers aes256-ctr,aes128-cbc' 'MACs hmac-sha2-256,hmac-md5'; }

break_ssh_weak_host_key() {
    rm -f /etc/ssh/ssh_host_rsa_key /etc/ssh/ssh_host_rsa_key.pub
    ssh-keygen -q -t rsa -b 1024 -N '' -f /etc/ssh/ssh_host_rsa_key
}
works_ssh_weak_host_key() { restarts; }

break_ssh_x11_forwarding() { settings 'X11Forwarding yes'; }
works_ssh_x11_forwarding() { works; goes_by 'x11forwarding no'; }

break_user_key_can_be_read() {
    ssh-keygen -q -t ed25519 -N '' -f /home/ann/.ssh/id_ed25519
    chown ann:ann /home/ann/.ssh/id_ed25519*
    chmod 711 /home/ann; chmod 711 /home/ann/.ssh; chmod 644 /home/ann/.ssh/id_ed25519
}
works_user_key_can_be_read() { works; su ann -c 'ssh-keygen -y -f ~/.ssh/id_ed25519' >/dev/null; }

main "$@"
