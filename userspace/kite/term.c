// SPDX-License-Identifier: GPL-2.0
/*
 * The terminal, if standard output is one: its colours, width and characters.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kite.h"

/* See no-color.org. */
static bool has_colors(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb");
}

/**
 * color - what to print so that the next characters have a colour
 * @c: which; COLOR_OFF ends any other
 *
 * Return: an escape sequence; "" if standard output is no terminal, or is not to
 * have colours.
 */
const char *color(enum color c)
{
	static const char *const sequences[] = {
		[COLOR_OFF]	= "\033[0m",
		[COLOR_BOLD]	= "\033[1m",
		[COLOR_DIM]	= "\033[2m",
		[COLOR_RED]	= "\033[31m",
		[COLOR_GREEN]	= "\033[32m",
		[COLOR_YELLOW]	= "\033[33m",
		[COLOR_BLUE]	= "\033[34m",
		[COLOR_MAGENTA]	= "\033[35m",
		[COLOR_CYAN]	= "\033[36m",
	};
	static int has = -1;

	if (has < 0)
		has = has_colors();
	return has ? sequences[c] : "";
}

/**
 * terminal_width - how many characters fit into a line
 *
 * Return: that of the terminal; COLUMNS, or 80, if there is none.
 */
int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	unsigned long n;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	if (columns && parse_number(columns, 1000, &n) && n)
		return n;
	return 80;
}

/**
 * terminal_utf8 - may more than ASCII be printed?
 *
 * Return: whether the locale's characters are UTF-8.
 */
bool terminal_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}
