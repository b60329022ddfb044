#include "support/coroutine.h"

#include <setjmp.h>
#include <string.h>

#include "testsuite/unit/unit.h"

enum { STACK_BYTES = 128 << 10, DEPTH = 20 };

struct visit {
    struct coroutine *coroutine;
    sigjmp_buf *escape; /* NULL: suspend instead */
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
static void leave_deeply(struct visit *v, int depth) {
    volatile char area[100];
    area[depth] = 0;
    if (depth > 0)
        leave_deeply(v, depth - 1);
    else if (v->escape)
        siglongjmp(*v->escape, 1);
    else
        coroutine_suspend(v->coroutine);
    area[depth] = 1;
}

static void leave(void *argument) {
    leave_deeply(argument, DEPTH);
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

/* The stack of a thread that ended in a fault is used again, here and after it was freed. */
START_TEST(frames_that_were_left_do_not_disturb_the_next_user_of_the_stack) {
    for (int jump = 0; jump < 2; ++jump) {
        for (int again = 0; again < 2; ++again) {
            sigjmp_buf escape;
            struct visit v = {.coroutine = coroutine_create(STACK_BYTES), .escape = jump ? &escape : NULL};
            coroutine_start(v.coroutine, leave, &v);
            if (sigsetjmp(escape, 0) == 0)
                ck_assert(coroutine_resume(v.coroutine));
            else
                coroutine_abandon(v.coroutine);
            if (!again) {
                coroutine_free(v.coroutine);
                v.coroutine = coroutine_create(STACK_BYTES);
            }
            coroutine_start(v.coroutine, fill_stack, &v);
            ck_assert(!coroutine_resume(v.coroutine));
            ck_assert_int_eq(v.turns, 1);
            coroutine_free(v.coroutine);
        }
    }
}
END_TEST

UNIT_MAIN("coroutine", a_coroutine_goes_on_where_it_was_suspended,
          frames_that_were_left_do_not_disturb_the_next_user_of_the_stack)
