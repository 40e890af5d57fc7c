#!/bin/sh
# Stands for `cleanbill` in the commands of the book: keeps what it is called with, and lets it touch nothing but the
# made machine.
log=$(mktemp "@DIR@/log/XXXXXXXX")
for word; do printf '%s\0' "$word"; done >"$log"
if [ -n "${ONLY_READ:-}" ]; then
    [ -t 0 ] || cat >/dev/null
    exit 0
fi
has() {
    wanted=$1
    shift
    for word; do
        case $word in "$wanted" | "$wanted"=*) return 0 ;; esac
    done
    return 1
}
[ "$#" -gt 0 ] || set -- audit
case $1 in
audit | fix | undo | query)
    has --root "$@" || has --audit "$@" || has --help "$@" || has --schema "$@" || set -- "$@" --root "@DIR@/tree"
    ;;
schedule)
    case ${2:-} in
    install) set -- "$@" --into "@DIR@/machine" --program /usr/local/bin/cleanbill --yes ;;
    uninstall) set -- "$@" --into "@DIR@/machine" --yes ;;
    run)
        echo "cleanbill schedule run is not for a test" >&2
        exit 70
        ;;
    esac
    ;;
collect | watch)
    has --once "$@" || has --list "$@" || {
        echo "cleanbill $1 would go on" >&2
        exit 70
    }
    ;;
init)
    has --dry-run "$@" || {
        echo "cleanbill init changes the machine" >&2
        exit 70
    }
    ;;
daemon | self-update)
    echo "cleanbill $1 is not for a test" >&2
    exit 70
    ;;
esac
exec "@PROGRAM@" "$@"
