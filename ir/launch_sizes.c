/* What the tensors of a launch say of its sizes, and what must hold of them. */
#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/launch.h"

static const struct span nowhere;

/* ---- sizes by shapes ---- */

static bool bind_size(struct diagnostics *diagnostics, struct environment *environment,
                      const struct node_parameter *parameter, size_t dimension, const char *name,
                      uint64_t extent) {
    struct size_value *known = environment_find(environment, name);
    if (!known) {
        known = environment_add(environment, name);
        known->value = (int64_t)extent;
        known->origin =
            arena_printf(environment->arena, "dimension %zu of %s", dimension + 1, parameter->name);
        known->span = parameter->base.span;
    } else if (known->value != (int64_t)extent) {
        report_error(diagnostics, parameter->base.span,
                     "size %s is %" PRIu64 " in dimension %zu of %s, but %" PRId64 " %s%s", name, extent,
                     dimension + 1, parameter->name, known->value, known->origin ? "in " : "as given",
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
                         "dimension %zu of %s is %" PRIu64 ", more than %d", i + 1, parameter->name,
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
                         "dimension %zu of %s is %" PRIu64 ", but it is fixed to %" PRId64, i + 1,
                         parameter->name, shape->extents[i], value);
            return false;
        }
        if (value != (int64_t)shape->extents[i]) {
            report_error(diagnostics, parameter->base.span,
                         "dimension %zu of %s is %" PRIu64 ", but %s is %" PRId64, i + 1, parameter->name,
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
            !environment_find(environment, parameter->name))
            environment_set(environment, parameter->name, value->value);
    }
}

/* ---- sizes by conditions ---- */

const char *condition_settles(const struct node *condition) {
    const struct node_binary *binary =
        condition->kind == NODE_BINARY ? (const struct node_binary *)condition : NULL;
    struct node_reference *name =
        binary && binary->op == BINARY_EQUAL ? node_as(binary->left, reference) : NULL;
    return name ? name->name : NULL;
}

bool size_is_settled(const struct node *kernel, const char *name) {
    struct node_list conditions = launch_conditions(kernel);
    for (size_t i = 0; i < conditions.count; i++) {
        const char *settled = condition_settles(conditions.items[i]);
        if (settled && strcmp(settled, name) == 0)
            return true;
    }
    return false;
}

void sizes_settle(struct environment *environment, const struct node *kernel) {
    struct node_list conditions = launch_conditions(kernel);
    struct diagnostics *scratch = diagnostics_create(environment->arena);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < conditions.count; i++) {
            const char *name = condition_settles(conditions.items[i]);
            int64_t value;
            if (!name || environment_find(environment, name) || launch_parameter(kernel, name) ||
                !size_evaluate(scratch, environment, node_as(conditions.items[i], binary)->right, &value))
                continue;
            struct size_value *size = environment_add(environment, name);
            size->value = value;
            size->origin = arena_printf(environment->arena, "`where %s`",
                                        node_text(environment->arena, conditions.items[i]));
            size->span = conditions.items[i]->span;
            changed = true;
        }
    }
}

/* ---- sizes by what dimensions are made of ---- */

/* The only name of the dimension without a value; NULL: there is none, or more than one. */
static const char *only_unknown(const struct environment *environment, struct node *dimension) {
    const char *unknown = NULL;
    for_each (reference, reference, dimension) {
        if (environment_find(environment, reference->name) || (unknown && strcmp(unknown, reference->name) == 0))
            continue;
        if (unknown)
            return NULL;
        unknown = reference->name;
    }
    return unknown;
}

static bool value_with(struct environment environment, const char *name, int64_t value, struct node *dimension,
                       int64_t *result) {
    environment.items = arena_copy(environment.arena, environment.items,
                                   (environment.capacity ? environment.capacity : 1) * sizeof *environment.items);
    environment_set(&environment, name, value);
    return size_evaluate(diagnostics_create(environment.arena), &environment, dimension, result);
}

