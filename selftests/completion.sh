#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What bash offers for kite: each command, each of its options, and what these may be.

# shellcheck disable=SC1090,SC1091,SC2154,SC2317,SC2034 # What is sourced; called by check
. "$(dirname "$0")/tool.bash"

# Ports are the kernel's, all else is the shell's and the tool's.
apart='^(offers|t_(commands|options|values|filters|files|programs)) ?'

# In a namespace of our own, where nobody else listens.
if [ -z "$KITE_ALONE" ]; then
	export KITE_ALONE=1
	exec unshare --net "$0" "$@"
fi

completion=$here/../userspace/completion/kite
PATH=${kite%/*}:$PATH
at=7399
types="dgram raw seqpacket stream"
states="all closed closing connected established listening syn-sent"
filters="and dport dst exclude not or sport src state"

. "$completion"

# complete_kite WORD...: what bash offers for the last word
complete_kite()
{
	local COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY

	_kite > completion.log 2>&1
	printf "%s\n" "${COMPREPLY[@]}" >> completion.log
}

# offers WANTED WORD...: just these words, in any order
offers()
{
	local wanted=$1

	shift
	complete_kite "$@"
	[ "$(sort completion.log | paste -sd ' ')" = "$wanted" ]
}

t_commands()
{
	kite help | sed -nE 's/^  ([a-z]+) .*/\1/p' > commands.log
	[ "$(wc -l < commands.log)" -gt 3 ] && offers "$(sort commands.log - <<< help |
		paste -sd ' ')" kite ""
}

# All that its help has, each once.
t_options()
{
	local option

	complete_kite kite "$1" -
	[ "$(wc -l < completion.log)" -ge 3 ] && grep -qx -e --help completion.log &&
		[ -z "$(sort completion.log | uniq -d)" ] || return
	"$kite" "$1" --help | grep -oE '^ +(-[A-Za-z], )?--?[a-zA-Z-]+' | tr -d , > help.log
	# shellcheck disable=SC2013 # Words.
	for option in $(cat help.log); do
		grep -qx -e "$option" completion.log || return
	done
}

t_counters()
{
	complete_kite kite stat "" &&
		diff <(awk '{ print $1 }' /proc/net/kite_stat) completion.log > diff.log
}

# Bash has made words of the colons.
t_ports()
{
	local command

	for command in ss monitor; do
		offers ":$at" kite $command sport = "" &&
			offers ":$at" kite $command sport "" &&
			offers "$at" kite $command dst 1 : "" &&
			offers "$at" kite $command sport '<=' : &&
			offers "$at" kite $command dport = : "${at:0:2}" &&
			offers "" kite $command dport = : 1 || return
	done
	offers "$at" kite cat "${at:0:1}" && offers "$at" kite cat 1 : "${at:0:2}" &&
		offers "$at" kite dump -p ""
}

t_filters()
{
	local command

	for command in ss monitor; do
		offers "$filters" kite $command "" &&
			offers "$filters" kite $command state listening "" &&
			offers "sport src state" kite $command s &&
			offers "$states" kite $command state "" &&
			offers "established" kite $command exclude est || return
	done
	offers "$filters" kite ss -t ""
}

t_values()
{
	offers "dgram seqpacket stream" kite cat -t "" &&
		offers "dgram seqpacket stream" kite perf -t "" &&
		offers "$types" kite monitor --type "" &&
		offers "$types" kite dump --type "" && offers "$types" kite ss --type "" &&
		offers "dgram seqpacket stream" kite perf --types "" &&
		offers "REQUEST RESET RESPONSE" kite dump -o RE &&
		offers "unix" kite perf -f u && offers "connect crowd" kite perf c
}

t_files()
{
	touch capture.1 capture.2
	offers "capture.1 capture.2" kite dump -r capt &&
		offers "capture.1 capture.2" kite dump --write capt &&
		offers "capture.1 capture.2" kite trace --svg capt
}

t_programs()
{
	complete_kite kite run pyth && grep -qx python3 completion.log &&
		complete_kite kite trace -o file pyth && grep -qx python3 completion.log &&
		complete_kite kite cat -e pyth && grep -qx python3 completion.log
}

# A person at a terminal, who presses the tabulator after each of these. What bash makes
# of it is what the terminal shows.
t_typed()
{
	/usr/bin/python3 - "$completion" "kite moni" "kite ss state estab" \
		"kite ss sport = :73" "kite cat 1:73" > typed.log 2>&1 <<'END'
import os, pty, sys

pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1="", TERM="dumb", INPUTRC="/dev/null", COLUMNS="200")
    os.execlp("bash", "bash", "--norc", "--noprofile", "-i")
os.write(fd, f". {sys.argv[1]}\n".encode())
for line in sys.argv[2:]:
    os.write(fd, f"{line}\t --help > /dev/null\n".encode())
os.write(fd, b"exit\n")
try:
    while said := os.read(fd, 4096):
        sys.stdout.write(said.decode())
except OSError:
    pass
END
	grep -q 'kite monitor ' typed.log && grep -q 'kite ss state established ' typed.log &&
		grep -q "kite ss sport = :$at " typed.log &&
		grep -q "kite cat 1:$at " typed.log
}

"$kite" cat -l $at > /dev/null 2>&1 < /dev/null &
listener=$!
trap 'kill $listener; stop; rm -rf "$tmp"' EXIT
retry grep -qs ":$at " /proc/net/kite || echo "# nobody listens"

check "commands" t_commands
check "one command" offers "ping" kite pi
for command in cat dump monitor perf ping run ss stat trace; do
	check "options of $command" t_options $command
done
check "values of options" t_values
check "counters" t_counters
check "filters" t_filters
check "ports" t_ports
check "files" t_files
check "programs" t_programs
check "typed" t_typed
finish
