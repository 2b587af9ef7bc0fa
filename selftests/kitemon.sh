#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The capture device, with Debian's tcpdump and tshark and the dissector: they see each
# packet once and whole, and what they see is what was said. And: the device comes
# and goes at any time, and nothing gets through it.

# shellcheck disable=SC1091,SC2154,SC2317 # tool.bash and capture.bash; called by check
. "$(dirname "$0")/tool.bash"
. "$(dirname "$0")/capture.bash"

PATH=$PATH:/usr/sbin:/sbin
ko=/lib/modules/$(uname -r)/updates/kite.ko
say=7600

for tool in ip tcpdump tshark; do
	command -v $tool > /dev/null || { echo "1..0 # SKIP no $tool"; exit 4; }
done
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP only root makes devices"; exit 4; }

# sniff DEVICE: its packets, by a packet socket: a line each
sniff()
{
	timeout 300 /usr/bin/python3 -u -c "
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)	# SO_RCVBUFFORCE
s.bind(('$1', 0))
print('ready')
while True:
    data, (name, proto, kind, hatype, mac) = s.recvfrom(1 << 17)
    print(name, hex(proto), kind, hatype, len(data), data[14:18].hex())
" > sniff.log 2>&1 &
	pids="$pids $!"
	retry grep -qs ready sniff.log
}

# sees OP N: how many packets the sniffer has, compared
sees()
{
	test "$(grep -c 0x88b5 sniff.log)" "$1" "$2"
}

rx_packets()
{
	cat /sys/class/net/mon0/statistics/rx_packets
}

new_device()
{
	ip link add mon0 type kitemon && ip link set mon0 up
}

# ---- What a capture has: one is made for many tests

# The answer to a ping is the last packet of it: is it there?
is_complete()
{
	[ "$(grep -aoF ',-./012345678' all.pcap | wc -l)" = 2 ]
}

t_capture()
{
	new_device || return
	tcpdump -i mon0 -B 16384 -U --immediate-mode -w all.pcap 2> tcpdump.log &
	pids=$!
	retry grep -qs "listening on mon0, link-type EN10MB" tcpdump.log || return
	before=$(rx_packets)
	"$talker" $say 2> talker.log && kite ping -W 600 -c 1 > ping.log 2>&1 || return
	after=$(rx_packets)
	retry is_complete || return
	kill -INT $pids
	wait $pids
	pids=
	grep -q "^0 packets dropped by kernel" tcpdump.log
}

t_once()
{
	fields all.pcap $say || return
	expected $say > want
	packets all.pcap | diff want - > diff.log
}

t_frames()
{
	! grep -v '^[0-9]*;[0-9]*;0x88b5;02:4b:00:00:00:01;02:4b:00:00:00:01;' \
		all.pcap.fields > frames.log
}

t_whole()
{
	[ "$(grep -c '^65582;65582;' all.pcap.fields)" = 3 ] &&
		awk -F ';' '$1 != $2 || $1 != 46 + $11 { bad = 1 } END { exit bad }' \
			all.pcap.fields
}

t_counted()
{
	[ $((after - before)) = "$(wc -l < all.pcap.fields)" ]
}

t_times()
{
	awk -F ';' -v now="$(date +%s)" '$24 < last || $24 > now || $24 < now - 3600 { bad = 1 }
		{ last = $24 } END { exit bad }' all.pcap.fields
}

# Credit goes with the data: read and limit never go back in a stream.
t_clean()
{
	awk -F ';' '$25 != "" { print $7, $25 }' all.pcap.fields > expert.log
	sort expert.log | diff - <(printf '%s\n' "3 Reset: ABORT" "3 Reset: REFUSED" \
		"3 Reset: REFUSED") > diff.log
}

# stream: its index for each port that the talker calls from
t_streams()
{
	awk -F ';' -v p=$say '$6 != 3 { port = $9 < $10 ? $10 : $9; print port - p, $13 }' \
		all.pcap.fields | sort -u > streams.log
	# The datagrams to the port beside are a stream of their own.
	[ "$(cut -d ' ' -f 1 streams.log | uniq -c | awk '{ printf "%s:%s ", $2, $1 }')" = \
		"10:1 11:1 12:2 13:1 14:1 " ] &&
		[ "$(cut -d ' ' -f 2 streams.log | sort -u | wc -l)" = 6 ]
}

# REQUEST and RESPONSE or RESET, DGRAM and RESET, ECHO and ECHO_REPLY point to each
# other.
t_answers()
{
	[ "$(awk -F ';' '$14 { print $7 }' all.pcap.fields | tr '\n' ' ')" = "2 2 3 3 2 9 " ] &&
		awk -F ';' '{ to[$23] = $14; from[$23] = $15 }
		END {
			for (i in to)
				if (to[i] && from[to[i]] != i)
					exit 1
		}' all.pcap.fields
}

t_line()
{
	cut -d ';' -f 26 all.pcap.fields > lines.log
	grep -q "^7610 → 7600 \[REQUEST\] Len=0 Read=0 Limit=[1-9]" lines.log &&
		grep -q "^7610 → 7600 \[DATA\] Seq=0 Len=5" lines.log &&
		grep -q "^7600 → 7610 \[SHUTDOWN, RCV, SEND\]" lines.log
}

# Payload goes where kite.payload says.
t_payload()
{
	awk -F ';' '$7 == 4 { print $6, $27 }' all.pcap.fields | sort -u > payload.log
	diff - payload.log <<-END
	1 eth:ethertype:kite:data
	5 eth:ethertype:kite:telnet
	END
}

# ---- The device

