/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>

#include "core/base/buf.h"
#include "core/model/field.h"
#include "drivers/oci/image_volumes.h"
#include "drivers/oci/oci.h"

struct fixture {
	Api__ContainerSpec spec;
	struct container_request request;
	struct image_config image;
	struct host host;
	struct inputs inputs;
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
	f->host = (struct host){ .nofile_max = 20000, .capabilities = UINT64_C(0x1ffffffffff) };
	f->options = (struct oci_options){
		.request = &f->request, .image = &f->image, .host = &f->host, .inputs = &f->inputs
	};
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
	struct fixture *f = *state;
	uint32_t groups[] = { 29, 44 };
	json_t *root;

	f->inputs.user = (struct user){ 1500, 1600, groups, 2, (char *)"/home/app" };
	root = make(f);
	AUTO_FREE char *user =
		json_dumps(json_object_get(json_object_get(root, "process"), "user"), JSON_COMPACT);

	assert_string_equal(user, "{\"uid\":1500,\"gid\":1600,\"additionalGids\":[1600,29,44]}");
	json_decref(root);
}

static void test_home(void **state)
{
	static const char rest[] = "HOSTNAME=c|KUKEON_REALM=r|KUKEON_SPACE=s|KUKEON_STACK=t|"
				   "KUKEON_CELL=c|KUKEON_CONTAINER=web";
	struct fixture *f = *state;
	char *env[] = { (char *)"HOME=/spec" };
	AUTO_FREE char *found = xasprintf("PATH=/image|HOME=/home/app|A=image|%s", rest);
	AUTO_FREE char *own = xasprintf("PATH=/image|HOME=/spec|A=image|%s", rest);

	f->inputs.user.home = (char *)"/home/app";
	expect_process(f, "env", found);
	f->spec.env = env;
	f->spec.n_env = 1;
	expect_process(f, "env", own);
}

static char *capabilities_of(struct fixture *f, const char *set)
{
	json_t *root = make(f);
	const json_t *sets = json_object_get(json_object_get(root, "process"), "capabilities");
	const json_t *list = json_object_get(sets, set);
	char *names = list ? joined(list) : xstrdup("none");

	json_decref(root);
	return names;
}

/* Names joined by spaces into a list for a message. */
static size_t words(char *text, char *ret_words[], size_t max)
{
	size_t n = 0;

	for (char *word = strtok(text, " "); word && n < max; word = strtok(NULL, " "))
		ret_words[n++] = word;
	return n;
}

#define DEFAULTS                                                                                   \
	"CAP_CHOWN|CAP_DAC_OVERRIDE|CAP_FOWNER|CAP_FSETID|CAP_KILL|CAP_SETGID|CAP_SETUID|"         \
	"CAP_SETPCAP|CAP_NET_BIND_SERVICE|CAP_NET_RAW|CAP_SYS_CHROOT|CAP_MKNOD|CAP_AUDIT_WRITE|"   \
	"CAP_SETFCAP"

