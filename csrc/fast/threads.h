/* A team of threads that runs one task after another until the whole call is done.
 *
 * Between tasks the threads spin instead of sleeping: waking a thread takes longer than most tasks.
 */

#pragma once

#include "fast.h"

/* Computes begin ... end - 1 of what `job` describes. */
typedef void (*range_task)(const void *job, int64_t begin, int64_t end);

typedef struct {
    int32_t threads;
    int32_t started, finished; /* number of tasks started; number of threads that have finished the last one */
    range_task task;           /* NULL: the thread ends */
    const void *job;
    int64_t count, grain;
} team;

/* Calls body(a team of `threads` threads, argument) in this thread; the other threads wait for `parallel`. */
void with_team(int32_t threads, void (*body)(team *, void *), void *argument);

/* Runs task(job, begin, end) over 0 ... count - 1: one range for each thread, of a multiple of `grain`. */
void parallel(team *t, int64_t count, int64_t grain, range_task task, const void *job);
