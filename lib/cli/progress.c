#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MS 250       /* on a terminal */
#define EVERY_LINE_MS 5000 /* in a log */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *cat_bytes_text(double bytes, char out[32])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t i = 0;

	while (bytes >= 1024 && i + 1 < sizeof units / sizeof *units) {
		bytes /= 1024;
		i++;
	}
	snprintf(out, 32, i == 0 ? "%.0f %s" : "%.1f %s", bytes, units[i]);
	return out;
}

void cat_progress_begin(struct cat_progress *p, const struct cat_resources *r, int64_t total_bytes)
{
	*p = (struct cat_progress){.total_bytes = total_bytes};
	p->terminal = isatty(2);
	p->shown = !r->quiet && (strcmp(r->progress, "on") == 0 || (strcmp(r->progress, "auto") == 0 && p->terminal));
	atomic_flag_clear(&p->busy);
	p->last_ms = now_ms();
	atomic_store(&p->next_ms, p->last_ms + (p->terminal ? EVERY_MS : 0));
}

static void left_text(double seconds, char out[48])
{
	const long s = seconds < 360000 ? (long)seconds : 359999;

	if (s >= 3600)
		snprintf(out, 48, ", %ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(out, 48, ", %ld:%02ld left", s / 60, s % 60);
}

static void show(struct cat_progress *p, int64_t now)
{
	const int64_t done = atomic_load(&p->done_bytes);
	const double seconds = (double)(now - p->last_ms) / 1000;
	const double rate = seconds > 0 ? (double)(done - p->last_bytes) / seconds : p->rate;
	char line[200], a[32], b[32], c[32], left[48] = "";
	int n;

	p->rate = p->rate > 0 ? 0.7 * p->rate + 0.3 * rate : rate;
	p->last_ms = now;
	p->last_bytes = done;
	if (p->total_bytes && p->rate > 0)
		left_text((double)(p->total_bytes - done) / p->rate, left);
	n = snprintf(line, sizeof line, "%s%s%s%s, %s/s%s%s", p->terminal ? "\r" : "", cat_bytes_text((double)done, a),
	             p->total_bytes ? " of " : "", p->total_bytes ? cat_bytes_text((double)p->total_bytes, b) : "",
	             cat_bytes_text(p->rate, c), left, p->terminal ? "\033[K" : "\n");
	(void)!write(2, line, (size_t)n);
}

void cat_progress_add(void *arg, int64_t bytes)
{
	struct cat_progress *p = arg;
	int64_t now;

	atomic_fetch_add(&p->done_bytes, bytes);
	if (!p->shown)
		return;
	now = now_ms();
	if (now < atomic_load(&p->next_ms) || atomic_flag_test_and_set(&p->busy))
		return;
	atomic_store(&p->next_ms, now + (p->terminal ? EVERY_MS : EVERY_LINE_MS));
	show(p, now);
	atomic_flag_clear(&p->busy);
}

void cat_progress_end(struct cat_progress *p)
{
	if (p->shown && p->terminal)
		(void)!write(2, "\r\033[K", 4);
}
