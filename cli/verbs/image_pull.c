/* SPDX-License-Identifier: Apache-2.0 */
/* kuke image pull: asks for an image, and shows how far it is. */
#include <errno.h>

#include "cli/show/images.h"
#include "cli/show/table.h"
#include "cli/verbs/image.h"

struct pulling {
	struct pull_view view;
	char *digest; /* the last word */
	bool changed;
};

static bool on_progress(const ProtobufCMessage *message, void *ctx)
{
	const Api__PullProgress *progress = (const Api__PullProgress *)message;
	struct pulling *pulling = ctx;

	pull_view_show(&pulling->view, progress);
	if (!str_empty(progress->digest)) {
		str_replace(&pulling->digest, progress->digest);
		pulling->changed = progress->changed;
	}
	return true;
}

static void print_end(const struct pulling *pulling, const char *name, FILE *out)
{
	fputs("Image \"", out);
	text_print(name, out);
	fprintf(out, "\": %s ", pulling->changed ? "pulled" : "up to date,");
	text_print(pulling->digest, out);
	fputc('\n', out);
}

enum cli_exit image_pull(const struct args *args, const struct io *io, struct error *err)
{
	struct pulling pulling = { .view = { .io = io } };
	Api__PullImageRequest request = API__PULL_IMAGE_REQUEST__INIT;
	int rc;

	request.realm = (char *)image_realm(args);
	request.name = (char *)image_names(args)[0];
	rc = client_pull_image(client_new(args->socket), &request, on_progress, &pulling, err);
	pull_view_fini(&pulling.view);
	if (rc == 0 && !pulling.digest)
		rc = error_set(err, -EIO, "kukeond ended without saying what was pulled");
	if (rc == 0)
		print_end(&pulling, request.name, io->out);
	free(pulling.digest);
	return client_exit(rc);
}
