/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "drivers/registry/question.h"

/* So much has come since a failure: it does not count any more. */
enum { PROGRESS_BYTES = 64 * 1024 };

struct state {
	struct question question;
	struct registry_blob *blob;
	struct call *call;
	char *path, *what, *accept;
	int64_t skip; /* of what comes: it was here before */
	size_t progress;
};

static struct state *state_of(struct exchange *exchange)
{
	return container_of(exchange, struct state, question.exchange);
}

/* From which byte on it comes. */
static int check_range(const struct registry_blob *blob, const struct http_answer *answer,
		       struct error *err)
{
	int64_t first = 0, total = -1;

	if (!answer->range || !answer_content_range(answer->range, &first, &total) ||
	    first != blob->offset || (total >= 0 && total != blob->size))
		return error_set(err, -EBADMSG, "bytes from %lld on of %lld were asked for: \"%s\"",
				 (long long)blob->offset, (long long)blob->size,
				 answer->range ? answer->range : "");
	return 0;
}

static int check_whole(const struct registry_blob *blob, const struct http_answer *answer,
		       struct error *err)
{
	if (answer->length >= 0 && answer->length != blob->size)
		return error_set(err, -EBADMSG, "it has %lld bytes, the manifest says %lld",
				 (long long)answer->length, (long long)blob->size);
	return 0;
}

static int on_well(struct exchange *exchange, struct error *err)
{
	struct state *state = state_of(exchange);
	const struct registry_blob *blob = state->blob;
	const struct http_answer *answer = &exchange->http.answer;
	int r;

	state->skip = 0;
	if (answer->status == 206) {
		r = check_range(blob, answer, err);
	} else if (answer->status == 200) {
		state->skip = blob->offset;
		r = check_whole(blob, answer, err);
	} else if (answer->status == 416) {
		r = error_set(err, -EBADMSG, "it has fewer bytes than the manifest says");
	} else {
		r = error_set(err, -EBADMSG, "HTTP %ld is no answer", answer->status);
	}
	return r < 0 ? error_wrap(err, r, "%s: %s", exchange->endpoint->authority, state->what) : 0;
}

static void refuse_more(struct state *state)
{
	struct exchange *exchange = &state->question.exchange;
	struct error err;

	exchange_refuse(exchange,
			error_set(&err, -EBADMSG, "%s: %s has more bytes than the manifest says",
				  exchange->endpoint->authority, state->what),
			&err);
}

/* What is not taken comes again, with what was to be skipped. */
static bool on_data(struct exchange *exchange, const char *data, size_t len)
{
	struct state *state = state_of(exchange);
	struct registry_blob *blob = state->blob;
	size_t skip = (uint64_t)state->skip < len ? (size_t)state->skip : len;
	size_t rest = len - skip;

	if (rest > (uint64_t)(blob->size - blob->offset)) {
		refuse_more(state);
		return true;
	}
	if (rest && !blob->on_data(blob, data + skip, rest))
		return false;
	state->skip -= (int64_t)skip;
	blob->offset += (int64_t)rest;
	state->progress += rest;
	if (state->progress >= PROGRESS_BYTES) {
		state->progress = 0;
		question_goes_on(&state->question);
	}
	return true;
}

static int judge(struct question *question, struct error *err)
{
	struct state *state = container_of(question, struct state, question);
	const struct registry_blob *blob = state->blob;

	if (blob->offset == blob->size)
		return 0;
	return error_set(err, -EPIPE, "%s: %s broke off at byte %lld of %lld",
			 question->exchange.endpoint->authority, state->what,
			 (long long)blob->offset, (long long)blob->size);
}

static void ask(struct question *question, struct exchange *exchange)
{
	struct state *state = container_of(question, struct state, question);

	exchange->path = state->path;
	exchange->what = state->what;
	exchange->accept = state->accept;
	exchange->first = state->blob->offset;
	exchange->on_well = on_well;
	exchange->on_data = on_data;
}

static void finish(struct question *question, int status, const struct error *err)
{
	struct state *state = container_of(question, struct state, question);
	struct call *call = state->call;

	state->blob->failure = status < 0 ? question->failure : (struct registry_failure){ 0 };
	state->blob->state = NULL;
	free(state->path);
	free(state->what);
	free(state->accept);
	free(state);
	call_complete(call, status, err);
}

void registry_blob_fetch(struct registry_blob *blob, struct call *call)
{
	struct state *state;

	check(!blob->state);
	if (blob->offset >= blob->size) { /* nothing is missing */
		call_complete(call, 0, NULL);
		return;
	}
	blob->state = state = xnew(struct state);
	state->blob = blob;
	state->call = call;
	state->path = xasprintf("/%s/blobs/%s", blob->session->inputs->reference.repository,
				blob->digest);
	state->what = xasprintf("the blob %.19s", blob->digest);
	state->accept = xasprintf("%s%s*/*", blob->media_type ? blob->media_type : "",
				  blob->media_type ? ", " : "");
	state->question.session = blob->session;
	state->question.needs = REGISTRY_CAN_PULL;
	state->question.ask = ask;
	state->question.judge = judge;
	state->question.finish = finish;
	question_start(&state->question);
}

void registry_blob_resume(struct registry_blob *blob)
{
	struct state *state = blob->state;

	if (state && state->question.asks)
		exchange_resume(&state->question.exchange);
}

void registry_blob_cancel(struct registry_blob *blob)
{
	if (blob->state)
		question_cancel(&((struct state *)blob->state)->question);
}
