/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other tools on the host: whatever stands in them is no range, or one that is whole. */
#include "core/base/str.h"
#include "drivers/hostnet/neighbours.h"
#include "drivers/hostnet/switches.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(taken_subnets_fini) struct taken_subnets taken = { 0 };
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO_FREE char *subnet = neighbours_read_default_subnet(text);

	check(!subnet || strlen(subnet) <= size);
	neighbours_read_docker("d", (const char *)data, size, &taken);
	neighbours_read_netavark("n", (const char *)data, size, &taken);
	switches_text_turns_off(text, "net.ipv4.ip_forward");
	for (size_t i = 0; i < taken.n; i++) {
		const struct subnet *range = &taken.items[i].subnet;
		struct ip first = ip_first(&range->address, range->prefix);

		check(range->prefix <= IP_BITS && ip_compare(&first, &range->address) == 0);
		check(taken.items[i].owner[0]);
	}
	return 0;
}
