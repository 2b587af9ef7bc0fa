# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # Used by those who source this.
#
# For the tests of the kite tool: sourced, not run. It ends the script where there is
# nothing to test. KITE_TOOL names the binary.

kite=$(dirname "${BASH_SOURCE[0]}")/../build/userspace/kite
kite=$(realpath -s "${KITE_TOOL:-$kite}")

# shellcheck disable=SC1091,SC2154,SC2317 # lib.bash; called by check
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

# What it says of a command line that is wrong, of itself, and in which colours.
apart='^(says 2|t_help|t_manual|t_colors) '

[ -x "$kite" ] || skip_all "no $kite: run make userspace"
[ -d /sys/module/kite ] || skip_all "kite.ko is not loaded"

# kite ARG...: the tool
kite()
{
	"$kite" "$@"
}

# says STATUS TEXT ARG...: what kite says to that command line
says()
{
	local status=$1 text=$2 is

	shift 2
	kite "$@" > says.log 2>&1 < /dev/null
	is=$?
	[ $is -eq "$status" ] && grep -qe "$text" says.log && return
	echo "exit status $is" >> says.log
	return 1
}

# unread PORT: a command for "kite cat -e" that ends when there is something to read,
# which it leaves
unread()
{
	echo "until '$kite' ss -t sport = :$1 < /dev/null | grep -q 'ESTAB  *[1-9]'; do
		sleep 0.1
	done"
}

# read_all PORT: a command that ends when its peer has read all that it was sent
read_all()
{
	echo "until '$kite' ss -t sport = :$1 < /dev/null | grep -q 'ESTAB  *[0-9]*  *0 '; do
		sleep 0.1
	done"
}

# is_json FILE [EXPRESSION]: Python takes it, and the expression about "it" is true
is_json()
{
	/usr/bin/python3 -c "
import json, sys
it = json.load(open('$1'))
assert (${2:-True}), it" > json.log 2>&1
}
