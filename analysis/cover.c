#include "analysis/cover.h"

#include <isl/aff.h>
#include <isl/constraint.h>
#include <isl/local_space.h>
#include <isl/map.h>
#include <isl/set.h>
#include <isl/space.h>

#include "analysis/isl_util.h"

/* ---- systems ---- */

static __isl_give isl_constraint *set_parameters(__isl_take isl_constraint *constraint, const struct cover *cover,
                                                 const struct linear *linear, int sign) {
    for (size_t i = 0; i < cover->parameters; i++)
        if (linear->parameters[i])
            constraint = isl_constraint_set_coefficient_si(constraint, isl_dim_param, (int)i,
                                                           sign * (int)linear->parameters[i]);
    return isl_constraint_set_constant_si(constraint, sign * (int)linear->constant);
}

/* The dimensions of linear stand at `first` among those of type. */
static __isl_give isl_constraint *set_linear(__isl_take isl_constraint *constraint, const struct cover *cover,
                                             const struct linear *linear, enum isl_dim_type type, size_t first,
                                             size_t dimensions, int sign) {
    constraint = set_parameters(constraint, cover, linear, sign);
    for (size_t i = 0; i < dimensions; i++)
        if (linear->dimensions[i])
            constraint = isl_constraint_set_coefficient_si(constraint, type, (int)(first + i),
                                                           sign * (int)linear->dimensions[i]);
    return constraint;
}

/* isl takes factors as int. */
static bool fits(const struct linear *linear) {
    bool fine = linear->constant == (int)linear->constant;
    for (size_t i = 0; i < COVER_PARAMETERS; i++)
        fine = fine && linear->parameters[i] == (int)linear->parameters[i];
    for (size_t i = 0; i < COVER_DIMENSIONS; i++)
        fine = fine && linear->dimensions[i] == (int)linear->dimensions[i];
    return fine;
}

static bool system_fits(const struct linear_system *system) {
    for (size_t i = 0; i < system->count; i++)
        if (!fits(&system->constraints[i]))
            return false;
    return true;
}

static bool cover_fits(const struct cover *cover) {
    bool fine = system_fits(&cover->context);
    for (size_t i = 0; i < cover->rank; i++)
        fine = fine && fits(&cover->extents[i]);
    for (size_t i = 0; i < cover->count; i++) {
        fine = fine && system_fits(&cover->pieces[i]->domain);
        for (size_t k = 0; k < cover->rank; k++)
            fine = fine && fits(&cover->pieces[i]->subscripts[k]);
    }
    return fine;
}

static __isl_give isl_space *name_parameters(__isl_take isl_space *space, const struct cover *cover) {
    for (size_t i = 0; i < cover->parameters; i++)
        space = isl_space_set_dim_name(space, isl_dim_param, (unsigned)i, cover->names[i]);
    return space;
}

static __isl_give isl_basic_set *add_system(__isl_take isl_basic_set *set, const struct cover *cover,
                                            const struct linear_system *system, size_t first, size_t dimensions) {
    isl_local_space *space = isl_local_space_from_space(isl_basic_set_get_space(set));
    for (size_t i = 0; i < system->count; i++) {
        isl_constraint *constraint = isl_constraint_alloc_inequality(isl_local_space_copy(space));
        constraint = set_linear(constraint, cover, &system->constraints[i], isl_dim_set, first, dimensions, 1);
        set = isl_basic_set_add_constraint(set, constraint);
    }
    isl_local_space_free(space);
    return set;
}

static __isl_give isl_basic_set *context_of(isl_ctx *ctx, const struct cover *cover, size_t dimensions) {
    isl_space *space = isl_space_set_alloc(ctx, (unsigned)cover->parameters, (unsigned)dimensions);
    isl_basic_set *set = isl_basic_set_universe(name_parameters(space, cover));
    return add_system(set, cover, &cover->context, 0, 0);
}

