/* The iterations of an access: its cores, its iteration of the grid and its loops as independent dimensions.
 */
#include <string.h>

#include "proofs/affine.h"
#include "proofs/internal.h"

/* Variables that stand in the number itself, not in their ranges. */
struct variables {
    bool marked[ATOM_LIMIT];
};

static void mark(const struct values *v, const struct polynomial *p, struct variables *out) {
    for (size_t i = 0; p && i < p->count; i++)
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            size_t index = p->terms[i].atoms[j];
            const struct atom *atom = &v->atoms[index];
            out->marked[index] = true;
            if (atom->kind == ATOM_LOOP || atom->kind == ATOM_INDEX)
                continue;
            mark(v, atom->a, out);
            mark(v, atom->b, out);
        }
}

static bool is_atom(const struct values *v, const struct polynomial *p, enum atom_kind kind) {
    return p && p->count == 1 && p->terms[0].degree == 1 && p->terms[0].factor == 1 &&
           v->atoms[p->terms[0].atoms[0]].kind == kind;
}

/* ---- the iteration of the grid ---- */

struct place {
    struct walk *walk;
    struct iterations *out;
    size_t loops[LOOP_LIMIT];
    size_t loop_count;
    bool shared; /* a loop takes the core's share */
};

static bool replace_everywhere(struct place *place, size_t atom, const struct polynomial *by) {
    struct values *v = &place->walk->values;
    struct iterations *out = place->out;
    for (size_t i = 0; i < out->rank; i++)
        if (!(out->subscripts[i] = replace_atom(v, out->subscripts[i], atom, by)))
            return false;
    for (size_t i = 0; i < out->fact_count; i++)
        if (!(out->facts[i] = replace_atom(v, out->facts[i], atom, by)))
            return false;
    for (size_t i = 0; i < place->loop_count; i++) {
        const struct polynomial *loop = atom_value(v, place->loops[i]);
        if (place->loops[i] == atom)
            continue;
        loop = replace_atom(v, loop, atom, by);
        if (!loop || loop->count != 1 || loop->terms[0].degree != 1)
            return false;
        place->loops[i] = loop->terms[0].atoms[0];
    }
    return true;
}

/* A loop of count() iterations takes the core's share, wherever it begins to count: it is made one over the
 * share. */
static bool find_share(struct place *place) {
    struct values *v = &place->walk->values;
    for (size_t i = 0; i < place->loop_count; i++) {
        const struct atom loop = v->atoms[place->loops[i]];
        const struct polynomial *count = difference_of(v, loop.b, loop.a);
        if (!is_atom(v, count, ATOM_COUNT) || loop.step != 1)
            continue;
        if (place->shared)
            return false;
        place->shared = true;
        if (is_atom(v, loop.a, ATOM_START))
            continue;
        const struct polynomial *start =
            atom_value(v, atom_find(v, &(struct atom){.kind = ATOM_START, .name = "start_id"}));
        struct atom share = loop;
        share.a = start;
        share.b = sum_of(v, start, count);
        size_t made = atom_find(v, &share), old = place->loops[i];
        const struct polynomial *by = sum_of(v, difference_of(v, atom_value(v, made), start), loop.a);
        if (made == ATOM_LIMIT || !replace_everywhere(place, old, by))
            return false;
        place->loops[i] = made;
    }
    return true;
}

/* ---- dimensions ---- */

static bool add_dimension(struct iterations *out, size_t atom) {
    if (out->count == COVER_DIMENSIONS)
        return false;
    out->dimensions[out->count++] = atom;
    return true;
}

/* A block number that the loop's variable is taken apart into; NULL when it is not. */
static const struct atom *delinearized(struct values *v, const struct variables *used, size_t loop) {
    const struct polynomial *value = atom_value(v, loop);
    for (size_t i = 0; i < v->count; i++)
        if (used->marked[i] && v->atoms[i].kind == ATOM_INDEX && same_value(v->atoms[i].a, value))
            return &v->atoms[i];
    return NULL;
}

/* x, where the atom is min(x, 1) or min(max(x, 0), 1): 1 where x is at least 1, else 0. NULL: it is none of
 * these. */
