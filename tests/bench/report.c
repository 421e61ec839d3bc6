/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/report.h"

#include <stdio.h>

#define RSS_MAX_MB 20.0
#define CRASH_MAX_PERCENT 1.0

static const char *verdict(bool asked, bool met)
{
	return !asked ? "-" : met ? "met" : "**missed**";
}

static void print_target(const struct comparison *item)
{
	if (item->max_ratio > 0)
		printf("at most %.1f x", item->max_ratio);
	if (item->max_share_ms > 0)
		printf(", share at most %.0f ms", item->max_share_ms);
	if (item->max_ratio <= 0 && item->max_share_ms <= 0)
		printf("-");
}

static void print_comparison(const struct comparison *item)
{
	struct quartiles floor = samples_quartiles(&item->floor),
			 daemon = samples_quartiles(&item->daemon);
	double ratio = daemon.median / floor.median, share_ms = daemon.median - floor.median;
	bool asked = item->max_ratio > 0 || item->max_share_ms > 0;
	bool met = (item->max_ratio <= 0 || ratio <= item->max_ratio) &&
		   (item->max_share_ms <= 0 || share_ms <= item->max_share_ms);

	printf("| %s | %zu | %.1f (%.1f - %.1f) | %.1f (%.1f - %.1f) | %.2f | %.1f | ", item->what,
	       item->daemon.n, floor.median, floor.low, floor.high, daemon.median, daemon.low,
	       daemon.high, ratio, share_ms);
	print_target(item);
	printf(" | %s |\n", verdict(asked, met));
}

void report_comparisons(const struct comparison *items, size_t n)
{
	printf("| measure | rounds | floor, ms: median (quartiles) | kukeond, ms: median (quartiles) | ratio "
	       "| kukeond's share, ms | target | |\n"
	       "|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++)
		print_comparison(&items[i]);
}

void report_parts(const char *of, const struct samples *whole, const struct part *parts, size_t n)
{
	double all = samples_quartiles(whole).median;

	printf("| part of %s | rounds | ms: median (quartiles) | of kukeond's median, %% |\n"
	       "|---|---|---|---|\n",
	       of);
	for (size_t i = 0; i < n; i++) {
		struct quartiles part = samples_quartiles(&parts[i].samples);

		printf("| %s | %zu | %.1f (%.1f - %.1f) | %.0f |\n", parts[i].what,
		       parts[i].samples.n, part.median, part.low, part.high,
		       part.median * 100 / all);
	}
}

void report_idle(const struct idle_row *rows, size_t n, unsigned seconds)
{
	printf("| Ready cells, idle for %u s | wake-ups of our threads | of gRPC's own threads | CPU, ms | threads "
	       "| RSS, MB | PSS, MB | target | |\n"
	       "|---|---|---|---|---|---|---|---|---|\n",
	       seconds);
	for (size_t i = 0; i < n; i++) {
		const struct idle *idle = &rows[i].idle;

		printf("| %u | %llu | %llu | %.1f | %u | %.1f | %.1f | %s | %s |\n",
		       rows[i].n_cells, (unsigned long long)idle->our_wakeups,
		       (unsigned long long)idle->grpc_wakeups, idle->cpu_ms, idle->n_threads,
		       idle->rss_mb, idle->pss_mb,
		       rows[i].judged ? "0 wake-ups of ours, RSS at most 20 MB" : "-",
		       verdict(rows[i].judged,
			       idle->our_wakeups == 0 && idle->rss_mb <= RSS_MAX_MB));
	}
}

void report_crashes(const struct crash_row *rows, size_t n)
{
	printf("| a container that ends at once, again and again | seconds | restarts | CPU of kukeond, ms "
	       "| of a core, %% | ms each restart | target | |\n"
	       "|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		const struct crash_row *row = &rows[i];
		double percent = row->cpu_ms / (row->seconds * 10.0);

		printf("| %s | %u | %u | %.1f | %.2f | %.1f | %s | %s |\n", row->what, row->seconds,
		       row->restarts, row->cpu_ms, percent,
		       row->restarts ? row->cpu_ms / row->restarts : 0,
		       row->judged ? "under 1 %" : "-",
		       verdict(row->judged, percent < CRASH_MAX_PERCENT));
	}
}
