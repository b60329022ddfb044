/* The sizes of launches that try a kernel, and the contents of their tensors. */
#include "ir/trial.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "support/arena.h"
#include "support/scalar.h"

/* Sizes by the number of the open size: one element; ragged; whole blocks of 32, 64 and 128 elements, and one
 * element more than those; last blocks of one tile, two and three, also where the other sizes end with a whole block;
 * each of them larger than the others by far. Two rows for kernels whose sizes must be equal; whole tiles, which
 * nothing fills up. */
enum { ROW_RAGGED = 2, ROW_EQUAL = 10, ROW_PLANE = 12 };
static const int64_t size_rows[][4] = {
    {1, 1, 1, 1},        {33, 45, 129, 20},    {70, 129, 100, 40}, {190, 193, 190, 97},  {129, 250, 160, 64},
    {257, 96, 193, 160}, {64, 160, 1, 33},     {20, 287, 70, 160}, {128, 512, 128, 256}, {512, 64, 512, 128},
    {40, 40, 40, 40},    {300, 300, 300, 300}, {64, 64, 64, 64},
};

/* Blocks along the rows and columns of a plane of Y rows and X columns of cores: times * Y + more. Unlike
 * numbers of blocks a core, with and without a last core that has fewer. */
struct plane_blocks {
    int64_t times, more;
};

static const struct launch_sizes {
    size_t row;
    bool nothing_to_reduce;             /* sizes that no result has are 0 */
    const struct plane_blocks *extents; /* of rows, of columns; NULL: the row is for every kernel */
    bool whole;                         /* the last of these blocks is a whole one */
} launches[TRIALS] = {
    {.row = 0},
    {.row = 1},
    {.row = 7},
    {.row = 6},
    {.row = 2},
    {.row = 5},
    {.row = 4},
    {.row = 9},
    {.row = 8},
    {.row = 3},
    [OTHER_SIZES] = {.row = ROW_RAGGED, .nothing_to_reduce = true},
    {.row = ROW_PLANE, .extents = (const struct plane_blocks[]){{2, 2}, {1, 1}}},
    {.row = ROW_PLANE, .extents = (const struct plane_blocks[]){{1, 1}, {2, 2}}},
    {.row = ROW_PLANE, .extents = (const struct plane_blocks[]){{1, 1}, {1, 1}}, .whole = true},
    [EQUAL_SIZES] = {.row = ROW_EQUAL},
    {.row = ROW_EQUAL + 1},
};

/* The size that a condition fixes: `M == 128`. */
static bool is_fixed(struct node *kernel, const char *name, int64_t *value) {
    struct node_list conditions = node_as(kernel, kernel)->conditions;
    for (size_t i = 0; i < conditions.count; i++) {
        const struct node_binary *binary = node_as(conditions.items[i], binary);
        const struct node_reference *size = binary ? node_as(binary->left, reference) : NULL;
        if (size && binary->op == BINARY_EQUAL && strcmp(size->name, name) == 0 &&
            integer_value(binary->right, value))
            return true;
    }
    return false;
}

static bool any_result_has(struct node *kernel, const char *name) {
    struct node_list parameters = launch_parameters(kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        for (size_t j = 0; parameter->direction != DIRECTION_IN && j < parameter->dimensions.count; j++)
            if (mentions(parameter->dimensions.items[j], name))
                return true;
    }
    return false;
}

/* False: every size is one of a result. */
static bool reduce_nothing(struct node *kernel, struct environment *sizes, struct node_list names) {
    bool any = false;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = node_as(names.items[i], reference)->name;
        if (!any_result_has(kernel, name)) {
            environment_set(sizes, name, 0);
            any = true;
        }
    }
    return any;
}

/* The sizes that an axis of the grid mentions become `value`. False: it has no number of blocks then. */
static bool set_axis(struct environment *sizes, struct node_list names, struct node *blocks, int64_t value,
                     int64_t *count) {
    struct diagnostics *scratch = diagnostics_create(sizes->arena);
    for (size_t i = 0; i < names.count; i++) {
        const char *name = node_as(names.items[i], reference)->name;
        if (mentions(blocks, name))
            environment_set(sizes, name, value);
    }
    return size_evaluate(scratch, sizes, blocks, count);
}

/* The smallest sizes that end in a ragged tile and have so many blocks along an axis of the grid; or the sizes that
 * have as many whole blocks. */
static bool fill_axis(struct environment *sizes, struct node_list names, struct node *blocks, int64_t wanted,
                      bool whole) {
    enum { RAGGED = 12, TILES_LIMIT = 256 };
    int64_t count = 0, tiles = 0;
    for (; tiles < TILES_LIMIT && count < wanted + whole; tiles++)
        if (!set_axis(sizes, names, blocks, tiles * TILE_EDGE + RAGGED, &count))
            return false;
    return (!whole || set_axis(sizes, names, blocks, (tiles - 1) * TILE_EDGE, &count)) && count == wanted;
}

