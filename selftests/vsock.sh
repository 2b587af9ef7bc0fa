#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run programs written for AF_VSOCK, as they are, over kite.ko with family=40:
#
# - vsock's own tests, from the kernel's tools/testing/vsock, with the server and
#   the client on this machine
# - Python's tests of its AF_VSOCK sockets
# - socat, ncat and a program in Python
#
# KITE_TESTS names the directory with the test programs, in its vsock-suite
# vsock's own ("make vsock-suite").

# shellcheck disable=SC1091,SC2154,SC2317 # lib.bash; called by check
suite=$(realpath -s "${KITE_TESTS:-$(dirname "$0")}")/vsock-suite

. "$(dirname "$0")/lib.bash"

python=/usr/bin/python3
control=1234

# ---- vsock's own tests ----

# reason PROGRAM ID: why this one cannot pass here, if so
reason()
{
	case $(uname -r),$1,$2 in
	6.[0-6].*,vsock_test,18|6.[0-6].*,vsock_test,19|6.[0-6].*,vsock_uring_test,1)
		echo "before 6.7 the socket core refuses SO_ZEROCOPY to new families" ;;
	esac
}

# ids PROGRAM: the numbers and names of its tests. Not all programs can tell.
ids()
{
	case $1 in
	vsock_uring_test)
		printf '%s\t%s\n' 0 "SOCK_STREAM io_uring test" \
			1 "SOCK_STREAM io_uring MSG_ZEROCOPY test" ;;
	*)	"$suite/$1" --list | sed 1d ;;
	esac
}

# pair PROGRAM [OPTION...]: its server and its client, till the first test fails
pair()
{
	program=$1
	shift
	rm -f ./*.log
	control=$((control + 1))
	timeout 600 "$suite/$program" --mode=server --control-port=$control \
		--peer-cid=1 "$@" > server.log 2>&1 &
	server=$!
	# Tests begin when both are there: who has failed leaves the other nothing to do.
	if ! retry grep -qs "listening on" server.log ||
	   ! timeout 600 "$suite/$program" --mode=client \
			--control-host=127.0.0.1 --control-port=$control \
			--peer-cid=1 "$@" > client.log 2>&1; then
		kill $server 2>/dev/null
	fi
	kill_later $server
}

# A peer whose other half failed should notice and end. If not, it is stopped.
kill_later()
{
	retry ended "$1" || kill "$1"
	wait "$1" 2>/dev/null
}

ended()
{
	! kill -0 "$1" 2>/dev/null
}

passed()
{
	grep -qs "^$1 - .*\.\.\.ok" server.log &&
		grep -qs "^$1 - .*\.\.\.ok" client.log
}

# vsock's tests end with the first that fails: go on after it.
own_tests()
{
	ids "$1" > list
	skips=
	while read -r id name; do
		[ -z "$(reason "$1" "$id")" ] || skips="$skips --skip=$id"
	done < list
	# That one knows no --skip, but what cannot pass there comes last.
	[ "$1" != vsock_uring_test ] || skips=
	# shellcheck disable=SC2086 # several options
	pair "$1" $skips
	while read -r id name; do
		name="$1: $name"
		why=$(reason "$1" "$id")
		if [ -n "$why" ]; then
			result ok "$name # SKIP $why"
		elif passed "$id"; then
			result ok "$name"
		else
			result "not ok" "$name"
			skips="$skips $(seq -f "--skip=%g" 0 "$id")"
			# shellcheck disable=SC2086 # several options
			[ "$1" != vsock_test ] || pair "$1" $skips
		fi
	done < list
}

# ---- Python's ----

python_tests()
{
	timeout 600 $python -m unittest -v test.test_socket.BasicVSOCKTest \
		test.test_socket.ThreadedVSOCKSocketStreamTest \
		< /dev/null > python.log 2>&1
	cp python.log python
	for test in testCrucialConstants testVSOCKConstants testCreateSocket \
		    testSocketBufferSize testStream; do
		if grep -q "^$test .*\.\.\. ok$" python; then
			result ok "python: test_socket: $test"
		else
			result "not ok" "python: test_socket: $test"
		fi
	done
}

t_python_program()
{
	timeout 300 $python "$here/demo-vsock.py" > python.log 2>&1 &&
		grep -q "HELLO OVER AF_VSOCK" python.log
}

# ---- others ----

# file_arrives SERVER... -- CLIENT...: the client's input is the server's output.
# The client is tried again until the server listens.
file_arrives()
{
	: > got
	serve=
	while [ "$1" != -- ]; do
		serve="$serve $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # a command and its options
	timeout 300 $serve < /dev/null > got 2> server.log &
	server=$!
	pids="$pids $server"
	retry client "$@" && wait "$server" && cmp file got
}

client()
{
	timeout 300 "$@" < file > client.log 2>&1
}

t_socat()
{
	file_arrives socat -u "VSOCK-LISTEN:$port" - -- \
		socat -u - "VSOCK-CONNECT:1:$port"
}

t_socat_answers()
{
	timeout 300 socat "VSOCK-LISTEN:$port" EXEC:cat 2> server.log &
	pids="$pids $!"
	retry socat_asks && cmp file got
}

socat_asks()
{
	timeout 300 socat -t 30 - "VSOCK-CONNECT:1:$port" < file \
		> got 2> client.log
}

t_ncat()
{
	file_arrives ncat --vsock --recv-only -l "$port" -- \
		ncat --vsock --send-only 1 "$port"
}

t_socat_to_ncat()
{
	file_arrives ncat --vsock --recv-only -l "$port" -- \
		socat -u - "VSOCK-CONNECT:1:$port"
}

t_vsock_perf()
{
	timeout 300 "$suite/vsock_perf" --port "$port" > server.log 2>&1 &
	server=$!
	pids="$pids $server"
	retry perf_sends && wait "$server" &&
		grep -q "^rx performance" server.log
}

perf_sends()
{
	timeout 300 "$suite/vsock_perf" --sender 1 --port "$port" --bytes 4M \
		> client.log 2>&1
}

[ "$(cat /sys/module/kite/parameters/family 2>/dev/null)" = 40 ] ||
	skip_all "kite.ko is not loaded with family=40"
[ -x "$suite/vsock_test" ] || skip_all "there is no $suite/vsock_test"
head -c 300000 /dev/urandom > file

echo "TAP version 13"
plan=$(($(ids vsock_test | wc -l) + 2 + 5 + 6))
echo "1..$plan"
own_tests vsock_test
own_tests vsock_uring_test
python_tests
check "python: a server and a client" t_python_program
check "socat to socat" t_socat
check "socat to socat and back" t_socat_answers
check "ncat to ncat" t_ncat
check "socat to ncat" t_socat_to_ncat
check "vsock_perf" t_vsock_perf
finish
