#include "ir/launch.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"

#define DEPTH_LIMIT 1000

static const struct span nowhere;

/* ---- environment ---- */

static struct size_value *find(const struct environment *environment, const char *name) {
    for (size_t i = 0; i < environment->count; i++)
        if (strcmp(environment->items[i].name, name) == 0)
            return &environment->items[i];
    return NULL;
}

static struct size_value *add(struct environment *environment, const char *name) {
    if (environment->count == environment->capacity) {
        environment->capacity = environment->capacity ? 2 * environment->capacity : 16;
        struct size_value *items = arena_allocate(environment->arena, environment->capacity * sizeof *items);
        if (environment->count)
            memcpy(items, environment->items, environment->count * sizeof *items);
        environment->items = items;
    }
    struct size_value *item = &environment->items[environment->count++];
    *item = (struct size_value){.name = arena_string(environment->arena, name)};
    return item;
}

void environment_set(struct environment *environment, const char *name, int64_t value) {
    struct size_value *item = find(environment, name);
    if (!item)
        item = add(environment, name);
    item->value = value;
}

bool environment_get(const struct environment *environment, const char *name, int64_t *value) {
    const struct size_value *item = find(environment, name);
    if (item)
        *value = item->value;
    return item != NULL;
}

/* ---- size expressions ---- */

/* A core of a launch: its place on the core grid and its share where cores take consecutive blocks. */
struct launch_core {
    struct launch_share share;
    uint32_t x, y;
};

struct evaluation {
    struct diagnostics *diagnostics;
    const struct environment *environment;
    const struct launch_core *core; /* NULL: the expression is the same for every core */
    const struct node *kernel;      /* of the core: its tt.core_map */
    int depth;
};

static bool evaluate(struct evaluation *e, const struct node *node, int64_t *value);

static bool overflow(struct evaluation *e, const struct node *node) {
    report_error(e->diagnostics, node->span, "%s does not fit 64 bits",
                 node_text(e->environment->arena, node));
    return false;
}

/* An operator on integers; without a value (overflow, division by zero) it is an error at node. */
static bool operate(struct evaluation *e, const struct node *node, enum binary_operator operator, int64_t a,
                    int64_t b, int64_t *value) {
    if ((operator== BINARY_DIVIDE || operator== BINARY_REMAINDER) && b == 0) {
        report_error(e->diagnostics, node->span, "%s divides by zero",
                     node_text(e->environment->arena, node));
        return false;
    }
    return integer_operate(operator, a, b, value) || overflow(e, node);
}

static bool evaluate_binary(struct evaluation *e, const struct node_binary *binary, int64_t *value) {
    const struct node *node = &binary->base;
    int64_t a, b;
    if (!evaluate(e, binary->left, &a))
        return false;
    if ((binary->operator== BINARY_AND && !a) || (binary->operator== BINARY_OR && a)) {
        *value = a != 0;
        return true;
    }
    if (!evaluate(e, binary->right, &b))
        return false;
    return operate(e, node, binary->operator, a, b, value);
}

/* The positions of a sliding window: (size + 2 padding - dilation (window - 1) - 1) / stride + 1. */
static bool window_positions(struct evaluation *e, const struct node *node, const int64_t *v,
                             int64_t *value) {
    int64_t reach, room, twice, quotient;
    if (__builtin_mul_overflow(v[4], v[1] - 1, &reach) || __builtin_mul_overflow(v[3], 2, &twice) ||
        __builtin_add_overflow(v[0], twice, &room) || __builtin_sub_overflow(room, reach, &room) ||
        __builtin_sub_overflow(room, 1, &room))
        return overflow(e, node);
    if (!operate(e, node, BINARY_DIVIDE, room, v[2], &quotient))
        return false;
    *value = quotient + 1;
    return true;
}

/* start(), count(), core_x(), core_y(): what differs from core to core. */
static bool core_value(const struct launch_core *core, const struct node_call *call, int64_t *value) {
    if (!core || call->arguments.count)
        return false;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"start", core->share.start}, {"count", core->share.count}, {"core_x", core->x}, {"core_y", core->y}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(call->function, rows[i].name) == 0) {
            *value = (int64_t)rows[i].value;
            return true;
        }
    return false;
}

