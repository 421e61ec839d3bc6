/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/records.h"

#include "api/containerd.pb-c.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/labels.h"
#include "drivers/ctd/methods.h"

static int write_record(struct op *op, const struct client_method *method, const char *name,
			const struct image_blob *target)
{
	Ctd__ImageMessage request = CTD__IMAGE_MESSAGE__INIT;
	Ctd__Image image = CTD__IMAGE__INIT;
	Ctd__Descriptor descriptor = CTD__DESCRIPTOR__INIT;
	Ctd__FieldMask mask = CTD__FIELD_MASK__INIT;
	char *paths[] = { (char *)"target", (char *)"labels." LABEL_INSTANCE };
	struct labels labels = { 0 };

	labels_add(&labels, LABEL_INSTANCE, ctd_of(op)->instance);
	descriptor.media_type = target->media_type;
	descriptor.digest = target->digest;
	descriptor.has_size = true;
	descriptor.size = target->size;
	image.name = (char *)name;
	image.target = &descriptor;
	image.labels = labels.refs;
	image.n_labels = labels.n;
	mask.paths = paths;
	mask.n_paths = ARRAY_SIZE(paths);
	request.image = &image;
	request.update_mask = method == &images_update_method ? &mask : NULL;
	return ctd_unary(op, method, &request.base);
}

int record_create(struct op *op, const char *name, const struct image_blob *target)
{
	return write_record(op, &images_create_method, name, target);
}

int record_update(struct op *op, const char *name, const struct image_blob *target)
{
	return write_record(op, &images_update_method, name, target);
}
