// SPDX-License-Identifier: GPL-2.0
/*
 * kite trace: what the tracepoints said.
 */
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <tracefs.h>

#include "trace.h"

/**
 * trace_get - one of the values of an event
 * @e: the event
 * @key: its name
 * @value: where it goes
 * @size: of @value
 *
 * Return: false, and an empty value, if the event has no such key.
 */
bool trace_get(const struct trace_event *e, const char *key, char *value, size_t size)
{
	size_t len = strlen(key);
	const char *at = e->text;

	*value = '\0';
	while (*at) {
		size_t end = strcspn(at, " ");

		if (end > len && !strncmp(at, key, len) && at[len] == '=') {
			snprintf(value, size, "%.*s", (int)(end - len - 1), at + len + 1);
			return true;
		}
		at += end;
		at += strspn(at, " ");
	}
	return false;
}

/**
 * trace_get_number - one of the values of an event
 * @e: the event
 * @key: its name
 *
 * Return: the number; 0 if the event has no such key.
 */
long trace_get_number(const struct trace_event *e, const char *key)
{
	char value[32];

	return trace_get(e, key, value, sizeof(value)) ? strtol(value, NULL, 10) : 0;
}

static struct trace_event *add_event(struct trace *t)
{
	/* Room for twice as many when all is used: at each power of two. */
	if (!(t->nr & (t->nr - 1))) {
		size_t room = t->nr ? 2 * t->nr : 1;

		t->events = realloc(t->events, room * sizeof(*t->events));
		if (!t->events)
			err(1, "realloc");
	}
	return &t->events[t->nr++];
}

/*
 * A line of the file: "            kite-185     [001] .....    34.758993: kite_send: sk=...".
 * What stands before the brackets is for the process to choose, so they are found from
 * behind.
 */
static bool parse_line(struct trace_event *e, char *line)
{
	char *name = strstr(line, ": kite_"), *text, *cpu, *pid;

	text = name ? strchr(name + 2, ':') : NULL;
	if (!text)
		return false;
	*name = '\0';
	*text = '\0';
	cpu = strrchr(line, '[');
	if (!cpu)
		return false;
	*cpu = '\0';
	pid = strrchr(line, '-');
	if (!pid || sscanf(cpu + 1, "%*s %*s %lf", &e->time) != 1)
		return false;
	*pid = '\0';
	e->pid = atoi(pid + 1);
	snprintf(e->comm, sizeof(e->comm), "%s", line + strspn(line, " "));
	e->name = strdup(name + 2);
	e->text = strdup(text + 1 + strspn(text + 1, " "));
	if (!e->name || !e->text)
		err(1, "strdup");
	return true;
}

static void take_line(struct trace *t, char *line, ino_t netns)
{
	struct trace_event *e;

	if (*line == '#')
		return;
	e = add_event(t);
	if (!parse_line(e, line) ||
	    (netns && trace_get_number(e, "netns") != (long)netns))
		t->nr--;
}

/* What found no room, by the statistics of each CPU. */
static unsigned long count_lost(struct tracefs_instance *instance)
{
	unsigned long lost = 0;

	for (int cpu = 0; ; cpu++) {
		static const char *const keys[] = { "\noverrun: ", "dropped events: " };
		char file[64], *text;

		snprintf(file, sizeof(file), "per_cpu/cpu%d/stats", cpu);
		if (!tracefs_file_exists(instance, file))
			return lost;
		text = tracefs_instance_file_read(instance, file, NULL);
		for (size_t i = 0; text && i < ARRAY_SIZE(keys); i++) {
			const char *at = strstr(text, keys[i]);

			lost += at ? strtoul(at + strlen(keys[i]), NULL, 10) : 0;
		}
		free(text);
	}
}

/**
 * trace_read - take what is in the buffers of a tracing instance
 * @instance: the instance, which does not trace any more
 * @netns: only what happened in this network namespace; or 0
 * @t: where it goes
 */
void trace_read(struct tracefs_instance *instance, ino_t netns, struct trace *t)
{
	char *text = tracefs_instance_file_read(instance, "trace", NULL), *save = NULL;

	if (!text)
		err(1, "tracing: trace");
	*t = (struct trace) { .lost = count_lost(instance) };
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take_line(t, line, netns);
	free(text);
}

/**
 * trace_print_raw - print the events as they are
 * @t: the events
 */
void trace_print_raw(const struct trace *t)
{
	for (size_t i = 0; i < t->nr; i++) {
		const struct trace_event *e = &t->events[i];

		printf("%.6f %s-%d %s: %s\n", e->time, e->comm, e->pid, e->name, e->text);
	}
}

static struct json_object *json_value(const char *value)
{
	char *end;
	long long n = strtoll(value, &end, 10);

	if (*value && !*end && (isdigit((unsigned char)*value) || *value == '-'))
		return json_object_new_int64(n);
	return json_object_new_string(value);
}

static void add_values(struct json_object *o, const char *text)
{
	char *copy = strdup(text), *save = NULL;

	if (!copy)
		err(1, "strdup");
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');

		if (!value)
			continue;
		*value++ = '\0';
		json_object_object_add(o, word, json_value(value));
	}
	free(copy);
}

/**
 * trace_print_json - print each event as an object, in a line of its own
 * @t: the events
 */
void trace_print_json(const struct trace *t)
{
	for (size_t i = 0; i < t->nr; i++) {
		const struct trace_event *e = &t->events[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "time", json_object_new_double(e->time));
		json_object_object_add(o, "comm", json_object_new_string(e->comm));
		json_object_object_add(o, "pid", json_object_new_int(e->pid));
		json_object_object_add(o, "event", json_object_new_string(e->name));
		add_values(o, e->text);
		json_print_line(o);
	}
}
