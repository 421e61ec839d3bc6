/* SPDX-License-Identifier: Apache-2.0 */
/* A program that plans, and links nothing that could do more than that: no loop, no driver, no
 * engine (CMakeLists.txt). That it links is the test; it also plans something. */
#include "core/plan/plan.h"
#include "core/state/object.h"

static struct plan plan_of(const struct object *object)
{
	const struct plan_context context = { .relisted = true, .may_delete = true };
	struct plan plan;

	plan_object(object, &context, &plan);
	return plan;
}

int main(void)
{
	struct object *realm = object_new("main");
	struct plan plan;

	realm->wanted = true;
	realm->cgroup.known = true;
	plan = plan_of(realm);
	check(plan.n_steps > 0 && plan.steps[0].action == ACTION_CGROUP_ENSURE);
	plan_fini(&plan);
	realm->wanted = false;
	plan = plan_of(realm);
	check(plan.n_steps == 0 && plan.gone);
	plan_fini(&plan);
	object_free(realm);
	return 0;
}
