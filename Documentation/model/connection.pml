/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection between nodes, from its handshake to its end, as protocol.rst and
 * conn.c have it.
 *
 * There are two ends, 0 who connects and 1 a listener's child, and between them a
 * transport that keeps packets in order and loses none. Each end has a program, whose
 * threads write, read and shut down at once, and which closes when they are
 * through; a kernel side, which takes packets; and a timer, which sends the
 * control packets that found no memory. Bytes are numbered. The window is small, so
 * that all that can happen with a large one happens soon.
 *
 * What is checked, over every order in which it can happen:
 *
 * - bytes arrive in their order, none twice, and never more of them than the window:
 *   assertions where DATA arrives
 * - none is lost, the last one neither: the reader asserts at the end of the stream
 *   that it got all that was sent
 * - no credit is lost: when nothing is under way a sender may send what the window has
 *   room for, which the ledger asserts
 * - nobody waits for ever: a state without a next one in which a thread of a program
 *   is not at its end is an error to spin
 * - close reaches both sides: when nothing is left to happen both ends are CLOSED and
 *   no packet is under way, which the monitor asserts
 * - nothing is thrown away in silence: all was read that was sent, or an end says that it
 *   ended the connection before that, which the monitor asserts, too
 * - what is over sends nothing, for another connection may have its addresses: an
 *   assertion in the timer
 * - a RESET is an error for a program whose peer threw something away, and for no
 *   other: assertions where RESET arrives
 */
#ifndef WINDOW
#define WINDOW	2
#endif
#ifndef BYTES0
#define BYTES0	3	/* what the one who connects may write */
#endif
#ifndef BYTES1
#define BYTES1	1	/* and the other */
#endif
#ifndef SHUTTERS
#define SHUTTERS	0	/* how many programs also call shutdown() */
#endif
#ifndef PATIENT
#define PATIENT	0	/* how many programs read on while more may come */
#endif
#ifndef MISSES
#define MISSES	1	/* how often memory for a control packet is missing */
#endif
#ifndef TIMEOUTS
#define TIMEOUTS	0	/* how many closed ends do not wait for ever */
#endif

#define WIRE	(2 * WINDOW + 8)
#define OTHER	(1 - me)

#define RCV	1	/* KITE_SHUTDOWN_RCV: reads no more */
#define SND	2	/* KITE_SHUTDOWN_SEND: writes no more */

#define REFUSED	1	/* KITE_RESET_REFUSED: there is no such connection (any more) */
#define ABORT	3	/* KITE_RESET_ABORT: there is one who will not read */

/* What found no memory: a bit for each, and one for what the timer is just sending. */
#define U_CREDIT	1
#define U_SHUTDOWN	2
#define U_RESET		4
#define U_NOW		8

mtype = { REQUEST, RESPONSE, RESET, DATA, CREDIT, SHUTDOWN };

/* CLOSING is a closed end that waits, for its peer or for memory to tell it. */
mtype = { CLOSED, CONNECTING, ESTABLISHED, CLOSING };

/* wire[me] is from @me: op, the byte's number, flags or the reason, read, limit */
chan wire[2] = [WIRE] of { mtype, byte, byte, byte };

mtype state[2] = CLOSED;
bool born;		/* the listener made its child */
byte through[2];	/* threads of the program that are */
byte got[2];		/* bytes that the program has read */
byte shut[2];		/* what we do not do any more */
byte peer_shut[2];	/* what the peer does not do any more, as it said */
bool dead[2];		/* SOCK_DEAD: the program has closed, and the queue takes no more */
bool aborted[2];	/* threw away what came, or would not have it */

byte tx_sent[2], tx_read[2], tx_limit[2];
byte rx_queued[2], rx_read[2], rx_limit[2] = WINDOW, rx_told[2] = WINDOW;

byte misses;
byte unsent[2];		/* for the timer: U_* */

#define XMIT(op, arg)							\
	assert(nfull(wire[me]));					\
	wire[me]!op(arg, rx_read[me], rx_limit[me]);			\
	rx_told[me] = rx_limit[me]

/* Goes now; or, without memory for it, when the timer finds some. */
#define CONTROL(op, arg)						\
	if								\
	:: XMIT(op, arg)						\
	:: misses < MISSES -> misses++;					\
		unsent[me] = unsent[me] | U_##op			\
	fi

/* sk_shutdown: where the peer does not read we do not write, and the other way round. */
#define DONE		(shut[me] | (peer_shut[me] & RCV -> SND : 0) |	\
			 (peer_shut[me] & SND -> RCV : 0))

#define UNREAD		(rx_queued[me] != rx_read[me])
#define ROOM		(tx_sent[me] != tx_limit[me])
#define MAY_SEND	(state[me] == ESTABLISHED && !(DONE & SND))
#define MORE_COMES	(state[me] == ESTABLISHED && !(DONE & RCV))

