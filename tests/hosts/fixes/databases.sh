#!/bin/bash
# Ways to set up PostgreSQL badly, one for each check that has a fix and can be broken on this tree. Runs inside a throw-away host, as root.
#
#   databases.sh list         the ids of the checks that it can break
#   databases.sh break ID     breaks the machine so that the check finds something
#   databases.sh works ID     whether what is concerned still works
set -euo pipefail

# Nothing is there where the list alone is asked for.
conf=$(find /etc/postgresql -path '*/main/postgresql.conf' 2>/dev/null || true)
hba=$(find /etc/postgresql -path '*/main/pg_hba.conf' 2>/dev/null || true)
unit=postgresql@$(basename "$(dirname "$(dirname "$conf")")")-main

ids() {
    cat <<-I
	database-not-encrypted
	database-open-to-all
	postgres-may-lose-data
	postgres-open-no-password
	postgres-trusts-local
	postgres-trusts-network
	postgres-weak-passwords
	I
}

whole() {
    [ -f /root/hba ] || { cp -p "$conf" /root/conf; cp -p "$hba" /root/hba; }
    cp -p /root/conf "$conf"; cp -p /root/hba "$hba"
}

set_to() { printf '%s\n' "$@" >> "$conf"; }

break_it() {
    whole
    case $1 in
        database-not-encrypted) set_to "listen_addresses = '*'" 'ssl = off'; echo 'host all all 0.0.0.0/0 scram-sha-256' >> "$hba" ;;
        database-open-to-all) set_to "listen_addresses = '*'  # for the office"; echo 'host all all 0.0.0.0/0 scram-sha-256' >> "$hba" ;;
        postgres-may-lose-data) set_to 'fsync = off' 'full_page_writes off' ;;
        postgres-open-no-password) set_to "listen_addresses = '*'"; echo 'host all all 0.0.0.0/0   trust' >> "$hba" ;;
        postgres-trusts-local) sed -i 's/^local\( *\)all\( *\)all\( *\)peer/local\1all\2all\3trust/' "$hba" ;;
        postgres-trusts-network) set_to "listen_addresses = '*'"; echo 'host all all 10.0.0.0/8 trust' >> "$hba" ;;
        postgres-weak-passwords)
            set_to "listen_addresses = '*'" 'password_encryption = md5'
            echo 'host all all 10.0.0.0/8 md5' >> "$hba"; echo 'host shop shop 10.9.0.0/16 password' >> "$hba" ;;
        *) echo "no such check: $1" >&2; return 2 ;;
    esac
    systemctl restart "$unit"
}

# The server answers its own account.
works() {
    systemctl is-active -q "$unit"
    local said
    said=$(cd / && runuser -u postgres -- psql -qtAc 'select 40 + 2')
    [ "$said" = 42 ]
    case $1 in
        database-open-to-all) [ "$(cd / && runuser -u postgres -- psql -qtAc 'show listen_addresses')" = localhost ] ;;
        postgres-may-lose-data) [ "$(cd / && runuser -u postgres -- psql -qtAc 'show fsync')" = on ] ;;
        database-not-encrypted) [ "$(cd / && runuser -u postgres -- psql -qtAc 'show ssl')" = on ] ;;
        *) ;;
    esac
}

case ${1:-} in
    list) ids ;;
    break) break_it "${2:?which check?}" ;;
    works) works "${2:?which check?}" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
