/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of what runs in a container: user, signal, working directory, host name, capabilities. */
#include <errno.h>
#include <linux/oom.h>
#include <stdio.h>

#include "core/model/capability.h"
#include "core/validate/validate.h"

enum {
	USER_NAME_MAX_BYTES = 256, /* LOGIN_NAME_MAX */
	HOSTNAME_MAX_BYTES = 64,   /* the kernel's limit */
	HOSTNAME_LABEL_MAX_BYTES = 63,
	FIELD_MAX_BYTES = 64,
};

/* ---- user ---- */

static bool is_number(const char *s, size_t len)
{
	return strspn(s, "0123456789") >= len;
}

/* (uid_t)-1 means "leave as it is" to the kernel and is none. */
static bool number_is_valid(const char *s, size_t len)
{
	char *stop;
	unsigned long long value;

	errno = 0;
	value = strtoull(s, &stop, 10);
	return errno == 0 && stop == s + len && value < UINT32_MAX;
}

/* A name that a line of passwd or group can hold, or a number. */
static bool name_or_number(const char *s, size_t len)
{
	if (len == 0 || len > USER_NAME_MAX_BYTES || s[0] == '-')
		return false;
	if (is_number(s, len))
		return number_is_valid(s, len);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || strchr(":,/", s[i]))
			return false;
	return true;
}

static bool user_is_valid(const char *user)
{
	size_t len = strcspn(user, ":");

	if (!name_or_number(user, len))
		return false;
	return !user[len] || name_or_number(user + len + 1, strlen(user + len + 1));
}

/* ---- host name ---- */

static bool label_is_valid(const char *s, size_t len)
{
	if (len == 0 || len > HOSTNAME_LABEL_MAX_BYTES || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		char lower = (char)(s[i] | 0x20);

		if (!(lower >= 'a' && lower <= 'z') && !(s[i] >= '0' && s[i] <= '9') && s[i] != '-')
			return false;
	}
	return true;
}

static bool hostname_is_valid(const char *name)
{
	if (strlen(name) > HOSTNAME_MAX_BYTES)
		return false;
	for (;;) {
		size_t len = strcspn(name, ".");

		if (!label_is_valid(name, len))
			return false;
		if (!name[len])
			return true;
		name += len + 1;
	}
}

static void validate_hostname(const char *prefix, const char *name, struct model_problems *problems)
{
	if (!hostname_is_valid(name))
		validate_problem(problems, prefix, "hostname",
				 "\"" SHOWN "\" is not a host name; expected letters, digits and "
				 "inner dashes, in parts joined by dots, at most %d bytes",
				 name, HOSTNAME_MAX_BYTES);
}

/* ---- capabilities ---- */

static void validate_capability(const char *prefix, const char *list, size_t i, const char *name,
				struct model_problems *problems)
{
	char field[FIELD_MAX_BYTES];
	const char *nearest;

	if (capability_is_all(name) || capability_parse(name) >= 0)
		return;
	snprintf(field, sizeof(field), "%s[%zu]", list, i);
	nearest = capability_nearest(name);
	if (nearest)
		validate_problem(problems, prefix, field,
				 "\"" SHOWN "\" is not a capability, did you mean \"%s\"?", name,
				 nearest);
	else
		validate_problem(problems, prefix, field,
				 "\"" SHOWN
				 "\" is not a capability; expected a name from capabilities(7) "
				 "such as NET_BIND_SERVICE, or ALL",
				 name);
}

static void validate_capabilities(const char *prefix, const Api__Capabilities *capabilities,
				  struct model_problems *problems)
{
	if (validate_list(prefix, "capabilities.add", capabilities->n_add, problems))
		for (size_t i = 0; i < capabilities->n_add; i++)
			validate_capability(prefix, "capabilities.add", i, capabilities->add[i],
					    problems);
	if (validate_list(prefix, "capabilities.drop", capabilities->n_drop, problems))
		for (size_t i = 0; i < capabilities->n_drop; i++)
			validate_capability(prefix, "capabilities.drop", i, capabilities->drop[i],
					    problems);
}

/* ---- memory ---- */

static void validate_oom_score_adj(const char *prefix, int32_t score,
				   struct model_problems *problems)
{
	if (score < OOM_SCORE_ADJ_MIN || score > OOM_SCORE_ADJ_MAX)
		validate_problem(problems, prefix, "oomScoreAdj",
				 "%d is out of range; expected a number from %d to %d", score,
				 OOM_SCORE_ADJ_MIN, OOM_SCORE_ADJ_MAX);
}

void validate_process(const char *prefix, const Api__ContainerSpec *spec,
		      struct model_problems *problems)
{
	if (!str_empty(spec->stop_signal) && !model_signal_parse(spec->stop_signal))
		validate_problem(problems, prefix, "stopSignal",
				 "\"" SHOWN "\" is not a signal; expected a name such as SIGTERM "
				 "or a number from 1 to 64",
				 spec->stop_signal);
	if (!str_empty(spec->user) && !user_is_valid(spec->user))
		validate_problem(problems, prefix, "user",
				 "\"" SHOWN "\" is not a user; expected user or user:group, each a "
				 "name or a number, such as nobody or 1000:1000",
				 spec->user);
	if (!str_empty(spec->working_dir))
		validate_path(prefix, "workingDir", "an absolute path in the container",
			      spec->working_dir, problems);
	if (!str_empty(spec->hostname))
		validate_hostname(prefix, spec->hostname, problems);
	validate_oom_score_adj(prefix, spec->oom_score_adj, problems);
	if (spec->capabilities)
		validate_capabilities(prefix, spec->capabilities, problems);
}
