/* Data movement: a window moves only when nothing is on its way into or out of it, an address is used only
 * while its window stands, what is sent to other cores is whole and its flag follows it, and a function ends
 * with its writes acknowledged. */
#include <string.h>

#include "support/architecture.h"
#include "proofs/fact.h"
#include "proofs/internal.h"

/* Transfers of one buffer on their way, on some path. In the first `low` bytes of the window nothing is on
 * its way: a number of sizes, and of the iterations of loops that move the window.
 */
struct transfers {
    bool some, doubtful; /* doubtful: it may be that there are none, or none so low, where they are judged */
    const struct polynomial *low;
    const struct polynomial *amount; /* 0: there are none after all, 1: there are; NULL: not known */
    struct span span;                /* of the first */
};

/* Which move of a window was the last: the call, or a place of its own where paths meet and in helpers, whose
 * calls come more than once. */
struct last_move {
    const void *move;
    struct span span;
};

struct buffer_movement {
    struct transfers reads, writes;
    struct transfers sends; /* multicasts that may still read the window at the back */
    struct last_move back, front;
};

/* Something that a later call must end, on some path. */
struct pending {
    bool some;
    struct span span;
};

struct movement {
    struct pending write, increment; /* not acknowledged */
    struct pending link;             /* a multicast that holds its path for the next */
    struct pending overtaken; /* a multicast that a semaphore multicast may overtake; until a barrier, or: */
    bool until_flush;         /* a flush is enough */
    struct buffer_movement buffers[];
};

static size_t state_size(const struct walk *w) {
    return sizeof(struct movement) + w->buffer_count * sizeof(struct buffer_movement);
}

static void initial(struct walk *w, void *state) {
    struct movement *m = state;
    memset(state, 0, state_size(w));
    for (size_t i = 0; i < w->buffer_count; i++)
        m->buffers[i].reads.amount = m->buffers[i].writes.amount = m->buffers[i].sends.amount =
            number(&w->values, 0);
}

static bool are_none(const struct transfers *transfers) {
    int64_t amount;
    return !transfers->some || (known_number(transfers->amount, &amount) && amount == 0);
}

static bool concerns(const struct device_call *effect) {
    switch (effect->kind) {
    case EFFECT_PUSH:
    case EFFECT_POP:
    case EFFECT_READ_PAGE:
    case EFFECT_READ_PART:
    case EFFECT_WRITE_PAGE:
    case EFFECT_WRITE_PART:
    case EFFECT_READ_BARRIER:
    case EFFECT_WRITE_BARRIER:
    case EFFECT_WRITES_FLUSHED:
    case EFFECT_STORE:
    case EFFECT_MULTICAST:
    case EFFECT_SEMAPHORE_MULTICAST:
    case EFFECT_SEMAPHORE_INCREASE:
    case EFFECT_ATOMIC_BARRIER:
        return true;
    default:
        return false;
    }
}

static void failed(struct walk *w, size_t buffer) {
    if (!w->quiet)
        w->failed[buffer] = true;
}

/* ---- windows move ---- */

/* A place that no address was taken at. */
static const void *new_place(struct walk *w) {
    return arena_allocate(w->compilation->arena, 1);
}

static void report_in_flight(struct walk *w, const struct transfers *transfers,
                             const struct walked_call *call, size_t buffer, bool known) {
    bool push = call->effect->kind == EFFECT_PUSH;
    if (!known) {
        walk_undecided(w, call->span, "not proved: %s pages of %s with no %s in flight",
                       push ? "pushes" : "pops", buffer_label(w, buffer), push ? "reads" : "writes");
        return;
    }
    walk_error(w, call->span, "%s pages of %s with %s in flight", push ? "pushes" : "pops",
               buffer_label(w, buffer), push ? "reads" : "writes");
    walk_note(w, transfers->span, "%s is issued here", push ? "noc_async_read_page" : "noc_async_write_page");
    walk_help(w, "%s between them: %s", push ? "noc_async_read_barrier" : "noc_async_writes_flushed",
              push ? "what is pushed must have arrived" : "what is popped must have left");
}

