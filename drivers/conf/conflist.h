/* SPDX-License-Identifier: Apache-2.0 */
/* CNI network configuration lists: making a space's, reading anybody's, deriving each plugin's
 * input. Pure. */
#pragma once

#include <jansson.h>

#include "core/base/error.h"
#include "core/base/str.h"

enum { CONFLIST_MAX_BYTES = 256 * 1024, CONFLIST_MAX_PLUGINS = 16 };

/* What the plugins of Debian 12 (1.1.1) speak at most. */
#define CNI_VERSION "1.0.0"

struct conflist {
	json_t *root;        /* as read; NULL in a zeroed struct */
	char *name;          /* of the network */
	char *space_key;     /* from our marker; NULL: not ours */
	char *bridge;        /* of the first plugin that has one; NULL: none */
	struct strv subnets; /* as written, of all IPAM sections */
};

void conflist_fini(struct conflist *list);

/* Accepts a list and the older single-plugin form. What is not ours may lack anything but a valid
 * name. */
int conflist_parse(const char *data, size_t len, struct conflist *ret, struct error *err);

struct conflist_options {
	const char *space_key;
	const char *bridge;
	const char *subnet;
	const char *subnet6;  /* NULL: none */
	const char *data_dir; /* host-local's reservations */
};

/* The text of a space's list. Free with free(). */
char *conflist_make(const struct conflist_options *options);

size_t conflist_count_plugins(const struct conflist *list);

/*
 * Leaves of what it makes an interface and an address beside those of the network, and no way out:
 * for a cell that has its way out elsewhere.
 */
void conflist_drop_routes(struct conflist *list);

/* As JSON. Free with free(). */
char *conflist_text(const struct conflist *list);

/* File name of the plugin's program. Owned by @list. */
const char *conflist_plugin_type(const struct conflist *list, size_t i);

/* Where host-local keeps the reservations of the list's network; NULL when another plugin gives
 * the addresses. Free with free(). */
char *conflist_reservations(const struct conflist *list);

/* Its first range of IPv4, of IPv6; NULL: none. Owned by @list. */
const char *conflist_subnet(const struct conflist *list);
const char *conflist_subnet6(const struct conflist *list);

/* Whether two lists mean the same; how they are written does not matter. */
bool conflist_equal(const struct conflist *a, const struct conflist *b);

/* What an interface shall have; NULL: whatever it gets. */
struct interface_wish {
	const char *ip, *ip6; /* without prefix */
	const char *mac;
};

/*
 * What plugin @i reads on stdin: its section with name, cniVersion and runtimeConfig of the
 * capabilities it declares. @prev_result may be NULL. Free with free().
 */
char *conflist_plugin_input(const struct conflist *list, size_t i, json_t *prev_result,
			    const struct interface_wish *wish);