static const struct polynomial *switched_by(struct values *v, const struct atom *atom) {
    int64_t a, b;
    bool first = atom->kind == ATOM_MINIMUM && known_number(atom->a, &a) && a == 1,
         second = atom->kind == ATOM_MINIMUM && known_number(atom->b, &b) && b == 1;
    return first || second ? upper_when_run(v, number(v, 0), first ? atom->b : atom->a) : NULL;
}

/* A range that is the blocks times switches runs over all of them where every switch is 1, else over none. */
static bool add_switches(struct place *place, const struct polynomial *range,
                         const struct polynomial *blocks) {
    struct values *v = &place->walk->values;
    const struct polynomial *switches = exact_quotient(v, range, blocks);
    if (!switches || switches->count != 1 || switches->terms[0].factor != 1)
        return false;
    for (size_t i = 0; i < switches->terms[0].degree; i++) {
        const struct polynomial *by = switched_by(v, &v->atoms[switches->terms[0].atoms[i]]);
        if (!by || place->out->fact_count == FACT_LIMIT)
            return false;
        place->out->facts[place->out->fact_count++] = difference_of(v, by, number(v, 1));
    }
    return true;
}

static bool add_blocks(struct place *place, size_t loop, struct atom block) {
    struct values *v = &place->walk->values;
    const struct atom *variable = &v->atoms[loop];
    bool share = is_atom(v, variable->a, ATOM_START);
    const struct polynomial *range = share ? v->points : difference_of(v, variable->b, variable->a),
                            *blocks = number(v, 1);
    int64_t lower = 0, one;
    for (size_t i = 0; i < block.extent_count; i++)
        blocks = product_of(v, blocks, block.extents[i]);
    if ((!share && (!known_number(variable->a, &lower) || lower != 0)) ||
        (!same_value(blocks, range) && !add_switches(place, range, blocks)))
        return false;
    for (size_t i = 0; i < block.extent_count; i++) {
        if (known_number(block.extents[i], &one) && one == 1)
            continue;
        block.position = i;
        size_t atom = atom_find(v, &block);
        if (atom == ATOM_LIMIT || !add_dimension(place->out, atom))
            return false;
    }
    return true;
}

static bool add_cores(struct place *place, const struct variables *used) {
    struct values *v = &place->walk->values;
    for (size_t i = 0; i < 2; i++) {
        size_t core = atom_find(v, &(struct atom){.kind = ATOM_CORE, .name = i ? "sy" : "sx", .position = i});
        if (core == ATOM_LIMIT || v->cores[i] < 1 || (place->shared && used->marked[core]))
            return false;
        if (v->cores[i] == 1 && !replace_everywhere(place, core, number(v, 0)))
            return false;
        if (!place->shared && v->cores[i] > 1 && !add_dimension(place->out, core))
            return false;
    }
    return true;
}

/* Everything that the iterations mention is a dimension of theirs. */
static bool is_closed(struct place *place) {
    struct values *v = &place->walk->values;
    struct iterations *out = place->out;
    struct variables used = {0};
    for (size_t i = 0; i < out->rank; i++)
        mark(v, out->subscripts[i], &used);
    for (size_t i = 0; i < out->fact_count; i++)
        mark(v, out->facts[i], &used);
    for (size_t i = 0; i < out->count; i++) {
        const struct atom *atom = &v->atoms[out->dimensions[i]];
        if (atom->kind == ATOM_INDEX)
            mark(v, atom->extents[atom->position], &used);
        else if (atom->kind == ATOM_LOOP && !is_atom(v, atom->a, ATOM_START)) {
            mark(v, atom->a, &used);
            mark(v, atom->b, &used);
        }
        used.marked[out->dimensions[i]] = false;
    }
    for (size_t i = 0; i < out->count; i++)
        used.marked[out->dimensions[i]] = false;
    for (size_t i = 0; i < v->count; i++) {
        enum atom_kind kind = v->atoms[i].kind;
        bool variable = kind == ATOM_LOOP || kind == ATOM_INDEX || kind == ATOM_CORE || kind == ATOM_START ||
                        kind == ATOM_COUNT || kind == ATOM_POINTER;
        if (used.marked[i] && variable)
            return false;
    }
    return true;
}