/* The iterations of both pieces that reach the same point. */
static __isl_give isl_basic_set *meeting(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *a,
                                         const struct cover_piece *b) {
    isl_basic_set *set = context_of(ctx, cover, a->dimensions + b->dimensions);
    set = add_system(set, cover, &a->domain, 0, a->dimensions);
    set = add_system(set, cover, &b->domain, a->dimensions, b->dimensions);
    isl_local_space *space = isl_local_space_from_space(isl_basic_set_get_space(set));
    for (size_t k = 0; k < cover->rank; k++) {
        isl_constraint *same = isl_constraint_alloc_equality(isl_local_space_copy(space));
        const struct linear *left = &a->subscripts[k], *right = &b->subscripts[k];
        struct linear difference = *left;
        difference.constant -= right->constant;
        for (size_t i = 0; i < cover->parameters; i++)
            difference.parameters[i] -= right->parameters[i];
        same = set_linear(same, cover, &difference, isl_dim_set, 0, a->dimensions, 1);
        for (size_t i = 0; i < b->dimensions; i++)
            if (right->dimensions[i])
                same = isl_constraint_set_coefficient_si(same, isl_dim_set, (int)(a->dimensions + i),
                                                         -(int)right->dimensions[i]);
        set = isl_basic_set_add_constraint(set, same);
    }
    isl_local_space_free(space);
    return set;
}

/* sign * (dimension of the second - dimension of the first) >= 1 */
static __isl_give isl_basic_set *in_order(__isl_take isl_basic_set *set, size_t first, size_t second, int sign) {
    isl_constraint *less =
        isl_constraint_alloc_inequality(isl_local_space_from_space(isl_basic_set_get_space(set)));
    less = isl_constraint_set_coefficient_si(less, isl_dim_set, (int)first, -sign);
    less = isl_constraint_set_coefficient_si(less, isl_dim_set, (int)second, sign);
    less = isl_constraint_set_constant_si(less, -1);
    return isl_basic_set_add_constraint(set, less);
}

static bool is_empty(isl_ctx *ctx, __isl_take isl_basic_set *set) {
    isl_question(ctx);
    bool empty = isl_proved(isl_basic_set_is_empty(set));
    isl_basic_set_free(set);
    return empty;
}

/* ---- each point once ---- */

static bool piece_apart(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *piece) {
    isl_basic_set *twice = meeting(ctx, cover, piece, piece);
    bool apart = true;
    for (size_t i = 0; apart && i < piece->dimensions; i++)
        apart = is_empty(ctx, in_order(isl_basic_set_copy(twice), i, piece->dimensions + i, 1));
    isl_basic_set_free(twice);
    return apart;
}

bool cover_piece_empty(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *piece) {
    isl_question(ctx);
    isl_basic_set *domain = context_of(ctx, cover, piece->dimensions);
    domain = add_system(domain, cover, &piece->domain, 0, piece->dimensions);
    return is_empty(ctx, domain);
}

bool cover_apart(isl_ctx *ctx, const struct cover *cover) {
    bool apart = cover_fits(cover);
    isl_question(ctx);
    for (size_t i = 0; apart && i < cover->count; i++)
        apart = piece_apart(ctx, cover, cover->pieces[i]);
    for (size_t i = 0; apart && i < cover->count; i++)
        for (size_t j = 0; apart && j < i; j++)
            apart = is_empty(ctx, meeting(ctx, cover, cover->pieces[i], cover->pieces[j]));
    return apart;
}

bool cover_meet_in_turn(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *a,
                        const struct cover_piece *b, size_t turn) {
    isl_question(ctx);
    isl_basic_set *both = cover_fits(cover) ? meeting(ctx, cover, a, b) : NULL;
    bool meet = both != NULL;
    for (size_t i = 0; meet && i < turn; i++)
        for (int sign = -1; meet && sign <= 1; sign += 2)
            meet = is_empty(ctx, in_order(isl_basic_set_copy(both), i, a->dimensions + i, sign));
    isl_basic_set_free(both);
    return meet;
}

