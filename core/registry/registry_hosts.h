/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts that stand for a registry: mirrors, private CAs, client certificates, as containerd's
 * hosts.toml says it (its package remotes/docker/config, and its page on registry hosts). Pure.
 */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"

enum {
	REGISTRY_CAN_PULL = 1 << 0,
	REGISTRY_CAN_RESOLVE = 1 << 1, /* a tag is asked for only here */
	REGISTRY_CAN_PUSH = 1 << 2,
	REGISTRY_CAN_ALL = REGISTRY_CAN_PULL | REGISTRY_CAN_RESOLVE | REGISTRY_CAN_PUSH,
};

struct registry_host {
	char *url; /* "https://mirror.example:5000/v2": what a path such as
		      "/library/nginx/manifests/latest" goes behind */
	unsigned can;
	bool plain;          /* http, since the file says so or it is this host's loopback */
	bool skip_verify;    /* whatever the certificate */
	struct strv ca;      /* files; none: the system's */
	struct strv client;  /* files: certificate, key, certificate, key, ...; "" for a key: it is
				with its certificate */
	struct strv headers; /* "Name: value" */
	uint32_t dial_timeout_ms; /* 0: not said */
	/* Another host than the reference's: it is told which is meant, in "?ns=". */
	bool mirror;
};

struct registry_hosts {
	struct registry_host *items; /* in the order in which they are asked */
	size_t n;
};

enum { REGISTRY_HOSTS_MAX = 32 };

void registry_host_fini(struct registry_host *host);
void registry_hosts_fini(struct registry_hosts *hosts);

/* Whether @host, with or without a port and path behind it, is this host's own by a name that
 * nobody needs to be asked for. */
bool registry_is_loopback(const char *host);

/* Without any file: the registry itself, by https; by http where it is this host's loopback and its
 * port is not 443. */
void registry_hosts_default(const char *registry, struct registry_hosts *ret_hosts);

/* @text is a hosts.toml for @registry, whose relative paths begin at @directory. -EBADMSG, -EFBIG
 * with line and what was expected. Keys that it does not know say nothing. */
int registry_hosts_parse(const char *text, size_t len, const char *registry, const char *directory,
			 struct registry_hosts *ret_hosts, struct error *err);

/* The names of the directory of a registry, in the order in which they are tried: "h_5000_",
 * "h:5000", "_default". */
void registry_hosts_directories(const char *registry, struct strv *ret_names);
