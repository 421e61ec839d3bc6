/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/lease.h"

#include <inttypes.h>
#include <sys/random.h>
#include <time.h>

#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/unpack.h"

char *lease_new_id(const char *prefix)
{
	uint64_t number[2];

	check(getrandom(number, sizeof(number), GRND_INSECURE) == sizeof(number));
	return xasprintf("%s%016" PRIx64 "%016" PRIx64, prefix, number[0], number[1]);
}

char *lease_pull_id(const char *name)
{
	char hex[SHA256_HEX_BYTES];

	sha256_hex(name, strlen(name), hex);
	return xasprintf(PULL_LEASE_PREFIX "%.32s", hex);
}

bool lease_in_use(const struct ctd *ctd, const char *namespace_, const char *id)
{
	const struct ctd_op *op;

	list_for_each(op, &ctd->active, link)
		if (op->lease && str_equal(op->lease, id) && str_equal(op->namespace_, namespace_))
			return true;
	return false;
}

int lease_create(struct op *op, const char *id, const char *image)
{
	Ctd__LeaseCreateRequest request = CTD__LEASE_CREATE_REQUEST__INIT;
	struct labels labels = { 0 };
	time_t expire = time(NULL) + LEASE_SECONDS; /* containerd reads it against the wall clock */
	char text[sizeof("2006-01-02T15:04:05Z")];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&expire, &tm));
	labels_add(&labels, LABEL_GC_EXPIRE, text);
	labels_add(&labels, LABEL_INSTANCE, ctd_of(op)->instance);
	if (image)
		labels_add(&labels, LABEL_IMAGE, image);
	request.id = (char *)id;
	request.labels = labels.refs;
	request.n_labels = labels.n;
	return ctd_unary(op, &leases_create_method, &request.base);
}

int lease_delete(struct op *op, const char *id)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = (char *)id;
	return ctd_unary(op, &leases_delete_method, &request.base);
}

bool lease_is_ours(const struct ctd *ctd, const Ctd__Lease *lease)
{
	const char *instance = labels_get(lease->labels, lease->n_labels, LABEL_INSTANCE);

	if (*instance)
		return str_equal(instance, ctd->instance);
	return str_starts_with(lease->id, UNPACK_LEASE_PREFIX) ||
	       str_starts_with(lease->id, PULL_LEASE_PREFIX);
}
