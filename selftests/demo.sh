#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration: real programs talk over Kite on a stock kernel.
#
#	demo.sh			boot a VM and run the demonstration in it
#	demo.sh --inside	the part that runs in the VM, as root
#
# Prints what it does as a transcript. Each step is checked, and the first one
# that does not hold ends the demonstration with a non-zero status.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")

if [ "${1-}" != --inside ]; then
	make -s -C "$top" module KERNEL=6.12 && make -s -C "$top" userspace || exit
	echo "Booting a VM with Debian's 6.12 kernel. It sees this machine's files,"
	echo "and what it writes goes nowhere."
	exec "$here/vm/run" --kernel 6.12 --no-module -- "$here/demo.sh" --inside
fi

exec 2>&1
sent=
ko=${KITE_KO:-$top/build/$(uname -r)/kite.ko}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit
# Pictures of lines and arrows, as wide as the text.
export PATH=$top/build/userspace:$PATH LC_ALL=C.UTF-8 COLUMNS=90
node_any=ffffffff
node_local=01000000

fail()
{
	echo "demo: FAILED: $*"
	exit 1
}

title()
{
	echo
	echo "== $*"
}

# run COMMAND...: show it as typed at a prompt, and run it
run()
{
	echo "\$ $*"
	"$@"
}

# The address of socat's generic sockets is in hex, without the family: two
# zero bytes, the port, the node and four zero bytes, numbers little endian.
address()
{
	printf 'x0000%02x%02x0000%s00000000' $(($1 & 255)) $(($1 >> 8)) "$2"
}

# load FAMILY [ARG...]: insmod, and what the kernel says to it
load()
{
	local before family=$1

	shift
	before=$(dmesg | wc -l)
	run insmod "$ko" "$@" || fail "insmod"
	echo "\$ dmesg | grep family"
	dmesg | tail -n +$((before + 1)) | grep family | tee dmesg.out
	grep -q "socket family $family\$" dmesg.out || fail "no line in the kernel log"
	[ "$(cat /sys/module/kite/parameters/family)" = "$family" ] ||
		fail "the family is not $family"
}

# The socket's memory, and with it the module, is free only after an RCU grace
# period: a moment later than close().
unload()
{
	local i

	echo "\$ rmmod kite"
	for ((i = 0; i < 100; i++)); do
		rmmod kite 2>rmmod.err && return
		sleep 0.1
	done
	cat rmmod.err
	fail "kite.ko did not unload"
}

# transfer FROM TO FROM TO: two socats, the first in the background. The one
# that connects tries until the other one listens.
transfer()
{
	local there start

	start=$(date +%s)
	echo "\$ socat -u -b 65536 $1 $2 &"
	socat -u -b 65536 "$1" "$2" &
	there=$!
	run socat -u -b 65536 "$3" "$4" || fail "socat $3 $4"
	wait $there || fail "socat $1 $2"
	echo "(took $(($(date +%s) - start)) s)"
}

# sum FILE: its checksum, which has to be that of the first one
sum()
{
	local sum

	echo "\$ sha256sum $1"
	sum=$(sha256sum "$1")
	echo "$sum"
	sent=${sent:-${sum%% *}}
	[ "${sum%% *}" = "$sent" ] || fail "$1 is not what was sent"
}

title "The machine: a stock kernel, $(uname -r)"
[ -f "$ko" ] || fail "$ko is not built"
[ -e /sys/module/kite ] && fail "kite.ko is already loaded"
load 18

title "A file of 64 MiB, from one socat to another over family 18"
echo "\$ head -c 64M /dev/urandom >file"
head -c 64M /dev/urandom >file
sum file
transfer "SOCKET-LISTEN:18:0:$(address 7001 $node_any)" CREATE:there \
	OPEN:file \
	"SOCKET-CONNECT:18:0:$(address 7001 $node_local),retry=100,interval=0.1"
sum there

title "And back: now the server sends and the client receives"
transfer OPEN:there "SOCKET-LISTEN:18:0:$(address 7002 $node_any)" \
	"SOCKET-CONNECT:18:0:$(address 7002 $node_local),retry=100,interval=0.1" \
	CREATE:back
sum back

# in_time COMMAND...: until it succeeds, for ten seconds
in_time()
{
	local i

	for ((i = 0; i < 100; i++)); do
		"$@" > in_time.out 2>&1 && return
		sleep 0.1
	done
	cat in_time.out
	fail "$*"
}

title "Who talks with whom: a server of echoes, and a client that says nothing"
echo "\$ kite cat -lk -e cat 7010 &"
kite cat -lk -e cat 7010 &
server=$!
in_time kite cat -z 7010
echo "\$ sleep 60 | kite cat 7010 &"
sleep 60 | kite cat 7010 &
client=$!
in_time sh -c 'kite ss -H state established | grep :7010'
run kite ss -a | tee ss.out
[ "$(grep -c ':7010 .*ESTAB\|ESTAB.*:7010' ss.out)" = 2 ] || fail "not both ends are there"
grep -q 'LISTEN.*:7010' ss.out || fail "no listener"
kill $client

