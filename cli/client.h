/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon as kuke sees it: one blocking function per method of the service.
 *
 * Failures say what to do. -ECONNREFUSED and -ETIMEDOUT mean that the daemon cannot be reached: see
 * client_exit(). Replies are freed with client_reply_free().
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/cli.h"

struct client;

/*
 * Connects when the first call is made. @socket is a path, and stays. A client is never closed:
 * kuke has one and leaves with _exit(), and taking gRPC apart costs more than the call.
 */
struct client *client_new(const char *socket);

int client_get(struct client *client, const Api__Selector *selector, Api__GetReply **ret_reply,
	       struct error *err);
int client_status(struct client *client, Api__StatusReply **ret_reply, struct error *err);
int client_version(struct client *client, Api__VersionReply **ret_reply, struct error *err);

/* Any reply, also NULL. */
void client_reply_free(void *reply);

/* The exit code for what a method returned. */
enum cli_exit client_exit(int code);

static inline void cleanup_reply(void *reply)
{
	client_reply_free(*(void **)reply);
}

#define AUTO_REPLY AUTO(cleanup_reply)
