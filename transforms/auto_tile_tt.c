/* auto_tile_tt: nests over elements become tile programs; tile programs of the author stay as they are. Every
 * kernel is checked here, while it still says what its author wrote: every access in bounds, every element of
 * an output written once, nothing read before it is written.
 */
#include "transforms/auto_tile.h"

#include <stdarg.h>
#include <string.h>

#include "analysis/bounds.h"
#include "analysis/dependence.h"
#include "analysis/isl_util.h"
#include "analysis/ranges.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "transforms/auto_tile_views.h"
#include "transforms/block_branches.h"
#include "transforms/lift.h"
#include "transforms/index_folds.h"
#include "transforms/index_sum.h"
#include "transforms/panel_begin.h"
#include "transforms/whole_blocks.h"

bool tile_fail(struct tiler *t, struct span span, const char *format, ...) {
    if (t->failed)
        return false;
    va_list arguments;
    va_start(arguments, format);
    report_error(t->compilation->diagnostics, span, "%s", arena_vprintf(t->arena, format, arguments));
    va_end(arguments);
    t->failed = true;
    return true;
}

void tile_help(struct tiler *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_help(t->compilation->diagnostics, (struct span){0}, "%s",
                arena_vprintf(t->arena, format, arguments));
    va_end(arguments);
}

struct matcher tiler_matcher(const struct tiler *t) {
    return (struct matcher){
        .arena = t->arena, .ctx = t->relations->ctx, .axes = t->axis_names, .axis_count = t->axis_count};
}

/* ---- axes ---- */

const struct range *axis_named(const struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->axis_count; i++)
        if (strcmp(t->axes[i].name, name) == 0)
            return &t->axes[i];
    return NULL;
}

void axis_declare(struct tiler *t, struct range range) {
    if (t->axis_count == t->axis_capacity) {
        t->axis_capacity = t->axis_capacity ? 2 * t->axis_capacity : 16;
        struct range *axes = arena_allocate(t->arena, t->axis_capacity * sizeof *axes);
        const char **names = arena_allocate(t->arena, t->axis_capacity * sizeof *names);
        if (t->axis_count) {
            memcpy(axes, t->axes, t->axis_count * sizeof *axes);
            memcpy(names, t->axis_names, t->axis_count * sizeof *names);
        }
        t->axes = axes;
        t->axis_names = names;
    }
    t->axes[t->axis_count] = range;
    t->axis_names[t->axis_count++] = range.name;
}

void axis_take_singly(struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->axis_count; i++)
        t->axes[i].single |= strcmp(t->axis_names[i], name) == 0;
}

const char *axis_fresh(struct tiler *t, const char *base) {
    const char *name = name_fresh(&t->names, base);
    diagnostics_rename(t->compilation->diagnostics, name, base);
    return name;
}

const char *axis_duplicate(struct tiler *t, const char *name) {
    struct range range = *axis_named(t, name);
    range.name = axis_fresh(t, name);
    axis_declare(t, range);
    return range.name;
}

bool same_range(const struct tiler *t, const struct range *a, const struct range *b) {
    return relations_equal_sizes(t->relations, a->lower, b->lower) &&
           relations_equal_sizes(t->relations, a->upper, b->upper);
}

bool is_outer(const struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->group.outer_count; i++)
        if (strcmp(t->group.outer[i].name, name) == 0)
            return true;
    return false;
}

bool is_inner(const struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->group.inner_count; i++)
        if (strcmp(t->group.inner[i].name, name) == 0)
            return true;
    return false;
}

bool is_streamed(const struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->group.inner_count; i++)
        if (t->group.streamed[i] && strcmp(t->group.inner[i].name, name) == 0)
            return true;
    return false;
}

bool is_own_axis(const struct equation *equation, const char *name) {
    for (size_t i = 0; equation && i < equation->axis_count; i++)
        if (strcmp(equation->axes[i].name, name) == 0)
            return true;
    return false;
}

struct place_search {
    const struct tiler *t;
    const char *name;
    bool tiles, matrices; /* among the last two dimensions of a tensor; among those before them */
};

static void add_place(struct place_search *search, size_t rank, size_t i, bool varies) {
    search->tiles |= varies && i + 2 >= rank;
    search->matrices |= varies && i + 2 < rank;
}

