#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite ss and kite monitor: each column, each filter, and the end of a socket.

# shellcheck disable=SC1091,SC2154,SC2317,SC2086 # tool.bash; called by check; numbers
. "$(dirname "$0")/tool.bash"

# In a namespace of our own, where nobody else has sockets.
if [ -z "$KITE_SS_ALONE" ]; then
	export KITE_SS_ALONE=1
	exec unshare --net "$0" "$@"
fi

holder=${KITE_TESTS:-$here/../build/selftests}/holder

# hold WHAT: sockets of "holder WHAT", until the end of the check
hold()
{
	mkfifo "hold.$1" 2>/dev/null
	"$holder" "$1" < "hold.$1" > "held.$1" 2> hold.log &
	pids="$pids $!"
	last=$!
	# It ends when this end of the pipe is closed.
	sleep 3600 > "hold.$1" &
	pids="$pids $!"
	retry test -s "held.$1" || return
	rm -f "held.$1" "hold.$1"
}

# shows LINES PATTERN ARG...: kite ss ARG... has so many lines, all like this
shows()
{
	local lines=$1 pattern=$2

	shift 2
	kite ss -H "$@" > ss.log 2>&1 || return
	[ "$(wc -l < ss.log)" -eq "$lines" ] && ! grep -vqE -e "$pattern" ss.log
}

t_empty()
{
	kite ss -a > ss.log 2>&1 && [ "$(wc -l < ss.log)" -eq 1 ] &&
		grep -qE '^Type +State +Recv-Q +Send-Q +Local +Peer$' ss.log &&
		shows 0 x -a
}

t_pair()
{
	local at

	hold pair || return
	shows 2 "^stream +ESTAB +[01] +[01] +1:[0-9]+ +1:[0-9]+ *$" || return
	at=$(awk '$3 == 1 { sub(".*:", "", $5); print $5 }' ss.log)
	shows 1 " ESTAB +1 +0 +" src :$at && shows 0 x -l && shows 2 ESTAB -a
}

t_listener()
{
	hold listen || return
	shows 1 "^stream +LISTEN +1 +1 +1:[0-9]+ +\*:\*" -l && shows 2 ESTAB &&
		shows 3 stream -a && shows 1 LISTEN -a state listening &&
		shows 2 ESTAB -a exclude listening && shows 3 stream state all &&
		shows 2 ESTAB state connected
}

t_types()
{
	hold socket || return
	shows 1 '^stream +UNCONN +0 +0 +\*:\* +\*:\*' -a && shows 1 stream -at &&
		shows 1 stream -a --type stream && shows 1 stream -atq && shows 0 x -aq &&
		shows 0 x -ad && shows 0 x -aw && shows 0 x -a --type raw
}

# The listener's port as local, as the peer's, and what is not it.
t_ports()
{
	local at

	hold listen || return
	at=$(kite ss -Hl | awk '{ sub(".*:", "", $5); print $5 }')
	shows 2 ":$at" -a sport = :$at && shows 1 ":$at *$" -a dport = :$at &&
		shows 1 ":$at *$" -a "dport eq $at" && shows 2 . -a dport != :$at &&
		shows 0 x -a sport = :$at and dport = :$at && shows 2 . -a sport '<=' :$at \
			'sport >=' :$at && shows 0 x -a sport '<' :1 &&
		shows 1 ESTAB src 1:$at && shows 1 ESTAB dst 1:$at && shows 2 ESTAB dst 1 &&
		shows 0 x dst 2 && shows 1 ESTAB src :$at and dst 1
}

# The same, and one, the other, or neither.
t_boolean()
{
	local at

	hold listen || return
	at=$(kite ss -Hl | awk '{ sub(".*:", "", $5); print $5 }')
	shows 3 ":$at" -a sport = :$at or dport = :$at &&
		shows 0 x -a "not (sport = :$at or dport = :$at)" &&
		shows 1 ":$at *$" -a "! sport = :$at" && shows 1 ":$at *$" -a not sport :$at &&
		shows 2 . -a '(' 'not' 'sport' = :$at ')' '||' src 1:$at and dst 1 &&
		shows 1 ESTAB -a "(sport = :$at or dport = :$at) and dst 1:$at" &&
		shows 2 . -a "sport = :$at && dst 1 | dport = :$at" &&
		shows 1 LISTEN state listening "(sport = :$at or sport = :1)" &&
		shows 2 ESTAB exclude listening and "(not not dst 1)" &&
		shows 1 LISTEN -l "((src 1:$at))"
}

t_extended()
{
	hold pair || return
	shows 2 " ino:[1-9][0-9]* sk:[0-9a-f]+ refs:[0-9]+ cgroup:[0-9]+" -e || return
	[ "$(cat /sys/module/kite/parameters/direct)" = N ] ||
		shows 2 " peer-ino:[1-9][0-9]* peer-sk:[0-9a-f]+" -e
}

t_memory()
{
	hold pair || return
	shows 2 " skmem:\(r[0-9]+,rb[1-9][0-9]*,t[0-9]+,tb[1-9][0-9]*,f[0-9]+,w0,o0,bl0,d0\)$" \
		-m
}

t_info()
{
	hold pair || return
	shows 2 " sent:[01] peer-read:0 limit:[1-9][0-9]* window:[1-9][0-9]* received:[01] read:0 rx-limit:[1-9][0-9]* told:[1-9][0-9]* transport:loopback$" \
		-i && grep -q " sent:1 .* received:0" ss.log && grep -q " sent:0 .* received:1" ss.log
}

