/* SPDX-License-Identifier: Apache-2.0 */
/* One published port. What is taken says the same when it is written out and read again. */
#include "core/model/ports.h"

#include <stdio.h>

#include "core/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = xstrndup((const char *)data, len);
	struct published_port port = { 0 }, again = { 0 };
	struct error err = { 0 };

	if (port_parse(text, &port, &err) < 0) {
		check(err.msg[0]);
		return 0;
	}
	check(port.port && port.host_port);
	bool v6 = strchr(port.host_ip, ':');
	AUTO_FREE char *written = xasprintf("%s%s%s%s%u:%u/%s", v6 ? "[" : "", port.host_ip,
					    v6 ? "]" : "", *port.host_ip ? ":" : "", port.host_port,
					    port.port, port.udp ? "udp" : "tcp");
	check(port_parse(written, &again, &err) == 0);
	check(port_clashes(&port, &again) && again.port == port.port);
	check(str_equal(port.host_ip, again.host_ip));
	return 0;
}
