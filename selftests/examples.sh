#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the programs of userspace/examples and the two of README.md.
#
# They are what a newcomer tries first, so they are tested as a newcomer runs
# them: as programs, over a loaded kite.ko. KITE_EXAMPLES names the directory
# with the binaries.

here=$(cd "$(dirname "$0")" && pwd)
bin=${KITE_EXAMPLES:-$here/../build/userspace/examples}
family=$(cat /sys/module/kite/parameters/family 2>/dev/null)
tmp=
port=7100
count=0
failed=0
pids=

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

ok()
{
	count=$((count + 1))
	echo "ok $count $1"
}

not_ok()
{
	count=$((count + 1))
	failed=$((failed + 1))
	echo "not ok $count $1"
	# What the programs said belongs to the failure.
	cat "$tmp"/*.log 2>/dev/null | sed 's/^/# /'
}

# check NAME COMMAND...: one test, passed when the command succeeds
check()
{
	name=$1
	shift
	rm -f "$tmp"/*.log
	port=$((port + 1))
	if "$@"; then
		ok "$name"
	else
		not_ok "$name"
	fi
	stop_servers
}

stop_servers()
{
	for pid in $pids; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	pids=
}

cleanup()
{
	stop_servers
	rm -rf "$tmp"
}

# retry COMMAND...: until it succeeds, for ten seconds
retry()
{
	tries=100
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# server PROGRAM ARG...: start it and wait until it listens
server()
{
	program=$1
	shift
	"$bin/$program" "$@" >"$tmp/server.log" 2>&1 &
	pids="$pids $!"
	retry grep -q "^listening on port" "$tmp/server.log"
}

client()
{
	timeout 60 "$bin/echo-client" "$port" 2>>"$tmp/client.log"
}

t_echo()
{
	server echo-server "$port" || return
	printf 'hello\nworld\n' >"$tmp/in"
	client <"$tmp/in" >"$tmp/out" && cmp "$tmp/in" "$tmp/out" || return
	# And again: the server goes on after a client has left.
	seq 1000 >"$tmp/in"
	client <"$tmp/in" >"$tmp/out" && cmp "$tmp/in" "$tmp/out"
}

t_refused()
{
	client </dev/null && return 1
	# As AF_VSOCK, with family=40, it is a reset.
	grep -q "Connection re[fs]" "$tmp/client.log"
}

t_epoll_many()
{
	clients=
	server epoll-server "$port" || return
	for i in 1 2 3 4 5 6 7 8; do
		seq "$i" 5 1000 >"$tmp/in$i"
		client <"$tmp/in$i" >"$tmp/out$i" &
		clients="$clients $!"
	done
	# shellcheck disable=SC2086 # a list of process ids
	wait $clients
	for i in 1 2 3 4 5 6 7 8; do
		cmp "$tmp/in$i" "$tmp/out$i" || return
	done
}

# send-file never reads what the server sends back, so in the end it waits.
t_epoll_slow()
{
	server epoll-server "$port" || return
	"$bin/send-file" "$tmp/file" "$port" >"$tmp/slow.log" 2>&1 &
	slow=$!
	pids="$pids $slow"
	sleep 1
	echo hello | client | grep -q "^hello$" || return
	kill -0 "$slow" 2>/dev/null
}

t_file()
{
	rm -f "$tmp/got"
	server recv-file "$tmp/got" "$port" || return
	timeout 60 "$bin/send-file" "$1" "$port" >"$tmp/client.log" 2>&1 || return
	wait "${pids##* }" && cmp "$1" "$tmp/got"
}

t_clock()
{
	server dgram-clock serve "$port" || return
	for i in 1 2; do
		timeout 60 "$bin/dgram-clock" ask "$port" >"$tmp/out" 2>"$tmp/client.log" &&
			grep -qE "^20[0-9-]{8} [0-9:]{8}$" "$tmp/out" || return
	done
}

t_clock_refused()
{
	timeout 60 "$bin/dgram-clock" ask "$port" 2>"$tmp/client.log" && return 1
	grep -q "Connection refused" "$tmp/client.log"
}

# join NAME NUMBER: one more in the chat, NUMBER with all others. What NAME says
# goes into the pipe $tmp/NAME, what NAME hears is in $tmp/NAME.out.
join()
{
	mkfifo "$tmp/$1"
	"$bin/record-chat" join "$port" "$1" <"$tmp/$1" >"$tmp/$1.out" 2>"$tmp/$1.log" &
	person=$!
	pids="$pids $person"
	sleep 600 >"$tmp/$1" &
	pids="$pids $!"
	retry grep -q "^one joins: $2$" "$tmp/server.log"
}

# Where somebody says "hello", the others hear it, and no one else does.
t_chat()
{
	rm -f "$tmp/alice" "$tmp/bob"
	server record-chat serve "$port" || return
	join alice 1 && join bob 2 || return
	printf 'hello\nhow are you?\n' >"$tmp/alice"
	printf 'alice: hello\nalice: how are you?\n' >"$tmp/expected"
	retry cmp -s "$tmp/expected" "$tmp/bob.out" && [ ! -s "$tmp/alice.out" ]
}

# Carol hears all of it, though bob does not listen; he has to leave.
t_chat_deaf()
{
	rm -f "$tmp/bob" "$tmp/carol"
	server record-chat serve "$port" || return
	join bob 1 || return
	bob=$person
	join carol 2 || return
	kill -STOP "$bob"
	seq 2000 | timeout 60 "$bin/record-chat" join "$port" alice || return
	seq -f "alice: %g" 2000 >"$tmp/expected"
	retry cmp -s "$tmp/expected" "$tmp/carol.out"
	heard=$?
	kill -KILL "$bob"
	[ $heard = 0 ] && grep -q "^one leaves: 2$" "$tmp/server.log"
}

# Each packet of a connection, in the order of the protocol.
t_raw()
{
	server echo-server "$port" || return
	for text in hello again; do
		timeout 60 "$bin/raw-handshake" "$port" $text \
			>"$tmp/raw.log" 2>"$tmp/client.log" || return
		grep -q "^< DATA .*: $text$" "$tmp/raw.log" || return
		tr -d , <"$tmp/raw.log" | awk '$2 != "CREDIT" { print $1, $2, $4 }' \
			>"$tmp/out"
		printf '%s\n' "> REQUEST 0" "< RESPONSE 0" "> DATA 0" "< DATA 0" \
			"> SHUTDOWN 2" "< SHUTDOWN 3" "> SHUTDOWN 3" |
			cmp - "$tmp/out" || return
	done
}

t_raw_refused()
{
	"$bin/raw-handshake" "$port" >"$tmp/raw.log" 2>"$tmp/client.log" && return 1
	grep -q "^< RESET " "$tmp/raw.log"
}

t_readme()
{
	"$bin/hello-server" >"$tmp/server.log" 2>&1 &
	pids="$pids $!"
	retry "$bin/hello-client" >"$tmp/out" 2>"$tmp/client.log" || return
	grep -q "^hello$" "$tmp/out"
}

[ -n "$family" ] || skip_all "kite.ko is not loaded"
[ -x "$bin/echo-server" ] || skip_all "no programs in $bin"
tmp=$(mktemp -d) || exit 1
trap cleanup EXIT
trap 'exit 1' INT TERM

echo "KTAP version 1"
echo "1..13"
head -c 4194304 /dev/urandom >"$tmp/file"
: >"$tmp/empty"

check "echo-server and echo-client" t_echo
check "echo-client without a server is refused" t_refused
check "epoll-server with eight clients at once" t_epoll_many
check "epoll-server with a client that does not read" t_epoll_slow
check "send-file and recv-file" t_file "$tmp/file"
check "send-file and recv-file, an empty file" t_file "$tmp/empty"
check "dgram-clock" t_clock
check "dgram-clock without a server is refused" t_clock_refused
check "record-chat" t_chat
check "record-chat with one who does not listen" t_chat_deaf
check "raw-handshake with echo-server" t_raw
check "raw-handshake without a server is refused" t_raw_refused
if [ "$family" != 18 ]; then
	ok "the programs of README.md # SKIP they use family 18"
else
	check "the programs of README.md" t_readme
fi

[ $failed -eq 0 ]
