/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a packet in at a link of the host, as if it had come in by it: a program of the kernel's
 * packet machine is run on it once, by system call, and hands it on. Nothing stays behind in the
 * kernel but what the packet itself brings about. Blocks for microseconds.
 */
#pragma once

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/ip.h"

/* A descriptor for what follows; -errno: this kernel cannot. */
int inject_open(struct error *err);

/* As if the host itself had sent it: @packet begins with the header of IP. What does not get so far
 * as to a link is not told. */
void inject_as_host(bool v6, const struct ip *to, const void *packet, size_t len);

/* @frame with its link header. Most often it has run its whole way when this returns. */
int inject(int program, int ifindex, const void *frame, size_t len, struct error *err);
