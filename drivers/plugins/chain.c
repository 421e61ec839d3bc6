/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/plugins/chain.h"

#include <errno.h>

/* Plugins call iptables, sysctl and the like by name. */
static const char PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

enum { STDERR_QUOTE_MAX_BYTES = 200 };

struct chain {
	struct exec_pool *pool;
	struct loop *loop;
	enum chain_command command;
	const struct conflist *list;
	char *bin_dirs, *ip, *ip6, *mac; /* wished for */
	struct strv env;
	size_t done; /* plugins that have run */
	struct exec_output output;
	json_t *prev_result;
	struct cni_result result;
	struct cni_result *ret_result;
	struct call step, *call;
};

static void chain_free(struct chain *chain)
{
	free(chain->bin_dirs);
	free(chain->ip);
	free(chain->ip6);
	free(chain->mac);
	strv_fini(&chain->env);
	exec_output_fini(&chain->output);
	json_decref(chain->prev_result);
	cni_result_fini(&chain->result);
	free(chain);
}

static void finish(struct chain *chain, int status, const struct error *err)
{
	if (status == 0 && chain->command == CHAIN_ADD) {
		*chain->ret_result = chain->result;
		chain->result = (struct cni_result){ 0 };
	}
	call_complete(chain->call, status, err);
	chain_free(chain);
}

static size_t current(const struct chain *chain)
{
	size_t n = conflist_count_plugins(chain->list);

	return chain->command == CHAIN_ADD ? chain->done : n - 1 - chain->done;
}

/* A plugin that failed says why on stdout; one that fell over says it, perhaps, on stderr. */
static int read_failure(const struct chain *chain, struct error *err)
{
	const struct exec_output *output = &chain->output;
	char quote[STDERR_QUOTE_MAX_BYTES + 1] = "";
	int r = cni_error_parse(output->out.data ? output->out.data : "", output->out.len, err);

	if (r < 0)
		return r;
	if (output->err.data)
		str_fit(quote, sizeof(quote), output->err.data);
	cni_text_clean(quote);
	return error_set(err, -EIO, "exited with %d and no CNI error%s%s", output->exit_code,
			 *quote ? ": " : "", quote);
}

static int read_output(struct chain *chain, struct error *err)
{
	struct cni_result result = { 0 };
	int r;

	if (chain->output.exit_code != 0) {
		r = read_failure(chain, err);
		return r == -ENOENT && chain->command == CHAIN_DEL ? 0 : r;
	}
	if (chain->command == CHAIN_DEL)
		return 0;
	r = cni_result_parse(chain->output.out.data ? chain->output.out.data : "",
			     chain->output.out.len, &result, err);
	if (r < 0)
		return r;
	cni_result_fini(&chain->result);
	chain->result = result;
	json_decref(chain->prev_result);
	chain->prev_result = json_incref(result.root);
	return 0;
}

static void run_next(struct chain *chain);

static void on_plugin_done(struct call *call)
{
	struct chain *chain = container_of(call, struct chain, step);
	const char *type = conflist_plugin_type(chain->list, current(chain));
	struct error err = call->err;
	int r = call->status;

	if (r == 0) {
		r = read_output(chain, &err);
		if (r < 0)
			error_wrap(&err, r, "plugin %s", type);
	}
	exec_output_fini(&chain->output);
	if (r < 0) {
		error_wrap(&err, r, "network %s: %s", chain->list->name,
			   chain->command == CHAIN_ADD ? "ADD" : "DEL");
		finish(chain, r, &err);
		return;
	}
	chain->done++;
	if (chain->done == conflist_count_plugins(chain->list))
		finish(chain, 0, NULL);
	else
		run_next(chain);
}

static void run_next(struct chain *chain)
{
	size_t i = current(chain);
	const struct interface_wish wish = { chain->ip, chain->ip6, chain->mac };
	AUTO_FREE char *input = conflist_plugin_input(chain->list, i, chain->prev_result, &wish);

	call_init(&chain->step, chain->loop, on_plugin_done);
	exec_run(chain->pool,
		 &(struct exec_request){ .dirs = chain->bin_dirs,
					 .name = conflist_plugin_type(chain->list, i),
					 .env = chain->env.items,
					 .input = input },
		 &chain->output, &chain->step);
}

static void env_add(struct strv *env, const char *name, const char *value)
{
	AUTO_FREE char *entry = xasprintf("%s=%s", name, value);

	strv_add(env, entry);
}

/* Nothing of our own environment: what a plugin does must depend on its input alone. */
static void make_env(struct strv *env, const struct chain_request *request)
{
	env_add(env, "CNI_COMMAND", request->command == CHAIN_ADD ? "ADD" : "DEL");
	env_add(env, "CNI_CONTAINERID", request->container_id);
	env_add(env, "CNI_NETNS", request->netns);
	env_add(env, "CNI_IFNAME", request->interface);
	env_add(env, "CNI_PATH", request->bin_dirs);
	env_add(env, "PATH", PATH);
	env->items = xrealloc(env->items, (env->n + 1) * sizeof(*env->items));
	env->items[env->n] = NULL;
}

void chain_run(struct exec_pool *pool, struct loop *loop, const struct chain_request *request,
	       struct cni_result *ret_result, struct call *call)
{
	struct chain *chain = xnew(struct chain);

	*chain = (struct chain){ .pool = pool,
				 .loop = loop,
				 .command = request->command,
				 .list = request->list,
				 .bin_dirs = xstrdup(request->bin_dirs),
				 .ip = xstrdup_maybe(request->wish.ip),
				 .ip6 = xstrdup_maybe(request->wish.ip6),
				 .mac = xstrdup_maybe(request->wish.mac),
				 .prev_result = json_incref(request->result),
				 .ret_result = ret_result,
				 .call = call };
	make_env(&chain->env, request);
	run_next(chain);
}
