/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who asks a listener on another node for a connection, while it may be full or close, as
 * protocol.rst and handshake.c have it.
 *
 * There are two nodes with a transport that keeps packets in order and loses none: on one
 * are those who connect, each from addresses of its own, on the other is a listener with
 * few places. A program connects, again if that failed, and closes whenever it likes; the
 * one that listens accepts some and closes, or does not. Each end of a connection has a
 * timer, which sends what found no memory, and asks again. A deadline may be
 * over at any time; and when nothing else is left to happen, it is. What an established
 * connection does is connection.pml's: here one is only reset. A node refuses no more
 * than so much at a time: some answers to a REQUEST are not sent, and after a while the
 * timer asks again. It may do so while the answer is on its way. Left out is that such an
 * answer to a RESPONSE is not sent either.
 *
 * What is checked, over every order in which it can happen:
 *
 * - nobody waits in vain: when nothing is left to happen but a deadline, who still asks is
 *   about to do so again, and the listener is there and full, which the monitor asserts
 * - nobody is sent away without a reason: connect fails by its deadline, or when nobody
 *   listens any more: an assertion where RESET arrives
 * - no connection is left half open: at the end each has both its ends or none, and
 *   no packet is under way, which the monitor asserts
 * - what is established stays so: an assertion where RESET arrives, for it may be the answer
 *   to a REQUEST that was sent before; and no second RESPONSE comes, where that arrives
 * - no more wait for accept than there are places, and no place is lost: assertions
 *   where one is taken, and of the monitor
 * - a connection that nobody has accepted can be: it is in the queue of a listener that is
 *   there, which the monitor asserts, too
 */
#ifndef CLIENTS
#define CLIENTS		1
#endif
#ifndef PLACES
#define PLACES		1	/* in the accept queue */
#endif
#ifndef ATTEMPTS
#define ATTEMPTS	1	/* how often each connects */
#endif
#ifndef ACCEPTS
#define ACCEPTS		1
#endif
#ifndef MISSES
#define MISSES		0	/* how often memory is missing */
#endif
#ifndef DEADLINES
#define DEADLINES	0	/* how many are over while there is still something to happen */
#endif

#ifndef LIMITED
#define LIMITED		0	/* how often a REQUEST is not answered */
#endif
#ifndef ASKS
#define ASKS		0	/* how often it is sent again before the answer comes */
#endif

#define WIRE	8

/* Reasons of RESET, KITE_RESET_* */
#define REFUSED	1
#define FULL	2
#define ABORT	3
#define NOMEM	6

/* For the timer: to ask again, what found no memory, and that it is just sending. */
#define U_REQUEST	1
#define U_RESET		2
#define U_NOW		4

mtype = { REQUEST, RESPONSE, RESET };

/* CLOSING is a closed end that waits for memory to tell the other. */
mtype = { CLOSED, CONNECTING, ESTABLISHED, CLOSING };

/* An end is @me for the one who connects, and CHILD(me) for what the listener makes. */
#define CHILD(me)	(CLIENTS + me)
#define OTHER(end)	(end < CLIENTS -> end + CLIENTS : end - CLIENTS)

chan wire[2 * CLIENTS] = [WIRE] of { mtype, byte };

mtype state[2 * CLIENTS] = CLOSED;
byte unsent[2 * CLIENTS];	/* for the timer: U_* */
byte reset_sent[2 * CLIENTS];	/* why it was reset */

bool open = true;	/* rx_open of the listener: it takes connections */
byte taken;		/* sk_ack_backlog: places, also of who is still being made */
bool queued[CLIENTS];	/* the child of this one waits for accept */
bool held[CLIENTS];	/* or accept gave it to a program */
byte dead;		/* so many wait that were reset meanwhile */
byte pending[CLIENTS];	/* children that have a place but are not there yet */

byte misses, deadlines, limited, asks;

#define XMIT(end, op, arg)						\
	assert(nfull(wire[end]));					\
	wire[end]!op(arg)

/* kite_conn_retire(), and whenever the other end may have been told. */
inline retire(end)
{
	if
	:: unsent[end] & (U_RESET | U_NOW) -> state[end] = CLOSING
	:: else -> unsent[end] = 0; reset_sent[end] = 0; state[end] = CLOSED
	fi
}

/* kite_conn_reset() of an end that its program has closed, or never had. */
inline end_by(end, reason)
{
	unsent[end] = unsent[end] & U_NOW;
	reset_sent[end] = reason;
	if
	:: XMIT(end, RESET, reason)
	:: misses < MISSES -> misses++; unsent[end] = unsent[end] | U_RESET
	fi;
	retire(end)
}

/* ---- the one who connects ---- */

/* kite_connect_try(); what an earlier timer still sends it waits for. */
inline ask()
{
	atomic {
		!(unsent[me] & U_NOW);
		unsent[me] = 0;
		state[me] = CONNECTING;
		XMIT(me, REQUEST, 0)
	}
}

