/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives of images, into containerd's content store and out of it: what core/driver/images.h has
 * of them (core/driver/image_archive.h).
 */
#pragma once

#include "core/driver/image_archive.h"
#include "drivers/images/images.h"

/* What is under way of one driver. */
struct archives {
	struct images *images;
	struct pending *under_way; /* counts them, for their driver's end */
	struct list loads;         /* struct loader.link */
	struct list saves;         /* struct saver.link */
};

void archives_init(struct archives *archives, struct images *images, struct pending *under_way);

/* Cancels what runs: their calls end, later. */
void archives_stop(struct archives *archives);

void archives_load(struct archives *archives, struct image_load *load, struct call *call);
size_t archives_load_room(const struct image_load *load);
void archives_load_give(struct image_load *load, const void *data, size_t len);
void archives_load_end(struct image_load *load);
void archives_load_cancel(struct image_load *load);

void archives_save(struct archives *archives, struct image_save *save, struct call *call);
void archives_save_resume(struct image_save *save);
void archives_save_cancel(struct image_save *save);
