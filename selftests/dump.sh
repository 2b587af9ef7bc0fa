#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kite dump: that it shows what was said, filters it in the kernel, counts what is
# lost, and writes files that it and tshark read.

# shellcheck disable=SC1091,SC2154,SC2317 # tool.bash and capture.bash; called by check
. "$(dirname "$0")/tool.bash"
. "$(dirname "$0")/capture.bash"

say=7700

# dump ARG...: looks on in the background, into out and err.log
dump()
{
	timeout 300 "$kite" dump "$@" > out 2> err.log &
	pids=$!
	retry grep -qs "looking on" err.log
}

# ends: the way it is ended by hand. It shows what it has seen until then.
ends()
{
	pkill -INT -P "$pids" && wait "$pids"
	result=$?
	pids=
	return $result
}

dumped()
{
	dump "$@" && "$talker" $say 2> talker.log && ends
}

# said FILE: what is in a file of JSON, as expected has it
said()
{
	/usr/bin/python3 -c "
import json
for line in open('$1'):
    p = json.loads(line)
    if p['op'] == 'CREDIT':
        continue
    op = ['REQUEST', 'RESPONSE', 'RESET', 'DATA', 'CREDIT', 'SHUTDOWN', 'DGRAM', 'ECHO',
          'ECHO_REPLY'].index(p['op']) + 1
    kind = {'stream': 1, 'dgram': 2, 'raw': 3, 'seqpacket': 5}[p['type']]
    flags = {'REFUSED': 1, 'ABORT': 3}[p['reason']] if op == 3 else sum(
        {'more': 1, 'eor': 2, 'rcv': 1, 'send': 2}[f] for f in p['flags'])
    assert p['from']['node'] == p['to']['node'] == 1 and p['version'] == 1, p
    assert p['length'] == p['captured'] == len(p['payload']) / 2, p
    text = bytes.fromhex(p['payload']).decode()
    print(kind, op, flags, p['from']['port'], p['to']['port'], p['length'],
          text if text == 'unread' else ''.join(set(text)) or '-')
" 2> said.log
}

t_json()
{
	dumped --json -x || return
	expected $say > want
	said out > is && diff want is > diff.log &&
		grep -q "^$(wc -l < out) packets, 0 lost" err.log
}

# lines FILE: without the time, and without CREDIT
lines()
{
	sed -n '/ CREDIT /! s/^[0-9:]*\.[0-9]\{9\} //p' "$1"
}

t_lines()
{
	dumped || return
	cp out lines.log
	lines out > is
	cat > want <<-END
	stream 1:7710 > 1:7700: DATA length 5
	stream 1:7700 > 1:7710: DATA length 6
	stream 1:7710 > 1:7700: SHUTDOWN rcv send limit N
	stream 1:7700 > 1:7710: SHUTDOWN rcv send limit N
	END
	sed 's/limit [1-9][0-9]*/limit N/' is | sed -n 3,6p | diff want - > diff.log || return
	grep -q "^seqpacket 1:7711 > 1:7700: DATA eor length 3$" is &&
		grep -q "^seqpacket 1:7700 > 1:7711: DATA more length 65536$" is &&
		grep -q "^dgram 1:7701 > 1:7712: RESET REFUSED$" is &&
		grep -q "^stream 1:7700 > 1:7714: RESET ABORT$" is &&
		[ "$(wc -l < is)" = 24 ]
}

t_verbose()
{
	dumped -v -x -p $((say + 10)) || return
	cp out verbose.log
	grep -q "stream 1:7710 > 1:7700: REQUEST length 0 read 0 limit [1-9][0-9]*$" out &&
		grep -q "DATA length 5 read 0 limit [1-9][0-9]*$" out &&
		grep -q "^	0x0000:  6868 6868 68  *hhhhh$" out
}

t_header()
{
	dumped -xx -o REQUEST -p $((say + 13)) || return
	# The header of a REQUEST from port 7713 to 7701.
	grep -q "^	0x0000:  0101 0100 0000 0000 211e 0000 0100 0000  " out &&
		grep -q "^	0x0010:  151e 0000 0100 0000 0000 0000 " out
}

