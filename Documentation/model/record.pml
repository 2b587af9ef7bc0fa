/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records that are longer than a packet, as seqpacket.c and queue.c have them.
 *
 * One end sends, the other receives; they are connected already. A record is one part or
 * several, all but its last marked KITE_DATA_MORE, and its charge is its parts and one
 * more. A transport keeps packets in order and loses none; or, with DIRECT, the sender's
 * call puts each part into the receiver's queue. A part may find no memory, at the sender
 * or at the receiver, whose filter may also toss a record. Either program may shut down
 * or close, and the connection may be killed, between any two parts; and a system call may
 * own the receiver, so that what comes is done later. How the end is told without memory
 * is connection.pml's.
 *
 * What is checked, over every order in which it can happen:
 *
 * - a reader gets whole records, in their order, none twice: assertions in the reader
 * - it gets none that its sender was told is not sent, and at a good end each that was:
 *   assertions in the reader, too
 * - never more than the window, parts without an end included: an assertion where a
 *   part enters the queue
 * - no credit is lost, for a record that was read, or tossed, or not sent: when nothing
 *   is under way the whole window is free, which the ledger asserts
 * - nobody waits for ever: a state without a next one in which a program is not at its end
 *   is an error to spin
 * - nothing is left of a record without an end where more can come: an assertion of
 *   the ledger
 */
#ifndef WINDOW
#define WINDOW	4
#endif
#ifndef RECORDS
#define RECORDS	3
#endif
#ifndef DIRECT
#define DIRECT	0	/* the ends are sockets of one kernel */
#endif
#ifndef MISSES
#define MISSES	0	/* how often there is no memory for a part */
#endif
#ifndef TOSSES
#define TOSSES	0	/* how many records the filter refuses */
#endif
#ifndef ENDS
#define ENDS	0	/* how often somebody shuts down, closes early or kills */
#endif
#ifndef OWNED
#define OWNED	0	/* a system call owns the receiver for a while */
#endif

#define WIRE	(2 * WINDOW + 4)
#define PARTS	(WINDOW - 1)	/* of the longest record */
#define COST(n)	(n + 1)		/* KITE_RECORD_OVERHEAD */

#define ABORT	3
#define NOMEM	6

mtype = { RESET, DATA, CREDIT, SHUTDOWN };

/* op, record, its part or the reason, KITE_DATA_MORE; and the limit on its way back */
chan down = [WIRE] of { mtype, byte, byte, bool };
chan up = [WIRE] of { mtype, byte };

/* What one can read: record, its first part, how many */
chan queue = [WINDOW] of { byte, byte, byte };

/* The sender. */
bool tx_shut;		/* SEND_SHUTDOWN, by whomever */
bool tx_reset;		/* the connection has ended here with an error */
bool tx_ends;		/* its program has ended it before it sent all */
byte tx_sent, tx_limit = WINDOW;
bool sending;		/* a record is counted, but not all of it under way: */
byte current;		/* this one */
byte length[RECORDS];	/* of those that were sent, in parts; else 0 */

/* The receiver. */
bool rx_open = true;
bool rx_shut, rx_reset;
bool rx_dead;		/* SOCK_DEAD */
byte rx_queued, rx_read, rx_tossed, rx_limit = WINDOW, rx_told = WINDOW;
byte partial, first;	/* parts without an end: how many, and which was the first */
bool tossed[RECORDS];
bool owned, releasing;	/* until it is not, what comes is noted: */
bool pend_shut, pend_reset;

byte misses, tosses, ends;

#define UNREAD		(rx_queued - rx_read)

/* kite_conn_raise(): of an end with an error and without one, what came first counts. */
inline ended(reset)
{
	if
	:: owned && reset -> pend_reset = true
	:: owned && !reset && !pend_reset -> pend_shut = true
	:: !owned && reset -> rx_reset = true; rx_open = false
	:: !owned && !reset && !rx_reset -> rx_shut = true; rx_open = false
	:: else
	fi
}

/* kite_conn_reset() by the receiver; what is in the queue can be read. */
inline rx_end(reason)
{
	rx_open = false;
	up!RESET(reason);
	ended(true)
}

/* kite_queue_return(), kite_credit_is_news() */
inline give_back()
{
	rx_limit = rx_read + rx_tossed + WINDOW;
	if
	:: DIRECT -> tx_limit = rx_limit
	:: !DIRECT && !rx_reset && (!UNREAD || rx_limit - rx_told > WINDOW / 4) ->
		rx_told = rx_limit;
		up!CREDIT(rx_limit)
	:: else
	fi
}

/* kite_queue_publish(), after the last part */
inline publish(record)
{
	if
	:: queue!record(first, partial);
		rx_queued = rx_queued + COST(partial)
	:: tosses < TOSSES ->
		tosses++;
		tossed[record] = true;
		rx_tossed = rx_tossed + COST(partial);
		partial = 0;
		give_back()
	fi;
	partial = 0;
	first = 0
}

/* kite_queue_append_record(): @err is whether there is no memory for it. */
inline append(record, part, more, err)
{
	if
	:: assert(rx_queued + rx_tossed + partial + (more -> 1 : COST(1)) <= rx_limit);
		first = (partial -> first : part);
		partial++;
		if
		:: more
		:: else -> publish(record)
		fi
	:: misses < MISSES ->
		/* kite_queue_cut() */
		misses++;
		partial = 0;
		first = 0;
		err = true
	fi
}

/* ---- the sender ---- */

/* kite_send_deliver() */
inline deliver(record, part, more)
{
	if
	:: tx_shut || (DIRECT && !rx_open) -> err = true
	:: !tx_shut && DIRECT && rx_open -> append(record, part, more, err)
	:: !tx_shut && !DIRECT -> down!DATA(record, part, more)
	:: !tx_shut && !DIRECT && misses < MISSES -> misses++; err = true
	fi
}

