/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session reads its hosts and credentials with its first question, on a thread of its own: they
 * are as they stand there then, and what hangs holds nobody else. Who has asked for that may go
 * before it has ended.
 */
#include <errno.h>

#include "drivers/registry/login.h"
#include "drivers/registry/registry_private.h"

struct preparation {
	struct list link; /* registries.preparations */
	struct registries *registries;
	struct registry_session *session; /* NULL: nobody waits any more */
	struct endpoint_inputs *inputs;
	struct work work;
	int status;
	enum image_fault fault;
	struct error err;
	struct endpoints endpoints;
};

static void on_read(struct work *work)
{
	struct preparation *preparation = container_of(work, struct preparation, work);

	preparation->status = endpoints_read(preparation->inputs, &preparation->endpoints,
					     &preparation->fault, &preparation->err);
}

static void take_endpoints(struct registry_session *session, struct preparation *preparation)
{
	session->endpoints = preparation->endpoints;
	preparation->endpoints = (struct endpoints){ 0 };
	session->prepared = true;
	for (size_t i = 0; i < session->endpoints.n; i++) {
		struct endpoint *endpoint = &session->endpoints.items[i];

		endpoint->login = login_take(session, endpoint);
	}
}

static void tell(struct registry_session *session, const struct preparation *preparation)
{
	struct list waiters, *link;

	list_swap_out(&session->waiters, &waiters);
	while ((link = list_pop(&waiters))) {
		struct endpoints_waiter *waiter = list_entry(link, struct endpoints_waiter, link);

		waiter->on_ready(waiter, preparation->status, preparation->fault,
				 &preparation->err);
	}
}

/* On any thread, once it is nobody else's. */
static void preparation_free(struct work *work)
{
	struct preparation *preparation = container_of(work, struct preparation, work);

	endpoints_fini(&preparation->endpoints);
	endpoint_inputs_unref(preparation->inputs);
	free(preparation);
}

static void on_prepared(struct work *work)
{
	struct preparation *preparation = container_of(work, struct preparation, work);
	struct registry_session *session = preparation->session;

	list_remove(&preparation->link);
	if (session) {
		session->preparation = NULL;
		if (preparation->status == 0)
			take_endpoints(session, preparation);
		tell(session, preparation);
	}
	preparation_free(work);
}

static void prepare(struct registry_session *session)
{
	struct preparation *preparation = xnew(struct preparation);

	preparation->registries = session->registries;
	preparation->session = session;
	preparation->inputs = session->inputs;
	preparation->inputs->refs++;
	session->preparation = preparation;
	list_append(&session->registries->preparations, &preparation->link);
	preparation->work.lost = preparation_free;
	loop_work_apart(session->registries->loop, &preparation->work, on_read, on_prepared);
}

void preparation_leave(struct registries *registries)
{
	struct preparation *preparation;

	list_for_each(preparation, &registries->preparations, link) {
		list_remove(&preparation->link);
		loop_leave_behind(registries->loop, &preparation->work);
	}
}

void session_await_endpoints(struct registry_session *session, struct endpoints_waiter *waiter)
{
	if (session->prepared) {
		waiter->on_ready(waiter, 0, IMAGE_FAULT_NONE, NULL);
		return;
	}
	list_append(&session->waiters, &waiter->link);
	if (!session->preparation)
		prepare(session);
}

/* ---- life ---- */

struct registry_session *registry_session_new(struct registries *registries, const char *realm,
					      const struct reference *reference,
					      Api__RegistryCredentials *const *credentials,
					      size_t n_credentials)
{
	struct registry_session *session = xnew(struct registry_session);

	session->registries = registries;
	session->realm = xstrdup(realm);
	session->image = reference_short(reference);
	session->inputs =
		endpoint_inputs_new(registries->certs_path, reference, credentials, n_credentials);
	list_init(&session->waiters);
	pending_begin(&registries->under_way);
	return session;
}

void registry_session_free(struct registry_session *session)
{
	struct registries *registries;

	if (!session)
		return;
	registries = session->registries;
	check(session->n_questions == 0 && list_empty(&session->waiters));
	if (session->preparation)
		session->preparation->session = NULL;
	for (size_t i = 0; i < session->endpoints.n; i++)
		login_give_back(session->endpoints.items[i].login);
	endpoints_fini(&session->endpoints);
	endpoint_inputs_unref(session->inputs);
	buf_fini(&session->waits);
	free(session->host);
	free(session->image);
	free(session->realm);
	free(session);
	pending_end(&registries->under_way);
}

const char *registry_session_host(const struct registry_session *session)
{
	return session->host;
}

const char *registry_session_waits(const struct registry_session *session)
{
	return session->waits.len ? session->waits.data : NULL;
}

void session_set_host(struct registry_session *session, const char *authority)
{
	str_replace(&session->host, authority);
}