# filtered N ARG...: so many packets get through the filter, and none is lost for it
filtered()
{
	local n=$1

	shift
	dumped "$@" || return
	cp out filtered.log
	[ "$(wc -l < out)" = "$n" ] && grep -q "^$n packets*, 0 lost" err.log
}

t_count()
{
	dump -c 3 || return
	"$talker" $say && wait "$pids" && [ "$(wc -l < out)" = 3 ] &&
		grep -q "^3 packets" err.log
}

t_snaplen()
{
	dumped --json -x -s 36 -p $((say + 11)) -o data || return
	/usr/bin/python3 -c "
import json
it = [json.loads(line) for line in open('out')]
assert [p['length'] for p in it] == [3, 65536, 65536, 34464], it
assert [p['captured'] for p in it] == [3, 4, 4, 4] and it[1]['payload'] == '6c' * 4, it
" 2> said.log
}

# What there is no room for is counted, and where: there is no packet after the last.
t_lost()
{
	dump -B 8 -o DGRAM --json || return
	child=$(pgrep -P "$pids")
	kill -STOP "$child"
	"$talker" $say flood 100
	kill -CONT "$child"
	retry test -s out && "$talker" $say flood 1 && ends || return
	n=$(wc -l < out)
	lost=$(sed -n 's/.* packets*, \([0-9]*\) lost.*/\1/p' err.log)
	[ $((n + lost)) = 101 ] && [ "$lost" -gt 0 ] &&
		[ "$(tail -n 1 out | sed -n 's/.*"drops_before":\([0-9]*\).*/\1/p')" = "$lost" ]
}

# ---- Files

t_write()
{
	dumped -w all.pcapng && [ ! -s out ] && grep -q "^[0-9]* packets, 0 lost" err.log ||
		return
	kite dump -r all.pcapng --json -x > out 2> read.log || return
	expected $say > want
	said out | diff want - > diff.log
}

t_tshark()
{
	fields all.pcapng $say || return
	packets all.pcapng | diff want - > diff.log || return
	! grep -v '^[0-9]*;[0-9]*;0x88b5;02:4b:00:00:00:01;02:4b:00:00:00:01;' \
		all.pcapng.fields > frames.log
}

t_capinfos()
{
	capinfos all.pcapng > capinfos.log 2>&1 &&
		grep -q "timestamp precision: *nanoseconds (9)" capinfos.log &&
		grep -q "Capture application: *kite dump" capinfos.log &&
		grep -q "encapsulation: *Ethernet" capinfos.log &&
		grep -q "strict time order: *True" -i capinfos.log
}