/* kite_record_deliver(), kite_send_undo() */
inline send(record, n)
{
	byte part = 0;

	do
	:: atomic {
		part < n && !err ->
		deliver(record, part, part + 1 < n);
		part++
	   }
	:: atomic {
		part == n || err ->
		if
		:: err && part > 1 && !DIRECT && !tx_shut ->
			/* kite_conn_abort(), or what came would wait for the rest */
			tx_shut = true;
			tx_reset = true;
			down!RESET(0, ABORT, 0)
		:: else
		fi;
		if
		:: err -> tx_sent = tx_sent - COST(n)
		:: else -> length[record] = n
		fi;
		sending = false;
		part = 0;
		break
	   }
	od
}

/* kite_seqpacket_sendmsg(); a record that found no memory is not sent again. */
proctype writer()
{
	byte record, n;
	bool err;

	do
	:: record == RECORDS || tx_shut -> break
	:: record < RECORDS && !tx_shut ->
		select(n : 1 .. PARTS);
		atomic {
			tx_shut || tx_limit - tx_sent >= COST(n) ->
			if
			:: tx_shut -> break
			:: else ->
				sending = true;
				current = record;
				tx_sent = tx_sent + COST(n)
			fi
		};
		send(record, n);
		err = false;
		n = 0;
		record++
	od;
	atomic {
		/* kite_conn_close() */
		if
		:: tx_reset || tx_ends
		:: else -> tx_shut = true; down!SHUTDOWN(0, 0, 0)
		fi
	}
}

proctype sender_rcv()
{
	mtype op;
	byte arg;

end:	do
	:: atomic {
		up?op(arg) ->
		if
		:: op == CREDIT -> tx_limit = (arg > tx_limit -> arg : tx_limit)
		:: op == RESET -> tx_shut = true; tx_reset = true
		/* The receiver reads no more. */
		:: op == SHUTDOWN -> tx_shut = true
		fi;
		op = 0;
		arg = 0
	   }
	od
}

/* Another thread calls shutdown(), or the connection is killed: kite_conn_kill(). */
proctype ender()
{
	if
	:: atomic { ends < ENDS && !tx_shut ->
		ends++;
		tx_ends = true;
		tx_shut = true;
		if
		:: down!SHUTDOWN(0, 0, 0)
		:: tx_reset = true; down!RESET(0, ABORT, 0)
		fi
	   }
	:: true
	fi
}

/* ---- the receiver ---- */

/* kite_rcv_data() */
inline data(record, part, more)
{
	if
	:: rx_open ->
		append(record, part, more, err);
		if
		:: err -> err = false; rx_end(NOMEM)
		:: else
		fi
	:: !rx_open && rx_dead && !rx_reset -> rx_end(ABORT)
	:: !rx_open && (!rx_dead || rx_reset)
	fi
}

proctype receiver_rcv()
{
	mtype op;
	byte record, arg;
	bool more, err;

end:	do
	:: atomic {
		!releasing && nempty(down) -> down?op(record, arg, more);
		if
		:: op == DATA -> data(record, arg, more)
		:: op == SHUTDOWN -> ended(false)
		:: op == RESET -> ended(true)
		fi;
		op = 0; record = 0; arg = 0; more = false
	   }
	od
}

/* kite_seqpacket_recvmsg() until the end, or the program has enough and closes. */
proctype reader()
{
	byte record, part, n, next;

	do
	:: atomic {
		queue?record(part, n) ->
		/* The sender's call may not have returned yet. */
		assert(record >= next && !part && (!length[record] || n == length[record]));
		assert(length[record] || (sending && record == current));
		do
		:: next < record -> assert(!length[next] || tossed[next]); next++
		:: else -> next++; break
		od;
		rx_read = rx_read + COST(n);
		give_back();
		record = 0;
		n = 0
	   }
	:: atomic {
		empty(queue) && (rx_shut || rx_reset) ->
		do
		:: next < RECORDS && !rx_reset && !tx_ends ->
			assert(!length[next] || tossed[next]);
			next++
		:: else -> break
		od;
		break
	   }
	:: atomic { ends < ENDS && !rx_shut && !rx_reset ->
		ends++;
		break
	   }
	od;
	/* kite_conn_finish() */
	atomic {
		rx_open = false;
		rx_dead = true;
		partial = 0;
		first = 0;
		if
		:: rx_reset
		:: !rx_reset && UNREAD -> rx_end(ABORT)
		:: !rx_reset && !UNREAD -> up!SHUTDOWN(0)
		fi
	}
}

/*
 * setsockopt(), perhaps. kite_conn_release_cb(): packets wait, but the reader looks at
 * what was shut down, and at the error, without a lock.
 */
proctype owner()
{
	owned = true;
	atomic { owned = false; releasing = true };
	if
	:: pend_shut -> rx_open = false; rx_shut = true
	:: else
	fi;
	if
	:: pend_reset -> rx_reset = true; rx_open = false
	:: else
	fi;
	releasing = false
}

/* ---- both ---- */

#define CALM		(empty(up) && empty(down) && !sending && !tx_shut && rx_open)

proctype ledger()
{
end:	atomic {
		CALM && !UNREAD && (partial || tx_limit - tx_sent != WINDOW) ->
		assert(!partial);
		assert(tx_limit - tx_sent == WINDOW)
	}
}

init
{
	atomic {
		run writer();
		run sender_rcv();
		run ender();
		run receiver_rcv();
		run reader();
		if
		:: OWNED -> run owner()
		:: else
		fi;
		run ledger()
	}
}
