#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite cat: that what goes in comes out, for each type, and what it says of what goes
# wrong.

# shellcheck disable=SC1091,SC2154,SC2317 # tool.bash; called by check
# shellcheck disable=SC2086,SC2016 # ports; for another shell
. "$(dirname "$0")/tool.bash"

family=$(cat /sys/module/kite/parameters/family)
# What connect() says where nobody listens.
refused="Connection refused"
[ "$family" != 40 ] || refused="Connection reset by peer"

# server NAME ARG...: kite cat -l in the background, its output in NAME, listening
server()
{
	local name=$1

	shift
	timeout 300 "$kite" cat -lv "$@" > "$name" 2> "$name.log" < "${input:-/dev/null}" &
	server=$!
	pids="$pids $server"
	retry grep -qs "listening on" "$name.log"
}

same()
{
	[ "$(sha256sum < "$1")" = "$(sha256sum < "$2")" ]
}

# Binary bytes, many windows of them.
t_file()
{
	server got -t "$1" $port &&
		kite cat -N -t "$1" $port < file 2> client.log &&
		wait $server && same file got
}

# Does the one who sends to port $1 wait for room?
blocked()
{
	"$kite" ss -ti dport = :$1 2> ss.log | grep -q ' blocked'
}

# To a reader that stands still until the sender does: nothing is lost.
t_backpressure()
{
	mkfifo pipe
	{
		retry blocked $port
		cat > got
	} < pipe &
	pids="$pids $!"
	timeout 300 "$kite" cat -lv $port > pipe 2> server.log < /dev/null &
	server=$!
	retry grep -qs "listening on" server.log &&
		kite cat -N $port < file 2> client.log && wait $server && wait ${pids##* } &&
		same file got
}

# Both ways at once, more than both windows hold: nobody waits for the other.
t_duplex()
{
	input="$tmp/file" server got -N $port &&
		kite cat -N $port < other > answer 2> client.log &&
		wait $server && same other got && same file answer
}

# The end of the one way is not the end of the other.
t_half_close()
{
	server got -e 'cat > got; sha256sum < got' $port &&
		kite cat -N $port < file > answer 2> client.log &&
		[ "$(cat answer)" = "$(sha256sum < file)" ]
}

# Without -N the end of the input is not told, and the peer's answer still comes.
t_no_shutdown()
{
	server got -e 'read -r line; echo "got $line"' $port &&
		echo hello | kite cat $port > answer 2> client.log &&
		[ "$(cat answer)" = "got hello" ]
}

# A peer that has gone ends it, though its input goes on.
t_peer_closes()
{
	mkfifo input
	sleep 600 > input &
	pids="$pids $!"
	server got -e 'echo bye' $port &&
		kite cat $port < input > answer 2> client.log &&
		[ "$(cat answer)" = bye ]
}

# Records are kept: "" and long ones, too.
t_records()
{
	printf 'one\n\ntwo words\n' > lines
	head -c 100000 /dev/zero | tr '\0' x > long
	server got -L -t seqpacket $port &&
		kite cat -N -L -t seqpacket $port < lines 2> client.log &&
		wait $server && same lines got || return
	server got -L -t seqpacket $port &&
		kite cat -N -L -t seqpacket $port < long 2> client.log && wait $server &&
		tr -d '\n' < got > joined && same long joined
}

t_datagrams()
{
	printf 'one\ntwo\n' > lines
	server got -N -L -t dgram $port &&
		kite cat -N -L -t dgram $port < lines 2> client.log &&
		wait $server && same lines got
}

t_datagram_answer()
{
	server got -t dgram -e 'head -c 3 > got; echo answer' $port &&
		echo ask | kite cat -t dgram -i $pace $port > answer 2> client.log
	# Datagrams have no end, so -i makes one.
	[ "$(cat answer)" = answer ] && [ "$(head -c 3 got)" = ask ]
}

# Two at the same time, each with a command of its own.
t_keep_exec()
{
	mkfifo first
	server got -k -e 'cat' $port || return
	kite cat -N $port < first > one 2> client.log &
	exec 9> first
	echo second | kite cat -N $port > two 2> client.log || return
	echo first >&9
	exec 9>&-
	wait $! && [ "$(cat one two)" = "$(printf 'first\nsecond')" ]
}

t_keep()
{
	server got -k $port || return
	for i in 1 2 3; do
		echo "number $i" | kite cat -N $port 2> client.log || return
	done
	[ "$(cat got)" = "$(printf 'number %d\n' 1 2 3)" ]
}

t_source()
{
	server got $port && echo x | kite cat -N -p $((port + 1000)) $port 2> client.log &&
		wait $server && grep -q "connection from 1:$((port + 1000)) (stream)" got.log
}

t_connect_timeout()
{
	server got -w 1 $port
	wait $server
	[ $? -eq 1 ] && grep -q "nobody came within 1 seconds" got.log
}

# The listener's queue, which has one already, is full with one more.
t_full()
{
	mkfifo hold
	"${KITE_TESTS:-$here/../build/selftests}/holder" listen < hold > held 2> held.log &
	pids="$pids $!"
	exec 9> hold
	retry test -s held || return
	full=$("$kite" ss -Hl | awk '$3 == 1 { sub(".*:", "", $5); print $5 }')
	kite cat -z "$full" || return
	says 1 "1:$full: Connection timed out" cat -w 0.3 "$full"
	result=$?
	exec 9>&-
	return $result
}

t_idle()
{
	server got -e 'sleep 600' $port || return
	mkfifo silence
	sleep 600 > silence &
	pids="$pids $!"
	kite cat -i 0.5 $port < silence 2> client.log
	[ $? -eq 1 ] && grep -q "nothing for 0.5 seconds" client.log
}

t_reset()
{
	# Closes with the input unread.
	server got -e "$(unread $port)" $port || return
	echo unread | kite cat $port > answer 2> client.log
	[ $? -eq 1 ] && grep -q "recv: Connection reset by peer" client.log
}

t_probe()
{
	server got -k $port && kite cat -z $port 2> client.log && stop &&
		says 1 "1:$port: $refused" cat -z $port
}

t_any_port()
{
	server got -w 300 '*' || return
	any=$(sed -n 's/.*listening on \*:\([0-9]*\) .*/\1/p' got.log)
	echo hello | kite cat -N "$any" 2> client.log && wait $server &&
		[ "$(cat got)" = hello ]
}

t_killed()
{
	server got $port && kill -TERM "$(pgrep -P $server)" && ! wait $server
}

head -c 3000001 /dev/urandom > file
head -c 2000003 /dev/urandom > other

check "cat: a file, stream" t_file stream
check "cat: a file, seqpacket" t_file seqpacket
check "cat: a reader that stands still" t_backpressure
check "cat: both ways at once" t_duplex
check "cat: half-close" t_half_close
check "cat: without -N" t_no_shutdown
check "cat: the peer closes" t_peer_closes
check "cat: records" t_records
check "cat: datagrams" t_datagrams
check "cat: datagrams and a command" at_some_pace t_datagram_answer
check "cat: -k -e, two at once" t_keep_exec
check "cat: -k, one after the other" t_keep
check "cat: -p" t_source
check "cat: -w" t_connect_timeout
check "cat: -w, and no room" t_full
check "cat: -i" t_idle
check "cat: reset" t_reset
check "cat: -z" t_probe
check "cat: any port" t_any_port
check "cat: a signal" t_killed
check "cat: nobody there" says 1 "1:7: $refused" cat 7
check "cat: no such node" says 1 "7:7: No route to host" cat 7:7
check "cat: no address" says 2 "one address" cat
check "cat: no such address" says 2 "no port" cat here
check "cat: no such type" says 2 "no type tcp" cat -t tcp 7
check "cat: raw" says 2 "no peer" cat -t raw 7
check "cat: -L of a stream" says 2 "no messages" cat -L 7
check "cat: -k without -l" says 2 "goes with -l" cat -k 7
check "cat: -e and -N" says 2 "the command sends" cat -N -e cat 7
finish
