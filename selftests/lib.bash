# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # Used by those who source this.
#
# For tests that are scripts: sourced, not run. They work in the directory $tmp, which
# goes when they end.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
count=0
failed=0
pids=
plan=
port=7000
apart=

tmp=$(mktemp -d) || exit 1
trap 'stop; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
cd "$tmp" || exit 1

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
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

# retry COMMAND...: until it succeeds, for a minute and more
retry()
{
	local tries=600

	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# at_some_pace COMMAND...: with $pace seconds for what others do meanwhile, and with more
# of them where that was not enough
at_some_pace()
{
	for pace in ${paces:-0.5 2 10 40}; do
		! "$@" || return 0
		stop
	done
	return 1
}

# result ok|"not ok" NAME: one test. What is left in files *.log belongs to a failure.
result()
{
	count=$((count + 1))
	echo "$1 $count $2"
	[ "$1" = "not ok" ] || return 0
	failed=$((failed + 1))
	tail -n 50 ./*.log 2>/dev/null | sed 's/^/# /'
}

# check NAME COMMAND...: one test, passed when the command succeeds. Commands that match
# $apart, if it is set, ask the kernel nothing. The one that checks all that it does takes
# a second for each program that starts, which is for the others.
check()
{
	local name=$1

	shift
	port=$((port + 1))
	if [ -n "$apart" ] && [ -e /proc/self/fail-nth ] && [[ "$*" =~ $apart ]]; then
		count=$((count + 1))
		echo "ok $count $name # SKIP slow here, and nothing to do with the kernel"
		return
	fi
	rm -f ./*.log
	if "$@"; then
		result ok "$name"
	else
		result "not ok" "$name"
	fi
	stop
}

# The end of it, with as many tests as $plan said before, if it did.
finish()
{
	[ -n "$plan" ] || echo "1..$count"
	[ $failed -eq 0 ] && [ "${plan:-$count}" -eq $count ]
	exit
}
