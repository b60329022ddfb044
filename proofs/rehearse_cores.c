/* The traces of all functions and cores against each other, what cores do to each other, and who waits for
 * ever. Threads go on as far as they can, one after another; what blocks on circular buffers for good blocks
 * in every order, since nobody asks whether a buffer is full. */
#include "proofs/rehearse_internal.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "support/architecture.h"
#include "support/arena.h"

/* ---- core to core ---- */

/* The semaphore at an address; semaphore_count after a fault. */
static size_t semaphore_at(struct player *p, uint32_t address) {
    const struct rehearsal *r = p->rehearsal;
    for (size_t i = 0; i < r->semaphore_count; i++)
        if (r->semaphores[i].address == address)
            return i;
    fail(p, "addresses of semaphores come from get_semaphore", "%s is given an address that is no semaphore",
         p->event->effect->name);
    return r->semaphore_count;
}

static bool is_within(const struct performed_core *core, const uint32_t corners[4]) {
    return core->noc[0] >= corners[0] && core->noc[0] <= corners[2] && core->noc[1] >= corners[1] &&
           core->noc[1] <= corners[3];
}

/* The core of the launch at NoC coordinates; NULL after a fault. */
static struct rehearsed_core *core_at(struct player *p, uint32_t x, uint32_t y) {
    for (size_t i = 0; i < p->core_count; i++)
        if (p->cores[i].performed->noc[0] == x && p->cores[i].performed->noc[1] == y)
            return &p->cores[i];
    fail(p, "NoC coordinates of a core come from launch arguments: noc_x(x, y), noc_y(x, y)",
         "%s reaches for (%" PRIu32 ", %" PRIu32 "), where no core of the launch is", p->event->effect->name,
         x, y);
    return NULL;
}

/* Are there as many receivers as the call says, the sender not counted? */
static bool receivers_agree(struct player *p) {
    const uint32_t *corners = p->event->cores, wanted = event_argument(p, p->event->effect->receivers);
    uint32_t found = 0;
    if (!core_at(p, corners[0], corners[1]) || !core_at(p, corners[2], corners[3]))
        return false;
    for (size_t i = 0; i < p->core_count; i++)
        found += &p->cores[i] != p->core && is_within(p->cores[i].performed, corners);
    if (p->core->linked && memcmp(p->core->linked->cores, corners, sizeof p->event->cores) != 0)
        fail(p, "the multicast behind a linked one goes to the same cores",
             "%s goes to other cores than the linked multicast before it", p->event->effect->name);
    if (found == wanted && wanted > 0)
        return !p->failed;
    fail(p, "the sender is not counted",
         "%s has %" PRIu32 " receivers, and its rectangle (%" PRIu32 ", %" PRIu32 ")..(%" PRIu32 ", %" PRIu32
         ") has %" PRIu32 " cores of the launch",
         p->event->effect->name, wanted, corners[0], corners[1], corners[2], corners[3], found);
    return false;
}

static void increase(struct player *p) {
    size_t semaphore = semaphore_at(p, event_argument(p, p->event->effect->target));
    struct rehearsed_core *core = core_at(p, p->event->cores[0], p->event->cores[1]);
    if (p->failed)
        return;
    core->semaphores[semaphore] += event_argument(p, p->event->effect->value);
    memset(core->set[semaphore], 0, sizeof *core->set);
}

static void spread_semaphore(struct player *p) {
    size_t from = semaphore_at(p, event_argument(p, p->event->effect->address)),
           to = semaphore_at(p, event_argument(p, p->event->effect->target));
    bool goes = !p->failed && receivers_agree(p);
    for (size_t i = 0; goes && i < p->core_count; i++) {
        struct rehearsed_core *core = &p->cores[i];
        if (core == p->core || !is_within(core->performed, p->event->cores))
            continue;
        if (core->semaphores[to] == p->core->semaphores[from])
            fail(p, "a receiver sets its semaphore to another value before it says that it is ready",
                 "%s sends %" PRIu32 " to %s of core (%" PRIu32 ", %" PRIu32 "), which is so already",
                 p->event->effect->name, core->semaphores[to], p->rehearsal->semaphores[to].node->name,
                 core->performed->x, core->performed->y);
        core->semaphores[to] = p->core->semaphores[from];
        memset(core->set[to], 0, sizeof *core->set);
    }
    if (goes)
        p->core->sent[from] = p->core->flushed_batch;
    p->core->linked = NULL;
}

/* A page lands on another core: in what that core has reserved. */
static void land(struct player *p, struct rehearsed_core *receiver, uint32_t address) {
    struct rehearsed_core *sender = p->core;
    int64_t offset;
    p->core = receiver;
    struct rehearsed_ring *ring = ring_at(p, address, true, &offset);
    struct ring_page *page = ring ? window_page(p, ring, true, offset / ring->buffer->page_bytes) : NULL;
    if (page)
        page_written(ring, page);
    p->core = sender;
}

