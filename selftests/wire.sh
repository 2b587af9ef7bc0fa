#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Kite over a transport that is another module's: load it, run the tests of wire.c, and
# look at what the capture device shows of packets that come from another node.
#
# It loads a module, so it runs only in the test VM, or where KITE_TEST_UNLOAD=yes says
# that it may. KITE_WIRE_KO names the module ("make module-test").

# shellcheck disable=SC1091,SC2034,SC2154,SC2317 # lib.bash; called by check
. "$(dirname "$0")/lib.bash"

ko=${KITE_WIRE_KO:-$here/../build/$(uname -r)-test/kite_wire.ko}
wire=${KITE_TESTS:-$here}/wire

[ "$(id -u)" = 0 ] || skip_all "only root can load modules"
[ -d /run/vm ] || [ "$KITE_TEST_UNLOAD" = yes ] ||
	skip_all "not in the test VM, and KITE_TEST_UNLOAD is not \"yes\""
[ -f "$ko" ] || skip_all "there is no $ko"

# Of what it says, what went wrong is shown.
t_sockets()
{
	"$wire" > wire.log 2>&1 && return
	sed -i '/^ok \|  RUN  \|  OK  /d' wire.log
	return 1
}

# What is shown of a conversation: sent from here to 99, and received from there.
t_capture()
{
	ip link add mon9 type kitemon && ip link set mon9 up || return
	timeout 300 /usr/bin/python3 -u -c "
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(('mon9', 0))
print('ready')
while True:
    data, (name, proto, kind, hatype, mac) = s.recvfrom(1 << 17)
    print(kind, data[:12].hex())
" > capture.log 2>&1 &
	pids=$!
	retry grep -q ready capture.log || return
	"$wire" -t there_and_back > wire.log 2>&1 || return
	# PACKET_OUTGOING is 4, PACKET_HOST is 0.
	retry grep -q "^0 024b00000001024b00000063" capture.log &&
		grep -q "^4 024b00000063024b00000001" capture.log &&
		! grep -q "^0 024b00000063\|^4 024b00000001" capture.log
}

unload()
{
	retry rmmod kite_wire
}

check "kite_wire.ko loads" insmod "$ko"
check "sockets" t_sockets
check "capture" t_capture
ip link del mon9 2> /dev/null
check "kite_wire.ko unloads" unload
finish
