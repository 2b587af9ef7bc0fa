#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Load and unload kite.ko, with all kinds of family= numbers.
#
# This takes the module away from whoever uses it, so it runs only in the test VM,
# or where KITE_TEST_UNLOAD=yes says that it may. KITE_KO names the module,
# KITE_TESTS the directory with the test programs.

here=$(cd "$(dirname "$0")" && pwd)
tests=${KITE_TESTS:-$here}
ko=${KITE_KO:-/lib/modules/$(uname -r)/updates/kite.ko}
params=/sys/module/kite/parameters
tmp=
holder=
count=0
failed=0
plan=11

PATH=$PATH:/usr/sbin:/sbin

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

# check NAME COMMAND...: one test, passed when the command succeeds
check()
{
	name=$1
	shift
	count=$((count + 1))
	: > "$tmp/log"
	"$@" >> "$tmp/log" 2>&1
	case $? in
	0)	echo "ok $count $name" ;;
	4)	echo "ok $count $name # SKIP $(tail -n 1 "$tmp/log")" ;;
	*)	echo "not ok $count $name"
		failed=$((failed + 1))
		# What was said belongs to the failure.
		sed 's/^/# /' "$tmp/log" ;;
	esac
	let_go
}

# retry COMMAND...: until it succeeds, for a minute and more
retry()
{
	tries=600
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# hold WHAT: make a holder hold it, see holder.c
hold()
{
	rm -f "$tmp/held"
	"$tests/holder" "$1" < "$tmp/fifo" > "$tmp/held" &
	holder=$!
	exec 9> "$tmp/fifo"
	retry test -s "$tmp/held"
}

let_go()
{
	[ -n "$holder" ] || return 0
	exec 9>&-
	wait "$holder"
	holder=
}

loaded()
{
	[ -d /sys/module/kite ]
}

# Sockets are freed a grace period after they are closed.
unload()
{
	! loaded || retry rmmod kite
}

load()
{
	unload && insmod "$ko" "$@"
}

# What the kernel has said since then.
mark()
{
	echo "module.sh: $1" > /dev/kmsg
}

kernel_said()
{
	dmesg | sed "1,/module.sh: $1\$/d" | grep "$2"
}

# refused PARAMETER MESSAGE PATTERN: insmod fails with the message, the log tells
refused()
{
	unload || return
	mark "$1"
	if insmod "$ko" "$1" 2> "$tmp/insmod"; then
		echo "insmod $1 succeeded"
		return 1
	fi
	cat "$tmp/insmod"
	grep -q "$2" "$tmp/insmod" && kernel_said "$1" "$3"
}

t_family_number()
{
	hold socket && [ "$(cat "$tmp/held")" = "$(cat $params/family)" ]
}

t_parameters_cannot_be_written()
{
	! (echo 1 > $params/family) 2> /dev/null
}

# t_held WHAT: no unloading while it is held, but afterwards
t_held()
{
	hold "$1" || return
	[ "$(cat /sys/module/kite/refcnt)" -gt 0 ] || return
	if rmmod kite; then
		echo "rmmod succeeded while a socket was open"
		return 1
	fi
	loaded || return
	let_go
	unload && ! loaded && load
}

t_again_and_again()
{
	for i in 1 2 3 4 5; do
		hold pair || return
		let_go
		unload && load || return
		echo "round $i"
	done
}

# Some other family, whose module can be loaded here.
t_taken()
{
	for other in vsock:40 af_alg:38 rds:21 bluetooth:31; do
		modprobe -q "${other%:*}" && break
	done
	if [ ! -d "/sys/module/${other%:*}" ]; then
		echo "there is no other family's module here"
		return 4
	fi
	refused "family=${other#*:}" "File exists" "kite: family ${other#*:} "
	result=$?
	rmmod "${other%:*}"
	return $result
}

# 0, and families that the socket core itself knows, or that it has no room for
t_impossible()
{
	for number in 0 -1 1 2 10 16 17 46 1000; do
		refused "family=$number" "Invalid" "kite: family=$number " || return
	done
}

t_nonsense()
{
	unload || return
	! insmod "$ko" family=eighteen && ! insmod "$ko" family= && load
}

t_another_number()
{
	load family=12 || return
	[ "$(cat $params/family)" = 12 ] && hold listen &&
		[ "$(cat "$tmp/held")" = 12 ] || return
	let_go
	"$tests/data" -v kite
}

t_namespace()
{
	load || return
	unshare -n "$tests/holder" listen < /dev/null || return
	unload && load
}

restore()
{
	let_go
	# shellcheck disable=SC2086 # several parameters
	load $original || echo "# kite.ko could not be loaded again"
	rm -rf "$tmp"
}

[ "$(id -u)" = 0 ] || skip_all "only root can load modules"
[ -d /run/vm ] || [ "$KITE_TEST_UNLOAD" = yes ] ||
	skip_all "not in the test VM, and KITE_TEST_UNLOAD is not \"yes\""
loaded || skip_all "kite.ko is not loaded"
[ -f "$ko" ] || skip_all "there is no $ko: set KITE_KO"
[ -x "$tests/holder" ] || skip_all "there is no $tests/holder: set KITE_TESTS"

original=
for parameter in "$params"/*; do
	original="$original ${parameter##*/}=$(cat "$parameter")"
done
tmp=$(mktemp -d) || exit 1
mkfifo "$tmp/fifo"
trap restore EXIT
trap 'exit 1' HUP INT TERM

echo "TAP version 13"
echo "1..$plan"
check "sockets have the number that sysfs tells" t_family_number
check "parameters are read-only" t_parameters_cannot_be_written
check "in use: a socket" t_held socket
check "in use: a listener with somebody waiting" t_held listen
check "in use: a connection" t_held pair
check "loads again and again" t_again_and_again
check "unloads when a namespace with sockets is gone" t_namespace
check "family= a number that is taken" t_taken
check "family= a number that cannot be" t_impossible
check "family= something that is no number" t_nonsense
check "family= another number" t_another_number
[ $failed = 0 ]
