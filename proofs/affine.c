/* Numbers of a walk as affine expressions over dimensions and parameters, with quotients and remainders
 * divided out. */
#include "proofs/affine.h"

#include <string.h>

#include "ir/attributes.h"
#include "support/explanation.h"
#include "proofs/internal.h"

enum { CHOICE_LIMIT = 4 };

/* One piece in the making. */
struct conversion {
    struct affine *affine;
    struct cover_piece *piece;
    struct monomial keys[COVER_DIMENSIONS];
    unsigned choices; /* bits: which arm each minimum and maximum takes */
    size_t choice_count;
};

/* What varies within a launch stands in the number itself, other than through the ranges of its variables. */
static bool varies(const struct values *v, const struct polynomial *p) {
    for (size_t i = 0; p && i < p->count; i++)
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            const struct atom *atom = &v->atoms[p->terms[i].atoms[j]];
            bool leaf = atom->kind == ATOM_LOOP || atom->kind == ATOM_INDEX || atom->kind == ATOM_CORE ||
                        atom->kind == ATOM_START || atom->kind == ATOM_COUNT || atom->kind == ATOM_POINTER;
            if (leaf || varies(v, atom->a) || varies(v, atom->b))
                return true;
        }
    return false;
}

static bool constrain(struct linear_system *system, const struct linear *linear) {
    if (system->count == COVER_CONSTRAINTS)
        return false;
    system->constraints[system->count++] = *linear;
    return true;
}

static void add_scaled(struct linear *into, const struct linear *from, int64_t factor) {
    into->constant += factor * from->constant;
    for (size_t i = 0; i < COVER_PARAMETERS; i++)
        into->parameters[i] += factor * from->parameters[i];
    for (size_t i = 0; i < COVER_DIMENSIONS; i++)
        into->dimensions[i] += factor * from->dimensions[i];
}

/* ---- columns ---- */

