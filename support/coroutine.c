/* Coroutines on Boost.Context or ucontext, known to the sanitizers, that a crash can leave. */
#include "support/coroutine.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define FIBRE_ANNOTATIONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBRE_ANNOTATIONS 1
#endif
#endif

#ifdef TILEC_UCONTEXT
#include <ucontext.h>
#else
/* Boost.Context has C symbols, but its headers are C++. */
struct fcontext_transfer {
    void *context;
    void *data;
};
extern struct fcontext_transfer jump_fcontext(void *to, void *data);
extern void *make_fcontext(void *stack_top, size_t size, void (*entry)(struct fcontext_transfer));
#endif

/* Wide enough that a function with a large frame does not step over it. */
#define GUARD_BYTES (64u << 10)

struct coroutine {
    char *mapping; /* the guard area, then the stack */
    size_t mapping_bytes, guard_bytes;
    void (*entry)(void *);
    void *argument;
    bool finished;
#ifdef TILEC_UCONTEXT
    ucontext_t own, resumer;
#else
    void *own, *resumer;
#endif
#ifdef FIBRE_ANNOTATIONS
    void *own_fake_stack, *resumer_fake_stack;
    const void *resumer_stack;
    size_t resumer_stack_bytes;
#endif
};

#ifdef FIBRE_ANNOTATIONS
extern void __sanitizer_start_switch_fiber(void **, const void *, size_t);
extern void __sanitizer_finish_switch_fiber(void *, const void **, size_t *);
extern void __asan_unpoison_memory_region(const void *, size_t);
#endif

/* Functions that never returned, after a fault, leave AddressSanitizer's marks around their variables:
 * whoever has this memory next, another coroutine or another mapping, must not find them.
 */
static void forget_frames(struct coroutine *c) {
#ifdef FIBRE_ANNOTATIONS
    __asan_unpoison_memory_region(c->mapping + c->guard_bytes, c->mapping_bytes - c->guard_bytes);
#else
    (void)c;
#endif
}

static void enter_resumer(struct coroutine *c);

struct coroutine *coroutine_create(size_t stack_bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct coroutine *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->guard_bytes = (GUARD_BYTES + page - 1) / page * page;
    c->mapping_bytes = c->guard_bytes + (stack_bytes + page - 1) / page * page;
    c->finished = true;
    c->mapping = mmap(NULL, c->mapping_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c->mapping == MAP_FAILED) {
        free(c);
        return NULL;
    }
    if (mprotect(c->mapping, c->guard_bytes, PROT_NONE) != 0) {
        munmap(c->mapping, c->mapping_bytes);
        free(c);
        return NULL;
    }
    return c;
}

void coroutine_free(struct coroutine *c) {
    if (!c)
        return;
    forget_frames(c);
    munmap(c->mapping, c->mapping_bytes);
    free(c);
}

bool coroutine_guards(const struct coroutine *c, const void *address) {
    uintptr_t low = (uintptr_t)c->mapping;
    return (uintptr_t)address >= low && (uintptr_t)address < low + c->guard_bytes;
}

static void set_entry(struct coroutine *c, void (*entry)(void *), void *argument) {
    forget_frames(c);
    c->entry = entry;
    c->argument = argument;
    c->finished = false;
}

/* The first function on the new stack. */
static void coroutine_body(struct coroutine *c) {
#ifdef FIBRE_ANNOTATIONS
    __sanitizer_finish_switch_fiber(NULL, &c->resumer_stack, &c->resumer_stack_bytes);
#endif
    c->entry(c->argument);
    c->finished = true;
    for (;;)
        enter_resumer(c);
}

#ifdef TILEC_UCONTEXT

static void context_entry(unsigned high, unsigned low) {
    coroutine_body((struct coroutine *)(((uintptr_t)high << 16 << 16) | low));
}

void coroutine_start(struct coroutine *c, void (*entry)(void *), void *argument) {
    set_entry(c, entry, argument);
    getcontext(&c->own);
    c->own.uc_stack.ss_sp = c->mapping + c->guard_bytes;
    c->own.uc_stack.ss_size = c->mapping_bytes - c->guard_bytes;
    c->own.uc_link = NULL;
    makecontext(&c->own, (void (*)(void))context_entry, 2, (unsigned)((uintptr_t)c >> 16 >> 16),
                (unsigned)(uintptr_t)c);
}

static void jump_in(struct coroutine *c) {
    swapcontext(&c->resumer, &c->own);
}

static void jump_out(struct coroutine *c) {
    swapcontext(&c->own, &c->resumer);
}

#else

static void context_entry(struct fcontext_transfer transfer) {
    struct coroutine *c = transfer.data;
    c->resumer = transfer.context;
    coroutine_body(c);
}

void coroutine_start(struct coroutine *c, void (*entry)(void *), void *argument) {
    set_entry(c, entry, argument);
    c->own = make_fcontext(c->mapping + c->mapping_bytes, c->mapping_bytes - c->guard_bytes, context_entry);
}

static void jump_in(struct coroutine *c) {
    c->own = jump_fcontext(c->own, c).context;
}

static void jump_out(struct coroutine *c) {
    c->resumer = jump_fcontext(c->resumer, NULL).context;
}

#endif

#ifdef FIBRE_ANNOTATIONS

static void enter_coroutine(struct coroutine *c) {
    __sanitizer_start_switch_fiber(&c->resumer_fake_stack, c->mapping + c->guard_bytes,
                                   c->mapping_bytes - c->guard_bytes);
    jump_in(c);
    __sanitizer_finish_switch_fiber(c->resumer_fake_stack, NULL, NULL);
}

static void enter_resumer(struct coroutine *c) {
    __sanitizer_start_switch_fiber(c->finished ? NULL : &c->own_fake_stack, c->resumer_stack,
                                   c->resumer_stack_bytes);
    jump_out(c);
    __sanitizer_finish_switch_fiber(c->own_fake_stack, &c->resumer_stack, &c->resumer_stack_bytes);
}

void coroutine_abandon(struct coroutine *c) {
    c->finished = true;
    __sanitizer_start_switch_fiber(NULL, c->resumer_stack, c->resumer_stack_bytes);
    __sanitizer_finish_switch_fiber(c->resumer_fake_stack, NULL, NULL);
}

#else

static void enter_coroutine(struct coroutine *c) {
    jump_in(c);
}

static void enter_resumer(struct coroutine *c) {
    jump_out(c);
}

void coroutine_abandon(struct coroutine *c) {
    c->finished = true;
}

#endif

bool coroutine_resume(struct coroutine *c) {
    enter_coroutine(c);
    return !c->finished;
}

void coroutine_suspend(struct coroutine *c) {
    enter_resumer(c);
}
