#!/usr/bin/env bash
# The figures of the metrics: what a sample costs against prometheus-node-exporter, glances and netdata; what measuring costs
# all day; what samples need on disk against Prometheus and VictoriaMetrics fed with the same; a year, and a trend out of it.
#   benches/metrics.sh PROGRAM [PART…]      parts: cost day disk year   [default: all of them, about forty minutes]
# Needs root, curl, GNU time, and of the peers those that it shall be measured against (Debian's packages prometheus,
# prometheus-node-exporter, victoria-metrics, glances, netdata); ones that are not installed are left out, and that is said.
set -euo pipefail

program=$(readlink -f "${1:?"usage: benches/metrics.sh PROGRAM [PART…]"}")
shift
parts=${*:-cost day disk year}
cd "$(dirname "$0")/.."
work=$(mktemp -d)
peer=
trap '[ -z "$peer" ] || kill "$peer" 2>/dev/null; rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8 CLEANBILL_CONFIG=$work/none.toml
: > "$CLEANBILL_CONFIG"
# shellcheck source=benches/measure.sh
. benches/measure.sh

wants() { case " $parts " in *" $1 "*) ;; *) return 1 ;; esac; }
has() { command -v "$1" >/dev/null || { printf '%s is not installed, so it was not measured.\n' "$1"; return 1; }; }
bench() { cargo bench --quiet --bench metrics -- "$@"; }
# CPU of a process and of its threads, in hundredths of a second, with that of children that ended.
ticks() { sed 's/^.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 + $14 + $15 }'; }
end_peer() { kill "$peer"; wait "$peer" 2>/dev/null || true; peer=; }
answers() { for _ in $(seq 100); do curl -sf -o /dev/null "$1" && return; sleep 0.2; done; printf 'no answer: %s\n' "$1" >&2; exit 1; }
# line NAME HUNDREDTHS SAMPLES VALUES: milliseconds for one sample, its values, microseconds for each.
line() { awk -v name="$1" -v t="$2" -v n="$3" -v v="$4" 'BEGIN { printf "%-34s %9.2f ms %6d values %8.2f us a value\n", name, t * 10 / n, v, t * 10000 / n / v }'; }

if wants cost; then
    printf 'One sample, CPU:\n'
    bench sample | tee "$work/samplers"
    # What node_exporter reads too. (Of the clock it asks the kernel only, cleanbill the time service as well.)
    same='cpu load memory pressure disk network tcp filesystem temperature uptime'
    for set in "$same" ''; do
        awk -v same=" $set " 'NR > 1 && (same == "  " || index(same, " " $1 " ")) { us += $2; n += $3; share += $2 / $4 / 1e6 }
            END { printf "%-34s %9.2f ms %6d values %8.2f us a value; at 10 s, each in its time: %.3f %% of one core\n",
                  same == "  " ? "cleanbill, all samplers at once" : "cleanbill, what node_exporter reads", us / 1000, n, us / n, share * 100 }' "$work/samplers"
    done
    if has prometheus-node-exporter; then
        prometheus-node-exporter --web.listen-address=127.0.0.1:9191 >/dev/null 2>&1 &
        peer=$!
        answers http://127.0.0.1:9191/metrics
        for _ in 1 2 3 4 5; do curl -s -o /dev/null http://127.0.0.1:9191/metrics; done
        before=$(ticks "$peer")
        for _ in $(seq 200); do curl -s -o "$work/scrape" http://127.0.0.1:9191/metrics; done
        line 'prometheus-node-exporter, a scrape' "$(($(ticks "$peer") - before))" 200 "$(grep -vc '^#' "$work/scrape")"
        end_peer
    fi
    if has glances; then
        glance() { /usr/bin/time -q -o "$1" -f '%U %S' glances --quiet --time 1 --stop-after "$2" --export csv --export-csv-file "$work/glances.csv" --disable-check-update >/dev/null 2>&1; }
        glance "$work/few" 3
        glance "$work/many" 33
        values=$(head -1 "$work/glances.csv" | tr , '\n' | wc -l)
        line 'glances, a sample' "$(cat "$work/few" "$work/many" | awk '{ t[NR] = $1 + $2 } END { print (t[2] - t[1]) * 100 }')" 30 "$values"
    fi
    if has netdata; then
        mkdir -p "$work/netdata"
        printf '[global]\n run as user = root\n[directories]\n cache = %s\n lib = %s\n log = %s\n[db]\n mode = ram\n[web]\n bind to = 127.0.0.1:19998\n[ml]\n enabled = no\n' \
            "$work/netdata" "$work/netdata" "$work/netdata" > "$work/netdata.conf"
        netdata -D -c "$work/netdata.conf" >/dev/null 2>&1 &
        peer=$!
        answers http://127.0.0.1:19998/api/v1/info
        sleep 10
        before=$(ticks "$peer")
        sleep 60
        after=$(ticks "$peer")
        values=$(curl -s 'http://127.0.0.1:19998/api/v1/allmetrics?format=shell' | grep -c '^NETDATA' || true)
        line 'netdata, a second' "$((after - before))" 60 "$values"
        end_peer
    fi
