/* DST slots: a section has so many; what is read or packed was written in the section, on every path; a
 * product of the FPU goes to a slot that nothing wrote on any path, for it adds.
 */
#include <inttypes.h>

#include "proofs/slot_regions.h"

struct slots {
    bool acquired, vague;     /* vague: something unknown was written */
    size_t loops, conditions; /* around the section */
    const struct region *written;
};

static size_t state_size(const struct walk *w) {
    (void)w;
    return sizeof(struct slots);
}

static void initial(struct walk *w, void *state) {
    (void)w;
    *(struct slots *)state = (struct slots){.acquired = false};
}

static bool concerns(const struct device_call *effect) {
    return effect->kind == EFFECT_ACQUIRE || effect->kind == EFFECT_COMMIT || effect->slot || effect->rows;
}

/* ---- regions ---- */

static bool same_guards(const struct region_guard *a, const struct region_guard *b) {
    for (; a && b; a = a->outer, b = b->outer)
        if (a->condition != b->condition || a->holds != b->holds)
            return false;
    return !a && !b;
}

static bool has_region(const struct region *list, const struct region *region) {
    for (; list; list = list->next)
        if (list->call == region->call && list->carried == region->carried &&
            same_guards(list->guards, region->guards))
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

/* The conditions around, since the section began. */
static const struct region_guard *guards_here(struct walk *w, const struct slots *s) {
    const struct name_value *names = w->names;
    const struct region_guard *guards = NULL;
    for (size_t i = s->conditions; i < w->condition_count; i++) {
        const struct open_condition *open = &w->conditions[i];
        struct region_guard *guard = arena_allocate(w->compilation->arena, sizeof *guard);
        w->names = open->names;
        *guard = (struct region_guard){.condition = open->condition,
                                       .holds = open->holds,
                                       .met = condition_alternatives(w, open->condition, open->holds),
                                       .unmet = condition_alternatives(w, open->condition, !open->holds),
                                       .outer = guards};
        guards = guard;
    }
    w->names = names;
    return guards;
}

static void write_slot(struct walk *w, struct slots *s, const struct walked_call *call,
                       const struct polynomial *slot, const struct polynomial *count) {
    struct region region = {.slot = slot,
                            .count = count,
                            .call = call->call,
                            .span = call->span,
                            .carried = ATOM_LIMIT,
                            .guards = guards_here(w, s)};
    for (size_t i = s->loops; i < w->loop_count; i++) {
        const struct open_loop *loop = &w->loops[i];
        if (loop->atom == ATOM_LIMIT)
            continue;
        if (region.local_count == REGION_LOOPS || !w->values.atoms[loop->atom].a ||
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

/* ---- calls ---- */

static void check_written(struct walk *w, const struct slots *s, const struct walked_call *call,
                          int argument) {
    const struct polynomial *slot = argument_of(w, call, argument);
    struct arena *arena = w->compilation->arena;
    if (w->quiet || (slot && surely_written(w, s->written, slot)))
        return;
    bool packs = call->effect->kind == EFFECT_PACK;
    if (!slot || s->vague || !find_missing(w, s->written, slot)) {
        walk_undecided(w, call->span, "not proved: DST slot %s is written before %s",
                       node_text(arena, call->call->arguments.items[argument - 1]), call->effect->name);
        return;
    }
    walk_error(w, call->span, "%s %s DST slot %s%s, which nothing wrote in this section", call->effect->name,
               packs ? "packs" : "reads", node_text(arena, call->call->arguments.items[argument - 1]),
               w->witness);
    if (s->written)
        walk_note(w, s->written->span, "the last write of the section is here%s",
                  s->written->guards ? ", under a condition" : "");
    walk_help(
        w,
        "DST is cleared by tile_regs_release: write the slot between tile_regs_acquire and tile_regs_commit");
}

static void check_fresh(struct walk *w, const struct slots *s, const struct walked_call *call,
                        const struct polynomial *slot, const struct polynomial *count) {
    const char *text = node_text(w->compilation->arena, call->call->arguments.items[call->effect->slot - 1]);
    if (w->quiet || (!s->vague && surely_fresh(w, s->written, slot, count)))
        return;
    const struct region *found = slot ? find_written(w, s->written, slot) : NULL;
    if (!found) {
        walk_undecided(w, call->span, "not proved: nothing wrote DST slot %s before %s multiplies into it",
                       text, call->effect->name);
        return;
    }
    walk_error(w, call->span,
               "%s multiplies into DST slot %s%s, which was written in this section: it adds to it",
               call->effect->name, text, w->witness);
    walk_note(w, found->span, "%s writes it here", found->call->function);
    walk_help(
        w,
        "take a slot that nothing wrote since tile_regs_acquire, or multiply on the vector unit (mul_binary_tile)");
}

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
    const struct device_call *effect = call->effect;
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
        check_fresh(w, s, call, slot, count);
    write_slot(w, s, call, slot, count);
}

static void transfer(struct walk *w, void *state, const struct walked_call *call) {
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

static bool same_place(const struct region *a, const struct region *b) {
    bool same = a->carried == b->carried && a->local_count == b->local_count &&
                same_value(a->slot, b->slot) && same_value(a->count, b->count);
    for (size_t i = 0; same && i < a->local_count; i++)
        same = a->locals[i] == b->locals[i];
    return same;
}

/* What both branches of a condition write is written whatever it says. */
static void join_branches(struct walk *w, struct slots *into, const struct slots *other) {
    for (const struct region *b = other->written; b; b = b->next)
        for (const struct region *a = into->written; a; a = a->next) {
            bool opposite = a->guards && b->guards && a->guards->condition == b->guards->condition &&
                            a->guards->holds != b->guards->holds &&
                            same_guards(a->guards->outer, b->guards->outer);
            if (!opposite || !same_place(a, b))
                continue;
            struct region whole = *a;
            whole.guards = a->guards->outer;
            add_region(w, into, &whole);
        }
}

static void join(struct walk *w, void *into, const void *other) {
    join_branches(w, into, other);
    join_regions(w, into, other, ATOM_LIMIT);
}

static void widen(struct walk *w, void *invariant, const void *end, const struct loop_range *loop) {
    join_regions(w, invariant, end, loop->atom);
}

static void after_loop(struct walk *w, void *state, const void *invariant, const void *end,
                       const struct loop_range *loop) {
    (void)invariant;
    (void)loop;
    struct slots *s = state;
    const struct slots *after = end;
    s->acquired = after->acquired;
    for (const struct region *r = after->written; r; r = r->next)
        if (r->carried == ATOM_LIMIT)
            add_region(w, s, r);
    s->vague |= after->vague;
}

const struct domain slots_domain = {
    .state_size = state_size,
    .initial = initial,
    .transfer = transfer,
    .final = no_final,
    .join = join,
    .widen = widen,
    .after_loop = after_loop,
    .concerns = concerns,
};
