say() { printf '%s\n' "$*"; }
tell() { printf '  %s\n' "$*" >&2; }
# A path with nothing in it that a terminal would obey.
shown() { printf '%s' "$1" | LC_ALL=C tr -c '\040-\176' '?'; }

# What lies at a place, as one word; and the same of its rights alone.
access_list() {
	# shellcheck disable=SC2012 # only ls tells; of what it prints the name is cut off
	case $(LC_ALL=C ls -ld -- "$1" | head -c 11) in
	??????????+) printf '+' ;;
	esac
}
digest() {
	sum=$(sha256sum) && printf '%s' "${sum%% *}"
}
state() {
	if [ -L "$1" ]; then
		printf 'link:%s' "$(readlink -n -- "$1" | digest)"
	elif [ -f "$1" ]; then
		printf 'file:%s%s:%s' "$(stat -c '%a:%u:%g' -- "$1")" "$(access_list "$1")" "$(digest <"$1")"
	elif [ -d "$1" ]; then
		printf 'folder:%s%s' "$(stat -c '%a:%u:%g' -- "$1")" "$(access_list "$1")"
	elif [ -e "$1" ]; then
		printf 'other:%s' "$(stat -c '%a:%u:%g' -- "$1")"
	else
		printf 'nothing'
	fi
}
rights() {
	if [ -L "$1" ] || [ ! -e "$1" ]; then
		printf 'none'
	else
		printf 'rights:%s%s' "$(stat -c '%a:%u:%g' -- "$1")" "$(access_list "$1")"
	fi
}
# is NAME STATES: whether it is as one of these.
is() {
	for wanted in $2; do
		case $wanted in
		rights:*) now=$(rights "$1") ;;
		*) now=$(state "$1") ;;
		esac
		[ "$now" != "$wanted" ] || return 0
	done
	return 1
}

