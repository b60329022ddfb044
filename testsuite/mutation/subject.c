/* Subjects of mutation: sources compiled, launches prepared, and the right results computed once. */
#include "testsuite/mutation/subject.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "driver/array_values.h"
#include "driver/run.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/file.h"
#include "support/text_buffer.h"
#include "ir/query.h"

const char *first_error(const struct unit *unit) {
    for (const struct diagnostic *one = unit->diagnostics->first; one; one = one->next)
        if (one->severity == SEVERITY_ERROR)
            return one->message;
    return NULL;
}

/* ---- sizes and inputs ---- */

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static double next_value(uint64_t *state, enum dtype dtype, bool whole) {
    uint64_t bits = next_random(state);
    if (dtype != DTYPE_F32 && dtype != DTYPE_BF16)
        return (double)(bits % (dtype == DTYPE_BOOL ? 2 : 8));
    if (whole)
        return (double)(int)(bits % 9) - 4.0;
    float value = (float)((double)(bits & 0xffffff) * 0x1p-22 - 2.0);
    return dtype == DTYPE_BF16 ? (double)f32_from_bf16(bf16_from_f32(value)) : (double)value;
}

static void fill_tensor(struct arena *arena, struct tensor_values *tensor, uint64_t seed, bool whole) {
    uint64_t count = tensor_elements(tensor), state = seed;
    tensor->values = arena_allocate(arena, (count + 1) * sizeof *tensor->values);
    for (uint64_t i = 0; i < count; i++)
        tensor->values[i] = next_value(&state, tensor->dtype, whole);
}

static struct array array_of(struct arena *arena, const struct tensor_values *tensor) {
    struct array array = {.name = tensor->name, .dtype = tensor->dtype, .rank = tensor->rank};
    memcpy(array.extents, tensor->shape, tensor->rank * sizeof *tensor->shape);
    array.rows = arena_allocate(arena, array_bytes(&array) + 4);
    array_take_values(&array, tensor);
    return array;
}

/* Blocks may be bound to the cores that hold their shards or send them. */
static bool asks_for_place(const struct subject *s) {
    return depends_on_place(attribute_get(s->device, KEY_TT_RUNTIME_ARGS));
}

/* Matrices of three dimensions have few of the outermost. */
static bool is_deep(const struct subject *s) {
    struct node_list parameters = launch_parameters(s->loop);
    bool deep = false;
    for (size_t i = 0; i < parameters.count; i++)
        deep = deep || node_as(parameters.items[i], parameter)->dimensions.count > 2;
    return deep;
}

/* The sizes of a launch as its text. */
static void set_sizes(const struct subject *s, struct launch_case *launch, const int64_t *values) {
    struct node_list sizes = open_sizes(s->arena, s->loop);
    launch->text = "";
    for (size_t i = 0; i < sizes.count; i++) {
        const char *name = node_as(sizes.items[i], reference)->name;
        environment_set(&launch->sizes, name, values[i]);
        launch->text =
            arena_printf(s->arena, "%s%s%s = %" PRId64, launch->text, i ? ", " : "", name, values[i]);
    }
    if (launch->grid_x)
        launch->text =
            arena_printf(s->arena, "%s on %ux%u cores", launch->text, launch->grid_x, launch->grid_y);
}

static bool fill_launch(const struct subject *s, struct launch_case *launch, uint64_t seed, bool whole) {
    struct node_list parameters = launch_parameters(s->loop);
    struct diagnostics *scratch = diagnostics_create(s->arena);
    launch->inputs = arena_allocate(s->arena, (parameters.count + 1) * sizeof *launch->inputs);
    launch->arrays = arena_allocate(s->arena, (parameters.count + 1) * sizeof *launch->arrays);
    size_t tensors = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct tensor_values tensor = {
            .name = parameter->name, .dtype = parameter->dtype, .rank = parameter->dimensions.count};
        if (!is_tensor(parameter))
            continue;
        if (!parameter_extents(scratch, &launch->sizes, &parameter->base, tensor.shape))
            return false;
        if (parameter->direction != DIRECTION_OUT) {
            fill_tensor(s->arena, &tensor, seed + i, whole);
            launch->inputs[launch->input_count++] = tensor;
            launch->arrays[tensors] = array_of(s->arena, &tensor);
        }
        tensors++;
    }
    return conditions_check(scratch, &launch->sizes, s->loop) &&
           conditions_check(scratch, &launch->sizes, s->device);
}

