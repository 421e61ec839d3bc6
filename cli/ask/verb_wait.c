/* SPDX-License-Identifier: Apache-2.0 */
/* kuke wait: returns when an object is in a state, or gone. */
#include <errno.h>
#include <strings.h>

#include "cli/ask/waiting.h"
#include "cli/verbs.h"

enum { KEY_FOR = 0x100, KEY_TIMEOUT };

struct wait_options {
	enum wait_goal goal;
};

static error_t set_goal(const struct args *args, const char *value)
{
	static const enum wait_goal goals[] = { WAIT_READY, WAIT_STOPPED, WAIT_FAILED,
						WAIT_DELETED };
	struct wait_options *own = args->own;

	for (size_t i = 0; i < ARRAY_SIZE(goals); i++) {
		if (strcasecmp(value, wait_goal_name(goals[i])) != 0)
			continue;
		own->goal = goals[i];
		return 0;
	}
	error_set(args->err, -EINVAL, "--for \"%s\": expected Ready, Stopped, Failed or deleted",
		  value);
	return EINVAL;
}

static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case KEY_FOR:
		return set_goal(args, arg);
	case KEY_TIMEOUT:
		return args_set_timeout(args, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static enum cli_exit wait_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct wait_options *own = args->own;
	struct waiting waiting;
	struct target target;
	enum cli_exit code;

	if (target_read(args, &target, err) < 0)
		return CLI_USAGE;
	waiting_init(&waiting, client_new(args->socket), args, io);
	waiting.result_follows = true;
	code = waiting_for(&waiting, &target, own->goal, err);
	if (code == CLI_DONE)
		fprintf(io->out, "%s \"%s\": %s\n", kind_name(target.kind), target.name,
			wait_goal_name(own->goal));
	return code;
}

static const struct argp_option own_options[] = {
	{ .name = "for",
	  .key = KEY_FOR,
	  .arg = "Ready|Stopped|Failed|deleted",
	  .doc = "What to wait for (else Ready)" },
	{ .name = "timeout",
	  .key = KEY_TIMEOUT,
	  .arg = "TIME",
	  .doc = "How long to wait, e.g. 30s, 5m or 1h (else 60s)" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child wait_options[] = {
	{ .argp = &own_argp },
	{ .argp = &args_scope },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_wait = {
	.name = "wait",
	.summary = "Return when an object is in a state, or gone",
	.usage = "KIND NAME",
	.examples =
		"  kuke wait cell web\n"
		"  kuke wait cell web --for=Stopped --timeout 2m\n"
		"  kuke wait cell web --for=deleted\n"
		"\n"
		"An object that does not exist yet is waited for. Ready is what is so half a "
		"second after the last start of its containers. When the time is over, or it has "
		"fallen back from Ready three times, the exit code is 1, and the message says in "
		"which state the object is and why.\n",
	.max_words = 2,
	.kinds = KINDS_ALL,
	.own_bytes = sizeof(struct wait_options),
	.options = wait_options,
	.run = wait_run,
};