/* kite_conn_untold(), kite_conn_waits() */
#define UNTOLD		(unsent[me] & (U_SHUTDOWN | U_RESET | U_NOW))
#define WAITS		(UNTOLD || (!aborted[me] && peer_shut[me] != (RCV | SND)))

/* kite_conn_over(): what is forgotten, or was reset, sends nothing. */
inline over()
{
	unsent[me] = 0;
	state[me] = CLOSED
}

/* kite_conn_retire(), and whenever a closed end may have got what it waits for. */
inline retire()
{
	if
	:: state[me] == CLOSING && !WAITS -> over()
	:: else
	fi
}

/* kite_stream_sendmsg(): waits for room, or until there will never be any. */
proctype writer(byte me)
{
	byte n;

	state[me] != CONNECTING;
	do
	:: break
	:: n < (me == 0 -> BYTES0 : BYTES1) ->
		atomic {
			(MAY_SEND && ROOM) || !MAY_SEND ->
			if
			:: !MAY_SEND -> break
			:: else ->
				XMIT(DATA, tx_sent[me]);
				tx_sent[me]++;
				n++
			fi
		}
	od;
	through[me]++
}

/*
 * kite_stream_recvmsg(), until the end of the stream; or the program has enough. That
 * frees a writer who waits for room, and so hides that nobody told it of room. A patient
 * program waits until something can be read, as the writer does for room. Only one
 * may be patient: two that have nothing to write would wait for each other.
 */
proctype reader(byte me)
{
	state[me] != CONNECTING;
	do
	:: me >= PATIENT || UNREAD || !MORE_COMES -> break
	:: atomic {
		UNREAD || !MORE_COMES ->
		if
		:: !UNREAD ->
			/* A good end: all has come that the peer sent. */
			assert(state[me] != ESTABLISHED || (shut[me] & RCV) ||
			       got[me] == tx_sent[OTHER]);
			break
		:: else ->
			got[me]++;
			rx_read[me]++;
			rx_limit[me] = rx_read[me] + WINDOW;
			/* A packet tells when all was read, or enough of the window. */
			if
			:: state[me] == ESTABLISHED &&
			   (!UNREAD || rx_limit[me] - rx_told[me] > WINDOW / 2) ->
				CONTROL(CREDIT, 0)
			:: else
			fi
		fi
	}
	od;
	through[me]++
}

/* kite_conn_shutdown(), while the others are at work. */
proctype shutter(byte me)
{
	if
	:: true
	:: atomic {
		me < SHUTTERS && state[me] == ESTABLISHED ->
		if
		:: shut[me] = shut[me] | RCV
		:: shut[me] = shut[me] | SND
		:: shut[me] = RCV | SND
		fi;
		CONTROL(SHUTDOWN, DONE)
	}
	fi;
	through[me]++
}

/* Closed with something unread, or before the program had it. There is nothing else to say. */
inline abort()
{
	aborted[me] = true;
	unsent[me] = unsent[me] & U_NOW;
	CONTROL(RESET, ABORT);
	state[me] = CLOSING;
	retire()
}

/*
 * kite_conn_close(), kite_conn_finish(): packets come between its two steps, and DATA
 * finds nobody who would read it.
 */
inline close()
{
	atomic {
		if
		:: state[me] == ESTABLISHED && UNREAD -> abort()
		:: state[me] == ESTABLISHED && !UNREAD -> dead[me] = true
		:: state[me] == CLOSED
		fi
	};
	atomic {
		if
		:: state[me] == ESTABLISHED ->
			shut[me] = RCV | SND;
			CONTROL(SHUTDOWN, shut[me]);
			state[me] = CLOSING;
			retire()
		:: else
		fi
	}
}

proctype client(byte me)
{
	atomic {
		state[me] = CONNECTING;
		XMIT(REQUEST, 0)
	}
	if
	:: true	/* it gives up, or not, before there is an answer */
	:: state[me] != CONNECTING
	fi;
	if
	:: atomic { state[me] == CONNECTING -> abort() }
	:: state[me] != CONNECTING ->
		run writer(me);
		run reader(me);
		run shutter(me);
		through[me] == 3;
		close()
	fi
}

proctype server(byte me)
{
	/* accept; or the listener is closed first, which resets the child */
end:	born;
	if
	:: atomic {
		if
		:: state[me] == ESTABLISHED -> abort()
		:: else
		fi
	}
	:: true ->
		run writer(me);
		run reader(me);
		run shutter(me);
		through[me] == 3;
		close()
	fi
}

/* kite_credit_update(): what makes no sense changes nothing. */
inline credit(rd, lim)
{
	if
	:: rd >= tx_read[me] && rd <= tx_sent[me] ->
		tx_read[me] = rd;
		tx_limit[me] = (lim > tx_limit[me] -> lim : tx_limit[me])
	:: else -> assert(false)	/* nobody here forges packets */
	fi
}

