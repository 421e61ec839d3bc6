/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/attachments/adopt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/attachments/inside.h"
#include "drivers/attachments/reservation.h"
#include "drivers/hostnet/hostlinks.h"
#include "drivers/netlink/subnet.h"
#include "drivers/netns/netns.h"
#include "drivers/spaces/space.h"

enum {
	JOINS_SEEN_MAX = 64, /* interfaces of one cell that are looked at */
	SYS_FILE_MAX_BYTES = 64,
	INSIDE_INDEX = 2, /* of the cell's own end in the result, behind the two of the host */
};

uint64_t adopt_number(const char *container_id, const char *cell_key)
{
	AUTO_FREE char *prefix = NULL;
	AUTO_FREE char *id = name_cell_id(cell_key);
	const char *number;

	prefix = xasprintf("%s.", id);
	number = str_starts_with(container_id, prefix) ? container_id + strlen(prefix) : "";
	return isdigit((unsigned char)*number) && number[strspn(number, "0123456789")] == '\0'
		       ? strtoull(number, NULL, 10)
		       : 0;
}

/* ---- reservations ---- */

void adopt_release(const struct conflist *list, const char *ip, const char *cell_key)
{
	AUTO_FREE char *path = reservation_path(list, ip);
	AUTO_FREE char *container = path ? reservation_container(path) : NULL;

	if (container && adopt_number(container, cell_key))
		unlink(path);
}

/* The container id that the address is reserved for. A new one where nobody has it, or the file was
 * cut; NULL: another has. Free with free(). */
static char *container_id_of(const struct adopt_request *request, const struct conflist *list,
			     const char *ip)
{
	AUTO_FREE char *path = reservation_path(list, ip);
	AUTO_FREE char *container = path ? reservation_container(path) : NULL;
	AUTO_FREE char *id = name_cell_id(request->cell_key);

	if (str_empty(container) || str_starts_with(id, container))
		return xasprintf("%s.%llu", id, (unsigned long long)request->number);
	return adopt_number(container, request->cell_key) ? take_ptr(container) : NULL;
}

/* ---- what is there ---- */

struct found {
	char interface[IF_NAMESIZE];
	struct inside inside;
	char *address, *address6; /* of the space, with prefix */
	char *link;
};

static void found_fini(struct found *found)
{
	inside_fini(&found->inside);
	free(found->address);
	free(found->address6);
	free(found->link);
	*found = (struct found){ 0 };
}

/* In the cell's own space the name is enough: it was given to the cell's first interface, and what
 * else it has to be is asked of it. In others only the address on the link, which is this cell's in
 * that space alone. */
static int find_interface(const struct adopt_request *request, struct found *ret, struct error *err)
{
	AUTO_FREE char *mac =
		attachment_mac(request->cell_key, request->joins ? request->space_key : NULL);

	for (int n = request->joins ? 1 : 0; n < JOINS_SEEN_MAX; n++) {
		int r;

		snprintf(ret->interface, sizeof(ret->interface), "eth%d", n);
		r = inside_look(request->netns, ret->interface, &ret->inside, err);
		if (r < 0)
			return r;
		if (!ret->inside.found)
			break;
		if (!request->joins || str_equal(ret->inside.mac, mac))
			return 0;
		inside_fini(&ret->inside);
	}
	return error_set(err, -ENOENT, "no interface of the space is in %s", request->netns);
}

/* The first that is in the range. Free with free(). */
static char *address_in(const struct strv *addresses, const char *range)
{
	struct subnet subnet, one;
	unsigned prefix;
	struct ip ip;

	for (size_t i = 0; range && subnet_parse(range, &subnet) && i < addresses->n; i++) {
		if (!ip_parse_range(addresses->items[i], &ip, &prefix))
			continue;
		one = subnet_make(&ip, IP_BITS);
		if (subnet_overlaps(&subnet, &one))
			return xstrdup(addresses->items[i]);
	}
	return NULL;
}

static int find_link(struct found *found, struct error *err)
{
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	int r = hostlinks_read(&links, err);

	for (size_t i = 0; r == 0 && i < links.n; i++)
		if (links.items[i].veth && links.items[i].ifindex == found->inside.peer)
			found->link = xstrdup(links.items[i].name);
	if (r == 0 && !found->link)
		r = error_set(err, -ENOENT, "its other end is not on the host");
	return r;
}

static int find_all(const struct adopt_request *request, const struct conflist *list,
		    struct found *ret, struct error *err)
{
	int r = find_interface(request, ret, err);

	if (r == 0)
		r = find_link(ret, err);
	if (r < 0)
		return r;
	ret->address = address_in(&ret->inside.addresses, conflist_subnet(list));
	ret->address6 = address_in(&ret->inside.addresses, conflist_subnet6(list));
	return ret->address
		       ? 0
		       : error_set(err, -ENOENT, "%s has no address of the space", ret->interface);
}

/* ---- as a result of ADD ---- */

