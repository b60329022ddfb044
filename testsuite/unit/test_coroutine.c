/* Coroutines: turns taken, stacks left by jumps, many at once. */
#include "support/coroutine.h"

#include <setjmp.h>
#include <string.h>

#include "testsuite/unit/unit.h"

enum { STACK_BYTES = 128 << 10, DEPTH = 20 };

struct visit {
    struct coroutine *coroutine;
    bool jumps; /* to escape; else it suspends itself */
    sigjmp_buf escape;
    int turns;
};

static void count_turns(void *argument) {
    struct visit *v = argument;
    for (int i = 0; i < 3; ++i) {
        v->turns++;
        coroutine_suspend(v->coroutine);
    }
}

/* Leaves the coroutine from under many frames with arrays, never to return to them. */
static int leave_deeply(struct visit *v, int depth) {
    volatile char area[100];
    area[depth] = 1;
    if (depth > 0)
        area[0] = (char)leave_deeply(v, depth - 1);
    else if (v->jumps)
        siglongjmp(v->escape, 1);
    else
        coroutine_suspend(v->coroutine);
    return area[depth];
}

static void leave(void *argument) {
    struct visit *v = argument;
    v->turns = leave_deeply(v, DEPTH);
}

/* As compiled kernels do: its frame is not known to AddressSanitizer, what it calls is checked. */
__attribute__((no_sanitize("address"))) static void fill_stack(void *argument) {
    struct visit *v = argument;
    char area[STACK_BYTES / 2];
    void *(*volatile set)(void *, int, size_t) = memset;
    set(area, 1, sizeof area);
    v->turns += area[sizeof area / 3];
}

START_TEST(a_coroutine_goes_on_where_it_was_suspended) {
    struct visit v = {.coroutine = coroutine_create(STACK_BYTES)};
    coroutine_start(v.coroutine, count_turns, &v);
    for (int i = 1; i <= 3; ++i) {
        ck_assert(coroutine_resume(v.coroutine));
        ck_assert_int_eq(v.turns, i);
    }
    ck_assert(!coroutine_resume(v.coroutine));
    coroutine_free(v.coroutine);
}
END_TEST

static void run_until_left(struct visit *v) {
    coroutine_start(v->coroutine, leave, v);
    if (sigsetjmp(v->escape, 0) == 0)
        ck_assert(coroutine_resume(v->coroutine));
    else
        coroutine_abandon(v->coroutine);
}

/* The stack of a thread that ended in a fault is used again, by its coroutine and after it was freed. */
START_TEST(frames_that_were_left_do_not_disturb_the_next_user_of_the_stack) {
    for (int turn = 0; turn < 4; ++turn) {
        struct visit v = {.coroutine = coroutine_create(STACK_BYTES), .jumps = turn & 1};
        run_until_left(&v);
        if (turn & 2) {
            coroutine_free(v.coroutine);
            v.coroutine = coroutine_create(STACK_BYTES);
        }
        coroutine_start(v.coroutine, fill_stack, &v);
        ck_assert(!coroutine_resume(v.coroutine));
        ck_assert_int_eq(v.turns, 1);
        coroutine_free(v.coroutine);
    }
}
END_TEST

UNIT_MAIN("coroutine", a_coroutine_goes_on_where_it_was_suspended,
          frames_that_were_left_do_not_disturb_the_next_user_of_the_stack)