proctype client(byte me)
{
	byte attempts;

	do
	:: attempts == ATTEMPTS -> break
	:: attempts < ATTEMPTS ->
		attempts++;
		ask();
		if
		:: true -> state[me] != CONNECTING
		:: true	/* O_NONBLOCK, or a signal */
		fi;
		if
		:: state[me] == CLOSED
		:: true -> break
		fi
	od;
	/* It closes, or keeps what it got. */
	if
	:: atomic {
		state[me] == CONNECTING || state[me] == ESTABLISHED -> end_by(me, ABORT)
	   }
	:: state[me] == ESTABLISHED
	:: state[me] == CLOSED
	fi
}

/* kite_conn_on_reset() of the one who connects */
inline client_reset(reason)
{
	if
	:: state[me] == CONNECTING && (reason == FULL || reason == NOMEM) ->
		unsent[me] = unsent[me] | U_REQUEST
	:: state[me] == CONNECTING && reason != FULL && reason != NOMEM ->
		assert(!open);
		state[me] = CLOSED
	:: state[me] != CONNECTING && reason == FULL	/* a late answer */
	:: state[me] == ESTABLISHED && reason != FULL ->
		assert(state[CHILD(me)] != ESTABLISHED);
		state[me] = CLOSED
	:: state[me] == CLOSING && reason != FULL ->
		/* It knows: there is nothing to tell any more. */
		unsent[me] = unsent[me] & ~U_RESET;
		retire(me)
	:: state[me] == CLOSED && reason != FULL
	fi
}

/* kite_transport_rcv() on its node */
proctype client_rcv(byte me)
{
	mtype op;
	byte arg;

end:	do
	:: atomic {
		wire[CHILD(me)]?op(arg) ->
		if
		:: op == RESET -> client_reset(arg)
		:: op == RESPONSE && state[me] == CONNECTING -> state[me] = ESTABLISHED
		/* It has closed, or given up, before there was an answer. */
		:: op == RESPONSE && state[me] != CONNECTING ->
			assert(state[me] != ESTABLISHED);
			XMIT(me, RESET, REFUSED)
		fi;
		op = 0; arg = 0
	   }
	od
}

/* ---- the listener ---- */

/* kite_conn_discard(): of a child that no program has seen. */
inline discard(reason)
{
	if
	:: state[CHILD(me)] == ESTABLISHED -> end_by(CHILD(me), reason)
	:: else	/* reset already */
	fi
}

/* RESPONSE; or kite_listener_forgo(), without memory for it. */
inline answer()
{
	if
	:: XMIT(CHILD(me), RESPONSE, 0);
		pending[me]++
	:: misses < MISSES ->
		misses++;
		taken--;
		discard(NOMEM)
	fi
}

/* kite_rcv_reset(): if that is not too much. */
inline refuse(reason)
{
	if
	:: XMIT(CHILD(me), RESET, reason)
	:: limited < LIMITED -> limited++
	fi
}

/* kite_request_rcv(), kite_listener_take(): looks for room, and takes it a little later. */
inline request()
{
	if
	:: atomic { state[CHILD(me)] != CLOSED -> refuse(FULL) }
	:: atomic { state[CHILD(me)] == CLOSED && !open -> refuse(REFUSED) }
	:: atomic { state[CHILD(me)] == CLOSED && open && taken == PLACES ->
		refuse(FULL) }
	:: atomic { state[CHILD(me)] == CLOSED && open && misses < MISSES ->
		misses++;
		refuse(NOMEM) }
	:: state[CHILD(me)] == CLOSED && open && taken < PLACES ->
		/* kite_listener_reserve() */
		atomic {
			if
			:: !open -> refuse(REFUSED)
			:: open && taken == PLACES -> refuse(FULL)
			:: else ->
				taken++;
				assert(taken <= PLACES);
				state[CHILD(me)] = ESTABLISHED;
				answer()
			fi
		}
	fi
}

/* kite_listener_give(): from here on accept can have the child. */
proctype giver(byte me)
{
end:	do
	:: atomic {
		pending[me] ->
		pending[me]--;
		if
		:: !open -> taken--; discard(ABORT)
		:: open && state[CHILD(me)] == ESTABLISHED -> queued[me] = true
		:: open && state[CHILD(me)] != ESTABLISHED -> dead++
		fi
	   }
	od
}

/* The same of a child: accept will find that out. */
inline child_reset()
{
	if
	:: state[CHILD(me)] == ESTABLISHED ->
		dead = dead + queued[me];
		queued[me] = false;
		held[me] = false;
		state[CHILD(me)] = CLOSED
	:: state[CHILD(me)] == CLOSING ->
		unsent[CHILD(me)] = unsent[CHILD(me)] & ~U_RESET;
		retire(CHILD(me))
	:: else
	fi
}

