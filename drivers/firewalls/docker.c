/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/firewalls/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "drivers/firewalls/docker_rules.h"
#include "drivers/nft/nft.h"
#include "drivers/nft/nft_run.h"
#include "drivers/plugins/exec.h"

#define RECORD JOURNAL_OWN_PREFIX "docker"
#define DIRS "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin"

enum {
	REST_MS = 200,   /* docker makes its chains one by one */
	EVERY_MS = 1000, /* in the long run, whatever others do with their rules */
	NAMES_MAX_BYTES = 4096,
	PROGRAM_LIMIT_MS = 10 * 1000, /* then iptables gets SIGTERM */
	PROGRAM_GRACE_MS = 1000,      /* and after this SIGKILL */
	FAMILIES = 2,
};

static const struct {
	const char *family;
	const char *tables; /* of the older iptables: their names */
	const char *save, *restore;
} families[FAMILIES] = {
	{ "ip", "/proc/net/ip_tables_names", "iptables-legacy-save", "iptables-legacy-restore" },
	{ "ip6", "/proc/net/ip6_tables_names", "ip6tables-legacy-save",
	  "ip6tables-legacy-restore" },
};

/* What is done in one look, on a worker as long as that runs. */
struct looking {
	bool asked, leaves;
	bool legacy[FAMILIES]; /* the older iptables has that table */
	struct error err;
	/* of all families: */
	bool there, drops, right, somebodys;
	bool changed;
};

