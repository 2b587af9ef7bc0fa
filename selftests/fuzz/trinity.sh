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

# The sockets that it begins with: otherwise it tries every protocol, and ends with the
# first that does not exist. Three numbers each: family, type, protocol.
for _ in 1 2 3 4 5; do
	printf '\50\0\0\0\1\0\0\0\0\0\0\0'
	printf '\50\0\0\0\5\0\0\0\0\0\0\0'
	printf '\50\0\0\0\2\0\0\0\0\0\0\0'
done > trinity.socketcache

calls=
for call in socket socketpair bind listen connect accept accept4 getsockname \
	getpeername shutdown close dup sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg \
	setsockopt getsockopt read write readv writev poll select epoll_ctl epoll_wait \
	splice tee vmsplice sendfile ioctl fcntl; do
	calls="$calls -c $call"
done
# shellcheck disable=SC2086 # many words
setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all \
	"$trinity" -q -l off -P VSOCK -V $dir/victims --enable-fds=sockets \
	-C 4 -s "$seed" -N "$count" $calls > $dir/said 2>&1
status=$?
grep -E "created .* sockets" $dir/said
tail -n 1 $dir/said
exit $status
