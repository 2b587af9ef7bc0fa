#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the selftests where kite.ko is loaded, in the test VM for instance. Prints
# KTAP as the kernel's own runner does, and fails if any test failed.

usage()
{
	cat <<'END'
usage: run_tests.sh [--without-kite] [--without-tools|--tools] DIR [TEST...]

  DIR              where "make -C selftests" put the programs
  TEST             just these, by name: bind, poll, module.sh, ...
  --without-kite   run although kite.ko is not loaded: Kite's tests are skipped,
                   AF_UNIX's and TCP's are run
  --tools          just the scripts that test programs and not the kernel
  --without-tools  all but those

KITE_TEST_TIMEOUT is how many seconds one program may take. Where KITE_TEST_ALONE is set,
the other families are not tested beside Kite.
END
}

here=$(cd "$(dirname "$0")" && pwd)
without=
only=
tools="examples.sh tool.sh perf.sh cat.sh ping.sh preload.sh ss.sh stat.sh trace.sh observing.sh"
tools="$tools dump.sh completion.sh tracers.sh conformance.sh"
while :; do
	case $1 in
	--without-kite)	without=1 ;;
	--without-tools) tools= ;;
	--tools)	only=1 ;;
	-h|--help)	usage; exit 0 ;;
	-*)		usage >&2; exit 2 ;;
	*)		break ;;
	esac
	shift
done
[ -d "$1" ] || { usage >&2; exit 2; }
dir=$(cd "$1" && pwd)
shift
# shellcheck disable=SC2086 # Several names.
[ -z "$only" ] || set -- $tools

if [ ! -d /sys/module/kite ] && [ -z "$without" ]; then
	echo "Bail out! kite.ko is not loaded"
	exit 1
fi

# The programs in the order in which one reads them, then the scripts.
[ $# -gt 0 ] || {
	set -- errors bind connect accept data transfer shutdown buffers options \
		inspect timestamps creds reuseport socketpair seqpacket dgram drops observe api raw \
		byhand hostile badptr padding isolation cgroup poll epoll splice zerocopy uring \
		netns diag events threads stress storms vsock conformance
	# Where the kernel can be asked for them, see --kernel debug.
	[ ! -e /proc/self/fail-nth ] || set -- "$@" faults lossless around
	for script in $tools fuzz.sh kitemon.sh kernel.sh wire.sh stress.sh module.sh; do
		[ ! -x "$here/$script" ] || set -- "$@" "$script"
	done
	# With vsock's number.
	[ "$(cat /sys/module/kite/parameters/family 2>/dev/null)" != 40 ] || set -- "$@" vsock.sh
}

timeout=$(sed -n 's/^timeout=//p' "$here/settings" 2>/dev/null)
timeout=${KITE_TEST_TIMEOUT:-${timeout:-900}}
status=$(mktemp) || exit 1
trap 'rm -f "$status"' EXIT
trap 'exit 1' HUP INT TERM
buffer=
[ -z "$(command -v stdbuf)" ] || buffer="stdbuf --output=L"

export KITE_TESTS="$dir"

# run NAME: prints what it says; its exit status goes to $status
run()
{
	case $1 in
	*.sh)		set -- "$here/$1" ;;
	# The other families are for "make conformance".
	conformance)	set -- "$dir/$1/$1" --family kite
			[ -n "$KITE_TEST_ALONE" ] || set -- "$@" --family unix ;;
	*)		set -- "$dir/$1" ;;
	esac
	{
		# shellcheck disable=SC2086 # the command and its option
		timeout -k 10 "$timeout" $buffer "$@" 2>&1
		echo $? > "$status"
	} | sed -u 's/^/# /'
}

echo "TAP version 13"
echo "1..$#"
number=0
failed=0
for name in "$@"; do
	number=$((number + 1))
	echo "# timeout set to $timeout"
	echo "# selftests: kite: $name"
	run "$name"
	result=$(cat "$status")
	case $result in
	0)	echo "ok $number selftests: kite: $name" ;;
	4)	echo "ok $number selftests: kite: $name # SKIP" ;;
	124)	echo "#"
		echo "not ok $number selftests: kite: $name # TIMEOUT $timeout seconds"
		failed=1 ;;
	*)	echo "not ok $number selftests: kite: $name # exit=$result"
		failed=1 ;;
	esac
done
exit $failed
