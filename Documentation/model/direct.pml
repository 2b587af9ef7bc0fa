/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Credit between two sockets of one kernel, as credit.c, send.c and wait.c have it.
 *
 * No packet tells of it: who reads stores the counters at the sender, and wakes it only if
 * that said that it waits, and not for a little room. Who reads may wait for much, and is
 * not woken for less, but when the sender cannot go on: that is told once until there
 * is room. So each may wait for the other, and what is modelled is that one always knows.
 * Several threads write bytes, or messages of a size, one reads until it has all. Each
 * store and load is a step of its own, as the barriers in the code have it.
 *
 * What is checked, over every order in which it can happen:
 *
 * - nobody waits for ever, neither for room nor for more: a state without a next one in
 *   which a thread is not at its end is an error to spin
 * - never more is sent than the window: an assertion where it is
 * - at the end all was read, and the whole window is free: the monitor asserts both
 */
#ifndef WINDOW
#define WINDOW	4
#endif
#ifndef SNDBUF
#define SNDBUF	WINDOW	/* no more than this is under way */
#endif
#ifndef WRITERS
#define WRITERS	2
#endif
#ifndef BYTES
#define BYTES	4	/* that each writes */
#endif
#ifndef COST
#define COST	1	/* what it sends at once; more than 1 is a record */
#endif
#ifndef WANT
#define WANT	3	/* what the reader asks for: MSG_WAITALL */
#endif

#define TOTAL	(WRITERS * BYTES)
#define READER	WRITERS

/* The sender, of which the reader stores @tx_read and @tx_limit. */
byte tx_sent, tx_read, tx_limit = WINDOW;
bool tx_blocked;	/* somebody waits for room */
bool tx_told;		/* and the reader knows */

byte rx_queued, rx_read;

/* On the wait queue, and TASK_INTERRUPTIBLE; the last one is the reader. */
bool waits[WRITERS + 1], asleep[WRITERS + 1];
byte batch;		/* what the reader waits for */

#define MIN(a, b)	((a) < (b) -> (a) : (b))

#define UNREAD		(rx_queued - rx_read)
#define FLIGHT		(tx_sent - tx_read)
#define SPACE		MIN(tx_limit - tx_sent, SNDBUF - FLIGHT)

/* kite_credit_least() */
#define LEAST		(FLIGHT / 2 > 1 -> FLIGHT / 2 : 1)

/* kite_send_ready(), after it has said once more that somebody waits */
#define READY		(SPACE >= COST || (COST == 1 && !tx_told))

/* kite_conn_enough(): enough has come, or all that can */
#define STUCK		(tx_blocked && UNREAD)
#define ENOUGH		(UNREAD >= batch || STUCK)

/* kite_waiter_wake(): who wakes asks for the sleeper. */
inline wake_reader()
{
	atomic {
		if
		:: waits[READER] && ENOUGH -> waits[READER] = false; asleep[READER] = false
		:: else
		fi
	}
}

inline wake_writers()
{
	for (i : 0 .. WRITERS - 1) {
		atomic {
			if
			:: waits[i] ->
				tx_blocked = true;
				if
				:: READY -> waits[i] = false; asleep[i] = false
				:: else
				fi
			:: else
			fi
		}
	}
	i = 0
}

/* kite_send_block() */
inline block()
{
	atomic { told = tx_told; tx_told = true };
	tx_blocked = true;
	if
	:: !told -> wake_reader()
	:: else
	fi;
	told = false
}

/* kite_wait() for room */
inline wait_room()
{
	do
	:: true ->
		atomic { waits[me] = true; asleep[me] = true };
		tx_blocked = true;
		if
		:: READY -> break
		:: else
		fi;
		!asleep[me];
		tx_blocked = true;
		if
		:: READY -> break
		:: else
		fi
	od;
	atomic { waits[me] = false; asleep[me] = false }
}

/* kite_stream_sendmsg(), kite_seqpacket_sendmsg() */
proctype writer(byte me)
{
	byte n;
	bool told, sent;

	do
	:: n == BYTES -> break
	:: n < BYTES ->
		/* Under send_lock, kite_credit_space(): it can only grow. */
		atomic {
			if
			:: SPACE >= COST ->
				tx_sent = tx_sent + COST;
				rx_queued = rx_queued + COST;
				n = n + COST;
				sent = true;
				assert(rx_queued - rx_read <= WINDOW)
			:: else
			fi
		}
		if
		:: sent -> sent = false; wake_reader()
		:: else -> block(); wait_room()
		fi
	od
}

/* kite_credit_wake() */
inline credit_wake()
{
	if
	:: tx_blocked ->
		if
		:: SPACE < LEAST
		:: else ->
			tx_blocked = false;
			tx_told = false;
			wake_writers()
		fi
	:: else
	fi
}

/* kite_queue_return(), kite_credit_grant() */
inline consume(k)
{
	rx_read = rx_read + k;
	tx_limit = rx_read + WINDOW;
	tx_read = rx_read;
	credit_wake()
}

/* kite_wait() for more, as much as kite_conn_batch() says */
inline wait_more()
{
	do
	:: true ->
		atomic { waits[READER] = true; asleep[READER] = true };
		if
		:: ENOUGH -> break
		:: else
		fi;
		!asleep[READER];
		if
		:: ENOUGH -> break
		:: else
		fi
	od;
	atomic { waits[READER] = false; asleep[READER] = false }
}

/* kite_stream_recvmsg() */
proctype reader()
{
	byte rest, n, i;

	do
	:: rx_read == TOTAL -> break
	:: rx_read < TOTAL ->
		rest = MIN(WANT, TOTAL - rx_read);
		do
		:: !rest -> break
		:: rest && UNREAD ->
			n = MIN(rest, UNREAD);
			consume(n);
			rest = rest - n;
			n = 0
		:: rest && !UNREAD ->
			batch = (COST > 1 -> 1 : MIN(rest, WINDOW / 2));
			wait_more();
			batch = 0
		od
	od
}

proctype monitor()
{
	timeout ->
	assert(rx_read == TOTAL && rx_queued == TOTAL);
	assert(tx_limit - tx_sent == WINDOW && tx_read == tx_sent)
}

init
{
	byte i;

	atomic {
		for (i : 0 .. WRITERS - 1) {
			run writer(i)
		}
		run reader();
		run monitor()
	}
}
