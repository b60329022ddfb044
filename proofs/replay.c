/* One launch of a kernel, of which only the calls on circular buffers are run. */
#include <inttypes.h>
#include <string.h>

#include "proofs/internal.h"
#include "proofs/product.h"

enum { EVENT_LIMIT = 40000, NESTING_LIMIT = 2 * LOOP_LIMIT };

/* A list that is being run; a loop's body comes back to its beginning. */
struct level {
    const struct event_item *at, *loop;
    int64_t value, last;
};

struct replay_thread {
    struct level levels[NESTING_LIMIT];
    size_t depth;
    struct witness witness; /* the values of its iteration */
    bool unknown;
};

struct replay_state {
    struct replay *replay;
    struct walk *walk;
    struct replay_thread *threads;
    int64_t *pushed, *popped; /* by buffer */
    bool *touched;            /* by atom: sizes that mattered */
    int events;
};

struct replay *replay_create(const struct product *kernel) {
    struct arena *arena = kernel->walk->compilation->arena;
    struct replay *replay = arena_allocate(arena, sizeof *replay);
    size_t buffers = kernel->walk->buffer_count + 1;
    *replay = (struct replay){.kernel = kernel, .sizes = ""};
    replay->depths = arena_allocate(arena, buffers * sizeof *replay->depths);
    replay->pages = arena_allocate(arena, buffers * sizeof *replay->pages);
    replay->filled = arena_allocate(arena, buffers * sizeof *replay->filled);
    memset(replay->depths, 0, buffers * sizeof *replay->depths);
    return replay;
}

/* ---- values ---- */

/* Values of another iteration: everything anew but the loops that are open. */
static void renew_values(struct replay_state *s, struct replay_thread *t) {
    struct values *v = &s->walk->values;
    for (size_t i = 0; i < v->count; i++) {
        s->touched[i] |= v->atoms[i].kind == ATOM_SIZE && t->witness.known[i] > 0;
        t->witness.known[i] = 0;
    }
    int64_t points;
    for (size_t i = 0; s->replay->count && i < v->count; i++) {
        if (v->atoms[i].kind != ATOM_COUNT || !witness_value(&t->witness, v->points, &points))
            continue;
        t->witness.known[i] = 1;
        t->witness.value[i] = points < s->replay->count ? points : s->replay->count;
    }
    for (size_t i = 0; i < t->depth; i++) {
        if (!t->levels[i].loop)
            continue;
        t->witness.known[t->levels[i].loop->atom] = 1;
        t->witness.value[t->levels[i].loop->atom] = t->levels[i].value;
    }
}

static int64_t value_of(struct replay_thread *t, const struct polynomial *p) {
    int64_t value = 0;
    t->unknown |= !witness_value(&t->witness, p, &value) || value < 0;
    return value;
}

static bool holds(struct replay_thread *t, const struct condition *c) {
    int64_t value = 0;
    switch (c->kind) {
    case CONDITION_NOT:
        return !holds(t, c->a);
    case CONDITION_AND:
        return holds(t, c->a) && holds(t, c->b);
    case CONDITION_OR:
        return holds(t, c->a) || holds(t, c->b);
    case CONDITION_UNKNOWN:
        t->unknown = true;
        return false;
    default:
        t->unknown |= !witness_value(&t->witness, c->p, &value);
        return c->kind == CONDITION_ZERO ? value == 0 : value <= 0;
    }
}

/* ---- one thread ---- */

static void open_level(struct replay_state *s, struct replay_thread *t, const struct event_item *items,
                       const struct event_item *loop, int64_t first, int64_t last) {
    if (t->depth == NESTING_LIMIT) {
        t->unknown = true;
        return;
    }
    t->levels[t->depth++] = (struct level){items, loop, first, last};
    if (loop)
        renew_values(s, t);
}

static void open_loop(struct replay_state *s, struct replay_thread *t, const struct event_item *loop) {
    int64_t lower = value_of(t, loop->lower), upper = value_of(t, loop->upper);
    if (!t->unknown && lower < upper)
        open_level(s, t, loop->body, loop, lower, lower + (upper - 1 - lower) / loop->step * loop->step);
}

/* The next event, NULL at the end. */
static const struct event_item *next_event(struct replay_state *s, struct replay_thread *t) {
    while (t->depth && !t->unknown) {
        struct level *level = &t->levels[t->depth - 1];
        const struct event_item *item = level->at;
        if (!item && level->loop && level->value < level->last) {
            level->value += level->loop->step;
            level->at = level->loop->body;
            renew_values(s, t);
            t->unknown = t->unknown || s->events++ > EVENT_LIMIT;
        } else if (!item) {
            t->depth--;
        } else if (item->kind == ITEM_EVENT) {
            return item;
        } else {
            level->at = item->next;
            if (item->kind == ITEM_LOOP)
                open_loop(s, t, item);
            else
                open_level(s, t, holds(t, item->condition) ? item->body : item->otherwise, NULL, 0, 0);
        }
    }
    return NULL;
}

