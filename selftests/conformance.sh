#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# conformance, for who has a family of his own: known by its number and the layout of its
# addresses, a family does as it does by its name. A few rows will do: "make conformance"
# runs them all. KITE_TESTS names the directory of the program.

# shellcheck disable=SC1091,SC2154,SC2317,SC2086 # lib.bash; called by check; words
. "$(dirname "$0")/lib.bash"

tests=${KITE_TESTS:-$here/../build/selftests}
conformance=$(realpath -s "$tests/conformance/conformance")
number=$(cat /sys/module/kite/parameters/family 2> /dev/null)
rows="name_bound connect_nobody end_of_record unread source"

# conformance STATUS ARG...: that is how it ends
conformance()
{
	local status=$1

	shift
	timeout 300 "$conformance" "$@" > run.log 2>&1
	[ $? -eq $status ]
}

# results NAME: of the tests that were run, without the name of the family
results()
{
	sed -nE "s/^((not )?ok) [0-9]+ $1 /\1 /p" run.log
}

# t_number NAME NUMBER OPTION...: the same results, and not none
t_number()
{
	local name=$1 number=$2

	shift 2
	conformance 0 --family $name $rows || return
	results $name > by-name
	conformance 0 --family $number "$@" $rows || return
	results $number > by-number
	[ "$(wc -l < by-name)" -ge 4 ] && diff by-name by-number > diff.log
}

# Another's addresses are no good, and each row says so.
t_other_layout()
{
	conformance 1 --family "$number" --sockaddr in connect_nobody && grep -q '^not ok 1 ' run.log
}

t_table()
{
	conformance 0 --family kite --family "$number" --write table unread || return
	for file in txt rst json; do
		grep -q unread table/table.$file || return
	done
	/usr/bin/python3 -m json.tool table/table.json > json.log 2>&1
}

# says TEXT ARG...: what is wrong with the command line
says()
{
	local text=$1

	shift
	conformance 2 "$@" && grep -qe "$text" run.log
}

[ -n "$number" ] || skip_all "kite.ko is not loaded"
# Where nobody listens it does as vsock then, and vsock has no datagrams.
[ "$number" != 40 ] || skip_all "the number of AF_VSOCK stands for neither of the two"
[ -x "$conformance" ] || skip_all "no $conformance"

check "kite, by its number" t_number kite "$number" --sockaddr vm --node 1
check "kite, at ports of our choice" t_number kite "$number" --port 5000
check "unix, by its number" t_number unix 1 --sockaddr un --like unix
check "inet, by its number" t_number inet 2 --sockaddr in --node 127.0.0.1 --like inet
check "addresses of another layout" t_other_layout
check "a family that nobody has" conformance 4 --family 13
check "the table" t_table
check "no family" says "no family" --family here
check "no layout" says "un, in or vm" --family 40 --sockaddr ax25
check "options of a family that has none" says "first --family" --family kite --node 1
finish
