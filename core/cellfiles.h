/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a cell that its containers mount over /etc/hosts and /etc/hostname, below
 * <run-path>/<key>/etc. They are written in place: a container that has the file mounted sees the
 * new content without a restart. A container with a host name of its own has its own pair beside
 * them, "hosts.<role>" and "hostname.<role>"; no role holds a dot.
 */
#pragma once

#include "core/base/error.h"

enum cellfile { CELLFILE_HOSTS, CELLFILE_HOSTNAME };

/* Of the cell, or with @role those of one container. Free with free(). @run_path NULL: an empty
 * string. */
char *cellfiles_path(const char *run_path, const char *cell_key, const char *role,
		     enum cellfile file);

/* Blocking. @ip NULL: not known yet. Those of containers learn the address too. @run_path NULL:
 * does nothing. */
int cellfiles_write(const char *run_path, const char *cell_key, const char *ip, struct error *err);

/* The same for one container with a host name of its own; may run beside cellfiles_write(). */
int cellfiles_write_container(const char *run_path, const char *cell_key, const char *role,
			      const char *hostname, struct error *err);
