/* Do the functions of a core wait for one another for ever? Proved for all launches at once; what is not
 * proved is replayed for launches of small sizes, and what stops there is refused with the circle of waits,
 * and with the least depth that mends it. */
#include <inttypes.h>
#include <string.h>

#include "proofs/internal.h"
#include "proofs/product.h"

enum { DEPTH_TRIES = 256, TIMES_LIMIT = 4 };

struct deadlock {
    struct product *kernel;
    struct walk *walk;
    struct arena *arena;
    struct replay *replay;
    size_t circle[FUNCTION_LIMIT], length; /* who waits for whom, the first for want of room if any does */
    bool ended;                            /* the last of them waits for one that has ended */
};

static const char *counted(struct deadlock *d, int64_t pages, const char *what) {
    return arena_printf(d->arena, "%" PRId64 " %s%s", pages, what, pages == 1 ? "" : "s");
}

/* ---- the circle of waits ---- */

/* The function whose move a stopped one waits for; function_count when there is none. */
static size_t other_side(const struct deadlock *d, size_t function) {
    const struct event_item *event = d->replay->stops[function].event;
    enum effect_kind moves = event->effect == EFFECT_RESERVE ? EFFECT_POP : EFFECT_PUSH;
    for (size_t f = 0; f < d->kernel->function_count; f++)
        if (function_moves(d->kernel->events[f], moves, event->buffer))
            return f;
    return d->kernel->function_count;
}

static bool waits(const struct deadlock *d, size_t function) {
    return function < d->kernel->function_count && d->replay->stops[function].event;
}

static bool wants_room(const struct deadlock *d, size_t function) {
    return d->replay->stops[function].event->effect == EFFECT_RESERVE;
}

/* From any that waits into the circle, or to one that waits for an ended one; then round it. */
static void find_circle(struct deadlock *d) {
    size_t at = 0, begin = 0, found[FUNCTION_LIMIT];
    while (!waits(d, at))
        at++;
    for (size_t step = 0; step < d->kernel->function_count && waits(d, other_side(d, at)); step++)
        at = other_side(d, at);
    for (size_t f = at; waits(d, f) && (d->length == 0 || f != at); f = other_side(d, f))
        found[d->length++] = f;
    d->ended = !waits(d, other_side(d, found[d->length - 1]));
    for (size_t i = d->length; i-- > 0;)
        begin = wants_room(d, found[i]) ? i : begin;
    for (size_t i = 0; i < d->length; i++)
        d->circle[i] = found[(begin + i) % d->length];
}

/* "compute waits for 2 pages of cb_x, which holds 0" */
static const char *wait_text(struct deadlock *d, size_t function) {
    const struct replay *r = d->replay;
    const struct replay_stop *stop = &r->stops[function];
    size_t b = stop->event->buffer;
    const char *name = d->kernel->functions[function]->name, *buffer = buffer_label(d->walk, b);
    if (wants_room(d, function))
        return arena_printf(d->arena, "%s waits for %s of %s, which has %" PRId64 " of %" PRId64, name,
                            counted(d, stop->pages, "free page"), buffer, r->pages[b] - r->filled[b],
                            r->pages[b]);
    return arena_printf(d->arena, "%s waits for %s of %s, which holds %" PRId64, name,
                        counted(d, stop->pages, "page"), buffer, r->filled[b]);
}

static void report_circle(struct deadlock *d) {
    const struct replay *r = d->replay;
    for (size_t i = 0; i < d->length; i++) {
        size_t f = d->circle[i];
        const struct replay_stop *stop = &r->stops[f];
        const char *at = stop->at, *text = wait_text(d, f);
        if (i == 0)
            walk_error(d->walk, stop->event->span, "deadlock%s%s%s%s: %s", *at ? " at " : "", at,
                       *r->sizes ? " with " : "", r->sizes, text);
        else
            walk_note(d->walk, stop->event->span, "%s%s%s%s", *at ? "at " : "", at, *at ? ", " : "", text);
    }
    size_t last = other_side(d, d->circle[d->length - 1]);
    if (d->ended && last < d->kernel->function_count)
        walk_note(d->walk, d->kernel->functions[last]->base.span, "%s has ended",
                  d->kernel->functions[last]->name);
}

/* ---- the advice ---- */

/* The least depth of a buffer with which the launch ends; 0 when none does. */
static int64_t least_depth(struct deadlock *d, size_t buffer, int64_t pages) {
    struct replay *r = d->replay;
    int64_t before = r->depths[buffer], found = 0;
    r->depths[buffer] = UNLIMITED_DEPTH;
    bool mends = replay_run(r) == REPLAY_ENDS;
    for (int64_t depth = pages; mends && !found && depth <= pages + DEPTH_TRIES; depth++) {
        r->depths[buffer] = depth;
        found = replay_run(r) == REPLAY_ENDS ? depth : 0;
    }
    r->depths[buffer] = before;
    return found;
}

static bool proved_with(struct deadlock *d, size_t buffer, const struct polynomial *pages) {
    const struct event_item *stuck[FUNCTION_LIMIT];
    const struct polynomial *before = d->walk->buffers[buffer].pages;
    d->walk->buffers[buffer].pages = pages;
    bool proved = pages && prove_all_end(d->kernel, stuck);
    d->walk->buffers[buffer].pages = before;
    return proved;
}

/* Pages that are enough for every launch, of which this one needs `depth`: a number, some times what it has,
 * or what the loop around the stop moves. NULL: none is known. */
