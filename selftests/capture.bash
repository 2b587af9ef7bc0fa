# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # Used by, and from, those who source this.
#
# For the tests that look on at talker (talker.c): sourced after tool.bash, not run.
# KITE_TESTS names the directory with talker.

talker=${KITE_TESTS:-$here/../build/selftests}/talker
dissector=$(realpath -s "$here/../userspace/wireshark/kite.lua")

[ -x "$talker" ] || { echo "1..0 # SKIP no $talker"; exit 4; }

# expected PORT: what talker PORT is to be seen saying, a packet a line: type, op,
# flags, ports, length, and what each byte of the payload is
expected()
{
	local p=$1

	cat <<-END
	1 1 0 $((p + 10)) $p 0 -
	1 2 0 $p $((p + 10)) 0 -
	1 4 0 $((p + 10)) $p 5 h
	1 4 0 $p $((p + 10)) 6 w
	1 6 3 $((p + 10)) $p 0 -
	1 6 3 $p $((p + 10)) 0 -
	5 1 0 $((p + 11)) $p 0 -
	5 2 0 $p $((p + 11)) 0 -
	5 4 2 $((p + 11)) $p 3 e
	5 4 0 $((p + 11)) $p 65536 l
	5 4 1 $p $((p + 11)) 65536 m
	5 4 0 $p $((p + 11)) 34464 m
	5 6 3 $p $((p + 11)) 0 -
	5 6 3 $((p + 11)) $p 0 -
	2 7 0 $((p + 12)) $p 4 d
	2 7 0 $((p + 12)) $p 65536 D
	2 7 0 $((p + 12)) $((p + 1)) 1 r
	2 3 1 $((p + 1)) $((p + 12)) 0 -
	1 1 0 $((p + 13)) $((p + 1)) 0 -
	1 3 1 $((p + 1)) $((p + 13)) 0 -
	1 1 0 $((p + 14)) $p 0 -
	1 2 0 $p $((p + 14)) 0 -
	1 4 0 $((p + 14)) $p 6 unread
	1 3 3 $p $((p + 14)) 0 -
	END
}

# fields FILE PORT: everything of each packet, by tshark, into FILE.fields. Only once,
# since it takes tshark long to start. What it makes of the payload of the records does
# not matter, so telnet is as good as any.
fields()
{
	WIRESHARK_CONFIG_DIR=$tmp timeout 600 tshark -X lua_script:"$dissector" -2 -r "$1" -o "kite.payload:$(($2 + 11))=telnet" -T fields -E separator=';' -e frame.len -e frame.cap_len \
		-e eth.type -e eth.src -e eth.dst -e kite.type -e kite.op -e kite.flags \
		-e kite.src_port -e kite.dst_port -e kite.len -e kite.payload \
		-e kite.stream -e kite.response_to -e kite.response_in -e kite.reset \
		-e kite.seq -e kite.version -e kite.src_node -e kite.dst_node \
		-e kite.read -e kite.limit -e frame.number -e frame.time_epoch \
		-e _ws.expert.message -e _ws.col.Info -e frame.protocols \
		> "$1.fields" 2> tshark.log
}

# packets FILE: as expected has it, from what fields made of FILE; without CREDIT and
# without pings
packets()
{
	awk -F ';' '$6 != 3 && $7 != 5 {
		first = substr($12, 1, 2)
		same = $12
		gsub(first, "", same)
		text = "-"
		if (length($12) == 2 * $11 && $11 > 0)
			text = same == "" ? chr(first) : \
				$12 == "756e72656164" ? "unread" : "mixed"
		else if ($11 > 0)
			text = "short"
		print $6, $7, hex($8), $9, $10, $11, text
	}
	function hex(s) { return digit(substr(s, 3, 1)) * 16 + digit(substr(s, 4, 1)) }
	function digit(c) { return index("0123456789abcdef", c) - 1 }
	function chr(h) { return sprintf("%c", hex("0x" h)) }
	' "$1.fields"
}