static bool event_happens(struct replay_state *s, struct replay_thread *t, const struct event_item *event) {
    size_t b = event->buffer;
    int64_t pages = value_of(t, event->pages), depth = s->replay->pages[b];
    int64_t *moved = event->effect == EFFECT_PUSH ? s->pushed : s->popped;
    switch (event->effect) {
    case EFFECT_RESERVE:
        return s->pushed[b] - s->popped[b] + pages <= depth;
    case EFFECT_WAIT:
        return s->pushed[b] - s->popped[b] >= pages;
    default: /* a window may not straddle the end of the ring */
        t->unknown |= depth < UNLIMITED_DEPTH && (depth < 1 || moved[b] % depth + pages > depth);
        moved[b] += pages;
        return true;
    }
}

/* As far as it comes. */
static bool run_thread(struct replay_state *s, struct replay_thread *t) {
    bool moved = false;
    for (;;) {
        const struct event_item *event = next_event(s, t);
        if (!event || s->events++ > EVENT_LIMIT || !event_happens(s, t, event))
            return moved;
        t->levels[t->depth - 1].at = event->next;
        moved = true;
    }
}

/* ---- the launch ---- */

static const char *iterations_text(struct replay_state *s, const struct replay_thread *t) {
    struct arena *arena = s->walk->compilation->arena;
    const char *text = "";
    for (size_t i = 0; i < t->depth; i++)
        if (t->levels[i].loop)
            text = arena_printf(arena, "%s%s%s = %" PRId64, text, *text ? ", " : "", t->levels[i].loop->name,
                                t->levels[i].value);
    return text;
}

static const struct event_item *innermost_loop(const struct replay_thread *t) {
    for (size_t i = t->depth; i-- > 0;)
        if (t->levels[i].loop)
            return t->levels[i].loop;
    return NULL;
}

static const char *sizes_text(struct replay_state *s) {
    struct values *v = &s->walk->values;
    struct arena *arena = s->walk->compilation->arena;
    const char *text = "";
    for (size_t i = 0; i < v->count; i++) {
        int64_t value;
        if (s->touched[i] && witness_value(&s->threads[0].witness, atom_value(v, i), &value))
            text = arena_printf(arena, "%s%s%s = %" PRId64, text, *text ? ", " : "", v->atoms[i].name, value);
    }
    return text;
}

/* Fresh threads; false when the launch is none, or its buffers' pages are not known. */
static bool begin_launch(struct replay_state *s) {
    struct replay *r = s->replay;
    struct values *v = &s->walk->values;
    memset(s->touched, 0, v->count);
    for (size_t f = 0; f < r->kernel->function_count; f++) {
        struct replay_thread *t = &s->threads[f];
        t->depth = 0;
        t->unknown = false;
        witness_begin(&t->witness, s->walk, r->sample, 0);
        if (!witness_comes_here(&t->witness))
            return false;
        renew_values(s, t);
        open_level(s, t, r->kernel->events[f], NULL, 0, 0);
    }
    for (size_t b = 0; b < s->walk->buffer_count; b++) {
        s->pushed[b] = s->popped[b] = 0;
        r->pages[b] = r->depths[b] ? r->depths[b] : value_of(&s->threads[0], s->walk->buffers[b].pages);
    }
    return true;
}

static enum replay_result end_launch(struct replay_state *s) {
    struct replay *r = s->replay;
    bool ended = true;
    for (size_t f = 0; f < r->kernel->function_count; f++) {
        struct replay_thread *t = &s->threads[f];
        if (t->unknown || s->events > EVENT_LIMIT)
            return REPLAY_UNKNOWN;
        const struct event_item *event = next_event(s, t);
        r->stops[f] = (struct replay_stop){event, event ? value_of(t, event->pages) : 0,
                                           iterations_text(s, t), innermost_loop(t)};
        ended = ended && !event;
    }
    for (size_t b = 0; b < s->walk->buffer_count; b++)
        r->filled[b] = s->pushed[b] - s->popped[b];
    for (size_t f = 0; f < r->kernel->function_count; f++)
        renew_values(s, &s->threads[f]);
    r->sizes = sizes_text(s);
    return ended ? REPLAY_ENDS : REPLAY_STOPS;
}

enum replay_result replay_run(struct replay *r) {
    struct walk *w = r->kernel->walk;
    struct arena *arena = w->compilation->arena;
    struct replay_state s = {.replay = r, .walk = w};
    s.threads = arena_allocate(arena, r->kernel->function_count * sizeof *s.threads);
    s.pushed = arena_allocate(arena, (w->buffer_count + 1) * sizeof *s.pushed);
    s.popped = arena_allocate(arena, (w->buffer_count + 1) * sizeof *s.popped);
    s.touched = arena_allocate(arena, ATOM_LIMIT);
    if (!begin_launch(&s))
        return REPLAY_UNKNOWN;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t f = 0; f < r->kernel->function_count; f++)
            moved |= run_thread(&s, &s.threads[f]);
    }
    return end_launch(&s);
}

bool replay_find_stop(struct replay *r) {
    static const int64_t counts[] = {1, 2, 3, 0};
    int samples = walk_has_sizes(r->kernel->walk) ? SAMPLE_COUNT : 1;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        r->count = counts[i];
        for (r->sample = 0; r->sample < samples; r->sample++)
            if (replay_run(r) == REPLAY_STOPS)
                return true;
    }
    return false;
}