static struct place_search places_of(const struct tiler *t, const char *name) {
    struct place_search search = {.t = t, .name = name};
    for (size_t i = 0; i < t->equation_count; i++) {
        const struct equation *equation = &t->equations[i];
        for_each (access, access, equation->value)
            for (size_t k = 0; relations_tensor(t->relations, access->name) && k < access->subscripts.count;
                 k++)
                add_place(&search, access->subscripts.count, k,
                          match_varies(access->subscripts.items[k], name));
        for (size_t k = 0; equation->store && k < equation->axis_count; k++)
            add_place(&search, equation->axis_count, k, strcmp(equation->axes[k].name, name) == 0);
    }
    return search;
}

bool is_tile_axis(const struct tiler *t, const char *name) {
    return !is_matrix_axis(t, name);
}

bool is_matrix_axis(const struct tiler *t, const char *name) {
    const struct range *range = axis_named(t, name);
    return (range && range->single) || places_of(t, name).matrices;
}

static bool lies_in_tiles(const char *name, void *context) {
    const struct tiler *t = context;
    return axis_named(t, name) && is_tile_axis(t, name);
}

bool is_counted(const struct tiler *t, const struct node *subscript) {
    return match_is_free(subscript, lies_in_tiles, (void *)t);
}

bool is_line(const struct tiler *t, const struct node_access *access, size_t i) {
    return match_line(access, i, lies_in_tiles, (void *)t);
}

/* ---- equations ---- */

struct equation *equation_add(struct tiler *t, struct equation equation) {
    if (t->equation_count == t->equation_capacity) {
        t->equation_capacity = t->equation_capacity ? 2 * t->equation_capacity : 8;
        struct equation *equations = arena_allocate(t->arena, t->equation_capacity * sizeof *equations);
        if (t->equation_count)
            memcpy(equations, t->equations, t->equation_count * sizeof *equations);
        t->equations = equations;
    }
    t->equations[t->equation_count] = equation;
    return &t->equations[t->equation_count++];
}

struct equation *equation_named(const struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->equation_count; i++)
        if (!t->equations[i].store && strcmp(t->equations[i].name, name) == 0)
            return &t->equations[i];
    return NULL;
}

struct node *access_of(struct arena *arena, const char *name, size_t count, const struct range *axes) {
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < count; i++)
        builder_add(arena, &subscripts, make_reference(arena, axes[i].name));
    return make_access(arena, name, builder_list(&subscripts));
}

/* ---- expressions ---- */

struct renaming {
    struct tiler *t;
    size_t count;
    const char *const *from, *const *to;
};

struct node_reduction rename_own_axes(struct tiler *t, const struct node_reduction *reduction,
                                      axis_test *picks, const void *context) {
    struct node_reduction renamed = *reduction;
    struct list_builder axes = {0};
    for (size_t i = 0; i < reduction->axes.count; i++) {
        struct node_axis axis = *node_as(reduction->axes.items[i], axis);
        if (picks(t, &axis, context)) {
            const char *from[] = {axis.name}, *to[] = {axis_duplicate(t, axis.name)};
            renamed.body = rename_axes(t, renamed.body, 1, from, to);
            axis.name = to[0];
        }
        builder_add(t->arena, &axes, arena_copy(t->arena, &axis, sizeof axis));
    }
    renamed.axes = builder_list(&axes);
    return renamed;
}

/* A name that comes in from outside: no axis of a reduction there may have it. */
static bool is_target(const struct tiler *t, const struct node_axis *axis, const void *context) {
    const struct renaming *r = context;
    (void)t;
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->to[i], axis->name) == 0 && strcmp(r->from[i], axis->name) != 0)
            return true;
    return false;
}

static struct node *rename_in(struct node *node, void *context) {
    struct renaming *r = context;
    struct node_reference *reference = node_as(node, reference);
    if (reference) {
        for (size_t i = 0; i < r->count; i++)
            if (strcmp(r->from[i], reference->name) == 0)
                return node_with_span(r->t->arena, make_reference(r->t->arena, r->to[i]), node->span);
        return node;
    }
    struct node_reduction *reduction = node_as(node, reduction);
    if (!reduction)
        return node_map_children(r->t->arena, node, rename_in, r);
    struct node_reduction renamed = rename_own_axes(r->t, reduction, is_target, r);
    renamed.body = rename_in(renamed.body, r);
    return arena_copy(r->t->arena, &renamed, sizeof renamed);
}

