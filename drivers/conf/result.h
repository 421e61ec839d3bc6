/* SPDX-License-Identifier: Apache-2.0 */
/* What CNI plugins print: results and errors. Pure. */
#pragma once

#include <jansson.h>

#include "core/base/error.h"

enum { CNI_RESULT_MAX_BYTES = 256 * 1024, CNI_RESULT_MAX_DEPTH = 64 };

struct cni_result {
	json_t *root;     /* as printed: the next plugin's prevResult */
	char *ip;         /* the first IPv4 address, without prefix; NULL when there is none */
	char *ip6;        /* the first of IPv6 */
	char *bridge;     /* the first interface on the host's side; NULL when there is none */
	char *bridge_mac; /* its address on the link; NULL when the plugin does not say */
	char *link;       /* the second one: the host's end of the cell's interface; NULL: none */
	char *gateway;    /* "10.88.0.1/16": what the bridge answers to; NULL: nothing */
	char *gateway6;   /* "fd12:3456:789a:1::1/64" */
};

void cni_result_fini(struct cni_result *result);
int cni_result_parse(const char *data, size_t len, struct cni_result *ret, struct error *err);

/*
 * What a plugin that failed printed, as errno with its words in @err: "try again later" is -EAGAIN,
 * an unknown container -ENOENT. 0 when it is no CNI error at all.
 */
int cni_error_parse(const char *data, size_t len, struct error *err);

/* Printable text from a peer on one line: control characters become blanks, blanks at the end go.
 * In place. */
void cni_text_clean(char *text);