static const struct polynomial *enough_pages(struct deadlock *d, size_t buffer, int64_t depth) {
    struct values *v = &d->walk->values;
    const struct polynomial *pages = d->walk->buffers[buffer].pages;
    int64_t known;
    if (proved_with(d, buffer, number(v, depth)))
        return number(v, depth);
    for (int times = 2; !known_number(pages, &known) && times <= TIMES_LIMIT; times++)
        if (proved_with(d, buffer, product_of(v, pages, number(v, times))))
            return product_of(v, pages, number(v, times));
    for (size_t i = 0; i < d->length; i++) {
        const struct replay_stop *stop = &d->replay->stops[d->circle[i]];
        const struct polynomial *moved =
            stop->loop ? product_of(v, stop->loop->trips, stop->event->pages) : NULL;
        if (stop->event->buffer == buffer && proved_with(d, buffer, moved))
            return moved;
    }
    return NULL;
}

/* "cb_x needs at least 6 pages", for every launch or for the one that stopped. */
static const char *need_text(struct deadlock *d, size_t buffer, int64_t depth, const char *sizes) {
    const struct polynomial *enough = enough_pages(d, buffer, depth);
    struct replay *r = d->replay;
    int64_t known;
    if (enough && known_number(enough, &known))
        sizes = "";
    else if (enough)
        return arena_printf(d->arena, "%s needs at least %s pages", buffer_label(d->walk, buffer),
                            value_text(d->walk, enough));
    r->depths[buffer] = depth;
    bool more = !enough && replay_find_stop(r);
    r->depths[buffer] = 0;
    return arena_printf(d->arena, "%s needs at least %s%s%s%s", buffer_label(d->walk, buffer),
                        counted(d, depth, "page"), *sizes ? " with " : "", sizes,
                        more ? ", and more in other launches" : "");
}

/* When one buffer alone is not enough: all without limit, then one after another as small as may be. */
static const char *several_need_text(struct deadlock *d, const int64_t *pages, const char *sizes) {
    struct replay *r = d->replay;
    const char *text = "";
    size_t buffers = d->walk->buffer_count;
    for (size_t b = 0; b < buffers; b++)
        r->depths[b] = UNLIMITED_DEPTH;
    if (replay_run(r) != REPLAY_ENDS)
        return "";
    for (size_t b = 0; b < buffers; b++) {
        r->depths[b] = least_depth(d, b, pages[b]);
        if (r->depths[b] > pages[b])
            text = arena_printf(d->arena, "%s%s%s needs at least %s", text, *text ? ", and " : "",
                                buffer_label(d->walk, b), counted(d, r->depths[b], "page"));
    }
    return arena_printf(d->arena, "%s%s%s", text, *sizes ? " with " : "", sizes);
}

static void advise(struct deadlock *d) {
    struct replay *r = d->replay;
    size_t buffers = d->walk->buffer_count;
    const char *sizes = r->sizes, *text = "";
    int64_t *pages = arena_copy(d->arena, r->pages, (buffers + 1) * sizeof *pages), count = r->count;
    int sample = r->sample;
    struct replay_stop stops[FUNCTION_LIMIT];
    memcpy(stops, r->stops, sizeof stops);
    for (size_t b = 0; b < buffers; b++) {
        int64_t depth = least_depth(d, b, pages[b]);
        memcpy(r->stops, stops, sizeof stops);
        if (depth)
            text =
                arena_printf(d->arena, "%s%s%s", text, *text ? ", or " : "", need_text(d, b, depth, sizes));
        r->sample = sample;
        r->count = count;
    }
    if (!*text)
        text = several_need_text(d, pages, sizes);
    if (*text)
        walk_help(d->walk, "%s", text);
    else if (d->ended)
        walk_help(
            d->walk,
            "no depth mends it: push as many pages as are waited for, pop as many as room is needed for");
    else
        walk_help(d->walk, "no depth mends it: %s must push before it waits",
                  d->length == 1 ? "it" : "one of them");
}

/* ---- the proof ---- */

static void report_deadlock(struct product *kernel, struct replay *replay) {
    struct deadlock d = {
        .kernel = kernel, .walk = kernel->walk, .arena = kernel->walk->compilation->arena, .replay = replay};
    find_circle(&d);
    report_circle(&d);
    advise(&d);
}

static void report_undecided(const struct product *kernel, const struct event_item *const *stuck) {
    struct walk *w = kernel->walk;
    for (size_t f = 0; f < kernel->function_count; f++) {
        if (!stuck[f])
            continue;
        walk_undecided(w, stuck[f]->span, "not proved: %s gets the pages of %s that it waits for here",
                       kernel->functions[f]->name, buffer_label(w, stuck[f]->buffer));
        return;
    }
    walk_undecided(w, w->compilation->kernel->span, "not proved: no function waits for ever");
}

void prove_no_deadlock(struct walk *w, struct node_list functions) {
    struct product kernel = {.walk = w, .function_count = functions.count};
    const struct event_item *stuck[FUNCTION_LIMIT] = {NULL};
    if (functions.count > FUNCTION_LIMIT) {
        walk_undecided(w, w->compilation->kernel->span, "not proved: no function of %zu waits for ever",
                       functions.count);
        return;
    }
    for (size_t f = 0; f < functions.count; f++) {
        kernel.functions[f] = node_as(functions.items[f], function);
        if (!function_events(w, kernel.functions[f], &kernel.events[f]))
            return; /* what is amiss there is reported elsewhere */
    }
    if (prove_all_end(&kernel, stuck))
        return;
    struct replay *replay = replay_create(&kernel);
    if (replay_find_stop(replay))
        report_deadlock(&kernel, replay);
    else
        report_undecided(&kernel, stuck);
}
