/* SPDX-License-Identifier: Apache-2.0 */
/* kuke refresh: every manifest and everything on the host is looked at again, now. */
#include <inttypes.h>

#include "cli/args/args.h"
#include "cli/client/client.h"
#include "cli/verbs.h"

static enum cli_exit refresh_run(const struct args *args, const struct io *io, struct error *err)
{
	Api__RefreshRequest request = API__REFRESH_REQUEST__INIT;
	AUTO_REPLY Api__RefreshResponse *reply = NULL;
	int rc = client_refresh(client_new(args->socket), &request, &reply, err);

	if (rc < 0)
		return client_exit(rc);
	fprintf(io->out, "Refreshed: %" PRIu32 " object%s.\n", reply->objects,
		reply->objects == 1 ? "" : "s");
	return CLI_DONE;
}

static const struct argp_child refresh_options[] = { { .argp = &args_common }, { 0 } };

const struct verb verb_refresh = {
	.name = "refresh",
	.summary = "Read every manifest and look at everything on the host again, now",
	.usage = "",
	.examples = "  kuke refresh\n"
		    "\n"
		    "kukeond sees changes by itself; this is for when you want to be sure.\n",
	.options = refresh_options,
	.run = refresh_run,
};
