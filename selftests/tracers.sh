#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Kite's tracepoints as Debian's trace-cmd, perf and bpftrace see them: that they are
# there, that their fields have names and values, and that BTF describes the module.

# shellcheck disable=SC1091,SC2154,SC2317,SC2086 # tool.bash; called by check; numbers
. "$(dirname "$0")/tool.bash"

btf=/sys/kernel/btf/kite

# What is traced: six bytes to a server of echoes, and one datagram to nobody.
cat > work <<END
#!/bin/sh
echo hello | timeout 300 $kite cat -N 7391
echo hello | timeout 300 $kite cat -t dgram -i 0.1 7392
true
END
chmod +x work

# trace-cmd has a reader for each CPU. What is over before they have begun is lost, which
# takes them some time after they are there.
cat > patient <<'END'
#!/bin/sh
readers()
{
	ls -l /proc/[0-9]*/fd 2> /dev/null | grep -c trace_pipe_raw
}

for try in $(seq 600); do
	[ "$(readers)" -lt "$(nproc)" ] || break
	sleep 0.1
done
sleep "$1"
exec ./work
END
chmod +x patient

# with PROGRAM NAME FUNCTION: a check, if the program is there
with()
{
	if command -v "$1" > /dev/null; then
		check "$2" "$3"
	else
		count=$((count + 1))
		echo "ok $count $2 # SKIP no $1: scripts/setup"
	fi
}

# All five events, as those that use the kernel's own text for them show it: the client's
# connection and the six bytes, both ways, and the datagram.
in_text()
{
	grep -qE 'kite_state: .* type=STREAM .* remote=1:7391 oldstate=CLOSE newstate=SYN_SENT' $1 &&
		grep -qE 'kite_send: .* type=STREAM .* remote=1:7391 len=6 .* ret=6 total=6' $1 &&
		grep -qE 'kite_recv: .* type=STREAM .* remote=1:7391 .* ret=6 total=6' $1 &&
		grep -qE 'kite_credit: .* remote=1:7391 what=grant read=6 ' $1 &&
		grep -qE 'kite_drop: .* op=DGRAM .* dst=1:7392 len=6 reason=NO_PORT' $1
}

record_all()
{
	timeout 300 trace-cmd record -e kite -o trace.dat ./patient "$pace" \
		> record.log 2>&1 &&
		trace-cmd report trace.dat > report.log 2>&1 && in_text report.log
}

record_some()
{
	timeout 300 trace-cmd record -e kite:kite_send -f 'remote_port == 7392' -o trace.dat \
		./patient "$pace" > record.log 2>&1 &&
		trace-cmd report trace.dat > report.log 2>&1 &&
		grep -q 'kite_send: .*type=DGRAM.* remote=1:7392 len=6' report.log
}

t_trace_cmd()
{
	at_some_pace record_all
}

t_trace_cmd_filter()
{
	at_some_pace record_some && ! grep -q 'remote=1:7391' report.log
}

t_perf_record()
{
	timeout 300 perf record -q -e 'kite:*' -o perf.data ./work \
		> record.log 2>&1 &&
		perf script -i perf.data > script.log 2>&1 && in_text script.log
}

t_perf_stat()
{
	timeout 300 perf stat -x, -o stat.log -e 'kite:*' ./work > work.log 2>&1 &&
		grep -q '^2,,kite:kite_send,' stat.log &&
		grep -q '^1,,kite:kite_drop,' stat.log || return
	for event in recv state credit; do
		grep -q "^[1-9][0-9]*,,kite:kite_$event," stat.log || return
	done
}

t_perf_trace()
{
	timeout 300 perf trace -e 'kite:*' -o trace.log ./work > work.log 2>&1 &&
		grep -q 'kite:kite_send(.* remote_port: 7391, len: 6, .*total: 6' trace.log &&
		grep -q 'kite:kite_recv(.* remote_port: 7391, .*ret: 6, total: 6' trace.log &&
		grep -q 'kite:kite_state(.* remote_port: 7391, oldstate: 7, newstate: 2' trace.log &&
		grep -q 'kite:kite_credit(.* remote_port: 7391, .*read: 6, ' trace.log &&
		grep -q 'kite:kite_drop(.* dst_port: 7392, .*len: 6' trace.log
}

# bpftrace runs the work when its probes are there: a binary, for it takes no script.
bpf()
{
	timeout 600 bpftrace -c "/bin/sh $tmp/work" -e "$1" > bpftrace.log 2>&1
}

t_bpftrace()
{
	bpf 'tracepoint:kite:kite_send { printf("%s sent %d to %d\n", comm, args->ret,
			args->remote_port); }
		tracepoint:kite:kite_drop { printf("lost %d to %d: %d\n", args->len,
			args->dst_port, args->reason); @[args->reason] = count(); }
		tracepoint:kite:kite_recv { printf("%s received %d from %d\n", comm,
			args->ret, args->remote_port); }
		tracepoint:kite:kite_state { printf("from state %d to %d\n", args->oldstate,
			args->newstate); }
		tracepoint:kite:kite_credit { printf("credit of %d: read %d\n",
			args->remote_port, args->read); }' &&
		grep -q '^kite sent 6 to 7391$' bpftrace.log &&
		grep -q '^kite received 6 from 7391$' bpftrace.log &&
		grep -q '^from state 7 to 2$' bpftrace.log &&
		grep -q '^credit of 7391: read 6$' bpftrace.log &&
		grep -q '^lost 6 to 7392: [0-9]' bpftrace.log &&
		grep -q '^@\[[0-9]*\]: 1$' bpftrace.log
}

# By the module's types: arguments of its functions have names.
t_btf()
{
	bpf 'kfunc:kite:kite_queue_append { @bytes = sum(args->skb->len); }' &&
		grep -q '^@bytes: [1-9]' bpftrace.log
}

# Before anything else, so that the server has no event of its own to tell.
"$kite" cat -lk -e cat 7391 > /dev/null 2>&1 &
server=$!
trap 'kill $server; stop; rm -rf "$tmp"' EXIT
retry "$kite" cat -z 7391 2> /dev/null

with trace-cmd "trace-cmd: record, report" t_trace_cmd
with trace-cmd "trace-cmd: filter" t_trace_cmd_filter
with perf "perf: record, script" t_perf_record
with perf "perf: stat" t_perf_stat
with perf "perf: trace" t_perf_trace
if [ ! -e /sys/kernel/btf/vmlinux ]; then
	result ok "bpftrace # SKIP this kernel does not describe its types (BTF)"
	finish
fi
with bpftrace "bpftrace: tracepoints" t_bpftrace
if [ -e $btf ]; then
	with bpftrace "bpftrace: functions, by BTF" t_btf
else
	# Debian's headers for 6.1 have no vmlinux, from which a module's BTF is made.
	count=$((count + 1))
	case $(uname -r) in
	6.1.*)	echo "ok $count bpftrace: functions, by BTF # SKIP the headers of 6.1 have no vmlinux" ;;
	*)	echo "not ok $count bpftrace: functions, by BTF: no $btf"
		failed=$((failed + 1)) ;;
	esac
fi
finish
