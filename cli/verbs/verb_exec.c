/* SPDX-License-Identifier: Apache-2.0 */
/* kuke exec: a command in a container. */
#include <errno.h>
#include <poll.h>

#include "cli/args/args_target.h"
#include "cli/host/terminal.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "cli/verbs/exec_feeder.h"

enum { SIGNAL_CODES = 128 };

struct exec_options {
	const char *container, *user, *dir;
	bool input, tty;
	struct strv env;
};

struct output {
	const struct io *io;
	bool exited, broken; /* broken: nobody reads ours any more */
	unsigned code;
	char *why; /* it was not run; NULL: it was */
};

/* ---- what comes ---- */

static bool wait_for_room(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, -1) > 0;
}

/* As it came, at once. Where nobody can read there is nothing more to do. */
static bool write_all(FILE *file, const ProtobufCBinaryData *data)
{
	int fd = fileno(file);

	if (fd < 0)
		return fwrite(data->data, 1, data->len, file) == data->len;
	for (size_t at = 0; at < data->len;) {
		ssize_t n = write(fd, data->data + at, data->len - at);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR && (errno != EAGAIN || !wait_for_room(fd)))
			return false;
	}
	return true;
}

static bool on_response(const Api__ExecResponse *response, void *ctx)
{
	struct output *output = ctx;

	if (response->has_out)
		output->broken |= !write_all(output->io->out, &response->out);
	if (response->has_err)
		output->broken |= !write_all(output->io->err, &response->err);
	if (response->exit) {
		output->exited = true;
		output->code = response->exit->code;
		output->why = str_dup_filled(response->exit->message);
	}
	return !output->broken;
}

/* ---- what is asked ---- */

static int read_cell(const struct args *args, struct target *ret_target, struct error *err)
{
	const char *words[] = { "cell", args->words[0] };
	struct verb verb = *args->verb;
	struct args of_cell = *args;

	verb.kinds = 1U << KIND_CELL;
	of_cell.verb = &verb;
	of_cell.words = words;
	of_cell.n_words = ARRAY_SIZE(words);
	return target_read(&of_cell, ret_target, err);
}

static int check_options(const struct args *args, const struct exec_options *own, struct error *err)
{
	if (args->n_words < 2)
		return error_set(err, -EINVAL, "which command? kuke exec %s", args->verb->usage);
	if (own->tty && !isatty(STDIN_FILENO))
		return error_set(err, -EINVAL, "-t: standard input is no terminal: leave it out");
	for (size_t i = 0; i < own->env.n; i++)
		if (!strchr(own->env.items[i], '=') || own->env.items[i][0] == '=')
			return error_set(err, -EINVAL, "-e \"%s\": expected NAME=VALUE",
					 own->env.items[i]);
	return 0;
}

static void fill_start(Api__ExecStart *start, const struct args *args, const struct target *target)
{
	const struct exec_options *own = args->own;

	start->realm = (char *)target->scope[KIND_REALM];
	start->space = (char *)target->scope[KIND_SPACE];
	start->stack = (char *)target->scope[KIND_STACK];
	start->cell = (char *)target->name;
	start->container = (char *)own->container;
	start->args = (char **)args->words + 1;
	start->n_args = args->n_words - 1;
	start->env = own->env.items;
	start->n_env = own->env.n;
	start->user = (char *)own->user;
	start->dir = (char *)own->dir;
	start->has_input = start->has_tty = true;
	start->input = own->input;
	start->tty = own->tty;
}

/* ---- the command ---- */

static enum cli_exit judge(int rc, const struct exec_feeder *feeder, const struct output *output,
			   struct error *err)
{
	unsigned code = output->code;

	if (output->why)
		error_set(err, -ENOEXEC, "%s", output->why);
	if (output->exited)
		return (enum cli_exit)(CLI_OF_COMMAND + code);
	if (feeder->ended_by || output->broken) {
		*err = (struct error){ 0 };
		code = SIGNAL_CODES + (unsigned)(output->broken ? SIGPIPE : feeder->ended_by);
		return (enum cli_exit)(CLI_OF_COMMAND + code);
	}
	if (rc == 0)
		error_set(err, -EIO, "kukeond ended without saying how the command did");
	return CLI_FAILED;
}

