#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# faulty.sh [TEST...]: run other tests, all or those, with faulty.so: each call on a Kite
# socket fails at each of its allocations and copies before it succeeds, and the tests are
# not to notice. See faulty.c. KITE_TESTS is the directory with the test programs. A
# program in which no fault has happened has proved nothing, and fails.

here=$(cd "$(dirname "$0")" && pwd)
tests=${KITE_TESTS:-$here}

[ $# -gt 0 ] ||
	set -- errors bind connect accept data transfer shutdown buffers options inspect \
		timestamps creds reuseport socketpair seqpacket dgram drops observe api raw \
		byhand hostile badptr padding isolation cgroup poll epoll splice zerocopy \
		uring netns diag events threads stress storms vsock

# not NAME: why it is none of them
not()
{
	case $1 in
	events)	echo "where there is no memory to tell an event, that is what is told" ;;
	esac
}

# without NAME: options to leave out those of its tests that notice, and rightly so
without()
{
	# Nothing fails in the other families.
	for variant in unix inet tcp udp unix_STREAM unix_SEQPACKET unix_DGRAM inet_STREAM \
		inet_DGRAM unix_stream unix_seqpacket unix_dgram unix_long unix_small; do
		set -- "$@" -V $variant
	done
	case $1 in
	# A read that meets its fault after some bytes gives those: not as many as there are.
	creds)	set -- "$@" -T all_the_same_to_who_does_not_ask -T one_writer_at_a_time \
			-T anonymous_bytes_apart ;;
	# What failed and was made again is counted twice, what was not sent is not.
	observe) set -- "$@" -T counters_of_connections -T counters_of_packets \
			-T counters_of_connect_timeouts -T counters_of_close_timeouts ;;
	# There is no memory to show a packet with, or an event, which is counted as missed.
	raw)	set -- "$@" -T life_of_a_stream -T filter ;;
	padding) set -- "$@" -T are_what_they_say -T by_events ;;
	# Floods, of which each packet would be sent ten times; and an end that is told when
	# there is memory again waits among the orphans.
	hostile) set -- "$@" -T everything_between_known_peers -T everything_beside \
			-T everything_of_another_type -T forged_while_connecting \
			-T resets_are_limited -T echoes_are_limited -T orphans_are_limited \
			-T as_many_as_set ;;
	# Thousands of sockets, or a lot of memory, with ten calls for each and each piece. And
	# a RESET that is told later finds the other end closed, and is not counted there.
	isolation) set -- "$@" -T of_others -T counts_nothing ;;
	diag)	set -- "$@" -T thousands -T while_others_connect -T half_a_dump ;;
	stress)	set -- "$@" -T all_that_sockets_may_have ;;
	# A record of so many pages that faulty.c gives up before it is told the reason.
	cgroup)	set -- "$@" -T long_record ;;
	esac
	shift
	echo "$@"
}

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
	why=$(not "$name")
	[ -z "$why" ] || {
		echo "ok $count $name # SKIP $why"
		continue
	}
	# A number, which who has lost all privileges may add to as well.
	head -c 4 /dev/zero > "$KITE_FAULTS"
	chmod a+rw "$KITE_FAULTS"
	status=0
	begin=$(date +%s)
	# shellcheck disable=SC2046 # many words
	LD_PRELOAD=$tests/faulty.so "$tests/$name" $(without "$name") > "$log" 2>&1 ||
		status=$?
	faults=$(od -A n -t u4 "$KITE_FAULTS" | tr -d ' ')
	said="$name # $faults faults, $(($(date +%s) - begin)) s"
	if [ "$status" -eq 0 ] && [ "$faults" -gt 0 ]; then
		echo "ok $count $said"
	elif [ "$status" -eq 0 ] && ! grep '^ok' "$log" | grep -qv '# SKIP'; then
		echo "ok $count $name # SKIP all of it was"
	else
		sed 's/^/# /' "$log"
		echo "not ok $count $said, exit=$status"
		failed=1
	fi
done
exit $failed
