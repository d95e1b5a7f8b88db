/* The team of threads: see threads.h. This file has no twin in the book: it computes nothing. */

#include "threads.h"

#if defined(__GNUC__) && !defined(_WIN32) && !defined(__wasm__)
#define THREADS 1
#include <pthread.h>
#include <sched.h>

enum { MOST_THREADS = 1024, STACK = 1 << 20 }; /* bytes; the kernels' arrays take a tenth of it */

typedef struct {
    team *t;
    int32_t number;
} member;

/* Runs the share of thread number `thread` in the team's task. */
static void run_share(const team *t, int32_t thread) {
    int64_t grains = (t->count + t->grain - 1) / t->grain;
    int64_t begin = grains * thread / t->threads * t->grain;
    int64_t end = least(grains * (thread + 1) / t->threads * t->grain, t->count);
    if (begin < end) t->task(t->job, begin, end);
}

/* Waits until *number is `expected`. It yields now and then, since there may be more threads than processors. */
static void wait_for(const int32_t *number, int32_t expected) {
    for (uint32_t looks = 1; __atomic_load_n(number, __ATOMIC_ACQUIRE) != expected; looks++) {
        if (looks % 4096 == 0) sched_yield();
    }
}

static void *run_tasks(void *argument) {
    const member *m = argument;
    for (int32_t task = 1;; task++) {
        wait_for(&m->t->started, task);
        if (!m->t->task) return NULL;
        run_share(m->t, m->number);
        __atomic_add_fetch(&m->t->finished, 1, __ATOMIC_RELEASE);
    }
}
#endif

void parallel(team *t, int64_t count, int64_t grain, range_task task, const void *job) {
    if (t->threads == 1) { /* without the divisions of run_share, which small networks notice */
        if (count > 0) task(job, 0, count);
        return;
    }
#if defined(THREADS)
    t->task = task;
    t->job = job;
    t->count = count;
    t->grain = grain;
    __atomic_store_n(&t->finished, 0, __ATOMIC_RELAXED);
    __atomic_add_fetch(&t->started, 1, __ATOMIC_RELEASE);
    if (!task) return;
    run_share(t, 0);
    wait_for(&t->finished, t->threads - 1);
#else
    (void)grain;
#endif
}

/* The threads live as long as the call: to start one takes some 20 microseconds, a call some 10 milliseconds. So
 * nothing is left that a fork would break. They inherit the floating-point modes of the caller. Where the system
 * refuses a thread, the team is smaller. */
void with_team(int32_t threads, void (*body)(team *, void *), void *argument) {
    team t = {.threads = 1};
#if defined(THREADS)
    pthread_attr_t attributes;
    if (threads > 1 && pthread_attr_init(&attributes) == 0) {
        pthread_t handles[MOST_THREADS];
        member members[MOST_THREADS];
        int32_t count = 1;
        pthread_attr_setstacksize(&attributes, STACK);
        for (; count < threads && count < MOST_THREADS; count++) {
            members[count] = (member){&t, count};
            if (pthread_create(&handles[count], &attributes, run_tasks, &members[count]) != 0) break;
        }
        pthread_attr_destroy(&attributes);
        t.threads = count;
        body(&t, argument);
        if (count > 1) parallel(&t, 0, 1, NULL, NULL);
        while (--count > 0) pthread_join(handles[count], NULL);
        return;
    }
#endif
    (void)threads;
    body(&t, argument);
}

int32_t refnn_has_threads(void) {
#if defined(THREADS)
    return 1;
#else
    return 0;
#endif
}
