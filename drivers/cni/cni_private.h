/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's insides: its state, and what every method shares. */
#pragma once

#include "core/loop/op.h"
#include "drivers/cni/cni.h"
#include "drivers/dns/dns_resolve.h"
#include "drivers/nft/netfilter.h"
#include "drivers/plugins/exec.h"
#include "drivers/spaces/space.h"

enum { BOOT_ID_BYTES = 40 };

struct cni {
	struct network network;
	struct loop *loop;
	struct ops ops;
	struct journal *journal;
	struct exec_pool *pool;
	char *conf_dir, *bin_dirs, *netns_dir, *ipam_dir;
	struct subnet_pools pools;
	struct subnet pool6_first; /* of prefix 0: there is none */
	struct netfilter netfilter;
	char boot_id[BOOT_ID_BYTES];
	struct dns dns;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static inline struct cni *cni_of(const struct op *op)
{
	return container_of(op->ops, struct cni, ops);
}

/* The space's directory: the one remembered in the journal, else the default. Owned by nobody but
 * the caller. */
char *cni_space_dir(const struct cni *cni, const char *space_key);

/* The same, and behind it those in which its conflist may still be: it was there before. */
void cni_space_dirs(const struct cni *cni, const char *space_key, struct strv *ret_dirs);

/* Every directory that may hold conflists of ours. */
void cni_conf_dirs(const struct cni *cni, struct strv *ret_dirs);

/*
 * For a blocking step that is apart: whether the directory of conflists that a space names answers,
 * and each file in it; 0 or -ASIDE_HANGS. The default one is ours, and is not asked.
 */
int cni_dir_answers(const struct cni *cni, const char *dir, struct error *err);

/* Takes those out that do not. */
void cni_leave_out_hung(const struct cni *cni, struct strv *dirs);

/* "confdir/<space key>": its directory, and after a NUL each one in which its conflist may still be
 * from before. */
#define CONFDIR_PREFIX "confdir/"

/* "conflist/<space key>": the text that was last written, or found and taken over. What is on the
 * disk is compared with it, and made the same again. */
#define CONFLIST_PREFIX "conflist/"

/* The number behind the last container id; in the journal, so that none is used twice. */
#define SEQUENCE_KEY "attachment-sequence"

char *cni_netns_path(const struct cni *cni, const char *cell_key);

/* Methods of struct network_ops. */
void cni_ensure_space(struct network *network, const struct space_request *request,
		      struct space_fact *ret_fact, struct call *call);
void cni_remove_space(struct network *network, const char *space_key, struct call *call);
void cni_list(struct network *network, struct network_facts *ret_facts, struct call *call);
void cni_create_netns(struct network *network, const char *cell_key, struct call *call);
void cni_attach(struct network *network, const struct attach_request *request,
		struct attachment_fact *ret_fact, struct call *call);
void cni_repair(struct network *network, const struct repair_request *request,
		struct attachment_fact *ret_fact, struct call *call);
void cni_detach(struct network *network, const char *cell_key, struct call *call);

void cni_inventory(struct network *network, struct host_things *ret_things, struct call *call);
void cni_discard(struct network *network, const struct host_thing *thing, struct call *call);

void cni_join(struct network *network, const struct join_request *request,
	      struct join_fact *ret_fact, struct call *call);
void cni_leave(struct network *network, const char *cell_key, const char *space_key,
	       struct call *call);

void cni_look_ways(struct network *network, struct host_ways *ways, struct call *call);

/* cni_attach() for a space that the cell joins. @interface NULL: the lowest that is free. */
void cni_attach_join(struct cni *cni, const struct join_request *request, const char *interface,
		     struct join_fact *ret_fact, struct call *call);

/* The number behind the next container id, as long as none is journalled. */
uint64_t cni_next_number(const struct cni *cni);

/* The lowest "eth<n>" that no attachment of the cell has. Free with free(). */
char *cni_choose_interface(const struct cni *cni, const char *cell_key);

/* The first half of cni_detach(), for one of the cell's spaces: its namespace stays pinned. */
void cni_undo_attachment(struct cni *cni, const char *cell_key, const char *space_key,
			 struct call *call);
