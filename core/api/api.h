/* SPDX-License-Identifier: Apache-2.0 */
/* The service of api/kukeon.proto, answered from the engine. Handlers run on
 * the loop's thread. */
#pragma once

#include "api/config.pb-c.h"
#include "core/host/peers.h"
#include "core/rpc/rpc.h"
#include "core/state/engine.h"
#include "core/state/self.h"

struct api_options {
	struct engine *engine;
	struct rpc *rpc;
	int listen_fd;             /* the server closes it */
	struct peers peers;        /* who is spoken to */
	const Api__Config *config; /* in force; NULL: the host is not looked at */
	const char *run_path;
	const char *log_dir; /* of what containers print; NULL: it is not kept */
	const char *manifests_dir;
	const char *containerd_socket;
	/* "inotify" or "polling", asked for every status. */
	const char *(*watch_kind)(void *ctx);
	void *watch_kind_ctx;
	/* Reads every manifest again: the number of that reading. NULL: there are none. */
	unsigned (*rescan)(void *ctx);
	/* The last reading that is over; desired_scan_done() follows its end. */
	unsigned (*last_read)(void *ctx);
	void *rescan_ctx;
	/* What the daemon's own process can be told to do. */
	struct self_control self;
};

struct api;

int api_open(struct api **ret_api, const struct api_options *options, struct error *err);

/* Listens at @fd from now on, and closes it in the end; also when this fails. */
int api_listen(struct api *api, int fd, struct error *err);

/* Ends the streams, closes the server; @closed runs once, last. */
void api_close(struct api *api, void (*closed)(void *ctx), void *ctx);
