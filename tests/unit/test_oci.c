/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>

#include "core/base/buf.h"
#include "drivers/containerd/oci.h"

struct fixture {
	Api__ContainerSpec spec;
	struct container_request request;
	struct image_config image;
	struct host host;
	struct oci_options options;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->spec = (Api__ContainerSpec)API__CONTAINER_SPEC__INIT;
	f->spec.id = (char *)"web";
	f->spec.image = (char *)"docker.io/library/busybox:latest";
	f->request = (struct container_request){
		.ref = { "kukeon-r", "s_t_c_web" },
		.cell_key = "r/s/t/c",
		.role = "web",
		.spec_hash = "h",
		.group_id = "s_t_c_root",
		.netns_path = "/run/kukeon/netns/r_s_t_c",
		.cgroup_path = "/kukeon/r/s/t/c/c_web",
		.hostname = "c",
		.hosts_path = "/x/hosts",
		.hostname_path = "/x/hostname",
		.spec = &f->spec,
	};
	strv_add(&f->image.entrypoint, "/entry");
	strv_add(&f->image.cmd, "cmd");
	strv_add(&f->image.env, "PATH=/image");
	strv_add(&f->image.env, "A=image");
	f->image.user = xstrdup("");
	f->image.working_dir = xstrdup("");
	f->image.stop_signal = xstrdup("");
	f->host = (struct host){ .nofile_max = 20000, .capabilities = 0x3, .arch = "amd64" };
	f->options = (struct oci_options){ .request = &f->request,
					   .image = &f->image,
					   .host = &f->host };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	image_config_fini(&f->image);
	free(f);
	return 0;
}

static json_t *make(struct fixture *f)
{
	AUTO_FREE char *json = NULL;
	struct error err = { 0 };
	json_t *root;

	if (oci_spec(&f->options, &json, &err) < 0)
		fail_msg("%s", err.msg);
	root = json_loads(json, 0, NULL);
	assert_non_null(root);
	return root;
}

/* The strings of an array joined by '|'. */
static char *joined(const json_t *array)
{
	struct buf buf = { 0 };
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		buf_printf(&buf, "%s%s", i ? "|" : "", json_string_value(item));
	return buf_take(&buf);
}

static void expect_process(struct fixture *f, const char *field, const char *expected)
{
	json_t *root = make(f);
	AUTO_FREE char *actual = joined(json_object_get(json_object_get(root, "process"), field));

	assert_string_equal(actual, expected);
	json_decref(root);
}

static void test_args(void **state)
{
	struct fixture *f = *state;
	char *args[] = { (char *)"-c", (char *)"true" };

	expect_process(f, "args", "/entry|cmd");
	f->spec.args = args;
	f->spec.n_args = 2;
	expect_process(f, "args", "/entry|-c|true");
	f->spec.command = (char *)"/bin/sh";
	expect_process(f, "args", "/bin/sh|-c|true");
	f->spec.n_args = 0;
	expect_process(f, "args", "/bin/sh");
}

static void test_nothing_to_run(void **state)
{
	struct fixture *f = *state;
	struct error err = { 0 };
	char *json;

	strv_fini(&f->image.entrypoint);
	strv_fini(&f->image.cmd);
	assert_int_equal(oci_spec(&f->options, &json, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "set command"));
}

static void test_env(void **state)
{
	struct fixture *f = *state;
	char *env[] = { (char *)"A=spec", (char *)"B=1", (char *)"KUKEON_CELL=liar",
			(char *)"B=2" };

	f->spec.env = env;
	f->spec.n_env = 4;
	expect_process(
		f, "env",
		"PATH=/image|A=spec|HOSTNAME=c|B=2|KUKEON_CELL=c|KUKEON_REALM=r|KUKEON_SPACE=s|KUKEON_STACK=t|"
		"KUKEON_CONTAINER=web");
}