/* A loop of switches takes one iteration where every switch is 1, else none. */
static bool is_one_iteration(struct place *place, size_t index) {
    struct values *v = &place->walk->values;
    const struct atom loop = v->atoms[index];
    size_t facts = place->out->fact_count;
    int64_t lower, upper;
    if (!known_number(loop.a, &lower) || lower != 0 || known_number(loop.b, &upper))
        return false;
    if (add_switches(place, loop.b, number(v, 1)) && replace_everywhere(place, index, number(v, 0)))
        return true;
    place->out->fact_count = facts;
    return false;
}

static bool add_loops(struct place *place, const struct variables *used) {
    struct values *v = &place->walk->values;
    struct iterations *out = place->out;
    out->outer = out->count;
    for (size_t i = 0; i < place->loop_count; i++) {
        const struct atom *block = delinearized(v, used, place->loops[i]), *loop = &v->atoms[place->loops[i]];
        if (!loop->a || !loop->b)
            return false;
        if (!block && is_one_iteration(place, place->loops[i])) {
            out->outer = out->count;
            continue;
        }
        if (block ? !add_blocks(place, place->loops[i], *block) : !add_dimension(out, place->loops[i]))
            return false;
        if (block || is_atom(v, loop->a, ATOM_START))
            out->outer = out->count;
    }
    return true;
}

static void mark_place(const struct place *place, struct variables *used) {
    const struct values *v = &place->walk->values;
    for (size_t i = 0; i < place->out->rank; i++)
        mark(v, place->out->subscripts[i], used);
    for (size_t i = 0; i < place->out->fact_count; i++)
        mark(v, place->out->facts[i], used);
    for (size_t i = 0; i < place->loop_count; i++) {
        const struct atom *loop = &v->atoms[place->loops[i]];
        if (!is_atom(v, loop->a, ATOM_START)) {
            mark(v, loop->a, used);
            mark(v, loop->b, used);
        }
    }
}

/* a <= b says one of the facts. */
static bool fact_says(struct place *place, const struct polynomial *a, const struct polynomial *b) {
    struct values *v = &place->walk->values;
    int64_t more;
    for (size_t i = 0; i < place->out->fact_count; i++)
        if (known_number(difference_of(v, difference_of(v, b, a), place->out->facts[i]), &more) && more >= 0)
            return true;
    return false;
}

/* A clamped index is the index itself where a condition around says that it is within the clamp. */
static bool open_clamps(struct place *place, const struct variables *used) {
    struct values *v = &place->walk->values;
    size_t count = v->count;
    for (size_t i = 0; i < count; i++) {
        const struct atom atom = v->atoms[i];
        if (!used->marked[i] || atom.kind != ATOM_MINIMUM)
            continue;
        const struct polynomial *arm = fact_says(place, atom.a, atom.b)   ? atom.a
                                       : fact_says(place, atom.b, atom.a) ? atom.b
                                                                          : NULL;
        if (arm && !replace_everywhere(place, i, arm))
            return false;
    }
    return true;
}

bool iterations_of(struct walk *w, const struct page_access *access, size_t alternative,
                   struct iterations *out) {
    struct place place = {.walk = w, .out = out, .loop_count = access->loop_count};
    const struct facts *facts = &access->guard->items[alternative];
    *out = (struct iterations){.rank = access->rank, .fact_count = facts->count, .place = {-1, -1}};
    if (!access->guard->known)
        return false;
    memcpy(place.loops, access->loops, sizeof place.loops);
    memcpy(out->facts, facts->items, facts->count * sizeof *facts->items);
    for (size_t i = 0; i < access->rank; i++)
        if (!(out->subscripts[i] = access->subscripts[i]))
            return false;
    if (!find_share(&place))
        return false;
    struct variables used = {0};
    mark_place(&place, &used);
    if (!open_clamps(&place, &used))
        return false;
    used = (struct variables){0};
    mark_place(&place, &used);
    if (!add_cores(&place, &used))
        return false;
    used = (struct variables){0}; /* once more: the only core of a row has number 0 now */
    mark_place(&place, &used);
    return add_loops(&place, &used) && is_closed(&place);
}

