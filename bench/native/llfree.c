// LLFree beside `core_bench frames growth`: the same operations on the same number of frames. Built by bench/frames.mjs from a checkout of
// luhsra/llfree-c with clang and link-time optimisation; nothing of it is kept here.
//   llfree            4 GiB, orders 0 and 9, one thread and two; nanoseconds of a thread's own time, medians of five
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "llfree.h"
#include "llfree_inner.h"

enum { kFrames = 1 << 20, kThreads = 2, kRounds = 5 };

static llfree_t allocator;
static uint8_t order;
static unsigned thread_count;
static atomic_uint ready;

struct worker {
	pthread_t thread;
	unsigned id;
	double get, put, random_put;
};

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static llfree_request_t request(unsigned id)
{
	// The simple classing: 0 is small, 1 is huge.
	return llreq(order, order >= 9 ? 1 : 0, ll_some(id));
}

static void get_all(unsigned id, frame_id_t *runs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		llfree_result_t got = llfree_get(&allocator, frame_id_none(), request(id));
		if (!llfree_is_ok(got))
			exit(1);
		runs[i] = got.frame;
	}
}

static void put_all(unsigned id, frame_id_t *runs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!llfree_is_ok(llfree_put(&allocator, runs[i], request(id))))
			exit(2);
	}
}

static void *work(void *argument)
{
	struct worker *self = argument;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(self->id, &set);
	sched_setaffinity(0, sizeof(set), &set);
	size_t count = 786432 / ((size_t)1 << order) / thread_count;
	frame_id_t *runs = malloc(count * sizeof(*runs));
	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < thread_count)
		sched_yield();
	unsigned repeats = order == 0 ? 1 : 200;
	self->get = self->put = self->random_put = 0;
	uint64_t random = self->id + 1;
	for (unsigned repeat = 0; repeat < repeats; repeat++) {
		double start = now();
		get_all(self->id, runs, count);
		self->get += now() - start;
		start = now();
		put_all(self->id, runs, count);
		self->put += now() - start;
		get_all(self->id, runs, count);
		for (size_t i = count - 1; i > 0; i--) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			size_t other = (size_t)((random >> 33) % (i + 1));
			frame_id_t run = runs[i];
			runs[i] = runs[other];
			runs[other] = run;
		}
		start = now();
		put_all(self->id, runs, count);
		self->random_put += now() - start;
	}
	double operations = (double)count * repeats;
	self->get /= operations;
	self->put /= operations;
	self->random_put /= operations;
	free(runs);
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, kRounds, sizeof(*values), ascending);
	return values[kRounds / 2];
}

static void measure(void)
{
	double get[kRounds], put[kRounds], random_put[kRounds];
	for (int round = 0; round < kRounds; round++) {
		const llfree_classing_t classing = {
			.classes = { { .class = 0, .count = kThreads }, { .class = 1, .count = kThreads } },
			.num_classes = 2,
			.default_class = 1,
			.policy = llfree_simple_policy,
		};
		llfree_meta_size_t size = llfree_metadata_size(&classing, kFrames);
		llfree_meta_t meta = {
			.local = aligned_alloc(4096, (size.local + 4095) / 4096 * 4096),
			.trees = aligned_alloc(4096, (size.trees + 4095) / 4096 * 4096),
			.lower = aligned_alloc(4096, (size.lower + 4095) / 4096 * 4096),
		};
		if (!llfree_is_ok(llfree_init(&allocator, kFrames, LLFREE_INIT_FREE, meta, &classing)))
			exit(3);
		struct worker workers[kThreads];
		// Once to touch the metadata and once to measure.
		for (int pass = 0; pass < 2; pass++) {
			atomic_store(&ready, 0);
			for (unsigned i = 0; i < thread_count; i++) {
				workers[i].id = i;
				pthread_create(&workers[i].thread, NULL, work, &workers[i]);
			}
			for (unsigned i = 0; i < thread_count; i++)
				pthread_join(workers[i].thread, NULL);
		}
		get[round] = put[round] = random_put[round] = 0;
		for (unsigned i = 0; i < thread_count; i++) {
			get[round] += workers[i].get / thread_count;
			put[round] += workers[i].put / thread_count;
			random_put[round] += workers[i].random_put / thread_count;
		}
		free(meta.local);
		free(meta.trees);
		free(meta.lower);
	}
	printf("LLFree      %4u frames  %u thread%s  get %6.1f  put %6.1f  random put %6.1f\n", 1u << order, thread_count,
	       thread_count == 1 ? " " : "s", median(get), median(put), median(random_put));
}

int main(void)
{
	for (order = 0; order <= 9; order += 9) {
		for (thread_count = 1; thread_count <= kThreads; thread_count++)
			measure();
	}
	return 0;
}
