#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Programs that know nothing of Kite do their work over it: each does the same with
# and without "kite run", and what it says has to be the same. With it, "kite ss" shows
# who listens, no TCP or UDP socket may be there, and no TCP connection was ever made.
#
#	programs.sh [NAME...]	all, or these: redis, http, nginx, ...
#
# For the test VM: ports are fixed, servers are root's.

# shellcheck disable=SC1091,SC2154 # tool.bash
# shellcheck disable=SC2317,SC2086 # Called by name; $run is several words.
# shellcheck disable=SC2016 # And some are for another shell.
. "$(dirname "$0")/tool.bash"

pg=/usr/lib/postgresql/15/bin

# retry COMMAND...: until it succeeds, for a minute or so; large programs start slowly
retry()
{
	for ((tries = 0; tries < 120; tries++)); do
		"$@" > /dev/null 2>&1 && return
		sleep 0.5
	done
	echo "never: $*"
	return 1
}

# server COMMAND...: in the background, until stop
server()
{
	"$@" > "$dir/server.log" 2>&1 &
	pids="$pids $!"
}

# Sockets of TCP and UDP, but for those that only wait for their time to be over.
ip_sockets()
{
	awk 'FNR > 1 && $4 != "06"' /proc/net/{tcp,tcp6,udp,udp6}
}

# How many connections there were, of TCP and then of Kite.
tcp_opens()
{
	awk '$1 == "Tcp:" && $6 ~ /[0-9]/ { print $6 + $7 }' /proc/net/snmp
}

kite_opens()
{
	awk '$1 == "ActiveOpens" || $1 == "PassiveOpens" { n += $2 } END { print n + 0 }' \
		/proc/net/kite_stat
}

# only PORT: to be called while somebody listens there. It is Kite's port, and
# there is no socket of IP.
only()
{
	[ $over = kite ] || return 0
	"$kite" ss -l | grep -q ":$1\b" || echo "nobody listens to Kite's port $1"
	ip_sockets
}

redis()
{
	server $run redis-server --port 6379 --save '' --dir "$dir"
	retry $run redis-cli ping
	only 6379
	seq 200 | sed 's/.*/set key:& value&/' | $run redis-cli | sort | uniq -c
	$run redis-cli get key:77
	$run redis-cli --raw eval 'return string.rep("x", 300000)' 0 | md5sum
	$run redis-cli client list | grep -o ' addr=[0-9.]*'
	$run redis-benchmark -n 400 -c 20 -P 4 -t set,get,lpush --csv | cut -d, -f1
	$run redis-cli llen mylist
	$run redis-cli config get tcp-keepalive
	$run redis-cli shutdown nosave
	wait $pids
	$run redis-cli ping 2>&1
}

http()
{
	server $run python3 -m http.server --directory "$tmp/files" 8000
	retry $run curl -s localhost:8000
	only 8000
	$run curl -s localhost:8000/large | md5sum
	$run curl -sI 127.0.0.1:8000/small | grep -i '^content'
	$run curl -s -o /dev/null -w '%{http_code} %{remote_ip} %{local_ip}\n' \
		127.0.0.1:8000/none 127.0.0.1:8000/small
	grep -o '^[0-9.]* .*GET /small HTTP/1.1" 200' "$dir/server.log" | sed 's/ -.*] / /'
	stop
	$run curl -sS 127.0.0.1:8000 2>&1 | sed 's/after [0-9]* ms//'
}

