/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/plan_context.h"

struct plan_context plan_context_of(const struct engine *engine)
{
	return (struct plan_context){
		.now_ms = loop_now_ms(engine->loop),
		.relisted = engine->relisted.runtime && engine->relisted.network &&
			    engine->relisted.cgroup,
		.relist_problem = engine_relist_problem(engine),
		.may_delete = engine->desired.complete,
		.runtime_up = engine->runtime_up,
		.releasing = engine_is_releasing(engine),
		.may_begin = throttle_may_begin(&engine->throttle, loop_now_ms(engine->loop)),
		.begin_at_ms = throttle_again_ms(&engine->throttle),
	};
}
