// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU: which cache lines of the kernel do several CPUs use?
 *
 *	-plugin lines.so,out=FILE
 *
 * pairs.c, in the VM, executes MARK_BEGIN and MARK_END. For each cache line of the
 * kernel, this counts the system calls between them in which a CPU used it. When the
 * last CPU is at its end, FILE gets a line "run", and for each cache line that one CPU
 * writes to and another one uses
 *
 *	ADDRESS CPU CALLS WRITING PC...
 *
 * for each CPU: the calls that used it, those that wrote to it, and some of the
 * instructions that did. A timer's interrupt comes in few of the calls only.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "plugin.h"

QEMU_PLUGIN_EXPORT int qemu_plugin_version = 3;

#define CPUS	4
#define PCS	4
#define LINE	64
#define KERNEL	0x8000000000000000ull
#define TABLE	1048576u

struct use {
	unsigned long calls, writing;
	unsigned long last, last_writing;
	uint64_t pc[PCS];
};

struct line {
	uint64_t address;
	struct use by[CPUS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct line *table;
static unsigned int used;
static bool on[CPUS];
static unsigned long call[CPUS];
static unsigned int running;
static FILE *out;

static void fail(const char *why)
{
	fprintf(stderr, "lines: %s\n", why);
	exit(1);
}

static struct line *line_of(uint64_t address)
{
	unsigned int i = (address * 0x9e3779b97f4a7c15ull) >> 44;

	while (table[i].address && table[i].address != address)
		i = (i + 1) % TABLE;
	if (!table[i].address) {
		if (++used > TABLE / 2)
			fail("too many lines");
		table[i].address = address;
	}
	return &table[i];
}

/* Once in each call. */
static void count(unsigned long *calls, unsigned long *last, unsigned long now)
{
	*calls += *last != now;
	*last = now;
}

static void remember(struct use *use, uint64_t pc)
{
	for (int i = 0; i < PCS && use->pc[i] != pc; i++) {
		if (!use->pc[i]) {
			use->pc[i] = pc;
			return;
		}
	}
}

static void access_memory(unsigned int cpu, uint32_t info, uint64_t address, void *pc)
{
	struct use *use;

	if (cpu >= CPUS || !on[cpu] || address < KERNEL)
		return;
	pthread_mutex_lock(&lock);
	use = &line_of(address & -LINE)->by[cpu];
	count(&use->calls, &use->last, call[cpu]);
	if (qemu_plugin_mem_is_store(info))
		count(&use->writing, &use->last_writing, call[cpu]);
	remember(use, (uintptr_t)pc);
	pthread_mutex_unlock(&lock);
}

static void system_call(unsigned int cpu, void *data)
{
	(void)data;
	if (cpu < CPUS)
		call[cpu]++;
}

/* Of use to others: one CPU writes, and another one looks or writes as well. */
static bool shared(const struct line *line)
{
	unsigned int writers = 0, users = 0;

	for (int i = 0; i < CPUS; i++) {
		writers += line->by[i].writing >= MARK_OFTEN;
		users += line->by[i].calls >= MARK_OFTEN;
	}
	return writers && users > 1;
}

static void print(const struct line *line)
{
	for (int i = 0; i < CPUS; i++) {
		const struct use *use = &line->by[i];

		if (use->calls < MARK_OFTEN)
			continue;
		fprintf(out, "%llx %d %lu %lu", (unsigned long long)line->address, i,
			use->calls, use->writing);
		for (int j = 0; j < PCS && use->pc[j]; j++)
			fprintf(out, " %llx", (unsigned long long)use->pc[j]);
		fputc('\n', out);
	}
}

static void cpu_begins(unsigned int cpu, void *data)
{
	(void)data;
	pthread_mutex_lock(&lock);
	if (cpu >= CPUS || on[cpu])
		fail("a CPU that is at work already");
	if (!running++) {
		memset(table, 0, TABLE * sizeof(*table));
		used = 0;
	}
	on[cpu] = true;
	pthread_mutex_unlock(&lock);
}

static void cpu_ends(unsigned int cpu, void *data)
{
	(void)data;
	pthread_mutex_lock(&lock);
	if (cpu >= CPUS || !on[cpu])
		fail("a CPU is at its end too early");
	on[cpu] = false;
	if (!--running) {
		fprintf(out, "run\n");
		for (unsigned int i = 0; i < TABLE; i++) {
			if (shared(&table[i]))
				print(&table[i]);
		}
		fflush(out);
	}
	pthread_mutex_unlock(&lock);
}

static void on_execution(struct qemu_plugin_insn *insn,
			 void (*cb)(unsigned int cpu, void *data))
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, QEMU_PLUGIN_CB_NO_REGS, NULL);
}

static void translate_user(struct qemu_plugin_insn *insn)
{
	static const uint8_t first[] = { MARK_BEGIN }, last[] = { MARK_END };
	static const uint8_t syscall[] = { 0x0f, 0x05 };
	uint8_t code[sizeof(first)];
	size_t len = qemu_plugin_insn_data(insn, code, sizeof(code));

	if (len == sizeof(syscall) && !memcmp(code, syscall, len))
		on_execution(insn, system_call);
	else if (len == sizeof(first) && !memcmp(code, first, len))
		on_execution(insn, cpu_begins);
	else if (len == sizeof(last) && !memcmp(code, last, len))
		on_execution(insn, cpu_ends);
}

static void translate(uint64_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t pc = qemu_plugin_insn_vaddr(insn);

		if (pc >= KERNEL)
			qemu_plugin_register_vcpu_mem_cb(insn, access_memory,
							 QEMU_PLUGIN_CB_NO_REGS,
							 QEMU_PLUGIN_MEM_RW,
							 (void *)(uintptr_t)pc);
		else
			translate_user(insn);
	}
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc,
					   char **argv)
{
	(void)info;
	table = calloc(TABLE, sizeof(*table));
	if (argc == 1 && !strncmp(argv[0], "out=", 4))
		out = fopen(argv[0] + 4, "w");
	if (!table || !out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
