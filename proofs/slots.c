/* DST slots: a section has so many; what is read or packed was written in the section; a product of the FPU
 * goes to a slot that nothing wrote, for it adds.
 *
 * What was written is kept as regions: a slot expression with the loops that were open since the section
 * began. A slot is missing when no region reaches it; it is written twice when a region that no condition
 * guards surely reached it before.
 */
#include <inttypes.h>

#include "proofs/internal.h"

enum { LOCAL_LIMIT = 6 };

struct region {
    const struct polynomial *slot, *count;
    const struct node_call *call;
    struct span span;
    const struct node_for *loops[LOCAL_LIMIT]; /* open since the section began */
    uint16_t locals[LOCAL_LIMIT];              /* their variables */
    size_t local_count;
    size_t carried; /* the loop whose earlier turns wrote it; ATOM_LIMIT: this turn did */
    bool guarded;   /* under a condition */
    const struct region *next;
};

struct slots {
    bool acquired, vague;     /* vague: something unknown was written */
    size_t loops, conditions; /* around the section */
    const struct region *written;
};

static size_t state_size(const struct walk *w) {
    (void)w;
    return sizeof(struct slots);
}

static void begin(struct walk *w, void *state) {
    (void)w;
    *(struct slots *)state = (struct slots){.acquired = false};
}

static bool concerns(const struct call_effect *effect) {
    return effect->kind == EFFECT_ACQUIRE || effect->kind == EFFECT_COMMIT || effect->slot || effect->rows;
}

/* ---- regions ---- */

static bool has_region(const struct region *list, const struct region *region) {
    for (; list; list = list->next)
        if (list->call == region->call && list->carried == region->carried)
            return true;
    return false;
}

static void add_region(struct walk *w, struct slots *s, const struct region *region) {
    if (has_region(s->written, region))
        return;
    struct region *added = arena_copy(w->compilation->arena, region, sizeof *region);
    added->next = s->written;
    s->written = added;
}

static void write_slot(struct walk *w, struct slots *s, const struct walked_call *call,
                       const struct polynomial *slot, const struct polynomial *count) {
    struct region region = {.slot = slot,
                            .count = count,
                            .call = call->call,
                            .span = call->span,
                            .carried = ATOM_LIMIT,
                            .guarded = w->condition_count > s->conditions};
    for (size_t i = s->loops; i < w->loop_count; i++) {
        const struct open_loop *loop = &w->loops[i];
        if (loop->atom == ATOM_LIMIT)
            continue;
        if (region.local_count == LOCAL_LIMIT || !w->values.atoms[loop->atom].a ||
            !w->values.atoms[loop->atom].b) {
            s->vague = true;
            return;
        }
        region.loops[region.local_count] = loop->node;
        region.locals[region.local_count++] = (uint16_t)loop->atom;
    }
    if (slot && count)
        add_region(w, s, &region);
    else
        s->vague = true;
}

/* ---- is a slot among them? ---- */

static const struct polynomial *last_turn(struct values *v, const struct atom *loop) {
    const struct polynomial *one = number(v, 1), *step = number(v, loop->step);
    if (loop->step == 1)
        return difference_of(v, loop->b, one);
    const struct polynomial *trips = ceiling_of(v, difference_of(v, loop->b, loop->a), step);
    return sum_of(v, loop->a, product_of(v, difference_of(v, trips, one), step));
}

/* The region's first or last slot, its loops at the ends of their ranges: a slot that falls from turn to turn
 * begins with the last. */
static const struct polynomial *region_end(struct walk *w, const struct region *region, bool last) {
    struct values *v = &w->values;
    const struct polynomial *slot = region->slot;
    for (size_t i = region->local_count; i-- > 0;) {
        const struct atom *loop = &v->atoms[region->locals[i]];
        const struct polynomial *factor, *rest;
        bool falls = slot && part_by_atom(v, slot, region->locals[i], &factor, &rest) && factor->count &&
                     never_positive(factor);
        slot = replace_atom(v, slot, region->locals[i], last != falls ? last_turn(v, loop) : loop->a);
    }
    return last ? difference_of(v, sum_of(v, slot, region->count), number(v, 1)) : slot;
}

