/* Where a function branches into a core that sends and cores that wait, and the calls of each side in their
 * order. */
#include "proofs/exchange.h"

#include <string.h>

static bool is_core_call(const struct event_item *item) {
    return item->kind == ITEM_EVENT && item->core;
}

bool has_core_calls(const struct event_item *items) {
    for (const struct event_item *i = items; i; i = i->next)
        if (is_core_call(i) || has_core_calls(i->body) || has_core_calls(i->otherwise))
            return true;
    return false;
}

/* ---- what differs from core to core ---- */

/* A loop of unknown range may have another on every core. */
static bool is_of_core(const struct atom *atom) {
    return atom->kind == ATOM_CORE || atom->kind == ATOM_START || atom->kind == ATOM_COUNT ||
           (atom->kind == ATOM_LOOP && atom->origin);
}

bool differs_by_core(const struct walk *w, const struct polynomial *p) {
    const struct values *v = &w->values;
    for (size_t i = 0; p && i < p->count; i++) {
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            const struct atom *atom = &v->atoms[p->terms[i].atoms[j]];
            if (is_of_core(atom) || (atom->a && differs_by_core(w, atom->a)) ||
                (atom->b && differs_by_core(w, atom->b)))
                return true;
            for (size_t k = 0; k < atom->extent_count; k++)
                if (differs_by_core(w, atom->extents[k]))
                    return true;
        }
    }
    return p == NULL;
}

/* The operand that is not this number. */
static const struct polynomial *other_than(const struct atom *atom, enum atom_kind kind, int64_t wanted) {
    int64_t value;
    if (atom->kind != kind)
        return NULL;
    if (known_number(atom->b, &value) && value == wanted)
        return atom->a;
    return known_number(atom->a, &value) && value == wanted ? atom->b : NULL;
}

/* min(max(P - c, 0), 1), for the core's column or row c: is it below P? */
static bool within_plane(const struct walk *w, const struct atom *atom, const struct polynomial *plane[2]) {
    struct values *v = (struct values *)&w->values;
    const struct polynomial *some = other_than(atom, ATOM_MINIMUM, 1), *factor, *rest;
    bool single = some && some->count == 1 && some->terms[0].degree == 1 && some->terms[0].factor == 1;
    const struct polynomial *left =
        single ? other_than(&v->atoms[some->terms[0].atoms[0]], ATOM_MAXIMUM, 0) : NULL;
    for (size_t i = 0; left && i < left->count; i++) {
        size_t core = left->terms[i].degree == 1 ? left->terms[i].atoms[0] : ATOM_LIMIT;
        int64_t sign;
        if (core == ATOM_LIMIT || v->atoms[core].kind != ATOM_CORE ||
            !linear_in_atom(v, left, core, &factor, &rest))
            continue;
        plane[v->atoms[core].position] = rest;
        return known_number(factor, &sign) && sign == -1 && !differs_by_core(w, rest);
    }
    return false;
}

bool even_in_plane(const struct walk *w, const struct polynomial *iterations,
                   const struct polynomial *plane[2]) {
    if (!iterations || !differs_by_core(w, iterations))
        return iterations != NULL;
    if (iterations->count != 1)
        return false;
    for (size_t i = 0; i < iterations->terms[0].degree; i++) {
        const struct atom *atom = &w->values.atoms[iterations->terms[0].atoms[i]];
        bool differs = is_of_core(atom) || (atom->a && differs_by_core(w, atom->a)) ||
                       (atom->b && differs_by_core(w, atom->b));
        if (differs && !within_plane(w, atom, plane))
            return false;
    }
    return true;
}

bool condition_differs(const struct walk *w, const struct condition *c) {
    if (c->kind == CONDITION_ZERO || c->kind == CONDITION_AT_MOST_ZERO)
        return differs_by_core(w, c->p);
    return c->kind == CONDITION_UNKNOWN || condition_differs(w, c->a) || (c->b && condition_differs(w, c->b));
}

/* ---- one side ---- */

static int step_of(const struct event_item *event) {
    switch (event->effect) {
    case EFFECT_SEMAPHORE_SET:
        return STEP_SET;
    case EFFECT_SEMAPHORE_INCREASE:
        return STEP_INCREASE;
    case EFFECT_SEMAPHORE_WAIT:
        return STEP_WAIT;
    case EFFECT_MULTICAST:
        return STEP_DATA;
    case EFFECT_SEMAPHORE_MULTICAST:
        return STEP_FLAG;
    default:
        return STEP_COUNT;
    }
}

struct side_reading {
    struct exchange_side *side;
    const struct event_item *second; /* a second STEP_SET, and its place */
    int second_at, place;
    bool in_loop, guarded;          /* where the reading stands */
    bool some_guarded, some_always; /* calls between cores in a choice, and outside of it */
};