static void move_window(struct walk *w, struct buffer_movement *m, const struct walked_call *call,
                        size_t buffer) {
    bool push = call->effect->kind == EFFECT_PUSH;
    struct values *v = &w->values;
    struct transfers *transfers = push ? &m->reads : &m->writes;
    struct last_move *position = push ? &m->back : &m->front;
    const struct polynomial *pages = argument_of(w, call, call->effect->pages),
                            *bytes = product_of(v, pages, number(v, w->buffers[buffer].page_bytes));
    int64_t count, low;
    bool known = known_number(bytes, &count) && known_number(transfers->low, &low) && !transfers->doubtful;
    if (known_number(pages, &count) && count == 0)
        return;
    if (transfers->some && transfers->low && prove_quietly(w, bytes, transfers->low)) {
        transfers->low = difference_of(v, transfers->low, bytes);
    } else if (!are_none(transfers) && !w->failed[buffer]) {
        report_in_flight(w, transfers, call, buffer, known);
        failed(w, buffer);
    }
    *position = (struct last_move){w->helpers ? new_place(w) : call->call, call->span};
    if (push)
        m->sends.some = false; /* other pages from here on */
}

/* ---- core to core ---- */

static void begin_pending(struct pending *pending, struct span span) {
    *pending = (struct pending){true, pending->some ? pending->span : span};
}

/* While a path is held nothing else may be written or waited for. */
static void check_link(struct walk *w, struct movement *m, const struct walked_call *call) {
    if (!m->link.some)
        return;
    walk_error(w, call->span, "%s comes behind a linked multicast, whose path is held for another multicast",
               call->effect->name);
    walk_note(w, m->link.span, "the linked multicast is here");
    walk_help(w, "noc_semaphore_set_multicast to the same cores ends the link: it must follow first");
    m->link.some = false;
}

static void send(struct walk *w, struct movement *m, const struct walked_call *call) {
    int64_t linked;
    bool known = known_number(argument_of(w, call, call->effect->linked), &linked);
    bool blackhole = w->compilation->architecture->chip == CHIP_BLACKHOLE;
    begin_pending(&m->write, call->span);
    m->link = (struct pending){known && linked, call->span};
    if (known && (!linked || blackhole)) {
        m->until_flush = linked && (m->until_flush || !m->overtaken.some);
        begin_pending(&m->overtaken, call->span);
    }
}

static void check_overtaking(struct walk *w, struct movement *m, const struct walked_call *call) {
    if (m->overtaken.some) {
        walk_error(w, call->span, "%s may overtake the pages that it tells of", call->effect->name);
        walk_note(w, m->overtaken.span, "they are sent here");
        walk_help(
            w,
            m->until_flush
                ? "noc_async_writes_flushed between them"
                : "link the multicast of the pages, and flush it, or noc_async_write_barrier between them");
        m->overtaken.some = false;
    }
    m->link.some = false;
    begin_pending(&m->write, call->span);
}

/* ---- addresses ---- */

/* What the offset surely comes to: atoms are at least 0. */
static const struct polynomial *least_offset(struct walk *w, const struct polynomial *offset) {
    struct values *v = &w->values;
    const struct polynomial *least = number(v, 0);
    for (size_t i = 0; offset && i < offset->count; i++) {
        const struct polynomial *term = number(v, offset->terms[i].factor);
        for (size_t j = 0; j < offset->terms[i].degree; j++)
            term = product_of(v, term, atom_value(v, offset->terms[i].atoms[j]));
        if (offset->terms[i].factor < 0)
            return number(v, 0);
        if (is_of_sizes(v, term))
            least = sum_of(v, least, term);
    }
    return least;
}

/* Some iterations issue it and others do not: what stands in flight behind the loop, the last iteration says.
 */
