#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A little of what "make fuzz" does for longer: the first packets of a fixed seed, the
# programs of fuzz/corpus and the first that are made of them, guided by KCOV where the
# kernel has it. See fuzz/. KITE_TESTS is the directory with the test programs.

here=$(cd "$(dirname "$0")" && pwd)
tests=${KITE_TESTS:-$here}
packets=2000
calls=50
# A kernel that says more of what is wrong is worth more time.
[ ! -e /proc/self/fail-nth ] || { packets=6000; calls=100; }

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

# check NAME COMMAND...
check()
{
	name=$1
	shift
	count=$((count + 1))
	if "$@" > "$log" 2>&1; then
		echo "# $(tail -n 1 "$log")"
		echo "ok $count $name"
	else
		# The last program is what did it.
		tail -n 150 "$log" | sed 's/^/# /'
		echo "not ok $count $name"
		failed=1
	fi
}

[ "$(id -u)" = 0 ] || skip_all "only root can send packets and read the kernel's log"
[ -d /sys/module/kite ] || skip_all "kite.ko is not loaded"
[ -x "$tests/fuzz/packets" ] || skip_all "there is no $tests/fuzz/packets: set KITE_TESTS"

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
count=0
failed=0
echo "TAP version 13"
echo "1..2"
check "packets" "$tests/fuzz/packets" --seed 1 --count $packets
check "calls" "$tests/fuzz/calls" --log --corpus "$here/fuzz/corpus" \
	--seed 1 --count $calls
exit $failed
