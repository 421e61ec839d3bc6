/* SPDX-License-Identifier: Apache-2.0 */
/* A user, and the passwd and group files of an image: three texts with a NUL between them. */
#include "drivers/oci/user_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text =
		xcalloc(len + 3, 1); /* three NULs at the end: three texts at least */
	const char *spec = text, *passwd, *group;
	struct user_files files;
	struct user user = { 0 };
	struct error err = { 0 };

	if (len)
		memcpy(text, data, len);
	passwd = spec + strlen(spec) + 1;
	group = passwd + strlen(passwd) + 1;
	files = (struct user_files){ .passwd = passwd, .group = group };
	if (user_find(spec, "user", &files, &user, &err) < 0) {
		check(err.msg[0]);
		return 0;
	}
	check(user.uid != UINT32_MAX && user.gid != UINT32_MAX);
	check(user.n_groups <= USER_GROUPS_MAX);
	check(!user.home || user.home[0] == '/');
	user_fini(&user);
	return 0;
}