static bool varies_with_an_iteration(struct walk *w) {
    const struct name_value *names = w->names;
    bool varies = false;
    for (size_t i = 0; i < w->condition_count && !varies; i++) {
        w->names = w->conditions[i].names;
        const struct alternatives *met = condition_alternatives(w, w->conditions[i].condition, true);
        for (size_t j = 0; j < w->loop_count; j++)
            varies = varies || (w->loops[j].atom != ATOM_LIMIT &&
                                alternatives_mention(&w->values, met, w->loops[j].atom));
    }
    w->names = names;
    return varies;
}

/* Neither is less. */
static const struct polynomial *lower_of(struct walk *w, const struct polynomial *a,
                                         const struct polynomial *b) {
    if (prove_quietly(w, a, b))
        return a;
    return prove_quietly(w, b, a) ? b : number(&w->values, 0);
}

static void issue(struct walk *w, struct transfers *transfers, struct span span,
                  const struct polynomial *low) {
    if (!transfers->some)
        *transfers = (struct transfers){.some = true, .low = low, .amount = transfers->amount, .span = span};
    else
        transfers->low = lower_of(w, transfers->low, low);
}

static void issue_here(struct walk *w, struct transfers *transfers, const struct walked_call *call,
                       const struct polynomial *offset) {
    bool sure = transfers->some && !transfers->doubtful;
    issue(w, transfers, call->span, least_offset(w, offset));
    transfers->doubtful = !sure && varies_with_an_iteration(w);
    transfers->amount = number(&w->values, 1);
}

/* Reads into the window have landed where it is stored to or sent. */
static void check_landed(struct walk *w, struct buffer_movement *b, const struct walked_call *call,
                         size_t buffer) {
    bool sends = call->effect->kind == EFFECT_MULTICAST;
    if (!b->reads.some || w->failed[buffer])
        return;
    walk_error(w, call->span, "%s %s %s with reads in flight", call->effect->name,
               sends ? "sends" : "stores into", buffer_label(w, buffer));
    walk_note(w, b->reads.span, "noc_async_read_page is issued here");
    walk_help(w, "noc_async_read_barrier between them: %s",
              sends ? "what is sent must have arrived" : "a read that lands later overwrites what is stored");
    failed(w, buffer);
}

/* What is sent from the window has left where it is written again. */
static void check_sent(struct walk *w, struct buffer_movement *b, const struct walked_call *call,
                       size_t buffer) {
    if (!b->sends.some || w->failed[buffer])
        return;
    walk_error(w, call->span, "%s writes to %s with a multicast from it in flight", call->effect->name,
               buffer_label(w, buffer));
    walk_note(w, b->sends.span, "noc_async_write_multicast is issued here");
    walk_help(w, "noc_async_writes_flushed between them: what is sent must have left");
    failed(w, buffer);
}

/* argument: which of the call is the address. */
static void use_address(struct walk *w, struct movement *m, const struct walked_call *call, int argument) {
    const struct polynomial *offset;
    const struct atom *pointer = pointer_in(w, argument_of(w, call, argument), &offset);
    enum effect_kind kind = call->effect->kind;
    if (writes_tensor(call->effect)) {
        check_link(w, m, call);
        begin_pending(&m->write, call->span);
    } else if (kind == EFFECT_MULTICAST) {
        send(w, m, call);
    }
    if (!pointer)
        return;
    size_t buffer = (size_t)pointer->step;
    struct buffer_movement *b = &m->buffers[buffer];
    const struct last_move *now = pointer->write ? &b->back : &b->front;
    if (now->move != pointer->origin && !w->failed[buffer]) {
        walk_error(w, call->span, "%s uses an address of %s that was taken before its last %s",
                   call->effect->name, buffer_label(w, buffer),
                   pointer->write ? "cb_push_back" : "cb_pop_front");
        walk_note(w, pointer->span, "the address is taken here");
        walk_note(w, now->span, "the window moves here");
        walk_help(w, "take %s again behind it: the window lies elsewhere now",
                  pointer->write ? "get_write_ptr" : "get_read_ptr");
        failed(w, buffer);
    }
    if (writes_tensor(call->effect)) {
        issue_here(w, &b->writes, call, offset);
        return;
    }
    if (!reads_tensor(call->effect))
        check_landed(w, b, call, buffer);
    if (kind == EFFECT_MULTICAST) {
        issue_here(w, pointer->write ? &b->sends : &b->writes, call, offset);
        return;
    }
    check_sent(w, b, call, buffer);
    if (reads_tensor(call->effect))
        issue_here(w, &b->reads, call, offset);
}