enum { SIZES_MAX = 16 };

/* Ragged, one element, whole tiles, several blocks for each core, one column more than blocks of 32 and 64, a
 * last block of two and of three tiles, fewer rows than columns and fewer columns than rows by far, and several
 * blocks on one core. */
static bool prepare_validation(const struct subject *s, struct launch_case *launch, size_t number,
                               bool equal) {
    static const int64_t rows[VALIDATION_LAUNCHES][4] = {
        {70, 45, 127, 33},   {1, 1, 1, 1},        {128, 64, 32, 64}, {140, 318, 135, 40}, {65, 230, 193, 129},
        {230, 129, 65, 257}, {193, 65, 257, 230}, {20, 77, 200, 96}, {300, 97, 20, 70},   {125, 300, 135, 40},
    };
    bool one_core = number == VALIDATION_LAUNCHES - 1;
    int64_t values[SIZES_MAX];
    *launch = (struct launch_case){.grid_x = one_core, .grid_y = one_core, .sizes = {.arena = s->arena}};
    for (size_t i = 0; i < SIZES_MAX; i++)
        values[i] = equal ? 40 : rows[number][i % 4];
    if (!equal && is_deep(s))
        values[0] = (int64_t)number % 4 + 1;
    set_sizes(s, launch, values);
    return fill_launch(s, launch, 77, number % 2 == 0) && !(one_core && asks_for_place(s));
}

/* One element up to several blocks for each core, ragged or not, all sizes or some of them equal. */
static bool prepare_later(const struct subject *s, struct launch_case *launch, uint64_t *state) {
    static const uint8_t grids[][2] = {{0, 0}, {1, 1}, {3, 1}, {1, 2}, {2, 3}, {5, 4}, {8, 8}};
    static const uint16_t limits[] = {32, 96, 200, 350};
    int64_t values[SIZES_MAX];
    const uint8_t *grid = grids[asks_for_place(s) ? 0 : next_random(state) % (sizeof grids / sizeof *grids)];
    *launch = (struct launch_case){.grid_x = grid[0], .grid_y = grid[1], .sizes = {.arena = s->arena}};
    for (size_t i = 0; i < SIZES_MAX; i++) {
        uint64_t limit = limits[next_random(state) % (sizeof limits / sizeof *limits)];
        values[i] = 1 + (int64_t)(next_random(state) % limit);
        if (next_random(state) % 4 == 0)
            values[i] = (values[i] + 31) / 32 * 32;
        if (i > 0 && next_random(state) % 4 == 0)
            values[i] = values[i - 1];
    }
    if (is_deep(s))
        values[0] = 1 + values[0] % 5;
    launch->seed = 1 + next_random(state);
    set_sizes(s, launch, values);
    return fill_launch(s, launch, 1000 + next_random(state), next_random(state) % 2 == 0);
}

/* ---- runs ---- */

/* The same kernel with its blocks on other cores; only its plan differs. */
static struct node *for_launch(struct arena *arena, struct node *kernel, const struct launch_case *launch) {
    struct node *x = make_integer(arena, launch->grid_x), *y = make_integer(arena, launch->grid_y);
    return launch->grid_x && attribute_get(kernel, KEY_TT_CORE_GRID)
               ? attribute_set(arena, kernel, KEY_TT_CORE_GRID,
                               node_new(arena, sequence, SEQUENCE, kernel->span, .items = LIST(arena, x, y)))
               : kernel;
}

