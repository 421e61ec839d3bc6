/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a cell that its containers mount over /etc/hosts and /etc/hostname, below
 * <run-path>/<key>/etc. They are written in place: a container that has the file mounted sees the
 * new content without a restart, and what it has added is gone then. A container with a host name
 * of its own has its own pair beside them, "hosts.<role>" and "hostname.<role>"; no role holds a
 * dot.
 *
 * A hosts file is localhost, then the names of the cell itself at its addresses, then the lines
 * that tell of the cells around it (core/hosts/hosts.h).
 */
#pragma once

#include "core/base/error.h"
#include "core/hosts/hosts_lines.h"
#include "core/state/cellfiles_written.h"

enum cellfile { CELLFILE_HOSTS, CELLFILE_HOSTNAME };

/* Of a cell in one space, without prefix; NULL: none of that family, or not known yet. */
struct cell_addresses {
	const char *ip, *ip6;
};

/* What a cell's hosts files say. */
struct cellfiles_hosts {
	struct cell_addresses own;
	const char *names; /* lines about other cells; "" */
};

/* Of the cell, or with @role those of one container. Free with free(). @run_path NULL: an empty
 * string. */
char *cellfiles_path(const char *run_path, const char *cell_key, const char *role,
		     enum cellfile file);

/* Blocking. Makes what is missing. Those of containers learn it too. @run_path NULL: does nothing.
 */
int cellfiles_write(const char *run_path, const char *cell_key, const struct cellfiles_hosts *hosts,
		    struct error *err);

/* The same for one container with a host name of its own; may run beside cellfiles_write(). Its
 * addresses are those in the cell's file, @hosts->own is not looked at. */
int cellfiles_write_container(const char *run_path, const char *cell_key, const char *role,
			      const char *hostname, const struct cellfiles_hosts *hosts,
			      struct error *err);

/* Blocking. Whether the two files that containers mount, or with @role that container, are plain
 * files that say something. What stands in their place else gives way to them when they are
 * written. @run_path NULL: they are. */
bool cellfiles_are_there(const char *run_path, const char *cell_key, const char *role);

/* Brings the hosts files that are there up to date and makes none: the cell may be going. Without
 * any address those that they tell stay: they may have been written a moment ago. @ret_written: all
 * of them, none when there is an error. */
int cellfiles_update(const char *run_path, const char *cell_key,
		     const struct cellfiles_hosts *hosts, struct cellfiles_written *ret_written,
		     struct error *err);

/* The same for files that hold all that @written says and the lines as they were before their last
 * update: only what that changed is written. -ESTALE: one does not. */
int cellfiles_patch(const char *run_path, const char *cell_key,
		    const struct cellfiles_written *written, const struct hosts_lines *lines);

/* Appends the lines about other cells that the cell's hosts file has now. */
void cellfiles_read_names(const char *run_path, const char *cell_key, struct buf *ret);
