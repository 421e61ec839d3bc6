/* SPDX-License-Identifier: Apache-2.0 */
/* What log_source.c and log_place.c share. Private to them. */
#pragma once

#include "core/logread/log_source.h"

/*
 * Opens the file where what is wanted begins, or that comes after one that is gone. 0, and none is
 * open when there is none (yet); or -errno.
 */
int log_source_begin(struct log_source *source, struct error *err);

/*
 * At the end of a file. 1: there is more, here or in the next one; 0: there is not, now, or with
 * @source->ended ever; -ESTALE: begin again; another -errno.
 */
int log_source_advance(struct log_source *source, struct error *err);