# Goes to the folder of a path; no link is followed on the way.
at() {
	path=$1
	folder=$ROOT${1%/*}
	folder=${folder:-/}
	name=./${1##*/}
	cd -P -- "$folder" 2>/dev/null || {
		tell "$(shown "$path"): its folder is not there"
		return 1
	}
	here=$(pwd -P && echo x)
	[ "${here%?x}" = "$folder" ] || {
		tell "$(shown "$path"): there is a link on the way that was not there, so it is left alone"
		return 1
	}
}
# Whether someone else may rename things on the way to this folder.
shared() {
	up=$(pwd -P && echo x)
	up=${up%?x}
	while [ "$up" != "${ROOT:-/}" ]; do
		owner_and_mode=$(stat -c '%u:%a' -- "$up") || return 0
		case $owner_and_mode in
		*[2367] | *[2367]?) return 0 ;;
		"0:"* | "$ME:"*) ;;
		*) return 0 ;;
		esac
		up=${up%/*}
		up=${up:-/}
	done
	return 1
}
changed_since() {
	tell "$(shown "$path"): it is no longer as it was when this was written, so it is left alone"
	return 1
}
beside() {
	printf './.cleanbill-%s' "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')"
}
# Owner and rights of something that is held open.
dress() {
	[ "$(stat -L -c '%u:%g' -- "$1")" = "$2" ] || chown -- "$2" "$1" || return 1
	[ "$(stat -L -c '%a' -- "$1")" = "$3" ] || chmod -- "$3" "$1"
}

# Notes a step in the backup, with what lies there now.
note() {
	record=$BACKUP/$step
	mkdir -p -- "$record" && printf '%s' "$PLAN" >"$BACKUP/plan" && printf '%s' "$FIX" >"$record/fix" || return 1
	if [ ! -e "$BACKUP/script" ] && [ -f "$SELF" ]; then
		cp -- "$SELF" "$BACKUP/script" || return 1
	fi
}
keep() {
	note && printf '%s' "$path" >"$record/path" && printf '%s' "${wanted_states%% *}" >"$record/after" || return 1
	if [ -L "$name" ] || [ -f "$name" ]; then
		cp -aT -- "$name" "$record/before" && [ "$(state "$name")" = "$(state "$record/before")" ] && return 0
		tell "$(shown "$path"): no backup could be written, so it is left alone"
		rm -rf -- "$record"
		return 1
	fi
}
keep_rights() {
	note && printf '%s' "$path" >"$record/path" && printf '%s' "${wanted_states%% *}" >"$record/after" &&
		stat -c '%u:%g %a' -- "$name" >"$record/rights" || return 1
	if [ -n "$(access_list "$name")" ]; then
		getfacl -p -- "$name" >"$record/acl"
	fi
}

# Each step ends with 0 when it changed something, 10 when all is as wanted already, 1 when it was not done.
step() {
	verb=$1
	shift
	("$verb" "$@")
	case $? in
	0) CHANGED=yes ;;
	10) ;;
	*) return 1 ;;
	esac
}
# put STEP PATH OWNER MODE BEFORE WANTED TEST PRODUCER...: a file with the content that the producer prints.
put() { step put_ "$@"; }
put_() {
	step=$1 owner=$3 mode=$4 before=$5 wanted_states=$6 try=$7
	at "$2" || return 1
	shift 7
	is "$name" "$before" || {
		is "$name" "$wanted_states" && return 10
		changed_since
		return 1
	}
	new=$(beside)
	trap 'rm -f -- "$new"' EXIT
	if ! (
		set -C
		{ "$@" && dress /proc/self/fd/3 "$owner" "$mode"; } >"$new" 3>&1
	) || ! is "$new" "${wanted_states%% *}"; then
		tell "$(shown "$path"): the new file could not be written"
		return 1
	fi
	"$try" "$PWD/${new#./}" && keep && is "$name" "$before" || return 1
	case $before in
	nothing) ln -T -- "$new" "$name" ;;
	*) mv -fT -- "$new" "$name" ;;
	esac
}
# Bytes of the file as it is: from here, so many.
from() { tail -c "+$(($1 + 1))" -- "$name" | head -c "$2"; }
# link STEP PATH TARGET BEFORE WANTED
link() { step link_ "$@"; }
link_() {
	step=$1 target=$3 before=$4 wanted_states=$5
	at "$2" || return 1
	is "$name" "$before" || {
		is "$name" "$wanted_states" && return 10
		changed_since
		return 1
	}
	keep || return 1
	new=$(beside)
	trap 'rm -f -- "$new"' EXIT
	case $before in
	nothing) ln -sT -- "$target" "$name" ;;
	*) ln -sT -- "$target" "$new" && mv -fT -- "$new" "$name" ;;
	esac
}
# folder STEP PATH OWNER MODE BEFORE WANTED
folder() { step folder_ "$@"; }
folder_() {
	step=$1 owner=$3 mode=$4 before=$5 wanted_states=$6
	at "$2" || return 1
	is "$name" "$before" || {
		is "$name" "$wanted_states" && return 10
		changed_since
		return 1
	}
	keep && mkdir -m 700 -- "$name" && dress_it "$owner" "$mode" ''
}
# away STEP PATH BEFORE WANTED: a file goes; its copy stays in the backup.
away() { step away_ "$@"; }
away_() {
	step=$1 before=$3 wanted_states=$4
	at "$2" || return 1
	is "$name" "$before" || {
		is "$name" "$wanted_states" && return 10
		changed_since
		return 1
	}
	keep && is "$name" "$before" && rm -f -- "$name"
}
# set_rights STEP PATH OWNER MODE BEFORE WANTED [ACL]: other rights for what is there; never through a link.
set_rights() { step set_rights_ "$@"; }
set_rights_() {
	step=$1 owner=$3 mode=$4 before=$5 wanted_states=$6 lists=${7-}
	at "$2" || return 1
	is "$name" "$before" || {
		is "$name" "$wanted_states" && return 10
		changed_since
		return 1
	}
	if keep_rights && dress_it "$owner" "$mode" "$lists" && is "$name" "$wanted_states"; then
		return 0
	fi
	tell "$(shown "$path"): its rights could not be set"
	return 1
}
dress_it() {
	if [ -f "$name" ] || [ -d "$name" ]; then
		# What is open is changed, whatever its name leads to by then.
		dress_open "$@" 3<"$name"
	elif [ ! -L "$name" ] && ! shared; then
		dress "$name" "$1" "$2"
	else
		return 1
	fi
}
dress_open() {
	[ ! -L "$name" ] && [ "$(stat -L -c '%d:%i' /proc/self/fd/3)" = "$(stat -c '%d:%i' -- "$name")" ] || return 1
	if shared && [ -f "$name" ] && [ "$(stat -L -c '%h' /proc/self/fd/3)" != 1 ]; then
		tell "$(shown "$path"): it has a second name somewhere else"
		return 1
	fi
	case $3 in
	'') ;;
	none) setfacl -b /proc/self/fd/3 || return 1 ;;
	*) setfacl --set-file="$3" /proc/self/fd/3 || return 1 ;;
	esac
	dress /proc/self/fd/3 "$1" "$2"
}

# Programs: a clean environment, a limit of time, nobody to answer.
run() {
	limit=$1
	shift
	# What they create has the rights that it should have.
	(umask 022 && exec timeout -k 5 "$limit" "$@" </dev/null 9>&-)
}
# Asks a program whether it can live with what stands now.
ask() {
	[ -x "$1" ] || return 0
	said=$(run 60 "$@" 2>&1) || {
		tell "$1 does not take it: $(shown "$(printf '%s' "$said" | tail -n 1)")"
		return 1
	}
}
no_test() { :; }
unchanged() { [ "$CHANGED" = no ]; }
# Whether an earlier start of this script ran a step.
known() {
	for earlier in "$BACKUPS"/*/"$1"/ran; do
		[ -e "$earlier" ] && [ ! -e "${earlier%/ran}/back" ] && [ ! -e "${earlier%/*/ran}/undone" ] &&
			[ "$(cat -- "${earlier%/*/ran}/plan")" = "$PLAN" ] && return 0
	done
	return 1
}
# program STEP SECONDS WHAT COMMAND...
program() {
	step=$1 seconds=$2
	say "  $3"
	shift 3
	note && : >"$record/ran" || return 1
	CHANGED=yes
	run "$seconds" "$@" || {
		tell "$1 failed"
		return 1
	}
}
# mark STEP: a fix that is nothing but programs that run when all files stand.
mark() {
	step=$1
	note && : >"$record/ran" && CHANGED=yes
}
# What programs would find done already.
is_on() { systemctl is-enabled -q -- "$1" 2>/dev/null && systemctl is-active -q -- "$1"; }
is_off() { ! systemctl is-enabled -q -- "$1" 2>/dev/null && ! systemctl is-active -q -- "$1"; }
is_masked() { [ "$(systemctl is-enabled -- "$1" 2>/dev/null)" = masked ] && ! systemctl is-active -q -- "$1"; }
is_kernel_setting() { [ "$(sysctl -n -- "$1" 2>/dev/null | tr -s '\t ' '  ')" = "$2" ]; }
is_loaded() { grep -q "^$1 " /proc/modules; }
lists_are_new() { [ -n "$(find /var/lib/apt/lists -maxdepth 0 -mtime -1 2>/dev/null)" ]; }
apt_has_nothing_to_do() {
	said=$(run 300 "$@" 2>/dev/null) && ! printf '%s\n' "$said" | grep -q -e '^Inst ' -e '^Remv '
}
# account NAME FIELD BEFORE WANTED: 0 as wanted already, 1 to be done, 2 neither. Field 2 is the password: only whether
# it is locked is looked at.
account() {
	line=$(account=$1 awk -F: '$1 == ENVIRON["account"] { print; exit }' /etc/shadow)
	[ -n "$line" ] || {
		tell "there is no account $(shown "$1")"
		return 2
	}
	value=$(printf '%s\n' "$line" | field=$2 awk -F: '{ print $(ENVIRON["field"] + 0) }')
	if [ "$2" = 2 ]; then
		case $value in
		'!'* | '*'*) value=locked ;;
		*) value=open ;;
		esac
	fi
	for wanted in $4; do
		[ "${value:-none}" != "$wanted" ] || return 0
	done
	[ "${value:-none}" != "$3" ] || return 1
	tell "the account $(shown "$1") is no longer as it was when this was written, so it is left alone"
	return 2
}
# account_step STEP NAME FIELD BEFORE WANTED COMMAND...
account_step() {
	step=$1
	(account "$2" "$3" "$4" "$5")
	case $? in
	0) return 0 ;;
	1) ;;
	*) return 1 ;;
	esac
	shift 5
	note && cp -a -- /etc/shadow "$record/shadow" && : >"$record/ran" || return 1
	CHANGED=yes
	run 60 "$@"
}

begin() {
	FIX=$1 CHANGED=no
	say "$2"
}
end() {
	if [ "$1" = 0 ] && [ "$CHANGED" = no ]; then
		say "  stands already"
	elif [ "$1" = 0 ]; then
		say "  done"
		for late in $(late_of "$FIX"); do
			PAIRS="$late:$FIX $PAIRS"
		done
	else
		take_fix_back "$FIX"
		say "  NOT DONE, nothing of it stays"
	fi
}
take_fix_back() {
	FAILED=yes
	steps=
	for record in "$BACKUP"/[0-9]*/; do
		record=${record%/}
		[ -e "$record/fix" ] && [ "$(cat -- "$record/fix")" = "$1" ] && steps="${record##*/} $steps"
	done
	for step in $steps; do
		take_back "$BACKUP/$step" || tell "step $step could not be taken back: see $BACKUP/$step"
	done
}
late() {
	case " $PAIRS" in
	*" $1:"*) ;;
	*) return 0 ;;
	esac
	say "$2"
	late_run "$1" && return 0
	tell "it failed, so the fixes that need it are taken back"
	for pair in $PAIRS; do
		case $pair in
		"$1:"*) take_fix_back "${pair#*:}" ;;
		esac
	done
	late_run "$1" || :
}

