/* Coroutines on stacks of their own, for the threads of the embedded device.
 *
 * One switch costs about 6 ns with Boost.Context; TILEC_UCONTEXT selects ucontext (about 230 ns) where that
 * library is missing. Stacks are mapped with a guard area below, so that an overflow faults instead of
 * corrupting.
 */
#ifndef TILEC_SUPPORT_COROUTINE_H
#define TILEC_SUPPORT_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>

struct coroutine;

/* A coroutine with nothing to run yet; NULL when there is no memory for its stack. */
struct coroutine *coroutine_create(size_t stack_bytes);
void coroutine_free(struct coroutine *coroutine);

/* Sets what the next resume runs from its beginning; what ran before, finished or not, is forgotten. */
void coroutine_start(struct coroutine *coroutine, void (*entry)(void *), void *argument);

/* Runs it until it suspends itself (true) or its entry function has returned (false). */
bool coroutine_resume(struct coroutine *coroutine);

/* Called on the coroutine's own stack: back to its resumer. */
void coroutine_suspend(struct coroutine *coroutine);

/* After control left the coroutine by a jump to its resumer's stack (from a signal handler): sets things
 * right. */
void coroutine_abandon(struct coroutine *coroutine);

/* Whether this address lies in the guard area: the mark of a stack overflow. */
bool coroutine_guards(const struct coroutine *coroutine, const void *address);

#endif
