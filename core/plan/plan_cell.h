/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a cell's plan share. Private to them. */
#pragma once

#include "core/plan/plan_steps.h"

enum cell_mode { MODE_DOWN, MODE_RECYCLE, MODE_UP };

/* plan_cell_facts.c: what the facts mean */

/* Its process runs, frozen or not. */
bool container_runs(const struct container *container);

/* The same, or it waits for its start. */
bool container_lives(const struct container *container);

/* Its record was made from another spec than the wanted one. */
bool container_changed(const struct container *container);

/* What runs in its role was made for a container of another name. */
bool container_runs_another(const struct container *container);

/* Any container but the root lives. */
bool cell_others_live(const struct object *object);

/* It exited for good. */
bool container_is_over(const struct container *container, uint64_t now_ms);

/* Its task is to end, by what is wanted and seen now. */
bool container_goes(const struct object *object, const struct container *container);

/* How its last run ended: "exited with code 139 (SIGSEGV)". */
enum { END_TEXT_BYTES = 80 };
const char *container_end_text(const struct container *c, char text[END_TEXT_BYTES]);

/* plan_joins.c */

/* One of the cell's joins is under way. */
bool cell_joins_busy(const struct object *object);

/* It shall join a space that nobody declares, or that is not ready. */
bool cell_waits_for_space(const struct object *object);

/* It has no place yet, and would get one where it cannot be reached. */
bool cell_is_not_placed(const struct object *object);

/* The last try of some join, or leave, failed. */
bool cell_joins_failed(const struct object *object);

/* It is in every space that it shall be in, and in no other. */
bool cell_has_joined(const struct planning *p);

/* One step towards that; of the first, whether it was added. */
bool plan_leaves(struct planning *p);
void plan_joins(struct planning *p);

void cell_say_joins(struct planning *p);

/* plan_cell_images.c */

/* The image that it is to be made from is there, and the registry need not be asked. */
bool container_has_image(const struct container *container);

/* Nothing can be made of it before its image has been pulled. */
bool container_waits_for_pull(const struct container *container);

/* Of a cell that is to be restarted: something that runs in it is to begin anew from an image that
 * is not known to be there. */
bool cell_restart_waits(const struct object *object);

/* Why it is not there yet, and how that goes on. */
enum reason pull_reason(const struct pull *pull);
void pull_text(const struct pull *pull, char *text, size_t size);

void cell_say_pulls(struct planning *p);
/* It is Ready; perhaps with an image that it was taken back to. */
void cell_say_images_run(struct planning *p);

/* plan_cell_say.c */
void cell_say_container_trouble(struct planning *p, const struct container *c);
void cell_say_up(struct planning *p, enum cell_mode mode);
void cell_say_down(struct planning *p);