bool launch_noc_coordinates(const struct node *kernel, int64_t x, int64_t y, uint32_t noc[2]) {
    const struct node_sequence *map = node_as(attribute_get(kernel, KEY_TT_CORE_MAP), sequence);
    if (!map) {
        noc[0] = (uint32_t)x;
        noc[1] = (uint32_t)y;
        return true;
    }
    for (size_t i = 0; i < map->items.count; i++) {
        const struct node_sequence *row = node_as(map->items.items[i], sequence);
        if (!row || row->items.count != 4 || attribute_integer(row->items.items[0], -1) != x ||
            attribute_integer(row->items.items[1], -1) != y)
            continue;
        noc[0] = (uint32_t)attribute_integer(row->items.items[2], 0);
        noc[1] = (uint32_t)attribute_integer(row->items.items[3], 0);
        return true;
    }
    return false;
}

static bool is_noc_call(const struct node_call *call) {
    return strcmp(call->function, "noc_x") == 0 || strcmp(call->function, "noc_y") == 0;
}

/* noc_x(x, y), noc_y(x, y): where the NoC finds a logical core. */
static bool noc_value(struct evaluation *e, const struct node_call *call, int64_t *value) {
    int64_t at[2];
    uint32_t noc[2];
    if (call->arguments.count != 2) {
        report_error(e->diagnostics, call->base.span, "%s takes the column and the row of a core",
                     call->function);
        return false;
    }
    for (size_t i = 0; i < 2; i++)
        if (!evaluate(e, call->arguments.items[i], &at[i]))
            return false;
    if (!launch_noc_coordinates(e->kernel, at[0], at[1], noc)) {
        report_error(e->diagnostics, call->base.span,
                     "%s: core (%" PRId64 ", %" PRId64 ") is not in the kernel's %s",
                     node_text(e->environment->arena, &call->base), at[0], at[1], KEY_TT_CORE_MAP);
        return false;
    }
    *value = noc[call->function[4] == 'y'];
    return true;
}

static bool evaluate_call(struct evaluation *e, const struct node_call *call, int64_t *value) {
    const struct node *node = &call->base;
    int64_t v[5] = {0};
    if (core_value(e->core, call, value))
        return true;
    if (e->core && is_noc_call(call))
        return noc_value(e, call, value);
    static const struct {
        const char *name;
        size_t arguments;
    } functions[] = {{"min", 2}, {"max", 2}, {"ceildiv", 2}, {"out", 5}};
    size_t which = 0, count = sizeof functions / sizeof *functions;
    while (which < count && strcmp(functions[which].name, call->function) != 0)
        which++;
    if (which == count || functions[which].arguments != call->arguments.count) {
        report_error(e->diagnostics, node->span, "%s is no function of sizes",
                     node_text(e->environment->arena, node));
        report_help(e->diagnostics, nowhere,
                    "sizes know min(a, b), max(a, b), ceildiv(a, b) and out(size, window, stride, padding, "
                    "dilation)");
        return false;
    }
    for (size_t i = 0; i < call->arguments.count; i++)
        if (!evaluate(e, call->arguments.items[i], &v[i]))
            return false;
    switch (which) {
    case 0:
        *value = v[0] < v[1] ? v[0] : v[1];
        return true;
    case 1:
        *value = v[0] > v[1] ? v[0] : v[1];
        return true;
    case 2: {
        int64_t rest;
        if (!operate(e, node, BINARY_DIVIDE, v[0], v[1], value) ||
            !operate(e, node, BINARY_REMAINDER, v[0], v[1], &rest))
            return false;
        *value += rest != 0;
        return true;
    }
    default:
        return window_positions(e, node, v, value);
    }
}

static bool evaluate_unary(struct evaluation *e, const struct node_unary *unary, int64_t *value) {
    if (!evaluate(e, unary->operand, value))
        return false;
    if (unary->operator== UNARY_NOT)
        *value = !*value;
    else if (__builtin_sub_overflow(0, *value, value))
        return overflow(e, &unary->base);
    return true;
}

