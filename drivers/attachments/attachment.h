/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal says about one interface of one incarnation of a cell: enough to undo it
 * whatever is left. Pure. */
#pragma once

#include "drivers/conf/conflist.h"
#include "drivers/conf/result.h"

struct attachment {
	char *container_id; /* CNI_CONTAINERID: "<cell-id>.<n>" */
	char *interface;    /* CNI_IFNAME: "eth0" in the cell's own space */
	char *netns;
	uint64_t netns_inode;     /* of the namespace that was pinned there; 0: not on record */
	char *boot_id;            /* of the boot in which it was made */
	char *conf_path;          /* where the configuration was read; for people */
	char *wanted_ip;          /* NULL: none asked for */
	char *wanted_ip6;         /* the same */
	char *config;             /* the conflist's text as it was at ADD */
	struct conflist list;     /* config, parsed */
	struct cni_result result; /* root is NULL until ADD has succeeded */
};

void attachment_fini(struct attachment *attachment);

/* In the cell's own space; "eth1" and so on in those that it has joined. */
#define ATTACHMENT_OWN_INTERFACE "eth0"

/* Keys: "attachment/<cell key>/<n>" in the cell's own space, "attachment/<cell key>/<n>/<space
 * key>" in one that it has joined; the prefix of a cell ends in '/'. Free with free(). */
#define ATTACHMENT_PREFIX "attachment/"
char *attachment_prefix(const char *cell_key);
char *attachment_key(const char *cell_key, uint64_t n, const char *joined_space);

/* The cell of a record's key; NULL when it is not one. Free with free(). */
char *attachment_cell_key(const char *key);

/* The space of a record's key, when the cell has joined it; NULL: it is the cell's own. Points into
 * @key. */
const char *attachment_joined_space(const char *key);

/* The space of a record's key, either way; NULL when it is not one. Free with free(). */
char *attachment_space_key(const char *key);

/* Free with free(). */
char *attachment_own_space(const char *cell_key);

/*
 * The address on the link of a cell's interface: always the same, so that neighbours, who keep it
 * for half a minute, find the cell at once when it is attached anew. @joined_space NULL: of the
 * one in its own space. Free with free().
 */
char *attachment_mac(const char *cell_key, const char *joined_space);

/* As a record's value. Free with free(). */
char *attachment_format(const struct attachment *attachment);
int attachment_parse(const char *data, size_t len, struct attachment *ret, struct error *err);