/* What the bridge answers to: the way out, else the first address of the range. */
static char *gateway_of(const char *route, const char *range)
{
	char text[IP_TEXT_BYTES];
	struct subnet subnet;

	if (!str_empty(route))
		return xstrdup(route);
	if (!range || !subnet_parse(range, &subnet) || !ip_next(&subnet.address))
		return NULL;
	return xstrdup(ip_format(&subnet.address, text));
}

static json_t *address_json(const char *address, const char *route, const char *range)
{
	AUTO_FREE char *gateway = gateway_of(route, range);

	return json_pack("{s:i, s:s, s:s*}", "interface", INSIDE_INDEX, "address", address,
			 "gateway", gateway);
}

static json_t *interfaces_json(const struct adopt_request *request, const struct conflist *list,
			       const struct found *found)
{
	AUTO_FREE char *path = xasprintf("/sys/class/net/%s/address", list->bridge);
	AUTO_BUF struct buf mac = { 0 };

	if (fs_read_file(AT_FDCWD, path, SYS_FILE_MAX_BYTES, &mac, NULL) == 0 && mac.data)
		mac.data[strcspn(mac.data, "\n")] = '\0';
	return json_pack("[{s:s, s:s*}, {s:s}, {s:s, s:s*, s:s}]", "name", list->bridge, "mac",
			 mac.len ? mac.data : NULL, "name", found->link, "name", found->interface,
			 "mac", found->inside.mac, "sandbox", request->netns);
}

static json_t *result_json(const struct adopt_request *request, const struct conflist *list,
			   const struct found *found)
{
	const struct inside *inside = &found->inside;
	/* The way out of the namespace is by the cell's own space, not by one that it has joined.
	 */
	const char *way = request->joins ? NULL : inside->gateway;
	const char *way6 = request->joins ? NULL : inside->gateway6;
	json_t *ips = json_array(), *routes = json_array();

	json_array_append_new(ips, address_json(found->address, way, conflist_subnet(list)));
	if (found->address6)
		json_array_append_new(ips,
				      address_json(found->address6, way6, conflist_subnet6(list)));
	if (!str_empty(way))
		json_array_append_new(routes, json_pack("{s:s}", "dst", "0.0.0.0/0"));
	if (!str_empty(way6))
		json_array_append_new(routes, json_pack("{s:s}", "dst", "::/0"));
	return json_pack("{s:s, s:o, s:o, s:o}", "cniVersion", CNI_VERSION, "interfaces",
			 interfaces_json(request, list, found), "ips", ips, "routes", routes);
}

static int take_result(const struct adopt_request *request, const struct found *found,
		       struct attachment *attachment, struct error *err)
{
	json_t *json = result_json(request, &attachment->list, found);
	AUTO_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int r = text ? cni_result_parse(text, strlen(text), &attachment->result, err)
		     : error_set(err, -ENOENT, "what is there cannot be written down");

	json_decref(json);
	return r;
}

/* The conflist as attach() would have taken it down. */
static int take_config(const struct adopt_request *request, struct attachment *attachment,
		       struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	int r = space_read(request->dir, request->space_key, &attachment->list, &text, err);

	if (r < 0)
		return r;
	if (!attachment->list.bridge)
		return error_set(err, -ENOENT, "its network has no bridge");
	if (request->joins)
		conflist_drop_routes(&attachment->list);
	attachment->config = request->joins ? conflist_text(&attachment->list) : buf_take(&text);
	return 0;
}

static int take_all(const struct adopt_request *request, const struct found *found,
		    struct attachment *attachment, struct error *err)
{
	int r = take_result(request, found, attachment, err);

	if (r < 0)
		return r;
	attachment->container_id =
		container_id_of(request, &attachment->list, attachment->result.ip);
	if (!attachment->container_id)
		return error_set(err, -ENOENT, "%s is reserved for another container",
				 attachment->result.ip);
	attachment->interface = xstrdup(found->interface);
	attachment->netns = xstrdup(request->netns);
	attachment->netns_inode = netns_inode(request->netns);
	attachment->boot_id = xstrdup(request->boot_id);
	attachment->conf_path = space_conflist_path(request->dir, request->space_key);
	attachment->wanted_ip = xstrdup_maybe(attachment->result.ip);
	attachment->wanted_ip6 = xstrdup_maybe(attachment->result.ip6);
	return 0;
}

int adopt_look(const struct adopt_request *request, struct attachment *ret, struct error *err)
{
	AUTO(attachment_fini) struct attachment attachment = { 0 };
	AUTO(found_fini) struct found found = { 0 };
	int r = take_config(request, &attachment, err);

	if (r == 0)
		r = find_all(request, &attachment.list, &found, err);
	if (r == 0)
		r = take_all(request, &found, &attachment, err);
	if (r < 0)
		return r;
	*ret = attachment;
	attachment = (struct attachment){ 0 };
	return 0;
}