/* How far the slot moves from turn to turn of a loop, either way; NULL: not the same in every turn. */
static const struct polynomial *stride_of(struct values *v, const struct region *region, size_t loop) {
    const struct polynomial *factor, *rest;
    if (!part_by_atom(v, region->slot, loop, &factor, &rest) || depends_on_atom(v, rest, loop))
        return NULL;
    factor = product_of(v, factor, number(v, v->atoms[loop].step));
    return never_positive(factor) ? difference_of(v, number(v, 0), factor) : factor;
}

/* Are all slots from the first to the last of the region written? One loop after another moves what the
 * others write by no more than its own length. */
static bool is_dense(struct walk *w, const struct region *region) {
    struct values *v = &w->values;
    const struct polynomial *length = region->count;
    bool used[LOCAL_LIMIT] = {false};
    for (size_t left = region->local_count; left > 0; left--) {
        size_t next = 0;
        const struct polynomial *stride = NULL;
        for (; next < region->local_count; next++) {
            stride = used[next] ? NULL : stride_of(v, region, region->locals[next]);
            if (stride && prove_quietly(w, stride, length))
                break;
        }
        if (next == region->local_count)
            return false;
        used[next] = true;
        const struct atom *loop = &v->atoms[region->locals[next]];
        const struct polynomial *trips =
            ceiling_of(v, difference_of(v, loop->b, loop->a), number(v, loop->step));
        length = sum_of(v, length, product_of(v, stride, difference_of(v, trips, number(v, 1))));
    }
    return true;
}

static bool surely_reaches(struct walk *w, const struct region *region, const struct polynomial *slot) {
    if (same_value(region->slot, slot))
        return true;
    return is_dense(w, region) && prove_quietly(w, slot, region_end(w, region, true)) &&
           prove_quietly(w, region_end(w, region, false), slot);
}

/* Every literal slot that it may be lies in some region. */
static bool regions_cover(struct walk *w, const struct slots *s, const struct polynomial *slot) {
    int64_t least, most;
    bool covered = literal_range(w, slot, &least, &most) && most - least < 2 * section_tiles(w);
    for (int64_t i = least; covered && i <= most; i++) {
        covered = false;
        for (const struct region *r = s->written; r && !covered; r = r->next) {
            int64_t first, last;
            covered = r->carried == ATOM_LIMIT && known_number(region_end(w, r, false), &first) &&
                      known_number(region_end(w, r, true), &last) && first <= i && i <= last &&
                      is_dense(w, r);
        }
    }
    return covered;
}

struct search {
    const struct slots *slots;
    const struct polynomial *slot;
    struct witness *inner;
    const struct region *found;
};

/* The slots of a region for one combination of its own loops' ends. */
static bool region_at(struct witness *outer, struct witness *inner, const struct region *region,
                      uint32_t turns, int64_t *first, int64_t *count) {
    witness_begin(inner, outer->walk, outer->sample, outer->turns);
    inner->locals = region->locals;
    inner->local_count = region->local_count;
    inner->local_turns = turns;
    for (size_t i = 0; i < region->local_count; i++) {
        int64_t value;
        if (!witness_value(inner, atom_value(&outer->walk->values, region->locals[i]), &value))
            return false;
    }
    return witness_value(inner, region->slot, first) && witness_value(inner, region->count, count);
}

static bool is_later_turn(struct witness *w, size_t loop) {
    struct values *v = &w->walk->values;
    int64_t now, lower;
    return witness_value(w, atom_value(v, loop), &now) && witness_value(w, v->atoms[loop].a, &lower) &&
           now > lower;
}

static bool is_missing(struct witness *w, void *context) {
    struct search *search = context;
    int64_t slot, first, count;
    if (!witness_value(w, search->slot, &slot))
        return false;
    for (const struct region *r = search->slots->written; r; r = r->next) {
        int64_t least = INT64_MAX, greatest = INT64_MIN;
        if (r->carried != ATOM_LIMIT && !is_later_turn(w, r->carried))
            continue;
        for (uint32_t turns = 0; turns < 1u << r->local_count; turns++) {
            if (!region_at(w, search->inner, r, turns, &first, &count))
                continue;
            least = first < least ? first : least;
            greatest = first + count - 1 > greatest ? first + count - 1 : greatest;
        }
        if (least <= slot && slot <= greatest)
            return false;
    }
    return true;
}