static bool evaluate_reference(struct evaluation *e, const struct node_reference *reference, int64_t *value) {
    if (environment_get(e->environment, reference->name, value))
        return true;
    report_error(e->diagnostics, reference->base.span, "the launch does not know the size %s",
                 reference->name);
    report_help(
        e->diagnostics, nowhere,
        "a size is known by the shape of a tensor that mentions it by itself, or is fixed by -D %s=...",
        reference->name);
    return false;
}

static bool evaluate(struct evaluation *e, const struct node *node, int64_t *value) {
    if (++e->depth > DEPTH_LIMIT) {
        report_error(e->diagnostics, node->span, "this expression is nested too deeply");
        return false;
    }
    bool fine;
    switch (node->kind) {
    case NODE_INTEGER:
        *value = ((const struct node_integer *)node)->value;
        fine = true;
        break;
    case NODE_REFERENCE:
        fine = evaluate_reference(e, (const struct node_reference *)node, value);
        break;
    case NODE_UNARY:
        fine = evaluate_unary(e, (const struct node_unary *)node, value);
        break;
    case NODE_BINARY:
        fine = evaluate_binary(e, (const struct node_binary *)node, value);
        break;
    case NODE_CALL:
        fine = evaluate_call(e, (const struct node_call *)node, value);
        break;
    default:
        report_error(e->diagnostics, node->span, "%s is no size", node_text(e->environment->arena, node));
        fine = false;
    }
    e->depth--;
    return fine;
}

bool size_evaluate(struct diagnostics *diagnostics, const struct environment *environment,
                   const struct node *expression, int64_t *value) {
    struct evaluation e = {.diagnostics = diagnostics, .environment = environment};
    return evaluate(&e, expression, value);
}

/* ---- binding ---- */

struct node_list launch_parameters(const struct node *kernel) {
    return kernel->kind == NODE_PROGRAM ? ((const struct node_program *)kernel)->parameters
                                        : ((const struct node_kernel *)kernel)->parameters;
}

struct node_parameter *launch_parameter(const struct node *kernel, const char *name) {
    struct node_list parameters = launch_parameters(kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (strcmp(parameter->name, name) == 0)
            return parameter;
    }
    return NULL;
}

static bool bind_size(struct diagnostics *diagnostics, struct environment *environment,
                      const struct node_parameter *parameter, size_t dimension, const char *name,
                      uint64_t extent) {
    struct size_value *known = find(environment, name);
    if (!known) {
        known = add(environment, name);
        known->value = (int64_t)extent;
        known->origin = arena_printf(environment->arena, "dimension %zu of %s", dimension, parameter->name);
        known->span = parameter->base.span;
    } else if (known->value != (int64_t)extent) {
        report_error(diagnostics, parameter->base.span,
                     "size %s is %" PRIu64 " in dimension %zu of %s, but %" PRId64 " %s%s", name, extent,
                     dimension, parameter->name, known->value, known->origin ? "in " : "as given",
                     known->origin ? known->origin : "");
        if (known->origin)
            report_note(diagnostics, known->span, "%s is %" PRId64 " here", name, known->value);
        return false;
    }
    return true;
}

static bool bind_tensor(struct diagnostics *diagnostics, struct environment *environment,
                        const struct node_parameter *parameter, const struct tensor_shape *shape) {
    if (shape->rank != parameter->dimensions.count) {
        report_error(diagnostics, parameter->base.span, "tensor %s has %zu dimensions, but %zu were given",
                     parameter->name, parameter->dimensions.count, shape->rank);
        return false;
    }
    for (size_t i = 0; i < shape->rank; i++) {
        struct node_reference *size = node_as(parameter->dimensions.items[i], reference);
        if (shape->extents[i] > INT32_MAX) {
            report_error(diagnostics, parameter->base.span,
                         "dimension %zu of %s is %" PRIu64 ", more than %d", i, parameter->name,
                         shape->extents[i], INT32_MAX);
            return false;
        }
        if (size && !bind_size(diagnostics, environment, parameter, i, size->name, shape->extents[i]))
            return false;
    }
    return true;
}