struct relocation {
    struct arena *arena;
    struct span around;
};

static struct node *relocate(struct node *node, void *context) {
    struct relocation *r = context;
    struct span around = r->around;
    bool placed = (node->kind == NODE_ACCESS || node->kind == NODE_REDUCTION) && node->span.line;
    if (placed)
        r->around = span_of_part(around, node->span);
    struct node *moved = node_map_children(r->arena, node, relocate, r);
    if (placed)
        moved = node_with_span(r->arena, moved, r->around);
    r->around = around;
    return moved;
}

struct node *value_moved(struct arena *arena, struct node *value, struct span statement) {
    struct relocation r = {arena, statement};
    return statement.line ? relocate(value, &r) : value;
}

struct node *rename_axes(struct tiler *t, struct node *node, size_t count, const char *const *from,
                         const char *const *to) {
    struct renaming r = {t, count, from, to};
    bool changes = false;
    for (size_t i = 0; i < count; i++)
        changes |= strcmp(from[i], to[i]) != 0;
    return changes ? rename_in(node, &r) : node;
}

size_t count_nodes(const struct node *tree) {
    size_t count = 0;
    for_each_node (node, tree)
        count++;
    return count;
}

size_t count_equal(const struct node *tree, const struct node *wanted) {
    size_t count = 0;
    for_each_node (node, tree)
        if (node_equal(node, wanted)) {
            count++;
            skip_below(node);
        }
    return count;
}

/* ---- the pass ---- */

/* Blocks under a grid: the author has decided. */
static bool has_blocks(const struct node_kernel *kernel) {
    for_each (grid, grid, kernel->body)
        for_each (axis, axis, &grid->base)
            if (axis->step)
                return true;
    return false;
}

/* Vars and lets give their names back: what is left are parameters, sizes and axes. */
static struct name_table names_kept(struct tiler *t) {
    struct list_builder axes = {0};
    for_each (axis, axis, t->kernel->body)
        builder_add(t->arena, &axes, make_reference(t->arena, axis->name));
    struct node_kernel signature = *t->kernel;
    signature.body = make_block(t->arena, t->kernel->base.span, builder_list(&axes));
    return names_of(t->arena, &signature.base);
}

void fail_as_old_value(struct tiler *t, struct span span, const char *tensor, bool own) {
    if (!tile_fail(
            t, span,
            own ? "%s is read at other elements than this writes, which other blocks may have overwritten"
                : "the old value of %s is read here, in the nest that overwrites it",
            tensor))
        return;
    dependence_note(t->relations, t->compilation->diagnostics, tensor);
    tile_help(t, "write to a tensor of its own, or launch two kernels from a program");
}

/* Old values that several statements need: is each read before the block that reads it overwrites it? That is asked
 * of the blocks, as of a tile program of the author's. */
static void check_old_values(struct tiler *t, struct node *tiled) {
    if (!t->old_value || t->failed)
        return;
    struct relations *relations = relations_of(t->arena, t->relations->ctx, tiled);
    if (!dependence_check(relations, diagnostics_create(t->arena)))
        fail_as_old_value(t, t->old_value->span, t->old_value->tensor, false);
    relations_free(relations);
}

/* ---- folds of indices ---- */

static enum dtype type_of_name(const char *name, void *context) {
    struct tiler *t = context;
    struct node_parameter *tensor = relations_tensor(t->relations, name);
    const struct equation *let = equation_named(t, name);
    return tensor ? tensor->dtype : let ? let->dtype : DTYPE_NONE;
}

struct value_types tiler_types(struct tiler *t) {
    return (struct value_types){t->compilation->kernel, type_of_name, t};
}

static bool is_index_fold(const char *name, void *context) {
    const struct equation *let = equation_named(context, name);
    return let && let->folds_indices;
}

