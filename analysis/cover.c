/* Exact cover, asked of isl: whether pieces are empty, two of them apart, and all of them together
 * complete. */
#include "analysis/cover.h"

#include <string.h>

#include <isl/aff.h>
#include <isl/constraint.h>
#include <isl/local_space.h>
#include <isl/lp.h>
#include <isl/map.h>
#include <isl/mat.h>
#include <isl/set.h>
#include <isl/space.h>
#include <isl/val.h>

#include "analysis/isl_util.h"

/* ---- systems ---- */

static __isl_give isl_constraint *set_parameters(__isl_take isl_constraint *constraint,
                                                 const struct cover *cover, const struct linear *linear,
                                                 int sign) {
    for (size_t i = 0; i < cover->parameters; i++)
        if (linear->parameters[i])
            constraint = isl_constraint_set_coefficient_si(constraint, isl_dim_param, (int)i,
                                                           sign * (int)linear->parameters[i]);
    return isl_constraint_set_constant_si(constraint, sign * (int)linear->constant);
}

/* The dimensions of linear stand at `first` among those of type. */
static __isl_give isl_constraint *set_linear(__isl_take isl_constraint *constraint, const struct cover *cover,
                                             const struct linear *linear, enum isl_dim_type type,
                                             size_t first, size_t dimensions, int sign) {
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

/* Inequalities or equalities of a set under construction, all added at once: one by one, isl would simplify
 * the set for each. */
struct rows {
    const struct cover *cover;
    isl_mat *matrix; /* columns: constant, parameters, dimensions */
    int columns, count;
};

static struct rows rows_begin(isl_ctx *ctx, const struct cover *cover, size_t count, size_t dimensions) {
    int columns = 1 + (int)cover->parameters + (int)dimensions;
    return (struct rows){cover, isl_mat_alloc(ctx, (unsigned)count, (unsigned)columns), columns, 0};
}

static void row_set(struct rows *rows, int column, int value) {
    rows->matrix = isl_mat_set_element_si(rows->matrix, rows->count, column, value);
}

/* The constant and the parameters of a row; its dimensions are 0. */
static void row_begin(struct rows *rows, const struct linear *linear, int sign) {
    row_set(rows, 0, sign * (int)linear->constant);
    for (int i = 1; i < rows->columns; i++)
        row_set(rows, i, i <= (int)rows->cover->parameters ? sign * (int)linear->parameters[i - 1] : 0);
}

/* The dimensions of a row from `first` on. */
static void row_dimensions(struct rows *rows, const struct linear *linear, size_t first, size_t dimensions,
                           int sign) {
    for (size_t i = 0; i < dimensions; i++)
        row_set(rows, 1 + (int)(rows->cover->parameters + first + i), sign * (int)linear->dimensions[i]);
}

static void add_system(struct rows *rows, const struct linear_system *system, size_t first,
                       size_t dimensions) {
    for (size_t i = 0; i < system->count; i++) {
        row_begin(rows, &system->constraints[i], 1);
        row_dimensions(rows, &system->constraints[i], first, dimensions, 1);
        rows->count++;
    }
}

static __isl_give isl_basic_set *rows_end(struct rows *equal, struct rows *inequal, size_t dimensions) {
    const struct cover *cover = inequal->cover;
    isl_space *space = isl_space_set_alloc(isl_mat_get_ctx(inequal->matrix), (unsigned)cover->parameters,
                                           (unsigned)dimensions);
    return isl_basic_set_from_constraint_matrices(name_parameters(space, cover), equal->matrix,
                                                  inequal->matrix, isl_dim_cst, isl_dim_param, isl_dim_set,
                                                  isl_dim_div);
}

/* The iterations of a piece. */
static __isl_give isl_basic_set *domain_of(isl_ctx *ctx, const struct cover *cover,
                                           const struct cover_piece *piece) {
    struct rows equal = rows_begin(ctx, cover, 0, piece->dimensions),
                inequal =
                    rows_begin(ctx, cover, cover->context.count + piece->domain.count, piece->dimensions);
    add_system(&inequal, &cover->context, 0, 0);
    add_system(&inequal, &piece->domain, 0, piece->dimensions);
    return rows_end(&equal, &inequal, piece->dimensions);
}

/* The iterations of both pieces that reach the same point. */
static __isl_give isl_basic_set *meeting(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *a,
                                         const struct cover_piece *b) {
    size_t dimensions = a->dimensions + b->dimensions;
    struct rows equal = rows_begin(ctx, cover, cover->rank, dimensions),
                inequal = rows_begin(ctx, cover, cover->context.count + a->domain.count + b->domain.count,
                                     dimensions);
    add_system(&inequal, &cover->context, 0, 0);
    add_system(&inequal, &a->domain, 0, a->dimensions);
    add_system(&inequal, &b->domain, a->dimensions, b->dimensions);
    for (size_t k = 0; k < cover->rank; k++) {
        struct linear difference = a->subscripts[k];
        difference.constant -= b->subscripts[k].constant;
        for (size_t i = 0; i < cover->parameters; i++)
            difference.parameters[i] -= b->subscripts[k].parameters[i];
        row_begin(&equal, &difference, 1);
        row_dimensions(&equal, &difference, 0, a->dimensions, 1);
        row_dimensions(&equal, &b->subscripts[k], a->dimensions, b->dimensions, -1);
        equal.count++;
    }
    return rows_end(&equal, &inequal, dimensions);
}

/* Does a subscript that is one number for each of the two tell them apart? */
static bool differ_by_a_number(const struct cover *cover, const struct cover_piece *a,
                               const struct cover_piece *b) {
    for (size_t k = 0; k < cover->rank; k++) {
        const struct linear *left = &a->subscripts[k], *right = &b->subscripts[k];
        bool numbers = left->constant != right->constant;
        for (size_t i = 0; i < cover->parameters; i++)
            numbers = numbers && left->parameters[i] == right->parameters[i];
        for (size_t i = 0; i < a->dimensions; i++)
            numbers = numbers && !left->dimensions[i];
        for (size_t i = 0; i < b->dimensions; i++)
            numbers = numbers && !right->dimensions[i];
        if (numbers)
            return true;
    }
    return false;
}

/* sign * (dimension of the second - dimension of the first) >= 1 */
static __isl_give isl_basic_set *in_order(__isl_take isl_basic_set *set, size_t first, size_t second,
                                          int sign) {
    isl_constraint *less =
        isl_constraint_alloc_inequality(isl_local_space_from_space(isl_basic_set_get_space(set)));
    less = isl_constraint_set_coefficient_si(less, isl_dim_set, (int)first, -sign);
    less = isl_constraint_set_coefficient_si(less, isl_dim_set, (int)second, sign);
    less = isl_constraint_set_constant_si(less, -1);
    return isl_basic_set_add_constraint(set, less);
}

/* Has the set no rational point? Quicker to tell than for whole ones, and most sets that are empty are that
 * empty. */
static bool is_empty_in_rationals(__isl_keep isl_basic_set *set) {
    isl_aff *zero = isl_aff_zero_on_domain(isl_local_space_from_space(isl_basic_set_get_space(set)));
    isl_val *most = isl_basic_set_max_lp_val(set, zero);
    bool empty = isl_proved(isl_val_is_nan(most));
    isl_aff_free(zero);
    isl_val_free(most);
    return empty;
}

static bool is_empty(isl_ctx *ctx, __isl_take isl_basic_set *set) {
    isl_question(ctx);
    bool empty = is_empty_in_rationals(set);
    if (!empty) {
        isl_question(ctx);
        empty = isl_proved(isl_basic_set_is_empty(set));
    }
    isl_basic_set_free(set);
    return empty;
}

/* ---- each point once ---- */

static bool pieces_disjoint(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *piece) {
    isl_basic_set *twice = meeting(ctx, cover, piece, piece);
    bool apart = true;
    for (size_t i = 0; apart && i < piece->independent; i++)
        apart = is_empty(ctx, in_order(isl_basic_set_copy(twice), i, piece->dimensions + i, 1));
    isl_basic_set_free(twice);
    return apart;
}

bool cover_piece_empty(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *piece) {
    isl_question(ctx);
    return is_empty(ctx, domain_of(ctx, cover, piece));
}

bool cover_disjoint(isl_ctx *ctx, const struct cover *cover) {
    bool apart = cover_fits(cover);
    isl_question(ctx);
    for (size_t i = 0; apart && i < cover->count; i++)
        apart = pieces_disjoint(ctx, cover, cover->pieces[i]);
    for (size_t i = 0; apart && i < cover->count; i++)
        for (size_t j = 0; apart && j < i; j++)
            apart = differ_by_a_number(cover, cover->pieces[i], cover->pieces[j]) ||
                    is_empty(ctx, meeting(ctx, cover, cover->pieces[i], cover->pieces[j]));
    return apart;
}

bool cover_conflict_free(isl_ctx *ctx, const struct cover *cover, const struct cover_piece *a,
                         const struct cover_piece *b) {
    bool one_core = true;
    for (size_t i = 0; i < 2; i++) {
        if ((a->place[i] < 0) != (b->place[i] < 0))
            return false;
        one_core = one_core && a->place[i] == b->place[i];
    }
    if (a->outer != b->outer || !cover_fits(cover))
        return false;
    isl_question(ctx);
    if (!one_core)
        return differ_by_a_number(cover, a, b) || is_empty(ctx, meeting(ctx, cover, a, b));
    isl_basic_set *both = meeting(ctx, cover, a, b);
    bool meet = both != NULL;
    for (size_t i = 0; meet && i < a->outer; i++)
        for (int sign = -1; meet && sign <= 1; sign += 2)
            meet = is_empty(ctx, in_order(isl_basic_set_copy(both), i, a->dimensions + i, sign));
    isl_basic_set_free(both);
    return meet;
}

/* ---- every point ---- */

static __isl_give isl_map *piece_map(isl_ctx *ctx, const struct cover *cover,
                                     const struct cover_piece *piece) {
    isl_map *map = isl_map_from_domain(isl_set_from_basic_set(domain_of(ctx, cover, piece)));
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
    struct rows equal = rows_begin(ctx, cover, 0, cover->rank),
                inequal = rows_begin(ctx, cover, cover->context.count + 2 * cover->rank, cover->rank);
    add_system(&inequal, &cover->context, 0, 0);
    for (size_t k = 0; k < cover->rank; k++) {
        struct linear first = {0}, last = cover->extents[k];
        first.dimensions[k] = 1;
        row_begin(&inequal, &first, 1);
        row_dimensions(&inequal, &first, 0, cover->rank, 1);
        inequal.count++;
        last.constant--;
        row_begin(&inequal, &last, 1);
        row_dimensions(&inequal, &first, 0, cover->rank, -1);
        inequal.count++;
    }
    return isl_set_from_basic_set(rows_end(&equal, &inequal, cover->rank));
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

/* ---- questions that are asked again ---- */

static bool same_linear(const struct linear *a, const struct linear *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static bool has_constraint(const struct linear_system *system, const struct linear *wanted) {
    for (size_t i = 0; i < system->count; i++)
        if (same_linear(&system->constraints[i], wanted))
            return true;
    return false;
}

/* The same constraints, in any order. */
static bool same_system(const struct linear_system *a, const struct linear_system *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = has_constraint(b, &a->constraints[i]) && has_constraint(a, &b->constraints[i]);
    return same;
}

static bool same_piece(const struct cover_piece *a, const struct cover_piece *b, size_t rank) {
    bool same = a->dimensions == b->dimensions && same_system(&a->domain, &b->domain);
    for (size_t k = 0; same && k < rank; k++)
        same = same_linear(&a->subscripts[k], &b->subscripts[k]);
    return same;
}

bool cover_same(const struct cover *a, const struct cover *b) {
    bool same = a->parameters == b->parameters && a->rank == b->rank && a->count == b->count &&
                same_system(&a->context, &b->context);
    for (size_t k = 0; same && k < a->rank; k++)
        same = same_linear(&a->extents[k], &b->extents[k]);
    for (size_t i = 0; same && i < a->count; i++)
        same = same_piece(a->pieces[i], b->pieces[i], a->rank);
    return same;
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
