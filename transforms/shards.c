/* A description of shards: read, completed, checked against the tensor and the product, and measured. */
#include "transforms/shards.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/l1.h"
#include "ir/launch.h"
#include "support/architecture.h"
#include "support/scalar.h"
#include "ir/query.h"

/* A description of shards on its way to completeness. Axis by axis; NULL: not given, or not found yet. */
struct shards {
    struct compilation *c;
    const struct node_parameter *parameter;
    const struct node_attribute *entry;
    struct node *given;
    bool in_l1;
    size_t rank;
    struct node *extents[TENSOR_RANK_LIMIT]; /* of the tensor, in elements */
    struct node *axes[TENSOR_RANK_LIMIT];    /* labels */
    struct node *grid[TENSOR_RANK_LIMIT];    /* shards */
    struct node *shape[TENSOR_RANK_LIMIT];   /* of a shard, in elements */
    struct node *units[TENSOR_RANK_LIMIT];   /* of a shard, in units */
    bool aligned, grid_given, shape_given, by_columns;
};

struct span entry_span(const struct node *owner, const struct node_attribute *entry) {
    if (entry && entry->base.span.line)
        return entry->base.span;
    return entry && entry->value && entry->value->span.line ? entry->value->span : owner->span;
}

static const struct node_attribute *find_entry(const struct node *dictionary, const char *key) {
    if (!dictionary || dictionary->kind != NODE_DICTIONARY)
        return NULL;
    struct node_list entries = ((const struct node_dictionary *)dictionary)->entries;
    for (size_t i = 0; i < entries.count; i++)
        if (strcmp(node_as(entries.items[i], attribute)->key, key) == 0)
            return node_as(entries.items[i], attribute);
    return NULL;
}

struct span placement_span(const struct node_parameter *parameter, const char *key) {
    return entry_span(&parameter->base, find_entry(attribute_get(&parameter->base, KEY_TT_SHARD), key));
}

/* ---- reports ---- */

/* Where a message about a key of the description points. */
static struct span at(const struct shards *s, const char *key) {
    const struct node_attribute *entry = find_entry(s->given, key);
    struct span whole = entry_span(&s->parameter->base, s->entry);
    return entry && entry->base.span.line ? entry->base.span : whole;
}

static struct diagnostics *messages(const struct shards *s) {
    return s->c->diagnostics;
}

static void help(const struct shards *s, const char *text) {
    report_help(messages(s), (struct span){0}, "%s", text);
}

static const char *label(const struct shards *s, size_t axis) {
    return attribute_word(s->axes[axis], "?");
}

/* Rows and columns, which have tiles. */
static bool is_tiled(const struct shards *s, size_t axis) {
    return axis + 2 >= s->rank;
}

/* ---- what the author says ---- */

static bool check_keys(const struct shards *s) {
    static const char *const known[] = {
        KEY_SHARD_AXES,  KEY_SHARD_GRID,        KEY_SHARD_SHAPE,       KEY_ORDER,
        KEY_ALIGN_TILES, KEY_SHARD_ORIENTATION, KEY_SHARD_DISTRIBUTION};
    enum { KNOWN = sizeof known / sizeof *known };
    struct node_dictionary *dictionary = node_as(s->given, dictionary);
    if (!dictionary) {
        report_error(messages(s), at(s, ""), "nd_shard of %s is %s; it takes entries, as in {grid = [8, 1]}",
                     s->parameter->name, node_text(s->c->arena, s->given));
        return false;
    }
    for (size_t i = 0; i < dictionary->entries.count; i++) {
        struct node_attribute *entry = node_as(dictionary->entries.items[i], attribute);
        bool found = false;
        for (size_t k = 0; k < KNOWN; k++)
            found = found || strcmp(entry->key, known[k]) == 0;
        if (found)
            continue;
        const char *nearest = suggest_nearest(entry->key, known, KNOWN);
        report_error(messages(s), at(s, entry->key), "nd_shard of %s has no key %s", s->parameter->name,
                     entry->key);
        if (nearest)
            report_help(messages(s), (struct span){0}, "did you mean %s?", nearest);
        return false;
    }
    return true;
}

