#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite run: that a program finds TCP and UDP with it as it does without it, that it
# can talk to programs of Kite's, and what the command says. KITE_TESTS names the
# directory of the program "preload".

# shellcheck disable=SC1091,SC2154,SC2317,SC2086 # tool.bash; called by check; pids
. "$(dirname "$0")/tool.bash"

preload=$(realpath -s "${KITE_TESTS:-$here/../build/selftests}/preload")
family=$(cat /sys/module/kite/parameters/family)

[ -x "$preload" ] || skip_all "no $preload"
[ -e /proc/net/if_inet6 ] || skip_all "this kernel has no IPv6 to compare with"
# A library of one size does not go into programs of another.
! kite run "$preload" list 2>&1 | grep -q 'bit program' || skip_all "$preload has 32 bits"
# An address of this machine that is none of loopback.
ip address add 10.75.75.75/32 dev lo

# Without this nobody is at AF_VSOCK's other end.
has_vsock=
! modprobe -q vsock_loopback || has_vsock=1

# Both say all that they have to say at once, for a program starts slowly.
timeout 600 "$preload" > ip 2>&1 < /dev/null
timeout 600 "$kite" run "$preload" > over 2>&1 < /dev/null
[ -z "$has_vsock" ] || modprobe -qr vsock_loopback

# The differences that are shown are those that are left: < is IP, > is Kite.
same()
{
	grep "^$1:" ip > ip.part
	grep "^$1:" over > over.part
	[ -s ip.part ] && diff ip.part over.part > diff.log 2>&1
}

# Without this the comparison would be one of TCP with itself.
t_is_kite()
{
	kite run "$preload" raw "$family" && "$preload" raw 2 &&
		kite run sh -c "'$preload' raw $family; exit \$?"
}

# With a program of Kite's. What the other calls port 5000 is port 90000.
t_map_connect()
{
	echo world | kite cat -Nl 90000 > heard 2> cat.log &
	retry kite run -m 5000=90000 "$preload" ask 5000 > said 2> run.log || return
	wait $!
	printf 'ask: peer: 16 bytes, family 2, 127.0.0.1, that port\nworld\n' | cmp - said &&
		grep -q '^hello$' heard
}

# hear TYPE PORT: what is said there comes back. From a port that IP does not have. Once
# somebody is there: a datagram that is refused is lost, and after the answer there is no
# end to wait for.
hear()
{
	local err

	echo hello | timeout 300 "$kite" cat -t "$1" -N -p 90077 "$2" > answer 2> cat.log &
	retry grep -q '^hello$' answer
	err=$?
	kill $! 2> /dev/null
	wait $! 2> /dev/null
	return $err
}

t_map_listen()
{
	kite run -m 5001=90001 "$preload" answer 5001 > said 2> run.log &
	pids=$!
	retry grep -q ': own: ' said && hear stream 90001 || return
	wait $pids
	printf 'answer: own: 16 bytes, family 2, 127.0.0.1, that port\nfrom port 90077\n' |
		cmp - said
}

t_dgram()
{
	kite run "$preload" answer-dgram 5002 > said 2> run.log &
	pids=$!
	retry grep -q ': own: ' said && hear dgram 5002 || return
	wait $pids
	grep -q '^from port 90077$' said
}

t_ld_preload()
{
	LD_PRELOAD=/lib/x.so kite run env 2> run.log | grep -q '^LD_PRELOAD=.*/libkite-preload.so:/lib/x.so$'
}

t_verbose()
{
	kite run -v "$preload" listen > /dev/null 2> run.log
	grep -q '^kite run: preload\[[0-9]*]: fd [0-9]*, inet connect: Kite 1:[0-9]*$' run.log
}

t_set_user_id()
{
	install -o nobody -m 4755 /usr/bin/env env
	says 1 'ignores LD_PRELOAD' run ./env
}

# Where make install puts the library.
t_installed()
{
	mkdir -p bin lib/kite
	cp "$kite" bin
	bin/kite run true > run.log 2>&1 && return 1
	grep -q 'make install' run.log || return
	cp "${kite%/*}/libkite-preload.so" lib/kite
	bin/kite run "$preload" raw "$family"
}

for test in $("$preload" list) inherit; do
	case $test$has_vsock in
	vsock)	result ok "run: vsock, as AF_VSOCK has it # SKIP no vsock_loopback" ;;
	vsock*)	check "run: vsock, as AF_VSOCK has it" same vsock ;;
	*)	check "run: $test, as IP has it" same "$test" ;;
	esac
done
check "run: a socket is Kite's" t_is_kite
check "run: --map, to connect" t_map_connect
check "run: --map, to listen" t_map_listen
check "run: datagrams from a port that UDP does not have" t_dgram
check "run: an LD_PRELOAD that is there is kept" t_ld_preload
check "run: --verbose" t_verbose
check "run: maps reach the program" says 0 '^KITE_RUN_MAP=80=8080@0,443=70000@2$' \
	run --map 80=8080 --map 443=70000@2 env
check "run: exit status" says 3 x run sh -c 'echo x; exit 3'
check "run: as it is installed" t_installed
check "run: no such program" says 127 'no such program' run no-such-program
check "run: not executable" says 126 'denied' run "$here/tool.bash"
check "run: set-user-ID" t_set_user_id
check "run: statically linked" says 1 'statically linked' run /bin/busybox true
check "run: no program" says 2 'a program' run
for map in 80 80= =80 0=80 80=x 70000=1 80=1@ 80=1@0 80=4294967295; do
	check "run: no map: $map" says 2 'a map is' run --map "$map" true
done
finish
