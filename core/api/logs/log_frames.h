/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the pipe of core/api/logs/log_feed.h, and the process that writes it. */
#pragma once

#include "core/api/logs/log_feed.h"

enum log_frame_kind {
	LOG_FRAME_OPENED = 1, /* the directories have answered */
	LOG_FRAME_LINES,      /* a packed LogLines */
	LOG_FRAME_DONE,       /* all has been read */
	LOG_FRAME_FAILED,     /* a text */
};

struct log_frame {
	uint32_t kind, len; /* @len bytes follow */
};

/* In the process: reads what @feed asks for, writes it to @fd, and returns. */
void log_frames_write(const struct log_feed *feed, int fd);
