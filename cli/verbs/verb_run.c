/* SPDX-License-Identifier: Apache-2.0 */
/* kuke start, stop, kill, restart: what a cell or container shall do, beyond its spec. */
#include <errno.h>

#include "cli/args/args_target.h"
#include "cli/ask/waiting.h"
#include "cli/host/host_daemon.h"
#include "cli/host/host_hierarchy.h"
#include "cli/verbs.h"

struct restart_options {
	bool pull;
};

enum { KEY_PULL = 256 };

struct run_words {
	Api__RunVerb verb;
	const char *accepted, *unchanged, *done;
	enum wait_goal goal;
	bool pull;
};

/* All of them, before anything is asked for. */
static int check_names(const struct args *args, struct error *err)
{
	struct target target;
	unsigned i = 1;

	do
		if (target_read_word(args, i, &target, err) < 0)
			return -EINVAL;
	while (++i < args->n_words);
	return 0;
}

static int run_one(struct client *client, const struct args *args, unsigned i,
		   const struct run_words *words, struct results *results, struct error *err)
{
	AUTO_REPLY Api__RunResponse *reply = NULL;
	Api__RunRequest request = API__RUN_REQUEST__INIT;
	Api__Selector selector;
	struct target target;
	size_t n;
	int rc = target_read_word(args, i, &target, err);

	if (rc < 0)
		return rc;
	selector = target_selector(&target);
	request.selector = &selector;
	request.has_verb = true;
	request.verb = words->verb;
	request.has_pull = request.pull = words->pull;
	rc = client_run(client, &request, &reply, err);
	if (rc < 0)
		return rc;
	n = reply->result ? 1 : 0;
	results_take(results, &reply->result, &n);
	reply->result = NULL;
	return 0;
}

static int run_all(struct client *client, const struct args *args, const struct run_words *words,
		   struct results *results, struct error *err)
{
	AUTO(strv_fini) struct strv keys = { 0 };
	size_t asked = 0;
	int rc = 0;

	target_add_keys(args, &keys);
	while (rc == 0 && asked < keys.n)
		rc = run_one(client, args, (unsigned)++asked, words, results, err);
	if (rc < 0)
		results_break(results, &keys, asked, asked - 1, client_outcome(client, rc));
	return rc;
}

static enum cli_exit run(const struct args *args, const struct io *io,
			 const struct run_words *words, struct error *err)
{
	const struct results_options options = { .output = args->output,
						 .accepted = words->accepted,
						 .unchanged = words->unchanged,
						 .done = words->done };
	AUTO(results_fini) struct results results = { 0 };
	struct client *client = client_new(args->socket);
	enum cli_exit code, waited = CLI_DONE;
	struct waiting waiting;
	int rc;

	if (check_names(args, err) < 0)
		return CLI_USAGE;
	rc = run_all(client, args, words, &results, err);
	if (rc == 0 && args->wait) {
		waiting_init(&waiting, client, args, io);
		waiting.result_follows = true;
		waited = waiting_for_results(&waiting, &results, words->goal);
	}
	code = results_print(&results, &options, io->out);
	if (rc < 0)
		return client_exit(rc);
	return waited == CLI_DONE ? code : waited;
}

/* The cell that stands for the daemon, and nobody there to be asked. */
static bool is_daemon_to_start(const struct args *args)
{
	struct error ignored;
	struct target target;

	return target_read(args, &target, &ignored) == 0 && target_is_system_cell(&target) &&
	       !host_daemon_reachable(args->socket);
}

static enum cli_exit start_daemon(const struct args *args, const struct io *io, struct error *err)
{
	if (host_daemon_start_at(args->socket, err) < 0)
		return CLI_UNREACHABLE;
	fprintf(io->err, "kukeond was not running: started\n");
	return CLI_DONE;
}

static enum cli_exit start_run(const struct args *args, const struct io *io, struct error *err)
{
	enum cli_exit code = is_daemon_to_start(args) ? start_daemon(args, io, err) : CLI_DONE;

	if (code != CLI_DONE)
		return code;
	return run(args, io,
		   &(struct run_words){ API__RUN_VERB__RUN_VERB_START, "start asked for",
					"already running", "started", WAIT_READY, false },
		   err);
}

