/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/manifest/manifest.h"

#define REALM(entries)                                                                             \
	"apiVersion: v1beta1\nkind: Realm\nmetadata: {name: r}\n"                                  \
	"spec: {registryCredentials: [" entries "]}\n"
#define ENTRY(server, password)                                                                    \
	"{serverAddress: " server ", username: u, password: \"" password "\"}"

static ProtobufCMessage *parse(const char *text, struct manifest *manifest)
{
	manifest_parse("realm.yaml", text, strlen(text), manifest);
	if (manifest->errors.n)
		fail_msg("%s", manifest->errors.items[0]);
	return list_entry(manifest->documents.next, struct document, link)->message;
}

static const char *password(const ProtobufCMessage *message, size_t i)
{
	return ((const Api__Realm *)message)->spec->registry_credentials[i]->password;
}

static void hide(ProtobufCMessage *message, size_t i)
{
	str_replace(&((Api__Realm *)message)->spec->registry_credentials[i]->password,
		    MODEL_HIDDEN);
}

static void test_hidden(void **state UNUSED)
{
	AUTO_BUF struct buf text = { 0 };
	struct manifest manifest;
	ProtobufCMessage *realm = parse(REALM(ENTRY("a.example", "sesame")), &manifest);

	secrets_hide(KIND_REALM, realm);
	manifest_emit_yaml(realm, &text);
	assert_null(strstr(text.data, "sesame"));
	assert_non_null(strstr(text.data, "(hidden)"));
	manifest_fini(&manifest);
}

/* What was shown is given back: in another order, with one more, with one that is another's. */
static void test_given_back(void **state UNUSED)
{
	struct manifest before, after;
	ProtobufCMessage *present =
		parse(REALM(ENTRY("a.example", "one") ", " ENTRY("b.example", "two")), &before);
	ProtobufCMessage *realm = parse(REALM(ENTRY("b.example", "x") ", " ENTRY(
						"c.example", "three") ", " ENTRY("a.example", "x")),
					&after);

	hide(realm, 0);
	hide(realm, 2);
	secrets_restore(KIND_REALM, realm, present);
	assert_string_equal(password(realm, 0), "two");
	assert_string_equal(password(realm, 1), "three");
	assert_string_equal(password(realm, 2), "one");
	manifest_fini(&before);
	manifest_fini(&after);
}

/* A password does not go to another registry than the one that it was given for. */
static void test_not_to_another(void **state UNUSED)
{
	struct manifest before, after;
	ProtobufCMessage *present = parse(REALM(ENTRY("a.example", "one")), &before);
	ProtobufCMessage *realm = parse(REALM(ENTRY("evil.example", "x")), &after);

	hide(realm, 0);
	secrets_restore(KIND_REALM, realm, present);
	assert_string_equal(password(realm, 0), MODEL_HIDDEN);
	manifest_fini(&before);
	manifest_fini(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_not_to_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
