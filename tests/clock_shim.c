/* A wall clock that a test sets, for any program started with LD_PRELOAD: `tests/flows/test_clocks.py`.
 *
 * The file named by CLOCK_SHIM_FILE holds one int64, the seconds that the wall clock is off by; a change
 * is seen at once. Waits until a wall time are moved back, so that only what reads the clock is misled,
 * as on a host whose clock is wrong. Monotonic clocks are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define MONOTONIC_BIT 2 /* of a condition's flags, in glibc */

static const int64_t right = 0;
static volatile const int64_t *off = &right;

__attribute__((constructor)) static void attach(void)
{
    const char *name = getenv("CLOCK_SHIM_FILE");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED)
        off = page;
    if (file >= 0)
        close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int answer = (int)syscall(SYS_clock_gettime, clock, now);
    if (answer == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *off;
    return answer;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int answer = (int)syscall(SYS_gettimeofday, now, zone);
    if (answer == 0)
        now->tv_sec += *off;
    return answer;
}

time_t time(time_t *kept)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept)
        *kept = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
    return clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

int pthread_cond_timedwait(pthread_cond_t *restrict met, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict until)
{
    static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec moved = *until;
    if (!wait)
        wait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!(met->__data.__wrefs & MONOTONIC_BIT))
        moved.tv_sec -= *off;
    return wait(met, lock, &moved);
}

int cnd_timedwait(cnd_t *restrict met, mtx_t *restrict lock, const struct timespec *restrict until)
{
    static int (*wait)(cnd_t *, mtx_t *, const struct timespec *);
    struct timespec moved = *until;
    if (!wait)
        wait = dlsym(RTLD_NEXT, "cnd_timedwait");
    moved.tv_sec -= *off;
    return wait(met, lock, &moved);
}

int sem_timedwait(sem_t *restrict met, const struct timespec *restrict until)
{
    static int (*wait)(sem_t *, const struct timespec *);
    struct timespec moved = *until;
    if (!wait)
        wait = dlsym(RTLD_NEXT, "sem_timedwait");
    moved.tv_sec -= *off;
    return wait(met, &moved);
}