static void spread_pages(struct player *p) {
    const struct device_call *effect = p->event->effect;
    uint32_t source = event_argument(p, effect->address), target = event_argument(p, effect->target),
             bytes = event_argument(p, effect->size), done = 0;
    bool goes = receivers_agree(p);
    p->core->linked = event_argument(p, effect->linked) ? p->event : NULL;
    while (goes && done < bytes && !p->failed) {
        int64_t offset;
        struct rehearsed_ring *ring = ring_at(p, source + done, true, &offset);
        const struct ring_page *page =
            ring ? window_page(p, ring, true, offset / ring->buffer->page_bytes) : NULL;
        if (!page)
            return;
        /* What a clipped block leaves unwritten arrives so, and may not be read there either. */
        bool whole = page->covered == ring->buffer->page_bytes;
        for (size_t i = 0; whole && i < p->core_count; i++)
            if (&p->cores[i] != p->core && is_within(p->cores[i].performed, p->event->cores))
                land(p, &p->cores[i], target + done);
        done += ring->buffer->page_bytes;
    }
}

bool perform_between_cores(struct player *p) {
    const struct device_call *effect = p->event->effect;
    size_t semaphore;
    switch (effect->kind) {
    case EFFECT_SEMAPHORE_SET:
        semaphore = semaphore_at(p, event_argument(p, effect->address));
        if (!p->failed && p->core->sent[semaphore] == p->core->flushed_batch)
            fail(p, "noc_async_writes_flushed must stand before the semaphore is set again",
                 "%s is set while a multicast of it is in flight",
                 p->rehearsal->semaphores[semaphore].node->name);
        if (p->failed)
            return true;
        p->core->semaphores[semaphore] = event_argument(p, effect->value);
        order_note(p, p->core->set[semaphore]);
        return true;
    case EFFECT_SEMAPHORE_WAIT:
        semaphore = semaphore_at(p, event_argument(p, effect->address));
        if (p->failed || p->core->semaphores[semaphore] != event_argument(p, effect->value))
            return p->failed;
        order_learn(p, p->core->set[semaphore]);
        return true;
    case EFFECT_SEMAPHORE_INCREASE:
        increase(p);
        return true;
    case EFFECT_SEMAPHORE_MULTICAST:
        spread_semaphore(p);
        return true;
    case EFFECT_MULTICAST:
        spread_pages(p);
        return true;
    default:
        return true;
    }
}

/* ---- who goes on next ---- */

/* As far as it goes; true when it got anywhere. */
static bool go_on(struct player *p, struct performer *performer) {
    size_t from = performer->at;
    p->performer = performer;
    while (performer->at < performer->trace.count && !p->failed) {
        p->event = &performer->trace.events[performer->at];
        if (!perform(p))
            break;
        performer->at++;
    }
    return performer->at > from;
}

static const char *wait_text(struct player *p) {
    struct arena *arena = p->rehearsal->arena;
    const struct device_call *effect = p->event->effect;
    if (effect->kind == EFFECT_SEMAPHORE_WAIT) {
        size_t semaphore = semaphore_at(p, event_argument(p, effect->address));
        return arena_printf(arena, "%s until %s is %" PRIu32 ", and it is %" PRIu32, effect->name,
                            p->rehearsal->semaphores[semaphore].node->name, event_argument(p, effect->value),
                            p->core->semaphores[semaphore]);
    }
    const struct rehearsed_ring *ring = ring_of(p, effect->buffer);
    return arena_printf(
        arena, "%s of %" PRIu32 " pages of %s, of which %" PRIu32 " of %" PRIu32 " are filled", effect->name,
        event_argument(p, effect->pages), ring->buffer->node->name, ring->filled, ring->buffer->pages);
}

/* The first thread that waits is the error, the others of its core are notes. */
static void report_endless_wait(struct player *p, struct performer *blocked) {
    struct diagnostics *d = p->rehearsal->compilation->diagnostics;
    p->performer = blocked;
    p->event = &blocked->trace.events[blocked->at];
    fail(p, NULL, "%s waits for ever: %s", blocked->function->name, wait_text(p));
    for (size_t i = 0; i < p->core->performed->count; i++) {
        struct performer *other = &p->core->performed->performers[i];
        if (other == blocked)
            continue;
        if (other->at == other->trace.count)
            report_note(d, other->function->base.span, "%s has come to its end", other->function->name);
        else
            report_note(d, other->trace.events[other->at].span, "%s waits here", other->function->name);
    }
    report_help(d, (struct span){0},
                "who waits must be served: by as many pages pushed or popped before, in this order");
}

static bool play_together(struct player *p) {
    bool moved = true;
    while (moved && !p->failed) {
        moved = false;
        for (size_t i = 0; i < p->core_count; i++) {
            p->core = &p->cores[i];
            for (size_t j = 0; j < p->core->performed->count && !p->failed; j++)
                moved |= go_on(p, &p->core->performed->performers[j]);
        }
    }
    for (size_t i = 0; i < p->core_count; i++) {
        p->core = &p->cores[i];
        for (size_t j = 0; j < p->core->performed->count && !p->failed; j++)
            if (p->core->performed->performers[j].at < p->core->performed->performers[j].trace.count)
                report_endless_wait(p, &p->core->performed->performers[j]);
    }
    return !p->failed;
}

