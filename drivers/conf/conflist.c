/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/conf/conflist.h"

#include <ctype.h>
#include <errno.h>

#include "core/model/names.h"

/* At the level of the list: {"space": "<key>"}. Says that the file is ours and for which space. */
static const char MARKER[] = "kukeon";

/* host-local's own. */
static const char DEFAULT_DATA_DIR[] = "/var/lib/cni/networks";

enum { NETWORK_NAME_MAX_BYTES = 2 * NAME_MAX_BYTES + 1 };

void conflist_fini(struct conflist *list)
{
	json_decref(list->root);
	free(list->name);
	free(list->space_key);
	free(list->bridge);
	strv_fini(&list->subnets);
	*list = (struct conflist){ 0 };
}

/* Names become parts of paths: the network's below dataDir, the plugin's below the plugin
 * directory. */
static bool is_file_name(const char *s, size_t max_bytes)
{
	size_t len = s ? strnlen(s, max_bytes + 1) : 0;

	if (len == 0 || len > max_bytes || !isalnum((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
			return false;
	return true;
}

static json_t *plugin_at(const struct conflist *list, size_t i)
{
	json_t *plugins = json_object_get(list->root, "plugins");

	return plugins ? json_array_get(plugins, i) : list->root;
}

size_t conflist_count_plugins(const struct conflist *list)
{
	json_t *plugins = json_object_get(list->root, "plugins");

	return plugins ? json_array_size(plugins) : 1;
}

const char *conflist_plugin_type(const struct conflist *list, size_t i)
{
	return json_string_value(json_object_get(plugin_at(list, i), "type"));
}

static void add_subnet(struct conflist *list, json_t *range)
{
	const char *subnet = json_string_value(json_object_get(range, "subnet"));

	if (subnet)
		strv_add(&list->subnets, subnet);
}

static void collect_plugin(struct conflist *list, json_t *plugin)
{
	const char *bridge = json_string_value(json_object_get(plugin, "bridge"));
	json_t *ipam = json_object_get(plugin, "ipam"), *set, *range;
	size_t i, k;

	if (bridge && !list->bridge)
		list->bridge = xstrdup(bridge);
	add_subnet(list, ipam);
	json_array_foreach(json_object_get(ipam, "ranges"), i, set)
		json_array_foreach(set, k, range)
			add_subnet(list, range);
}

static int collect(struct conflist *list, struct error *err)
{
	json_t *plugins = json_object_get(list->root, "plugins");
	const char *name = json_string_value(json_object_get(list->root, "name"));
	size_t n = conflist_count_plugins(list);

	if (!is_file_name(name, NETWORK_NAME_MAX_BYTES))
		return error_set(err, -EINVAL, "\"name\" is missing or is not a network name");
	if (plugins && (!json_is_array(plugins) || n == 0 || n > CONFLIST_MAX_PLUGINS))
		return error_set(err, -EINVAL, "\"plugins\" must be a list of 1 to %d plugins",
				 CONFLIST_MAX_PLUGINS);
	list->name = xstrdup(name);
	for (size_t i = 0; i < n; i++) {
		if (!is_file_name(conflist_plugin_type(list, i), NAME_MAX_BYTES))
			return error_set(err, -EINVAL,
					 "plugin %zu: \"type\" is missing or is not a file name",
					 i);
		collect_plugin(list, plugin_at(list, i));
	}
	return 0;
}

static void read_marker(struct conflist *list)
{
	json_t *marker = json_object_get(list->root, MARKER);
	const char *key = json_string_value(json_object_get(marker, "space"));
	struct key_parts parts;

	if (key && key_split(key, &parts) && parts.kind == KIND_SPACE)
		list->space_key = xstrdup(key);
}

int conflist_parse(const char *data, size_t len, struct conflist *ret, struct error *err)
{
	AUTO(conflist_fini) struct conflist list = { 0 };
	json_error_t json_err;
	int r;

	if (len > CONFLIST_MAX_BYTES)
		return error_set(err, -EFBIG, "more than %d bytes", CONFLIST_MAX_BYTES);
	list.root = json_loadb(data, len, JSON_REJECT_DUPLICATES, &json_err);
	if (!list.root)
		return error_set(err, -EINVAL, "line %d: %s", json_err.line, json_err.text);
	if (!json_is_object(list.root))
		return error_set(err, -EINVAL, "not a JSON object");
	r = collect(&list, err);
	if (r < 0)
		return r;
	read_marker(&list);
	*ret = list;
	list = (struct conflist){ 0 };
	return 0;
}

char *conflist_make(const struct conflist_options *options)
{
	AUTO_FREE char *name = name_network(options->space_key);
	json_t *ranges = json_pack("[[{s:s}]]", "subnet", options->subnet);
	json_t *routes = json_pack("[{s:s}]", "dst", "0.0.0.0/0");
	json_t *list;
	AUTO_FREE char *text = NULL;

	if (options->subnet6) {
		json_array_append_new(ranges, json_pack("[{s:s}]", "subnet", options->subnet6));
		json_array_append_new(routes, json_pack("{s:s}", "dst", "::/0"));
	}
	list = json_pack("{s:s, s:s, s:{s:s}, s:[{s:s, s:s, s:b, s:b, s:b, s:b, s:{s:b, s:b},"
			 " s:{s:s, s:s, s:o, s:o}}]}",
			 "cniVersion", CNI_VERSION, "name", name, MARKER, "space",
			 options->space_key, "plugins", "type", "bridge", "bridge", options->bridge,
			 "isGateway", 1, "ipMasq", 0, "hairpinMode", 1, "promiscMode", 0,
			 "capabilities", "ips", 1, "mac", 1, "ipam", "type", "host-local",
			 "dataDir", options->data_dir, "ranges", ranges, "routes", routes);
	text = list ? json_dumps(list, JSON_INDENT(2)) : NULL;
	check(text);
	json_decref(list);
	return xasprintf("%s\n", text);
}

void conflist_drop_routes(struct conflist *list)
{
	for (size_t i = 0; i < conflist_count_plugins(list); i++) {
		json_t *plugin = plugin_at(list, i);

		json_object_del(plugin, "isDefaultGateway");
		json_object_del(json_object_get(plugin, "ipam"), "routes");
	}
}

char *conflist_text(const struct conflist *list)
{
	char *text = json_dumps(list->root, JSON_COMPACT);

	check(text);
	return text;
}

char *conflist_reservations(const struct conflist *list)
{
	for (size_t i = 0; i < conflist_count_plugins(list); i++) {
		json_t *ipam = json_object_get(plugin_at(list, i), "ipam");
		const char *type = json_string_value(json_object_get(ipam, "type"));
		const char *dir = json_string_value(json_object_get(ipam, "dataDir"));

		if (str_equal(type, "host-local"))
			return xasprintf("%s/%s", dir ? dir : DEFAULT_DATA_DIR, list->name);
	}
	return NULL;
}

static const char *first_subnet(const struct conflist *list, bool v6)
{
	for (size_t i = 0; i < list->subnets.n; i++)
		if (!strchr(list->subnets.items[i], ':') == !v6)
			return list->subnets.items[i];
	return NULL;
}

const char *conflist_subnet(const struct conflist *list)
{
	return first_subnet(list, false);
}

const char *conflist_subnet6(const struct conflist *list)
{
	return first_subnet(list, true);
}

bool conflist_equal(const struct conflist *a, const struct conflist *b)
{
	return json_equal(a->root, b->root);
}

static bool has_capability(json_t *plugin, const char *name)
{
	return json_is_true(json_object_get(json_object_get(plugin, "capabilities"), name));
}

/* NULL when no address is wished for. */
static json_t *wished_ips(const struct interface_wish *wish)
{
	json_t *ips = wish->ip || wish->ip6 ? json_array() : NULL;

	if (wish->ip)
		json_array_append_new(ips, json_string(wish->ip));
	if (wish->ip6)
		json_array_append_new(ips, json_string(wish->ip6));
	return ips;
}

char *conflist_plugin_input(const struct conflist *list, size_t i, json_t *prev_result,
			    const struct interface_wish *wish)
{
	json_t *ips = wished_ips(wish);

	json_t *plugin = plugin_at(list, i), *input = json_copy(plugin);
	json_t *runtime = json_object();
	json_t *version = json_object_get(list->root, "cniVersion");
	char *text;

	json_object_del(input, "capabilities");
	json_object_set_new(input, "name", json_string(list->name));
	if (version)
		json_object_set(input, "cniVersion", version);
	if (ips && has_capability(plugin, "ips"))
		json_object_set(runtime, "ips", ips);
	if (wish->mac && has_capability(plugin, "mac"))
		json_object_set_new(runtime, "mac", json_string(wish->mac));
	json_decref(ips);
	if (json_object_size(runtime))
		json_object_set(input, "runtimeConfig", runtime);
	json_decref(runtime);
	if (prev_result)
		json_object_set(input, "prevResult", prev_result);
	text = json_dumps(input, JSON_COMPACT);
	check(text);
	json_decref(input);
	return text;
}