/* Values of indices that are folded, and have a name, are i32. */
static void settle_index_folds(struct tiler *t) {
    struct value_types types = tiler_types(t);
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *let = &t->equations[i];
        let->folds_indices = !let->store && (let->dtype == DTYPE_NONE || let->dtype == DTYPE_INDEX) &&
                             value_type(&types, let->value) == DTYPE_INDEX &&
                             folds_indices(&types, let->value);
        let->dtype = let->folds_indices ? DTYPE_I32 : let->dtype;
    }
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *equation = &t->equations[i];
        enum dtype type = equation->store ? type_of_name(equation->name, t) : equation->dtype;
        equation->value =
            index_folds(t->arena, &types, equation->value,
                        type != DTYPE_NONE && is_whole_type(type) && type != DTYPE_BOOL, is_index_fold, t);
    }
}

/* Numbers of the device have no sign: none is divided that may fall below 0. */
static struct node *lift_quotients(struct node *node, void *context) {
    struct tiler *t = context;
    struct node *mapped = node_map_children(t->arena, node, lift_quotients, t);
    struct value_types types = tiler_types(t);
    struct node_binary *binary = node_as(mapped, binary);
    bool index = binary && value_type(&types, binary->left) == DTYPE_INDEX;
    return index ? index_lifted(t->arena, mapped) : mapped;
}

bool tile_read(struct tiler *t) {
    t->names = names_kept(t);
    tile_normalise(t);
    if (!t->failed)
        inline_equations(t);
    if (!t->failed)
        settle_index_folds(t);
    for (size_t i = 0; i < t->equation_count && !t->failed; i++)
        t->equations[i].value = lift_quotients(t->equations[i].value, t);
    return !t->failed;
}

/* What chooses places is read by the processor that moves data, from a tensor: what the kernel works out itself is none yet. */
static bool places_are_given(struct tiler *t) {
    for (size_t i = 0; i < t->equation_count; i++)
        if (!t->equations[i].store && chooses_places(t, t->equations[i].name)) {
            if (tile_fail(t, t->equations[i].span, "what this kernel works out here chooses what it reads"))
                tile_help(t, "store it in a tensor of i32, in a kernel of its own");
            return false;
        }
    return !t->failed;
}

/* The nests as equations, and these as one tile program; NULL after a reported error. */
static struct node *tile_equations(struct tiler *t) {
    if (tile_read(t) && places_are_given(t))
        tile_unify(t);
    if (!t->failed)
        tile_views(t);
    if (!t->failed)
        check_targets(t);
    if (!t->failed) {
        narrow_equations(t);
        extract_reductions(t);
    }
    if (!t->failed)
        tile_group(t);
    if (!t->failed)
        extract_repeated(t);
    return t->failed ? NULL : tile_emit_program(t);
}

/* What the blocks of a lifted nest owe each other is asked of them, as of a tile program of the author's. */
static bool check_lifted(struct tiler *t, struct node *tiled) {
    struct relations *relations = relations_of(t->arena, t->relations->ctx, tiled);
    struct diagnostics *diagnostics = t->compilation->diagnostics;
    bool sound = ranges_check(relations, diagnostics) && dependence_check(relations, diagnostics);
    relations_free(relations);
    return sound;
}

static bool tile_nests(struct tiler *t) {
    struct node_kernel run = *t->kernel;
    run.body = lift_running_folds(t);
    t->kernel = run.body == t->kernel->body ? t->kernel : arena_copy(t->arena, &run, sizeof run);
    bool lifted = lift_wanted(t->kernel);
    struct node *body = lifted ? lift_nest(t) : tile_equations(t);
    if (t->failed)
        return false;
    struct node_kernel tiled = *t->kernel;
    tiled.body = body;
    struct list_builder conditions = {0};
    builder_add_all(t->arena, &conditions, tiled.conditions);
    for (size_t i = 0; i < t->condition_count; i++)
        builder_add(t->arena, &conditions, t->conditions[i]);
    tiled.conditions = builder_list(&conditions);
    struct node *kernel = arena_copy(t->arena, &tiled, sizeof tiled);
    check_old_values(t, kernel);
    if (t->failed || (lifted && !check_lifted(t, kernel)))
        return false;
    if (asks_exactness(&t->kernel->base)) /* of a nest that is no more: of all that it became */
        kernel = attribute_set(t->arena, kernel, KEY_EXACT, make_integer(t->arena, 1));
    if (t->has_version)
        kernel = attribute_set(t->arena, kernel, KEY_TT_WHEN_FULL,
                               make_reference(t->arena, t->compilation->streamed_name));
    t->compilation->kernel = kernel;
    return true;
}

