/* SPDX-License-Identifier: Apache-2.0 */
/* What the store keeps beside what users read: where it stands, and where it stood. */
#include "core/store/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/model/model.h"

#define WEB "main/lab/front/web"
#define DOCUMENT                                                                                   \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"                                 \
	"spec: {id: web, containers: [{id: a, image: i}]}\n"

static struct internal_file parse(const char *text)
{
	struct buf data = { (char *)text, strlen(text), 0 };
	struct internal_file file = { 0 };
	struct error err;

	if (internal_parse("web.yaml", &data, KIND_CELL, &file, &err) < 0)
		fail_msg("%s", err.msg);
	return file;
}

static struct object *new_cell(void)
{
	struct object *cell = object_new(WEB);
	struct container *root = cell_add_container(cell, "root", "a");

	cell->parent = NULL;
	cell_add_container(cell, "b", "b");
	root->restarts_in_row = 3;
	root->exited = true;
	cell->cell.last_ip = xstrdup("10.88.0.7");
	cell_add_join(cell, "main/db")->last_ip6 = xstrdup("fd00::7");
	return cell;
}

static void test_round_trip(void **state UNUSED)
{
	struct internal_file document = parse(DOCUMENT), file;
	struct object *cell = new_cell(), *next = object_new(WEB);
	AUTO_FREE char *text = internal_text(cell, NULL, document.document);

	assert_non_null(strstr(text, "\ninternal:\n"));
	file = parse(text);
	assert_int_equal(internal_container(file.internal, "a", true)->restarts_in_row, 3);
	assert_true(internal_container(file.internal, "a", true)->ended);
	assert_false(internal_container(file.internal, "a", false)->ended);
	assert_int_equal(internal_container(file.internal, "b", false)->restarts_in_row, 0);
	cell_add_join(next, "main/db");
	internal_restore(next, file.internal);
	assert_string_equal(next->cell.last_ip, "10.88.0.7");
	assert_null(next->cell.last_ip6);
	assert_string_equal(cell_find_join(next, "main/db")->last_ip6, "fd00::7");
	internal_file_fini(&document);
	internal_file_fini(&file);
	object_free(cell);
	object_free(next);
}

/* What has an address asks for that one: there is nothing to keep. */
static void test_nothing_to_keep(void **state UNUSED)
{
	struct internal_file document = parse(DOCUMENT);
	struct object *cell = object_new(WEB);
	AUTO_FREE char *text = NULL;

	cell->cell.ip = xstrdup("10.88.0.7");
	cell->cell.last_ip = xstrdup("10.88.0.6");
	text = internal_text(cell, NULL, document.document);
	assert_null(strstr(text, "internal"));
	internal_file_fini(&document);
	object_free(cell);
}

static const struct {
	const char *text;
	const char *last_ip; /* NULL: none */
	unsigned in_row;
} earlier[] = {
	{ DOCUMENT, NULL, 0 },
	{ DOCUMENT "status: {state: Ready, ip: 10.88.0.2}\n", NULL, 0 },
	{ DOCUMENT "status: {state: Stopped, lastIp: 10.88.0.2, containers: [{id: a, root: true, "
		   "restartCount: 9, restartsInRow: 2, ended: true}]}\n",
	  "10.88.0.2", 2 },
	{ DOCUMENT "status: {lastIp: 10.88.0.2}\ninternal: {lastIp: 10.88.0.3}\n", "10.88.0.3", 0 },
	{ DOCUMENT "status: {ofTomorrow: {a: [1]}}\ninternal: {ofTomorrow: [b], lastIp: \"::1\"}\n",
	  "::1", 0 },
};

static void test_earlier_and_later(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(earlier); i++) {
		struct internal_file file = parse(earlier[i].text);
		const Api__Internal none = API__INTERNAL__INIT,
				    *got = file.internal ? file.internal : &none;

		if (!str_equal(got->last_ip, earlier[i].last_ip) ||
		    internal_container(got, "a", true)->restarts_in_row != earlier[i].in_row)
			fail_msg("%s: last %s, %u in a row", earlier[i].text,
				 got->last_ip ? got->last_ip : "none",
				 internal_container(got, "a", true)->restarts_in_row);
		internal_file_fini(&file);
	}
}

/* What is declared is never guessed. */
static void test_damaged(void **state UNUSED)
{
	static const char *const texts[] = {
		DOCUMENT "statuses: {}\n",
		DOCUMENT "internal: text\n",
		DOCUMENT "internal: {containers: [{restartsInRow: many}]}\n",
		"kind: Cell\nmetadata: {title: web}\n",
		"kind: Cell\nspec: {internal: {lastIp: a}}\n",
	};
	struct internal_file file;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct buf data = { (char *)texts[i], strlen(texts[i]), 0 };

		if (internal_parse("web.yaml", &data, KIND_CELL, &file, &err) == 0)
			fail_msg("taken: %s", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_nothing_to_keep),
		cmocka_unit_test(test_earlier_and_later),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