/* As the launch arguments call the number, or a name of its own. */
static const char *parameter_name(struct affine *a, const struct monomial *key) {
    struct walk *w = a->walk;
    struct arena *arena = w->compilation->arena;
    const struct atom *atom = key->degree == 1 ? &w->values.atoms[key->atoms[0]] : NULL;
    if (atom && atom->kind == ATOM_SIZE)
        return atom->name;
    struct node_dictionary *arguments =
        node_as(attribute_get(w->compilation->kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    const char *found = NULL;
    struct launch_place place = walk_enter_launch(w);
    for (size_t i = 0; atom && arguments && !found && i < arguments->entries.count; i++) {
        struct node_attribute *entry = node_as(arguments->entries.items[i], attribute);
        if (same_value(evaluate_number(w, entry->value), atom_value(&w->values, key->atoms[0])))
            found = entry->key;
    }
    walk_leave_launch(w, place);
    return found ? found : arena_printf(arena, "p%zu", a->cover->parameters);
}

/* A new parameter that is at least `least`; COVER_PARAMETERS when there are too many. */
static size_t parameter_new(struct affine *a, const struct monomial *key, int64_t least) {
    struct cover *cover = a->cover;
    if (cover->parameters == COVER_PARAMETERS)
        return COVER_PARAMETERS;
    size_t at = cover->parameters;
    cover->names[at] = parameter_name(a, key);
    a->keys[at] = *key;
    cover->parameters++;
    struct linear linear = {.constant = -least};
    linear.parameters[at] = 1;
    return constrain(&cover->context, &linear) ? at : COVER_PARAMETERS;
}

static size_t dimension_new(struct conversion *c, const struct monomial *key, const char *name) {
    struct cover_piece *piece = c->piece;
    if (piece->dimensions == COVER_DIMENSIONS)
        return COVER_DIMENSIONS;
    c->keys[piece->dimensions] = *key;
    piece->names[piece->dimensions] =
        *name ? name : arena_printf(c->affine->walk->compilation->arena, "q%zu", piece->dimensions);
    return piece->dimensions++;
}

static bool to_linear(struct affine *a, struct conversion *c, const struct polynomial *p, struct linear *out);

/* b * q <= a < b * q + b, for the column q that `unit` names. */
static bool divide(struct affine *a, struct conversion *c, const struct atom *atom, const struct linear *unit,
                   struct linear_system *system) {
    struct linear low = {0}, high = {0};
    int64_t divisor;
    if (!known_number(atom->b, &divisor) || !to_linear(a, c, atom->a, &low))
        return false;
    add_scaled(&high, &low, -1);
    add_scaled(&low, unit, -divisor);
    add_scaled(&high, unit, divisor);
    high.constant += divisor - 1;
    return constrain(system, &low) && constrain(system, &high);
}

/* m <= a, m <= b, and m is one of them (of a maximum: >=). */
static bool choose(struct conversion *c, const struct atom *atom, const struct linear *unit) {
    struct affine *a = c->affine;
    struct linear left = {0}, right = {0};
    int64_t sign = atom->kind == ATOM_MINIMUM ? 1 : -1;
    if (c->choice_count == CHOICE_LIMIT || !to_linear(a, c, atom->a, &left) ||
        !to_linear(a, c, atom->b, &right))
        return false;
    bool first = (c->choices >> c->choice_count++ & 1) == 0;
    const struct linear *taken = first ? &left : &right, *other = first ? &right : &left;
    struct linear above = {0}, below = {0}, lesser = {.constant = first ? 0 : -1};
    add_scaled(&above, taken, 1);
    add_scaled(&above, unit, -1);
    add_scaled(&below, unit, 1);
    add_scaled(&below, taken, -1);
    add_scaled(&lesser, other, sign);
    add_scaled(&lesser, taken, -sign);
    struct linear_system *domain = &c->piece->domain;
    return constrain(domain, &above) && constrain(domain, &below) && constrain(domain, &lesser);
}

/* An atom that a column of its own stands for. */
static bool column(struct affine *a, struct conversion *c, const struct monomial *key, struct linear *unit) {
    struct values *v = &a->walk->values;
    for (size_t i = 0; i < a->cover->parameters; i++)
        if (same_product(&a->keys[i], key)) {
            unit->parameters[i] = 1;
            return true;
        }
    for (size_t i = 0; c && i < c->piece->dimensions; i++)
        if (same_product(&c->keys[i], key)) {
            unit->dimensions[i] = 1;
            return true;
        }
    const struct atom *atom = key->degree == 1 ? &v->atoms[key->atoms[0]] : NULL;
    const struct polynomial *number_itself = atom ? atom_value(v, key->atoms[0]) : NULL;
    int64_t divisor;
    bool quotient = atom && atom->kind == ATOM_QUOTIENT && known_number(atom->b, &divisor);
    bool fixed = atom && !varies(v, number_itself);
    if (quotient && fixed) {
        size_t at = parameter_new(a, key, 0);
        if (at == COVER_PARAMETERS)
            return false;
        unit->parameters[at] = 1;
        return divide(a, NULL, atom, unit, &a->cover->context);
    }
    bool choice = atom && (atom->kind == ATOM_MINIMUM || atom->kind == ATOM_MAXIMUM);
    if (c && (quotient || choice)) {
        size_t at = dimension_new(c, key, "");
        if (at == COVER_DIMENSIONS)
            return false;
        unit->dimensions[at] = 1;
        return quotient ? divide(a, c, atom, unit, &c->piece->domain) : choose(c, atom, unit);
    }
    for (size_t i = 0; i < key->degree; i++)
        if (varies(v, atom_value(v, key->atoms[i])))
            return false;
    size_t at = parameter_new(a, key, atom && atom->kind == ATOM_SIZE && atom->positive);
    if (at < COVER_PARAMETERS)
        unit->parameters[at] = 1;
    return at < COVER_PARAMETERS;
}

/* a mod b is a - b * floor(a / b). */
static bool add_remainder(struct affine *a, struct conversion *c, const struct atom *atom, int64_t factor,
                          struct linear *out) {
    struct values *v = &a->walk->values;
    struct linear dividend = {0}, unit = {0};
    int64_t divisor;
    size_t quotient =
        atom_find(v, &(struct atom){.kind = ATOM_QUOTIENT, .name = "", .a = atom->a, .b = atom->b});
    struct monomial key = {.factor = 1, .degree = 1, .atoms = {(uint16_t)quotient}};
    if (quotient == ATOM_LIMIT || !known_number(atom->b, &divisor) || !to_linear(a, c, atom->a, &dividend) ||
        !column(a, c, &key, &unit))
        return false;
    add_scaled(out, &dividend, factor);
    add_scaled(out, &unit, -factor * divisor);
    return true;
}

static bool to_linear(struct affine *a, struct conversion *c, const struct polynomial *p,
                      struct linear *out) {
    for (size_t i = 0; p && i < p->count; i++) {
        struct monomial key = p->terms[i];
        const struct atom *atom = key.degree == 1 ? &a->walk->values.atoms[key.atoms[0]] : NULL;
        struct linear unit = {0};
        int64_t divisor;
        key.factor = 1;
        if (!key.degree) {
            out->constant += p->terms[i].factor;
        } else if (atom && atom->kind == ATOM_REMAINDER && known_number(atom->b, &divisor)) {
            if (!add_remainder(a, c, atom, p->terms[i].factor, out))
                return false;
        } else if (column(a, c, &key, &unit)) {
            add_scaled(out, &unit, p->terms[i].factor);
        } else {
            return false;
        }
    }
    return p != NULL;
}

/* ---- pieces ---- */

/* a - c * b, where p is floor(a / b) - c for a literal c and a divisor that is none: both are at least 0, or
 * neither. NULL: p is something else. */
static const struct polynomial *by_dividend(struct walk *w, const struct polynomial *p) {
    struct values *v = &w->values;
    bool alone = p->count >= 1 && p->count <= 2 && p->terms[0].degree == 1 && p->terms[0].factor == 1 &&
                 (p->count == 1 || p->terms[1].degree == 0);
    const struct atom *atom = alone ? &v->atoms[p->terms[0].atoms[0]] : NULL;
    int64_t least = 0, most, divisor;
    if (!atom || atom->kind != ATOM_QUOTIENT || known_number(atom->b, &divisor))
        return NULL;
    literal_range(w, atom->b, &least, &most);
    const struct polynomial *c = number(v, p->count == 2 ? -p->terms[1].factor : 0);
    return least >= 1 ? difference_of(v, atom->a, product_of(v, c, atom->b)) : NULL;
}

/* p >= 0. A minimum that counts for p, and a maximum that counts against it, are bounds by both arms. */
static bool require(struct conversion *c, const struct polynomial *p) {
    struct affine *a = c->affine;
    struct values *v = &a->walk->values;
    for (size_t i = 0; p && i < p->count; i++) {
        const struct monomial *term = &p->terms[i];
        const struct atom *atom = term->degree == 1 ? &v->atoms[term->atoms[0]] : NULL;
        if (!atom || atom->kind != (term->factor > 0 ? ATOM_MINIMUM : ATOM_MAXIMUM))
            continue;
        const struct polynomial *factor = number(v, term->factor),
                                *rest =
                                    difference_of(v, p, product_of(v, factor, atom_value(v, term->atoms[0])));
        return require(c, sum_of(v, rest, product_of(v, factor, atom->a))) &&
               require(c, sum_of(v, rest, product_of(v, factor, atom->b)));
    }
    const struct polynomial *dividend = p ? by_dividend(a->walk, p) : NULL;
    if (dividend)
        return require(c, dividend);
    struct linear linear = {0};
    return to_linear(a, c, p, &linear) && constrain(&c->piece->domain, &linear);
}

static bool is_share(const struct values *v, const struct atom *loop) {
    return loop->a && loop->a->count == 1 && loop->a->terms[0].degree == 1 && loop->a->terms[0].factor == 1 &&
           v->atoms[loop->a->terms[0].atoms[0]].kind == ATOM_START;
}

/* lower <= value < upper */
static void range_of(struct values *v, size_t index, const struct polynomial **lower,
                     const struct polynomial **upper) {
    const struct atom *atom = &v->atoms[index];
    *lower = number(v, 0);
    if (atom->kind == ATOM_CORE)
        *upper = number(v, v->cores[atom->position]);
    else if (atom->kind == ATOM_INDEX)
        *upper = atom->extents[atom->position];
    else if (is_share(v, atom))
        *upper = v->points;
    else {
        *lower = atom->a;
        *upper = atom->b;
    }
    *upper = upper_when_run(v, *lower, *upper);
}

static bool add_dimension(struct conversion *c, size_t index) {
    struct values *v = &c->affine->walk->values;
    const struct atom *atom = &v->atoms[index];
    struct monomial key = {.factor = 1, .degree = 1, .atoms = {(uint16_t)index}};
    return dimension_new(c, &key, atom->name) < COVER_DIMENSIONS;
}

/* A loop in steps takes lower + step * n. */
static bool in_steps(struct conversion *c, size_t index) {
    struct affine *a = c->affine;
    struct values *v = &a->walk->values;
    const struct atom *atom = &v->atoms[index];
    struct monomial none = {.degree = DEGREE_LIMIT, .atoms = {(uint16_t)index}};
    struct linear iteration = {0}, back = {0};
    if (atom->kind != ATOM_LOOP || atom->step == 1)
        return true;
    size_t at = dimension_new(c, &none, "");
    if (at == COVER_DIMENSIONS ||
        !to_linear(a, c, difference_of(v, atom_value(v, index), atom->a), &iteration))
        return false;
    iteration.dimensions[at] -= atom->step;
    add_scaled(&back, &iteration, -1);
    return constrain(&c->piece->domain, &iteration) && constrain(&c->piece->domain, &back);
}

static bool convert(struct conversion *c, const struct iterations *iterations) {
    struct values *v = &c->affine->walk->values;
    bool fine = true;
    for (size_t i = 0; fine && i < iterations->count; i++)
        fine = add_dimension(c, iterations->dimensions[i]);
    c->piece->independent = c->piece->dimensions;
    for (size_t i = 0; fine && i < iterations->count; i++) {
        const struct polynomial *lower, *upper, *value = atom_value(v, iterations->dimensions[i]);
        range_of(v, iterations->dimensions[i], &lower, &upper);
        fine = require(c, difference_of(v, value, lower)) &&
               require(c, difference_of(v, difference_of(v, upper, value), number(v, 1))) &&
               in_steps(c, iterations->dimensions[i]);
    }
    for (size_t i = 0; fine && i < iterations->fact_count; i++)
        fine = require(c, iterations->facts[i]);
    for (size_t i = 0; fine && i < iterations->rank; i++)
        fine = to_linear(c->affine, c, iterations->subscripts[i], &c->piece->subscripts[i]);
    return fine;
}

/* A piece for every way in which minima and maxima can fall. */
static bool add_pieces(struct affine *a, const struct iterations *iterations) {
    struct arena *arena = a->walk->compilation->arena;
    size_t choice_count = 0;
    for (unsigned choices = 0; choices < 1u << choice_count; choices++) {
        struct conversion c = {
            .affine = a, .choices = choices, .piece = arena_allocate(arena, sizeof *c.piece)};
        *c.piece = (struct cover_piece){.outer = iterations->outer,
                                        .place = {iterations->place[0], iterations->place[1]}};
        if (a->cover->count == COVER_PIECES || !convert(&c, iterations))
            return false;
        choice_count = c.choice_count;
        if (!choice_count || !cover_piece_empty(a->ctx, a->cover, c.piece))
            a->cover->pieces[a->cover->count++] = c.piece;
    }
    return true;
}

/* ---- cores one after another ---- */

static bool has_open_quotient(const struct polynomial *p, const struct values *v) {
    int64_t divisor;
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            const struct atom *atom = &v->atoms[p->terms[i].atoms[j]];
            if (atom->kind == ATOM_QUOTIENT && !known_number(atom->b, &divisor))
                return true;
        }
    return false;
}

/* A core's coordinate that multiplies something that is no literal, or is held against a quotient by a size;
 * ATOM_LIMIT when there is none. */
static size_t multiplied_core(const struct values *v, const struct polynomial *p) {
    for (size_t i = 0; p && i < p->count; i++)
        for (size_t j = 0; j < p->terms[i].degree; j++) {
            size_t index = p->terms[i].atoms[j], inner;
            const struct atom *atom = &v->atoms[index];
            if (atom->kind == ATOM_CORE && (p->terms[i].degree > 1 || has_open_quotient(p, v)))
                return index;
            bool ranges = atom->kind == ATOM_LOOP || atom->kind == ATOM_INDEX;
            if (!ranges && ((inner = multiplied_core(v, atom->a)) != ATOM_LIMIT ||
                            (inner = multiplied_core(v, atom->b)) != ATOM_LIMIT))
                return inner;
        }
    return ATOM_LIMIT;
}

static size_t core_to_fix(struct values *v, const struct iterations *iterations) {
    size_t core = ATOM_LIMIT;
    for (size_t i = 0; core == ATOM_LIMIT && i < iterations->rank; i++)
        core = multiplied_core(v, iterations->subscripts[i]);
    for (size_t i = 0; core == ATOM_LIMIT && i < iterations->fact_count; i++)
        core = multiplied_core(v, iterations->facts[i]);
    for (size_t i = 0; core == ATOM_LIMIT && i < iterations->count; i++) {
        const struct polynomial *lower, *upper;
        range_of(v, iterations->dimensions[i], &lower, &upper);
        core = multiplied_core(v, lower);
        core = core == ATOM_LIMIT ? multiplied_core(v, upper) : core;
    }
    return core;
}

/* The iterations on the cores whose coordinate has that value. */
static bool fix_core(struct values *v, const struct iterations *all, size_t core, int64_t at,
                     struct iterations *fixed) {
    const struct polynomial *by = number(v, at);
    *fixed = *all;
    fixed->count = 0;
    fixed->place[v->atoms[core].position] = at;
    for (size_t i = 0; i < all->count; i++) {
        if (all->dimensions[i] == core) {
            fixed->outer -= i < all->outer;
            continue;
        }
        const struct polynomial *value = replace_atom(v, atom_value(v, all->dimensions[i]), core, by);
        if (!value || value->count != 1 || value->terms[0].degree != 1)
            return false;
        fixed->dimensions[fixed->count++] = value->terms[0].atoms[0];
    }
    for (size_t i = 0; i < all->fact_count; i++)
        if (!(fixed->facts[i] = replace_atom(v, all->facts[i], core, by)))
            return false;
    for (size_t i = 0; i < all->rank; i++)
        if (!(fixed->subscripts[i] = replace_atom(v, all->subscripts[i], core, by)))
            return false;
    return true;
}

bool affine_add(struct affine *a, const struct iterations *iterations) {
    struct values *v = &a->walk->values;
    size_t core = core_to_fix(v, iterations);
    if (core == ATOM_LIMIT)
        return add_pieces(a, iterations);
    for (int64_t at = 0; at < v->cores[v->atoms[core].position]; at++) {
        struct iterations fixed;
        if (!fix_core(v, iterations, core, at, &fixed) || !affine_add(a, &fixed))
            return false;
    }
    return true;
}

bool affine_begin(struct affine *a, struct walk *w, isl_ctx *ctx, struct cover *cover, size_t rank,
                  const struct polynomial *const *extents) {
    *a = (struct affine){.walk = w, .ctx = ctx, .cover = cover};
    memset(cover, 0, sizeof *cover);
    cover->rank = rank;
    struct facts facts = {0};
    launch_facts(w, &facts);
    for (size_t i = 0; i < rank; i++)
        if (!to_linear(a, NULL, extents[i], &cover->extents[i]))
            return false;
    for (size_t i = 0; i < facts.count; i++) {
        struct linear fact = {0};
        if (to_linear(a, NULL, facts.items[i], &fact))
            constrain(&cover->context, &fact);
    }
    return true;
}

void affine_explain(struct walk *w, isl_ctx *ctx, const struct page_access *access, const char *label) {
    struct arena *arena = w->compilation->arena;
    size_t atoms = w->values.count; /* what only the texts need is forgotten: to tell changes no answer */
    for (size_t i = 0; w->compilation->explanations && i < access->guard->count; i++) {
        struct cover *cover = arena_allocate(arena, sizeof *cover);
        struct iterations iterations;
        struct affine affine;
        if (!affine_begin(&affine, w, ctx, cover, access->rank, access->tensor->extents) ||
            !iterations_of(w, access, i, &iterations) || !affine_add(&affine, &iterations))
            break;
        for (size_t k = 0; k < cover->count; k++)
            explain_set(w->compilation->explanations, label,
                        cover_piece_text(arena, ctx, cover, cover->pieces[k]));
        if (i == 0)
            explain_set(w->compilation->explanations, "tiles", cover_box_text(arena, ctx, cover));
    }
    w->values.count = atoms;
}

bool affine_at_most(struct walk *w, isl_ctx *ctx, const struct page_access *place, const struct polynomial *p,
                    const struct polynomial *limit) {
    struct values *v = &w->values;
    const struct polynomial *excess = difference_of(v, difference_of(v, p, limit), number(v, 1));
    struct page_access beyond = *place;
    struct alternatives guard = *place->guard;
    beyond.rank = 0;
    beyond.guard = &guard;
    for (size_t i = 0; i < guard.count; i++) {
        struct facts *facts = &guard.items[i];
        struct cover *cover = arena_allocate(w->compilation->arena, sizeof *cover);
        struct iterations iterations;
        struct affine affine;
        if (!excess || facts->count == FACT_LIMIT)
            return false;
        facts->items[facts->count++] = excess;
        if (!affine_begin(&affine, w, ctx, cover, 0, NULL) || !iterations_of(w, &beyond, i, &iterations) ||
            !affine_add(&affine, &iterations))
            return false;
        for (size_t k = 0; k < cover->count; k++)
            if (!cover_piece_empty(ctx, cover, cover->pieces[k]))
                return false;
    }
    return true;
}
