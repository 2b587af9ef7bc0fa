#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration: real programs talk over Kite on a stock kernel.
#
#	demo.sh [SIZE]		boot a VM and run the demonstration in it, with a file
#				of that SIZE, 64M if it is not said
#	demo.sh --inside SIZE	the part that runs in the VM, as root
#
# Prints what it does as a transcript. Each step is checked, and the first one
# that does not hold ends the demonstration with a non-zero status.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")

if [ "${1-}" != --inside ]; then
	make -s -C "$top" module KERNEL=6.12 && make -s -C "$top" userspace || exit
	echo "Booting a VM with Debian's 6.12 kernel. It sees this machine's files,"
	echo "and what it writes goes nowhere."
	exec "$here/vm/run" --kernel 6.12 --no-module --timeout 900 -- \
		"$here/demo.sh" --inside "${1:-64M}"
fi

exec 2>&1
size=$2
sent=
ko=${KITE_KO:-$top/build/$(uname -r)/kite.ko}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit
# Pictures of lines and arrows, as wide as the text.
export PATH=$top/build/userspace:$PATH:/usr/sbin:/usr/lib/postgresql/15/bin LC_ALL=C.UTF-8 COLUMNS=90
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

# typed COMMAND...: as it is typed at a prompt
typed()
{
	local word line="\$"

	for word; do
		[[ $word =~ ^[[:alnum:]_./:=,@%+-]+$ ]] || word="'$word'"
		line="$line $word"
	done
	echo "$line"
}