/* False: the kernel does not lie on a plane of cores whose extents such sizes have. */
static bool fill_plane(struct node *kernel, struct environment *sizes, struct node_list names,
                       const struct launch_sizes *launch) {
    enum { EDGE_LIMIT = 128 };
    const struct node_sequence *axes = node_as(attribute_get(kernel, KEY_TT_PLANE_AXES), sequence),
                               *grid = node_as(attribute_get(kernel, KEY_TT_GRID_BLOCKS), sequence),
                               *cores = node_as(attribute_get(kernel, KEY_TT_CORE_GRID), sequence);
    if (!attribute_get(kernel, KEY_TT_CORE_PLANE) || !axes || axes->items.count != 2 || !grid || !cores ||
        cores->items.count != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const struct plane_blocks *extent = &launch->extents[i];
        int64_t axis, along;
        if (!integer_value(axes->items.items[i], &axis) || axis < 0 || (size_t)axis >= grid->items.count ||
            !integer_value(cores->items.items[1 - i], &along) || along > EDGE_LIMIT ||
            !fill_axis(sizes, names, grid->items.items[axis], extent->times * along + extent->more,
                       launch->whole))
            return false;
    }
    return true;
}

/* The value of the size that is number `number` of those that count matrices: up to five, and few of each where
 * there are several, since a launch has their product. */
static int64_t count_of_matrices(size_t row, size_t number) {
    return number == 0 ? (int64_t)row % 5 + 1 : (int64_t)(row + number) % 2 + 1;
}

bool trial_sizes(struct node *kernel, size_t number, struct environment *sizes) {
    const struct launch_sizes *launch = &launches[number];
    struct diagnostics *scratch = diagnostics_create(sizes->arena);
    struct node_list names = open_sizes(sizes->arena, kernel), parameters = launch_parameters(kernel);
    size_t matrices = 0;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = node_as(names.items[i], reference)->name;
        int64_t value = size_rows[launch->row][i % 4];
        if (number < EQUAL_SIZES && size_counts_matrices(kernel, name))
            value = launch->extents ? 1 : count_of_matrices(launch->row, matrices++);
        is_fixed(kernel, name, &value);
        environment_set(sizes, name, value);
    }
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        const struct node_integer *given = node_as(parameter->value, integer);
        bool real = parameter->dtype == DTYPE_F32 || parameter->dtype == DTYPE_BF16;
        if (!is_tensor(parameter) && !real)
            environment_set(sizes, parameter->name, given ? given->value : 1);
    }
    if (launch->nothing_to_reduce && !reduce_nothing(kernel, sizes, names))
        return false;
    if (launch->extents && !fill_plane(kernel, sizes, names, launch))
        return false;
    return conditions_check(scratch, sizes, kernel);
}

/* Mostly small, so that some are equal; a quarter are up to 2^20, of i32 on both sides of 0, so that what is written over one
 * shows in a maximum or minimum. Floats hold them all, blocks that share an exponent only small ones. */
static double whole_value(uint64_t bits, enum dtype dtype, bool below) {
    if (is_block_type(dtype))
        return (double)(bits % 8);
    if (below && dtype != DTYPE_BOOL)
        return dtype == DTYPE_I32 ? -1 - (double)(bits % 8) : 1 + (double)(bits % 8);
    int64_t wide = (int64_t)(bits >> 8 & 0x1fffff);
    if (dtype == DTYPE_BOOL || bits >> 62)
        return (double)(bits % (dtype == DTYPE_BOOL ? 2 : 8));
    return (double)(dtype == DTYPE_I32   ? wide - 0x100000
                    : dtype == DTYPE_U16 ? wide & UINT16_MAX
                    : dtype == DTYPE_U8  ? wide & UINT8_MAX
                                         : wide);
}

double trial_value(struct trial_values *values, enum dtype dtype) {
    uint64_t z = values->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    if (dtype != DTYPE_F32 && dtype != DTYPE_BF16)
        return whole_value(z, dtype, values->kind == VALUES_BELOW);
    if (values->kind == VALUES_WHOLE)
        return (double)(int)(z % 9) - 4.0;
    static const float hard[] = {0.0f, -0.0f, -0.0f, 1.0f, -1.0f, 0x1p-126f, 0x1p-63f, 0x1p-63f};
    bool below = values->kind == VALUES_BELOW;
    float value = (float)((double)(z >> 11) * (below ? 0x1p-52 : 0x1p-51) - (below ? 3.0 : 2.0));
    if (values->kind == VALUES_HARD)
        value = z % 8 < 5 ? hard[z % 8] : value * hard[z % 8];
    return dtype == DTYPE_BF16 ? f32_from_bf16(bf16_from_f32(value)) : value;
}
