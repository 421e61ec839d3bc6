/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a cell that its containers mount over /etc/hosts and /etc/hostname, below
 * <run-path>/<key>/etc. They are written in place: a container that has the file mounted sees the
 * new content without a restart.
 */
#pragma once

#include "core/base/error.h"

enum cellfile { CELLFILE_HOSTS, CELLFILE_HOSTNAME };

/* Free with free(). @run_path NULL: an empty string. */
char *cellfiles_path(const char *run_path, const char *cell_key, enum cellfile file);

/* Blocking. @ip NULL: not known yet. @run_path NULL: does nothing. */
int cellfiles_write(const char *run_path, const char *cell_key, const char *ip, struct error *err);