static void land(struct walk *w, struct movement *m, bool reads, bool writes) {
    const struct transfers none = {.amount = number(&w->values, 0)};
    for (size_t i = 0; i < w->buffer_count; i++) {
        if (reads)
            m->buffers[i].reads = none;
        if (writes)
            m->buffers[i].writes = m->buffers[i].sends = none;
    }
}

static void transfer(struct walk *w, void *state, const struct walked_call *call) {
    struct movement *m = state;
    size_t buffer;
    switch (call->effect->kind) {
    case EFFECT_PUSH:
    case EFFECT_POP:
        buffer = buffer_of(w, call, call->effect->buffer);
        if (buffer < w->buffer_count)
            move_window(w, &m->buffers[buffer], call, buffer);
        break;
    case EFFECT_READ_BARRIER:
        land(w, m, true, false);
        break;
    case EFFECT_WRITE_BARRIER:
        check_link(w, m, call);
        m->write.some = m->overtaken.some = false;
        land(w, m, false, true);
        break;
    case EFFECT_WRITES_FLUSHED:
        m->overtaken.some &= !m->until_flush;
        land(w, m, false, true);
        break;
    case EFFECT_SEMAPHORE_MULTICAST:
        check_overtaking(w, m, call);
        break;
    case EFFECT_SEMAPHORE_INCREASE:
        check_link(w, m, call);
        begin_pending(&m->increment, call->span);
        break;
    case EFFECT_ATOMIC_BARRIER:
        m->increment.some = false;
        break;
    default:
        use_address(w, m, call, call->effect->address);
        if (call->effect->from)
            use_address(w, m, call, call->effect->from);
    }
}

static void final(struct walk *w, void *state) {
    struct movement *m = state;
    for (size_t i = 0; i < w->buffer_count; i++) {
        const struct transfers *reads = &m->buffers[i].reads;
        if (are_none(reads) || w->failed[i])
            continue;
        if (reads->doubtful) {
            walk_undecided(w, reads->span, "not proved: %s ends with no read into %s in flight",
                           w->function->name, buffer_label(w, i));
            continue;
        }
        walk_error(w, reads->span, "%s ends with this read into %s in flight", w->function->name,
                   buffer_label(w, i));
        walk_help(w, "noc_async_read_barrier before the end");
    }
    if (m->link.some) {
        walk_error(w, m->link.span, "%s ends with the path of this linked multicast held", w->function->name);
        walk_help(w, "noc_semaphore_set_multicast to the same cores ends the link");
    }
    if (m->write.some) {
        walk_error(w, m->write.span, "%s ends with this write not acknowledged", w->function->name);
        walk_help(w, "noc_async_write_barrier before the end: what follows the kernel must find the data");
    }
    if (m->increment.some) {
        walk_error(w, m->increment.span, "%s ends with this increment not acknowledged", w->function->name);
        walk_help(
            w,
            "noc_async_atomic_barrier before the end: it must not reach the semaphores of the next kernel");
    }
}

/* ---- where paths meet ---- */

static void join_transfers(struct walk *w, struct transfers *into, const struct transfers *other) {
    const struct polynomial *amount = joined_value(w, into->amount, other->amount);
    if (other->some)
        issue(w, into, other->span, other->low);
    into->doubtful |= other->doubtful;
    into->amount = amount;
}

static void join_last_move(struct last_move *into, const struct last_move *other, const void *where) {
    if (into->move != other->move)
        *into = (struct last_move){where, other->span.line ? other->span : into->span};
}

static void join_pending(struct pending *into, const struct pending *other) {
    if (other->some && !into->some)
        *into = *other;
}