nginx_conf()
{
	cat <<-END
		user root;
		daemon off;
		worker_processes 2;
		pid $dir/nginx.pid;
		error_log $dir/error.log;
		events { worker_connections 64; }
		http {
			access_log $dir/access.log;
			client_body_temp_path $dir/body;
			proxy_temp_path $dir/proxy;
			sendfile on;
			tcp_nopush on;
			server {
				listen 127.0.0.1:8080 so_keepalive=on;
				listen [::1]:8080;
				listen 127.0.0.1:8081;
				root $tmp/files;
				location /again/ { proxy_pass http://127.0.0.1:8081/; }
				location /who { return 200 "\$remote_addr \$server_addr:\$server_port\n"; }
			}
		}
	END
}

nginx_work()
{
	nginx_conf > "$dir/nginx.conf"
	server $run nginx -c "$dir/nginx.conf" -e "$dir/error.log"
	retry $run curl -s 127.0.0.1:8080/small
	only 8080
	$run curl -s 127.0.0.1:8080/large 'http://[::1]:8080/large' \
		127.0.0.1:8080/again/large 127.0.0.1:8081/who | md5sum
	$run curl -s 127.0.0.1:8080/again/who
	$run curl -sZ '127.0.0.1:8080/again/small?[1-20]' | sort | uniq -c
	# Its workers change, its listeners stay.
	$run nginx -c "$dir/nginx.conf" -e "$dir/error.log" -s reload
	retry $run curl -s 127.0.0.1:8080/small
	$run curl -s 127.0.0.1:8081/large | md5sum
	$run nginx -c "$dir/nginx.conf" -e "$dir/error.log" -s quit
	wait $pids
	grep -v notice "$dir/error.log"
}

postgres_user="setpriv --reuid postgres --regid postgres --clear-groups"

sql()
{
	$postgres_user $run "$pg/psql" -X -q -A -t -h localhost -p 5433 postgres "$@" 2>&1
}

sql_sleeps()
{
	sql -c "select 'yes' from pg_stat_activity where query ~ '^select pg_sleep'" |
		grep -q yes
}

postgres_init()
{
	[ ! -d "$tmp/pg" ] || return 0
	install -d -o postgres "$tmp/pg"
	$postgres_user "$pg/initdb" -D "$tmp/pg" --no-sync --no-instructions -A trust \
		> "$tmp/initdb.log" 2>&1 || cat "$tmp/initdb.log"
}

postgres()
{
	postgres_init
	server $postgres_user $run "$pg/postgres" -D "$tmp/pg" -p 5433 -c listen_addresses=localhost \
		-c unix_socket_directories= -c fsync=off -c shared_buffers=4MB \
		-c autovacuum=off -c max_wal_senders=0 -c wal_level=minimal
	retry $postgres_user $run "$pg/pg_isready" -h localhost -p 5433
	only 5433
	sql -c 'create table t (a int, b text)'
	seq 5000 | sed 's/.*/&\tline &/' | sql -c 'copy t from stdin'
	sql -c 'copy t to stdout' | md5sum
	sql -c 'select inet_client_addr() is not null; show tcp_keepalives_idle' \
		-c 'listen x; notify x'  | sed 's/PID [0-9]*/PID/'
	echo "update t set a = a + 1 where b = \$\$line 7\$\$;" > "$dir/script"
	$postgres_user $run "$pg/pgbench" -n -h localhost -p 5433 -f "$dir/script" -c 4 -j 2 \
		-t 10 postgres 2>&1 | grep -E 'clients|processed|failed'
	sql -c "select a from t where b = \$\$line 7\$\$"
	# psql asks for that over a connection of its own.
	$postgres_user $run "$pg/psql" -X -h localhost -p 5433 postgres \
		-c 'select pg_sleep(600)' > "$dir/sleep" 2>&1 &
	sleeper=$!
	retry sql_sleeps
	kill -INT $sleeper
	wait $sleeper
	grep ERROR "$dir/sleep"
	sql -c 'drop table t'
	stop
	sql -c 'select 1' | grep -c refused
}

memcache()
{
	server $run memcached -u root -l 127.0.0.1 -p 11311 -U 11311 -t 2
	retry $run memcping --servers=127.0.0.1:11311
	only 11311
	cp "$tmp/files/large" "$dir/large"
	$run memccp --servers=127.0.0.1:11311 "$dir/large" "$tmp/files/small"
	$run memccat --servers=127.0.0.1:11311 large | head -c 100000 | md5sum
	$run memccat --servers=127.0.0.1:11311 small
	$run memcexist --servers=127.0.0.1:11311 none; echo $?
	$run python3 - <<-'END'
		import socket
		s = socket.create_connection(("127.0.0.1", 11311))
		f = s.makefile("rb")
		for line in b"set n 0 0 1\r\n5", b"incr n 7", b"prepend n 0 0 1\r\n3":
		    s.sendall(line + b"\r\n")
		    print(f.readline())
		u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		u.settimeout(60)
		u.sendto(b"\0\1\0\0\0\1\0\0get n\r\n", ("127.0.0.1", 11311))
		print(u.recvfrom(1500))
	END
}

# What went wrong, and whether all was sent. What had come when all was sent is another
# number each time, over TCP, too.
iperf_result()
{
	python3 -c 'import json, sys
it = json.load(open(sys.argv[1]))
end = it["end"].get("sum_sent") or it["end"]["sum"]
print(it.get("error"), end["bytes"] >= 700000)' "$1"
}

iperf()
{
	# The whole of it, and not what was there when the time was over.
	for options in '-n 1400K' '-n 1400K -R' '-n 700K -P 2' '-u -k 500 -b 20M -l 1400'; do
		server $run iperf3 --forceflush -s -1 -p 5201
		retry grep -qs listening "$dir/server.log"
		only 5201
		$run iperf3 -c 127.0.0.1 -p 5201 -J $options > "$dir/json" 2>&1 ||
			cat "$dir/json"
		wait $pids
		pids=
		iperf_result "$dir/json"
	done
}

socat_work()
{
	server $run socat TCP-LISTEN:7000,bind=127.0.0.1,reuseaddr,fork EXEC:'tr a-z A-Z'
	server $run socat UDP-LISTEN:7001,bind=127.0.0.1,fork PIPE
	server $run socat TCP6-LISTEN:7002,ipv6only=1,reuseaddr,fork PIPE
	retry $run socat -u /dev/null TCP:127.0.0.1:7000
	retry $run socat -u /dev/null 'TCP6:[::1]:7002'
	only 7000
	seq -f 'line %g' 3000 | $run socat -t 20 - TCP:127.0.0.1:7000 | md5sum
	for i in 1 2 3; do
		echo "datagram $i" | $run socat -t 2 - UDP:127.0.0.1:7001
	done
	echo six | $run socat -t 20 - 'TCP6:[::1]:7002'
	# The same as AF_VSOCK, which without Kite is not there.
	if [ $over = kite ]; then
		server $run socat VSOCK-LISTEN:7003,fork PIPE
		retry $run socat -u /dev/null VSOCK-CONNECT:1:7003
		echo vsock | $run socat -t 20 - VSOCK-CONNECT:1:7003
	else
		echo vsock
	fi
}

sshd_conf()
{
	cat <<-END
		ListenAddress 127.0.0.1:2222
		ListenAddress [::1]:2222
		HostKey $tmp/host_key
		PidFile none
		AuthorizedKeysFile $tmp/key.pub
		PermitRootLogin yes
		StrictModes no
		UsePAM no
		UseDNS no
		Subsystem sftp internal-sftp
	END
}

tunnel_answers()
{
	$run socat -t 60 - TCP:127.0.0.1:2223 < /dev/null | grep -q ^SSH
}

ssh_work()
{
	# The default exchange of keys takes minutes of a slow VM.
	how="-i $tmp/key -F none -o KexAlgorithms=curve25519-sha256 -o StrictHostKeyChecking=no -o LogLevel=ERROR
		-o UserKnownHostsFile=/dev/null -o BatchMode=yes"
	[ -f "$tmp/key" ] || {
		ssh-keygen -q -t ed25519 -N '' -f "$tmp/key"
		ssh-keygen -q -t ed25519 -N '' -f "$tmp/host_key"
	}
	mkdir -p /run/sshd
	sshd_conf > "$dir/sshd_config"
	server $run /usr/sbin/sshd -D -e -f "$dir/sshd_config"
	retry grep -qs "listening on ::1" "$dir/server.log"
	only 2222
	$run ssh $how -p 2222 root@127.0.0.1 'md5sum; echo error >&2; exit 3' \
		< "$tmp/files/large" 2>&1
	echo "status $?"
	$run ssh $how -p 2222 'root@::1' 'echo $SSH_CONNECTION' | sed 's/ [0-9]* / PORT /'
	$run scp $how -q -P 2222 root@127.0.0.1:"$tmp/files/large" "$dir/copy"
	cmp "$tmp/files/large" "$dir/copy" && echo "copied"
	$run ssh $how -p 2222 -L 2223:127.0.0.1:2222 root@127.0.0.1 'cat' < "$dir/fifo" &
	tunnel=$!
	exec 9> "$dir/fifo"
	retry tunnel_answers
	$run socat -t 60 - TCP:127.0.0.1:2223 < /dev/null | cut -c1-8
	exec 9>&-
	wait $tunnel
}

# both NAME FUNCTION PROGRAM...: the same, without Kite and with it
both()
{
	name=$1
	work=$2
	shift 2
	[ -z "$chosen" ] || [[ " $chosen " == *" $name "* ]] || return
	count=$((count + 1))
	for program; do
		command -v "$program" > /dev/null || {
			echo "ok $count $name # SKIP no $program: scripts/setup --programs"
			return
		}
	done
	for over in ip kite; do
		# Nothing may wait for ever.
		run="timeout 900"
		[ $over = ip ] || run="$run $kite run"
		dir=$tmp/$name.$over
		install -d -m 0777 "$dir"
		mkfifo "$dir/fifo"
		SECONDS=0
		tcp=$(tcp_opens)
		ours=$(kite_opens)
		$work > "$dir/out" 2> "$dir/err" < /dev/null
		echo "# $name over $over: $SECONDS s"
		stop
	done
	# Of the second one.
	[ "$(tcp_opens)" = "$tcp" ] || echo "connections of TCP were made" >> "$dir/out"
	[ "$(kite_opens)" -gt "$ours" ] || echo "nothing went over Kite" >> "$dir/out"
	if [ -s "$tmp/$name.ip/out" ] &&
	   diff "$tmp/$name.ip/out" "$dir/out" > "$tmp/diff" 2>&1; then
		echo "ok $count $name"
	else
		failed=$((failed + 1))
		echo "not ok $count $name"
		tail -n 40 "$tmp/diff" "$dir/out" "$dir/err" "$dir/server.log" | sed 's/^/# /'
	fi
}

chosen=$*
chmod 755 "$tmp"
mkdir "$tmp/files"
seq 100000 > "$tmp/files/large"
echo small > "$tmp/files/small"

both redis redis redis-server redis-cli redis-benchmark
both http http python3 curl
both nginx nginx_work nginx curl
both postgres postgres $pg/postgres $pg/pgbench
both memcached memcache memcached memccp python3
both iperf3 iperf iperf3
both socat socat_work socat
both ssh ssh_work /usr/sbin/sshd ssh scp

finish
