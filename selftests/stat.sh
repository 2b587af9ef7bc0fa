#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite stat: that it prints the counters of /proc/net/kite_stat, and how they grow.

# shellcheck disable=SC1091,SC2154,SC2317,SC2086 # tool.bash; called by check; numbers
. "$(dirname "$0")/tool.bash"

# A datagram for nobody is dropped, and some counter says so.
drop()
{
	echo x | kite cat -t dgram -i 0.05 $port 2> /dev/null
}

# Its figures are the file's.
t_same()
{
	drop
	kite stat -z > out.log 2>&1 &&
		diff <(awk '{ print $1, $2 }' /proc/net/kite_stat) <(awk '{ print $1, $2 }' out.log) \
			> diff.log
}

t_no_zeroes()
{
	drop
	kite stat > out.log 2>&1 && [ -s out.log ] && ! grep -q ' 0$' out.log &&
		kite stat -z > all.log && grep -q ' 0$' all.log
}

t_json()
{
	kite stat -j -z > out.json 2> err.log &&
		is_json out.json "len(it) == $(wc -l < /proc/net/kite_stat) and
			all(isinstance(v, int) for v in it.values())"
}

# What happens meanwhile is in the second line, and nothing else.
t_growth()
{
	paces="3 10 40" at_some_pace t_grows
}

t_grows()
{
	counter=$(kite stat | awk 'tolower($1) ~ /noport/ { print $1 }')
	kite stat --json "$counter" $pace 2 > out.log 2>&1 &
	pid=$!
	retry [ -s out.log ] && drop
	wait $pid || return
	[ "$(wc -l < out.log)" = 2 ] || return
	/usr/bin/python3 -c "
import json
lines = [json.loads(line) for line in open('out.log')]
grown = [line['counters'].get('$counter', {'growth': 0})['growth'] for line in lines]
assert grown == [0, 1], lines
assert all(0.8 * $pace < line['seconds'] < 3 * $pace for line in lines), lines" \
		> json.log 2>&1
}

t_table()
{
	kite stat -z 0.2 2 > out.log 2>&1 &&
		[ "$(grep -c '^[0-9:]* .*grown by .*per second .*total' out.log)" = 2 ]
}

t_names()
{
	counter=$(awk 'NR == 2 { print $1 }' /proc/net/kite_stat)
	kite stat -z "$(tr '[:lower:]' '[:upper:]' <<< $counter)" > out.log 2>&1 &&
		[ "$(awk '{ print $1 }' out.log)" = "$counter" ]
}

check "stat: the file's figures" t_same
check "stat: no zeroes" t_no_zeroes
check "stat: --json" t_json
check "stat: growth" t_growth
check "stat: table" t_table
check "stat: names" t_names
check "stat: no such counter" says 1 "no counter nosuch" stat nosuch
check "stat: too many numbers" says 2 "are there already" stat 1 2 3
finish
