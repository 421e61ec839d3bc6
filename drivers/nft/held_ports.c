/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/held_ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* More than that are published without being held. */
enum { HELD_MAX = 4096, SMALLEST_BUFFER = 1 };

static bool same_port(const struct filter_port *a, const struct filter_port *b)
{
	return a->udp == b->udp && a->host_port == b->host_port &&
	       filter_is_ip6(a->ip) == filter_is_ip6(b->ip) && str_equal(a->host_ip, b->host_ip);
}

static struct held_port *find(const struct held_ports *held, size_t n,
			      const struct filter_port *port)
{
	for (size_t i = 0; i < n; i++)
		if (same_port(&held->items[i].port, port))
			return &held->items[i];
	return NULL;
}

static void release(struct held_port *item)
{
	free(item->port.host_ip);
	free(item->port.ip);
	close(item->fd);
}

void held_ports_fini(struct held_ports *held)
{
	for (size_t i = 0; i < held->n; i++)
		release(&held->items[i]);
	free(held->items);
	*held = (struct held_ports){ 0 };
}

static void set_option(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value)); /* as good as it gets */
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Where the port is on the host. Returns the length. */
static socklen_t fill_address(const struct filter_port *port, bool v6, union address *ret)
{
	struct ip ip = { { 0 } };
	bool one = port->host_ip && ip_parse(port->host_ip, &ip);

	*ret = (union address){ 0 };
	if (v6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port->host_port);
		memcpy(&ret->v6.sin6_addr, ip.bytes, sizeof(ret->v6.sin6_addr));
		return sizeof(ret->v6);
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port->host_port);
	if (one)
		memcpy(&ret->v4.sin_addr, ip.bytes + IP_V4_BEGINS / 8, sizeof(ret->v4.sin_addr));
	return sizeof(ret->v4);
}

/* Connections of an earlier listener that still fade away do not count as a program that has the
 * port; once it is bound, nobody shares it. -1: not held, errno says why. */
static int hold(const struct filter_port *port)
{
	bool v6 = filter_is_ip6(port->ip);
	union address address;
	socklen_t len = fill_address(port, v6, &address);
	AUTO_CLOSE int fd = socket(address.any.sa_family,
				   (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (v6) {
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	} else {
		set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);
	}
	set_option(fd, SOL_SOCKET, SO_RCVBUF, SMALLEST_BUFFER);
	if (!port->udp)
		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &address.any, len) < 0)
		return -1;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 0);
	return take_fd(&fd);
}

static void add(struct held_ports *held, const struct filter_port *port, int fd)
{
	held->items = xrealloc(held->items, (held->n + 1) * sizeof(*held->items));
	held->items[held->n++] = (struct held_port){
		.port = { .udp = port->udp,
			  .host_port = port->host_port,
			  .host_ip = xstrdup_maybe(port->host_ip),
			  .ip = xstrdup(port->ip) },
		.fd = fd,
	};
}

static bool is_wished(const struct filter_wish *wish, const struct filter_port *port)
{
	for (size_t i = 0; i < wish->n_ports; i++)
		if (same_port(&wish->ports[i], port))
			return true;
	return false;
}

/* What is not published any more first: a port may move from one address to all. */
void held_ports_update(struct held_ports *held, struct filter_wish *wish)
{
	size_t kept = 0;

	for (size_t i = 0; i < held->n; i++) {
		if (is_wished(wish, &held->items[i].port))
			held->items[kept++] = held->items[i];
		else
			release(&held->items[i]);
	}
	held->n = kept;
	for (size_t i = 0; i < wish->n_ports; i++) {
		struct filter_port *port = &wish->ports[i];
		int fd;

		port->taken = false;
		if (held->n >= HELD_MAX || find(held, kept, port))
			continue;
		fd = hold(port);
		if (fd >= 0)
			add(held, port, fd);
		else
			port->taken = errno == EADDRINUSE;
	}
}