# Takes one step back, when what it left is still there.
take_back() {
	(take_back_ "$1") && : >"$1/back"
}
take_back_() {
	record=$1
	[ ! -e "$record/back" ] || return 0
	if [ -e "$record/ran" ]; then
		undo_program "${record##*/}"
		return
	fi
	path=$(cat -- "$record/path" && echo x)
	at "${path%x}" || return 1
	if [ -e "$record/rights" ]; then
		was=$(cat -- "$record/rights")
		acl=
		[ ! -e "$record/acl" ] || acl=$record/acl
		[ "$(rights "$name")" != "rights:${was#* }:${was% *}${acl:++}" ] || return 0
		is "$name" "$(cat -- "$record/after")" && dress_it "${was% *}" "${was#* }" "$acl"
		return
	fi
	if [ -L "$record/before" ] || [ -e "$record/before" ]; then
		before=$(state "$record/before")
	else
		before=nothing
	fi
	! is "$name" "$before" || return 0
	is "$name" "$(cat -- "$record/after")" || {
		tell "$(shown "$path"): someone changed it since, so it stays; its older copy is $record/before"
		return 1
	}
	if [ "$before" != nothing ]; then
		new=$(beside)
		trap 'rm -f -- "$new"' EXIT
		cp -aT -- "$record/before" "$new" && mv -fT -- "$new" "$name"
	elif [ -d "$name" ] && [ ! -L "$name" ]; then
		rmdir -- "$name"
	else
		rm -f -- "$name"
	fi
}
undo() {
	newest=
	for backup in "$BACKUPS"/*/plan; do
		[ -e "$backup" ] && [ ! -e "${backup%/plan}/undone" ] && [ "$(cat -- "$backup")" = "$PLAN" ] &&
			newest=${backup%/plan}
	done
	[ -n "$newest" ] || {
		say "There is nothing to take back."
		return 0
	}
	steps='' lates=''
	for record in "$newest"/[0-9]*/; do
		record=${record%/}
		steps="${record##*/} $steps"
		lates="$lates $(late_of "$(cat -- "$record/fix")")"
	done
	for step in $steps; do
		take_back "$newest/$step" || FAILED=yes
	done
	for late in $(printf '%s\n' "$lates" | tr ' ' '\n' | sort -nu); do
		late_run "$late" || FAILED=yes
	done
	[ "$FAILED" = yes ] || : >"$newest/undone"
	say "Taken back from $newest"
}