static void test_user(void **state)
{
	static const struct {
		const char *user;
		int uid, gid; /* -1: refused */
	} cases[] = {
		{ "", 0, 0 },
		{ "0", 0, 0 },
		{ "1000", 1000, 0 },
		{ "1000:2000", 1000, 2000 },
		{ "root", 0, 0 },
		{ "root:root", 0, 0 },
		{ "nobody", -1, 0 },
		{ "1000:users", -1, 0 },
		{ "4294967295", -1, 0 },
		{ "99999999999", -1, 0 },
		{ "-1", -1, 0 },
		{ "1000:", -1, 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *json = NULL;
		AUTO_FREE char *expected =
			xasprintf("\"user\":{\"uid\":%d,\"gid\":%d}", cases[i].uid, cases[i].gid);
		struct error err = { 0 };

		free(f->image.user);
		f->image.user = xstrdup(cases[i].user);
		assert_int_equal(oci_spec(&f->options, &json, &err),
				 cases[i].uid < 0 ? -EINVAL : 0);
		if (cases[i].uid < 0)
			assert_non_null(strstr(err.msg, cases[i].user));
		else if (!strstr(json, expected))
			fail_msg("user \"%s\": expected %s in %s", cases[i].user, expected, json);
	}
}

static const json_t *find_mount(const json_t *root, const char *target)
{
	const json_t *mounts = json_object_get(root, "mounts"), *mount, *found = NULL;
	size_t i;

	json_array_foreach(mounts, i, mount)
		if (str_equal(json_string_value(json_object_get(mount, "destination")), target))
			found = mount;
	return found;
}

static void expect_mount(const json_t *root, const char *target, const char *source,
			 const char *options)
{
	const json_t *mount = find_mount(root, target);
	AUTO_FREE char *actual = joined(json_object_get(mount, "options"));

	if (!mount)
		fail_msg("no mount at %s", target);
	assert_string_equal(json_string_value(json_object_get(mount, "source")), source);
	assert_string_equal(actual, options);
}

static void test_mounts(void **state)
{
	struct fixture *f = *state;
	Api__Volume bind = API__VOLUME__INIT, memory = API__VOLUME__INIT;
	Api__Volume *volumes[] = { &bind, &memory };
	json_t *root;

	bind.source = (char *)"/srv/www";
	bind.target = (char *)"/www";
	bind.read_only = true;
	memory.kind = (char *)"tmpfs";
	memory.target = (char *)"/scratch";
	f->spec.volumes = volumes;
	f->spec.n_volumes = 2;
	f->options.resolv_conf = "/etc/resolv.conf";
	root = make(f);
	expect_mount(root, "/www", "/srv/www", "rbind|rprivate|ro");
	expect_mount(root, "/scratch", "tmpfs", "nosuid|nodev|mode=1777|rw");
	expect_mount(root, "/etc/hosts", "/x/hosts", "rbind|rprivate|rw");
	expect_mount(root, "/etc/hostname", "/x/hostname", "rbind|rprivate|rw");
	expect_mount(root, "/etc/resolv.conf", "/etc/resolv.conf", "rbind|rprivate|ro");
	expect_mount(root, "/sys/fs/cgroup", "cgroup", "nosuid|noexec|nodev|relatime|ro");
	assert_null(find_mount(root, "/run"));
	json_decref(root);
}

static void test_read_only_root(void **state)
{
	struct fixture *f = *state;
	json_t *root;

	f->spec.read_only_root_filesystem = true;
	root = make(f);
	assert_true(json_is_true(json_object_get(json_object_get(root, "root"), "readonly")));
	expect_mount(root, "/etc/hosts", "/x/hosts", "rbind|rprivate|ro");
	json_decref(root);
}

static void test_isolation(void **state)
{
	json_t *root = make(*state), *section = json_object_get(root, "linux");
	const json_t *rules = json_object_get(json_object_get(section, "resources"), "devices");
	AUTO_FREE char *namespaces =
		json_dumps(json_object_get(section, "namespaces"), JSON_COMPACT);
	AUTO_FREE char *limits = json_dumps(
		json_object_get(json_object_get(root, "process"), "rlimits"), JSON_COMPACT);

	assert_string_equal(
		namespaces,
		"[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},"
		"{\"type\":\"cgroup\"},{\"type\":\"network\",\"path\":"
		"\"/run/kukeon/netns/r_s_t_c\"}]");
	assert_string_equal(limits, "[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1024,\"hard\":20000}]");
	assert_true(json_is_false(json_object_get(json_array_get(rules, 0), "allow")));
	assert_int_equal(json_array_size(rules), 12);
	assert_int_equal(json_array_size(json_object_get(section, "maskedPaths")), 11);
	assert_int_equal(json_array_size(json_object_get(section, "readonlyPaths")), 5);
	assert_string_equal(json_string_value(json_object_get(section, "cgroupsPath")),
			    "/kukeon/r/s/t/c/c_web");
	assert_string_equal(json_string_value(json_object_get(json_object_get(root, "annotations"),
							      "io.containerd.runc.v2.group")),
			    "s_t_c_root");
	json_decref(root);
}

static void test_privileged(void **state)
{
	struct fixture *f = *state;
	struct host_device device = {
		.path = (char *)"/dev/fuse", .type = 'c', .major = 10, .minor = 229, .mode = 0666
	};
	struct host_devices devices = { &device, 1 };
	json_t *root, *section;

	f->spec.privileged = true;
	f->options.devices = &devices;
	root = make(f);
	section = json_object_get(root, "linux");
	AUTO_FREE char *rules = json_dumps(
		json_object_get(json_object_get(section, "resources"), "devices"), JSON_COMPACT);
	AUTO_FREE char *nodes = json_dumps(json_object_get(section, "devices"), JSON_COMPACT);
	AUTO_FREE char *caps = joined(json_object_get(
		json_object_get(json_object_get(root, "process"), "capabilities"), "bounding"));

	assert_string_equal(rules, "[{\"allow\":true,\"access\":\"rwm\"}]");
	assert_string_equal(
		nodes,
		"[{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438,"
		"\"uid\":0,\"gid\":0}]");
	assert_string_equal(caps, "CAP_CHOWN|CAP_DAC_OVERRIDE");
	assert_null(json_object_get(section, "maskedPaths"));
	expect_mount(root, "/sys", "sysfs", "nosuid|noexec|nodev|rw");
	json_decref(root);
}

static void test_host(void **state UNUSED)
{
	struct host_devices devices;
	struct host host;
	bool null_found = false;

	host_read(&host);
	assert_true(host.nofile_max > 0);
	assert_string_equal(host_capability_name(40), "CAP_CHECKPOINT_RESTORE");
	assert_null(host_capability_name(41));
	host_devices_read("/dev", &devices);
	for (size_t i = 0; i < devices.n; i++)
		null_found = null_found || (str_equal(devices.items[i].path, "/dev/null") &&
					    devices.items[i].minor == 3);
	assert_true(null_found);
	host_devices_fini(&devices);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_args),      TEST(test_nothing_to_run), TEST(test_env),
		TEST(test_user),      TEST(test_mounts),         TEST(test_read_only_root),
		TEST(test_isolation), TEST(test_privileged),     cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
