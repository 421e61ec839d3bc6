/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/capability.h"

#include <ctype.h>
#include <strings.h>

#define PREFIX "CAP_"

enum { PREFIX_BYTES = sizeof(PREFIX) - 1, NAME_SHOWN_MAX_BYTES = 64 };

/* Indexed by number. */
static const struct {
	const char *name;
	bool by_default;
} capabilities[] = {
	{ PREFIX "CHOWN", true },
	{ PREFIX "DAC_OVERRIDE", true },
	{ PREFIX "DAC_READ_SEARCH", false },
	{ PREFIX "FOWNER", true },
	{ PREFIX "FSETID", true },
	{ PREFIX "KILL", true },
	{ PREFIX "SETGID", true },
	{ PREFIX "SETUID", true },
	{ PREFIX "SETPCAP", true },
	{ PREFIX "LINUX_IMMUTABLE", false },
	{ PREFIX "NET_BIND_SERVICE", true },
	{ PREFIX "NET_BROADCAST", false },
	{ PREFIX "NET_ADMIN", false },
	{ PREFIX "NET_RAW", true },
	{ PREFIX "IPC_LOCK", false },
	{ PREFIX "IPC_OWNER", false },
	{ PREFIX "SYS_MODULE", false },
	{ PREFIX "SYS_RAWIO", false },
	{ PREFIX "SYS_CHROOT", true },
	{ PREFIX "SYS_PTRACE", false },
	{ PREFIX "SYS_PACCT", false },
	{ PREFIX "SYS_ADMIN", false },
	{ PREFIX "SYS_BOOT", false },
	{ PREFIX "SYS_NICE", false },
	{ PREFIX "SYS_RESOURCE", false },
	{ PREFIX "SYS_TIME", false },
	{ PREFIX "SYS_TTY_CONFIG", false },
	{ PREFIX "MKNOD", true },
	{ PREFIX "LEASE", false },
	{ PREFIX "AUDIT_WRITE", true },
	{ PREFIX "AUDIT_CONTROL", false },
	{ PREFIX "SETFCAP", true },
	{ PREFIX "MAC_OVERRIDE", false },
	{ PREFIX "MAC_ADMIN", false },
	{ PREFIX "SYSLOG", false },
	{ PREFIX "WAKE_ALARM", false },
	{ PREFIX "BLOCK_SUSPEND", false },
	{ PREFIX "AUDIT_READ", false },
	{ PREFIX "PERFMON", false },
	{ PREFIX "BPF", false },
	{ PREFIX "CHECKPOINT_RESTORE", false },
};

static const char *without_prefix(const char *name)
{
	return strncasecmp(name, PREFIX, PREFIX_BYTES) == 0 ? name + PREFIX_BYTES : name;
}

const char *capability_name(unsigned number)
{
	return number < ARRAY_SIZE(capabilities) ? capabilities[number].name : NULL;
}

int capability_parse(const char *name)
{
	name = without_prefix(name);
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (strcasecmp(name, without_prefix(capabilities[i].name)) == 0)
			return (int)i;
	return -1;
}

bool capability_is_all(const char *name)
{
	return strcasecmp(name, CAPABILITY_ALL) == 0;
}

bool capability_equal(const char *a, const char *b)
{
	return strcasecmp(without_prefix(a), without_prefix(b)) == 0;
}

const char *capability_nearest(const char *name)
{
	const char *names[ARRAY_SIZE(capabilities) + 1];
	char upper[NAME_SHOWN_MAX_BYTES];
	size_t n = 0;

	name = without_prefix(name);
	while (n < sizeof(upper) - 1 && name[n]) {
		upper[n] = (char)toupper((unsigned char)name[n]);
		n++;
	}
	upper[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		names[i] = without_prefix(capabilities[i].name);
	names[ARRAY_SIZE(capabilities)] = CAPABILITY_ALL;
	return str_nearest(upper, names, ARRAY_SIZE(names));
}

uint64_t capability_defaults(void)
{
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (capabilities[i].by_default)
			set |= UINT64_C(1) << i;
	return set;
}
