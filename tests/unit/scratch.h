/* SPDX-License-Identifier: Apache-2.0 */
/* Where tests put files that need not outlive a power cut: in memory, if that can be had. */
#pragma once

#include <unistd.h>

#define SCRATCH (access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp")