static void check_written(struct walk *w, const struct slots *s, const struct walked_call *call,
                          int argument) {
    const struct polynomial *slot = argument_of(w, call, argument);
    struct arena *arena = w->compilation->arena;
    if (w->quiet || s->vague || !slot)
        return;
    for (const struct region *r = s->written; r; r = r->next)
        if (r->carried == ATOM_LIMIT && surely_reaches(w, r, slot))
            return;
    if (regions_cover(w, s, slot))
        return;
    struct search search = {.slots = s, .slot = slot, .inner = arena_allocate(arena, sizeof *search.inner)};
    bool packs = call->effect->kind == EFFECT_PACK;
    if (!find_witness(w, is_missing, &search)) {
        walk_undecided(w, call->span, "not proved: DST slot %s is written before %s", value_text(w, slot),
                       call->effect->name);
        return;
    }
    walk_error(w, call->span, "%s %s DST slot %s%s, which nothing wrote in this section", call->effect->name,
               packs ? "packs" : "reads", node_text(arena, call->call->arguments.items[argument - 1]),
               w->witness);
    if (s->written)
        walk_note(w, s->written->span, "the last write of the section is here");
    walk_help(
        w,
        "DST is cleared by tile_regs_release: write the slot between tile_regs_acquire and tile_regs_commit");
}

/* ---- is a slot written twice? ---- */

