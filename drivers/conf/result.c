/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/conf/result.h"

#include <errno.h>

#include "core/base/ip.h"
#include "core/base/str.h"

/* Error codes of the CNI specification. */
enum {
	CNI_ERROR_VERSION = 1,
	CNI_ERROR_FIELD = 2,
	CNI_ERROR_UNKNOWN_CONTAINER = 3,
	CNI_ERROR_ENVIRONMENT = 4,
	CNI_ERROR_IO = 5,
	CNI_ERROR_DECODE = 6,
	CNI_ERROR_CONFIG = 7,
	CNI_ERROR_TRY_AGAIN = 11,
};

/* How the plugins' language says EXFULL, which is what a bridge without a free port answers. */
static const char BRIDGE_FULL[] = "exchange full";

enum { BRIDGE_PORTS = 1023 /* of the kernel's BR_MAX_PORTS the first has no number */ };

enum { PREFIX_TEXT_MAX_BYTES = IP_RANGE_TEXT_BYTES };

void cni_result_fini(struct cni_result *result)
{
	json_decref(result->root);
	free(result->ip);
	free(result->ip6);
	free(result->bridge);
	free(result->bridge_mac);
	free(result->link);
	free(result->gateway);
	free(result->gateway6);
	*result = (struct cni_result){ 0 };
}

/* "10.88.0.5/16" -> "10.88.0.5"; NULL when it is no address. */
static char *address_of(const char *cidr)
{
	size_t len = cidr ? strcspn(cidr, "/") : 0;
	AUTO_FREE char *text = NULL;
	struct ip ip;

	if (len == 0 || len > PREFIX_TEXT_MAX_BYTES)
		return NULL;
	text = xstrndup(cidr, len);
	return ip_parse(text, &ip) ? take_ptr(text) : NULL;
}

/* The gateway's address with the length of the cell's: a bridge has no other. */
static char *gateway_of(json_t *ip)
{
	const char *cidr = json_string_value(json_object_get(ip, "address"));
	AUTO_FREE char *gateway = address_of(json_string_value(json_object_get(ip, "gateway")));
	const char *length = cidr ? strchr(cidr, '/') : NULL;

	return gateway && length && strlen(length) < PREFIX_TEXT_MAX_BYTES
		       ? xasprintf("%s%s", gateway, length)
		       : NULL;
}

/* Of each family the first counts. */
static int read_ips(struct cni_result *result, struct error *err)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(result->root, "ips"), i, item) {
		char *ip = address_of(json_string_value(json_object_get(item, "address")));
		bool v6 = ip && strchr(ip, ':');
		char **place = v6 ? &result->ip6 : &result->ip;

		if (!ip)
			return error_set(err, -EBADMSG,
					 "ips[%zu].address of the result is not an address", i);
		if (*place) {
			free(ip);
			continue;
		}
		*place = ip;
		*(v6 ? &result->gateway6 : &result->gateway) = gateway_of(item);
	}
	return 0;
}

/* What has no sandbox is on the host: the bridge, then the host's end of the pair. */
static void read_interfaces(struct cni_result *result)
{
	json_t *interface;
	size_t i;

	json_array_foreach(json_object_get(result->root, "interfaces"), i, interface) {
		const char *name = json_string_value(json_object_get(interface, "name"));
		const char *mac = json_string_value(json_object_get(interface, "mac"));
		const char *sandbox = json_string_value(json_object_get(interface, "sandbox"));

		if (!name || (sandbox && *sandbox))
			continue;
		if (!result->bridge) {
			result->bridge = xstrdup(name);
			result->bridge_mac = xstrdup_maybe(mac);
		} else if (!result->link) {
			result->link = xstrdup(name);
		}
	}
}

static bool is_deeper_than(json_t *value, int levels)
{
	const char *key;
	json_t *item;
	size_t i;

	if (levels == 0)
		return json_is_object(value) || json_is_array(value);
	json_object_foreach(value, key, item)
		if (is_deeper_than(item, levels - 1))
			return true;
	json_array_foreach(value, i, item)
		if (is_deeper_than(item, levels - 1))
			return true;
	return false;
}

/* It is kept within a record: what could be read once must be so again, deeper inside and as we
 * write it. A number may be several times as long then. */
static int check_kept(json_t *root, struct error *err)
{
	if (is_deeper_than(root, CNI_RESULT_MAX_DEPTH))
		return error_set(err, -EFBIG, "result is nested deeper than %d levels",
				 CNI_RESULT_MAX_DEPTH);
	if (json_dumpb(root, NULL, 0, JSON_COMPACT) > CNI_RESULT_MAX_BYTES)
		return error_set(err, -EFBIG, "result takes more than %d bytes",
				 CNI_RESULT_MAX_BYTES);
	return 0;
}

int cni_result_parse(const char *data, size_t len, struct cni_result *ret, struct error *err)
{
	AUTO(cni_result_fini) struct cni_result result = { 0 };
	json_error_t json_err;
	int r;

	if (len > CNI_RESULT_MAX_BYTES)
		return error_set(err, -EFBIG, "result has more than %d bytes",
				 CNI_RESULT_MAX_BYTES);
	result.root = json_loadb(data, len, JSON_REJECT_DUPLICATES, &json_err);
	if (!json_is_object(result.root))
		return error_set(err, -EBADMSG, "result is not a JSON object%s%s",
				 result.root ? "" : ": ", result.root ? "" : json_err.text);
	r = check_kept(result.root, err);
	if (r == 0)
		r = read_ips(&result, err);
	if (r < 0)
		return r;
	read_interfaces(&result);
	*ret = result;
	result = (struct cni_result){ 0 };
	return 0;
}

static int code_to_errno(json_int_t code)
{
	switch (code) {
	case CNI_ERROR_VERSION:
		return -EPROTONOSUPPORT;
	case CNI_ERROR_FIELD:
	case CNI_ERROR_ENVIRONMENT:
	case CNI_ERROR_CONFIG:
		return -EINVAL;
	case CNI_ERROR_UNKNOWN_CONTAINER:
		return -ENOENT;
	case CNI_ERROR_DECODE:
		return -EBADMSG;
	case CNI_ERROR_TRY_AGAIN:
		return -EAGAIN;
	case CNI_ERROR_IO:
	default:
		return -EIO;
	}
}

void cni_text_clean(char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	while (len && text[len - 1] == ' ')
		text[--len] = '\0';
}

int cni_error_parse(const char *data, size_t len, struct error *err)
{
	json_t *root = len > CNI_RESULT_MAX_BYTES ? NULL : json_loadb(data, len, 0, NULL);
	json_t *code = json_object_get(root, "code");
	const char *msg = json_string_value(json_object_get(root, "msg"));
	const char *details = json_string_value(json_object_get(root, "details"));
	int r = 0;

	if (msg && strstr(msg, BRIDGE_FULL)) {
		r = error_set(err, -EXFULL,
			      "all %d ports of the bridge are in use: delete cells of the space, "
			      "or put some into another one",
			      BRIDGE_PORTS);
	} else if (json_is_integer(code) && json_integer_value(code) > 0) {
		r = code_to_errno(json_integer_value(code));
		error_set(err, r, "%s%s%s (code %lld)", msg ? msg : "no message",
			  details && *details ? ": " : "", details ? details : "",
			  (long long)json_integer_value(code));
		if (err)
			cni_text_clean(err->msg);
	}
	json_decref(root);
	return r;
}