struct docker {
	struct loop *loop;
	struct journal *journal;
	struct exec_pool *pool;
	void (*rests)(void *ctx);
	void *rests_ctx;
	bool asked;  /* as the journal has it */
	bool asking; /* somebody asks, with the next look */
	bool leaves;
	bool busy, doubted;
	struct looking looking, last;
	struct work work;
	size_t family; /* whose programs run */
	bool saving;
	struct exec_output output;
	struct call call;
	struct timer rest;
	uint64_t not_before_ms;
	bool closing;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- on a worker: nftables ---- */

static bool is_to_change(const struct looking *looking, const struct docker_view *view)
{
	if (looking->leaves)
		return docker_view_has_ours(view);
	return looking->asked && !docker_view_is_right(view);
}

static void note(struct looking *looking, const struct docker_view *view, bool right)
{
	looking->right = right && (looking->right || !looking->there);
	looking->there = true;
	looking->drops |= view->drops;
	looking->somebodys |= view->somebodys;
}

/* A table that is not there is no failure. */
static int look_nft(struct looking *looking, const char *family, struct error *err)
{
	AUTO_FREE char *command = xasprintf("list table %s filter", family);
	AUTO(docker_view_fini) struct docker_view view = { 0 };
	AUTO_BUF struct buf change = { 0 };
	AUTO_FREE char *answer = NULL;
	bool right;
	int r = 0;

	if (nft_run_once(command, NFT_CTX_OUTPUT_JSON, &answer, NULL) < 0)
		return 0;
	docker_view_read_nft(answer, &view);
	if (!view.there)
		return 0;
	right = docker_view_is_right(&view);
	if (is_to_change(looking, &view)) {
		docker_rules_to_nft(&view, family, looking->leaves, &change);
		r = nft_run_once(change.data, 0, NULL, err);
		if (r < 0)
			error_wrap(err, r, "docker");
		right = r == 0 && !looking->leaves;
		looking->changed |= r == 0;
	}
	note(looking, &view, right);
	return r;
}

/* Asked only where the table is there already: asking would make it. */
static bool has_legacy_filter(const char *path)
{
	AUTO_BUF struct buf names = { 0 };

	return fs_read_file(AT_FDCWD, path, NAMES_MAX_BYTES, &names, NULL) == 0 && names.len &&
	       strstr(names.data, "filter\n");
}

static void run_look(struct work *work)
{
	struct looking *looking = &container_of(work, struct docker, work)->looking;
	uint32_t generation;

	for (size_t i = 0; i < FAMILIES; i++)
		looking->legacy[i] = has_legacy_filter(families[i].tables);
	if (nft_generation(&generation, NULL) < 0)
		return; /* libnftables ends the process without netlink */
	for (size_t i = 0; i < FAMILIES && !looking->err.code; i++)
		looking->err.code = look_nft(looking, families[i].family, &looking->err);
}

/* ---- on the loop: the older iptables ---- */

static void close_if_idle(struct docker *docker);

/* Of a docker that is not there nobody has asked anything. */
static void keep_asked(struct docker *docker)
{
	if (docker->asked || docker->leaves || docker->closing || !docker->looking.asked ||
	    !docker->looking.there)
		return;
	docker->asked = true;
	journal_put(docker->journal, RECORD, "asked", strlen("asked"), true,
		    journal_errand(docker->journal));
}

static void end_look(struct docker *docker)
{
	struct looking *looking = &docker->looking;

	docker->busy = false;
	docker->not_before_ms = loop_now_ms(docker->loop) + EVERY_MS;
	keep_asked(docker);
	if (looking->changed)
		log_info(looking->leaves ? "docker: our rules are taken from DOCKER-USER"
					 : "docker: DOCKER-USER lets our bridges pass");
	if (looking->err.code && !str_equal(looking->err.msg, docker->last.err.msg))
		log_warning("%s", looking->err.msg);
	docker->last = *looking;
	if (docker->closing)
		close_if_idle(docker);
	else if (docker->doubted)
		docker_look(docker);
	else
		docker->rests(docker->rests_ctx);
}

static void next_family(struct docker *docker);
static void on_program(struct call *call);

static void run_program(struct docker *docker, bool saves, const char *input)
{
	static const char *const save_args[] = { "-t", "filter", NULL };
	static const char *const restore_args[] = { "--noflush", "--wait", "5", NULL };
	static char *const env[] = { NULL };
	size_t family = docker->family;

	docker->saving = saves;
	docker->output = (struct exec_output){ 0 };
	call_init(&docker->call, docker->loop, on_program);
	exec_run(docker->pool,
		 &(struct exec_request){ .dirs = DIRS,
					 .name = saves ? families[family].save
						       : families[family].restore,
					 .args = saves ? save_args : restore_args,
					 .env = env,
					 .input = input },
		 &docker->output, &docker->call);
}

/* Whether a program runs for it. */
static bool look_legacy(struct docker *docker, const char *text)
{
	AUTO(docker_view_fini) struct docker_view view = { 0 };
	AUTO_BUF struct buf change = { 0 };
	struct looking *looking = &docker->looking;
	bool changes;

	docker_view_read_save(text ? text : "", &view);
	if (!view.there)
		return false;
	changes = is_to_change(looking, &view);
	note(looking, &view, changes ? !looking->leaves : docker_view_is_right(&view));
	if (!changes)
		return false;
	docker_rules_to_restore(&view, looking->leaves, &change);
	run_program(docker, false, change.data);
	return true;
}

/* A host without these programs has no docker that used them. */
static void on_program(struct call *call)
{
	struct docker *docker = container_of(call, struct docker, call);
	AUTO(exec_output_fini) struct exec_output output = docker->output;
	bool passed = call->status == 0 && output.exit_code == 0;

	docker->output = (struct exec_output){ 0 };
	if (docker->saving && passed && !docker->closing && look_legacy(docker, output.out.data))
		return;
	if (!docker->saving && passed)
		docker->looking.changed = true;
	else if (!docker->saving)
		error_set(&docker->looking.err, -EIO, "docker: %s: %s",
			  families[docker->family].restore,
			  call->status < 0 ? call->err.msg : output.err.data);
	docker->family++;
	next_family(docker);
}

static void next_family(struct docker *docker)
{
	while (docker->family < FAMILIES && !docker->looking.legacy[docker->family])
		docker->family++;
	if (docker->family == FAMILIES || docker->closing)
		end_look(docker);
	else
		run_program(docker, true, "");
}

static void on_looked(struct work *work)
{
	struct docker *docker = container_of(work, struct docker, work);

	docker->family = 0;
	next_family(docker);
}

/* ---- when ---- */

void docker_look(struct docker *docker)
{
	docker->doubted = true;
	timer_stop(&docker->rest);
	if (docker->busy || docker->closing)
		return;
	docker->doubted = false;
	docker->busy = true;
	docker->looking = (struct looking){ .asked = docker->asked || docker->asking,
					    .leaves = docker->leaves };
	docker->asking = false;
	loop_work(docker->loop, &docker->work, run_look, on_looked);
}

static void on_rested(struct timer *timer)
{
	docker_look(container_of(timer, struct docker, rest));
}

void docker_doubt(struct docker *docker)
{
	uint64_t at_ms = loop_now_ms(docker->loop) + REST_MS;

	if (!docker->asked || docker->closing || timer_active(&docker->rest))
		return;
	timer_start_at(docker->loop, &docker->rest,
		       at_ms < docker->not_before_ms ? docker->not_before_ms : at_ms, on_rested);
}

void docker_ask(struct docker *docker)
{
	docker->asking = !docker->leaves;
	docker_look(docker);
}

void docker_leave(struct docker *docker)
{
	docker->leaves = true;
	if (docker->asked)
		journal_remove(docker->journal, RECORD, true, journal_errand(docker->journal));
	docker->asked = false;
	docker_look(docker);
}

/* Its bridge is there before its chains: at its start, and while firewalld loads its rules anew,
 * which flushes those of docker. */
bool docker_is_awaited(const struct docker *docker)
{
	return docker->last.asked && !docker->last.there && if_nametoindex("docker0");
}

bool docker_is_busy(const struct docker *docker)
{
	return docker->busy || docker->doubted;
}

/* ---- words ---- */

void docker_describe(const struct docker *docker, struct manager_notes *notes)
{
	const struct looking *last = &docker->last;

	if (last->err.code)
		manager_notes_add(
			notes, "docker",
			xasprintf("DOCKER-USER cannot be changed: %s", last->err.msg),
			"set it by hand: iptables -I DOCKER-USER -i kuke-+ -j ACCEPT, and "
			"the same with -o");
	else if (last->there && last->right)
		manager_notes_add(notes, "docker",
				  xasprintf("DOCKER-USER lets our bridges pass%s",
					    docker->asked ? ", and is kept so" : ""),
				  NULL);
	else if (last->there && last->somebodys)
		manager_notes_add(notes, "docker",
				  xstrdup("DOCKER-USER has rules of somebody's for our bridges"),
				  NULL);
	else if (last->there && last->drops)
		manager_notes_add(notes, "docker",
				  xstrdup("drops what it does not accept (chain FORWARD), and "
					  "DOCKER-USER has no rules for our bridges: cells reach "
					  "nothing outside, and no published port is reached"),
				  "kuke doctor --fix sets them there, and keeps them");
	else if (last->there)
		manager_notes_add(notes, "docker", xstrdup("lets our bridges pass"), NULL);
}

/* ---- life ---- */

struct docker *docker_open(struct loop *loop, struct journal *journal, void (*rests)(void *ctx),
			   void *ctx)
{
	struct docker *docker = xnew(struct docker);

	docker->loop = loop;
	docker->journal = journal;
	docker->rests = rests;
	docker->rests_ctx = ctx;
	docker->asked = journal_find(journal, RECORD) != NULL;
	docker->pool =
		exec_pool_new(loop, &(struct exec_pool_options){ .max_running = 1,
								 .deadline_ms = PROGRAM_LIMIT_MS,
								 .grace_ms = PROGRAM_GRACE_MS });
	docker_doubt(docker);
	return docker;
}

static void on_pool_closed(void *ctx)
{
	struct docker *docker = ctx;
	void (*closed)(void *ctx) = docker->closed;
	void *closed_ctx = docker->closed_ctx;

	free(docker);
	closed(closed_ctx);
}

static void close_if_idle(struct docker *docker)
{
	if (!docker->busy)
		exec_pool_close(docker->pool, on_pool_closed, docker);
}

void docker_close(struct docker *docker, void (*closed)(void *ctx), void *ctx)
{
	docker->closing = true;
	docker->closed = closed;
	docker->closed_ctx = ctx;
	timer_stop(&docker->rest);
	exec_pool_stop(docker->pool);
	close_if_idle(docker);
}