/* The labels that an author would write: rows and columns are M and N. */
static struct node *usual_label(const struct shards *s, size_t axis) {
    static const char *const labels[] = {"B", "H", "M", "N"};
    size_t from_end = s->rank - axis;
    const char *name = from_end <= 2  ? labels[4 - from_end]
                       : s->rank <= 4 ? labels[axis]
                                      : arena_printf(s->c->arena, "D%zu", axis);
    return make_reference(s->c->arena, name);
}

static bool check_length(const struct shards *s, const char *key, const struct node_sequence *list) {
    if (list && list->items.count == s->rank)
        return true;
    report_error(messages(s), at(s, key), "%s of %s is %s; it takes a list of %zu, one for each dimension",
                 key, s->parameter->name, node_text(s->c->arena, dictionary_get(s->given, key)), s->rank);
    if (s->parameter->dimensions.count == 1)
        help(s, "a tensor of one dimension is one row: its axes are M, which has extent 1, and N");
    return false;
}

static bool read_axes(struct shards *s) {
    struct node *value = dictionary_get(s->given, KEY_SHARD_AXES);
    struct node_sequence *list = node_as(value, sequence);
    bool rows = false, columns = false;
    for (size_t i = 0; i < s->rank; i++)
        s->axes[i] = usual_label(s, i);
    if (!value)
        return true;
    for (size_t i = 0; list && i < list->items.count; i++) {
        rows = rows || strcmp(attribute_word(list->items.items[i], ""), "M") == 0;
        columns = columns || strcmp(attribute_word(list->items.items[i], ""), "N") == 0;
    }
    if (list && (!rows || !columns)) {
        report_error(messages(s), at(s, KEY_SHARD_AXES), "axes of %s are %s: axis %s is missing",
                     s->parameter->name, node_text(s->c->arena, value), rows ? "N" : "M");
        help(
            s,
            "M stands for the rows and N for the columns, the last two dimensions, whatever their sizes are called");
        return false;
    }
    if (!check_length(s, KEY_SHARD_AXES, list))
        return false;
    for (size_t i = 0; i < s->rank; i++)
        s->axes[i] = list->items.items[i];
    if (strcmp(label(s, s->rank - 2), "M") != 0 || strcmp(label(s, s->rank - 1), "N") != 0) {
        report_error(messages(s), at(s, KEY_SHARD_AXES),
                     "axes of %s are %s: M and N come last, in this order", s->parameter->name,
                     node_text(s->c->arena, value));
        return false;
    }
    for (size_t i = 0; i < s->rank; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(label(s, i), label(s, k)) == 0) {
                report_error(messages(s), at(s, KEY_SHARD_AXES), "axes of %s are %s: %s stands twice",
                             s->parameter->name, node_text(s->c->arena, value), label(s, i));
                return false;
            }
    return true;
}

/* A list of positive numbers, one for each axis. */
static bool read_numbers(struct shards *s, const char *key, struct node **numbers, bool *given) {
    struct node *value = dictionary_get(s->given, key);
    struct node_sequence *list = node_as(value, sequence);
    *given = value != NULL;
    if (!value)
        return true;
    if (!check_length(s, key, list))
        return false;
    for (size_t i = 0; i < s->rank; i++) {
        int64_t number;
        numbers[i] = list->items.items[i];
        bool whole = integer_value(numbers[i], &number);
        if (!whole || number < 1 || number > INT32_MAX) {
            report_error(messages(s), at(s, key),
                         whole && number > INT32_MAX ? "%s of %s is %s; a number in it is too large"
                                                     : "%s of %s is %s; its numbers are whole and at least 1",
                         key, s->parameter->name, node_text(s->c->arena, value));
            return false;
        }
    }
    return true;
}

static bool check_order(const struct shards *s) {
    struct node *value = dictionary_get(s->given, KEY_ORDER);
    const char *word = value ? attribute_word(value, "") : "row_major";
    struct node_call *call = value ? node_as(value, call) : NULL;
    if (strcmp(word, "row_major") == 0 || (s->in_l1 && strcmp(word, "match_shard") == 0))
        return true;
    if (strcmp(call ? call->function : word, "block_linear") == 0) {
        report_error(messages(s), at(s, KEY_ORDER), "order block_linear of %s is reserved; use row_major",
                     s->parameter->name);
    } else if (strcmp(word, "match_shard") == 0) {
        report_error(
            messages(s), at(s, KEY_ORDER),
            "order match_shard of %s is for shards that cores own, in L1; shards in DRAM are counted row_major",
            s->parameter->name);
    } else {
        static const char *const known[] = {"row_major", "match_shard"};
        const char *nearest = suggest_nearest(word, known, 2);
        report_error(messages(s), at(s, KEY_ORDER), "order of %s is %s; it takes row_major%s",
                     s->parameter->name, node_text(s->c->arena, value), s->in_l1 ? " or match_shard" : "");
        if (nearest)
            report_help(messages(s), (struct span){0}, "did you mean %s?", nearest);
    }
    return false;
}

