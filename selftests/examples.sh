#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the programs of userspace/examples and the two of README.md.
#
# They are what a newcomer tries first, so they are tested as a newcomer runs
# them: as programs, over a loaded kite.ko. KITE_EXAMPLES names the directory
# with the binaries.

# shellcheck disable=SC1091,SC2154,SC2317 # lib.bash; called by check
bin=$(dirname "$0")/../build/userspace/examples
bin=$(realpath -s "${KITE_EXAMPLES:-$bin}")

. "$(dirname "$0")/lib.bash"

family=$(cat /sys/module/kite/parameters/family 2>/dev/null)

# server PROGRAM ARG...: start it and wait until it listens
server()
{
	program=$1
	shift
	"$bin/$program" "$@" > server.log 2>&1 &
	pids="$pids $!"
	retry grep -qs "^listening on port" server.log
}

client()
{
	timeout 300 "$bin/echo-client" "$port" 2>> client.log
}

t_echo()
{
	server echo-server "$port" || return
	printf 'hello\nworld\n' > in
	client < in > out && cmp in out || return
	# And again: the server goes on after a client has left.
	seq 1000 > in
	client < in > out && cmp in out
}

t_refused()
{
	client </dev/null && return 1
	# As AF_VSOCK, with family=40, it is a reset.
	grep -q "Connection re[fs]" client.log
}

t_epoll_many()
{
	clients=
	server epoll-server "$port" || return
	for i in 1 2 3 4 5 6 7 8; do
		seq "$i" 5 1000 > "in$i"
		client < "in$i" > "out$i" &
		clients="$clients $!"
	done
	# shellcheck disable=SC2086 # a list of process ids
	wait $clients
	for i in 1 2 3 4 5 6 7 8; do
		cmp "in$i" "out$i" || return
	done
}

# Are the queues of those connected to port $1 full both ways, and as they were the
# last time?
stuck()
{
	awk -v server=":$1" '$4 ~ server "$" && $5 > 0 && $6 > 0' /proc/net/kite > now
	[ -s now ] && cmp -s now before && return
	mv now before
	return 1
}

# send-file never reads what the server sends back, so in the end it waits.
t_epoll_slow()
{
	server epoll-server "$port" || return
	"$bin/send-file" file "$port" > slow.log 2>&1 &
	slow=$!
	pids="$pids $slow"
	retry stuck "$port" || return
	echo hello | client | grep -q "^hello$" || return
	kill -0 "$slow" 2>/dev/null
}

t_file()
{
	rm -f got
	server recv-file got "$port" || return
	timeout 300 "$bin/send-file" "$1" "$port" > client.log 2>&1 || return
	wait "${pids##* }" && cmp "$1" got
}

t_clock()
{
	server dgram-clock serve "$port" || return
	for i in 1 2; do
		timeout 300 "$bin/dgram-clock" ask "$port" > out 2> client.log &&
			grep -qE "^20[0-9-]{8} [0-9:]{8}$" out || return
	done
}

t_clock_refused()
{
	timeout 300 "$bin/dgram-clock" ask "$port" 2> client.log && return 1
	grep -q "Connection refused" client.log
}

# join NAME NUMBER: one more in the chat, NUMBER with all others. What NAME says
# goes into the pipe NAME.in, what NAME hears is in NAME.out.
join()
{
	mkfifo "$1.in"
	"$bin/record-chat" join "$port" "$1" < "$1.in" > "$1.out" 2> "$1.log" &
	person=$!
	pids="$pids $person"
	sleep 600 > "$1.in" &
	pids="$pids $!"
	retry grep -qs "^one joins: $2$" server.log
}

# Where somebody says "hello", the others hear it, and no one else does.
t_chat()
{
	rm -f alice.in bob.in
	server record-chat serve "$port" || return
	join alice 1 && join bob 2 || return
	printf 'hello\nhow are you?\n' > alice.in
	printf 'alice: hello\nalice: how are you?\n' > expected
	retry cmp -s expected bob.out && [ ! -s alice.out ]
}

# Carol hears all of it, though bob does not listen; he has to leave.
t_chat_deaf()
{
	rm -f bob.in carol.in
	server record-chat serve "$port" || return
	join bob 1 || return
	bob=$person
	join carol 2 || return
	kill -STOP "$bob"
	seq 2000 | timeout 300 "$bin/record-chat" join "$port" alice || return
	seq -f "alice: %g" 2000 > expected
	retry cmp -s expected carol.out
	heard=$?
	kill -KILL "$bob"
	[ $heard = 0 ] && grep -q "^one leaves: 2$" server.log
}

# Each packet of a connection, in the order of the protocol.
t_raw()
{
	server echo-server "$port" || return
	for text in hello again; do
		timeout 300 "$bin/raw-handshake" "$port" $text \
			> raw.log 2> client.log || return
		grep -q "^< DATA .*: $text$" raw.log || return
		tr -d , < raw.log | awk '$2 != "CREDIT" { print $1, $2, $4 }' \
			> out
		printf '%s\n' "> REQUEST 0" "< RESPONSE 0" "> DATA 0" "< DATA 0" \
			"> SHUTDOWN 2" "< SHUTDOWN 3" "> SHUTDOWN 3" |
			cmp - out || return
	done
}

t_raw_refused()
{
	"$bin/raw-handshake" "$port" > raw.log 2> client.log && return 1
	grep -q "^< RESET " raw.log
}

t_readme()
{
	"$bin/hello-server" > server.log 2>&1 &
	pids="$pids $!"
	retry "$bin/hello-client" > out 2> client.log || return
	grep -q "^hello$" out
}

[ -n "$family" ] || skip_all "kite.ko is not loaded"
[ -x "$bin/echo-server" ] || skip_all "no programs in $bin"

echo "KTAP version 1"
plan=13
echo "1..$plan"
head -c 4194304 /dev/urandom > file
: > empty

check "echo-server and echo-client" t_echo
check "echo-client without a server is refused" t_refused
check "epoll-server with eight clients at once" t_epoll_many
check "epoll-server with a client that does not read" t_epoll_slow
check "send-file and recv-file" t_file file
check "send-file and recv-file, an empty file" t_file empty
check "dgram-clock" t_clock
check "dgram-clock without a server is refused" t_clock_refused
check "record-chat" t_chat
check "record-chat with one who does not listen" t_chat_deaf
check "raw-handshake with echo-server" t_raw
check "raw-handshake without a server is refused" t_raw_refused
if [ "$family" != 18 ]; then
	result ok "the programs of README.md # SKIP they use family 18"
else
	check "the programs of README.md" t_readme
fi

finish
