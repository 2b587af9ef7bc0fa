/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who waits for room at a listener of the same kernel, as handshake.c has it.
 *
 * No packet is sent there again and again: connect sleeps in the listener's wait queue,
 * exclusively, so that one place that becomes free wakes one. Some threads connect, and
 * give up when a signal comes or their time is over; and the listener's program accepts,
 * calls listen() with more places, and closes. With SO_REUSEPORT a second listener may
 * join when others wait already, and is then for some of them.
 *
 * What is checked, over every order in which it can happen:
 *
 * - nobody waits in vain: when nothing is left to happen, whoever still sleeps does so in
 *   the wait queue of a listener that is there and full, which the monitor asserts
 * - nobody stays in a wait queue who does not sleep: the monitor asserts that, too
 * - no more wait for accept than there are places: an assertion where one is taken
 */
#ifndef CLIENTS
#define CLIENTS		3
#endif
#ifndef PLACES
#define PLACES		1	/* in the accept queue */
#endif
#ifndef ACCEPTS
#define ACCEPTS		1	/* of each listener */
#endif
#ifndef GROWS
#define GROWS		0	/* how often listen() makes one place more */
#endif
#ifndef CLOSES
#define CLOSES		0	/* how many listeners close */
#endif
#ifndef SIGNALS
#define SIGNALS		0	/* how many have enough of waiting */
#endif
#ifndef LISTENERS
#define LISTENERS	1	/* that share the address */
#endif

#define NONE	LISTENERS

/* Nobody listens; who does is full; a signal came, or the time is over. */
#define REFUSED	1
#define AGAIN	2
#define SIGNAL	3

bool open[LISTENERS];		/* it listens, and is found */
byte taken[LISTENERS];		/* sk_ack_backlog */
byte places[LISTENERS];		/* sk_max_ack_backlog */

/* The wait queue @room: who comes goes to its end, and the first is woken. */
chan room[LISTENERS] = [CLIENTS] of { byte };
bool asleep[CLIENTS];		/* TASK_INTERRUPTIBLE */
bool sleeps[CLIENTS];		/* and has left the CPU */

byte grows, closes, signals;

#define FULL(l)		(taken[l] == places[l])

/*
 * kite_port_find_listener(): once the second listener is there, it is for all but the first
 * of those who connect.
 */
#define SECOND		(LISTENERS > 1 && open[LISTENERS - 1])
#define FOUND(c)	(SECOND && (c || !open[0]) -> LISTENERS - 1 : (open[0] -> 0 : NONE))

/* wake_up_interruptible(), and autoremove_wake_function() */
inline wake(l)
{
	if
	:: room[l]?who -> asleep[who] = false; who = 0
	:: empty(room[l])
	fi
}

inline wake_all(l)
{
	do
	:: room[l]?who -> asleep[who] = false; who = 0
	:: empty(room[l]) -> break
	od
}

/* kite_connect_try(): the listener that was found may be another or gone a little later. */
inline try()
{
	l = FOUND(c);
	atomic {
		if
		:: l == NONE || !open[l] -> err = REFUSED
		:: l != NONE && open[l] && FULL(l) -> err = AGAIN
		:: else ->
			taken[l]++;
			assert(taken[l] <= places[l]);
			err = 0
		fi
	}
}

/* kite_connect_wait_room() */
inline wait_room()
{
	atomic {
		l = FOUND(c);
		err = (l == NONE -> REFUSED : 0)
	}
	if
	:: err
	:: else ->
		/* prepare_to_wait_exclusive() */
		atomic { room[l]!c; asleep[c] = true }
		if
		:: FULL(l) && open[l] ->
			sleeps[c] = true;
end:			if
			:: !asleep[c]
			:: atomic { signals < SIGNALS -> signals++; err = SIGNAL }
			fi
		:: else
		fi;
		/* finish_wait() */
		atomic {
			sleeps[c] = false;
			asleep[c] = false;
			if
			:: room[l]??eval(c)
			:: !room[l]??[eval(c)]
			fi
		}
		if
		:: atomic { !err && signals < SIGNALS -> signals++; err = SIGNAL }
		:: true
		fi;
		at = l
	fi
}

/* Whoever has waited, tried again or has enough: is there room for the next one? */
inline wake_next()
{
	atomic {
		if
		:: at != NONE && !FULL(at) -> wake(at)
		:: else
		fi;
		at = NONE
	}
}

/* kite_connect_loop() */
proctype client(byte c)
{
	byte l, at = NONE, err, who;

	do
	:: true ->
		try();
		wake_next();
		if
		:: err != AGAIN -> break
		:: else
		fi;
		wait_room();
		if
		:: err -> break
		:: else
		fi
	od;
	wake_next()
}

/* accept, listen() and close, one after the other */
proctype server(byte l)
{
	byte accepts, who;

	open[l] = true;
	do
	/* kite_accept_dequeue() */
	:: atomic { taken[l] && accepts < ACCEPTS -> accepts++; taken[l]-- }
		atomic { wake(l) }
	/* kite_listen() */
	:: atomic { grows < GROWS -> grows++; places[l]++ }
		atomic { wake_all(l) }
	/* kite_listener_shutdown() */
	:: atomic { closes < CLOSES -> closes++; open[l] = false }
		atomic { wake_all(l) };
		break
	:: break
	od
}

proctype monitor()
{
	byte c, l;

	timeout ->
	for (l : 0 .. LISTENERS - 1) {
		for (c : 0 .. CLIENTS - 1) {
			assert(!room[l]??[eval(c)] || (sleeps[c] && open[l] && FULL(l)))
		}
	}
	for (c : 0 .. CLIENTS - 1) {
		assert(!sleeps[c] || asleep[c])
	}
}

init
{
	byte i;

	atomic {
		open[0] = true;
		for (i : 0 .. LISTENERS - 1) {
			places[i] = PLACES;
			run server(i)
		}
		for (i : 0 .. CLIENTS - 1) {
			run client(i)
		}
		run monitor()
	}
}