static void join_at(struct walk *w, struct movement *into, const struct movement *other, const void *where) {
    if (other->overtaken.some)
        into->until_flush = other->until_flush && (into->until_flush || !into->overtaken.some);
    join_pending(&into->write, &other->write);
    join_pending(&into->increment, &other->increment);
    join_pending(&into->link, &other->link);
    join_pending(&into->overtaken, &other->overtaken);
    for (size_t i = 0; i < w->buffer_count; i++) {
        struct buffer_movement *a = &into->buffers[i];
        const struct buffer_movement *b = &other->buffers[i];
        join_transfers(w, &a->reads, &b->reads);
        join_transfers(w, &a->writes, &b->writes);
        join_transfers(w, &a->sends, &b->sends);
        join_last_move(&a->back, &b->back, where);
        join_last_move(&a->front, &b->front, where);
    }
}

static void join(struct walk *w, void *into, const void *other) {
    join_at(w, into, other, new_place(w));
}

/* ---- loops ---- */

static const struct polynomial *iterations_before(struct values *v, const struct loop_range *loop) {
    return quotient_of(v, difference_of(v, atom_value(v, loop->atom), loop->lower), number(v, loop->step));
}

/* As window_widening.c has it of an iteration that leaves a value of its own variable: that of the iteration
 * before. */
static const struct polynomial *amount_before_iteration(struct walk *w, const struct polynomial *before,
                                                        const struct polynomial *after,
                                                        const struct loop_range *loop) {
    struct values *v = &w->values;
    const struct polynomial *step = number(v, loop->step), *iteration = atom_value(v, loop->atom);
    if (same_value(before, after))
        return before;
    if (!before || !after || !loop->lower || !depends_on_atom(v, after, loop->atom) ||
        !same_value(replace_atom(v, after, loop->atom, difference_of(v, loop->lower, step)), before))
        return NULL;
    return replace_atom(v, after, loop->atom, difference_of(v, iteration, step));
}

/* An iteration that moves the window by so many bytes while transfers are on their way leaves so much less in
 * front of them: iteration t begins with low - t * step. Where no such step is known, with nothing. */
static void widen_transfers(struct walk *w, struct transfers *invariant, const struct transfers *end,
                            bool moved, const struct loop_range *loop) {
    struct values *v = &w->values;
    if (!end->some)
        return;
    if (!moved) {
        join_transfers(w, invariant, end);
        return;
    }
    const struct polynomial *step = invariant->some ? difference_of(v, invariant->low, end->low) : NULL;
    const struct polynomial *low =
        difference_of(v, invariant->low, product_of(v, step, iterations_before(v, loop)));
    bool falls = step && never_negative(step) && is_of_sizes(v, step) && low;
    join_transfers(w, invariant, end);
    if (!invariant->low->count || (step && !step->count))
        return;
    invariant->low = falls ? low : number(v, 0);
    invariant->doubtful |= !falls;
}

static void widen(struct walk *w, void *invariant, const void *end_of_iteration,
                  const struct loop_range *loop) {
    struct movement *into = invariant;
    const struct movement *end = end_of_iteration;
    struct movement *before = arena_copy(w->compilation->arena, invariant, state_size(w));
    join_at(w, into, end, new_place(w));
    for (size_t i = 0; i < w->buffer_count; i++) {
        struct buffer_movement *b = &before->buffers[i];
        const struct buffer_movement *e = &end->buffers[i];
        bool pushed = b->back.move != e->back.move, popped = b->front.move != e->front.move;
        const struct polynomial *reads = amount_before_iteration(w, b->reads.amount, e->reads.amount, loop),
                                *writes =
                                    amount_before_iteration(w, b->writes.amount, e->writes.amount, loop);
        widen_transfers(w, &b->reads, &e->reads, pushed, loop);
        widen_transfers(w, &b->writes, &e->writes, popped, loop);
        b->reads.amount = reads;
        b->writes.amount = writes;
        into->buffers[i].reads = b->reads;
        into->buffers[i].writes = b->writes;
    }
}

