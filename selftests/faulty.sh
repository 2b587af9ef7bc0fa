#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run other tests with faulty.so: each call on a Kite socket fails at each of its
# allocations and copies before it succeeds, and the tests are not to notice. See
# faulty.c. KITE_TESTS is the directory with the test programs. A program in which no
# fault has happened has proved nothing, and fails.

here=$(cd "$(dirname "$0")" && pwd)
tests=${KITE_TESTS:-$here}

# Not those that look at what a call that failed has rightly changed: packets that raw
# sockets miss, and counters of what was refused or answered; nor those that make a
# namespace, a cgroup or a thread in which nothing fails.
set -- errors bind connect accept data transfer shutdown buffers options timestamps \
	creds reuseport socketpair seqpacket dgram drops api badptr poll epoll splice \
	zerocopy netns

# Nothing fails in the other families. And a read that meets its fault after some bytes
# gives those: not as many as there are.
without="-V unix -V inet -V unix_STREAM -V unix_SEQPACKET -V unix_DGRAM
	-T all_the_same_to_who_does_not_ask"

if [ ! -w /proc/self/fail-nth ]; then
	echo "1..0 # SKIP no faults to be had of this kernel: see --kernel debug"
	exit 4
fi
for attr in failslab fail_page_alloc fail_usercopy; do
	for setting in ignore-gfp-wait:N ignore-gfp-highmem:N min-order:0 verbose:0; do
		file=/sys/kernel/debug/$attr/${setting%:*}
		[ ! -e "$file" ] || echo "${setting#*:}" > "$file"
	done
done

echo "TAP version 13"
echo "1..$#"
count=0
failed=0
log=$(mktemp) || exit 1
KITE_FAULTS=$(mktemp) || exit 1
export KITE_FAULTS
trap 'rm -f "$log" "$KITE_FAULTS"' EXIT
for name in "$@"; do
	count=$((count + 1))
	# A number, which who has lost all privileges may add to as well.
	head -c 4 /dev/zero > "$KITE_FAULTS"
	chmod a+rw "$KITE_FAULTS"
	status=0
	# shellcheck disable=SC2086 # many words
	LD_PRELOAD=$tests/faulty.so "$tests/$name" $without > "$log" 2>&1 || status=$?
	faults=$(od -A n -t u4 "$KITE_FAULTS" | tr -d ' ')
	if [ "$status" -eq 0 ] && [ "$faults" -gt 0 ]; then
		echo "ok $count $name # $faults faults"
	else
		sed 's/^/# /' "$log"
		echo "not ok $count $name # $faults faults, exit=$status"
		failed=1
	fi
done
exit $failed
