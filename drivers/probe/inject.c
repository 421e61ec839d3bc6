/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/probe/inject.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/str.h"

enum { NAME_BYTES = 16 };

/* The link's number comes in the first of the five words that are the program's own: a mark would
 * be seen by rules of the host. */
static const struct bpf_insn put_in[] = {
	{ .code = BPF_LDX | BPF_MEM | BPF_W,
	  .dst_reg = BPF_REG_2,
	  .src_reg = BPF_REG_1,
	  .off = offsetof(struct __sk_buff, cb) },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = BPF_F_INGRESS },
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_clone_redirect },
	{ .code = BPF_JMP | BPF_EXIT },
};

int inject_open(struct error *err)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SCHED_CLS,
				.insn_cnt = ARRAY_SIZE(put_in),
				.insns = (uintptr_t)put_in,
				.license = (uintptr_t) "Apache-2.0" };
	int fd;

	str_copy(attr.prog_name, NAME_BYTES, "kuke_put_in");
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? error_set(err, -errno, "the kernel does not take a program: %m") : fd;
}

int inject(int program, int ifindex, const void *frame, size_t len, struct error *err)
{
	struct __sk_buff context = { .cb = { (uint32_t)ifindex } };
	union bpf_attr attr = { .test = { .prog_fd = (uint32_t)program,
					  .data_in = (uintptr_t)frame,
					  .data_size_in = (uint32_t)len,
					  .ctx_in = (uintptr_t)&context,
					  .ctx_size_in = sizeof(context),
					  .repeat = 1 } };

	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
		return error_set(err, -errno, "the kernel does not run a program on a packet: %m");
	if (attr.test.retval)
		return error_set(err, -ENODEV, "link %d takes no packet: %s", ifindex,
				 strerror(-(int)attr.test.retval));
	return 0;
}

void inject_as_host(bool v6, const struct ip *to, const void *packet, size_t len)
{
	AUTO_CLOSE int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };

	memcpy(&to6.sin6_addr, to->bytes, sizeof(to6.sin6_addr));
	memcpy(&to4.sin_addr, to->bytes + IP_V4_BEGINS / 8, sizeof(to4.sin_addr));
	if (fd < 0)
		return;
	if (v6)
		sendto(fd, packet, len, MSG_DONTWAIT, (const struct sockaddr *)&to6, sizeof(to6));
	else
		sendto(fd, packet, len, MSG_DONTWAIT, (const struct sockaddr *)&to4, sizeof(to4));
}