/* A word of a key that may be left out; the first one is what it means then. NULL after a report. */
static const char *read_word(const struct shards *s, const char *key, const char *const *words,
                             size_t count) {
    struct node *value = dictionary_get(s->given, key);
    const char *word = value ? attribute_word(value, "") : words[0], *list = "";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return words[i];
        list = arena_printf(s->c->arena, "%s%s%s", list,
                            i == 0          ? ""
                            : i + 1 < count ? ", "
                                            : " or ",
                            words[i]);
    }
    const char *nearest = suggest_nearest(word, words, count);
    report_error(messages(s), at(s, key), "%s of %s is %s; it takes %s", key, s->parameter->name,
                 node_text(s->c->arena, value), list);
    if (nearest)
        report_help(messages(s), (struct span){0}, "did you mean %s?", nearest);
    return NULL;
}

/* Shards of a plane go to a plane of banks one to one. Banks of DRAM are one row; in L1 there is a core for
 * each shard. */
static bool check_plane(const struct shards *s) {
    int64_t shards;
    uint32_t banks = s->c->architecture->dram_banks;
    bool one_row = s->grid_given;
    for (size_t i = 0; s->grid_given && i < s->rank; i++)
        one_row = one_row && integer_value(s->grid[i], &shards) &&
                  (i + 1 < s->rank ? shards == 1 : shards <= banks);
    if (s->in_l1 || one_row)
        return true;
    report_error(
        messages(s), at(s, KEY_SHARD_DISTRIBUTION),
        "distribution grid_2d of %s: banks of DRAM are one row of %u, and its shards are not given as one row of at most as many",
        s->parameter->name, banks);
    help(s, "take round_robin_1d, which goes with every grid of shards");
    return false;
}

static bool read_distribution(struct shards *s) {
    static const char *const orientations[] = {"row_major", "col_major"}, *const distributions[] = {
                                                                              "round_robin_1d", "grid_2d",
                                                                              "contiguous_1d"};
    const char *orientation = read_word(s, KEY_SHARD_ORIENTATION, orientations, 2);
    const char *distribution = read_word(s, KEY_SHARD_DISTRIBUTION, distributions, 3);
    if (!orientation || !distribution)
        return false;
    s->by_columns = orientation == orientations[1];
    return distribution != distributions[1] || check_plane(s);
}

static bool read_shards(struct shards *s) {
    if (!check_keys(s) || !read_axes(s) || !read_numbers(s, KEY_SHARD_GRID, s->grid, &s->grid_given) ||
        !read_numbers(s, KEY_SHARD_SHAPE, s->shape, &s->shape_given) || !check_order(s) ||
        !read_distribution(s))
        return false;
    struct node *align = dictionary_get(s->given, KEY_ALIGN_TILES);
    int64_t number = 1;
    if (align && (!integer_value(align, &number) || number < 0 || number > 1)) {
        report_error(messages(s), at(s, KEY_ALIGN_TILES), "align_tiles of %s is %s; it takes 0 or 1",
                     s->parameter->name, node_text(s->c->arena, align));
        return false;
    }
    if (!s->grid_given && !s->shape_given) {
        report_error(messages(s), at(s, ""),
                     "nd_shard of %s is incomplete: it needs grid or shard_shape_elems", s->parameter->name);
        help(
            s,
            "grid says how many shards there are along each axis, as in grid = [8, 1]; the shape of a shard follows from it");
        return false;
    }
    s->aligned = number == 1;
    return true;
}

/* ---- what follows ---- */

static struct node *units_of(const struct shards *s, size_t axis, struct node *elements) {
    struct arena *arena = s->c->arena;
    return is_tiled(s, axis) ? simplify(arena, make_ceildiv(arena, elements, make_integer(arena, TILE_EDGE)))
                             : elements;
}

