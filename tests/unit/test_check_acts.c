/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of the acts' log finds what it is there to find: logs written by hand, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"

#define BEGIN(n, what) "7 " #n " begin " what "\n"
#define END(n, how) "7 " #n " end " how "\n"
#define ACT(n, what) BEGIN(n, what) END(n, "ok")

#define CGROUP "/sys/fs/cgroup/kukeon/r/s/t/c"
#define PIN "/run/kukeon/netns/r_s_t_c"
#define ID "kukeon-r s_t_c_root"
#define CELL " cell=r/s/t/c"

/* A cell comes up and goes, in the numbers 1 to 29. */
#define CELL_MADE                                                                                  \
	"7 daemon\n" ACT(1, "mkdirat " CGROUP) ACT(2, "rpc Snapshots/Prepare " ID CELL)            \
		ACT(3, "rpc Containers/Create " ID CELL) ACT(4, "mount " PIN)
#define ATTACHED ACT(5, "plugin bridge ADD r_s_t_c.1 " PIN)
#define RUNS ACT(6, "rpc Tasks/Create " ID) ACT(7, "rpc Tasks/Start " ID)
#define STOPPED ACT(20, "rpc Tasks/Kill " ID) ACT(21, "rpc Tasks/Delete " ID)
#define DETACHED ACT(22, "plugin bridge DEL r_s_t_c.1 " PIN)
#define UNPINNED ACT(23, "umount2 " PIN)
#define REMOVED ACT(24, "rpc Containers/Delete " ID) ACT(25, "rpc Snapshots/Remove " ID)
#define GONE ACT(26, "unlinkat " CGROUP)
#define UP CELL_MADE ATTACHED RUNS
#define DOWN STOPPED DETACHED UNPINNED REMOVED GONE