start() {
	PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l SYSTEMD_PAGER=
	export PATH LC_ALL DEBIAN_FRONTEND NEEDRESTART_MODE SYSTEMD_PAGER
	unset CDPATH
	umask 077
	ME=$(id -u) PAIRS='' FAILED=no SELF=$0
	case $SELF in
	/*) ;;
	*) SELF=$PWD/$SELF ;;
	esac
	if [ -z "$ROOT" ]; then
		HOME=/root
		export HOME
		[ "$ME" = 0 ] || {
			say "Only root may change this machine: sudo sh $0" >&2
			exit 2
		}
	else
		ROOT=$(cd -P -- "$ROOT" && pwd -P && echo x) || exit 2
		ROOT=${ROOT%?x}
		[ "$ROOT" != / ] || {
			say "This was made for an image, not for the running machine." >&2
			exit 2
		}
	fi
	mkdir -p -- "$BACKUPS" && BACKUPS=$(cd -P -- "$BACKUPS" && pwd -P) && exec 9>"$BACKUPS/.lock" || exit 2
	flock -n 9 || {
		say "It runs already." >&2
		exit 2
	}
	BACKUP=$BACKUPS/$(date -u +%Y%m%dT%H%M%SZ)
	while [ -e "$BACKUP" ]; do
		BACKUP=$BACKUP.
	done
	case ${1-do} in
	do) fixes ;;
	undo) undo ;;
	*)
		say "Usage: sh $0 [undo]" >&2
		exit 2
		;;
	esac
	sync
	if [ "$FAILED" = yes ]; then
		say "Something is left: see above." >&2
		exit 1
	fi
	exit 0
}
