/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd namespaces: one per realm, marked with the realm's name and with the instance of
 * Kukeon that it is of. What another instance has marked is not ours to list or to use. One that
 * was there before its realm, unmarked and with a name that is not of ours, is marked as found: it
 * is somebody's, and stays when the realm goes, also when nothing is in it.
 */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/containerd/driver.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"

/* As name_containerd_namespace() gives them. */
#define NAMESPACE_PREFIX "kukeon-"

struct namespace_op {
	struct ctd_op op;
	char *name, *realm; /* realm NULL: take the labels away */
	bool found;         /* it is somebody's */
	struct strv *ret_namespaces, *ret_realms;
};

static struct namespace_op *namespace_of(struct op *op)
{
	return container_of(op, struct namespace_op, op.op);
}

static void namespace_fini(struct op *op)
{
	free(namespace_of(op)->name);
	free(namespace_of(op)->realm);
}

static void start(struct runtime *runtime, struct namespace_op *namespace_,
		  const struct step *steps, struct call *call)
{
	AUTO_FREE char *object = namespace_->name
					 ? xasprintf("containerd namespace %s", namespace_->name)
					 : xstrdup("containerd");

	namespace_->op.fini = namespace_fini;
	namespace_->op.events_namespace = namespace_->name;
	ctd_op_start(&containerd_of(runtime)->ctd, &namespace_->op, steps, NULL, object, call);
}

/* Create and Update take the same message; the mask is ignored by Create. A label of no value is
 * taken away; in the mask it must be one that is there. */
static int start_write(struct op *op, const struct client_method *method)
{
	struct namespace_op *namespace_ = namespace_of(op);
	Ctd__NamespaceRequest request = CTD__NAMESPACE_REQUEST__INIT;
	Ctd__Namespace object = CTD__NAMESPACE__INIT;
	Ctd__FieldMask mask = CTD__FIELD_MASK__INIT;
	char *paths[] = { (char *)"labels." LABEL_REALM, (char *)"labels." LABEL_INSTANCE,
			  (char *)"labels." LABEL_FOUND };
	struct labels labels = { 0 };

	labels_add(&labels, LABEL_REALM, namespace_->realm ? namespace_->realm : "");
	labels_add(&labels, LABEL_INSTANCE, namespace_->realm ? ctd_of(op)->instance : "");
	if (namespace_->found)
		labels_add(&labels, LABEL_FOUND, namespace_->realm ? "true" : "");
	object.name = namespace_->name;
	object.labels = labels.refs;
	object.n_labels = labels.n;
	mask.paths = paths;
	mask.n_paths = labels.n;
	request.namespace_ = &object;
	request.update_mask = method == &namespaces_update_method ? &mask : NULL;
	return ctd_unary(op, method, &request.base);
}

static int start_create(struct op *op)
{
	return start_write(op, &namespaces_create_method);
}

static int start_update(struct op *op)
{
	return start_write(op, &namespaces_update_method);
}

static int done_unless_busy(struct op *op UNUSED, int status)
{
	return status == -EEXIST || status == -EBUSY ? OP_NEXT : OP_END;
}

static int start_list(struct op *op)
{
	Ctd__Empty request = CTD__EMPTY__INIT;

	return ctd_unary(op, &namespaces_list_method, &request.base);
}

static const char *instance_of(const Ctd__Namespace *item)
{
	return labels_get(item->labels, item->n_labels, LABEL_INSTANCE);
}

/* Ours, or of nobody. */
static bool may_use(const struct op *op, const Ctd__Namespace *item)
{
	const char *instance = instance_of(item);

	return !*instance || strcmp(instance, ctd_of(op)->instance) == 0;
}

static bool is_found(const Ctd__Namespace *item)
{
	bool marked = *labels_get(item->labels, item->n_labels, LABEL_REALM) || *instance_of(item);

	return *labels_get(item->labels, item->n_labels, LABEL_FOUND) ||
	       (!marked && !str_starts_with(item->name, NAMESPACE_PREFIX));
}

