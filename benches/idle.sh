#!/usr/bin/env bash
# What waiting costs, and what measuring every ten seconds: the daemon of cleanbill against fail2ban and netdata (Debian's
# packages), each as it is after its installation, as services of one throw-away host, over the same minutes in which nothing
# happens. And what the weekly job costs: look, report, PDF, mail handed over.
#   benches/idle.sh PROGRAM [SECONDS]      [default: 600 seconds]
# Needs root, and aiosmtpd (tests/mail/setup.sh) for the mail. Packages come from the mirrors of this machine.
set -euo pipefail

program=$(readlink -f "${1:?"usage: benches/idle.sh PROGRAM [SECONDS]"}")
seconds=${2:-600}
here=$(readlink -f "$(dirname "$0")/..")
host=$here/tests/hosts/host.sh
name=cb-$$-idle
work=$(mktemp -d)
sink=
export LC_ALL=C.UTF-8 CLEANBILL_HOST_OWNER=$$ CLEANBILL_HOST_SIZE=3g
trap '"$host" down "$name"; [ -z "$sink" ] || kill "$sink" 2>/dev/null; rm -rf "$work"' EXIT

on() { "$host" exec "$name" "$@"; }

"$host" up "$name" full
root=$("$host" root "$name")
"$host" push "$name" "$program" /usr/local/bin/cleanbill
"$host" push "$name" "$program-daemon" /usr/local/bin/cleanbill-daemon
if [ -n "${DUCKDB_LIB_DIR:-}" ]; then
    "$host" push "$name" "$DUCKDB_LIB_DIR/libduckdb.so" /usr/local/lib/libduckdb.so
    on /sbin/ldconfig
fi

# What the host lacks of netdata and fail2ban is fetched here and installed there.
mkdir -p "$work/debs/partial"
apt-get -qq -y --no-install-recommends -d -o Dir::State::status="$root/var/lib/dpkg/status" \
    -o Dir::Cache::archives="$work/debs" install netdata fail2ban >/dev/null
if compgen -G "$work/debs/*.deb" >/dev/null; then
    on mkdir -p /tmp/debs
    "$host" push "$name" "$work/debs" /tmp/debs
    on sh -c 'DEBIAN_FRONTEND=noninteractive dpkg -i /tmp/debs/*.deb >/dev/null 2>&1' || true
fi
on systemctl start netdata fail2ban

# The mail server of the tests, where the host sees this machine.
python=$("$here/tests/mail/setup.sh")
on mkdir -p /etc/cleanbill
on sh -c 'cat > /etc/cleanbill/cleanbill.toml' <<'TOML'
[mail]
to = ["owner@example.org"]
from = "cleanbill@web01.example.org"
server = "127.0.0.1"
port = 2525
security = "none"
[alerts]
enabled = false
[schedule.look]
when = "every day 2:30"
do = "audit"
[schedule.mail]
when = "every monday 7:00"
do = "email"
TOML
on cleanbill schedule install --yes >/dev/null

# The processes of a unit.
members() { on sh -c "cat /sys/fs/cgroup/system.slice/$1.service/cgroup.procs 2>/dev/null || cat /sys/fs/cgroup/systemd/system.slice/$1.service/cgroup.procs"; }
# Memory in kB: all that is resident, and what these processes made themselves. (What they wrote to would be too much here:
# the disk of the host lies in memory, where parts of a program count as written.)
memory() {
    for pid in $(members "$1"); do on cat "/proc/$pid/smaps_rollup" 2>/dev/null || true; done |
        awk '/^Rss:/ { rss += $2 } /^Anonymous:/ { own += $2 } END { printf "%d %d\n", rss, own }'
}
# Processor time in hundredths of a second, with that of children that ended.
cpu() {
    for pid in $(members "$1"); do on cat "/proc/$pid/stat" 2>/dev/null || true; done |
        sed 's/^.*) //' | awk '{ sum += $12 + $13 + $14 + $15 } END { print sum + 0 }'
}

units='cleanbill fail2ban netdata'
declare -A before
over() {
    sleep 60
    for unit in $units; do before[$unit]=$(cpu "$unit"); done
    sleep "$seconds"
    printf '%-24s %12s %12s %16s\n' "$1, $seconds s" 'resident MB' 'its own MB' '% of one core'
    for unit in $units; do
        after=$(cpu "$unit")
        read -r rss own < <(memory "$unit")
        awk -v u="$unit" -v rss="$rss" -v own="$own" -v t="$((after - before[$unit]))" -v s="$seconds" \
            'BEGIN { printf "%-24s %12.1f %12.1f %16.3f\n", u, rss / 1024, own / 1024, t / s }'
    done
}
over waiting
# The processes that put samples into the history every ten minutes count as the daemon's.
on sh -c 'printf "[metrics]\nenabled = true\n" >> /etc/cleanbill/cleanbill.toml'
on systemctl reload cleanbill
over measuring

# The weekly job, as the service would do it.
"$python" "$here/tests/mail/sink.py" --port 0 --maildir "$work/mail" > "$work/sink" &
sink=$!
until grep -qs '^ready' "$work/sink"; do sleep 0.1; done
port=$(sed -n 's/^ready //p' "$work/sink")
for run in 1 2 3 4 5; do
    CLEANBILL_CONFIG=$work/weekly.toml CLEANBILL_DB=$work/h.duckdb
    export CLEANBILL_CONFIG CLEANBILL_DB
    printf '[mail]\nto = ["owner@example.org"]\nfrom = "c@example.org"\nserver = "127.0.0.1"\nport = %s\nsecurity = "none"\n[schedule.mail]\nwhen = "@weekly"\ndo = "email"\n' \
        "$port" > "$CLEANBILL_CONFIG"
    /usr/bin/time -f "weekly job $run: %e seconds, %U + %S of CPU, %M kB" "$program" schedule run mail >/dev/null
done