t_outgoing()
{
	sniff mon0 || return
	"$talker" $say 2> talker.log
	retry sees -ge 24 || return
	! grep -v "^ready$" sniff.log | grep -v "^mon0 0x88b5 4 1 [0-9]* 01"
}

t_unwatched()
{
	before=$(rx_packets)
	"$talker" $say && [ "$(rx_packets)" -ge $((before + 24)) ]
}

t_down()
{
	ip link set mon0 down || return
	before=$(rx_packets)
	"$talker" $say && [ "$(rx_packets)" = "$before" ] && ip link set mon0 up &&
		"$talker" $say && [ "$(rx_packets)" != "$before" ]
}

# A whole REQUEST, sent into the device: Kite does not see it, nor does who captures.
t_injected()
{
	sniff mon0 || return
	timeout 300 "$kite" dump > dump.log 2>&1 &
	pids="$pids $!"
	retry grep -qs "looking on" dump.log || return
	/usr/bin/python3 -c "
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('mon0', 0x88b5))
frame = bytes.fromhex('024b00000001024b0000000188b5')
packet = struct.pack('<4B7I', 1, 1, 1, 0, 0, 9999, 1, 9998, 1, 0, 1000)
for bypass in 0, 1:
    s.setsockopt(263, 20, bypass)	# PACKET_QDISC_BYPASS
    try:
        s.send(frame + packet)
    except OSError as e:
        print(e)
" > inject.log 2>&1 || return
	kite ping -W 600 -c 1 -q > ping.log 2>&1 || return
	retry grep -qs ECHO_REPLY dump.log && retry sees -ge 2 || return
	! grep -q 9999 dump.log && sees -eq 2
}

t_no_address()
{
	! ip addr show mon0 | grep inet
}

# Without a name it has one all the same.
t_unnamed()
{
	ip link add type kitemon && ip link show kitemon0 > ip.log 2>&1 &&
		ip link del kitemon0
}

refuses()
{
	text=$1
	shift
	! ip link "$@" > ip.log 2>&1 && grep -q "$text" ip.log
}

t_privilege()
{
	! setpriv --reuid=65534 --clear-groups --inh-caps=-all \
		ip link add mon9 type kitemon > ip.log 2>&1 &&
		grep -q "not permitted" ip.log
}

t_namespaces()
{
	sniff mon0 || return
	ip netns add kitemon-test || return
	ip netns exec kitemon-test "$talker" $say 2> talker.log || return
	kite ping -W 600 -c 1 -q > ping.log 2>&1
	retry sees -ge 2 && sees -eq 2
}

# In another namespace it sees that one, with all its devices it goes when that goes.
t_moves()
{
	ip link set mon0 netns kitemon-test && ! ip link show mon0 > ip.log 2>&1 &&
		ip netns exec kitemon-test ip link set mon0 up || return
	before=$(ip netns exec kitemon-test cat /sys/class/net/mon0/statistics/rx_packets)
	"$talker" $say
	ip netns exec kitemon-test sh -c "
		cat /sys/class/net/mon0/statistics/rx_packets > rx.log
		$talker $say
		cat /sys/class/net/mon0/statistics/rx_packets >> rx.log"
	[ "$(sed -n 1p rx.log)" = "$before" ] && [ "$(sed -n 2p rx.log)" -ge $((before + 24)) ] &&
		ip netns del kitemon-test && new_device
}

t_busy()
{
	sniff mon0 || return
	(for _ in $(seq 8); do "$talker" $say || exit; done) > talker.log 2>&1 &
	busy=$!
	for _ in $(seq 8); do
		ip link set mon0 down && ip link set mon0 up || return
	done
	for i in 1 2 3; do
		ip link add "more$i" type kitemon && ip link set "more$i" up &&
			ip link del "more$i" || return
	done
	wait $busy
}

users()
{
	[ "$(cat /sys/module/kite/refcnt)" = 0 ]
}

# Devices do not hold the module, they go with it.
t_unload()
{
	local original=

	for parameter in /sys/module/kite/parameters/*; do
		original="$original ${parameter##*/}=$(cat "$parameter")"
	done
	sniff mon0 || return
	retry users || return
	rmmod kite || return
	! ip link show mon0 > ip.log 2>&1
	result=$?
	# shellcheck disable=SC2086 # several parameters
	insmod "$ko" $original && new_device && "$talker" $say && return $result
}

check "tcpdump takes it for an Ethernet" t_capture
check "each packet once, in order, with header and payload" t_once
check "frames are Kite's and have the nodes' addresses" t_frames
check "the largest packets are whole" t_whole
check "the device counts what it showed" t_counted
check "times" t_times
check "the dissector complains of resets alone" t_clean
check "the dissector follows streams" t_streams
check "the dissector connects questions and answers" t_answers
check "the dissector's lines" t_line
check "the dissector passes on payload" t_payload
check "outgoing frames, and no others" t_outgoing
check "nobody captures: still counted" t_unwatched
check "down: nothing is seen" t_down
check "what is sent into it goes nowhere" t_injected
check "a name of its own" t_unnamed
check "no address of IP" t_no_address
check "no other address" refuses "cannot be chosen" add mon1 address 02:00:00:00:00:01 \
	type kitemon
check "no other MTU" refuses "mtu less than" set mon0 mtu 1500
check "not without privilege" t_privilege
check "packets of another namespace are not seen" t_namespaces
check "moved to another namespace" t_moves
check "up, down, new and deleted while others talk" t_busy
if [ -d /run/vm ] && [ -f "$ko" ]; then
	check "goes with the module" t_unload
else
	count=$((count + 1))
	echo "ok $count goes with the module # SKIP not in the test VM"
fi
ip link del mon0
finish
