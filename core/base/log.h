/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines to stderr: text first, then key=value. Logging cannot fail and never blocks on more
 * than one write.
 *
 * On a terminal a line is "HH:MM:SS level text"; otherwise it begins with the "<N>" priority that
 * journald reads. Pure code and drivers log at debug only; reconcile, watchers and main log once
 * per transition (STYLE R12). May be called from any thread.
 */
#pragma once

#include "core/base/util.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);

/* Accepts "error", "warning", "info", "debug"; false for anything else. */
bool log_level_parse(const char *name, enum log_level *ret_level);

void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