/* ---- independent components ---- */

static size_t root_of(const size_t *parent, size_t i) {
    while (parent[i] != i)
        i = parent[i];
    return i;
}

/* All dimensions that the number mentions belong together, with `first` (COVER_DIMENSIONS: none yet). */
static size_t join_dimensions(const struct values *v, const struct iterations *whole,
                              const struct polynomial *p, size_t *parent, size_t first) {
    struct variables used = {0};
    mark(v, p, &used);
    for (size_t i = 0; i < whole->count; i++) {
        if (!used.marked[whole->dimensions[i]])
            continue;
        if (first == COVER_DIMENSIONS)
            first = i;
        parent[root_of(parent, i)] = root_of(parent, first);
    }
    return first;
}

static void join_all(struct values *v, const struct iterations *whole, size_t *parent) {
    for (size_t i = 0; i < whole->count; i++) {
        const struct atom *atom = &v->atoms[whole->dimensions[i]];
        if (atom->kind == ATOM_INDEX)
            join_dimensions(v, whole, atom->extents[atom->position], parent, i);
        if (atom->kind == ATOM_LOOP && !is_atom(v, atom->a, ATOM_START)) {
            join_dimensions(v, whole, atom->a, parent, i);
            join_dimensions(v, whole, atom->b, parent, i);
        }
    }
    for (size_t i = 0; i < whole->fact_count; i++)
        join_dimensions(v, whole, whole->facts[i], parent, COVER_DIMENSIONS);
    for (size_t i = 0; i < whole->rank; i++)
        join_dimensions(v, whole, whole->subscripts[i], parent, COVER_DIMENSIONS);
}

/* Facts and subscripts of the dimensions under root; those of no dimension when root is COVER_DIMENSIONS.
 * Facts of no dimension belong to every component. */
static void fill_component(const struct values *v, const struct iterations *whole, size_t *parent,
                           size_t root, struct iterations *part, size_t *subscripts) {
    size_t unchanged[COVER_DIMENSIONS];
    memcpy(unchanged, parent, sizeof unchanged);
    *part = (struct iterations){.place = {-1, -1}};
    for (size_t i = 0; i < whole->count; i++)
        if (root_of(parent, i) == root) {
            part->dimensions[part->count++] = whole->dimensions[i];
            part->outer += i < whole->outer;
        }
    for (size_t i = 0; i < whole->fact_count; i++) {
        size_t first = join_dimensions(v, whole, whole->facts[i], unchanged, COVER_DIMENSIONS);
        if (first == COVER_DIMENSIONS || root_of(parent, first) == root)
            part->facts[part->fact_count++] = whole->facts[i];
    }
    for (size_t i = 0; i < whole->rank; i++) {
        size_t first = join_dimensions(v, whole, whole->subscripts[i], unchanged, COVER_DIMENSIONS);
        if (first == COVER_DIMENSIONS ? root != COVER_DIMENSIONS : root_of(parent, first) != root)
            continue;
        subscripts[part->rank] = i;
        part->subscripts[part->rank++] = whole->subscripts[i];
    }
}

size_t iterations_components(struct walk *w, const struct iterations *whole, struct iterations *parts,
                             size_t limit, size_t subscripts[][TENSOR_RANK_LIMIT]) {
    struct values *v = &w->values;
    size_t parent[COVER_DIMENSIONS], count = 0;
    for (size_t i = 0; i < COVER_DIMENSIONS; i++)
        parent[i] = i;
    join_all(v, whole, parent);
    fill_component(v, whole, parent, COVER_DIMENSIONS, &parts[0], subscripts[0]);
    count += parts[0].rank > 0 || whole->count == 0;
    for (size_t i = 0; i < whole->count && count < limit; i++)
        if (parent[i] == i) {
            fill_component(v, whole, parent, i, &parts[count], subscripts[count]);
            count++;
        }
    return count;
}