static void read_event(struct side_reading *r, const struct event_item *event) {
    struct exchange_side *side = r->side;
    int step = step_of(event);
    r->place++;
    r->some_guarded |= step < STEP_COUNT && r->guarded;
    r->some_always |= step < STEP_COUNT && !r->guarded;
    if (step == STEP_SET && side->steps[STEP_SET] && !r->second) {
        side->unclear |= r->in_loop;
        r->second = event;
        r->second_at = r->place;
    } else if (step < STEP_COUNT) {
        side->unclear |= side->steps[step] || r->in_loop;
        side->steps[step] = event;
        side->at[step] = r->place;
    } else if (event->effect == EFFECT_WRITES_FLUSHED || event->effect == EFFECT_WRITE_BARRIER) {
        side->flushed = side->flushed || side->steps[STEP_DATA];
    }
}

static bool is_of_flag(const struct exchange_side *side, const struct event_item *set) {
    const struct event_item *flag = side->steps[STEP_FLAG];
    return set && flag && flag->core->semaphore && set->core->semaphore == flag->core->semaphore;
}

/* Of what a sender sets, what counts receivers and what it sends. */
static void tell_sets_apart(struct side_reading *r) {
    struct exchange_side *side = r->side;
    const struct event_item *first = side->steps[STEP_SET];
    if (is_of_flag(side, first) && side->at[STEP_SET] < side->at[STEP_FLAG]) {
        side->own = first;
        side->steps[STEP_SET] = r->second;
        side->at[STEP_SET] = r->second_at;
    } else if (is_of_flag(side, r->second) && r->second_at < side->at[STEP_FLAG]) {
        side->own = r->second;
    } else {
        side->unclear |= r->second != NULL;
    }
}

/* What stands in a loop or a choice without calls between cores need not happen: no flush in it counts. */
static void read_side(struct side_reading *r, const struct event_item *items) {
    for (const struct event_item *i = items; i; i = i->next) {
        const struct side_reading around = *r;
        if (i->kind == ITEM_EVENT) {
            read_event(r, i);
            continue;
        }
        bool then = has_core_calls(i->body), otherwise = has_core_calls(i->otherwise);
        if (!then && !otherwise)
            continue;
        if (i->kind == ITEM_CHOICE) {
            r->side->unclear |= (then && otherwise) || r->side->guard;
            r->side->guard = i->condition;
            r->side->holds = then;
            r->guarded = true;
        }
        r->in_loop |= i->kind == ITEM_LOOP;
        read_side(r, then ? i->body : i->otherwise);
        r->in_loop = around.in_loop;
        r->guarded = around.guarded;
    }
}

/* ---- who sends, and to whom ---- */

/* sx + sy is 0 for one core alone. */
static bool core_of_sum(struct exchanges *e, const struct polynomial *p, const struct polynomial *core[2]) {
    struct values *v = &e->walk->values;
    bool sum = p->count == 2;
    for (size_t i = 0; sum && i < 2; i++)
        sum = p->terms[i].degree == 1 && p->terms[i].factor == p->terms[0].factor &&
              v->atoms[p->terms[i].atoms[0]].kind == ATOM_CORE;
    for (size_t d = 0; sum && d < 2; d++)
        core[d] = number(v, 0);
    return sum;
}

/* The column or row for which p is 0. */
static bool core_where(struct exchanges *e, const struct polynomial *p, const struct polynomial *core[2]) {
    struct values *v = &e->walk->values;
    if (core_of_sum(e, p, core))
        return true;
    for (size_t d = 0; d < 2; d++) {
        const struct polynomial *factor, *rest, *zero = number(v, 0);
        size_t atom = atom_find(v, &(struct atom){.kind = ATOM_CORE, .name = d ? "sy" : "sx", .position = d});
        int64_t sign;
        if (atom == ATOM_LIMIT || !linear_in_atom(v, p, atom, &factor, &rest) ||
            !known_number(factor, &sign) || sign == 0)
            continue;
        if ((sign != 1 && sign != -1) || differs_by_core(e->walk, rest))
            return false;
        core[d] = sign > 0 ? difference_of(v, zero, rest) : rest;
        return core[d] != NULL;
    }
    return false;
}

static bool sender_where(struct exchanges *e, const struct condition *c, bool holds,
                         const struct polynomial *core[2]) {
    switch (c->kind) {
    case CONDITION_NOT:
        return sender_where(e, c->a, !holds, core);
    case CONDITION_AND:
    case CONDITION_OR:
        return holds == (c->kind == CONDITION_AND) && sender_where(e, c->a, holds, core) &&
               sender_where(e, c->b, holds, core);
    case CONDITION_ZERO:
        return holds && core_where(e, c->p, core);
    case CONDITION_AT_MOST_ZERO: /* a coordinate that is at most 0; not one that is at least 1 */
        return holds && c->p->count == 1 && c->p->terms[0].factor == 1 && core_where(e, c->p, core);
    default:
        return false;
    }
}

