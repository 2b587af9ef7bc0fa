// SPDX-License-Identifier: GPL-2.0
/*
 * What --json prints. The objects are json-c's.
 */
#include <err.h>
#include <stdio.h>

#include <json-c/json.h>

#include "kite.h"

static void print(struct json_object *object, int flags)
{
	const char *text = json_object_to_json_string_ext(object,
			JSON_C_TO_STRING_NOSLASHESCAPE | flags);

	if (!text)
		errx(1, "no memory for JSON");
	puts(text);
	json_object_put(object);
}

/**
 * json_print - print all that there is, for people as well
 * @object: what; gone afterwards
 */
void json_print(struct json_object *object)
{
	print(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}

/**
 * json_print_line - print one of many, in a line of its own
 * @object: what; gone afterwards
 *
 * Who reads it through a pipe gets it at once.
 */
void json_print_line(struct json_object *object)
{
	print(object, JSON_C_TO_STRING_PLAIN);
	output_flush();
}