static const char *run_on(enum device_choice device, struct unit *unit, struct node *kernel,
                          const struct launch_case *launch, uint64_t seed, struct array **results) {
    struct unit once = *unit;
    struct run run = {.unit = &once, .device = device, .seed = seed};
    struct node_list parameters = launch_parameters(kernel);
    once.diagnostics = diagnostics_create(unit->arena);
    *results = arena_copy(unit->arena, launch->arrays, (parameters.count + 1) * sizeof **results);
    bool ok = run_entry(&run, for_launch(unit->arena, kernel, launch), *results);
    const char *error = first_error(&once);
    return ok ? NULL : error ? error : "no reason";
}

const char *run_device(struct unit *unit, struct node *kernel, const struct launch_case *launch,
                       uint64_t seed, struct array **results) {
    return run_on(DEVICE_CHOICE_SIM, unit, kernel, launch, seed, results);
}

const char *results_difference(struct arena *arena, struct node *kernel, const struct launch_case *launch,
                               const struct array *results) {
    struct node_list parameters = launch_parameters(kernel);
    for (size_t i = 0, tensor = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!is_tensor(parameter))
            continue;
        const struct array *expected = &launch->arrays[tensor], *actual = &results[tensor++];
        if (parameter->direction != DIRECTION_IN &&
            memcmp(expected->rows, actual->rows, array_bytes(expected)) != 0)
            return arena_printf(arena, "%s differs", parameter->name);
    }
    return NULL;
}

/* ---- compiling ---- */

static struct unit *new_unit(struct arena *arena, uint32_t grid_x, uint32_t grid_y) {
    struct unit *unit = arena_allocate(arena, sizeof *unit);
    unit->arena = arena;
    unit->diagnostics = diagnostics_create(arena);
    unit->options = (struct unit_options){.architecture = architecture_find("wormhole_b0"),
                                          .grid_x = grid_x,
                                          .grid_y = grid_y,
                                          .keep_tile_forms = true,
                                          .rehearse = REHEARSE_NOTHING};
    return unit;
}

struct unit *check_text(struct arena *arena, const struct subject *s, const char *text) {
    struct unit *unit = new_unit(arena, s->grid_x, s->grid_y);
    if (unit_load(unit, "mutant.ir", text, strlen(text)))
        unit_compile(unit);
    return unit;
}

/* Are the results of a launch within the bound of loop form? NULL when they are. */
static const char *excess(const struct subject *s, const struct launch_case *launch) {
    struct diagnostics *diagnostics = diagnostics_create(s->arena);
    struct node_list parameters = launch_parameters(s->loop);
    struct evaluation_result bound,
        results = {.outputs = arena_allocate(s->arena, (parameters.count + 1) * sizeof *results.outputs)};
    struct evaluation_request request = {.kernel = s->loop,
                                         .model = MODEL_BOUND,
                                         .inputs = launch->inputs,
                                         .input_count = launch->input_count,
                                         .sizes = &launch->sizes};
    for (size_t i = 0, tensor = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!is_tensor(parameter))
            continue;
        const struct array *array = &launch->arrays[tensor++];
        if (parameter->direction != DIRECTION_IN)
            results.outputs[results.count++] = array_values(s->arena, array->name, array);
    }
    if (!evaluate_kernel(s->arena, diagnostics, &request, &bound))
        return diagnostics->first ? diagnostics->first->message : "no reason";
    return evaluation_excess(s->arena, &results, &bound);
}

/* What the unmutated kernel gives; NULL when all of it is right. */
static const char *settle_launch(struct subject *s, struct unit *unit, struct launch_case *launch) {
    struct array *results, *tiles;
    const char *wrong = run_on(DEVICE_CHOICE_EVAL, unit, s->device, launch, 0, &tiles);
    wrong = wrong ? wrong : run_device(unit, s->device, launch, 0, &results);
    if (!wrong)
        launch->arrays = results;
    wrong = wrong ? wrong : results_difference(s->arena, s->device, launch, tiles);
    return wrong ? wrong : excess(s, launch);
}

