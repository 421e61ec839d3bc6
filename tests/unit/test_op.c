/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a driver's method: in order, until one fails; then those that clean up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/loop/loop_test.h"
#include "core/loop/op.h"

/* Writes down what runs: a letter a step. */
struct play {
	struct op op;
	char log[32];
	int back;
};

struct fixture {
	struct loop loop;
	struct ops ops;
	struct call call;
	unsigned answers, ended;
	bool closed;
};

static struct play *to_play(struct op *op)
{
	return container_of(op, struct play, op);
}

static char last_log[sizeof(((struct play *)0)->log)];

static void note(struct op *op, char letter)
{
	struct play *play = to_play(op);

	play->log[strlen(play->log)] = letter;
}

static int start_a(struct op *op)
{
	note(op, 'a');
	return OP_NEXT;
}

static int start_b(struct op *op)
{
	note(op, 'b');
	call_complete(&op->step, 0, NULL);
	return OP_WAIT;
}

static int block_c(struct op *op, struct error *err UNUSED)
{
	note(op, 'c');
	return 0;
}

static int block_fail(struct op *op, struct error *err)
{
	note(op, 'f');
	return error_set(err, -EIO, "the disk is gone");
}

static int start_absent(struct op *op)
{
	note(op, 'n');
	call_complete(&op->step, -ENOENT, NULL);
	return OP_WAIT;
}

static int done_absent(struct op *op, int status)
{
	note(op, status == -ENOENT ? 'N' : '?');
	return OP_NEXT;
}

static int start_own_words(struct op *op)
{
	note(op, 'w');
	return error_set(&op->err, -EBUSY, "cell web: busy");
}

static int start_end(struct op *op)
{
	note(op, 'e');
	return OP_END;
}

static int start_back(struct op *op)
{
	note(op, 'k');
	if (to_play(op)->back++ < 2)
		op->next = 1;
	return OP_NEXT;
}

static int start_cleanup(struct op *op)
{
	note(op, 'l');
	op->cleanup = 3;
	return OP_NEXT;
}

static void on_finish(struct op *op, int status UNUSED)
{
	memcpy(last_log, to_play(op)->log, sizeof(last_log));
	free(op);
}

static void on_answer(struct call *call)
{
	container_of(call, struct fixture, call)->answers++;
}

static void on_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_int_equal(loop_open(&f->loop, LOOP_CLOCK_VIRTUAL, NULL), 0);
	ops_init(&f->ops, &f->loop);
	*state = f;
	return 0;
}

static void turn(struct fixture *f)
{
	while (loop_turn_virtual(&f->loop, loop_now_ms(&f->loop)))
		;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ops_close(&f->ops, on_closed, f);
	turn(f);
	assert_true(f->closed);
	loop_close(&f->loop);
	free(f);
	return 0;
}

static void play(struct fixture *f, const struct step *steps)
{
	struct play *play = xnew(struct play);

	call_init(&f->call, &f->loop, on_answer);
	op_start(&play->op, &f->ops, steps, on_finish, &f->call);
	assert_int_equal(f->answers, 0); /* never from inside start */
	turn(f);
	assert_int_equal(f->answers, 1);
}

static void expect(const struct fixture *f, const char *log, int status, const char *words)
{
	assert_string_equal(last_log, log);
	assert_int_equal(f->call.status, status);
	if (words)
		assert_string_equal(f->call.err.msg, words);
}

static void test_in_order(void **state)
{
	static const struct step steps[] = {
		{ .name = "a", .start = start_a },
		{ .name = "b", .start = start_b },
		{ .name = "c", .blocking = block_c },
		{ .name = "c", .blocking = block_c, .apart = true },
		{ 0 },
	};

	play(*state, steps);
	expect(*state, "abcc", 0, NULL);
}

static void test_until_one_fails(void **state)
{
	static const struct step steps[] = {
		{ .name = "look", .start = start_b },
		{ .name = "write it down", .blocking = block_fail },
		{ .name = "c", .blocking = block_c },
		{ 0 },
	};

	play(*state, steps);
	expect(*state, "bf", -EIO, "cannot write it down: the disk is gone");
}

static void test_own_words_stay(void **state)
{
	static const struct step steps[] = {
		{ .name = "look", .start = start_own_words },
		{ .name = "c", .blocking = block_c },
		{ 0 },
	};

	play(*state, steps);
	expect(*state, "w", -EBUSY, "cell web: busy");
}

static void test_what_is_no_failure(void **state)
{
	static const struct step steps[] = {
		{ .name = "look", .also_ok = { EEXIST, ENOENT }, .start = start_absent },
		{ .name = "look",
		  .also_ok = { ENOENT },
		  .start = start_absent,
		  .done = done_absent },
		{ .name = "look", .also_ok = { EEXIST }, .start = start_absent },
		{ 0 },
	};

	play(*state, steps);
	expect(*state, "nnNn", -ENOENT, NULL);
}

static void test_goes_on_elsewhere(void **state)
{
	static const struct step steps[] = {
		{ .name = "a", .start = start_a },    { .name = "b", .start = start_b },
		{ .name = "k", .start = start_back }, { .name = "e", .start = start_end },
		{ .name = "c", .blocking = block_c }, { 0 },
	};

	play(*state, steps);
	expect(*state, "abkbkbke", 0, NULL);
}

/* The first failure is what is told; those of the cleanup are passed over. */
static void test_cleans_up(void **state)
{
	static const struct step steps[] = {
		{ .name = "l", .start = start_cleanup },
		{ .name = "write", .blocking = block_fail },
		{ .name = "a", .start = start_a },
		{ .name = "remove it", .start = start_absent },
		{ .name = "say so", .start = start_own_words },
		{ .name = "b", .start = start_b },
		{ 0 },
	};

	play(*state, steps);
	expect(*state, "lfnwb", -EIO, "cannot write: the disk is gone");
}

static int explain(struct op *op, int status, struct error *err)
{
	return error_set(err, status, "%s: no, %s", op_step(op)->name, op->step.err.msg);
}

static void on_ended(struct op *op, int status UNUSED)
{
	container_of(op->ops, struct fixture, ops)->ended++;
}

static void test_a_driver_has_words_of_its_own(void **state)
{
	static const struct step steps[] = {
		{ .name = "look", .start = start_b },
		{ .name = "write", .blocking = block_fail },
		{ 0 },
	};
	struct fixture *f = *state;

	f->ops.explain = explain;
	f->ops.ended = on_ended;
	play(f, steps);
	expect(f, "bf", -EIO, "write: no, the disk is gone");
	assert_int_equal(f->ended, 2);
}

static void test_no_step_begins_after_close(void **state)
{
	static const struct step steps[] = {
		{ .name = "look", .start = start_b },
		{ .name = "c", .blocking = block_c },
		{ 0 },
	};
	struct fixture *f = *state;
	struct play *play = xnew(struct play);

	call_init(&f->call, &f->loop, on_answer);
	op_start(&play->op, &f->ops, steps, on_finish, &f->call);
	ops_close(&f->ops, on_closed, f);
	assert_false(f->closed);
	turn(f);
	assert_true(f->closed);
	expect(f, "b", -ECANCELED, "cannot c: shutting down");
	ops_init(&f->ops, &f->loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_until_one_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_words_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goes_on_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cleans_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_driver_has_words_of_its_own, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_step_begins_after_close, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
