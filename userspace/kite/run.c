// SPDX-License-Identifier: GPL-2.0
/*
 * kite run: a program that was written for TCP, UDP or AF_VSOCK, over Kite.
 *
 * The work is that of libkite-preload.so, in ../preload; here it is found and named
 * in LD_PRELOAD, and what it has to know left in the environment.
 */
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kite.h"

#define LIBRARY		"libkite-preload.so"
#define MAPS_MAX	32	/* as in the library */
#define HEAD_LEN	64	/* of an ELF file */

/* As the shell and env(1) have it. */
#define EXIT_NOT_RUN	126
#define EXIT_NOT_FOUND	127

static void help(void)
{
	printf("usage: kite run [OPTION...] PROGRAM [ARG...]\n"
	       "\n"
	       "Run a program that was written for TCP, UDP or AF_VSOCK, and let what it does\n"
	       "on this machine's loopback go over Kite. Other addresses are left alone.\n"
	       "\n"
	       "  -m, --map PORT=KITEPORT[@NODE]\n"
	       "                     the program's PORT is that port of Kite, not the same\n"
	       "                     number; may be given several times\n"
	       "  -v, --verbose      say on stderr which sockets become Kite's\n"
	       "\n"
	       "  kite run python3 -m http.server 8080 &\n"
	       "  kite run curl http://localhost:8080/\n"
	       "  kite run --map 6379=70000 redis-server\n");
}

/* What the program is to find in the environment, one after the other. */
static void append_env(const char *name, const char *value, char separator)
{
	const char *old = getenv(name);
	char *both = NULL;

	if (old && *old && asprintf(&both, "%s%c%s", old, separator, value) < 0)
		err(1, "asprintf");
	if (setenv(name, both ? both : value, 1))
		err(1, "setenv");
	free(both);
}

/* PORT=KITEPORT[@NODE], as the library wants it: decimal. */
static void add_map(const char *text)
{
	unsigned long port, kite_port, node = 0;
	char *words[3] = { strdup(text) }, *map = NULL;
	static int count;
	bool good;

	if (!words[0])
		err(1, "strdup");
	words[1] = strchr(words[0], '=');
	if (words[1])
		*words[1]++ = '\0';
	words[2] = words[1] ? strchr(words[1], '@') : NULL;
	if (words[2])
		*words[2]++ = '\0';
	good = words[1] && parse_number(words[0], 65535, &port) && port &&
	       parse_number(words[1], 0xfffffffe, &kite_port) &&
	       (!words[2] || (parse_number(words[2], 0xfffffffe, &node) && node));
	if (!good)
		errx(EXIT_USAGE, "%s: a map is PORT=KITEPORT or PORT=KITEPORT@NODE", text);
	if (++count > MAPS_MAX)
		errx(EXIT_USAGE, "more than %d maps", MAPS_MAX);
	if (asprintf(&map, "%lu=%lu@%lu", port, kite_port, node) < 0)
		err(1, "asprintf");
	append_env("KITE_RUN_MAP", map, ',');
	free(map);
	free(words[0]);
}

/* Beside the binary, as it was built, or where it is installed. */
static char *find_library(void)
{
	static const char * const places[] = { "", "../lib/kite/" };
	char self[PATH_MAX], *path, *slash;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		err(1, "/proc/self/exe");
	self[len] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (asprintf(&path, "%s/%s" LIBRARY, self, places[i]) < 0)
			err(1, "asprintf");
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	errx(1, "no " LIBRARY " in %s or %s/../lib/kite; \"make install\" puts it there",
	     self, self);
}

/* Where the shell would find the program; NULL if nowhere. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *found;

	if (strchr(name, '/'))
		return strdup(name);
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		int len = strcspn(path, ":");

		if (asprintf(&found, "%.*s%s%s", len, path, len ? "/" : "./", name) < 0)
			err(1, "asprintf");
		if (!access(found, X_OK))
			return found;
		free(found);
		path += len + (path[len] == ':');
	}
	return NULL;
}

/* A dynamic program has a segment that names who is to load it. */
static bool is_dynamic(int fd, const unsigned char *head)
{
	const bool wide = sizeof(long) == 8;
	uint16_t size, count;
	unsigned long offset;
	uint32_t type;

	/* e_phoff, e_phentsize and e_phnum */
	memcpy(&offset, head + (wide ? 32 : 28), sizeof(offset));
	memcpy(&size, head + (wide ? 54 : 42), sizeof(size));
	memcpy(&count, head + (wide ? 56 : 44), sizeof(count));
	for (int i = 0; i < count; i++) {
		if (pread(fd, &type, sizeof(type), offset + i * size) != sizeof(type) ||
		    type == PT_INTERP)
			return true;
	}
	return false;
}

/* Programs for which LD_PRELOAD means nothing would run over IP, and nobody know. */
static void check_program(const char *path)
{
	const unsigned char our_class = sizeof(long) == 8 ? ELFCLASS64 : ELFCLASS32;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char head[HEAD_LEN];
	struct stat st;

	if (fd < 0)
		return;		/* exec has something to say about it, or nothing */
	if (!fstat(fd, &st)) {
		if (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
		    ((st.st_mode & S_ISGID) && st.st_gid != getegid()))
			errx(1, "%s: a set-user-ID program ignores LD_PRELOAD; run it as its owner",
			     path);
	}
	if (pread(fd, head, sizeof(head), 0) == sizeof(head) &&
	    !memcmp(head, ELFMAG, SELFMAG)) {
		if (head[EI_CLASS] != our_class)
			errx(1, "%s: is a %d-bit program, and " LIBRARY " is not", path,
			     head[EI_CLASS] == ELFCLASS32 ? 32 : 64);
		if (!is_dynamic(fd, head))
			errx(1, "%s: is statically linked, so that LD_PRELOAD does nothing",
			     path);
	}
	close(fd);
}

/* Ours comes first, so that those that are there already see what we make of it. */
static void preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	char *both = NULL;

	if (strpbrk(library, ": "))
		errx(1, "%s: LD_PRELOAD cannot have a blank or a colon in a path", library);
	if (others && *others && asprintf(&both, "%s:%s", library, others) < 0)
		err(1, "asprintf");
	if (setenv("LD_PRELOAD", both ? both : library, 1))
		err(1, "setenv");
	free(both);
}

int cmd_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "map", required_argument, NULL, 'm' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	char family[12], *program;
	int option;

	while ((option = getopt_long(argc, argv, "+m:vh", options, NULL)) != -1) {
		switch (option) {
		case 'm':
			add_map(optarg);
			break;
		case 'v':
			if (setenv("KITE_RUN_VERBOSE", "1", 1))
				err(1, "setenv");
			break;
		case 'h':
			help();
			return 0;
		default:
			bad_option(argv[0]);
		}
	}
	argv += optind;
	if (!*argv)
		errx(EXIT_USAGE, "a program; \"kite run --help\" tells more");
	snprintf(family, sizeof(family), "%d", kite_family());
	if (setenv("KITE_RUN_FAMILY", family, 1))
		err(1, "setenv");
	program = find_program(*argv);
	if (!program)
		errx(EXIT_NOT_FOUND, "%s: no such program", *argv);
	check_program(program);
	preload(find_library());
	execv(program, argv);
	err(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN, "%s", program);
}