static enum cli_exit stop_run(const struct args *args, const struct io *io, struct error *err)
{
	return run(args, io,
		   &(struct run_words){ API__RUN_VERB__RUN_VERB_STOP, "stop asked for",
					"already stopped", "stopped", WAIT_STOPPED, false },
		   err);
}

static enum cli_exit kill_run(const struct args *args, const struct io *io, struct error *err)
{
	return run(args, io,
		   &(struct run_words){ API__RUN_VERB__RUN_VERB_KILL, "kill asked for",
					"already stopped", "killed", WAIT_STOPPED, false },
		   err);
}

static enum cli_exit restart_run(const struct args *args, const struct io *io, struct error *err)
{
	return run(args, io,
		   &(struct run_words){ API__RUN_VERB__RUN_VERB_RESTART, "restart asked for",
					"already restarting", "restarted", WAIT_RESTARTED,
					((const struct restart_options *)args->own)->pull },
		   err);
}

static error_t parse_restart(int key, char *arg UNUSED, struct argp_state *state)
{
	const struct args *args = state->input;
	struct restart_options *own = args->own;

	if (key != KEY_PULL)
		return ARGP_ERR_UNKNOWN;
	own->pull = true;
	return 0;
}

static const struct argp_option restart_own[] = {
	{ .name = "pull",
	  .key = KEY_PULL,
	  .doc = "Ask the registry for its images first; what runs goes on until they are there" },
	{ 0 },
};
static const struct argp restart_argp = { .options = restart_own, .parser = parse_restart };
static const struct argp_child restart_options[] = {
	{ .argp = &args_scope },  { .argp = &restart_argp }, { .argp = &args_wait },
	{ .argp = &args_format }, { .argp = &args_common },  { 0 },
};

static const struct argp_child options[] = {
	{ .argp = &args_scope },
	{ .argp = &args_wait },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

/* What the four share. */
#define WORDS                                                                                       \
	"\n"                                                                                        \
	"Without --wait it is asked for, and said so: the answer comes when that is on disk. With " \
	"--wait the answer comes when it is so.\n"

#define RUN_VERB                                                                                   \
	.usage = "cell|container NAME...", .max_words = ARGS_WORDS_MAX,                            \
	.kinds = 1U << KIND_CELL | 1U << KIND_CONTAINER,                                           \
	.outputs = 1U << OUTPUT_YAML | 1U << OUTPUT_JSON, .options = options

const struct verb verb_start = {
	RUN_VERB,
	.name = "start",
	.summary = "Run a cell or container again that was stopped, or given up",
	.examples = "  kuke start cell web db\n"
		    "  kuke start container side --cell web --wait\n" WORDS,
	.run = start_run,
};

const struct verb verb_stop = {
	RUN_VERB,
	.name = "stop",
	.summary = "Stop a cell or container until it is started again",
	.examples =
		"  kuke stop cell web\n"
		"  kuke stop container side --cell web --wait --timeout 30s\n"
		"\n"
		"The stop signal, the grace period, then SIGKILL. It stays stopped over restarts "
		"of kukeond and the host, also when a manifest declares it.\n" WORDS,
	.run = stop_run,
};

const struct verb verb_kill = {
	RUN_VERB,
	.name = "kill",
	.summary = "Stop a cell or container with SIGKILL, at once",
	.examples = "  kuke kill cell web\n"
		    "  kuke kill container side --cell web\n" WORDS,
	.run = kill_run,
};

const struct verb verb_restart = {
	.usage = "cell|container NAME...",
	.max_words = ARGS_WORDS_MAX,
	.kinds = 1U << KIND_CELL | 1U << KIND_CONTAINER,
	.outputs = 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.own_bytes = sizeof(struct restart_options),
	.options = restart_options,
	.name = "restart",
	.summary = "Stop a cell or container and start it again",
	.examples = "  kuke restart cell web --wait\n"
		    "  kuke restart cell web --pull --wait\n"
		    "  kuke restart container side --cell web\n" WORDS,
	.run = restart_run,
};