t_read_filtered()
{
	kite dump -r all.pcapng -o RESET -t stream > out 2> err.log &&
		[ "$(lines out)" = "stream 1:7701 > 1:7713: RESET REFUSED
stream 1:7700 > 1:7714: RESET ABORT" ]
}

# From a file into a file, through a pipe: nothing changes but the end.
t_copy()
{
	kite dump -r all.pcapng -w - 2> err.log | kite dump -r - > out 2> err.log &&
		kite dump -r all.pcapng 2> err.log | diff - out > diff.log
}

# What was lost is said in the file, too.
t_write_lost()
{
	dump -B 8 -o DGRAM -w lost.pcapng || return
	child=$(pgrep -P "$pids")
	kill -STOP "$child"
	"$talker" $say flood 100
	kill -CONT "$child"
	ends || return
	summary=$(tail -n 1 err.log)
	kite dump -r lost.pcapng > out 2> read.log
	[ "$(tail -n 1 read.log)" = "$summary" ] && ! grep -q ", 0 lost" read.log
}

# other ORDER RESOLUTION: a file of another program's: one packet, big or little
# endian, with times of 10^-RESOLUTION seconds, and a block that nobody knows
other()
{
	/usr/bin/python3 -c "
import struct, sys
o, resol = '$1', $2
def block(kind, body):
    body += bytes(-len(body) % 4)
    n = len(body) + 12
    return struct.pack(o + 'II', kind, n) + body + struct.pack(o + 'I', n)
hdr = struct.pack('<4B7I', 1, 1, 3, 1, 0, 5, 1, 6, 1, 0, 0)
frame = bytes(12) + b'\x88\xb5' + hdr
time = 1000000005 * 10 ** resol + 10 ** resol // 4
out = block(0x0a0d0d0a, struct.pack(o + 'IHHq', 0x1a2b3c4d, 1, 0, -1))
out += block(1, struct.pack(o + 'HHI', 1, 0, 0) + struct.pack(o + 'HHB3xI', 9, 1, resol, 0))
out += block(77, b'what?')
out += block(6, struct.pack(o + 'IIIII', 0, time >> 32, time & 0xffffffff, len(frame),
                            len(frame)) + frame)
sys.stdout.buffer.write(out)" > other.pcapng
	TZ=UTC kite dump -r other.pcapng > out 2> err.log &&
		[ "$(cat out)" = "01:46:45.250000000 stream 1:5 > 1:6: RESET REFUSED" ]
}

# Cut off or changed anywhere, a file is an error or fewer packets, and no crash.
t_damaged()
{
	kite dump -r all.pcapng -o CREDIT -o RESET -w small.pcapng 2> err.log || return
	for n in $(seq 1 37 400); do
		head -c "$n" small.pcapng > cut.pcapng
		"$kite" dump -r cut.pcapng > out 2> err.log
		[ $? -le 1 ] || return
	done
	/usr/bin/python3 -c "
import os, random, subprocess
random.seed(1)
data = open('small.pcapng', 'rb').read()
for i in range(40):
    bad = bytearray(data)
    for j in range(4):
        bad[random.randrange(min(len(bad), 400))] = random.choice((0, 1, 127, 255))
    p = subprocess.run(['$kite', 'dump', '-r', '-', '-xx'], input=bad, capture_output=True)
    assert p.returncode in (0, 1), (i, p)
" 2> damaged.log
}

t_not_root()
{
	setpriv --reuid=65534 --clear-groups --inh-caps=-all "$kite" dump > out.log 2>&1
	[ $? -eq 1 ] && grep -q "need CAP_NET_RAW" out.log
}

# What there is to be read from a file.
apart="$apart|^(other |t_(tshark|capinfos|read_filtered|copy|damaged)$)"

check "dump: everything that was said, as JSON" t_json
check "dump: a line a packet" t_lines
check "dump: -v -x" t_verbose
check "dump: -xx" t_header
check "dump: a port" filtered 6 -p $((say + 14)) -p $((say + 13))
check "dump: an op" filtered 3 -o RESET
check "dump: two ops" filtered 7 -o reset -o Request -o ECHO
check "dump: a type" filtered 4 -t dgram
check "dump: all three" filtered 1 -t stream -t dgram -o RESET -o DATA -p $((say + 12))
check "dump: nothing" filtered 0 -t raw
check "dump: -c" t_count
check "dump: -s" t_snaplen
check "dump: what is lost" t_lost
check "dump: -w and -r" t_write
if command -v tshark > /dev/null; then
	check "dump: tshark reads it" t_tshark
	check "dump: capinfos" t_capinfos
else
	for name in tshark capinfos; do
		count=$((count + 1))
		echo "ok $count dump: $name # SKIP no tshark"
	done
fi
check "dump: -r with a filter" t_read_filtered
check "dump: -r into -w" t_copy
check "dump: -w, what is lost" t_write_lost
check "dump: a big-endian file" other '>' 6
check "dump: a file in milliseconds" other '<' 3
check "dump: damaged files" t_damaged
check "dump: without the privilege" t_not_root
check "dump: a full disk" says 1 "No space" dump -r all.pcapng -w /dev/full
check "dump: no such file" says 1 "no.pcapng: No such file" dump -r no.pcapng
check "dump: no capture file" says 1 "is no pcapng" dump -r /bin/sh
check "dump: no such op" says 2 "no op FLY" dump -o FLY
check "dump: no such type" says 2 "no type unix" dump -t unix
check "dump: no port" says 2 "no number for --port" dump -p http
check "dump: less than a header" says 2 "no number for --snaplen" dump -s 31
check "dump: too many ports" says 2 "at most 32" dump $(seq -f "-p %g" 1 33)
check "dump: -w prints nothing" says 2 "no -j" dump -w x -j
finish