static bool add_launch(struct subject *s, struct unit *unit) {
    struct launch_case *launch = &s->launches[s->launch_count++];
    const char *wrong = settle_launch(s, unit, launch);
    if (wrong)
        printf("%s, kernel %s, %s: the kernel itself is wrong: %s\n", s->path, s->name, launch->text, wrong);
    return !wrong;
}

static bool settle_subject(struct subject *s, struct unit *unit, uint64_t seed) {
    enum { TRIES = 400 };
    bool open = open_sizes(s->arena, s->loop).count > 0, right = true;
    size_t wanted = open ? VALIDATION_LAUNCHES : 2;
    uint64_t state = seed;
    for (size_t i = 0; i < wanted; i++) {
        struct launch_case *launch = &s->launches[s->launch_count];
        if (prepare_validation(s, launch, i, false) ||
            (s->launch_count == 0 && i + 1 == wanted && prepare_validation(s, launch, 0, true)))
            right = right && add_launch(s, unit);
    }
    s->validation_count = s->launch_count;
    for (size_t i = 0; i < TRIES && right && s->launch_count < LAUNCHES; i++)
        if (prepare_later(s, &s->launches[s->launch_count], &state))
            right = add_launch(s, unit);
    return right && s->validation_count > 0;
}

/* Four cores where the kernel lets itself be run on them, else the cores of its shards. */
static struct unit *compile_source(struct arena *arena, const char *path, const char *text, size_t length) {
    struct unit *unit = new_unit(arena, 2, 2);
    if (unit_load(unit, path, text, length) && unit_compile(unit))
        return unit;
    unit = new_unit(arena, 0, 0);
    if (unit_load(unit, path, text, length) && unit_compile(unit))
        return unit;
    printf("%s does not compile: %s\n", path, first_error(unit));
    return NULL;
}

/* Do the arrays of a launch say every size? A kernel without inputs is told its sizes when it is compiled. */
static bool arrays_say_sizes(struct arena *arena, struct node *loop) {
    struct node_list sizes = open_sizes(arena, loop), parameters = launch_parameters(loop);
    for (size_t i = 0; i < sizes.count; i++) {
        bool said = false;
        for (size_t k = 0; k < parameters.count; k++) {
            struct node_parameter *parameter = node_as(parameters.items[k], parameter);
            for (size_t d = 0; d < parameter->dimensions.count && parameter->direction != DIRECTION_OUT; d++)
                said |= mentions(parameter->dimensions.items[d], node_as(sizes.items[i], reference)->name);
        }
        if (!said)
            return false;
    }
    return true;
}

size_t subjects_read(struct arena *arena, const char *path, uint64_t seed, struct subject *subjects,
                     size_t room) {
    size_t count = 0, length;
    const char *error, *text = file_read(arena, path, &length, &error);
    if (!text) {
        printf("%s: %s\n", path, error);
        return SIZE_MAX;
    }
    struct unit *unit = compile_source(arena, path, text, length), *source = new_unit(arena, 0, 0);
    if (!unit || !unit_load(source, path, text, length))
        return SIZE_MAX;
    struct node_list items = node_as(unit->module, module)->items;
    for (size_t i = 0; i < items.count && count < room; i++) {
        struct node_kernel *kernel = node_as(items.items[i], kernel);
        struct node *loop = kernel ? unit_kernel(source, kernel->name) : NULL;
        if (!loop || !arrays_say_sizes(arena, loop)) /* one that the compiler makes of another has no loop form */
            continue;
        struct subject *s = &subjects[count];
        *s = (struct subject){.arena = arena,
                              .path = path,
                              .name = kernel->name,
                              .device = &kernel->base,
                              .loop = loop,
                              .grid_x = unit->options.grid_x,
                              .grid_y = unit->options.grid_y};
        if (!settle_subject(s, unit, seed))
            return SIZE_MAX;
        count++;
    }
    return count;
}