/* The size at which the dimension, a number of times it and more, has the extent: H of H * 64. False: there is none. */
static bool solve_dimension(const struct environment *environment, const char *name, struct node *dimension,
                            int64_t extent, int64_t *size) {
    int64_t at_zero, at_one, back;
    if (!value_with(*environment, name, 0, dimension, &at_zero) ||
        !value_with(*environment, name, 1, dimension, &at_one) || at_one <= at_zero || extent < at_zero)
        return false;
    *size = (extent - at_zero) / (at_one - at_zero);
    return value_with(*environment, name, *size, dimension, &back) && back == extent;
}

/* Sizes that no dimension is by itself, from those that are made of one of them: X: f32[2 * M, N]. */
static bool solve_sizes(struct environment *environment, const struct node *kernel, const struct tensor_shape *shapes,
                        size_t count) {
    bool solved = false;
    for (size_t i = 0; i < count; i++) {
        const struct node_parameter *parameter = launch_parameter(kernel, shapes[i].name);
        for (size_t k = 0; k < shapes[i].rank; k++) {
            struct node *dimension = parameter->dimensions.items[k];
            const char *name = only_unknown(environment, dimension);
            int64_t value;
            if (!name || launch_parameter(kernel, name) ||
                !solve_dimension(environment, name, dimension, (int64_t)shapes[i].extents[k], &value))
                continue;
            struct size_value *size = environment_add(environment, name);
            size->value = value;
            size->origin = arena_printf(environment->arena, "dimension %zu of %s, %s", k + 1, parameter->name,
                                        node_text(environment->arena, dimension));
            size->span = parameter->base.span;
            solved = true;
        }
    }
    return solved;
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
    do
        sizes_settle(environment, kernel);
    while (solve_sizes(environment, kernel, shapes, count));
    for (size_t i = 0; i < count; i++)
        if (!check_extents(diagnostics, environment, launch_parameter(kernel, shapes[i].name), &shapes[i]))
            return false;
    return true;
}

/* ---- conditions and checks ---- */

/* "M is 35, P is 7": what the environment knows of. */
static const char *sizes_text(const struct environment *environment, struct node *expression) {
    const char *text = "";
    for_each (reference, size, expression) {
        int64_t value;
        if (!environment_get(environment, size->name, &value))
            continue;
        const char *one = arena_printf(environment->arena, "%s is %" PRId64, size->name, value);
        if (!strstr(text, one))
            text = arena_printf(environment->arena, "%s%s%s", text, *text ? ", " : "", one);
    }
    return text;
}

/* ": M % 2 is 1": the sides of a comparison that are more than a name or a number. */
static const char *sides_text(const struct environment *environment, const struct node_binary *binary) {
    struct arena *arena = environment->arena;
    struct diagnostics *scratch = diagnostics_create(arena);
    struct node *const sides[] = {binary->left, binary->right};
    const char *text = "";
    for (size_t i = 0; i < 2; i++) {
        int64_t value;
        if (sides[i]->kind != NODE_REFERENCE && sides[i]->kind != NODE_INTEGER &&
            size_evaluate(scratch, environment, sides[i], &value))
            text = arena_printf(arena, "%s%s%s is %" PRId64, text, *text ? ", " : ": ",
                                node_text(arena, sides[i]), value);
    }
    return text;
}

/* `fault` is the message where the condition does not hold. */
static bool condition_holds(struct diagnostics *diagnostics, const struct environment *environment,
                            struct node *condition, const char *fault) {
    int64_t holds;
    if (!size_evaluate(diagnostics, environment, condition, &holds))
        return false;
    if (holds)
        return true;
    report_error(diagnostics, condition->span, "%s", fault);
    struct node_binary *binary = node_as(condition, binary);
    const char *sizes = sizes_text(environment, condition);
    bool joined = !binary || binary->op == BINARY_AND || binary->op == BINARY_OR;
    if (*sizes)
        report_note(diagnostics, nowhere, "%s%s", sizes, joined ? "" : sides_text(environment, binary));
    return false;
}

bool conditions_check(struct diagnostics *diagnostics, const struct environment *environment,
                      const struct node *kernel) {
    struct node_list conditions = launch_conditions(kernel);
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
            report_error(diagnostics, parameter->span, "dimension %zu of %s is %" PRId64, i + 1, tensor->name,
                         value);
            return false;
        }
        extents[i] = (uint64_t)value;
    }
    return true;
}
