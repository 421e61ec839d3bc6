/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/hosts/hosts.h"

enum { ENTRIES_MAX = 8, MANY = 1023 };

struct row {
	const char *name;
	const char *stack;
	const char *spaces[3];
	struct {
		const char *space, *cell, *address, *aliases[3];
	} entries[ENTRIES_MAX];
	const char *text;
};

static const struct row rows[] = {
	{ .name = "alone", .stack = "r/s/t", .spaces = { "r/s" }, .text = "" },
	{ "neighbours, in any order",
	  "r/s/t",
	  { "r/s" },
	  { { "r/s", "r/s/t/web", "10.0.0.3", { NULL } },
	    { "r/s", "r/s/t/db", "10.0.0.2", { "sql", "store.internal" } } },
	  "10.0.0.2\tdb db.t sql store.internal\n"
	  "10.0.0.3\tweb web.t\n" },
	{ "another space is not seen",
	  "r/s/t",
	  { "r/s" },
	  { { "r/x", "r/x/t/web", "10.1.0.3", { NULL } },
	    { "r/s2", "r/s2/t/db", "10.2.0.3", { NULL } } },
	  "" },
	{ "the own stack counts before the others",
	  "r/s/t",
	  { "r/s" },
	  { { "r/s", "r/s/a/web", "10.0.0.2", { NULL } },
	    { "r/s", "r/s/t/web", "10.0.0.3", { NULL } },
	    { "r/s", "r/s/a/only", "10.0.0.4", { NULL } } },
	  "10.0.0.3\tweb web.t\n"
	  "10.0.0.4\tonly only.a\n"
	  "10.0.0.2\tweb.a\n" },
	{ "a name of several far stacks is that of all",
	  "r/s/t",
	  { "r/s" },
	  { { "r/s", "r/s/a/web", "10.0.0.2", { NULL } },
	    { "r/s", "r/s/b/web", "10.0.0.3", { NULL } } },
	  "10.0.0.2\tweb web.a\n"
	  "10.0.0.3\tweb web.b\n" },
	{ "the name of a cell counts before an alias, which may stand for a group",
	  "r/s/t",
	  { "r/s" },
	  { { "r/s", "r/s/t/db", "10.0.0.2", { "pool" } },
	    { "r/s", "r/s/t/db2", "10.0.0.3", { "pool", "db" } } },
	  "10.0.0.2\tdb db.t pool\n"
	  "10.0.0.3\tdb2 db2.t pool\n" },
	{ "an alias of the own stack counts before a cell of another",
	  "r/s/t",
	  { "r/s" },
	  { { "r/s", "r/s/a/db", "10.0.0.2", { NULL } },
	    { "r/s", "r/s/t/sql", "10.0.0.3", { "db" } } },
	  "10.0.0.3\tsql sql.t db\n"
	  "10.0.0.2\tdb.a\n" },
	{ "joined spaces come last, in their own addresses",
	  "r/s/t",
	  { "r/s", "q/x" },
	  { { "q/x", "q/x/t/web", "10.9.0.2", { "far" } },
	    { "r/s", "r/s/t/web", "10.0.0.3", { NULL } },
	    { "q/x", "r/s/t/web", "10.9.0.3", { NULL } },
	    { "r/s", "q/x/u/guest", "10.0.0.9", { NULL } } },
	  "10.0.0.3\tweb web.t\n"
	  "10.9.0.2\tfar\n"
	  "10.0.0.9\tguest guest.u\n" },
	{ "case does not make another name",
	  "r/s/t",
	  { "r/s" },
	  { { "r/s", "r/s/a/WEB", "10.0.0.2", { NULL } },
	    { "r/s", "r/s/t/web", "10.0.0.3", { "Web", "W", "w" } } },
	  "10.0.0.3\tweb web.t W\n"
	  "10.0.0.2\tWEB.a\n" },
	{ "localhost is everybody's own",
	  "r/s/t",
	  { "r/s" },
	  { { "r/s", "r/s/t/LocalHost", "10.0.0.2", { "localhost" } } },
	  "10.0.0.2\tLocalHost.t\n" },
	{ "a stack whose name begins like the own one is another",
	  "r/s/t",
	  { "r/s" },
	  { { "r/s", "r/s/t2/web", "10.0.0.2", { NULL } },
	    { "r/s", "r/s/t/web", "10.0.0.3", { NULL } } },
	  "10.0.0.3\tweb web.t\n"
	  "10.0.0.2\tweb.t2\n" },
};

