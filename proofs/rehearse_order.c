/* Which function of a core surely comes before which, in every order of its threads: a wait comes behind the
 * pushes that fill its window, a reserve behind the pops that free it, a semaphore's wait behind its last
 * set. So a tile of a tensor that is changed in place may be written where its reads have landed, and read
 * again where it has been written: not earlier by luck, but in every order.
 *
 * Functions count their calls: knows[i][j] is how many calls of function j surely came before what function i
 * does next.
 */
#include "proofs/rehearse_internal.h"

#include <inttypes.h>

static size_t function_at_work(const struct player *p) {
    return (size_t)(p->performer - p->core->performed->performers);
}

void order_note(const struct player *p, uint32_t stamp[FUNCTION_LIMIT]) {
    size_t self = function_at_work(p);
    for (size_t i = 0; i < FUNCTION_LIMIT; i++)
        stamp[i] = p->core->knows[self][i];
    stamp[self] = (uint32_t)p->performer->at + 1;
}

void order_learn(const struct player *p, const uint32_t stamp[FUNCTION_LIMIT]) {
    uint32_t *knows = p->core->knows[function_at_work(p)];
    for (size_t i = 0; i < FUNCTION_LIMIT; i++)
        knows[i] = stamp[i] > knows[i] ? stamp[i] : knows[i];
}

/* Has the transfer of a function's call number `call`, counted from 1, ended before what is done now? The
 * first barrier behind it ends it. */
static bool has_ended(const struct player *p, size_t function, uint32_t call, enum effect_kind barrier) {
    const struct performer *other = &p->core->performed->performers[function];
    size_t self = function_at_work(p), known = self == function ? other->at : p->core->knows[self][function];
    for (size_t i = call; i < known; i++)
        if (other->trace.events[i].effect && other->trace.events[i].effect->kind == barrier)
            return true;
    return false;
}

static void report(struct player *p, const struct rehearsed_tensor *tensor, uint32_t page, size_t function,
                   uint32_t call, bool write) {
    const struct performer *other = &p->core->performed->performers[function];
    bool failed = p->failed;
    fail(
        p,
        write
            ? "what is written must depend on what was read: on a page that is pushed behind the read's barrier"
            : "read it before it is overwritten, or let the writer tell that its barrier has passed",
        "page %" PRIu32 " of %s is %s by %s, and nothing makes it wait until %s has %s it", page,
        tensor->parameter->name, write ? "overwritten" : "read", p->performer->function->name,
        other->function->name, write ? "read" : "written");
    if (!failed)
        report_note(p->rehearsal->compilation->diagnostics, other->trace.events[call - 1].span,
                    "%s %s it here", other->function->name, write ? "reads" : "writes");
}

void order_transfer(struct player *p, struct rehearsed_tensor *tensor, uint32_t page, bool write) {
    if (!tensor->order || page >= tensor->pages)
        return;
    struct rehearsed_page_order *order = &tensor->order[page];
    size_t self = function_at_work(p), core = (size_t)(p->core - p->cores) + 1;
    if (order->core != core) /* what other cores do is a question of its own */
        *order = (struct rehearsed_page_order){.core = core};
    for (size_t i = 0; i < FUNCTION_LIMIT && !p->failed; i++) {
        if (write && order->read[i] && !has_ended(p, i, order->read[i], EFFECT_READ_BARRIER))
            report(p, tensor, page, i, order->read[i], true);
        else if (!write && order->written[i] && !has_ended(p, i, order->written[i], EFFECT_WRITE_BARRIER))
            report(p, tensor, page, i, order->written[i], false);
    }
    (write ? order->written : order->read)[self] = (uint32_t)p->performer->at + 1;
}
