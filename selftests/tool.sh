#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite: what all its commands have in common: what they tell of themselves and of the
# module that is not there, colours, and a standard output that takes nothing.

# shellcheck disable=SC1091,SC2154,SC2317,SC2086 # tool.bash; called by check; words
. "$(dirname "$0")/tool.bash"

pages=$(realpath -s "$here/../userspace/man")

# Within the width of a terminal, with an example that can be typed, and nothing else.
t_help()
{
	kite "$1" --help > help.log 2> err.log && [ ! -s err.log ] &&
		head -n 1 help.log | grep -q "^usage: kite $1 " &&
		sed 1,3d help.log | grep -qE "^  kite $1( |$)" && ! grep -E '.{81}' help.log &&
		kite "$1" -h | cmp - help.log
}

# It has an example, and all options that the help has.
t_manual()
{
	local option

	kite "$1" --help > help.log && grep -qx ".Sh EXAMPLES" "$pages/kite-$1.1" || return
	# shellcheck disable=SC2013 # Words.
	for option in $(grep -oE '^ .* --[a-z-]+' help.log | grep -oE '[-]-[a-z-]+'); do
		[ $option = --help ] ||
			grep -qE "^\.It Fl .*-${option#--}( |$)" "$pages/kite-$1.1" || {
				echo "kite-$1(1) has no $option" > manual.log
				return 1
			}
	done
}

# To a command, the module is not there: its place in sysfs is empty.
t_no_module()
{
	local status=$1

	shift
	unshare --mount sh -c 'mount -t tmpfs none /sys/module/kite && exec "$@"' sh \
		timeout 300 "$kite" "$@" > bare.log 2>&1 < /dev/null
	[ $? -eq $status ] &&
		grep -qx "kite: module not loaded; try: sudo insmod kite.ko" bare.log
}

t_full()
{
	local status=$1

	shift
	timeout 300 "$kite" "$@" > /dev/full 2> full.log
	[ $? -eq $status ] && grep -q "No space left" full.log && [ "$(wc -l < full.log)" = 1 ]
}

# No socket takes the place of what is closed.
t_closed()
{
	kite ss >&- 2> closed.log
	[ $? -eq 1 ] && grep -q "output: Bad file descriptor" closed.log || return
	timeout 300 "$kite" cat -lv -e 'cat > got; echo x' $port 2> server.log &
	pids=$!
	retry grep -qs "listening on" server.log || return
	kite cat -N $port <&- >&- 2> closed.log
	[ $? -eq 1 ] && grep -q "output: Bad file descriptor" closed.log && [ ! -s got ]
}

# Something to hear of, for as long as a test lasts.
busy()
{
	while :; do
		kite cat -z 7 2> /dev/null
		sleep 0.05
	done &
	pids="$pids $!"
}

# When nobody reads any more, it ends without a word.
t_pipe()
{
	busy
	{
		timeout 300 "$kite" "$@" 2> pipe.log
		echo $? > status.log
	} | head -n 2 > head.log
	[ "$(cat status.log)" = 141 ] && [ "$(wc -l < head.log)" = 2 ] &&
		! grep -v "looking on" pipe.log
}

# terminal COMMAND: what it prints on one
terminal()
{
	TERM=${term:-xterm} timeout 300 script -qec "$kite $1" /dev/null < /dev/null > color.log
}

colored()
{
	grep -q $'\033''\[[0-9]' color.log
}

t_colors()
{
	busy
	terminal "$*" && colored || return
	term=dumb terminal "$*" && ! colored || return
	NO_COLOR=1 terminal "$*" && ! colored || return
	TERM=xterm kite "$@" > color.log && [ -s color.log ] && ! colored
}

"$kite" cat -lk 7390 > /dev/null 2>&1 < /dev/null &
listener=$!
trap 'kill $listener; stop; rm -rf "$tmp"' EXIT
retry "$kite" cat -z 7390 2> /dev/null

commands=$("$kite" help | sed -nE 's/^  ([a-z]+) .*/\1/p')
for command in $commands; do
	check "$command: help" t_help $command
	[ ! -d "$pages" ] || check "$command: manual" t_manual $command
	check "$command: no such option" says 2 "^\"kite $command --help\" tells more$" \
		$command --fly
done
check "help" says 0 'usage: kite COMMAND' help
check "no command" says 2 'usage: kite COMMAND'
check "no such command" says 2 'no command fly' fly

for command in "cat 7" "cat -l 7" dump monitor "perf -f kite" "run true" ss stat "trace true"; do
	check "$command: no module" t_no_module 1 $command
done
check "ping: no module" t_no_module 2 ping

for command in help "cat --help" ss "ss -j" stat "stat -j" "stat -z 0.01 2" \
	"trace $kite cat -z 7390"; do
	check "$command: a full disk" t_full 1 $command
done
check "ping: a full disk" t_full 2 ping -c 1
check "closed" t_closed
for command in "dump" monitor "stat -z 0.05" "ping -i 0.05"; do
	check "$command: nobody reads" t_pipe $command
done

for command in "ss -l" stat "dump -c 2" "monitor -c 20" "trace $kite cat -z 7390"; do
	check "$command: colours on a terminal alone" t_colors $command
done
finish