/*
 * kite_transport_rcv() on its node. Packets of one way are taken one after the other, but
 * a RESET may find a child that accept cannot have yet: loopback brings it at once.
 */
proctype listener_rcv(byte me)
{
end:	do
	:: atomic { wire[me]?RESET(_) -> child_reset() }
	:: !pending[me] && wire[me]?[REQUEST] ->
		wire[me]?REQUEST(0);
		request()
	od
}

/* kite_listener_close(): nobody comes any more, then who came is reset. */
inline close()
{
	byte me;

	open = false;
	for (me : 0 .. CLIENTS - 1) {
		atomic {
			if
			:: queued[me] -> queued[me] = false; discard(ABORT)
			:: else
			fi
		}
	}
	dead = 0
}

inline accept(i)
{
	atomic { queued[i] -> queued[i] = false; held[i] = true; taken-- }
}

proctype server()
{
	byte accepts;

	do
	:: accepts < ACCEPTS ->
end:		if
		:: accept(0)
		:: accept(CLIENTS - 1)
		:: atomic { dead -> dead--; taken-- }
		:: true -> break
		fi;
		accepts++
	:: break
	od;
	if
	:: true
	:: close()
	fi
}

/* ---- both ---- */

/* KITE_RESET_TIMEOUT: it does not tell the listener. */
inline expire(c)
{
	state[c] = CLOSED
}

/* A REQUEST would be answered with FULL: by the listener, or by an older child. */
#define NO_ROOM		(open && taken == PLACES)
#define IN_VAIN(c)	(NO_ROOM || state[CHILD(c)] != CLOSED)
#define UNANSWERED(c)	(LIMITED && state[c] == CONNECTING && !unsent[c] && !IN_VAIN(c))

/*
 * kite_conn_timer(): programs and packets go on between its two steps. It asks as often as
 * it likes; but only what may find another answer makes a difference.
 */
proctype timer(byte me)
{
	byte now;

end:	do
	:: atomic {
		unsent[me] & U_RESET || (unsent[me] & U_REQUEST && state[me] != CONNECTING) ||
		(unsent[me] & U_REQUEST && !IN_VAIN(me)) ->
		now = unsent[me] & (state[me] == CONNECTING -> U_REQUEST : U_RESET);
		unsent[me] = U_NOW
	   };
	   atomic {
		if
		:: now == U_REQUEST -> XMIT(me, REQUEST, 0)
		:: now == U_REQUEST && misses < MISSES ->
			misses++;
			unsent[me] = unsent[me] | (state[me] == CONNECTING -> U_REQUEST : 0)
		:: now == U_RESET -> XMIT(me, RESET, reset_sent[me])
		:: !now
		fi;
		now = 0;
		unsent[me] = unsent[me] & ~U_NOW;
		if
		:: state[me] == CLOSING -> retire(me)
		:: else
		fi
	   }
	:: atomic {
		deadlines < DEADLINES && state[me] == CONNECTING -> deadlines++; expire(me)
	   }
	/* kite_conn_ask_again() */
	:: atomic {
		asks < ASKS && state[me] == CONNECTING && !unsent[me] ->
		asks++;
		XMIT(me, REQUEST, 0)
	   }
	od
}

/* At the end, or when only a deadline is left. */
inline settled(c)
{
	assert(empty(wire[c]) && empty(wire[CHILD(c)]));
	assert(state[c] != CONNECTING || (NO_ROOM && (unsent[c] == U_REQUEST || LIMITED)));
	assert((state[c] == ESTABLISHED) == (state[CHILD(c)] == ESTABLISHED));
	assert(state[c] != CLOSING && state[CHILD(c)] != CLOSING);
	assert(state[CHILD(c)] != ESTABLISHED || held[c] || (open && queued[c]))
}

#define WAITING		(dead + queued[0] + (CLIENTS > 1 -> queued[CLIENTS - 1] : 0))

proctype monitor()
{
	byte c;

end:	do
	:: timeout && UNANSWERED(0) -> XMIT(0, REQUEST, 0)
	:: timeout && UNANSWERED(CLIENTS - 1) -> XMIT(CLIENTS - 1, REQUEST, 0)
	:: timeout && !UNANSWERED(0) && !UNANSWERED(CLIENTS - 1) ->
		atomic {
			for (c : 0 .. CLIENTS - 1) {
				settled(c)
			}
			assert(!open || taken == WAITING);
			c = 0;
			do
			:: c < CLIENTS && state[c] != CONNECTING -> c++
			:: c < CLIENTS && state[c] == CONNECTING -> expire(c); break
			:: c == CLIENTS -> goto over
			od;
			c = 0
		}
	od;
over:
	skip
}

init
{
	byte me;

	atomic {
		for (me : 0 .. CLIENTS - 1) {
			run client_rcv(me);
			run listener_rcv(me);
			run giver(me);
			run timer(me);
			run timer(CHILD(me));
			run client(me)
		}
		run server();
		run monitor()
	}
}
