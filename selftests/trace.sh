#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite trace: that it draws what happened, and leaves the rest alone.

# shellcheck disable=SC1091,SC2154,SC2317,SC2086 # tool.bash; called by check; numbers
. "$(dirname "$0")/tool.bash"

export LC_ALL=C.UTF-8 COLUMNS=100

# server ARG...: kite cat -l in the background, listening
server()
{
	timeout 300 "$kite" cat -lv "$@" > got 2> server.log < /dev/null &
	pids="$pids $!"
	retry grep -qs "listening on" server.log
}

# in_order PATTERN...: the lines of "out.log" have them, one after the other
in_order()
{
	local pattern line=0 next

	for pattern; do
		next=$(tail -n +$((line + 1)) out.log | grep -nm1 -e "$pattern" | cut -d: -f1)
		[ -n "$next" ] || { echo "no $pattern after line $line" > order.log; return 1; }
		line=$((line + next))
	done
}

# Does somebody trace with kite?
tracing()
{
	ls -d /sys/kernel/tracing/instances/kite-* > ls.log 2>&1
}

# A connection from its beginning to its end, both sides of it.
t_connection()
{
	server -e cat $port || return
	echo hello | kite trace -a -o out.log "$kite" cat -N $port > answer || return
	[ "$(cat answer)" = hello ] &&
		in_order 'kite\[[0-9]*\] 1:[0-9]* .*1:'$port 'REQUEST ─*▶│' \
			'│◀─* RESPONSE' 'DATA 6 B ─*▶│' '│◀─* DATA 6 B' \
			'SHUTDOWN.*▶│\|│◀.*SHUTDOWN' && in_order '│◀╌* CREDIT up to [0-9]* ╌*│'
}

# Without -a the peer's calls are not seen, and what it sends is drawn all the same.
t_one_side()
{
	server -e "cat; $(read_all $port)" $port || return
	echo hello | kite trace --ascii -o out.log "$kite" cat -N $port > answer || return
	in_order '|-* REQUEST -*>|' '|<-* RESPONSE -*|' '|-* DATA 6 B -*>|' \
		'|<-* DATA 6 B' '| reads 6 B' '| reads the end'
}

t_children()
{
	server -k $port || return
	# The connection is a grandchild's.
	kite trace -o out.log sh -c "echo x | \"$kite\" cat -N $port; true" &&
		in_order REQUEST DATA
}

t_others()
{
	server -k $port || return
	kite trace -o out.log sh -c 'until [ -e others ]; do sleep 0.1; done' 2> err.log &
	pid=$!
	retry tracing
	echo x | kite cat -N $port
	touch others
	wait $pid && [ ! -s out.log ] && grep -q "no Kite socket" err.log
}

# Many writes become a line that says how many, and how much.
t_fold()
{
	server $port || return
	head -c 2M /dev/zero | kite trace -a -o out.log "$kite" cat -N $port || return
	[ "$(wc -l < out.log)" -lt 25 ] && in_order 'DATA × [0-9]*, 2 MiB ─*▶│' &&
		grep -q 'reads × [0-9]*, [12].*MiB' out.log
}

t_refused()
{
	kite trace -o out.log "$kite" cat $port < /dev/null 2> err.log
	[ $? -eq 1 ] && in_order 'REQUEST dropped: NO_LISTENER ─*✗│'
}

t_reset()
{
	server -e "$(unread $port)" $port || return
	echo x | kite trace -a -o out.log "$kite" cat $port 2> err.log
	[ $? -eq 1 ] && in_order 'DATA 2 B ─*▶│' '│◀─* RESET ABORT' 'recv: ECONNRESET'
}

# A datagram that nobody takes, and one that somebody reads.
t_datagrams()
{
	echo x | kite trace -a -o out.log "$kite" cat -t dgram -i 0.1 $port 2> err.log
	in_order 'DGRAM 2 B dropped: NO_PORT ─*✗│' || return
	at_some_pace t_read
}

t_read()
{
	server -t dgram $port || return
	echo x | kite trace -a -o out.log "$kite" cat -t dgram -i $pace $port 2> err.log
	in_order 'DGRAM 2 B ─*▶│' 'reads 2 B │'
}

t_svg()
{
	server $port || return
	echo '<&>' | kite trace -a --svg picture.svg -o out.log "$kite" cat -N $port || return
	/usr/bin/python3 -c "
import xml.dom.minidom
svg = xml.dom.minidom.parse('picture.svg').documentElement
text = [''.join(n.data for n in t.childNodes) for t in svg.getElementsByTagName('text')]
assert svg.tagName == 'svg' and 'REQUEST' in text and 'DATA 4 B' in text, text" \
		> svg.log 2>&1
}

t_json()
{
	server $port || return
	echo x | kite trace -a --json -o out.log "$kite" cat -N $port || return
	/usr/bin/python3 -c "
import json
events = [json.loads(line) for line in open('out.log')]
names = {e['event'] for e in events}
assert {'kite_state', 'kite_send', 'kite_recv'} <= names, names
assert [e['ret'] for e in events if e['event'] == 'kite_send'] == [2], events
assert all(e['time'] > 0 and e['pid'] > 0 for e in events), events" > json.log 2>&1
}

t_raw_events()
{
	server $port || return
	echo x | kite trace -a -r -o out.log "$kite" cat -N $port || return
	in_order 'kite_state: .*newstate=SYN_SENT' 'kite-[0-9]* kite_send: .*ret=2 '
}

t_status()
{
	kite trace sh -c 'exit 7' 2> out.log
	[ $? -eq 7 ] || return
	kite trace sh -c 'kill -9 $$' 2> out.log
	[ $? -eq 137 ] || return
	kite trace ./nothing 2> out.log
	[ $? -eq 127 ] && grep -q "nothing: No such file" out.log || return
	kite trace / 2> out.log
	[ $? -eq 126 ]
}

t_not_root()
{
	setpriv --reuid=65534 --clear-groups --inh-caps=-all "$kite" trace true > out.log 2>&1
	[ $? -eq 1 ] && grep -q "tracing needs root" out.log
}

# Nothing is left behind, also when it is killed.
t_clean()
{
	timeout 300 "$kite" trace -a > out.log 2> err.log &
	pids="$pids $!"
	retry grep -qs "end with Ctrl-C" err.log || return
	kill -TERM "$(pgrep -P $!)" && wait $!
	! tracing
}

# It does not read them for as long as they come.
t_lost()
{
	server -t seqpacket $port || return
	"$kite" trace -b 8 -a -o out.log sh -c "
		touch begun
		until [ -e go ]; do sleep 0.1; done
		seq 2000 | '$kite' cat -N -L -t seqpacket $port
		touch sent" 2> err.log &
	pid=$!
	pids="$pids $pid"
	retry test -e begun || return
	kill -STOP $pid
	touch go
	retry test -e sent
	kill -CONT $pid
	wait $pid && grep -q "events were lost; try a larger --buffer" err.log
}

check "trace: a connection" t_connection
check "trace: one side" t_one_side
check "trace: children" t_children
check "trace: nobody else" t_others
check "trace: folded" t_fold
check "trace: refused" t_refused
check "trace: reset" t_reset
check "trace: datagrams" t_datagrams
check "trace: --svg" t_svg
check "trace: --json" t_json
check "trace: --raw" t_raw_events
check "trace: exit status" t_status
check "trace: without root" t_not_root
check "trace: nothing is left" t_clean
check "trace: lost events" t_lost
check "trace: no command" says 2 "a command, or -a" trace
finish