static enum cli_exit run_command(const struct args *args, const struct io *io,
				 const Api__ExecStart *start, struct error *err)
{
	struct exec_feeder *feeder = exec_feeder_new(start->input, start->tty);
	Api__ExecRequest first = API__EXEC_REQUEST__INIT;
	struct output output = { .io = io };
	enum cli_exit code;
	int rc = 0;

	fflush(io->out);
	first.start = (Api__ExecStart *)start;
	if (start->tty && start->input)
		rc = terminal_make_raw(STDIN_FILENO, err);
	if (rc < 0)
		return CLI_FAILED;
	exec_feeder_start(feeder);
	rc = client_exec(client_new(args->socket), &first, feeder->feed, on_response, &output, err);
	terminal_restore();
	code = judge(rc, feeder, &output, err);
	free(output.why);
	return code;
}

static enum cli_exit exec_run(const struct args *args, const struct io *io, struct error *err)
{
	struct exec_options *own = args->own;
	Api__ExecStart start = API__EXEC_START__INIT;
	Api__TerminalSize size = API__TERMINAL_SIZE__INIT;
	struct target target;
	enum cli_exit code;

	if (check_options(args, own, err) < 0 || read_cell(args, &target, err) < 0) {
		strv_fini(&own->env);
		return CLI_USAGE;
	}
	fill_start(&start, args, &target);
	if (own->tty && terminal_size(STDIN_FILENO, &size.columns, &size.rows)) {
		size.has_columns = size.has_rows = true;
		start.size = &size;
	}
	code = run_command(args, io, &start, err);
	strv_fini(&own->env);
	return code;
}

static error_t parse_exec(int key, char *arg, struct argp_state *state)
{
	const struct args *args = state->input;
	struct exec_options *own = args->own;

	switch (key) {
	case 'c':
		own->container = arg;
		return 0;
	case 'i':
		own->input = true;
		return 0;
	case 't':
		own->tty = true;
		return 0;
	case 'u':
		own->user = arg;
		return 0;
	case 'w':
		own->dir = arg;
		return 0;
	case 'e':
		strv_add(&own->env, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option exec_own[] = {
	{ .name = "container",
	  .key = 'c',
	  .arg = "NAME",
	  .doc = "The container; of a cell that has one, that one" },
	{ .name = "interactive", .key = 'i', .doc = "The command reads standard input" },
	{ .name = "tty",
	  .key = 't',
	  .doc = "The command has a terminal; standard input has to be one" },
	{ .name = "user",
	  .key = 'u',
	  .arg = "USER",
	  .doc = "User, or USER:GROUP, by name or number; else the container's" },
	{ .name = "workdir",
	  .key = 'w',
	  .arg = "PATH",
	  .doc = "Directory in the container to begin in" },
	{ .name = "env",
	  .key = 'e',
	  .arg = "NAME=VALUE",
	  .doc = "A variable beside the container's own; may be given several times" },
	{ 0 },
};
static const struct argp exec_argp = { .options = exec_own, .parser = parse_exec };
static const struct argp_child options[] = {
	{ .argp = &exec_argp },
	{ .argp = &args_scope },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_exec = {
	.name = "exec",
	.summary = "Run a command in a container that runs",
	.usage = "CELL -- COMMAND [WORD...]",
	.examples =
		"  kuke exec web -c app -- ls -l /etc\n"
		"  kuke exec web -c app -it -- sh\n"
		"  kuke exec db -i -- sh -c 'cat >/tmp/hello-world.yaml' <hello-world.yaml\n"
		"\n"
		"It has the user, the rights and the variables of the container, and ends when kuke "
		"does. Its exit code is that of the command: 128 + n when signal n ended it, 126 for a "
		"command that cannot be run, 127 for one that is not there, 125 when kuke has failed.\n",
	.max_words = ARGS_WORDS_MAX,
	.runs_command = true,
	.own_bytes = sizeof(struct exec_options),
	.options = options,
	.run = exec_run,
};