static int done_whose(struct op *op, int status UNUSED)
{
	const Ctd__NamespaceList *list = ctd_reply(op, Ctd__NamespaceList);

	for (size_t i = 0; i < list->n_namespaces; i++) {
		const Ctd__Namespace *item = list->namespaces[i];

		if (!str_equal(item->name, namespace_of(op)->name))
			continue;
		namespace_of(op)->found = is_found(item);
		if (!may_use(op, item))
			return ctd_fail(op, -EEXIST,
					"belongs to the Kukeon with run path %s; give the realm "
					"another spec.namespace",
					instance_of(item));
	}
	return OP_NEXT;
}

static const struct step ensure_steps[] = {
	{ .name = "create",
	  .also_ok = { EEXIST },
	  .start = start_create,
	  .done = done_unless_busy },
	{ .name = "see whose it is", .start = start_list, .done = done_whose },
	{ .name = "label", .start = start_update },
	{ 0 },
};

void namespace_ensure(struct runtime *runtime, const char *namespace_, const char *realm,
		      struct call *call)
{
	struct namespace_op *op = xnew(struct namespace_op);

	op->name = xstrdup(namespace_);
	op->realm = xstrdup(realm);
	events_add_namespace(&containerd_of(runtime)->ctd.events, namespace_);
	start(runtime, op, ensure_steps, call);
}

static int start_delete(struct op *op)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	if (namespace_of(op)->found)
		return OP_NEXT;
	request.name = namespace_of(op)->name;
	return ctd_unary(op, &namespaces_delete_method, &request.base);
}

/* Another instance's by now: nothing of it is ours to take away. */
static int done_whose_to_remove(struct op *op, int status)
{
	const Ctd__NamespaceList *list = ctd_reply(op, Ctd__NamespaceList);

	for (size_t i = 0; i < list->n_namespaces; i++)
		if (str_equal(list->namespaces[i]->name, namespace_of(op)->name))
			return may_use(op, list->namespaces[i]) ? done_whose(op, status) : OP_END;
	return OP_END;
}

static const struct step remove_steps[] = {
	{ .name = "see whose it is", .start = start_list, .done = done_whose_to_remove },
	{ .name = "delete",
	  .also_ok = { ENOENT, EBUSY },
	  .start = start_delete,
	  .done = done_unless_busy },
	{ .name = "take our label away", .also_ok = { ENOENT }, .start = start_update },
	{ 0 },
};

void namespace_remove(struct runtime *runtime, const char *namespace_, struct call *call)
{
	struct namespace_op *op = xnew(struct namespace_op);

	op->name = xstrdup(namespace_);
	start(runtime, op, remove_steps, call);
}

static int done_list(struct op *op, int status UNUSED)
{
	const Ctd__NamespaceList *list = ctd_reply(op, Ctd__NamespaceList);
	struct namespace_op *ours = namespace_of(op);

	for (size_t i = 0; i < list->n_namespaces; i++) {
		const Ctd__Namespace *item = list->namespaces[i];
		const char *realm = labels_get(item->labels, item->n_labels, LABEL_REALM);

		if (!item->name || !name_is_valid(realm) || !may_use(op, item))
			continue;
		strv_add(ours->ret_namespaces, item->name);
		strv_add(ours->ret_realms, realm);
		events_add_namespace(&ctd_of(op)->events, item->name);
	}
	return OP_NEXT;
}

static const struct step list_steps[] = {
	{ .name = "list namespaces", .start = start_list, .done = done_list },
	{ 0 },
};

void namespace_list(struct runtime *runtime, struct strv *ret_namespaces, struct strv *ret_realms,
		    struct call *call)
{
	struct namespace_op *op = xnew(struct namespace_op);

	op->ret_namespaces = ret_namespaces;
	op->ret_realms = ret_realms;
	start(runtime, op, list_steps, call);
}
