#!/bin/bash
# Sets up databases badly, a check at a time. See lib.sh.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091,SC2317,SC2034
. "$(dirname "$0")/lib.sh"

TREE=wide

# Nothing is there where the list alone is asked for.
conf=$(find /etc/postgresql -path '*/main/postgresql.conf' 2>/dev/null || true)
hba=$(find /etc/postgresql -path '*/main/pg_hba.conf' 2>/dev/null || true)
unit=postgresql@$(basename "$(dirname "$(dirname "$conf")")")-main

whole() {
    as_first "$conf" "$hba" /etc/redis/redis.conf /etc/memcached.conf
    rm -f /etc/mysql/conf.d/broken.cnf
    systemctl stop redis-server memcached mariadb
    systemctl restart "$unit"
}

# postgres SETTING… [-- RULE…]: what is added to its settings and to the list of who may log in.
postgres() {
    while [ $# -gt 0 ] && [ "$1" != -- ]; do printf '%s\n' "$1" >> "$conf"; shift; done
    [ $# = 0 ] || { shift; printf '%s\n' "$@" >> "$hba"; }
    systemctl restart "$unit"
}

asked() { (cd / && runuser -u postgres -- psql -qtAc "$1"); }

# The server answers its own account.
works() { systemctl is-active -q "$unit"; [ "$(asked 'select 40 + 2')" = 42 ]; }

break_database_not_encrypted() { postgres "listen_addresses = '*'" 'ssl = off' -- 'host all all 0.0.0.0/0 scram-sha-256'; }
works_database_not_encrypted() { works; [ "$(asked 'show ssl')" = on ]; }

break_database_open_to_all() { postgres "listen_addresses = '*'  # for the office" -- 'host all all 0.0.0.0/0 scram-sha-256'; }
works_database_open_to_all() { works; [ "$(asked 'show listen_addresses')" = localhost ]; }

break_postgres_may_lose_data() { postgres 'fsync = off' 'full_page_writes off'; }
works_postgres_may_lose_data() { works; [ "$(asked 'show fsync')$(asked 'show full_page_writes')" = onon ]; }

break_postgres_open_no_password() { postgres "listen_addresses = '*'" -- 'host all all 0.0.0.0/0   trust'; }

break_postgres_trusts_local() {
    sed -i 's/^local\( *\)all\( *\)all\( *\)peer/local\1all\2all\3trust/' "$hba"
    postgres
}

break_postgres_trusts_network() { postgres "listen_addresses = '*'" -- 'host all all 10.0.0.0/8 trust'; }

break_postgres_weak_passwords() {
    postgres "listen_addresses = '*'" 'password_encryption = md5' -- 'host all all 10.0.0.0/8 md5' 'host shop shop 10.9.0.0/16 password'
}
works_postgres_weak_passwords() { works; [ "$(asked 'show password_encryption')" = scram-sha-256 ]; }

break_memcached_open() {
    sed -i 's/^-l .*/-l 0.0.0.0/' /etc/memcached.conf; sed -i '/^-l ::1/d' /etc/memcached.conf; echo '-U 11211' >> /etc/memcached.conf
    systemctl restart memcached
}
works_memcached_open() { systemctl is-active -q memcached; door_says 11211 'VERSION*' 'version\r\n'; }

break_mysql_lets_everyone_in() {
    printf '[mysqld]\n# forgot the password\nskip-grant-tables\n' > /etc/mysql/conf.d/broken.cnf
    systemctl restart mariadb
}
works_mysql_lets_everyone_in() {
    [ "$(mysql -N -e 'select 40 + 2')" = 42 ]
    # Nobody has no account there.
    if runuser -u nobody -- mysql -u root -e 'select 1' 2>/dev/null; then return 1; fi
}

break_mysql_reads_local_files() { printf '[mysqld]\nlocal_infile = ON\n' > /etc/mysql/conf.d/broken.cnf; systemctl restart mariadb; }
works_mysql_reads_local_files() { [ "$(mysql -N -e 'select @@local_infile')" = 0 ]; }

redis() {
    local setting
    for setting; do sed -i "s/^${setting%% *} .*/$setting/" /etc/redis/redis.conf; done
    systemctl restart redis-server
}
break_redis_guard_off() { redis 'protected-mode no'; }
works_redis_guard_off() { [ "$(redis-cli ping)" = PONG ]; [ "$(redis-cli config get protected-mode | tail -1)" = yes ]; }

break_redis_open_no_password() { redis 'bind 0.0.0.0' 'protected-mode no'; }
works_redis_open_no_password() { works_redis_guard_off; [ "$(redis-cli config get bind | tail -1)" = '127.0.0.1 -::1' ]; }

main "$@"
