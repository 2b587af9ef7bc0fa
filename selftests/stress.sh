#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Unload and load kite.ko while programs use it: that is refused or succeeds, and
# whoever finds the module finds one that works.
#
# This takes the module away from whoever uses it, so it runs only in the test VM,
# or where KITE_TEST_UNLOAD=yes says that it may. KITE_KO names the module,
# KITE_TESTS the directory with the test programs, and KITE_STRESS how many times
# more to do.

here=$(cd "$(dirname "$0")" && pwd)
tests=${KITE_TESTS:-$here}
ko=${KITE_KO:-/lib/modules/$(uname -r)/updates/kite.ko}
params=/sys/module/kite/parameters
enough=$((3 * ${KITE_STRESS:-1}))
tmp=
pids=

PATH=$PATH:/usr/sbin:/sbin

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

# The parameters that it has, for insmod.
parameters()
{
	for parameter in "$params"/*; do
		echo "${parameter##*/}=$(cat "$parameter")"
	done
}

# result STATUS NAME
result()
{
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count $2"
	else
		echo "not ok $count $2"
		failed=1
	fi
}

restore()
{
	exec 9>&-
	# shellcheck disable=SC2086 # several parameters
	[ -d /sys/module/kite ] || insmod "$ko" $original
	rm -rf "$tmp"
}

[ "$(id -u)" = 0 ] || skip_all "only root can load modules"
[ -d /run/vm ] || [ "$KITE_TEST_UNLOAD" = yes ] ||
	skip_all "not in the test VM, and KITE_TEST_UNLOAD is not \"yes\""
[ -d /sys/module/kite ] || skip_all "kite.ko is not loaded"
[ -f "$ko" ] || skip_all "there is no $ko: set KITE_KO"
[ -x "$tests/hammer" ] || skip_all "there is no $tests/hammer: set KITE_TESTS"

original=$(parameters)
tmp=$(mktemp -d) || exit 1
trap restore EXIT
trap 'exit 1' HUP INT TERM
count=0
failed=0

echo "TAP version 13"
echo "1..3"
mkfifo "$tmp/fifo"
for hammer in 1 2; do
	"$tests/hammer" "$tmp/pause" < "$tmp/fifo" > "$tmp/said.$hammer" 2>&1 &
	pids="$pids $!"
done
# Until this is closed.
exec 9> "$tmp/fifo"
refused=0
unloaded=0
in_a_row=0
tries=$((200 * enough))
while [ $tries -gt 0 ]; do
	tries=$((tries - 1))
	[ $unloaded -lt $enough ] || [ $refused -lt $enough ] || break
	if rmmod kite 2> /dev/null; then
		unloaded=$((unloaded + 1))
		in_a_row=0
		rm -f "$tmp/pause"
	else
		refused=$((refused + 1))
		in_a_row=$((in_a_row + 1))
	fi
	# Sockets are freed a grace period after they were closed. Where that is long,
	# there always is one, unless the programs make none until the module is gone.
	[ $in_a_row -lt 5 ] || { : > "$tmp/pause"; sleep 0.1; }
	if [ ! -d /sys/module/kite ]; then
		# shellcheck disable=SC2086 # several parameters
		insmod "$ko" $original || break
	fi
done
exec 9>&-
broken=0
for pid in $pids; do
	wait "$pid" || broken=1
done
pids=
echo "# $unloaded times unloaded, $refused times refused; rounds with and without it:"
sed 's/^/# /' "$tmp"/said.*
result $broken "programs find it working, or not at all"
[ $unloaded -ge $enough ] && [ $refused -ge $enough ]
result $? "unloading is refused or succeeds"

# Nothing of all that keeps it.
gone=1
for _ in $(seq 60); do
	! rmmod kite 2> /dev/null || { gone=0; break; }
	sleep 1
done
result $gone "it can be unloaded afterwards"
[ $failed = 0 ]
