/* SPDX-License-Identifier: Apache-2.0 */
/* A range, ports and a host name of an egress policy, and what a daemon before us noted of a name:
 * what is taken keeps to its bounds. */
#include <stdio.h>

#include "core/base/str.h"
#include "core/model/egress.h"
#include "core/network/egress_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is written of it is read as the same. */
static void play_note(const char *data, size_t len)
{
	AUTO_BUF struct buf text = { 0 }, again = { 0 };
	struct egress_addresses addresses;

	egress_addresses_parse(data, len, &addresses);
	check(addresses.n <= EGRESS_ADDRESSES_MAX);
	egress_addresses_format(&addresses, &text);
	egress_addresses_parse(text.data, text.len, &addresses);
	egress_addresses_format(&addresses, &again);
	check(str_equal(text.data, again.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = xstrndup((const char *)data, len);
	struct egress_range range;
	struct egress_ports ports;
	struct error err = { 0 };

	if (egress_range_parse(text, &range, &err) == 0)
		check(ip_compare(&range.first, &range.last) <= 0 &&
		      (range.v6 || (ip_is_v4(&range.first) && ip_is_v4(&range.last))));
	else
		check(err.msg[0]);
	if (egress_ports_parse(text, &ports, &err) == 0) {
		AUTO_FREE char *written =
			xasprintf("%u-%u/%s", ports.first, ports.last, ports.udp ? "udp" : "tcp");
		struct egress_ports again;

		check(ports.first && ports.first <= ports.last);
		check(egress_ports_parse(written, &again, &err) == 0);
		check(again.first == ports.first && again.last == ports.last &&
		      again.udp == ports.udp);
	}
	play_note((const char *)data, len);
	if (egress_host_check(text, &err) == 0)
		check(*text && !strpbrk(text, " \n\"';{}/"));
	return 0;
}