# run COMMAND...: show it, and run it
run()
{
	typed "$@"
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
	for ((i = 0; i < 600; i++)); do
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

title "A file of $size, from one socat to another over family 18"
echo "\$ head -c $size /dev/urandom >file"
head -c "$size" /dev/urandom >file || fail "no file"
bytes=$(stat -c %s file)
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

# in_time COMMAND...: until it succeeds, for a minute
in_time()
{
	local i

	for ((i = 0; i < 600; i++)); do
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
echo "\$ echo hello | kite trace -a --svg picture.svg kite cat -N 7010"
echo hello | kite trace -a --svg picture.svg kite cat -N 7010 | tee trace.out
grep -q 'DATA 6 B' trace.out || fail "no picture"
grep -q 'DATA 6 B' picture.svg || fail "no picture for a browser"

title "What goes over the wire, if there were one: a capture, read by tshark"
echo "\$ kite dump -p 7010 -w capture.pcapng &"
kite dump -p 7010 -w capture.pcapng 2> dump.err &
dump=$!
in_time test -s capture.pcapng
echo "\$ echo hello | kite cat -N 7010"
echo hello | kite cat -N 7010 || fail "kite cat"
kill -INT $dump
wait $dump
echo "\$ tshark -r capture.pcapng -T fields -e frame.time_relative -e _ws.col.Info"
WIRESHARK_CONFIG_DIR=$work tshark -X "lua_script:$top/userspace/wireshark/kite.lua" \
	-r capture.pcapng -T fields -e frame.time_relative -e _ws.col.Info 2> tshark.err |
	tee tshark.out
grep -q REQUEST tshark.out || fail "tshark does not know Kite"
kill $server
wait $server 2>/dev/null

# over PORT: who listens there does so with Kite, and there is no TCP socket at all
over()
{
	in_time sh -c "kite ss -l | grep ':$1 '"
	run kite ss -lp sport = ":$1" | tee ss.out
	grep -q "LISTEN.*:$1 " ss.out || fail "nobody listens to Kite's port $1"
	[ "$(wc -l < /proc/net/tcp)" = 1 ] || fail "there is a TCP socket"
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

# serve PORT COMMAND...: in the background, until quit
serve()
{
	local port=$1

	shift
	typed "$@" | sed 's/$/ \&/'
	"$@" > server.out 2>&1 &
	server=$!
	over "$port"
}

quit()
{
	kill $server 2>/dev/null
	wait $server 2>/dev/null
}

# gives TEXT: is it in what the last command said?
gives()
{
	grep -q -e "$1" said.out || fail "no \"$1\""
}

# fetch URL: the file, by curl
fetch()
{
	rm -f fetched
	run kite run curl -s -o fetched -w '%{http_code}: %{size_download} bytes\n' "$1" |
		tee said.out
	gives "^200: $bytes bytes$"
	sum fetched
}

title "Programs that were written for TCP, unchanged: Python's web server"
serve 8000 kite run /usr/bin/python3 -m http.server 8000
echo "\$ wc -l < /proc/net/tcp  # a socket of TCP would have a line after the header"
wc -l < /proc/net/tcp
if has curl; then
	fetch http://localhost:8000/there
else
	run kite run /usr/bin/python3 -c "import urllib.request as r
print(len(r.urlopen('http://localhost:8000/there').read()))" | tee said.out
	gives "^$bytes$"
fi
quit

if title "nginx" && has nginx curl; then
	cat > nginx.conf <<-END
		user root;
		daemon off;
		pid $work/nginx.pid;
		events { }
		http { access_log off; server { listen 127.0.0.1:8080; root $work; } }
	END
	serve 8080 kite run nginx -c "$work/nginx.conf" -e "$work/nginx.log"
	fetch http://localhost:8080/there
	quit
fi

if title "Redis, with its benchmark" && has redis-server redis-benchmark; then
	serve 6379 kite run redis-server --save ''
	run kite run redis-benchmark -q -n 1000 -c 10 -t set,get < /dev/null 2>&1 |
		tr '\r' '\n' | grep -E '^\$|requests per second' | tee said.out
	gives '^SET: .* requests'
	gives '^GET: .* requests'
	quit
fi

if title "memcached" && has memcached memccp memccat; then
	serve 11211 kite run memcached -u root -l 127.0.0.1
	echo "hello, memcached" > greeting
	run kite run memccp --servers=127.0.0.1 greeting || fail "memccp"
	run kite run memccat --servers=127.0.0.1 greeting | tee said.out
	gives '^hello, memcached$'
	quit
fi

if title "PostgreSQL, with its benchmark" && has postgres pgbench; then
	# It does not run as root.
	chmod 711 .
	install -d -o postgres data
	user="setpriv --reuid postgres --regid postgres --clear-groups"
	$user initdb -D "$work/data" --no-sync --no-instructions -A trust > init.out 2>&1 ||
		fail "initdb: $(cat init.out)"
	# shellcheck disable=SC2086 # Several words.
	serve 5432 $user kite run postgres -D "$work/data" -c fsync=off \
		-c listen_addresses=localhost -c unix_socket_directories=
	bench="$user kite run pgbench -h 127.0.0.1 postgres"
	$bench -i -q > init.out 2>&1 || fail "pgbench -i: $(cat init.out)"
	run $bench -n -c 4 -t 10 2>&1 | grep -E '^\$|clients|processed|failed' | tee said.out
	gives 'actually processed: 40/40'
	quit
fi

if title "OpenSSH" && has sshd ssh; then
	ssh-keygen -q -t ed25519 -N '' -f key
	mkdir -p /run/sshd
	printf '%s\n' "ListenAddress 127.0.0.1:2222" "HostKey $work/key" "PidFile none" \
		"AuthorizedKeysFile $work/key.pub" "StrictModes no" "UsePAM no" > sshd.conf
	printf '%s\n' "Host demo" "HostName 127.0.0.1" "Port 2222" "User root" \
		"IdentityFile $work/key" "StrictHostKeyChecking no" "LogLevel ERROR" \
		"UserKnownHostsFile /dev/null" > ssh.conf
	serve 2222 kite run /usr/sbin/sshd -D -f "$work/sshd.conf"
	# shellcheck disable=SC2016 # The other shell expands it.
	run kite run ssh -F ssh.conf demo 'echo "from, to: $SSH_CONNECTION"' | tee said.out
	gives '^from, to: 127.0.0.1 [0-9]* 127.0.0.1 2222$'
	quit
fi

if title "iperf3" && has iperf3; then
	serve 5201 kite run iperf3 -s -1
	run kite run iperf3 -c 127.0.0.1 -n 32M -f M | grep -E '^\$|receiver' | tee said.out
	gives receiver
	quit
fi

title "socat, with UDP"
typed kite run socat UDP-LISTEN:7020 PIPE | sed 's/$/ \&/'
kite run socat UDP-LISTEN:7020 PIPE &
server=$!
in_time sh -c "kite ss -ld | grep ':7020 '"
run kite ss -dl
echo "\$ echo hello, socat | kite run socat -t 5 - UDP:127.0.0.1:7020"
echo hello, socat | kite run socat -t 5 - UDP:127.0.0.1:7020 | tee said.out
gives '^hello, socat$'
quit

title "What they left behind: the counters"
run kite stat 'ActiveOpens' 'PassiveOpens' 'In*' 'Drop*' | tee stat.out
grep -q ActiveOpens stat.out || fail "nothing was counted"

title "The module stays while a socket is open"
socat "SOCKET-LISTEN:18:0:$(address 7003 $node_any)" - </dev/null &
listener=$!
for ((i = 0; i < 600; i++)); do
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
run timeout 300 /usr/bin/python3 "$here/demo-vsock.py" | tee python.out
[ "${PIPESTATUS[0]}" = 0 ] || fail "demo-vsock.py"
grep -q "HELLO OVER AF_VSOCK" python.out || fail "the answer is not the right one"
unload

echo
echo "demo: it worked: $size there and back over AF_KITE, and programs for TCP and AF_VSOCK"
echo "unchanged. \"make test-programs\" has more of them: nginx, PostgreSQL, OpenSSH, ..."
