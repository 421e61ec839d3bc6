/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the simulator of orders (test_orders.c) is made of.
 *
 *   kuke    asks the real API for runs and stops; the server below its handlers is replaced
 *   events  everything that can happen, by name: edits, files, orders, exits, listings, restarts
 *   model   what may be touched and what must come of it, told of every event and every act. It
 *           knows the documents and the orders, and nothing of how the daemon decides.
 *   play    one script from the start of a daemon to the rest after the last event
 */
#pragma once

#include "core/api/api.h"
#include "tests/fake/host.h"

/* One cell is played with; another beside it must never be touched. */
#define WEB "default/default/default/web"
#define BYSTANDER "default/default/default/db"
#define SPACE "default/default"
#define NAMESPACE "kukeon-default"

enum {
	GRACE_MS = 1000,       /* between the stop signal and SIGKILL */
	PRUNE_GRACE_MS = 2000, /* as in tests/fake/host.c */
	PRUNE_SLACK_MS = 1500, /* in which it is not known whether an object has gone by now */
	SCRIPT_MAX = 24,
};

/* ---- rules ---- */

enum rule {
	RULE_HEALTHY,
	RULE_APPLIED,
	RULE_GRACEFUL,
	RULE_POLICY,
	RULE_LATE_STOP,
	RULE_SEEN,
	RULE_KEPT,
	RULE_DELETED,
	RULE_INTENTS,
	RULE_OOM,
	RULE_CALM,
	RULE_ACTS,
	RULE_COUNT,
};

/* ---- the model ---- */

enum name { NAME_A, NAME_B, NAMES };           /* containers by their id */
enum role { ROLE_ROOT, ROLE_A, ROLE_B, ROLES }; /* as containerd knows them */

struct part {
	const char *image;
	unsigned version;
};

/* What the document of the cell says. */
struct document_text {
	struct part parts[NAMES];
	const char *policy; /* of b */
	enum name root;
	bool nested, has_b;
	unsigned label;
};

/* What its file is. */
enum content {
	CONTENT_NONE,
	CONTENT_VALID,
	CONTENT_SYNTAX, /* what is to be declared, but no YAML */
	CONTENT_TYPO,   /* the same with a field that nobody knows */
	CONTENT_EMPTY,  /* still being written */
	CONTENT_UNREADABLE,
};

enum want { WANT_RUN, WANT_STOP, WANT_KILL };

enum ended {
	ENDED_NOT,    /* it runs, or shall */
	ENDED_OWN,    /* by itself: the restart policy decides */
	ENDED_UNSURE, /* nothing is known of what follows */
};

/* The last run of a container, and what was done to it. */
struct last_run {
	uint64_t term_ms;     /* the stop signal of the stop that is going on; 0: none */
	unsigned term_of;     /* the run that had it last */
	unsigned restart_of;  /* the run that is to be restarted; 0: none */
	unsigned restart_to;  /* the last run that a restart may end: it may be in the making */
	bool with_cell;       /* the whole cell is to be restarted */
	enum ended ended;
	unsigned exit_code;
	bool judge_oom, oom;  /* its last end was its own: and for want of memory */
	bool clear;           /* and nothing was asked or changed since */
};

struct model {
	struct document_text text; /* the last valid one */
	enum content content;      /* of the cell's file */
	const char *path, *home;   /* of that file now, and when it was last understood */
	bool read, ill;            /* the directory */
	bool stray;                /* some other file has errors */
	uint64_t lost_ms;          /* since when no text holds the cell; 0: one does */
	uint64_t free_ms;          /* since when nothing speaks against its end; 0: something does */
	enum { WENT_NOT, WENT_MAYBE, WENT } went;
	enum want cell, own[NAMES];
	bool intents_unsure;
	unsigned subnet;
	unsigned regenerations;    /* had begun when it was asked for; */
	bool regenerate;
	bool missing;              /* the image "gone" is not there */
	bool oom_told;             /* containerd has, or will have, such an event to tell of */
	struct last_run runs[ROLES];
};

/* ---- a play ---- */

struct play;

struct happening {
	const char *name;
	void (*run)(struct play *play, int arg);
	int arg;
	bool world; /* of the host's making: changes nothing of what is wanted */
};

struct step {
	const struct happening *event;
	unsigned turns; /* of the loop before it, */
	uint64_t ms;    /* or time */
};

struct script {
	struct step steps[SCRIPT_MAX];
	size_t n;
};

struct play {
	struct sim sim;
	struct model model;
	struct api *api;
	struct list calls; /* struct rpc_server_call.link: not answered yet */
	bool closed;
	char dir[64];   /* of the store; "": none */
	char why[256];  /* what is not as wanted, */
	enum rule why_rule;
	bool is_broken;               /* what follows a breach is not judged: */
	char broken[RULE_COUNT][512]; /* what it was; "": the rule held */
};

void broke(struct play *play, enum rule rule, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* False: it names no event. */
bool script_parse(const char *text, struct script *ret_script);
/* Free with free(). */
char *script_text(const struct script *script);

/* Plays it to the end; breaches are in @play, which play_fini() frees. */
void play_script(struct play *play, const struct script *script, uint64_t seed);
void play_fini(struct play *play);

/* The turns of the loop until there is a lull after the script. */
unsigned play_count_turns(const struct script *script, uint64_t seed);

/* The daemon ends; a new one starts, and has read nothing yet. */
void play_restart(struct play *play);

/* ---- kuke ---- */

enum target { TARGET_CELL, TARGET_A, TARGET_B };

void kuke_open(struct play *play);
void kuke_close(struct play *play);
void kuke_run(struct play *play, Api__RunVerb verb, enum target target);
void kuke_regenerate(struct play *play);

/* Asks again what the last daemon did not answer. */
void kuke_ask_again(struct play *play);

/* Such an order has been sent and not been answered. */
bool kuke_is_asking(const struct play *play, Api__RunVerb verb, enum target target);
bool kuke_is_waiting(const struct play *play);
void kuke_forget(struct play *play);

/* ---- events ---- */

extern const struct happening happenings[];
extern const size_t n_happenings;

/* Gives the daemon every file as it is and says that this was all. */
void events_scan(struct play *play);

/* ---- the model's functions ---- */

void model_init(struct play *play);

/* Before anything changes. */
void model_note_past(struct play *play);

/* The file has been given to the daemon: what follows from it. */
void model_given(struct play *play, enum content content);
void model_scanned(struct play *play, bool ill);
void model_restarted(struct play *play);

/* An order was accepted. */
void model_ordered(struct play *play, Api__RunVerb verb, enum target target);

/* A start was answered with UNCHANGED. */
void model_unchanged(struct play *play, enum target target);

/* The process of a container is about to end by itself. */
void model_exits(struct play *play, enum role role, unsigned code, bool oom);

/* After each event: what was being stopped and may not be any more is so for good. */
void model_note_lapses(struct play *play);

/* Something happened after which it is not known what the restart policy makes of old ends. */
void model_unsure(struct play *play);

struct world_container *model_container(struct play *play, enum role role);
enum role model_role_of(const struct model *model, enum name name);

/* Everything is as it shall be in the end; else play->why says what is not. */
bool model_is_met(struct play *play);
void model_judge_end(struct play *play);

/* An image that is wanted is not there: it is asked for again and again. */
bool model_waits_for_image(const struct play *play);