/*
 * A peer that had nothing to say or hear any more, when it closed, may have forgotten us.
 * So it refuses what we still send, which is no error.
 */
#define GOOD_END(reason)	(reason == REFUSED && peer_shut[me] == (RCV | SND))

/* kite_conn_on_reset() */
inline reset(reason)
{
	if
	:: state[me] == CLOSING -> over()
	:: state[me] == ESTABLISHED && GOOD_END(reason) -> assert(!aborted[OTHER])
	:: else ->
		assert(state[me] != ESTABLISHED || aborted[OTHER]);
		over()
	fi
}

/* kite_transport_rcv() */
proctype kernel(byte me)
{
	mtype op;
	byte arg, rd, lim;

end:	do
	:: atomic {
		wire[OTHER]?op(arg, rd, lim) ->
		if
		:: op == REQUEST ->
			state[me] = ESTABLISHED;
			born = true;
			tx_limit[me] = lim;
			XMIT(RESPONSE, 0)
		:: op == RESPONSE && state[me] == CONNECTING ->
			state[me] = ESTABLISHED;
			tx_limit[me] = lim
		/* It has closed before there was an answer. */
		:: op == RESPONSE && state[me] == CLOSING -> XMIT(RESET, REFUSED)
		:: op == RESET -> reset(arg)
		/* There is no such connection (any more). */
		:: op != RESET && op != REQUEST && state[me] == CLOSED ->
			aborted[me] = (op == DATA -> true : aborted[me]);
			XMIT(RESET, REFUSED)
		:: op == DATA && state[me] == ESTABLISHED && !dead[me] ->
			credit(rd, lim);
			if
			:: shut[me] & RCV
			:: else ->
				assert(arg == rx_queued[me]);
				rx_queued[me]++;
				assert(rx_queued[me] - rx_read[me] <= WINDOW)
			fi
		/* The program has closed and will never read it. */
		:: op == DATA && (state[me] == CLOSING ||
				  (state[me] == ESTABLISHED && dead[me])) ->
			abort()
		:: op == CREDIT && (state[me] == ESTABLISHED || state[me] == CLOSING) ->
			credit(rd, lim)
		:: op == SHUTDOWN && (state[me] == ESTABLISHED || state[me] == CLOSING) ->
			credit(rd, lim);
			peer_shut[me] = peer_shut[me] | arg;
			retire()
		fi
	}
	od
}

/* kite_conn_timer(): the program and the kernel go on between its two steps. */
proctype timer(byte me)
{
	byte now;

end:	do
	:: atomic {
		unsent[me] ->
		assert(state[me] != CLOSED);
		now = unsent[me];
		unsent[me] = U_NOW
	   };
	   atomic {
		if :: now & U_CREDIT && !aborted[me] -> XMIT(CREDIT, 0) :: else fi;
		if :: now & U_SHUTDOWN && !aborted[me] -> XMIT(SHUTDOWN, DONE) :: else fi;
		if :: now & U_RESET -> XMIT(RESET, ABORT) :: else fi;
		now = 0;
		unsent[me] = unsent[me] & ~U_NOW;
		retire()
	   }
	:: atomic {
		/* The time to wait for the peer is over, and far longer than a way. */
		me < TIMEOUTS && state[me] == CLOSING && !unsent[me] &&
		empty(wire[0]) && empty(wire[1]) -> over()
	   }
	od
}

/* No DATA is on its way to @me, and no CREDIT on its way back. */
#define CALM		(state[0] == ESTABLISHED && state[1] == ESTABLISHED &&	\
			 empty(wire[0]) && empty(wire[1]) && !unsent[me])

/* What is left of the window of @me: neither free for the peer nor full of bytes. */
#define UNACCOUNTED	(WINDOW - (tx_limit[OTHER] - tx_sent[OTHER]) -		\
			 (rx_queued[me] - rx_read[me]))

/* That is what was read but not told, and when all was read there is none. */
#define BALANCED	(0 <= UNACCOUNTED && UNACCOUNTED <= (UNREAD -> WINDOW / 2 : 0))

/* A byte or a credit that is lost is missed here at once, and not only by who waits. */
proctype ledger(byte me)
{
end:	atomic { CALM && !(shut[me] & RCV) && !BALANCED -> assert(BALANCED) }
}

proctype monitor()
{
	timeout ->
	assert(state[0] == CLOSED && state[1] == CLOSED);
	/* What shutdown() forbids is thrown away. */
	assert(SHUTTERS || aborted[0] || aborted[1] ||
	       (got[0] == tx_sent[1] && got[1] == tx_sent[0]));
	assert(empty(wire[0]) && empty(wire[1]))
}

init
{
	atomic {
		run kernel(0); run kernel(1);
		run timer(0); run timer(1);
		run client(0); run server(1);
		run ledger(0); run ledger(1);
		run monitor()
	}
}