t_processes()
{
	hold pair || return
	kite ss -p > ss.log 2>&1 && grep -q "Peer .* Process$" ss.log &&
		[ "$(grep -c "users:((\"holder\",pid=$last,fd=[0-9]*))" ss.log)" -eq 2 ]
}

t_json()
{
	hold listen || return
	kite ss -a --json -p > ss.log 2>&1 && is_json ss.log "len(it) == 3 and
		sorted(s['state'] for s in it) == ['ESTAB', 'ESTAB', 'LISTEN'] and
		[s for s in it if s['state'] == 'LISTEN'][0]['remote']['node'] is None and
		all(s['memory']['receive_buffer'] > 0 for s in it) and
		all('credit' in s and s['type'] == 'stream' and s['timer'] == 'off' for s in it) and
		sorted(len(s['processes']) for s in it) == [0, 1, 1]"
}

# Of a connection whose peer is ended, what is left is over.
t_kill()
{
	local at

	hold listen || return
	at=$(kite ss -Hl | awk '{ sub(".*:", "", $5); print $5 }')
	shows 0 x -K sport = :1 && shows 3 . -a && shows 1 "1:$at *$" -K dport = :$at &&
		shows 1 LISTEN -a state listening && shows 1 LISTEN -lK && shows 0 x -l &&
		retry shows 0 x state established
}

# Of no use to who may not do it.
t_privilege()
{
	hold pair || return
	retry shows 2 ESTAB
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$kite" ss -K \
		> kill.log 2>&1
	[ $? -eq 1 ] && grep -q "CAP_NET_ADMIN; try: sudo" kill.log && shows 2 ESTAB || return
	setpriv --reuid=65534 --regid=65534 --clear-groups "$kite" monitor > kill.log 2>&1
	[ $? -eq 1 ] && grep -q "CAP_NET_ADMIN; try: sudo" kill.log
}

# monitor_while WHAT ARG...: kite monitor ARG... hears of "holder WHAT"
monitor_while()
{
	local what=$1

	shift
	"$kite" monitor "$@" > events.log 2>&1 &
	pids="$pids $!"
	# It listens when it hears of a socket.
	retry sh -c "'$holder' socket < /dev/null > /dev/null; test -s events.log" || return
	"$holder" $what < /dev/null > held 2> hold.log
}

t_monitor()
{
	monitor_while listen || return
	retry grep -qsE ' listening +stream +1:[0-9]+ \*:\*$' events.log &&
		retry grep -qsE '^[0-9:]{8}\.[0-9]{6} connecting +stream +1:[0-9]+ 1:[0-9]+$' \
			events.log &&
		retry grep -qsE ' connected +stream ' events.log &&
		retry grep -qsE ' reset +stream .* ABORT$' events.log &&
		retry grep -qsE ' shutdown +stream .* both$' events.log &&
		retry grep -qsE ' closed +stream ' events.log
}

t_monitor_details()
{
	monitor_while pair -T -ei || return
	retry grep -qsE '^created +stream +\*:\* \*:\* ino:[0-9]+ sk:' events.log &&
		retry grep -qsE '^accepted +stream .* received:0 .* transport:loopback$' events.log
}

t_monitor_json()
{
	monitor_while pair -j || return
	retry grep -qs '"event":"accepted"' events.log || return
	grep '"event":"accepted"' events.log | head -n 1 > one.log
	is_json one.log "it['socket']['state'] == 'ESTAB' and it['time'] > 10**18 and
		it['socket']['local']['node'] == 1"
}

t_monitor_filter()
{
	timeout 300 "$kite" monitor -c 2 -T state listening > events.log 2>&1 &
	retry sh -c "'$holder' listen < /dev/null > /dev/null; test \$(wc -l < events.log) = 2" &&
		wait $! && ! grep -vq ^listening events.log
}

check "ss: no socket" t_empty
check "ss: a connection" t_pair
check "ss: a listener" t_listener
check "ss: types" t_types
check "ss: ports and addresses" t_ports
check "ss: and, or, not" t_boolean
check "ss -e" t_extended
check "ss -m" t_memory
check "ss -i" t_info
check "ss -p" t_processes
check "ss --json" t_json
check "ss -K" t_kill
check "ss, monitor: privilege" t_privilege
check "ss: no such state" says 2 'no state open' ss state open
check "ss: no such filter" says 2 'no filter port' ss port 5
check "ss: no port" says 2 'no port' ss sport = :http
check "ss: no such type" says 2 'no type tcp' ss --type tcp
check "ss: something missing" says 2 'missing' ss sport =
check "ss: nothing after or" says 2 'missing after "or"' ss sport = :1 or
check "ss: nothing in parentheses" says 2 'no filter )' ss '()'
check "ss: not closed" says 2 'not closed' ss '( sport = :1'
check "ss: closed too often" says 2 'too many' ss 'sport = :1 )'
check "ss: a state within" says 2 'not for states' ss 'state listening or sport = :1'
check "monitor" t_monitor
check "monitor -ei" t_monitor_details
check "monitor --json" t_monitor_json
check "monitor: filter" t_monitor_filter
check "monitor: no number" says 2 'count' monitor -c none
finish
