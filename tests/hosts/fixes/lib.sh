# shellcheck shell=bash
# What the scripts of the groups share. Each one breaks a running host, as its root, so that a check finds something:
#
#   GROUP.sh list          the ids of checks that it can break
#   GROUP.sh break ID      breaks the host
#   GROUP.sh answers ID    the answers for --answer ID=…, one a line
#   GROUP.sh works ID      whether what is concerned still works
#
# A group has functions break_ID, works_ID and answers_ID with _ for -; works and answers may be left out.
set -euo pipefail

# Some questions make no sense in a container: what says that this is one goes.
as_vm() {
    grep -q container= /proc/1/environ || return 0
    mount --bind /dev/null /proc/1/environ
    rm -f /run/systemd/container
}

# The password of all people of these hosts, which have no way to the world.
PASSWORD='a long Passw0rd of 2 lines'

# A person with a password and, where it is said, in a group.
person() {
    if ! id -u "$1" >/dev/null 2>&1; then
        useradd --create-home --shell /bin/bash "$1"
        echo "$1:$PASSWORD" | chpasswd
    fi
    [ -z "${2:-}" ] || usermod -aG "$2" "$1"
}

# Whether someone may act as root with their password; and with a wrong one, which must not be.
sudo_works() { su -s /bin/sh "$1" -c 'sudo -S -k -p "" true' <<<"$PASSWORD"; }
sudo_refuses() { if su -s /bin/sh "$1" -c 'sudo -S -k -p "" true' <<<"${2:-wrong}" 2>/dev/null; then return 1; fi; }

main() {
    local what=${1:?what} id=${2:-}
    case $what in
        list) declare -F | sed -n 's/^declare -f break_//p' | tr _ - ;;
        break) "break_${id//-/_}" ;;
        works) if declare -F "works_${id//-/_}" >/dev/null; then "works_${id//-/_}"; else works; fi ;;
        answers) if declare -F "answers_${id//-/_}" >/dev/null; then "answers_${id//-/_}"; fi ;;
        *) echo "unknown: $what" >&2; exit 2 ;;
    esac
}
