/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to a registry: to its hosts in their order, and in rounds again as long as what went
 * wrong may pass. A host that holds back is passed over where there is another one. What manifests
 * and blobs have in common, embedded in the state of each; private to drivers/registry.
 */
#pragma once

#include "drivers/registry/registry_exchange.h"

struct question {
	/* in */
	struct registry_session *session;
	unsigned needs; /* REGISTRY_CAN_... */
	/* Sets what is asked of @exchange, and what is called with its answer. */
	void (*ask)(struct question *question, struct exchange *exchange);
	/* It was answered: <0 when the answer will not do, or did not come whole; @err. */
	int (*judge)(struct question *question, struct error *err);
	/* With what a host answered, before it is judged: whether the same host is asked once more,
	 * otherwise. NULL: it is not. */
	bool (*otherwise)(struct question *question, int status);
	/* Once, last: frees it. @failure and @err where @status is not 0. */
	void (*finish)(struct question *question, int status, const struct error *err);
	struct registry_failure failure;

	/* its own */
	struct list link; /* registries.questions */
	struct endpoints_waiter waiter;
	struct exchange exchange;
	size_t at;       /* the endpoint that is asked, or comes next */
	unsigned rounds; /* that failed without anything having come */
	bool asks, cancelled;
	bool may_pass;   /* of what went wrong in this round something may be otherwise next time */
	struct buf told; /* by the hosts of this round */
	int status;
	struct timer pause;
	struct deferred ending;
};

void question_start(struct question *question);
void question_cancel(struct question *question);

/* Something has come: what failed before does not count any more. */
void question_goes_on(struct question *question);
