/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests as they are written for other programs: each error says what to write here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h> /* needs the headers above */

#include "core/manifest/manifest.h"

#define HEAD "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"
#define CELL "document 1: Cell \"web\": "
#define FIRST CELL "spec.containers[0]."

/* Each is line 4 of a cell, as the value of "spec.containers[0]" where it begins with '{'. */
static const struct {
	const char *written, *error;
} rows[] = {
	/* values of another form */
	{ "{command: [/bin/sh, -c, 'echo hi']}",
	  FIRST "command: expected text, found a list; write \"command: /bin/sh\" and \"args: [-c, "
		"'echo hi']\"" },
	{ "{command: [/bin/true]}",
	  FIRST "command: expected text, found a list; write \"command: /bin/true\"" },
	{ "{command: [a, b, c, d, e, f, g, h, i]}", FIRST
	  "command: expected text, found a list; write \"command: a\" and \"args: [b, c, d, e, "
	  "f, g, ...]\"" },
	{ "{command: [[a]]}", FIRST "command: expected text, found a list" },
	{ "{args: /etc/x.conf}",
	  FIRST "args: expected a list, found text; write \"args: [/etc/x.conf]\"" },
	{ "{env: {A: b, C: d e}}",
	  FIRST "env: expected a list, found a mapping; write \"env: [A=b, "
		"'C=d e']\"" },
	{ "{env: [{name: A, value: b}]}",
	  FIRST "env[0]: expected text, found a mapping; write \"A=b\"" },
	{ "{env: [{A: b}]}", FIRST "env[0]: expected text, found a mapping; write \"A=b\"" },
	{ "{env: [{name: A, valueFrom: {secretKeyRef: {name: x}}}]}",
	  FIRST "env[0]: expected text, found a mapping; write \"A=VALUE\"" },
	{ "{ports: [{containerPort: 80, hostPort: 8080, protocol: UDP}]}",
	  FIRST "ports[0]: expected text, found a mapping; write \"8080:80/udp\"" },
	{ "{ports: [{containerPort: 80}]}", FIRST "ports[0]: expected text, found a mapping; write "
						  "\"80:80\", the port of the host first" },
	{ "{ports: [{target: 80, published: 8080}]}",
	  FIRST "ports[0]: expected text, found a mapping; write \"8080:80\"" },
	{ "{ports: '80:80'}",
	  FIRST "ports: expected a list, found text; write \"ports: ['80:80']\"" },
	{ "{volumes: ['/srv:/www:ro']}",
	  FIRST "volumes[0]: expected a mapping, found text; write \"{source: /srv, target: /www, "
		"readOnly: true}\"" },
	{ "{volumes: [data]}", FIRST "volumes[0]: expected a mapping, found text" },
	{ "{tmpfs: [/tmp]}",
	  FIRST "tmpfs[0]: expected a mapping, found text; write \"{target: /tmp}\"" },
	{ "{devices: ['/dev/a:/dev/b']}", FIRST "devices[0]: expected a mapping, found text; write "
						"\"{source: /dev/a, target: /dev/b}\"" },
	{ "{capabilities: [NET_ADMIN]}",
	  FIRST "capabilities: expected a mapping, found a list; write \"capabilities: {add: "
		"[NET_ADMIN]}\"" },
	{ "spec: {containers: {web: {image: x}}}",
	  CELL "spec.containers: expected a list, found a mapping; write \"containers: [{id: web, "
	       "...}]\"" },
	/* fields of another name */
	{ "{name: side}", FIRST "name: unknown field; write \"id: side\"" },
	{ "{environment: [A=b]}", FIRST "environment: unknown field; write \"env: [NAME=value]\"" },
	{ "{volumes: [{name: x, mountPath: /a}]}", FIRST
	  "volumes[0].name: unknown field; leave it out: a volume is \"source\", \"target\" and "
	  "\"readOnly\"\n" FIRST "volumes[0].mountPath: unknown field; write \"target\"" },
	{ "spec: {image: x}",
	  CELL "spec.image: unknown field; belongs to a container: write it in an "
	       "entry of \"containers\"" },
	{ "image: x", CELL "image: unknown field; belongs to a container: write it in an entry of "
			   "\"spec\", \"containers\"" },
	{ "containers: []", CELL "containers: unknown field; write it below \"spec\"" },
	{ "labels: {}", CELL "labels: unknown field; write it below \"metadata\"" },
};

static char *errors_of(const char *text)
{
	AUTO(manifest_fini) struct manifest manifest = { 0 };
	AUTO_BUF struct buf lines = { 0 };

	manifest_parse("f", text, strlen(text), &manifest);
	for (size_t i = 0; i < manifest.errors.n; i++) {
		const char *line = strstr(manifest.errors.items[i], "document ");

		buf_printf(&lines, "%s%s", i ? "\n" : "", line ? line : manifest.errors.items[i]);
	}
	return buf_take(&lines);
}

static void check_errors(const char *text, const char *expected)
{
	AUTO_FREE char *actual = errors_of(text);

	if (strcmp(actual, expected) != 0)
		fail_msg("%s\nexpected:\n%s\nfound:\n%s", text, expected, actual);
}

static void test_forms_and_fields(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool container = rows[i].written[0] == '{';
		AUTO_FREE char *text = xasprintf(
			HEAD "%s%s%s\n", container ? "spec: {containers: [{id: a, image: x, " : "",
			rows[i].written + container, container ? "]}" : "");

		check_errors(text, rows[i].error);
	}
}

static void test_labels_and_namespace(void **state UNUSED)
{
	check_errors("apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web, labels: [a=b], "
		     "namespace: x}\n",
		     CELL
		     "metadata.labels: expected a mapping of names to text, found a list; write "
		     "\"labels: {a: b}\"\n" CELL
		     "metadata.namespace: unknown field; leave it out: write \"realmId\", "
		     "\"spaceId\" and \"stackId\" below \"spec\"");
}

static void test_kinds(void **state UNUSED)
{
	static const struct {
		const char *kind, *says;
	} kinds[] = {
		{ "Pod", "kind: Cell" },
		{ "Deployment", "kind: Cell" },
		{ "Service", "by their names" },
		{ "Namespace", "kind: Realm" },
		{ "ConfigMap", "\"volumes\"" },
		{ "Secret", "\"volumes\"" },
		{ "NetworkPolicy", "egress" },
		{ "CronJob", "timer" },
		{ "Cells", "did you mean \"Cell\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO_FREE char *text =
			xasprintf("apiVersion: apps/v1\nkind: %s\nmetadata: {name: x}\nspec: "
				  "{replicas: 1}\n",
				  kinds[i].kind);
		AUTO_FREE char *errors = errors_of(text);

		if (!str_starts_with(errors, "document 1: kind: unknown kind") ||
		    !strstr(errors, kinds[i].says) || strchr(errors, '\n'))
			fail_msg("%s: %s", kinds[i].kind, errors);
	}
}

static void test_compose(void **state UNUSED)
{
	check_errors(
		"version: \"3\"\nservices:\n  web: {image: x}\n",
		"document 1: this looks like a compose file; write a document of \"kind: Cell\" "
		"for each service, or one Cell with a container for each");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_and_fields),
		cmocka_unit_test(test_labels_and_namespace),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_compose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
