/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a packet in at a link of the host, as if it had come in by it: a program of the kernel's
 * packet machine is run on it once, by system call, and hands it on. Nothing stays behind in the
 * kernel but what the packet itself brings about. Blocks for microseconds.
 */
#pragma once

#include <stddef.h>

#include "core/base/error.h"

/* A descriptor for what follows; -errno: this kernel cannot. */
int inject_open(struct error *err);

/* @frame with its link header. Most often it has run its whole way when this returns. */
int inject(int program, int ifindex, const void *frame, size_t len, struct error *err);