static void add(struct hosts_entry *entry, const char *space, const char *cell, const char *address)
{
	*entry = (struct hosts_entry){ .space = xstrdup(space),
				       .cell = xstrdup(cell),
				       .address = xstrdup(address) };
}

static char *render(const char *stack, const char *const *spaces, struct hosts_entry *entries,
		    size_t n)
{
	struct hosts_view view = { .stack = xstrdup(stack) };
	struct buf text = { 0 };

	for (; *spaces; spaces++)
		strv_add(&view.spaces, *spaces);
	hosts_sort(entries, n);
	hosts_render(&view, entries, n, &text);
	hosts_view_fini(&view);
	for (size_t i = 0; i < n; i++)
		hosts_entry_fini(&entries[i]);
	return buf_take(&text);
}

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hosts_entry entries[ENTRIES_MAX];
		AUTO_FREE char *text = NULL;
		size_t n = 0;

		for (; n < ENTRIES_MAX && rows[i].entries[n].space; n++) {
			add(&entries[n], rows[i].entries[n].space, rows[i].entries[n].cell,
			    rows[i].entries[n].address);
			for (size_t j = 0; j < 3 && rows[i].entries[n].aliases[j]; j++)
				strv_add(&entries[n].aliases, rows[i].entries[n].aliases[j]);
		}
		text = render(rows[i].stack, rows[i].spaces, entries, n);
		if (strcmp(text, rows[i].text) != 0)
			fail_msg("%s:\nexpected\n%s\nfound\n%s", rows[i].name, rows[i].text, text);
	}
}

/* Resolvers read a line into a buffer of some hundred bytes. */
static void test_long_lines(void **state UNUSED)
{
	static const char *const spaces[] = { "r/s", NULL };
	struct hosts_entry entry;
	AUTO_FREE char *text = NULL;
	unsigned names = 0;

	add(&entry, "r/s", "r/s/t/web", "10.0.0.2");
	for (int i = 0; i < 30; i++) {
		AUTO_FREE char *alias = xasprintf("a-rather-long-alias-of-this-cell-%d", i);

		strv_add(&entry.aliases, alias);
	}
	text = render("r/s/t", spaces, &entry, 1);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		assert_true(strcspn(line, "\n") <= HOSTS_LINE_MAX_BYTES);
		assert_true(str_starts_with(line, "10.0.0.2\t"));
		for (size_t i = 0; line[i] != '\n'; i++)
			names += line[i] == ' ' || line[i] == '\t';
	}
	assert_int_equal(names, 32);
}

static char *render_many(size_t n, size_t alias_bytes)
{
	static const char *const spaces[] = { "r/s", NULL };
	struct hosts_entry *entries = xcalloc(n, sizeof(*entries));
	char *text;

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *cell = xasprintf("r/s/t/c%zu", i);
		AUTO_FREE char *alias = xasprintf("%zu%0*d", i, (int)alias_bytes, 0);

		add(&entries[i], "r/s", cell, "10.0.0.2");
		strv_add(&entries[i].aliases, alias);
	}
	text = render("r/s/t", spaces, entries, n);
	free(entries);
	return text;
}

static void test_bound(void **state UNUSED)
{
	AUTO_FREE char *all = render_many(MANY, 100), *cut = render_many(MANY, 4000);

	assert_null(strchr(all, '#'));
	assert_true(strlen(cut) < HOSTS_MAX_BYTES + 5000);
	assert_non_null(strstr(cut, "more are left out: the file would be too large\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
