# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # Used by those who source this.
#
# For the tests of the kite tool: sourced, not run. It ends the script where there is
# nothing to test. KITE_TOOL names the binary.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kite=$(realpath -s "${KITE_TOOL:-$here/../build/userspace/kite}")
count=0
failed=0
pids=
port=7300

[ -x "$kite" ] || { echo "1..0 # SKIP no $kite: run make userspace"; exit 4; }
[ -d /sys/module/kite ] || { echo "1..0 # SKIP kite.ko is not loaded"; exit 4; }
tmp=$(mktemp -d) || exit 1
trap 'stop; rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
cd "$tmp" || exit 1

# kite ARG...: the tool, which is not to hang
kite()
{
	timeout 60 "$kite" "$@"
}

# End what runs in the background: the processes in $pids.
stop()
{
	local pid

	for pid in $pids; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	pids=
}

# retry COMMAND...: until it succeeds, for twenty seconds
retry()
{
	local tries=200

	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# check NAME COMMAND...: one test, passed when the command succeeds. What is left in
# files *.log belongs to a failure.
check()
{
	local name=$1

	shift
	count=$((count + 1))
	port=$((port + 1))
	rm -f ./*.log
	if "$@"; then
		echo "ok $count $name"
	else
		failed=$((failed + 1))
		echo "not ok $count $name"
		tail -n 50 ./*.log 2>/dev/null | sed 's/^/# /'
	fi
	stop
}

# says STATUS TEXT ARG...: what kite says to that command line
says()
{
	local status=$1 text=$2 is

	shift 2
	kite "$@" > says.log 2>&1 < /dev/null
	is=$?
	[ $is -eq "$status" ] && grep -qe "$text" says.log && return
	echo "exit status $is" >> says.log
	return 1
}

# is_json FILE [EXPRESSION]: Python takes it, and the expression about "it" is true
is_json()
{
	/usr/bin/python3 -c "
import json, sys
it = json.load(open('$1'))
assert (${2:-True}), it" > json.log 2>&1
}

finish()
{
	echo "1..$count"
	[ $failed -eq 0 ]
	exit
}
