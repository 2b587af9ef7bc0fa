#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the tests of selftests/kernel: a module that uses Kite's sockets, and leaves
# some in a network namespace that goes.
#
# It loads a module, so it runs only in the test VM, or where KITE_TEST_UNLOAD=yes
# says that it may. KITE_USERS_KO names the module ("make module-test").

here=$(cd "$(dirname "$0")" && pwd)
ko=${KITE_USERS_KO:-$here/../build/$(uname -r)-test/kite_users.ko}
family=$(cat /sys/module/kite/parameters/family 2>/dev/null)
tmp=
count=0
failed=0
plan=20

PATH=$PATH:/usr/sbin:/sbin

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

# result ok|"not ok" NAME: one test; of a failed one, what was said
result()
{
	count=$((count + 1))
	echo "$1 $count $2"
	[ "$1" = "not ok" ] || return
	failed=$((failed + 1))
	sed 's/^/# /' "$tmp/log"
}

# check NAME COMMAND...: one test, passed when the command succeeds
check()
{
	name=$1
	shift
	if "$@" > "$tmp/log" 2>&1; then
		result ok "$name"
	else
		result "not ok" "$name"
	fi
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

# What the module has said since it was loaded, its numbers left out.
report()
{
	dmesg | sed -n 's/^\(\[[^]]*\] \)\?kite_users: //p' |
		awk '/^begin/ { text = "" } { text = text $0 "\n" } END { printf "%s", text }' \
		> "$tmp/said"
	: > "$tmp/log"
	while read -r first second rest; do
		case "$first $second" in
		"ok "*)	 result ok "kernel: $rest" ;;
		"not ok") result "not ok" "kernel: ${rest#* }" ;;
		"# "*)	 echo "$second $rest" >> "$tmp/log"; continue ;;
		esac
		: > "$tmp/log"
	done < "$tmp/said"
}

unload()
{
	retry rmmod kite_users
}

users()
{
	cat /sys/module/kite/refcnt
}

# Sockets of programs that ended before may have held it then.
free_again()
{
	[ "$(users)" -le "$before" ]
}

t_in_use()
{
	[ "$(users)" -gt "$before" ]
}

[ "$(id -u)" = 0 ] || skip_all "only root can load modules"
[ -d /run/vm ] || [ "$KITE_TEST_UNLOAD" = yes ] ||
	skip_all "not in the test VM, and KITE_TEST_UNLOAD is not \"yes\""
[ -n "$family" ] || skip_all "kite.ko is not loaded"
[ -f "$ko" ] || skip_all "there is no $ko"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
before=$(users)

echo "TAP version 13"
echo "1..$plan"
if insmod "$ko" family="$family"; then
	unload
	report
fi
if unshare -n insmod "$ko" family="$family" leave=1; then
	check "the kernel's sockets hold kite.ko" t_in_use
	unload
	report
fi
check "and hold it no more" retry free_again
[ $failed -eq 0 ] && [ $count -eq $plan ]