/* ---- places that data choose ---- */

/* Does the access read every element of its tensor, one for each iteration? */
static bool reads_all(const struct tiler *t, const struct access_site *site) {
    const struct node_access *access = site->access;
    const struct node_parameter *tensor = relations_tensor(t->relations, access->name);
    for (size_t i = 0; tensor && i < access->subscripts.count; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        const struct node_axis *axis = NULL;
        for (size_t k = 0; reference && k < site->axis_count; k++)
            if (site->axes[k] && strcmp(site->axes[k], reference->name) == 0)
                axis = site->ranges[k];
        if (!axis || !axis->upper || attribute_integer(axis->lower, -1) != 0 ||
            !relations_equal_sizes(t->relations, axis->upper, tensor->dimensions.items[i]))
            return false;
    }
    return tensor != NULL;
}

static const struct access_site *site_of(const struct tiler *t, const struct node_access *access) {
    for (size_t i = 0; i < t->relations->site_count; i++)
        if (t->relations->sites[i].access == access)
            return &t->relations->sites[i];
    return NULL;
}

/* Does a condition ask these data before they choose a place? */
static bool is_asked(const struct tiler *t, const char *data) {
    for_each (if, branch, t->kernel->body)
        if (mentions(branch->condition, data))
            return true;
    return false;
}

struct node *tile_indices(struct tiler *t) {
    struct list_builder all = {0};
    for (size_t i = 0; i < t->relations->site_count; i++) {
        const struct node_access *access = t->relations->sites[i].access;
        const struct node_parameter *tensor = relations_tensor(t->relations, access->name);
        for (size_t k = 0; tensor && !access->otherwise && k < access->subscripts.count; k++) {
            struct node_access *data = node_as(access->subscripts.items[k], access);
            const struct access_site *site = data ? site_of(t, data) : NULL;
            if (!site || !reads_all(t, site) || is_asked(t, data->name))
                continue;
            struct node *one = dictionary_set(t->arena, NULL, KEY_DATA, make_reference(t->arena, data->name));
            one = dictionary_set(t->arena, one, KEY_OF, make_reference(t->arena, access->name));
            builder_add(t->arena, &all,
                        dictionary_set(t->arena, one, KEY_BELOW, tensor->dimensions.items[k]));
        }
    }
    return all.count ? node_new(t->arena, sequence, SEQUENCE, ((struct span){0}), .items = builder_list(&all)) : NULL;
}

/* Is it in bounds whatever data say, in a tensor that keeps its values? */
static bool may_have_guard(const struct tiler *t, const struct node_access *access) {
    const struct node_parameter *tensor = relations_tensor(t->relations, access->name);
    if (!tensor || tensor->direction != DIRECTION_IN)
        return false;
    for (size_t i = 0; i < access->subscripts.count; i++)
        if (find_kind(access->subscripts.items[i], NODE_ACCESS))
            return false;
    return true;
}

/* Is the access only read, from a tensor, and proved in bounds at every place of it? */
static bool read_in_bounds(const struct tiler *t, const struct node_access *access, bool *proved) {
    size_t places = 0;
    *proved = true;
    for (size_t i = 0; i < t->relations->site_count; i++) {
        const struct access_site *site = &t->relations->sites[i];
        if (site->access != access)
            continue;
        places++;
        *proved = *proved && bounds_proved(t->relations, site);
        if (site->kind != ACCESS_READ || !site->declaration || site->declaration->kind != NODE_PARAMETER ||
            (!access->otherwise && !may_have_guard(t, access)))
            return false;
    }
    return places > 0;
}

/* The access without its guard where every place of it is proved in bounds. What is in bounds by products of sizes, which
 * isl knows nothing of, gets a guard: the proofs of device form need not see it again. */
static struct node *settle_guard(struct node *node, void *context) {
    struct tiler *t = context;
    struct node_access *access = node_as(node, access);
    bool proved;
    if (!access || !read_in_bounds(t, access, &proved) || proved != (access->otherwise != NULL))
        return node_map_children(t->arena, node, settle_guard, t);
    struct node_access settled = *access;
    settled.otherwise = NULL;
    struct node *plain =
        node_map_children(t->arena, arena_copy(t->arena, &settled, sizeof settled), settle_guard, t);
    if (proved)
        return plain;
    settled = *node_as(plain, access);
    settled.otherwise = make_integer(t->arena, 0);
    return arena_copy(t->arena, &settled, sizeof settled);
}