/* A shard without a shape: as many whole units as cover the axis by the grid; elements where align_tiles is
 * 0. */
static void derive_shape(struct shards *s, size_t axis) {
    struct arena *arena = s->c->arena;
    if (!s->aligned || !is_tiled(s, axis)) {
        s->shape[axis] = simplify(arena, make_ceildiv(arena, s->extents[axis], s->grid[axis]));
        s->units[axis] = units_of(s, axis, s->shape[axis]);
        return;
    }
    s->units[axis] = simplify(arena, make_ceildiv(arena, units_of(s, axis, s->extents[axis]), s->grid[axis]));
    s->shape[axis] = simplify(arena, make_mul(arena, s->units[axis], make_integer(arena, TILE_EDGE)));
}

static void derive(struct shards *s) {
    struct arena *arena = s->c->arena;
    for (size_t i = 0; i < s->rank; i++) {
        if (!s->shape_given) {
            derive_shape(s, i);
            continue;
        }
        s->units[i] = units_of(s, i, s->shape[i]);
        if (!s->grid_given)
            s->grid[i] = simplify(arena, make_ceildiv(arena, units_of(s, i, s->extents[i]), s->units[i]));
    }
}

/* Shards that are not whole tiles: padded in DRAM unless align_tiles says otherwise, refused in L1. */
static bool check_alignment(struct shards *s) {
    bool asked = dictionary_get(s->given, KEY_ALIGN_TILES) && s->aligned;
    for (size_t i = s->rank - 2; i < s->rank; i++) {
        int64_t number;
        if (!integer_value(s->shape[i], &number) || number % TILE_EDGE == 0)
            continue;
        s->aligned = false;
        if (!s->in_l1 && !asked)
            continue;
        if (s->in_l1)
            report_error(messages(s), at(s, KEY_SHARD_SHAPE),
                         "L1 shard of %s must be tile-aligned: %" PRId64
                         " elements along %s are no multiple of %d",
                         s->parameter->name, number, label(s, i), TILE_EDGE);
        else
            report_error(messages(s), at(s, KEY_SHARD_SHAPE),
                         "align_tiles of %s is 1, but its shards have %" PRId64
                         " elements along %s, no multiple of %d",
                         s->parameter->name, number, label(s, i), TILE_EDGE);
        report_help(messages(s), (struct span){0}, "take %" PRId64 ", or leave the shape to the grid",
                    (number + TILE_EDGE - 1) / TILE_EDGE * TILE_EDGE);
        return false;
    }
    if (s->in_l1 && !s->aligned) {
        report_error(messages(s), at(s, KEY_ALIGN_TILES),
                     "L1 shard of %s must be tile-aligned, but its align_tiles is 0", s->parameter->name);
        return false;
    }
    return true;
}

/* Shards as the author wrote them cover their axis: that they are padded to tiles covers no element more. */
static bool check_elements(const struct shards *s, size_t axis) {
    int64_t extent, grid, elements;
    if (!s->grid_given || !s->shape_given || !integer_value(s->extents[axis], &extent) ||
        !integer_value(s->grid[axis], &grid) || !integer_value(s->shape[axis], &elements) ||
        extent <= grid * elements)
        return true;
    report_error(messages(s), at(s, KEY_SHARD_GRID),
                 "shards of %s cover %" PRId64 " of its %" PRId64 " elements along %s: the grid has %" PRId64
                 ", of %" PRId64 " elements each",
                 s->parameter->name, grid * elements, extent, label(s, axis), grid, elements);
    help(s, "leave one of grid and shard_shape_elems out and it follows");
    return false;
}