static bool is_open(const struct walk *w, const struct node_for *loop, size_t atom, size_t *index) {
    for (size_t i = 0; i < w->loop_count; i++) {
        if (w->loops[i].node == loop && w->loops[i].atom == atom) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Loops that are open have the turn at hand; the one that carries the region is at its first, an earlier one.
 */
static bool was_written(struct witness *w, void *context) {
    struct search *search = context;
    int64_t slot, first, count;
    if (!witness_value(w, search->slot, &slot))
        return false;
    for (const struct region *r = search->slots->written; r; r = r->next) {
        if (r->guarded)
            continue;
        for (uint32_t turns = 0; turns < 1u << r->local_count; turns++) {
            bool possible = true, inside = false;
            for (size_t i = 0; i < r->local_count && possible; i++) {
                size_t index;
                bool last = turns >> i & 1, open = is_open(w->walk, r->loops[i], r->locals[i], &index);
                uint32_t turn = open ? w->turns >> 2 * index & 3 : 0;
                if (r->locals[i] == r->carried) {
                    possible = !last && open && is_later_turn(w, r->carried);
                    inside = true;
                } else if (open && !inside) {
                    possible = turn < 2 && last == (turn == 1);
                }
            }
            if (possible && region_at(w, search->inner, r, turns, &first, &count) && first <= slot &&
                slot < first + count) {
                search->found = r;
                return true;
            }
        }
    }
    return false;
}

static void check_fresh(struct walk *w, const struct slots *s, const struct walked_call *call,
                        const struct polynomial *slot) {
    struct arena *arena = w->compilation->arena;
    if (w->quiet || !s->written || !slot)
        return;
    struct search search = {.slots = s, .slot = slot, .inner = arena_allocate(arena, sizeof *search.inner)};
    if (!find_witness(w, was_written, &search))
        return;
    walk_error(w, call->span,
               "%s multiplies into DST slot %s%s, which was written in this section: it adds to it",
               call->effect->name, node_text(arena, call->call->arguments.items[call->effect->slot - 1]),
               w->witness);
    walk_note(w, search.found->span, "%s writes it here", search.found->call->function);
    walk_help(w, "take a slot that nothing wrote since tile_regs_acquire, or multiply on the vector unit "
                 "(mul_binary_tile)");
}

/* ---- calls ---- */

static void check_capacity(struct walk *w, const struct walked_call *call, const struct polynomial *past,
                           const char *what) {
    int64_t tiles = section_tiles(w);
    enum verdict verdict = prove_at_most(w, past, number(&w->values, tiles));
    const char *of = dst_holds_f32(w) ? " of f32" : "";
    if (verdict == REFUTED) {
        walk_error(w, call->span, "%s: %s%s is beyond a DST section, which has %" PRId64 " tiles%s",
                   call->effect->name, what, w->witness, tiles, of);
        walk_help(w, "part the tiles into sections of at most %" PRId64, tiles);
    } else if (verdict == UNDECIDED && !w->quiet) {
        walk_undecided(w, call->span, "not proved: %s of %s is within the %" PRId64 " tiles of a DST section",
                       what, call->effect->name, tiles);
    }
}

static const struct polynomial *tiles_written(struct walk *w, const struct walked_call *call) {
    if (!call->effect->rows)
        return number(&w->values, 1);
    return product_of(&w->values, argument_of(w, call, call->effect->rows),
                      argument_of(w, call, call->effect->columns));
}

static void use_slots(struct walk *w, struct slots *s, const struct walked_call *call) {
    const struct call_effect *effect = call->effect;
    struct arena *arena = w->compilation->arena;
    const struct polynomial *slot = argument_of(w, call, effect->slot), *count = tiles_written(w, call);
    if (effect->kind != EFFECT_PACK && !s->acquired) {
        walk_error(w, call->span, "%s works on DST outside of tile_regs_acquire and tile_regs_commit",
                   effect->name);
        walk_help(w, "DST belongs to the packer outside of them: compute between them");
        return;
    }
    for (int i = 0; i < 3; i++)
        if (effect->source[i])
            check_written(w, s, call, effect->source[i]);
    check_capacity(
        w, call, sum_of(&w->values, slot, count),
        arena_printf(arena, "slot %s", node_text(arena, call->call->arguments.items[effect->slot - 1])));
    if (effect->kind == EFFECT_PACK) {
        check_written(w, s, call, effect->slot);
        return;
    }
    if (effect->write == WRITE_MULTIPLIES)
        check_fresh(w, s, call, slot);
    write_slot(w, s, call, slot, count);
}

static void call(struct walk *w, void *state, const struct walked_call *call) {
    struct slots *s = state;
    if (call->effect->kind == EFFECT_ACQUIRE)
        *s = (struct slots){.acquired = true, .loops = w->loop_count, .conditions = w->condition_count};
    else if (call->effect->kind == EFFECT_COMMIT)
        s->acquired = false;
    else if (call->effect->slot)
        use_slots(w, s, call);
    else
        check_capacity(w, call, tiles_written(w, call), "its block");
}

/* ---- where paths meet ---- */

static void join_regions(struct walk *w, struct slots *into, const struct slots *other, size_t carried) {
    into->vague |= other->vague;
    for (const struct region *r = other->written; r; r = r->next) {
        struct region copy = *r;
        bool new_here = !has_region(into->written, r);
        if (new_here && carried != ATOM_LIMIT && copy.carried == ATOM_LIMIT)
            copy.carried = carried;
        if (new_here)
            add_region(w, into, &copy);
    }
}

static void join(struct walk *w, void *into, const void *other) {
    join_regions(w, into, other, ATOM_LIMIT);
}

static void enter(struct walk *w, void *entry, const void *end, const struct loop_turns *loop) {
    join_regions(w, entry, end, loop->atom);
}

static void leave(struct walk *w, void *state, const void *entry, const void *end,
                  const struct loop_turns *loop) {
    (void)entry;
    (void)loop;
    struct slots *s = state;
    const struct slots *after = end;
    s->acquired = after->acquired;
    for (const struct region *r = after->written; r; r = r->next)
        if (r->carried == ATOM_LIMIT)
            add_region(w, s, r);
    s->vague |= after->vague;
}

const struct proof prove_slots = {
    .state_size = state_size,
    .begin = begin,
    .call = call,
    .end = no_end,
    .join = join,
    .enter = enter,
    .leave = leave,
    .concerns = concerns,
};