static bool is_literal(const struct node *node) {
    double value;
    if (node->kind == NODE_UNARY && ((const struct node_unary *)node)->op == UNARY_NEGATE)
        node = ((const struct node_unary *)node)->operand;
    return literal_value(node, &value);
}

/* 0 <= s && s < n, of every subscript. */
static struct node *inside_condition(struct tiler *t, const struct node_access *access) {
    const struct node_parameter *tensor = relations_tensor(t->relations, access->name);
    struct arena *a = t->arena;
    struct node *all = NULL;
    for (size_t i = 0; i < access->subscripts.count; i++) {
        struct node *subscript = access->subscripts.items[i];
        struct node *inside = make_binary(
            a, BINARY_AND, make_binary(a, BINARY_GREATER_EQUAL, subscript, make_integer(a, 0)),
            make_binary(a, BINARY_LESS, subscript, tensor->dimensions.items[i]));
        all = all ? make_binary(a, BINARY_AND, all, inside) : inside;
    }
    return all;
}

/* X[s else e] as select(0 <= s && s < n, X[s else 0], e) where e is worked out: what the reader fills in is a literal. */
static struct node *choose_guarded(struct node *node, void *context) {
    struct tiler *t = context;
    struct node *mapped = node_map_children(t->arena, node, choose_guarded, t);
    struct node_access *access = node_as(mapped, access);
    if (!access || !access->otherwise || is_literal(access->otherwise) ||
        !relations_tensor(t->relations, access->name))
        return mapped;
    struct node_access guarded = *access;
    guarded.otherwise = make_integer(t->arena, 0);
    struct node *read = arena_copy(t->arena, &guarded, sizeof guarded);
    return node_with_span(t->arena,
                          make_call(t->arena, "select",
                                    LIST(t->arena, inside_condition(t, access), read, access->otherwise)),
                          node->span);
}

/* Is something divided by a size? */
static bool has_quotient_by_size(const struct tiler *t) {
    for_each (binary, binary, t->compilation->kernel)
        if ((binary->op == BINARY_DIVIDE || binary->op == BINARY_REMAINDER) && relations_is_size(t->relations, binary->right))
            return true;
    return false;
}

/* Places of results that are told by quotients read at these: the same guards as where an author writes them. */
static void guard_tiled(struct tiler *t) {
    if (!has_quotient_by_size(t))
        return;
    struct tiler tiled = {.compilation = t->compilation,
                          .arena = t->arena,
                          .kernel = node_as(t->compilation->kernel, kernel)};
    tiled.relations = relations_of(t->arena, t->relations->ctx, t->compilation->kernel);
    struct node_kernel guarded = *tiled.kernel;
    guarded.body = settle_guard(guarded.body, &tiled);
    t->compilation->kernel = arena_copy(t->arena, &guarded, sizeof guarded);
    relations_free(tiled.relations);
}

static void simplify_body(struct tiler *t) {
    struct node_kernel plain = *t->kernel;
    plain.body = choose_guarded(ranges_settled(t->relations, settle_guard(plain.body, t)), t);
    if (plain.body == t->kernel->body)
        return;
    t->kernel = arena_copy(t->arena, &plain, sizeof plain);
    t->compilation->kernel = &t->kernel->base;
}

/* Loops over the elements of a block, `for x in i`, that are no statements of the block are refused. */
static bool blocks_are_whole(struct tiler *t) {
    for_each (axis, axis, t->kernel->body) {
        const char *block = block_of_elements(axis);
        if (block &&
            tile_fail(
                t, axis->base.span,
                "%s runs over the elements of block %s, and under a `grid` the device computes whole blocks",
                axis->name, block))
            tile_help(t, "write the statement for the block, with %s for %s: it means all elements", block,
                      axis->name);
    }
    return !t->failed;
}

static struct node *settled_program(struct arena *arena, struct node *kernel) {
    struct node_kernel whole = *node_as(kernel, kernel);
    whole.body = whole_blocks(arena, whole.body);
    return node_equal(whole.body, node_as(kernel, kernel)->body) ? kernel : arena_copy(arena, &whole, sizeof whole);
}

