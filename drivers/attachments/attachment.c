/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/attachments/attachment.h"

#include <errno.h>

#include "core/model/names.h"

void attachment_fini(struct attachment *attachment)
{
	free(attachment->container_id);
	free(attachment->interface);
	free(attachment->netns);
	free(attachment->boot_id);
	free(attachment->conf_path);
	free(attachment->wanted_ip);
	free(attachment->wanted_ip6);
	free(attachment->config);
	conflist_fini(&attachment->list);
	cni_result_fini(&attachment->result);
	*attachment = (struct attachment){ 0 };
}

char *attachment_prefix(const char *cell_key)
{
	return xasprintf(ATTACHMENT_PREFIX "%s/", cell_key);
}

char *attachment_key(const char *cell_key, uint64_t n, const char *joined_space)
{
	return xasprintf(ATTACHMENT_PREFIX "%s/%llu%s%s", cell_key, (unsigned long long)n,
			 joined_space ? "/" : "", joined_space ? joined_space : "");
}

/* What follows the cell in a record's key, "<n>" or "<n>/<space key>"; NULL when it is none. */
static const char *after_cell(const char *key)
{
	const char *at = key;

	if (!str_starts_with(key, ATTACHMENT_PREFIX))
		return NULL;
	for (int slashes = 0; slashes < 1 + KIND_CELL + 1; slashes++) {
		at = strchr(at, '/');
		if (!at++)
			return NULL;
	}
	return at;
}

char *attachment_cell_key(const char *key)
{
	const char *start = key + strlen(ATTACHMENT_PREFIX), *rest = after_cell(key);
	AUTO_FREE char *cell = rest ? xstrndup(start, (size_t)(rest - 1 - start)) : NULL;
	struct key_parts parts;

	return cell && *rest && key_split(cell, &parts) && parts.kind == KIND_CELL ? take_ptr(cell)
										   : NULL;
}

const char *attachment_joined_space(const char *key)
{
	const char *rest = after_cell(key), *slash = rest ? strchr(rest, '/') : NULL;

	return slash ? slash + 1 : NULL;
}

char *attachment_own_space(const char *cell_key)
{
	AUTO_FREE char *stack = key_parent(cell_key);

	return key_parent(stack);
}

char *attachment_space_key(const char *key)
{
	const char *joined = attachment_joined_space(key);
	AUTO_FREE char *cell = joined ? NULL : attachment_cell_key(key);
	struct key_parts parts;

	if (joined)
		return key_split(joined, &parts) && parts.kind == KIND_SPACE ? xstrdup(joined)
									     : NULL;
	return cell ? attachment_own_space(cell) : NULL;
}

/* "02": administered locally, of one interface. */
char *attachment_mac(const char *cell_key, const char *joined_space)
{
	AUTO_FREE char *who =
		joined_space ? xasprintf("%s %s", cell_key, joined_space) : xstrdup(cell_key);
	char hex[SHA256_HEX_BYTES];

	sha256_hex(who, strlen(who), hex);
	return xasprintf("02:%.2s:%.2s:%.2s:%.2s:%.2s", hex, hex + 2, hex + 4, hex + 6, hex + 8);
}

char *attachment_format(const struct attachment *attachment)
{
	json_t *root =
		json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s*, s:s*, s:O*}", "containerId",
			  attachment->container_id, "interface", attachment->interface, "netns",
			  attachment->netns, "netnsInode", (json_int_t)attachment->netns_inode,
			  "bootId", attachment->boot_id, "confPath", attachment->conf_path,
			  "config", attachment->config, "wantedIp", attachment->wanted_ip,
			  "wantedIp6", attachment->wanted_ip6, "result", attachment->result.root);
	char *text = json_dumps(root, JSON_COMPACT);

	check(text);
	json_decref(root);
	return text;
}

static char *copy_string(json_t *root, const char *name)
{
	const char *value = json_string_value(json_object_get(root, name));

	return xstrdup_maybe(value);
}

static int read_result(json_t *root, struct attachment *attachment, struct error *err)
{
	json_t *result = json_object_get(root, "result");
	AUTO_FREE char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;

	return text ? cni_result_parse(text, strlen(text), &attachment->result, err) : 0;
}

static int read_fields(json_t *root, struct attachment *attachment, struct error *err)
{
	int r;

	attachment->container_id = copy_string(root, "containerId");
	attachment->interface = copy_string(root, "interface");
	if (!attachment->interface) /* of a version that knew no other */
		attachment->interface = xstrdup(ATTACHMENT_OWN_INTERFACE);
	attachment->netns = copy_string(root, "netns");
	attachment->netns_inode = (uint64_t)json_integer_value(json_object_get(root, "netnsInode"));
	attachment->boot_id = copy_string(root, "bootId");
	attachment->conf_path = copy_string(root, "confPath");
	attachment->wanted_ip = copy_string(root, "wantedIp");
	attachment->wanted_ip6 = copy_string(root, "wantedIp6");
	attachment->config = copy_string(root, "config");
	if (!attachment->container_id || !attachment->netns || !attachment->boot_id ||
	    !attachment->conf_path || !attachment->config)
		return error_set(err, -EBADMSG, "a field is missing");
	r = conflist_parse(attachment->config, strlen(attachment->config), &attachment->list, err);
	return r < 0 ? r : read_result(root, attachment, err);
}

int attachment_parse(const char *data, size_t len, struct attachment *ret, struct error *err)
{
	AUTO(attachment_fini) struct attachment attachment = { 0 };
	json_t *root = json_loadb(data, len, 0, NULL);
	int r;

	if (!root)
		return error_set(err, -EBADMSG, "attachment record is not JSON");
	r = read_fields(root, &attachment, err);
	json_decref(root);
	if (r < 0)
		return error_wrap(err, r, "attachment record");
	*ret = attachment;
	attachment = (struct attachment){ 0 };
	return 0;
}