fi

if wants day; then
    printf '\nMeasuring every 10 seconds, for ten minutes, into a new history:\n'
    /usr/bin/time -q -f '%U %S %e %M' -o "$work/day" "$program" collect --every 10s --for 10m --db "$work/day.duckdb" 2>/dev/null
    awk '{ printf "%.2f CPU seconds in %.0f: %.3f %% of one core; at most %.0f MB resident, the batches into the history among them\n", $1 + $2, $3, ($1 + $2) * 100 / $3, $4 / 1024 }' "$work/day"
fi

if wants disk || wants year; then
    # A recording of this machine, once a second; played as if it had been taken every ten.
    "$program" collect --every 1s --for 5m --only cpu,load,memory,pressure,disk,network,tcp,filesystem --db "$work/recording.duckdb" 2>/dev/null
fi
size() { du -sb "$1" | cut -f1; }
each() { awk -v name="$1" -v bytes="$2" -v n="$3" 'BEGIN { printf "%-44s %12d bytes %8.2f a sample\n", name, bytes, bytes / n }'; }

if wants disk; then
    printf '\nThe same two days of samples, every 10 seconds:\n'
    samples=$(bench text "$work/recording.duckdb" 2 "$work/seconds.txt" s)
    used=$(bench fill "$work/recording.duckdb" "$work/two.duckdb" 2)
    each 'cleanbill: all of it, and rolled up, in use' "$used" "$samples"
    each 'cleanbill: its file, with room for a day more' "$(size "$work/two.duckdb")" "$samples"
    if has promtool; then
        promtool tsdb create-blocks-from openmetrics --max-block-duration=48h "$work/seconds.txt" "$work/prometheus" >/dev/null
        each 'Prometheus: blocks of a day or two' "$(size "$work/prometheus")" "$samples"
    fi
    rm -f "$work/seconds.txt"
    if has victoria-metrics; then
        bench text "$work/recording.duckdb" 2 "$work/millis.txt" ms >/dev/null
        victoria-metrics -storageDataPath="$work/victoria" -retentionPeriod=24 -httpListenAddr=127.0.0.1:8499 >/dev/null 2>&1 &
        peer=$!
        answers http://127.0.0.1:8499/health
        curl -sf -T "$work/millis.txt" http://127.0.0.1:8499/api/v1/import/prometheus
        curl -sf http://127.0.0.1:8499/internal/force_flush
        curl -sf http://127.0.0.1:8499/internal/force_merge
        sleep 20
        end_peer
        each 'VictoriaMetrics: data and index' "$(size "$work/victoria")" "$samples"
        rm -f "$work/millis.txt"
    fi
fi

if wants year; then
    printf '\nA year of samples, every 10 seconds:\n'
    printf '%s bytes in use\n' "$(bench fill "$work/recording.duckdb" "$work/year.duckdb" 365)"
    "$program" trend memory --since 90d --db "$work/year.duckdb" | head -3
    read -r cpu wall peak < <(measure 9 "$program" trend memory --since 90d --db "$work/year.duckdb")
    printf 'cleanbill trend memory --since 90d: %s CPU seconds, %s seconds, %s MB\n' "$cpu" "$wall" "$((peak / 1024))"
    read -r cpu wall _ < <(measure 9 "$program" --help)
    printf 'the program alone (--help): %s CPU seconds, %s seconds\n' "$cpu" "$wall"
fi
