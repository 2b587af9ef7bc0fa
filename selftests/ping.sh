#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite ping: that it counts what comes and what does not.

# shellcheck disable=SC1091,SC2154,SC2317,SC2086 # tool.bash; called by check; numbers
. "$(dirname "$0")/tool.bash"

t_count()
{
	kite ping -c 3 -i 0.05 -W 600 > out.log 2>&1 &&
		[ "$(grep -c '^56 bytes from node 1: seq=[123] time=[0-9.]* ms$' out.log)" = 3 ] &&
		grep -q "^3 packets transmitted, 3 received, 0% packet loss" out.log &&
		grep -q "^rtt min/avg/max/mdev = [0-9.]*/[0-9.]*/[0-9.]*/[0-9.]* ms$" out.log
}

t_size()
{
	kite ping -q -c 1 -W 600 -s "$1" > out.log 2>&1 && ! grep -q "^$1 bytes" out.log &&
		grep -q "1 received" out.log
}

t_json()
{
	kite ping -c 20 -i 0 -W 600 --json > out.log 2>&1 &&
		is_json out.log "it['transmitted'] == it['received'] == 20 and
			it['rtt_ms']['min'] <= it['rtt_ms']['avg'] <= it['rtt_ms']['max'] and
			it['loss_percent'] == 0 and it['node'] == 1"
}

# No faster than the kernel answers: a thousand in a second. But it counts these by its
# ticks, which may be late, and so it is told to answer more.
t_flood()
{
	unshare -n sh -c 'echo 1000000 > /proc/sys/net/kite/echo_rate &&
		exec "$@"' sh "$kite" ping -f -c 300 -W 600 > out.log 2>&1 &&
		grep -q "^300 packets.* 300 received" out.log &&
		[ "$(sed -n 's/.* loss, time \([0-9]*\) ms$/\1/p' out.log)" -ge 299 ]
}

t_deadline()
{
	kite ping -w 0.3 -i 0.1 > out.log 2>&1 && grep -q "^[1-4] packets" out.log &&
		[ "$(sed -n 's/.* loss, time \([0-9]*\) ms$/\1/p' out.log)" -ge 300 ]
}

# SIGINT ends it with its summary, SIGQUIT shows one on the way.
t_signals()
{
	timeout 300 "$kite" ping -i 0.1 -W 600 > out.log 2>&1 &
	pid=$!
	pids=$pid
	retry pgrep -P $pid > /dev/null || return
	child=$(pgrep -P $pid)
	kill -QUIT "$child"
	retry grep -qs "^[0-9]*/[0-9]* packets" out.log || return
	kill -INT "$child"
	wait $pid && grep -q "received, 0% packet loss" out.log
}

# An answer that takes longer than it may is lost.
t_late()
{
	kite ping -c 2 -i 0.05 -W 0 > out.log 2>&1
	[ $? -eq 1 ] && [ "$(grep -c 'seq=[12] time=.* (late)$' out.log)" = 2 ] &&
		grep -q "^2 packets transmitted, 0 received, 100% packet loss" out.log
}

# Somebody else answers each echo, too: once as the kernel does, and once wrong.
t_forged()
{
	/usr/bin/python3 -c "
import socket, struct
s = socket.socket($(cat /sys/module/kite/parameters/family), socket.SOCK_RAW)
print('ready', flush=True)
while True:
    p = s.recv(70000)
    version, type, op, flags, length, *addresses = struct.unpack_from('<4B5I', p)
    if op != 8:
        continue
    sport, snode, dport, dnode = addresses
    data = p[32:]
    for answer in data, bytes(len(data)):
        s.send(struct.pack('<4B7I', version, type, 9, 0, length, dport, dnode, sport, snode,
                           0, 0) + answer)
" > forger.log 2>&1 &
	pids="$pids $!"
	retry grep -qs ready forger.log || return
	kite ping -c 3 -i $pace -W 600 > out.log 2>&1 && grep -q "(DUP!)$" out.log &&
		grep -q "(not what was sent!)$" out.log &&
		grep -q "3 received, +[23] duplicates, +[23] damaged, 0% packet loss" out.log
}

t_not_root()
{
	setpriv --reuid=65534 --clear-groups --inh-caps=-all "$kite" ping > out.log 2>&1
	[ $? -eq 2 ] && grep -q "need CAP_NET_RAW" out.log
}

check "ping: three" t_count
check "ping: no payload" t_size 0
check "ping: the largest payload" t_size 65536
check "ping: --json" t_json
check "ping: flood" t_flood
check "ping: deadline" t_deadline
check "ping: signals" t_signals
# A busy host may keep the VM from finding out how fast its clock is.
if grep -q jiffies /sys/devices/system/clocksource/clocksource0/current_clocksource; then
	check "ping: late answers # SKIP the clock here only knows ticks" true
else
	check "ping: late answers" t_late
fi
check "ping: answers that somebody made up" at_some_pace t_forged
check "ping: without the privilege" t_not_root
check "ping: no such node" says 2 "no way to node 7" ping -c 1 7
check "ping: no count" says 2 "no number for --count" ping -c 0
check "ping: too large" says 2 "no number for --size" ping -s 65537
finish
