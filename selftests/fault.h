/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults on demand: the n-th allocation of a system call, or its n-th copy from or to
 * the program, fails. Kernels that are built for it have /proc/thread-self/fail-nth.
 */
#ifndef KITE_SELFTESTS_FAULT_H
#define KITE_SELFTESTS_FAULT_H

#include <stdbool.h>

/**
 * struct faults - the rounds of a test, each with another fault
 * @fd: the thread's fail-nth
 * @nth: which one fails in this round
 * @last: the round after which to end if it met no fault, or 0 for that which met none
 * @fired: did the fault happen in this round?
 * @count: how many happened
 */
struct faults {
	int fd;
	unsigned int nth, last;
	bool fired;
	int count;
};

const char *faults_begin(struct faults *f);
void faults_from(struct faults *f, unsigned int first, unsigned int last);
bool faults_next(struct faults *f);
void faults_arm(struct faults *f);
bool faults_disarm(struct faults *f);
unsigned int faults_left(struct faults *f);
bool fault_excuses(const struct faults *f, long ret);

/* Rounds with the first fault, the second, and so on, until a round meets none. */
#define EACH_FAULT(f)	for (faults_from(f, 1, 0); faults_next(f); )

/* A system call in such a round; its error as a negative number. */
#define FAULTY(f, call)						\
({								\
	long __faulty_ret;					\
								\
	faults_arm(f);						\
	__faulty_ret = (call);					\
	__faulty_ret = __faulty_ret == -1 ? -(long)errno : __faulty_ret; \
	faults_disarm(f);					\
	__faulty_ret;						\
})

/* It succeeded, or it failed as a fault may make it fail. */
#define EXPECT_EXCUSED(ret)					\
	EXPECT_TRUE((ret) >= 0 || fault_excuses(&self->f, ret))		\
		TH_LOG("%s: %ld in round %u", #ret, (long)(ret), self->f.nth)

/* All sockets of a test are gone; so may be, since it began, those of the one before. */
#define EXPECT_NO_SOCKET(self)						\
	EXPECT_TRUE(BECOMES(true, module_users() <= (self)->users))	\
		TH_LOG("%d sockets, and there were %d", module_users(), (self)->users)

/* Each test met some fault, and leaves nothing. */
#define EXPECT_DONE(self)						\
	do {								\
		EXPECT_LT(0, (self)->f.count);				\
		TH_LOG("%d faults", (self)->f.count);			\
		EXPECT_NO_SOCKET(self);					\
	} while (0)

#endif /* KITE_SELFTESTS_FAULT_H */
