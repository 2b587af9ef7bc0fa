#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the tests of selftests/kernel: a module that uses Kite's sockets, and leaves
# some in a network namespace that goes.
#
# It loads a module, so it runs only in the test VM, or where KITE_TEST_UNLOAD=yes
# says that it may. KITE_USERS_KO names the module ("make module-test").

# shellcheck disable=SC1091,SC2154,SC2317 # lib.bash; called by check
. "$(dirname "$0")/lib.bash"

ko=${KITE_USERS_KO:-$here/../build/$(uname -r)-test/kite_users.ko}
family=$(cat /sys/module/kite/parameters/family 2>/dev/null)
plan=22

# What the module has said since it was loaded, its numbers left out.
report()
{
	dmesg | sed -n 's/^\(\[[^]]*\] \)\?kite_users: //p' |
		awk '/^begin/ { text = "" } { text = text $0 "\n" } END { printf "%s", text }' \
		> said
	: > said.log
	while read -r first second rest; do
		case "$first $second" in
		"ok "*)	 result ok "kernel: $rest" ;;
		"not ok") result "not ok" "kernel: ${rest#* }" ;;
		"# "*)	 echo "$second $rest" >> said.log; continue ;;
		esac
		: > said.log
	done < said
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

# The module itself holds it, too: it has a transport.
t_in_use()
{
	[ "$(users)" -gt $((before + 1)) ]
}

# Each namespace goes as soon as its only program has ended.
t_closing()
{
	for _ in 1 2 3 4 5 6 7 8; do
		unshare -n sh -c 'echo 1 > /sys/module/kite_users/parameters/closing' || return
	done
}

[ "$(id -u)" = 0 ] || skip_all "only root can load modules"
[ -d /run/vm ] || [ "$KITE_TEST_UNLOAD" = yes ] ||
	skip_all "not in the test VM, and KITE_TEST_UNLOAD is not \"yes\""
[ -n "$family" ] || skip_all "kite.ko is not loaded"
[ -f "$ko" ] || skip_all "there is no $ko"
before=$(users)

echo "TAP version 13"
echo "1..$plan"
if insmod "$ko" family="$family"; then
	unload
	report
fi
if unshare -n insmod "$ko" family="$family" leave=1; then
	check "the kernel's sockets hold kite.ko" t_in_use
	check "sockets to be closed as their namespace goes" t_closing
	unload
	report
fi
check "and hold it no more" retry free_again
finish