/* Dimensions that are no plain name: checked once every name is bound. */
static bool check_extents(struct diagnostics *diagnostics, const struct environment *environment,
                          const struct node_parameter *parameter, const struct tensor_shape *shape) {
    for (size_t i = 0; i < shape->rank; i++) {
        struct node *dimension = parameter->dimensions.items[i];
        int64_t value;
        if (dimension->kind == NODE_REFERENCE)
            continue;
        if (!size_evaluate(diagnostics, environment, dimension, &value))
            return false;
        if (value != (int64_t)shape->extents[i] && dimension->kind == NODE_INTEGER) {
            report_error(diagnostics, parameter->base.span,
                         "dimension %zu of %s is %" PRIu64 ", but it is fixed to %" PRId64, i,
                         parameter->name, shape->extents[i], value);
            return false;
        }
        if (value != (int64_t)shape->extents[i]) {
            report_error(diagnostics, parameter->base.span,
                         "dimension %zu of %s is %" PRIu64 ", but %s is %" PRId64, i, parameter->name,
                         shape->extents[i], node_text(environment->arena, dimension), value);
            return false;
        }
    }
    return true;
}

static bool is_integer(enum dtype dtype) {
    return dtype == DTYPE_INDEX || dtype == DTYPE_I32 || dtype == DTYPE_U32 || dtype == DTYPE_U16;
}

static void bind_defaults(struct environment *environment, const struct node *kernel) {
    struct node_list parameters = launch_parameters(kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct node_integer *value = node_as(parameter->value, integer);
        if (parameter->dimensions.count == 0 && is_integer(parameter->dtype) && value &&
            !find(environment, parameter->name))
            environment_set(environment, parameter->name, value->value);
    }
}

static struct node_list conditions_of(const struct node *kernel) {
    return kernel->kind == NODE_PROGRAM ? ((const struct node_program *)kernel)->conditions
                                        : ((const struct node_kernel *)kernel)->conditions;
}

/* NAME == value: the name, else NULL. */
static const char *settled_name(const struct node *condition) {
    const struct node_binary *binary =
        condition->kind == NODE_BINARY ? (const struct node_binary *)condition : NULL;
    struct node_reference *name =
        binary && binary->operator== BINARY_EQUAL ? node_as(binary->left, reference) : NULL;
    return name ? name->name : NULL;
}

bool size_is_settled(const struct node *kernel, const char *name) {
    struct node_list conditions = conditions_of(kernel);
    for (size_t i = 0; i < conditions.count; i++) {
        const char *settled = settled_name(conditions.items[i]);
        if (settled && strcmp(settled, name) == 0)
            return true;
    }
    return false;
}

void sizes_settle(struct environment *environment, const struct node *kernel) {
    struct node_list conditions = conditions_of(kernel);
    struct diagnostics *scratch = diagnostics_create(environment->arena);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < conditions.count; i++) {
            const char *name = settled_name(conditions.items[i]);
            int64_t value;
            if (!name || find(environment, name) || launch_parameter(kernel, name) ||
                !size_evaluate(scratch, environment, node_as(conditions.items[i], binary)->right, &value))
                continue;
            struct size_value *size = add(environment, name);
            size->value = value;
            size->origin = arena_printf(environment->arena, "`where %s`",
                                        node_text(environment->arena, conditions.items[i]));
            size->span = conditions.items[i]->span;
            changed = true;
        }
    }
}

bool sizes_bind(struct diagnostics *diagnostics, struct environment *environment, const struct node *kernel,
                const struct tensor_shape *shapes, size_t count) {
    bind_defaults(environment, kernel);
    for (size_t i = 0; i < count; i++) {
        struct node_parameter *parameter = launch_parameter(kernel, shapes[i].name);
        if (!parameter) {
            report_error(diagnostics, kernel->span, "there is no tensor %s", shapes[i].name);
            return false;
        }
        if (!bind_tensor(diagnostics, environment, parameter, &shapes[i]))
            return false;
    }
    sizes_settle(environment, kernel);
    for (size_t i = 0; i < count; i++)
        if (!check_extents(diagnostics, environment, launch_parameter(kernel, shapes[i].name), &shapes[i]))
            return false;
    return true;
}

/* "M is 35, P is 7" */
struct size_texts {
    const struct environment *environment;
    const char *text;
};