/* A tile program is what its grid holds: a loop beside it has no cores to share its blocks. */
static bool stands_in_grid(struct tiler *t) {
    struct node_list list = node_as(t->kernel->body, block)->statements;
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i]->kind != NODE_FOR)
            continue;
        tile_fail(
            t, list.items[i]->span,
            "this loop stands beside the grid of %s: cores share the blocks of the grid, and each would run the whole loop",
            t->kernel->name);
        report_note(t->compilation->diagnostics, find_kind(t->kernel->body, NODE_GRID)->span,
                    "the grid is here");
        tile_help(
            t,
            "write the loop as a kernel of its own, and launch both from a program; where it has the blocks of the grid, its statements may stand in the grid");
        return false;
    }
    return true;
}

/* What `where` does not say of a number that is given to the launch, the launch asks: 0 <= pos of C[i + pos]. */
static void ask_launch(struct compilation *c, isl_ctx *ctx) {
    struct relations *relations = relations_of(c->arena, ctx, c->kernel);
    const struct access_site *place = NULL;
    struct node_list conditions = bounds_conditions(relations, &place);
    if (conditions.count) {
        struct node_kernel asked = *node_as(c->kernel, kernel);
        const char *text = "";
        for (size_t i = 0; i < conditions.count; i++)
            text = arena_printf(c->arena, "%s%s%s", text, *text ? ", " : "", node_text(c->arena, conditions.items[i]));
        report_remark(c->diagnostics, place->span, "%s is in bounds where a launch has %s, which it checks",
                      node_text(c->arena, &place->access->base), text);
        report_help(c->diagnostics, (struct span){0}, "state `where %s`", text);
        asked.conditions = list_concat(c->arena, asked.conditions, conditions);
        c->kernel = arena_copy(c->arena, &asked, sizeof asked);
    }
    relations_free(relations);
}

static bool has_given_number(const struct node *kernel) {
    for_each (parameter, parameter, kernel)
        if (!parameter->dimensions.count && may_be_negative(kernel, parameter->name))
            return true;
    return false;
}

bool auto_tile_tt(struct compilation *compilation) {
    isl_ctx *ctx = isl_begin();
    if (has_given_number(compilation->kernel))
        ask_launch(compilation, ctx);
    bool nests = !has_blocks(node_as(compilation->kernel, kernel));
    if (!nests) {
        struct node *chosen =
            block_branches(compilation->arena, compilation->diagnostics, compilation->kernel);
        if (!chosen) {
            isl_end(ctx);
            return false;
        }
        compilation->kernel = settled_program(compilation->arena, chosen);
    }
    struct tiler t = {.compilation = compilation,
                      .arena = compilation->arena,
                      .kernel = node_as(compilation->kernel, kernel)};
    t.relations = relations_of(t.arena, ctx, compilation->kernel);
    bool sound = (nests || (stands_in_grid(&t) && blocks_are_whole(&t))) &&
                 ranges_counted(t.relations, compilation->diagnostics) &&
                 bounds_check(t.relations, compilation->diagnostics);
    if (sound)
        sound = nests ? dependence_coverage(t.relations, compilation->diagnostics)
                      : dependence_check(t.relations, compilation->diagnostics);
    if (sound) {
        bounds_explain(t.relations, compilation->explanations);
        dependence_explain(t.relations, compilation->explanations);
        simplify_body(&t);
    }
    if (sound && !nests)
        sound = ranges_check(t.relations, compilation->diagnostics);
    if (sound && !nests) {
        struct node *begun = panels_begun(t.relations, compilation->diagnostics, compilation->kernel);
        sound = begun != NULL;
        compilation->kernel = sound ? begun : compilation->kernel;
    }
    struct node *indices = sound ? tile_indices(&t) : NULL;
    if (sound && nests)
        sound = tile_nests(&t);
    if (sound && nests)
        guard_tiled(&t);
    if (sound && indices && !attribute_get(compilation->kernel, KEY_TT_INDICES))
        compilation->kernel = attribute_set(t.arena, compilation->kernel, KEY_TT_INDICES, indices);
    if (sound)
        sound = check_multicast(compilation, nests);
    relations_free(t.relations);
    isl_end(ctx);
    return sound;
}