static const struct {
	const char *name, *log;
	const char *said; /* NULL: nothing is wrong */
} rows[] = {
	{ "a whole life", UP DOWN, NULL },
	{ "two lives", UP DOWN ACT(30, "mkdirat " CGROUP) ACT(31, "unlinkat " CGROUP), NULL },

	{ "a second task", UP ACT(10, "rpc Tasks/Create " ID) DOWN, "one task per container" },
	{ "a second task of another daemon",
	  UP "8 daemon\n8 1 begin rpc Tasks/Create " ID "\n8 1 end ok\n",
	  "one task per container" },
	{ "a task after one that was deleted", UP STOPPED ACT(28, "rpc Tasks/Create " ID) DOWN,
	  NULL },
	{ "a task after one that was found gone",
	  UP BEGIN(10, "rpc Tasks/Get " ID) END(10, "ENOENT") ACT(11, "rpc Tasks/Create " ID) DOWN,
	  NULL },
	{ "a task after one that a list does not have",
	  UP BEGIN(10, "rpc Tasks/List kukeon-r -") END(10, "ok other")
		  ACT(11, "rpc Tasks/Create " ID) DOWN,
	  NULL },
	{ "a task after one that a list has",
	  UP BEGIN(10, "rpc Tasks/List kukeon-r -") END(10, "ok other s_t_c_root")
		  ACT(11, "rpc Tasks/Create " ID) DOWN,
	  "one task per container" },
	{ "a list that is older than the task",
	  CELL_MADE ATTACHED BEGIN(10, "rpc Tasks/List kukeon-r -") RUNS END(10, "ok")
		  ACT(11, "rpc Tasks/Create " ID) DOWN,
	  "one task per container" },
	{ "a task that another hand took",
	  UP "hand task kukeon-r/s_t_c_root\n" ACT(10, "rpc Tasks/Create " ID) DOWN, NULL },
	{ "a creation without an answer is repeated",
	  CELL_MADE ATTACHED BEGIN(10, "rpc Tasks/Create " ID) END(10, "ETIMEDOUT") RUNS DOWN,
	  NULL },
	{ "two acts on a container at once",
	  CELL_MADE ATTACHED BEGIN(10, "rpc Tasks/Create " ID) ACT(11, "rpc Tasks/Start " ID)
		  END(10, "ok") DOWN,
	  "two acts at once" },
	{ "a task without a network namespace",
	  "7 daemon\n" ACT(1, "mkdirat " CGROUP) ACT(2, "rpc Snapshots/Prepare " ID CELL)
		  ACT(3, "rpc Containers/Create " ID CELL) RUNS,
	  "without a network namespace" },

	{ "attached twice", UP ACT(10, "plugin bridge ADD r_s_t_c.1 " PIN) DOWN,
	  "one attachment per cell" },
	{ "the next incarnation before the last has gone",
	  UP ACT(10, "plugin bridge ADD r_s_t_c.2 " PIN) DOWN, "one attachment per cell" },
	{ "the next incarnation after a DEL that failed",
	  UP BEGIN(10, "plugin bridge DEL r_s_t_c.1 " PIN) END(10, "exit:1")
		  ACT(11, "plugin bridge ADD r_s_t_c.2 " PIN) DOWN,
	  "one attachment per cell" },
	{ "an ADD that failed is undone first",
	  CELL_MADE BEGIN(10, "plugin bridge ADD r_s_t_c.1 " PIN) END(10, "exit:1")
		  ACT(11, "plugin bridge ADD r_s_t_c.2 " PIN),
	  "one attachment per cell" },
	{ "an ADD that never began needs no DEL",
	  CELL_MADE BEGIN(10, "plugin bridge ADD r_s_t_c.1 " PIN) END(10, "ENOENT")
		  ATTACHED RUNS DOWN,
	  NULL },
	{ "every plugin is undone",
	  UP ACT(10, "plugin portmap ADD r_s_t_c.1 " PIN) STOPPED DETACHED UNPINNED REMOVED GONE,
	  "removed before the attachment was undone" },
	{ "a further space has an interface of its own",
	  UP ACT(10, "plugin bridge ADD r_s_t_c.2 " PIN " eth1")
		  ACT(11, "plugin bridge DEL r_s_t_c.2 " PIN " eth1") DOWN,
	  NULL },
	{ "the same one twice",
	  UP ACT(10, "plugin bridge ADD r_s_t_c.2 " PIN " eth1")
		  ACT(11, "plugin bridge ADD r_s_t_c.3 " PIN " eth1") DOWN,
	  "one attachment per cell" },
	{ "a further space is never left",
	  UP ACT(10, "plugin bridge ADD r_s_t_c.2 " PIN " eth1") DOWN,
	  "removed before the attachment was undone" },
	{ "two plugins at once",
	  CELL_MADE BEGIN(5, "plugin bridge ADD r_s_t_c.1 " PIN)
		  ACT(10, "plugin portmap ADD r_s_t_c.1 " PIN) END(5, "ok") RUNS,
	  "two acts at once" },
	{ "a DEL that fails and is never repeated",
	  UP STOPPED BEGIN(10, "plugin bridge DEL r_s_t_c.1 " PIN) END(10, "exit:1"),
	  "no DEL of it succeeded" },
	{ "a DEL that fails and is repeated",
	  UP STOPPED BEGIN(10, "plugin bridge DEL r_s_t_c.1 " PIN) END(10, "exit:1")
		  DETACHED UNPINNED REMOVED GONE,
	  NULL },
	{ "an ADD that died with its daemon and is never undone",
	  CELL_MADE BEGIN(5, "plugin bridge ADD r_s_t_c.1 " PIN) "8 daemon\n",
	  "no DEL of it succeeded" },
	{ "the pin before the DEL", UP STOPPED UNPINNED DETACHED REMOVED GONE,
	  "before the attachment was undone" },

	{ "a signal after delete",
	  UP STOPPED DETACHED UNPINNED REMOVED ACT(28, "rpc Tasks/Kill " ID) GONE,
	  "no act after delete" },
	{ "a deletion after delete",
	  UP STOPPED DETACHED UNPINNED REMOVED ACT(28, "rpc Containers/Delete " ID) GONE,
	  "no act after delete" },
	{ "a task after delete", UP STOPPED REMOVED ACT(28, "rpc Tasks/Create " ID),
	  "no act after delete" },
	{ "a DEL after delete", UP DOWN ACT(28, "plugin bridge DEL r_s_t_c.1 -"),
	  "no act after delete: the cell is gone" },
	{ "an ADD after delete", UP DOWN ACT(28, "plugin bridge ADD r_s_t_c.2 " PIN),
	  "no act after delete: the cell is gone" },
	{ "removed under its task", UP ACT(10, "rpc Containers/Delete " ID) DOWN,
	  "removed under its task" },
	{ "the cgroup before the rest", UP STOPPED DETACHED UNPINNED GONE,
	  "removed while something of the cell is there" },
	{ "left in the end", UP STOPPED DETACHED UNPINNED REMOVED, "left in the end" },

	{ "no log", "", "no acts" },
	{ "words that nobody knows", "7 daemon\nnonsense\n", "line 2 is not understood" },
	{ "an act of a daemon that is dead", UP "8 daemon\n" ACT(28, "rpc Tasks/Kill " ID),
	  "is not understood" },
};

static char *judge(const char *log, int *ret_status)
{
	char path[] = "/tmp/test_check_acts.XXXXXX";
	int fd = mkstemp(path);
	AUTO_FREE char *command = xasprintf(CHECK_ACTS_PROGRAM " %s 2>&1", path);
	AUTO_BUF struct buf text = { 0 };
	char line[512];
	FILE *pipe;

	assert_true(fd >= 0 && write(fd, log, strlen(log)) == (ssize_t)strlen(log));
	close(fd);
	pipe = popen(command, "re");
	while (fgets(line, sizeof(line), pipe))
		buf_add_str(&text, line);
	*ret_status = pclose(pipe);
	unlink(path);
	return buf_take(&text);
}

static void test_logs(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int status;
		AUTO_FREE char *said = judge(rows[i].log, &status);

		if (rows[i].said && (status == 0 || !strstr(said, rows[i].said)))
			fail_msg("%s: expected \"%s\", got %d: %s", rows[i].name, rows[i].said,
				 status, said);
		if (!rows[i].said && status != 0)
			fail_msg("%s: expected no word, got %d: %s", rows[i].name, status, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_logs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