static bool collect_size_text(struct node *node, void *context) {
    struct size_texts *sizes = context;
    struct node_reference *reference = node_as(node, reference);
    struct arena *arena = sizes->environment->arena;
    int64_t value;
    if (!reference || !environment_get(sizes->environment, reference->name, &value))
        return node_each_child(node, collect_size_text, context);
    const char *one = arena_printf(arena, "%s is %" PRId64, reference->name, value);
    if (!strstr(sizes->text, one))
        sizes->text = arena_printf(arena, "%s%s%s", sizes->text, *sizes->text ? ", " : "", one);
    return true;
}

/* `fault` is the message where the condition does not hold. */
static bool condition_holds(struct diagnostics *diagnostics, const struct environment *environment,
                            struct node *condition, const char *fault) {
    int64_t holds, left, right;
    if (!size_evaluate(diagnostics, environment, condition, &holds))
        return false;
    if (holds)
        return true;
    report_error(diagnostics, condition->span, "%s", fault);
    struct node_binary *binary = node_as(condition, binary);
    struct size_texts sizes = {.environment = environment, .text = ""};
    collect_size_text(condition, &sizes);
    if (binary && (binary->operator== BINARY_AND || binary->operator== BINARY_OR))
        report_note(diagnostics, nowhere, "%s", sizes.text);
    else if (binary && size_evaluate(diagnostics, environment, binary->left, &left) &&
             size_evaluate(diagnostics, environment, binary->right, &right))
        report_note(diagnostics, nowhere, "%s is %" PRId64 ", %s is %" PRId64,
                    node_text(environment->arena, binary->left), left,
                    node_text(environment->arena, binary->right), right);
    return false;
}

bool conditions_check(struct diagnostics *diagnostics, const struct environment *environment,
                      const struct node *kernel) {
    struct node_list conditions = conditions_of(kernel);
    for (size_t i = 0; i < conditions.count; i++) {
        const char *text = node_text(environment->arena, conditions.items[i]);
        const char *fault = arena_printf(environment->arena, "the condition %s does not hold", text);
        if (!condition_holds(diagnostics, environment, conditions.items[i], fault))
            return false;
    }
    return true;
}

bool checks_hold(struct diagnostics *diagnostics, const struct environment *environment,
                 const struct node *kernel) {
    struct node_dictionary *checks = node_as(attribute_get(kernel, KEY_TT_CHECKS), dictionary);
    for (size_t i = 0; checks && i < checks->entries.count; i++) {
        struct node_attribute *check = node_as(checks->entries.items[i], attribute);
        const char *fault = arena_printf(environment->arena, "the run-time check %s does not hold: %s",
                                         check->key, node_text(environment->arena, check->value));
        if (!condition_holds(diagnostics, environment, check->value, fault))
            return false;
    }
    return true;
}

bool parameter_extents(struct diagnostics *diagnostics, const struct environment *environment,
                       const struct node *parameter, uint64_t *extents) {
    const struct node_parameter *tensor = (const struct node_parameter *)parameter;
    if (tensor->dimensions.count > TENSOR_RANK_LIMIT) {
        report_error(diagnostics, parameter->span, "tensor %s has %zu dimensions, more than %d", tensor->name,
                     tensor->dimensions.count, TENSOR_RANK_LIMIT);
        return false;
    }
    for (size_t i = 0; i < tensor->dimensions.count; i++) {
        int64_t value;
        if (!size_evaluate(diagnostics, environment, tensor->dimensions.items[i], &value))
            return false;
        if (value < 0 || value > INT32_MAX) {
            report_error(diagnostics, parameter->span, "dimension %zu of %s is %" PRId64, i, tensor->name,
                         value);
            return false;
        }
        extents[i] = (uint64_t)value;
    }
    return true;
}

/* ---- the arguments of a core ---- */

struct launch_share launch_share(uint64_t blocks, uint32_t cores, uint32_t core) {
    uint64_t each = cores ? blocks / cores + (blocks % cores != 0) : 0;
    uint64_t start = each * core < blocks ? each * core : blocks;
    return (struct launch_share){start, blocks - start < each ? blocks - start : each};
}

static const struct node_sequence *sequence_attribute(struct diagnostics *diagnostics,
                                                      const struct node *kernel, const char *key) {
    struct node_sequence *sequence = node_as(attribute_get(kernel, key), sequence);
    if (!sequence)
        report_error(diagnostics, kernel->span, "the kernel has no %s: a launch needs it", key);
    return sequence;
}