/* Shards cover their axis, and none of them is empty. Of open sizes the launch asks the first. */
static bool check_axis(const struct shards *s, size_t axis) {
    int64_t whole, grid, units;
    const char *what = is_tiled(s, axis) ? "tiles" : "elements";
    if (!integer_value(units_of(s, axis, s->extents[axis]), &whole) || whole < 1 ||
        !integer_value(s->grid[axis], &grid) || !integer_value(s->units[axis], &units))
        return true;
    if (grid < (whole + units - 1) / units) {
        report_error(messages(s), at(s, KEY_SHARD_GRID),
                     "shards of %s cover %" PRId64 " of its %" PRId64 " %s along %s: the grid has %" PRId64
                     ", of %" PRId64 " %s each",
                     s->parameter->name, grid * units, whole, what, label(s, axis), grid, units, what);
        report_help(messages(s), (struct span){0},
                    "it takes %" PRId64
                    " shards of that shape; leave one of grid and shard_shape_elems out and it follows",
                    (whole + units - 1) / units);
        return false;
    }
    if (grid > (whole + units - 1) / units) {
        report_error(messages(s), at(s, KEY_SHARD_GRID),
                     "%s has %" PRId64 " shards along %s, of which the last %" PRId64
                     " would be empty: it has %" PRId64 " %s there, a shard %" PRId64,
                     s->parameter->name, grid, label(s, axis), grid - (whole + units - 1) / units, whole,
                     what, units);
        report_help(messages(s), (struct span){0}, "a grid of %" PRId64 " has the same shards",
                    (whole + units - 1) / units);
        return false;
    }
    return check_elements(s, axis);
}

static struct node *sequence_of(struct arena *arena, struct node **items, size_t count) {
    struct list_builder list = {0};
    for (size_t i = 0; i < count; i++)
        builder_add(arena, &list, items[i]);
    return node_new(arena, sequence, SEQUENCE, ((struct span){0}), .items = builder_list(&list));
}

/* Rows and columns of the grid that the shards make on the cores: outer axes multiply into the rows. */
static void project(const struct shards *s, struct node *projected[2]) {
    struct arena *arena = s->c->arena;
    projected[0] = s->grid[s->rank - 2];
    projected[1] = s->grid[s->rank - 1];
    for (size_t i = s->rank - 2; i-- > 0;)
        projected[0] = simplify(arena, make_mul(arena, s->grid[i], projected[0]));
}

/* Shards of whole rows, of which there are more than rows of cores: they fill one row of cores after the other. NULL: they do
 * not. */
static struct node *cores_in_turn(const struct shards *s, struct node *const projected[2]) {
    int64_t rows, columns, width = s->c->grid_x;
    if (!s->in_l1 || s->by_columns || !integer_value(projected[0], &rows) || !integer_value(projected[1], &columns) ||
        columns != 1 || rows <= s->c->grid_y || rows % width || rows / width > s->c->grid_y)
        return NULL;
    struct node *cores[2] = {make_integer(s->c->arena, rows / width), make_integer(s->c->arena, width)};
    return sequence_of(s->c->arena, cores, 2);
}

static bool check_cores(const struct shards *s, struct node *const projected[2]) {
    int64_t rows, columns;
    int64_t most_rows = s->by_columns ? s->c->grid_x : s->c->grid_y,
            most_columns = s->by_columns ? s->c->grid_y : s->c->grid_x;
    if (!s->in_l1 || !integer_value(projected[0], &rows) || !integer_value(projected[1], &columns) ||
        (rows <= most_rows && columns <= most_columns) || cores_in_turn(s, projected))
        return true;
    report_error(messages(s), at(s, KEY_SHARD_GRID),
                 "shards of %s in L1 make a grid of %" PRId64 " rows and %" PRId64
                 " columns of cores, and there are %u and %u",
                 s->parameter->name, s->by_columns ? columns : rows, s->by_columns ? rows : columns,
                 s->c->grid_y, s->c->grid_x);
    help(s, "take larger shards, or for shards of whole rows as many as fill whole rows of cores, or leave the tensor in DRAM");
    return false;
}

