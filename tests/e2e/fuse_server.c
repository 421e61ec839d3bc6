/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse_server DIR [silent|asleep]: a FUSE filesystem for tests, mounted at DIR, without libfuse.
 *
 * It has a root and, whatever name is asked for, an empty directory; a name that ends in ".yaml" is
 * a file with a cell in it (FUSE_TEXT). Until SIGUSR1 comes it answers nothing but the greeting:
 * "silent" reads what it is asked and keeps it, so that who asks cannot even be killed; "asleep"
 * does not read it. SIGUSR2 makes it stop answering again. Without the word it answers at once.
 * It says "mounted" on standard output when it is, and unmounts itself on SIGTERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 256 * 1024, KEPT_MAX = 1024, FILE_INO = 3, DIR_INO = 2 };

static volatile sig_atomic_t answering, ended;

/* What was asked while we kept silent. */
struct kept {
	struct fuse_in_header header;
	bool file; /* LOOKUP of a file */
};
static struct kept kept[KEPT_MAX];
static size_t n_kept;
static const char *text = "";

static void on_signal(int number)
{
	if (number == SIGTERM)
		ended = 1;
	else
		answering = number == SIGUSR1;
}

static void reply(int fd, uint64_t unique, int error, const void *data, size_t len)
{
	static char message[MESSAGE_BYTES];
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) + len),
					  .error = -error,
					  .unique = unique };

	memcpy(message, &header, sizeof(header));
	if (len)
		memcpy(message + sizeof(header), data, len);
	if (write(fd, message, header.len) < 0 && errno != ENOENT)
		perror("fuse_server: reply");
}

static struct fuse_attr attr_of(uint64_t ino)
{
	struct fuse_attr attr = { .ino = ino, .mode = S_IFDIR | 0755, .nlink = 2, .blksize = 4096 };

	if (ino == FILE_INO) {
		attr.mode = S_IFREG | 0644;
		attr.nlink = 1;
		attr.size = strlen(text);
	}
	return attr;
}

static void answer_init(int fd, const struct fuse_in_header *in)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
				     .minor = FUSE_KERNEL_MINOR_VERSION,
				     .max_write = 4096 };

	reply(fd, in->unique, 0, &out, sizeof(out));
}

/* A file, when there is a text for it, in the root. */
static void answer_readdir(int fd, const struct fuse_in_header *in, uint64_t offset)
{
	static const char name[] = "hung.yaml";
	char data[sizeof(struct fuse_dirent) + sizeof(name) + 8] = { 0 };
	struct fuse_dirent entry = {
		.ino = FILE_INO, .off = 1, .namelen = sizeof(name) - 1, .type = S_IFREG >> 12
	};

	if (!*text || offset) {
		reply(fd, in->unique, 0, NULL, 0);
		return;
	}
	memcpy(data, &entry, sizeof(entry));
	memcpy(data + offsetof(struct fuse_dirent, name), name, sizeof(name) - 1);
	reply(fd, in->unique, 0, data,
	      FUSE_DIRENT_ALIGN(offsetof(struct fuse_dirent, name) + sizeof(name) - 1));
}

static void answer(int fd, const struct fuse_in_header *in, bool file, uint64_t offset)
{
	struct fuse_attr_out attr = { .attr = attr_of(in->nodeid) };
	struct fuse_entry_out entry = { .nodeid = file ? FILE_INO : DIR_INO,
					.attr = attr_of(file ? FILE_INO : DIR_INO) };
	struct fuse_open_out opened = { 0 };
	struct fuse_statfs_out statfs_out = { 0 };

	switch (in->opcode) {
	case FUSE_LOOKUP:
		return reply(fd, in->unique, 0, &entry, sizeof(entry));
	case FUSE_GETATTR:
		return reply(fd, in->unique, 0, &attr, sizeof(attr));
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return reply(fd, in->unique, 0, &opened, sizeof(opened));
	case FUSE_STATFS:
		return reply(fd, in->unique, 0, &statfs_out, sizeof(statfs_out));
	case FUSE_READ:
		return reply(fd, in->unique, 0, text, offset ? 0 : strlen(text));
	case FUSE_READDIR:
		return answer_readdir(fd, in, offset);
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
	case FUSE_ACCESS:
		return reply(fd, in->unique, 0, NULL, 0);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return; /* want no answer */
	default:
		return reply(fd, in->unique, ENOSYS, NULL, 0);
	}
}

static void handle(int fd, const char *message)
{
	struct fuse_in_header in;
	const char *body = message + sizeof(in);
	bool file = false;
	uint64_t offset = 0;

	memcpy(&in, message, sizeof(in));
	if (in.opcode == FUSE_INIT)
		return answer_init(fd, &in);
	if (in.opcode == FUSE_LOOKUP)
		file = strlen(body) > 5 && strcmp(body + strlen(body) - 5, ".yaml") == 0;
	if (in.opcode == FUSE_READ || in.opcode == FUSE_READDIR)
		memcpy(&offset, body + offsetof(struct fuse_read_in, offset), sizeof(offset));
	if (in.opcode == FUSE_LOOKUP && file && !*text)
		return reply(fd, in.unique, ENOENT, NULL, 0);
	if (answering)
		answer(fd, &in, file, offset);
	else if (n_kept < KEPT_MAX)
		kept[n_kept++] = (struct kept){ in, file };
}

static int mount_at(const char *dir)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other",
		 fd);
	if (fd < 0 ||
	    mount("kukeon-test", dir, "fuse.kukeon-test", MS_NOSUID | MS_NODEV, options) < 0)
		return -1;
	return fd;
}

static void serve(int fd, bool asleep)
{
	static char message[MESSAGE_BYTES];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	sigset_t none;
	bool greeted = false;

	sigemptyset(&none);
	while (!ended) {
		bool reads = answering || !asleep || !greeted;

		poll_fd.fd = reads ? fd : -1;
		if (ppoll(&poll_fd, 1, NULL, &none) > 0 && poll_fd.revents & POLLIN &&
		    read(fd, message, sizeof(message)) > 0) {
			greeted = true;
			handle(fd, message);
		} else if (poll_fd.revents & POLLERR) {
			return; /* unmounted */
		}
		while (answering && n_kept > 0) {
			n_kept--;
			answer(fd, &kept[n_kept].header, kept[n_kept].file, 0);
		}
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	bool silent = argc > 2 && strcmp(argv[2], "silent") == 0;
	bool asleep = argc > 2 && strcmp(argv[2], "asleep") == 0;
	sigset_t ours;
	int fd;

	if (argc < 2)
		return 2;
	if (getenv("FUSE_TEXT"))
		text = getenv("FUSE_TEXT");
	sigemptyset(&ours);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGUSR2);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	answering = !silent && !asleep;
	fd = mount_at(argv[1]);
	if (fd < 0) {
		perror("fuse_server: mount");
		return 77;
	}
	puts("mounted");
	fclose(stdout);
	serve(fd, asleep);
	umount2(argv[1], MNT_DETACH);
	return 0;
}