static bool transfers_are_fixpoint(struct walk *w, const struct transfers *invariant,
                                   const struct transfers *end, const struct loop_range *loop) {
    struct values *v = &w->values;
    const struct polynomial *next = sum_of(v, atom_value(v, loop->atom), number(v, loop->step));
    if (invariant->amount && !same_value(replace_atom(v, invariant->amount, loop->atom, next), end->amount))
        return false;
    return !end->some ||
           (invariant->some && prove_quietly(w, replace_atom(v, invariant->low, loop->atom, next), end->low));
}

static bool is_fixpoint(struct walk *w, const void *invariant, const void *end,
                        const struct loop_range *loop) {
    const struct movement *from = invariant, *to = end;
    bool fixpoint = true;
    for (size_t i = 0; i < w->buffer_count && fixpoint; i++)
        fixpoint = transfers_are_fixpoint(w, &from->buffers[i].reads, &to->buffers[i].reads, loop) &&
                   transfers_are_fixpoint(w, &from->buffers[i].writes, &to->buffers[i].writes, loop);
    return fixpoint;
}

/* What the last iteration leaves. How many there are says the induction, also where there is no iteration. */
static void last_iteration(struct walk *w, struct transfers *transfers, const struct loop_range *loop) {
    struct values *v = &w->values;
    const struct polynomial *iterations = product_of(v, loop->trips, number(v, loop->step)),
                            *last =
                                sum_of(v, loop->lower, difference_of(v, iterations, number(v, loop->step)));
    if (transfers->some && depends_on_atom(v, transfers->low, loop->atom))
        transfers->low = replace_atom(v, transfers->low, loop->atom, last);
    if (transfers->amount && depends_on_atom(v, transfers->amount, loop->atom))
        transfers->amount = replace_atom(v, transfers->amount, loop->atom, last);
}

static void amount_after_loop(struct walk *w, struct transfers *state, const struct transfers *invariant,
                              const struct loop_range *loop) {
    struct values *v = &w->values;
    const struct polynomial *behind =
        sum_of(v, loop->lower, product_of(v, loop->trips, number(v, loop->step)));
    if (invariant->amount && behind)
        state->amount = replace_atom(v, invariant->amount, loop->atom, behind);
}

static void after_loop(struct walk *w, void *state, const void *invariant, const void *end_of_iteration,
                       const struct loop_range *loop) {
    struct movement *end = arena_copy(w->compilation->arena, end_of_iteration, state_size(w));
    for (size_t i = 0; i < w->buffer_count; i++) {
        last_iteration(w, &end->buffers[i].reads, loop);
        last_iteration(w, &end->buffers[i].writes, loop);
    }
    bool runs = prove_quietly(w, number(&w->values, 1), loop->trips);
    if (runs)
        memcpy(state, end, state_size(w));
    else
        join_at(w, state, end, new_place(w));
    for (size_t i = 0; i < w->buffer_count; i++) {
        struct buffer_movement *after = &((struct movement *)state)->buffers[i];
        const struct buffer_movement *from = &((const struct movement *)invariant)->buffers[i];
        amount_after_loop(w, &after->reads, &from->reads, loop);
        amount_after_loop(w, &after->writes, &from->writes, loop);
    }
}

static const struct polynomial *pointer(struct walk *w, const void *state, size_t buffer, bool write,
                                        struct span span) {
    const struct buffer_movement *b = &((const struct movement *)state)->buffers[buffer];
    struct atom atom = {.kind = ATOM_POINTER,
                        .name = "",
                        .step = (int64_t)buffer,
                        .write = write,
                        .origin = write ? b->back.move : b->front.move,
                        .span = span};
    return atom_value(&w->values, atom_find(&w->values, &atom));
}

const struct domain movement_domain = {
    .state_size = state_size,
    .initial = initial,
    .transfer = transfer,
    .final = final,
    .join = join,
    .widen = widen,
    .after_loop = after_loop,
    .pointer = pointer,
    .concerns = concerns,
    .is_fixpoint = is_fixpoint,
};