/* ---- the ends ---- */

/* The transfer of a function that no barrier of it ends. */
static void check_end(struct player *p, struct performer *performer, enum effect_kind transfer,
                      enum effect_kind barrier) {
    bool read = transfer == EFFECT_READ_PAGE;
    p->performer = performer;
    for (size_t i = performer->trace.count; i-- > 0 && !p->failed;) {
        p->event = &performer->trace.events[i];
        if (!p->event->effect || p->event->effect->kind == barrier)
            return;
        if (p->event->effect->kind == transfer)
            fail(p, read ? "noc_async_read_barrier before the end" : "noc_async_write_barrier before the end",
                 "%s ends with this %s in flight", performer->function->name, read ? "read" : "write");
    }
}

static bool all_landed(struct player *p) {
    for (size_t i = 0; i < p->core_count; i++) {
        p->core = &p->cores[i];
        for (size_t j = 0; j < p->core->performed->count; j++) {
            check_end(p, &p->core->performed->performers[j], EFFECT_READ_PAGE, EFFECT_READ_BARRIER);
            check_end(p, &p->core->performed->performers[j], EFFECT_WRITE_PAGE, EFFECT_WRITE_BARRIER);
        }
    }
    return !p->failed;
}

/* ---- the results ---- */

static const char *page_text(struct rehearsal *r, const struct rehearsed_tensor *tensor, uint64_t page) {
    const char *text = "";
    for (size_t i = tensor->rank; i-- > 0;) {
        text =
            arena_printf(r->arena, "%" PRIu64 "%s%s", page % tensor->dimensions[i], *text ? ", " : "", text);
        page /= tensor->dimensions[i];
    }
    return text;
}

static bool all_written(struct rehearsal *r) {
    struct diagnostics *d = r->compilation->diagnostics;
    for (size_t i = 0; i < r->tensor_count; i++) {
        const struct rehearsed_tensor *tensor = &r->tensors[i];
        for (uint64_t page = 0; tensor->parameter->direction == DIRECTION_OUT && page < tensor->pages;
             page++) {
            if (tensor->done[page])
                continue;
            report_error(d, tensor->parameter->base.span, "tile [%s] of %s is never written%s",
                         page_text(r, tensor, page), tensor->parameter->name, launch_text(r));
            report_help(d, (struct span){0}, "the blocks of all cores together must cover the result");
            return false;
        }
    }
    return true;
}

static bool dst_setting(const struct compilation *c, const char *key) {
    return attribute_integer(dictionary_get(attribute_get(c->kernel, KEY_TT_COMPUTE), key), 0) != 0;
}

static uint32_t slots_of(const struct compilation *c) {
    uint32_t tiles = (uint32_t)(dst_setting(c, KEY_FP32_DEST_ACC_EN) ? c->architecture->dst_tiles_f32
                                                                     : c->architecture->dst_tiles_16)
                     << dst_setting(c, KEY_DST_FULL_SYNC_EN);
    return tiles < DST_LIMIT ? tiles : DST_LIMIT;
}

static struct rehearsed_ring *open_rings(struct rehearsal *r) {
    struct rehearsed_ring *rings = arena_allocate(r->arena, (r->buffer_count + 1) * sizeof *rings);
    for (size_t i = 0; i < r->buffer_count; i++)
        rings[i] = (struct rehearsed_ring){
            .buffer = &r->buffers[i],
            .pages = arena_allocate(r->arena, (r->buffers[i].pages + 1) * sizeof *rings[i].pages)};
    return rings;
}

static void open_core(struct rehearsal *r, struct rehearsed_core *core) {
    core->rings = open_rings(r);
    core->read_batch = core->flushed_batch = 1;
    core->semaphores = arena_allocate(r->arena, (r->semaphore_count + 1) * sizeof *core->semaphores);
    core->set = arena_allocate(r->arena, (r->semaphore_count + 1) * sizeof *core->set);
    core->sent = arena_allocate(r->arena, (r->semaphore_count + 1) * sizeof *core->sent);
    for (size_t i = 0; i < r->semaphore_count; i++)
        core->semaphores[i] = (uint32_t)attribute_integer(r->semaphores[i].node->initial, 0);
}

bool play(struct rehearsal *r, struct performed_core *performed, size_t core_count) {
    struct player player = {.rehearsal = r,
                            .core_count = core_count,
                            .slot_count = slots_of(r->compilation),
                            .full_width = dst_setting(r->compilation, KEY_FP32_DEST_ACC_EN)};
    player.cores = arena_allocate(r->arena, (core_count + 1) * sizeof *player.cores);
    for (size_t i = 0; i < core_count; i++) {
        player.cores[i].performed = &performed[i];
        open_core(r, &player.cores[i]);
    }
    return play_together(&player) && all_landed(&player) && all_written(r);
}