static void test_capabilities(void **state)
{
	static const struct {
		const char *add, *drop;
		uint32_t uid;
		const char *bounding, *ambient;
	} cases[] = {
		{ "", "", 0, DEFAULTS, "none" },
		{ "", "", 1000, DEFAULTS, "none" },
		{ "", "ALL", 0, "", "none" },
		{ "net_bind_service", "all", 0, "CAP_NET_BIND_SERVICE", "none" },
		{ "NET_ADMIN CAP_BPF", "ALL", 1000, "CAP_NET_ADMIN|CAP_BPF",
		  "CAP_NET_ADMIN|CAP_BPF" },
		{ "CHOWN", "cap_chown ALL", 0, "CAP_CHOWN", "none" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Api__Capabilities capabilities = API__CAPABILITIES__INIT;
		AUTO_FREE char *add = xstrdup(cases[i].add), *drop = xstrdup(cases[i].drop);
		char *add_words[4], *drop_words[4];

		capabilities.add = add_words;
		capabilities.n_add = words(add, add_words, 4);
		capabilities.drop = drop_words;
		capabilities.n_drop = words(drop, drop_words, 4);
		f->spec.capabilities = &capabilities;
		f->inputs.user.uid = cases[i].uid;
		AUTO_FREE char *bounding = capabilities_of(f, "bounding");
		AUTO_FREE char *effective = capabilities_of(f, "effective");
		AUTO_FREE char *ambient = capabilities_of(f, "ambient");
		AUTO_FREE char *inheritable = capabilities_of(f, "inheritable");

		assert_string_equal(bounding, cases[i].bounding);
		assert_string_equal(effective, cases[i].bounding);
		assert_string_equal(ambient, cases[i].ambient);
		assert_string_equal(inheritable, cases[i].ambient);
	}
}

static void test_a_capability_that_we_lack(void **state)
{
	struct fixture *f = *state;
	Api__Capabilities capabilities = API__CAPABILITIES__INIT;
	char *all[] = { (char *)"ALL" }, *one[] = { (char *)"SYS_ADMIN" };
	struct error err;
	char *json;

	f->host.capabilities = 0x3;
	f->spec.capabilities = &capabilities;
	capabilities.n_drop = capabilities.n_add = 1;
	capabilities.drop = capabilities.add = all;
	AUTO_FREE char *bounding = capabilities_of(f, "bounding");

	assert_string_equal(bounding, "CAP_CHOWN|CAP_DAC_OVERRIDE");
	capabilities.add = one;
	assert_int_equal(oci_spec(&f->options, &json, &err), -EINVAL);
	assert_string_equal(err.msg, "capabilities.add: kukeond itself runs without CAP_SYS_ADMIN "
				     "and cannot give it: leave it out, or let kukeond have it");
}

/* Never what containerd happens to have. */
static void test_oom_score_adj(void **state)
{
	static const struct {
		bool may_lower;
		int own, asked, expected; /* OUT_OF_REACH: refused */
	} cases[] = {
#define OUT_OF_REACH 9999
		{ true, -900, 0, 0 },
		{ true, 0, -500, -500 },
		{ true, 300, 0, 0 },
		{ false, 0, 0, 0 },
		{ false, 0, 700, 700 },
		{ false, 300, 0, 300 },
		{ false, 300, 400, 400 },
		{ false, -900, 0, 0 },
		{ false, -900, -900, -900 },
		{ false, 0, -1, OUT_OF_REACH },
		{ false, 300, 299, OUT_OF_REACH },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *json = NULL;
		struct error err = { 0 };

		f->host.capabilities = cases[i].may_lower ? UINT64_MAX : ~(UINT64_C(1) << 24);
		f->host.oom_score_adj = cases[i].own;
		f->spec.has_oom_score_adj = cases[i].asked != 0;
		f->spec.oom_score_adj = cases[i].asked;
		if (cases[i].expected == OUT_OF_REACH) {
			assert_int_equal(oci_spec(&f->options, &json, &err), -EINVAL);
			assert_non_null(strstr(err.msg, "oomScoreAdj: kukeond itself runs at"));
			continue;
		}
		json_t *root = make(f);
		const json_t *score =
			json_object_get(json_object_get(root, "process"), "oomScoreAdj");

		assert_true(json_is_integer(score));
		assert_int_equal(json_integer_value(score), cases[i].expected);
		json_decref(root);
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
	Api__Tmpfs small = API__TMPFS__INIT, plain = API__TMPFS__INIT;
	Api__Tmpfs *tmpfs[] = { &small, &plain };
	json_t *root;

	bind.source = (char *)"/srv/www";
	bind.target = (char *)"/www";
	bind.read_only = true;
	memory.kind = API__VOLUME_KIND__VOLUME_KIND_TMPFS;
	memory.target = (char *)"/scratch";
	f->spec.volumes = volumes;
	f->spec.n_volumes = 2;
	small.target = (char *)"/small";
	small.size = (char *)"64m";
	small.mode = (char *)"0700";
	plain.target = (char *)"/plain";
	f->spec.tmpfs = tmpfs;
	f->spec.n_tmpfs = 2;
	f->options.resolv_conf = "/etc/resolv.conf";
	root = make(f);
	expect_mount(root, "/www", "/srv/www", "rbind|rprivate|ro|rro");
	expect_mount(root, "/scratch", "tmpfs", "nosuid|nodev|mode=1777|rw");
	expect_mount(root, "/etc/hosts", "/x/hosts", "rbind|rprivate|rw");
	expect_mount(root, "/etc/hostname", "/x/hostname", "rbind|rprivate|rw");
	expect_mount(root, "/etc/resolv.conf", "/etc/resolv.conf", "rbind|rprivate|ro");
	expect_mount(root, "/small", "tmpfs", "nosuid|nodev|mode=0700|size=64m");
	expect_mount(root, "/plain", "tmpfs", "nosuid|nodev|mode=1777");
	expect_mount(root, "/sys/fs/cgroup", "cgroup", "nosuid|noexec|nodev|relatime|ro");
	assert_null(find_mount(root, "/run"));
	json_decref(root);
}

static size_t mount_index(const json_t *root, const char *target)
{
	const json_t *mounts = json_object_get(root, "mounts"), *mount;
	size_t i;

	json_array_foreach(mounts, i, mount)
		if (str_equal(json_string_value(json_object_get(mount, "destination")), target))
			return i;
	fail_msg("no mount at %s", target);
	return 0;
}

/* Whatever list it stands in, a parent comes before what is in it. */
static void test_mounts_parents_first(void **state)
{
	static const char *const order[][2] = {
		{ "/etc", "/etc/hosts" },        { "/etc", "/etc/hostname" },
		{ "/etc", "/etc/resolv.conf" },  { "/data//", "/data/./deep/er" },
		{ "/data//", "/data/tmp" },      { "/data/tmp", "/data/./deep/er" },
		{ "/sys", "/sys/fs/cgroup" },    { "/dev", "/dev/shm/mine" },
		{ "/dev/shm", "/dev/shm/mine" }, { "/data//", "/a/../etc/x" },
		{ "/etc/hosts", "/etc//hosts" },
	};
	struct fixture *f = *state;
	const char *targets[] = { "/data/./deep/er", "/etc//hosts", "/a/../etc/x",
				  "/dev/shm/mine",   "/data//",     "/etc" };
	Api__Volume items[ARRAY_SIZE(targets)], *volumes[ARRAY_SIZE(targets)];
	Api__Tmpfs memory = API__TMPFS__INIT, *tmpfs[] = { &memory };
	json_t *root;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		items[i] = (Api__Volume)API__VOLUME__INIT;
		items[i].source = (char *)"/srv";
		items[i].target = (char *)targets[i];
		volumes[i] = &items[i];
	}
	memory.target = (char *)"/data/tmp";
	f->spec.volumes = volumes;
	f->spec.n_volumes = ARRAY_SIZE(targets);
	f->spec.tmpfs = tmpfs;
	f->spec.n_tmpfs = 1;
	f->options.resolv_conf = "/etc/resolv.conf";
	root = make(f);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (mount_index(root, order[i][0]) >= mount_index(root, order[i][1]))
			fail_msg("%s hides %s", order[i][0], order[i][1]);
	json_decref(root);
}

static void expect_volumes(struct fixture *f, const char *expected)
{
	struct strv targets AUTO(strv_fini) = { 0 };
	AUTO_BUF struct buf actual = { 0 };

	image_volumes_choose(&f->image, &f->spec, &targets);
	for (size_t i = 0; i < targets.n; i++)
		buf_printf(&actual, "%s%s", i ? "|" : "", targets.items[i]);
	assert_string_equal(actual.data ? actual.data : "", expected);
}

/* What the manifest mounts there, or above, is where the data is meant to be. */
static void test_image_volumes_chosen(void **state)
{
	static const char *const declared[] = {
		"/data",    "/data/", "/var/lib/db", "relative",  "/",        "/proc/x",
		"/dev/shm", "/sys",   "/a/../b",     "//data/./", "/process", "/log/x",
	};
	struct fixture *f = *state;
	Api__Volume volume = API__VOLUME__INIT, *volumes[] = { &volume };
	Api__Tmpfs memory = API__TMPFS__INIT, *tmpfs[] = { &memory };

	expect_volumes(f, "");
	for (size_t i = 0; i < ARRAY_SIZE(declared); i++)
		strv_add(&f->image.volumes, declared[i]);
	expect_volumes(f, "/data|/var/lib/db|/process|/log/x");
	volume.target = (char *)"/var/lib";
	memory.target = (char *)"/data/.";
	f->spec.volumes = volumes;
	f->spec.n_volumes = 1;
	f->spec.tmpfs = tmpfs;
	f->spec.n_tmpfs = 1;
	expect_volumes(f, "/process|/log/x");
	volume.target = (char *)"/var/lib/db/below";
	memory.target = (char *)"/log/x";
	expect_volumes(f, "/data|/var/lib/db|/process");
}

static void test_image_volumes_mounted(void **state)
{
	struct fixture *f = *state;
	json_t *root;

	f->spec.read_only_root_filesystem = true;
	strv_add(&f->inputs.volume_targets, "/data");
	strv_add(&f->inputs.volume_targets, "/etc");
	f->inputs.volumes_path = xstrdup("/x/.volumes/n+i");
	root = make(f);
	expect_mount(root, "/data", "/x/.volumes/n+i/0", "rbind|rprivate|rw");
	expect_mount(root, "/etc", "/x/.volumes/n+i/1", "rbind|rprivate|rw");
	assert_true(mount_index(root, "/etc") < mount_index(root, "/etc/hosts"));
	json_decref(root);
	inputs_fini(&f->inputs);
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
	json_t *root, *section;

	f->spec.privileged = true;
	f->inputs.all = (struct host_devices){ &device, 1 };
	f->host.capabilities = 0x3;
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

static void test_devices(void **state)
{
	struct fixture *f = *state;
	struct host_device nodes[] = {
		{ .path = (char *)"/dev/mine", .type = 'c', .major = 10, .minor = 229 },
		{ .path = (char *)"/dev/disk", .type = 'b', .major = 8, .minor = 1 },
	};
	Api__Device mine = API__DEVICE__INIT, disk = API__DEVICE__INIT;
	Api__Device *devices[] = { &mine, &disk };
	json_t *root, *section;
	const json_t *rules;

	mine.permissions = (char *)"r";
	f->spec.devices = devices;
	f->spec.n_devices = 2;
	f->inputs.named = (struct host_devices){ nodes, 2 };
	root = make(f);
	section = json_object_get(root, "linux");
	rules = json_object_get(json_object_get(section, "resources"), "devices");
	AUTO_FREE char *first = json_dumps(json_array_get(rules, 12), JSON_COMPACT);
	AUTO_FREE char *second = json_dumps(json_array_get(rules, 13), JSON_COMPACT);

	assert_int_equal(json_array_size(rules), 14);
	assert_string_equal(first, "{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,"
				   "\"access\":\"r\"}");
	assert_string_equal(second, "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":1,"
				    "\"access\":\"rwm\"}");
	assert_int_equal(json_array_size(json_object_get(section, "devices")), 2);
	assert_int_equal(json_array_size(json_object_get(section, "maskedPaths")), 11);
	json_decref(root);
}

static void test_inputs_of_the_host(void **state)
{
	static const struct {
		const char *source, *problem;
	} cases[] = {
		{ "/dev/null", NULL },
		{ "/dev/no-such", "devices[0].source: /dev/no-such is not there on the host: load "
				  "its driver, or correct the path" },
		{ "/dev/null/x", "devices[0].source: /dev/null/x is not there on the host: load "
				 "its driver, or correct the path" },
		{ "/proc", "devices[0].source: /proc is no device node: use volumes for files and "
			   "directories" },
	};
	struct fixture *f = *state;
	Api__Device device = API__DEVICE__INIT;
	Api__Device *devices[] = { &device };
	Api__Volume volume = API__VOLUME__INIT;
	Api__Volume *volumes[] = { &volume };

	assert_false(inputs_need_host(&f->spec));
	f->spec.devices = devices;
	f->spec.n_devices = 1;
	assert_true(inputs_need_host(&f->spec));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct inputs inputs = { 0 };
		struct error err = { 0 };

		device.source = (char *)cases[i].source;
		assert_int_equal(inputs_read_host(&f->spec, &inputs, &err),
				 cases[i].problem ? -EINVAL : 0);
		assert_string_equal(err.msg, cases[i].problem ? cases[i].problem : "");
		assert_int_equal(inputs.named.n, cases[i].problem ? 0 : 1);
		inputs_fini(&inputs);
	}
	f->spec.n_devices = 0;
	volume.source = (char *)"/no/such/place";
	f->spec.volumes = volumes;
	f->spec.n_volumes = 1;
	struct error err;

	assert_int_equal(inputs_read_host(&f->spec, &f->inputs, &err), -EINVAL);
	assert_string_equal(err.msg, "volumes[0].source: /no/such/place is not there on the host: "
				     "make the directory or file, or correct the path");
	volume.kind = API__VOLUME_KIND__VOLUME_KIND_TMPFS;
	assert_int_equal(inputs_read_host(&f->spec, &f->inputs, &err), 0);
}

/* ---- every field ---- */

/* Whoever adds a field that runc does not read says so here. */
static bool is_used_elsewhere(const char *name)
{
	static const char *const names[] = {
		"realm_id", /* in the cell's key */
		"space_id",
		"stack_id",
		"cell_id",
		"root",
		"image", /* its digest is looked up before */
		"ports",
		"networks",
		"networks_aliases",
		"image_pull_policy",
		"log_driver",
		"log_max_size",
		"log_max_files",
		"restart_policy",
		"restart_backoff_seconds",
		"restart_max_retries",
		"user", /* in the inputs: the files of the image say what it is */
		"stop_signal",
		"stop_grace_period_seconds",
		"hostname", /* in the request: that of the cell's root */
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_equal(name, names[i]))
			return true;
	return false;
}

/* Whether runc reads something else with this value in the field; to be refused is to be seen. */
static bool is_seen(struct fixture *f, const ProtobufCFieldDescriptor *field, const void *value)
{
	AUTO_FREE char *before = NULL, *after = NULL;
	struct error err;
	bool refused;

	assert_int_equal(oci_spec(&f->options, &before, &err), 0);
	memcpy(field_add(&f->spec.base, field), value, field_bytes(field));
	refused = oci_spec(&f->options, &after, &err) < 0;
	if (field->type == PROTOBUF_C_TYPE_STRING) /* literals */
		memset(field_value(&f->spec.base, field, 0), 0, sizeof(char *));
	field_clear(&f->spec.base, field);
	return refused || !str_equal(before, after);
}

static bool is_text_seen(struct fixture *f, const ProtobufCFieldDescriptor *field)
{
	static const char *const texts[] = { "other", "/other", "1", "0027", "A=1", "1g" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (is_seen(f, field, &texts[i]))
			return true;
	return false;
}

static bool is_number_seen(struct fixture *f, const ProtobufCFieldDescriptor *field)
{
	for (uint64_t number = 1; number < 1000; number *= 7)
		if (is_seen(f, field, &number))
			return true;
	return false;
}

static void test_every_field_is_used(void **state)
{
	const ProtobufCMessageDescriptor *type = &api__container_spec__descriptor;
	struct fixture *f = *state;

	f->spec.id = f->spec.image = NULL;
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (field->type != PROTOBUF_C_TYPE_MESSAGE && !is_used_elsewhere(field->name) &&
		    !(field->type == PROTOBUF_C_TYPE_STRING ? is_text_seen(f, field)
							    : is_number_seen(f, field)))
			fail_msg("%s: runc never sees it, and it is not in the list of what is "
				 "used elsewhere: drivers/oci/",
				 field->name);
	}
}

static void test_host(void **state UNUSED)
{
	struct host_devices devices;
	struct host host;
	bool null_found = false;

	host_read(&host);
	assert_true(host.nofile_max > 0);
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
		TEST(test_args),
		TEST(test_nothing_to_run),
		TEST(test_env),
		TEST(test_user),
		TEST(test_home),
		TEST(test_capabilities),
		TEST(test_a_capability_that_we_lack),
		TEST(test_oom_score_adj),
		TEST(test_mounts),
		TEST(test_mounts_parents_first),
		TEST(test_image_volumes_chosen),
		TEST(test_image_volumes_mounted),
		TEST(test_read_only_root),
		TEST(test_isolation),
		TEST(test_privileged),
		TEST(test_devices),
		TEST(test_inputs_of_the_host),
		TEST(test_every_field_is_used),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
