/* SPDX-License-Identifier: Apache-2.0 */
/* The names of images that containerd keeps: what core/driver/images.h has beside the pull. */
#pragma once

#include "api/containerd.pb-c.h"
#include "core/driver/images.h"
#include "drivers/images/images.h"

/* A look (look.h) at each, one after the other. */
void records_list(struct images *images, const char *namespace_, struct image_facts *ret_facts,
		  struct call *call);
void records_inspect(struct images *images, const char *namespace_, const char *name,
		     struct image_details *ret_details, struct call *call);
void records_tag(struct images *images, const char *namespace_, const char *from, const char *name,
		 struct call *call);
/* What a pull of that name left for its next try goes too. */
void records_remove(struct images *images, const char *namespace_, const char *name,
		    const char *digest, struct call *call);

/* For steps. */
int record_get(struct op *op, char *name);
int record_fail_absent(struct op *op);
bool record_is_usable(const Ctd__Image *image);

/* For steps: the record @name of the namespace stands for @target, with our label. It is created;
 * -EEXIST: to be updated. */
int record_create(struct op *op, const char *name, const struct image_blob *target);
int record_update(struct op *op, const char *name, const struct image_blob *target);
/* The same for what @name stood for, by a name of its own (reference_name_at()). */
int record_keep(struct op *op, const char *name, const struct image_blob *target);