bool launch_prepare(struct diagnostics *diagnostics, struct launch *launch) {
    const struct node_sequence *blocks = sequence_attribute(diagnostics, launch->kernel, KEY_TT_GRID_BLOCKS);
    const struct node_sequence *grid = sequence_attribute(diagnostics, launch->kernel, KEY_TT_CORE_GRID);
    if (!blocks || !grid)
        return false;
    int64_t total = 1, value, edges[2];
    for (size_t i = 0; i < blocks->items.count; i++) {
        if (!size_evaluate(diagnostics, launch->sizes, blocks->items.items[i], &value))
            return false;
        if (value < 0) {
            report_error(diagnostics, launch->kernel->span, "the grid has %" PRId64 " blocks along axis %zu",
                         value, i);
            return false;
        }
        if (__builtin_mul_overflow(total, value, &total) || total > UINT32_MAX) {
            report_error(diagnostics, launch->kernel->span, "the grid has more than 2^32 blocks");
            return false;
        }
    }
    if (grid->items.count != 2 ||
        !size_evaluate(diagnostics, launch->sizes, grid->items.items[0], &edges[0]) ||
        !size_evaluate(diagnostics, launch->sizes, grid->items.items[1], &edges[1]) || edges[0] < 1 ||
        edges[1] < 1 || edges[0] > 1000 || edges[1] > 1000) {
        report_error(diagnostics, launch->kernel->span, "%s must be [x, y], the cores of a launch",
                     KEY_TT_CORE_GRID);
        return false;
    }
    launch->blocks = (uint64_t)total;
    launch->grid_x = (uint32_t)edges[0];
    launch->grid_y = (uint32_t)edges[1];
    return true;
}

const struct node_dictionary *launch_argument_list(const struct node *kernel) {
    return node_as(attribute_get(kernel, KEY_TT_RUNTIME_ARGS), dictionary);
}

static bool find_word(const struct launch_word *words, size_t count, const char *name, uint32_t *value) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].name, name) == 0) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

static bool address_argument(struct diagnostics *diagnostics, const struct launch *launch,
                             const struct node_call *call, uint32_t *word) {
    struct node_reference *tensor =
        call->arguments.count == 1 ? node_as(call->arguments.items[0], reference) : NULL;
    if (tensor && find_word(launch->addresses, launch->address_count, tensor->name, word))
        return true;
    report_error(diagnostics, call->base.span, "%s: no tensor of the launch",
                 node_text(launch->sizes->arena, &call->base));
    return false;
}

static bool argument_value(struct diagnostics *diagnostics, const struct launch *launch,
                           const struct launch_core *core, const struct node_attribute *entry,
                           uint32_t *word) {
    struct node_call *call = node_as(entry->value, call);
    struct node_reference *reference = node_as(entry->value, reference);
    if (reference && find_word(launch->scalars, launch->scalar_count, reference->name, word))
        return true;
    if (call && strcmp(call->function, "address") == 0)
        return address_argument(diagnostics, launch, call, word);
    struct evaluation e = {
        .diagnostics = diagnostics, .environment = launch->sizes, .core = core, .kernel = launch->kernel};
    int64_t value;
    if (!evaluate(&e, entry->value, &value))
        return false;
    if (value < INT32_MIN || value > UINT32_MAX) {
        report_error(diagnostics, launch->kernel->span,
                     "launch argument %s is %" PRId64 ", which does not fit 32 bits", entry->key, value);
        return false;
    }
    *word = (uint32_t)value;
    return true;
}

bool launch_arguments(struct diagnostics *diagnostics, const struct launch *launch, uint32_t core,
                      uint32_t *arguments) {
    const struct node_dictionary *list = launch_argument_list(launch->kernel);
    struct launch_core place = {launch_share(launch->blocks, launch->grid_x * launch->grid_y, core),
                                core % launch->grid_x, core / launch->grid_x};
    for (size_t i = 0; list && i < list->entries.count; i++)
        if (!argument_value(diagnostics, launch, &place, node_as(list->entries.items[i], attribute),
                            &arguments[i]))
            return false;
    return true;
}
