/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/user_parse.h"

#include <errno.h>

/* Values from the spec and the image are cut to this many bytes in messages. */
#define SHOWN "%.80s"

enum { HOME_MAX_BYTES = 4096 };

void user_fini(struct user *user)
{
	free(user->groups);
	free(user->home);
	*user = (struct user){ 0 };
}

/* ---- lines of fields with colons between them ---- */

struct field {
	const char *s;
	size_t len;
};

enum { PASSWD_NAME, PASSWD_UID = 2, PASSWD_GID, PASSWD_HOME = 5, PASSWD_FIELDS = 6 };
enum { GROUP_NAME, GROUP_GID = 2, GROUP_MEMBERS, GROUP_FIELDS = 4 };

/* The first fields of the line at *@at, which moves on to the next; missing ones are empty. */
static bool next_line(const char **at, struct field fields[], size_t n)
{
	const char *s = *at, *end = s + strcspn(s, "\n");

	if (!*s)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(s, ":\n");

		fields[i] = (struct field){ s, len };
		s += len + (s[len] == ':');
	}
	*at = *end ? end + 1 : end;
	return true;
}

static bool field_is(struct field field, const char *s, size_t len)
{
	return field.len == len && memcmp(field.s, s, len) == 0;
}

/* A decimal id; (uid_t)-1 means "leave as it is" to the kernel and is none. */
static bool parse_id(struct field field, uint32_t *ret_id)
{
	uint64_t id = 0;

	if (field.len == 0 || field.len > 10)
		return false;
	for (size_t i = 0; i < field.len; i++) {
		if (field.s[i] < '0' || field.s[i] > '9')
			return false;
		id = id * 10 + (uint64_t)(field.s[i] - '0');
	}
	if (id >= UINT32_MAX)
		return false;
	*ret_id = (uint32_t)id;
	return true;
}

static bool lists_member(struct field members, struct field name)
{
	while (members.len) {
		const char *comma = memchr(members.s, ',', members.len);
		size_t len = comma ? (size_t)(comma - members.s) : members.len;

		if (name.len && field_is(name, members.s, len))
			return true;
		len += comma ? 1 : 0;
		members.s += len;
		members.len -= len;
	}
	return false;
}

/* ---- the user ---- */

struct found_user {
	struct field name; /* empty: not in the file */
	uint32_t uid, gid;
	struct field home;
};

static bool find_entry(const char *passwd, struct field wanted, bool by_id,
		       struct found_user *found)
{
	struct field fields[PASSWD_FIELDS];
	uint32_t wanted_id = found->uid, uid, gid;

	while (next_line(&passwd, fields, PASSWD_FIELDS)) {
		if (!parse_id(fields[PASSWD_UID], &uid) || !parse_id(fields[PASSWD_GID], &gid))
			continue;
		if (by_id ? uid != wanted_id : !field_is(fields[PASSWD_NAME], wanted.s, wanted.len))
			continue;
		*found = (struct found_user){ fields[PASSWD_NAME], uid, gid, fields[PASSWD_HOME] };
		return true;
	}
	return false;
}

static int refuse_name(const char *origin, const char *spec, const char *file, struct field name,
		       const struct error *why, struct error *err)
{
	int len = (int)(name.len < 80 ? name.len : 80);

	if (why)
		return error_set(err, -EINVAL,
				 "%s \"" SHOWN "\": %.300s, so \"%.*s\" is not known: use a number",
				 origin, spec, why->msg, len, name.s);
	return error_set(err, -EINVAL,
			 "%s \"" SHOWN "\": %s of the image does not know \"%.*s\": use a name "
			 "from it, or a number",
			 origin, spec, file, len, name.s);
}

/* "root" is the one name that is the same in every image, with or without files. */
static int find_user(const char *spec, const char *origin, struct field name,
		     const struct user_files *files, struct found_user *found, struct error *err)
{
	bool by_id = parse_id(name, &found->uid);

	if (files->passwd && find_entry(files->passwd, name, by_id, found))
		return 0;
	if (by_id || field_is(name, "root", strlen("root")))
		return 0;
	return refuse_name(origin, spec, "/etc/passwd", name,
			   files->passwd ? NULL : files->passwd_why, err);
}

/* ---- groups ---- */

static int find_group(const char *spec, const char *origin, struct field name,
		      const struct user_files *files, uint32_t *ret_gid, struct error *err)
{
	const char *at = files->group ? files->group : "";
	struct field fields[GROUP_FIELDS];

	if (parse_id(name, ret_gid))
		return 0;
	while (next_line(&at, fields, GROUP_FIELDS))
		if (field_is(fields[GROUP_NAME], name.s, name.len) &&
		    parse_id(fields[GROUP_GID], ret_gid))
			return 0;
	*ret_gid = 0;
	if (field_is(name, "root", strlen("root")))
		return 0;
	return refuse_name(origin, spec, "/etc/group", name, files->group ? NULL : files->group_why,
			   err);
}

static bool has_group(const struct user *user, uint32_t gid)
{
	for (size_t i = 0; i < user->n_groups; i++)
		if (user->groups[i] == gid)
			return true;
	return gid == user->gid;
}

static int add_groups(const char *group, struct field name, const char *origin, struct user *user,
		      struct error *err)
{
	struct field fields[GROUP_FIELDS];
	uint32_t gid;

	while (next_line(&group, fields, GROUP_FIELDS)) {
		if (!lists_member(fields[GROUP_MEMBERS], name) ||
		    !parse_id(fields[GROUP_GID], &gid) || has_group(user, gid))
			continue;
		if (user->n_groups == USER_GROUPS_MAX)
			return error_set(err, -EINVAL,
					 "%s: it is in more than %d groups of the image's "
					 "/etc/group: name one group, as in \"user:group\"",
					 origin, USER_GROUPS_MAX);
		user->groups =
			xrealloc(user->groups, (user->n_groups + 1) * sizeof(user->groups[0]));
		user->groups[user->n_groups++] = gid;
	}
	return 0;
}

/* ---- both ---- */

static int complete(const char *spec, const char *origin, struct field group,
		    const struct user_files *files, const struct found_user *found,
		    struct user *user, struct error *err)
{
	user->uid = found->uid;
	user->gid = found->gid;
	if (found->home.len && found->home.len <= HOME_MAX_BYTES && found->home.s[0] == '/')
		user->home = xstrndup(found->home.s, found->home.len);
	if (group.s)
		return find_group(spec, origin, group, files, &user->gid, err);
	if (found->name.len && files->group)
		return add_groups(files->group, found->name, origin, user, err);
	return 0;
}

int user_find(const char *spec, const char *origin, const struct user_files *files,
	      struct user *ret_user, struct error *err)
{
	const char *colon = strchr(spec, ':');
	struct field name = { spec, colon ? (size_t)(colon - spec) : strlen(spec) };
	struct field group = { colon ? colon + 1 : NULL, colon ? strlen(colon + 1) : 0 };
	struct found_user found = { 0 };
	struct user user = { 0 };
	int r;

	if (!*spec)
		name = (struct field){ "0", 1 };
	if (name.len == 0 || (colon && group.len == 0) || (colon && strchr(colon + 1, ':')))
		return error_set(err, -EINVAL,
				 "%s \"" SHOWN "\" is no user: expected user or user:group, "
				 "each a name or a number",
				 origin, spec);
	r = find_user(spec, origin, name, files, &found, err);
	if (r == 0)
		r = complete(spec, origin, group, files, &found, &user, err);
	if (r < 0)
		user_fini(&user);
	else
		*ret_user = user;
	return r;
}