title "What a program's sockets do: a picture of another client"
echo "\$ echo hello | kite trace -a kite cat -N 7010"
echo hello | kite trace -a kite cat -N 7010 | tee trace.out
grep -q 'DATA 6 B' trace.out || fail "no picture"

title "What goes over the wire, if there were one: a capture, read by tshark"
echo "\$ kite dump -p 7010 -w capture.pcapng &"
kite dump -p 7010 -w capture.pcapng 2> dump.err &
dump=$!
in_time test -s capture.pcapng
echo "\$ echo hello | kite cat -N 7010"
echo hello | kite cat -N 7010 || fail "kite cat"
kill -INT $dump
wait $dump
echo "\$ tshark -r capture.pcapng"
WIRESHARK_CONFIG_DIR=$work tshark -X "lua_script:$top/userspace/wireshark/kite.lua" \
	-r capture.pcapng 2> tshark.err | cut -c1-100 | tee tshark.out
grep -q REQUEST tshark.out || fail "tshark does not know Kite"
kill $server
wait $server 2>/dev/null

# over PORT: who listens there does so with Kite, and there is no TCP socket at all
over()
{
	in_time sh -c "kite ss -l | grep ':$1 '"
	run kite ss -lp sport = ":$1" | tee ss.out
	grep -q "LISTEN.*:$1 " ss.out || fail "nobody listens to Kite's port $1"
	echo "\$ cat /proc/net/tcp | wc -l  # the header"
	wc -l < /proc/net/tcp | tee tcp.out
	[ "$(cat tcp.out)" = 1 ] || fail "there is a TCP socket"
}

# has PROGRAM...: are they installed? Says so if not.
has()
{
	local program

	for program; do
		command -v "$program" > /dev/null && continue
		echo "(no $program here: scripts/setup --programs installs it)"
		return 1
	done
}

title "Programs that were written for TCP, unchanged: Python's web server"
echo "\$ kite run python3 -m http.server 8000 &"
kite run /usr/bin/python3 -m http.server 8000 > http.out 2>&1 &
server=$!
over 8000
fetch="import urllib.request as r; print(len(r.urlopen('http://localhost:8000/there').read()))"
if has curl; then
	run kite run curl -s -o fetched -w '%{http_code}: %{size_download} bytes\n' \
		http://localhost:8000/there | tee fetch.out
	sum fetched
else
	run kite run /usr/bin/python3 -c "$fetch" | tee fetch.out
fi
grep -q 67108864 fetch.out || fail "that was not the file"
kill $server
wait $server 2>/dev/null

if title "And Redis, with its benchmark" && has redis-server redis-benchmark; then
	echo "\$ kite run redis-server --save '' &"
	kite run redis-server --save '' > redis.out 2>&1 &
	server=$!
	over 6379
	run kite run redis-benchmark -q -n 1000 -c 10 -t set,get < /dev/null 2>&1 |
		tr '\r' '\n' | grep -E '^\$|requests per second' | tee redis.out
	[ "$(grep -c 'requests per second' redis.out)" = 2 ] || fail "redis-benchmark"
	kill $server
	wait $server 2>/dev/null
fi

title "What they left behind: the counters"
run kite stat 'ActiveOpens' 'PassiveOpens' 'In*' 'Drop*' | tee stat.out
grep -q ActiveOpens stat.out || fail "nothing was counted"

title "The module stays while a socket is open"
socat "SOCKET-LISTEN:18:0:$(address 7003 $node_any)" - </dev/null &
listener=$!
for ((i = 0; i < 100; i++)); do
	[ "$(cat /sys/module/kite/refcnt)" = 0 ] || break
	sleep 0.1
done
run rmmod kite && fail "kite.ko went away under an open socket"
echo "\$ kill $listener  # the socat that held the socket"
kill $listener
wait $listener
unload

title "As AF_VSOCK: a Python program that knows nothing of Kite"
grep -q vsock /proc/modules && fail "the kernel's own vsock is loaded"
load 40 family=40
run timeout 60 /usr/bin/python3 "$here/demo-vsock.py" | tee python.out
[ "${PIPESTATUS[0]}" = 0 ] || fail "demo-vsock.py"
grep -q "HELLO OVER AF_VSOCK" python.out || fail "the answer is not the right one"
unload

echo
echo "demo: it worked: 64 MiB there and back over AF_KITE, and programs for TCP and AF_VSOCK"
echo "unchanged. \"make test-programs\" has more of them: nginx, PostgreSQL, OpenSSH, ..."
