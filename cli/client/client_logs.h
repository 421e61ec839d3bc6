/* SPDX-License-Identifier: Apache-2.0 */
/* What containers print, as kuke gets it from the daemon. */
#pragma once

#include "cli/client/client.h"

/* False: enough. The lines are gone when this returns. */
typedef bool (*client_lines_fn)(const Api__LogLines *lines, void *ctx);

/*
 * Until there are no more, or @tell returns false (0), or the daemon goes (-ECONNREFUSED). As in
 * cli/client/client.h.
 */
int client_logs(struct client *client, const Api__LogsRequest *request, client_lines_fn tell,
		void *ctx, struct error *err);