/* ---- every point ---- */

static __isl_give isl_map *piece_map(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *piece) {
    isl_basic_set *domain = context_of(ctx, cover, piece->dimensions);
    domain = add_system(domain, cover, &piece->domain, 0, piece->dimensions);
    isl_map *map = isl_map_from_domain(isl_set_from_basic_set(domain));
    map = isl_map_add_dims(map, isl_dim_out, (unsigned)cover->rank);
    for (size_t i = 0; i < piece->dimensions; i++)
        map = isl_map_set_dim_name(map, isl_dim_in, (unsigned)i, piece->names[i]);
    isl_local_space *space = isl_local_space_from_space(isl_map_get_space(map));
    for (size_t k = 0; k < cover->rank; k++) {
        isl_constraint *at = isl_constraint_alloc_equality(isl_local_space_copy(space));
        at = set_linear(at, cover, &piece->subscripts[k], isl_dim_in, 0, piece->dimensions, 1);
        at = isl_constraint_set_coefficient_si(at, isl_dim_out, (int)k, -1);
        map = isl_map_add_constraint(map, at);
    }
    isl_local_space_free(space);
    return map;
}

static __isl_give isl_set *box_of(isl_ctx *ctx, const struct cover *cover) {
    isl_basic_set *box = context_of(ctx, cover, cover->rank);
    isl_local_space *space = isl_local_space_from_space(isl_basic_set_get_space(box));
    for (size_t k = 0; k < cover->rank; k++) {
        isl_constraint *low = isl_constraint_alloc_inequality(isl_local_space_copy(space)),
                       *high = isl_constraint_alloc_inequality(isl_local_space_copy(space));
        low = isl_constraint_set_coefficient_si(low, isl_dim_set, (int)k, 1);
        struct linear last = cover->extents[k];
        last.constant--;
        high = set_parameters(high, cover, &last, 1);
        high = isl_constraint_set_coefficient_si(high, isl_dim_set, (int)k, -1);
        box = isl_basic_set_add_constraint(isl_basic_set_add_constraint(box, low), high);
    }
    isl_local_space_free(space);
    return isl_set_from_basic_set(box);
}

static __isl_give isl_set *reached_by(isl_ctx *ctx, const struct cover *cover, __isl_keep isl_set *box) {
    isl_set *reached = isl_set_empty(isl_set_get_space(box));
    for (size_t i = 0; i < cover->count; i++)
        reached = isl_set_union(reached, isl_map_range(piece_map(ctx, cover, cover->pieces[i])));
    return reached;
}

bool cover_complete(isl_ctx *ctx, const struct cover *cover) {
    if (!cover_fits(cover))
        return false;
    isl_question(ctx);
    isl_set *box = box_of(ctx, cover), *reached = reached_by(ctx, cover, box);
    bool complete = isl_proved(isl_set_is_subset(box, reached));
    isl_set_free(box);
    isl_set_free(reached);
    return complete;
}

/* ---- texts ---- */

const char *cover_piece_text(struct arena *arena, isl_ctx *ctx, const struct cover *cover,
                             const struct cover_piece *piece) {
    isl_question(ctx);
    return isl_map_text(arena, piece_map(ctx, cover, piece));
}

const char *cover_missing_text(struct arena *arena, isl_ctx *ctx, const struct cover *cover) {
    isl_question(ctx);
    isl_set *box = box_of(ctx, cover), *reached = reached_by(ctx, cover, box);
    return isl_set_text(arena, isl_set_coalesce(isl_set_subtract(box, reached)));
}

const char *cover_box_text(struct arena *arena, isl_ctx *ctx, const struct cover *cover) {
    isl_question(ctx);
    return isl_set_text(arena, box_of(ctx, cover));
}
