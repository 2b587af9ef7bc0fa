#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# trinity.sh TRINITY SEED COUNT: somebody else's fuzzer, in the test VM only, with
# kite.ko loaded as family=40, the number by which trinity knows it.
#
# It runs as nobody, in a directory of its own, with files that hold nothing; and only
# calls that sockets have.

trinity=$1
seed=$2
count=$3
dir=/tmp/trinity

[ -d /run/vm ] || { echo "trinity.sh: only in the test VM"; exit 4; }
mkdir -p $dir/victims && chown -R nobody $dir && cd $dir || exit
echo victim > $dir/victims/file

calls=
for call in socket socketpair bind listen connect accept accept4 getsockname \
	getpeername shutdown close dup sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg \
	setsockopt getsockopt read write readv writev poll select epoll_ctl epoll_wait \
	splice tee vmsplice sendfile ioctl fcntl; do
	calls="$calls -c $call"
done
# run TYPE TYPE: with a socket of each to begin with. Without a cache it tries every
# protocol, and ends with the first that does not exist; with more than two sockets it
# reads beyond its own table of families. Three numbers each: family, type, protocol.
run()
{
	for type; do
		printf '\50\0\0\0%b\0\0\0\0\0\0\0' "\\0$type"
	done > trinity.socketcache
	chown nobody trinity.socketcache
	# shellcheck disable=SC2086 # many words
	setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all \
		"$trinity" -l off -P VSOCK -V $dir/victims --enable-fds=sockets \
		-C 4 -s "$seed" -N $((count / 3)) $calls > $dir/said 2>&1 || status=1
	# Without one it would fuzz nothing.
	grep -q "sockets created" $dir/said || status=1
	sed -n 's/^\[main\] \(Ran .*\)/\1/p' $dir/said
	cat $dir/said >> $dir/all
}

# How many calls of sockets gave $1? There are no other sockets here than Kite's.
socket_calls="(bind|listen|connect|accept4?|get(sock|peer)name|shutdown|[gs]etsockopt"
socket_calls="$socket_calls|(send|recv)(to|from|m?msg))"
results()
{
	grep -cE "\] $socket_calls\(fd=[0-9]+, .*\) = $1" $dir/all
}

status=0
# SOCK_STREAM, SOCK_DGRAM and SOCK_SEQPACKET
run 1 5
run 2 5
run 2 1
good=$(results '[0-9]')
# One call in twenty is good. Where hardly any is, something is wrong with how it is run.
[ "$good" -ge $((count / 100)) ] || status=1
echo "$good calls of sockets succeeded, $(results -1) failed"
exit $status
