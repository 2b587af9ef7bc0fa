#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The examples of Documentation/observing.rst, capture.rst and counters.rst: each is typed
# into one shell for the page, in the order of the page, and has to print what the page
# says. The shell has a network namespace of its own, where nobody else counts.
#
# In what is printed, numbers that nobody can foretell do not count: those of five digits
# and more, those with a point, those in brackets, times, and hexadecimal ones. Nor does
# it count how many blanks there are. "..." on the page is anything, and a line of it any
# lines.

# shellcheck disable=SC1091,SC2154,SC2317 # tool.bash; called by check
. "$(dirname "$0")/tool.bash"

pages=${KITE_PAGES:-$here/../Documentation}
[ -d "$pages" ] || { echo "1..0 # SKIP no $pages"; exit 4; }
# A font of plain characters, a width that the page has, and kite under its name.
export LC_ALL=C.UTF-8 COLUMNS=78 PATH=${kite%/*}:$PATH:/usr/sbin:/sbin
dissector=$(realpath -s "$here/../userspace/wireshark/kite.lua")
export dissector WIRESHARK_CONFIG_DIR=$tmp

# The blocks of "code-block:: console" as lines "$ command" and what they print.
examples()
{
	awk '/^\.\. code-block:: console$/ { on = 1; next }
		on && /^[^ ]/ { on = 0; print "" }
		on { sub(/^   /, ""); print }' "$page"
}

# What the shell reads. After each command comes a line that tells the number of the
# next one. A command in the background has begun when it sleeps, for so many tenths of a
# second.
script()
{
	echo "calm_for=$1"
	cat <<-'END'
	begun()
	{
		local state calm=0 i

		for ((i = 0; i < 600 && calm < calm_for; i++)); do
			state=$(sed 's/.*) //' "/proc/$!/stat" 2> /dev/null)
			[ "${state:0:1}" = S ] && calm=$((calm + 1)) || calm=0
			sleep 0.1
		done
	}
	END
	examples | awk '/^[$#] / {
		n++
		printf "echo; echo @@%d\n%s\n", n, substr($0, 3)
		if (/&$/)
			print "begun"
	}
	/^> / { print substr($0, 3) }'
	# All of its session, and itself.
	echo 'pkill -KILL -s 0'
}

compare()
{
	/usr/bin/python3 - "$1" page.txt out.txt <<'END'
import re, sys

def plain(line):
    line = re.sub(r"\d\d:\d\d:\d\d\.\d+", "#", line)
    line = re.sub(r"0x[0-9a-f]+", "0x#", line)
    line = re.sub(r"\[\d+\]", "[#]", line)
    line = re.sub(r"\d+\.\d+", "#", line)
    line = re.sub(r"\b\d{5,}\b", "#", line)
    line = re.sub(r"[─-]{2,}", "--", line)
    line = re.sub(r"╌{2,}", "╌", line)
    return re.sub(r"\s+", " ", line).strip()

def pattern(line):
    return ".*".join(re.escape(part) for part in plain(line).split("..."))

number, page, out = sys.argv[1:]
def section(path):
    lines, on = [], False
    for line in open(path, errors="replace").read().splitlines():
        if line.startswith("@@"):
            on = line[2:] == number
        elif on and line.strip():
            lines.append(line)
    return lines

wanted, got = section(page), section(out)
expression = ""
for line in wanted:
    expression += r"(?:.*\n)*" if line.strip() == "..." else pattern(line) + r"\n"
if not re.fullmatch(expression, "".join(plain(line) + "\n" for line in got)):
    print("the page:", *wanted, "", "what is printed:", *got, sep="\n")
    sys.exit(1)
END
}

example()
{
	compare "$1" > compare.log 2>&1
}

# try CALM: the whole page
try()
{
	script "$1" > script.bash
	# Job control's own words are not the programs'.
	{
		timeout 600 setsid -w unshare -n bash script.bash > out.txt 2>&1 < /dev/null
	} 2> /dev/null
}

# all_right COMMAND...: is there nothing wrong with any of them?
all_right()
{
	local i

	for ((i = 1; i <= $#; i++)); do
		skipped "${!i}" || compare $i > /dev/null 2>&1 || return
	done
}

skipped()
{
	[ ! -e /sys/kernel/btf/vmlinux ] && [[ $1 == bpftrace* ]]
}

# run PAGE: a test for each command. Where what is in the background takes longer to
# begin than one would think, the page is tried again, with more patience.
run()
{
	local commands i

	page=$pages/$1.rst
	examples | awk '/^[$#] / { n++; printf "\n@@%d\n", n; next } !/^> / { print }' \
		> page.txt
	mapfile -t commands < <(examples | sed -n 's/^[$#] //p')
	for i in 3 15 50; do
		try $i
		! all_right "${commands[@]}" || break
	done
	for ((i = 0; i < ${#commands[@]}; i++)); do
		if skipped "${commands[i]}"; then
			result ok "$1: bpftrace # SKIP this kernel has no BTF"
		else
			check "$1: ${commands[i]//#/}" example $((i + 1))
		fi
	done
}

run observing
run capture
run counters
finish