const struct polynomial *core_at_noc(const struct exchanges *e, const struct polynomial *noc,
                                     size_t position) {
    bool single = noc && noc->count == 1 && noc->terms[0].degree == 1 && noc->terms[0].factor == 1;
    const struct atom *atom = single ? &e->walk->values.atoms[noc->terms[0].atoms[0]] : NULL;
    if (!atom || atom->kind != ATOM_NOC || atom->position != position)
        return NULL;
    return position ? atom->b : atom->a;
}

bool rectangle_of(const struct exchanges *e, const struct event_item *call, struct rectangle *rectangle) {
    bool known = true;
    for (size_t d = 0; d < 2; d++) {
        rectangle->first[d] = core_at_noc(e, call->core->corners[d], d);
        rectangle->last[d] = core_at_noc(e, call->core->corners[2 + d], d);
        known = known && rectangle->first[d] && rectangle->last[d];
    }
    return known;
}

/* ---- the function ---- */

static void find_in(struct exchanges *e, const struct event_item *items, bool in_loop);

static bool sets_only(const struct event_item *items) {
    for (const struct event_item *i = items; i; i = i->next)
        if ((is_core_call(i) && i->effect != EFFECT_SEMAPHORE_SET) || !sets_only(i->body) ||
            !sets_only(i->otherwise))
            return false;
    return true;
}

static void add_exchange(struct exchanges *e, const struct event_item *choice, const struct event_item *list,
                         bool in_loop) {
    struct exchange_side sides[2] = {0};
    if (e->count == EXCHANGE_LIMIT) {
        e->stray = choice;
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct side_reading reading = {.side = &sides[i]};
        read_side(&reading, i ? choice->otherwise : choice->body);
        tell_sets_apart(&reading);
        sides[i].unclear |= reading.some_guarded && reading.some_always;
    }
    bool then = sides[0].steps[STEP_DATA] || sides[0].steps[STEP_FLAG];
    bool otherwise = sides[1].steps[STEP_DATA] || sides[1].steps[STEP_FLAG];
    struct exchange *x = &e->items[e->count++];
    *x = (struct exchange){
        .choice = choice, .list = list, .repeats = in_loop, .plane = {e->plane[0], e->plane[1]}};
    if (!then && !otherwise) /* nobody sends: the side that adds receives */
        then = sides[1].steps[STEP_INCREASE] != NULL;
    x->sender = sides[then ? 0 : 1];
    x->receiver = sides[then ? 1 : 0];
    x->sender.unclear |= !sender_where(e, choice->condition, then, x->core);
    x->receiver.unclear |= x->receiver.guard != NULL; /* every receiver is counted, every time */
}

static void find_in_choice(struct exchanges *e, const struct event_item *choice,
                           const struct event_item *list, bool in_loop) {
    bool differs = condition_differs(e->walk, choice->condition);
    if (!has_core_calls(choice->body) && !has_core_calls(choice->otherwise))
        return;
    if (differs && (!sets_only(choice->body) || !sets_only(choice->otherwise))) {
        add_exchange(e, choice, list, in_loop);
        return;
    }
    struct first_set around = e->within;
    for (int otherwise = 0; otherwise < 2; otherwise++) {
        e->within = (struct first_set){.choice = differs ? choice : around.choice};
        if (differs && !sender_where(e, choice->condition, !otherwise, e->within.core))
            e->within.core[0] = e->within.core[1] = NULL;
        find_in(e, otherwise ? choice->otherwise : choice->body, in_loop);
    }
    e->within = around;
}

static void add_call(struct exchanges *e, const struct event_item *call) {
    if (call->effect != EFFECT_SEMAPHORE_SET || e->set_count == EXCHANGE_LIMIT) {
        e->stray = call;
        return;
    }
    struct first_set *set = &e->sets[e->set_count++];
    *set = e->within;
    set->event = call;
    set->before = e->count;
}

static void find_in(struct exchanges *e, const struct event_item *items, bool in_loop) {
    for (const struct event_item *i = items; i; i = i->next) {
        if (i->kind == ITEM_CHOICE) {
            find_in_choice(e, i, items, in_loop);
        } else if (i->kind == ITEM_LOOP && has_core_calls(i->body)) {
            const struct polynomial *plane[2] = {e->plane[0], e->plane[1]};
            if (!even_in_plane(e->walk, i->trips, e->plane))
                e->uneven = i;
            find_in(e, i->body, true);
            memcpy(e->plane, plane, sizeof plane);
        } else if (is_core_call(i)) {
            add_call(e, i);
        }
    }
}

bool find_exchanges(struct walk *w, const struct node_function *function, struct exchanges *e) {
    *e = (struct exchanges){.walk = w, .function = function};
    if (!function_all_events(w, function, &e->events) || !has_core_calls(e->events))
        return false;
    find_in(e, e->events, false);
    return true;
}
