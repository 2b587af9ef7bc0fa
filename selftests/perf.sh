#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite perf: that it measures what it says, and says what is wrong. Not how fast
# anything is. KITE_TOOL names the binary.

# shellcheck disable=SC1091,SC2154,SC2317 # tool.bash; called by check
. "$(dirname "$0")/tool.bash"

# short TEST TYPE...: a short run of one test has a figure of Kite and of AF_UNIX
# for each type. What 16 sockets hold of memory is less than what the rest of the
# system takes and gives back at the same time.
short()
{
	test=$1
	shift
	sockets=16
	[ "$test" != memory ] || sockets=400
	# The debug kernel takes its time for so many.
	timeout 600 "$kite" perf --json -f kite,unix -n 8 -b 1 -p $sockets -s 1,64k "$test" \
		> out.log 2>&1 || return
	for type; do
		for family in kite unix; do
			grep -q "\"$test\", \"type\": \"$type\",.*\"$family\", \"value\": [0-9]" \
				out.log || return
		done
	done
}

# The table and the JSON are the same figures.
table()
{
	kite perf -f kite,unix -t stream -n 8 -b 1 -s 64 sendrecv > out.log 2>&1 &&
		grep -q "send + recv, 64 B  *[0-9][0-9]*  *[0-9.]*  *[0-9][0-9]*  *1.00" out.log
}

# As many processes as were asked for, and no others.
processes()
{
	kite perf --json -f kite -t dgram -n 8 -P 3,1 scale > out.log 2>&1 &&
		is_json out.log '[r["size"] for r in it["results"]] == [3, 1]'
}

# What is to go on for ever does not begin without one of its families.
loop()
{
	says 2 "pipe has no $1" perf --loop -t "$1" -f kite,pipe burst
}

for test in sendrecv burst pingpong scale socket poll epoll memory; do
	check "perf $test" short $test stream seqpacket dgram
done
for test in bulk connect; do
	check "perf $test" short $test stream seqpacket
done
check "perf fanin" short fanin dgram
check "perf: table" table
check "perf: --processes" processes
check "perf: no such test" says 2 'no test fast' perf fast
check "perf: no such family" says 2 'no family ipx' perf -f kite,ipx
check "perf: no such type" says 2 'no type raw' perf -t raw
check "perf: no such size" says 2 'no size' perf -s 4q
check "perf: no batches" says 2 'no number' perf -b 0
check "perf: --loop of a family that cannot" loop seqpacket
check "perf: --loop of a test that cannot" says 2 'for ever' perf -l -f kite scale
check "perf: --loop of too many families" says 2 'no more than 4' perf -l
for list in 0 1,x 1001 "1,,2,-1" "," "$(seq -s , 17)"; do
	check "perf: no processes: $list" says 2 processes perf -P "$list" scale
done
finish
