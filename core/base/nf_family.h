/* SPDX-License-Identifier: Apache-2.0 */
/* Families of nftables by their names, as they stand in its commands. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "inet" of NFPROTO_INET; NULL: nftables has no tables of it. */
const char *nf_family_name(uint8_t family);

/* The first @len bytes of @name; false: no family is called so. */
bool nf_family_parse(const char *name, size_t len, uint8_t *ret);