struct node *shards_settle(struct compilation *c, const struct node_parameter *parameter,
                           const struct node_attribute *entry, bool in_l1) {
    struct arena *arena = c->arena;
    struct node_list dimensions = parameter->dimensions;
    struct shards s = {.c = c, .parameter = parameter, .entry = entry, .given = entry->value, .in_l1 = in_l1};
    if (dimensions.count == 1)
        s.extents[s.rank++] = make_integer(arena, 1);
    for (size_t i = 0; i < dimensions.count; i++)
        s.extents[s.rank++] = simplify(arena, dimensions.items[i]);
    if (!read_shards(&s))
        return NULL;
    derive(&s);
    for (size_t i = 0; i < s.rank; i++)
        if (!check_axis(&s, i))
            return NULL;
    struct node *projected[2];
    project(&s, projected);
    if (!check_alignment(&s) || !check_cores(&s, projected))
        return NULL;
    struct node *order = dictionary_get(s.given, KEY_ORDER);
    struct node *result = dictionary_set(arena, NULL, KEY_SHARD_AXES, sequence_of(arena, s.axes, s.rank));
    result = dictionary_set(arena, result, KEY_SHARD_GRID, sequence_of(arena, s.grid, s.rank));
    result = dictionary_set(arena, result, KEY_SHARD_SHAPE, sequence_of(arena, s.shape, s.rank));
    result = dictionary_set(arena, result, KEY_ORDER, order ? order : make_reference(arena, "row_major"));
    result = dictionary_set(arena, result, KEY_ALIGN_TILES, make_integer(arena, s.aligned));
    for (size_t i = 0; i < 2; i++) {
        const char *key = i ? KEY_SHARD_DISTRIBUTION : KEY_SHARD_ORIENTATION;
        if (dictionary_get(s.given, key))
            result = dictionary_set(arena, result, key, dictionary_get(s.given, key));
    }
    if (cores_in_turn(&s, projected))
        result = dictionary_set(arena, result, KEY_SHARD_CORES, cores_in_turn(&s, projected));
    result = dictionary_set(arena, result, KEY_PROJECTED_GRID, sequence_of(arena, projected, 2));
    return dictionary_set(arena, result, KEY_PROJECTED_SHARD_TILES,
                          sequence_of(arena, s.units + s.rank - 2, 2));
}

struct node_list shards_conditions(struct compilation *c, const struct node_parameter *parameter,
                                   const struct node_attribute *entry, struct node_list conditions) {
    struct node_sequence *grid = node_as(dictionary_get(entry->value, KEY_SHARD_GRID), sequence),
                         *shape = node_as(dictionary_get(entry->value, KEY_SHARD_SHAPE), sequence);
    size_t added = parameter->dimensions.count == 1;
    struct list_builder list = {0};
    bool changed = false;
    for (size_t i = 0; i < conditions.count; i++)
        builder_add(c->arena, &list, conditions.items[i]);
    for (size_t i = 0; grid && shape && i < parameter->dimensions.count; i++) {
        struct node *extent = simplify(c->arena, parameter->dimensions.items[i]);
        int64_t fixed, shards, elements;
        if (integer_value(extent, &fixed) || !integer_value(grid->items.items[i + added], &shards) ||
            !integer_value(shape->items.items[i + added], &elements) || shards * elements > INT32_MAX)
            continue;
        struct node *covered =
            make_binary(c->arena, BINARY_LESS_EQUAL, extent, make_integer(c->arena, shards * elements));
        bool known = false;
        for (size_t k = 0; k < list.count; k++)
            known |= node_equal(list.items[k], covered);
        covered->span = entry_span(&parameter->base, entry);
        if (!known)
            builder_add(c->arena, &list, covered);
        changed |= !known;
    }
    return changed ? builder_list(&list) : conditions;
}

/* ---- tensors in L1 ---- */

static const char *buffer_word(const struct node_parameter *parameter, const char *key) {
    return attribute_word(dictionary_get(attribute_get(&parameter->base, KEY_TT_BUFFER), key), "");
}

bool is_sharded(const struct node_parameter *parameter) {
    return strcmp(buffer_word(parameter, KEY_LAYOUT_KIND), "sharded") == 0;
}

uint64_t known_l1_bytes(const struct compilation *c, const struct node_parameter *parameter) {
    struct node *bytes = tensor_l1_bytes(c->arena, c->architecture, parameter);
    int64_t number;
    if (integer_value(bytes, &number))
        return number > 0 ? (uint64_t)number : 0;
    return find_kind(bytes, NODE_REFERENCE) ? 0 : INT64_MAX;
}

int64_t l1_for_buffers(const struct compilation *c) {
    struct node_list parameters = node_as(c->kernel, kernel)->parameters;
    uint64_t left = c->architecture->l1_buffer_bytes;
    for (size_t i = 0; i < parameters.count; i++) {
        uint64_t taken = known_l1_bytes(c, node_as(parameters.items[i], parameter));
        left = taken < left ? left - taken : 0;
    }
    return (int64_t)left;
}
