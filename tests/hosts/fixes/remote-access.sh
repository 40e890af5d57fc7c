#!/bin/bash
# Ways to break how people log in from outside, one for each check that has a fix. Runs inside a throw-away host, as root.
#
#   remote-access.sh list         the ids of the checks that it can break
#   remote-access.sh break ID     breaks the machine so that the check finds something
#   remote-access.sh works ID     whether what is concerned still works
set -euo pipefail

drop=/etc/ssh/sshd_config.d/00-broken.conf

ids() {
    cat <<-I
	authorized-keys-can-be-changed
	ssh-client-lends-keys
	ssh-client-trusts-blindly
	ssh-config-can-be-changed
	ssh-empty-passwords
	ssh-host-based
	ssh-host-key-readable
	ssh-many-tries
	ssh-no-records
	ssh-password-login
	ssh-root-login
	ssh-strict-modes-off
	ssh-user-environment
	ssh-weak-ciphers
	ssh-weak-host-key
	ssh-x11-forwarding
	user-key-can-be-read
	I
}

# Someone with a key, who can log in whatever happens to passwords; root has it too.
ann() {
    id ann >/dev/null 2>&1 && return
    useradd -m -s /bin/bash ann
    echo ann:ann | chpasswd
    local home
    for home in /home/ann /root; do mkdir -p "$home/.ssh"; chmod 700 "$home/.ssh"; done
    ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/to-ann
    cp /root/.ssh/to-ann.pub /home/ann/.ssh/authorized_keys
    cp /root/.ssh/to-ann.pub /root/.ssh/authorized_keys
    chmod 600 /home/ann/.ssh/authorized_keys /root/.ssh/authorized_keys
    chown -R ann:ann /home/ann/.ssh
}

settings() {
    printf '%s\n' "$@" > "$drop"
    systemctl reload ssh
}

# As it was before anything was broken here.
whole() {
    rm -f "$drop" /etc/ssh/ssh_config.d/lend.conf /etc/ssh/ssh_config.d/trust.conf /home/ann/.ssh/id_ed25519*
    chmod 644 /etc/ssh/sshd_config
    chmod 600 /etc/ssh/ssh_host_*_key /home/ann/.ssh/authorized_keys
    chmod 700 /home/ann /home/ann/.ssh
}

break_it() {
    ann
    whole
    case $1 in
        authorized-keys-can-be-changed) chmod 666 /home/ann/.ssh/authorized_keys; chmod 777 /home/ann ;;
        ssh-client-lends-keys) printf 'Host *\n    ForwardAgent yes\n' > /etc/ssh/ssh_config.d/lend.conf ;;
        ssh-client-trusts-blindly) printf 'StrictHostKeyChecking no\n' > /etc/ssh/ssh_config.d/trust.conf ;;
        ssh-config-can-be-changed) chmod 666 /etc/ssh/sshd_config ;;
        ssh-empty-passwords) settings 'PermitEmptyPasswords yes' ;;
        ssh-host-based) settings 'IgnoreRhosts no' 'HostbasedAuthentication yes' ;;
        ssh-host-key-readable) chmod 644 /etc/ssh/ssh_host_ed25519_key ;;
        ssh-many-tries) settings 'MaxAuthTries 50' 'LoginGraceTime 0' ;;
        ssh-no-records) settings 'LogLevel QUIET' ;;
        ssh-password-login) settings 'PasswordAuthentication yes' 'KbdInteractiveAuthentication yes' ;;
        ssh-root-login) echo root:root | chpasswd; settings 'PermitRootLogin yes' ;;
        ssh-strict-modes-off) settings 'StrictModes no' ;;
        ssh-user-environment) settings 'PermitUserEnvironment yes' ;;
        ssh-weak-ciphers) settings 'Ciphers aes256-ctr,aes128-cbc' 'MACs hmac-sha2-256,hmac-md5' ;;
        ssh-weak-host-key)
            rm -f /etc/ssh/ssh_host_rsa_key /etc/ssh/ssh_host_rsa_key.pub
            ssh-keygen -q -t rsa -b 1024 -N '' -f /etc/ssh/ssh_host_rsa_key ;;
        ssh-x11-forwarding) settings 'X11Forwarding yes' ;;
        user-key-can-be-read)
            ssh-keygen -q -t ed25519 -N '' -f /home/ann/.ssh/id_ed25519
            chown ann:ann /home/ann/.ssh/id_ed25519*
            chmod 711 /home/ann; chmod 711 /home/ann/.ssh; chmod 644 /home/ann/.ssh/id_ed25519 ;;
        *) echo "no such check: $1" >&2; return 2 ;;
    esac
}

# Ann still gets in by her key, and sshd would start again.
works() {
    sshd -t
    ssh -i /root/.ssh/to-ann -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/dev/null \
        -o ConnectTimeout=5 ann@127.0.0.1 true
    case $1 in
        ssh-root-login) ssh -i /root/.ssh/to-ann -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1 true ;;
        ssh-host-key-readable | ssh-weak-host-key) systemctl restart ssh; systemctl is-active -q ssh ;;
        *) ;;
    esac
}

case ${1:-} in
    list) ids ;;
    break) break_it "${2:?which check?}" ;;
    works) works "${2:?which check?}" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
