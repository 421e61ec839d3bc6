/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime driver: struct runtime_ops of core/driver/runtime.h on containerd 1.6 and later, over
 * its gRPC socket. */
#pragma once

#include "core/driver/runtime.h"
#include "core/model/model.h"
#include "core/rpc/rpc.h"

/* Where what containers print goes. */
struct log_place {
	const char *spool; /* core/logs/log_names.h; NULL: nobody reads it, and it is lost */
	const char *dir;   /* of log files */
	struct model_log_settings defaults;
	bool compress;
};

struct containerd_options {
	const char *socket;      /* NULL: "/run/containerd/containerd.sock" */
	const char *snapshotter; /* NULL: "overlayfs" */
	const char *resolv_conf; /* host file over every container's /etc/resolv.conf; NULL: the
				    image's own */
	const char *volumes_dir; /* where volumes lie that images declare; made when it is needed.
				    NULL: they get none */
	/* Tells daemons that share a containerd apart: namespaces are marked with it, and those of
	 * another mark are left alone. NULL: "" */
	const char *instance;
	struct log_place logs;
};

struct images;

/*
 * Connects to nothing yet: ops->start() does. The strings are copied. @rpc must be closed after the
 * driver is; the driver is freed when ops->close() has called back.
 */
int containerd_open(struct runtime **ret_runtime, struct loop *loop, struct rpc *rpc,
		    const struct containerd_options *options, struct error *err);

/* What it knows of images, and with that its connection: for the driver of images, which is to be
 * closed before. */
struct images *containerd_images(struct runtime *runtime);
