/* Integers by name, and the values of size expressions. */
#include "ir/size.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/launch.h"

#define DEPTH_LIMIT 1000

static const struct span nowhere;

/* ---- environment ---- */

struct size_value *environment_find(const struct environment *environment, const char *name) {
    for (size_t i = 0; i < environment->count; i++)
        if (strcmp(environment->items[i].name, name) == 0)
            return &environment->items[i];
    return NULL;
}

struct size_value *environment_add(struct environment *environment, const char *name) {
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
    struct size_value *item = environment_find(environment, name);
    if (!item)
        item = environment_add(environment, name);
    item->value = value;
}

bool environment_get(const struct environment *environment, const char *name, int64_t *value) {
    const struct size_value *item = environment_find(environment, name);
    if (item)
        *value = item->value;
    return item != NULL;
}

/* ---- the functions of sizes ---- */

enum size_function { SIZE_MIN, SIZE_MAX_OF, SIZE_CEILDIV, SIZE_OUT, SIZE_SELECT, SIZE_FUNCTION_COUNT };

/* SIZE_FUNCTION_COUNT: none of them. */
static enum size_function size_function(const struct node_call *call) {
    static const struct {
        const char *name;
        size_t arguments;
    } functions[] = {[SIZE_MIN] = {"min", 2},
                     [SIZE_MAX_OF] = {"max", 2},
                     [SIZE_CEILDIV] = {"ceildiv", 2},
                     [SIZE_OUT] = {"out", 5},
                     [SIZE_SELECT] = {"select", 3}};
    enum size_function which = 0;
    while (which < SIZE_FUNCTION_COUNT && (strcmp(functions[which].name, call->function) != 0 ||
                                           functions[which].arguments != call->arguments.count))
        which++;
    return which;
}

const struct node *size_unfit_part(const struct node *expression) {
    for_each_node (node, expression) {
        const struct node_call *call = node_as(node, call);
        if (node->kind != NODE_INTEGER && node->kind != NODE_REFERENCE && node->kind != NODE_UNARY &&
            node->kind != NODE_BINARY && !(call && size_function(call) != SIZE_FUNCTION_COUNT))
            return node;
    }
    return NULL;
}

/* ---- size expressions ---- */

struct evaluation {
    struct diagnostics *diagnostics;
    const struct environment *environment;
    const struct size_core *core; /* NULL: the expression is the same for every core */
    const struct node *kernel;    /* of the core: its tt.core_map */
    int depth;
};

static bool evaluate(struct evaluation *e, const struct node *node, int64_t *value);

static bool overflow(struct evaluation *e, const struct node *node) {
    report_error(e->diagnostics, node->span, "%s does not fit 64 bits",
                 node_text(e->environment->arena, node));
    return false;
}

/* An operator on integers; without a value (overflow, division by zero) it is an error at node. */
static bool operate(struct evaluation *e, const struct node *node, enum binary_operator op, int64_t a,
                    int64_t b, int64_t *value) {
    if ((op == BINARY_DIVIDE || op == BINARY_REMAINDER) && b == 0) {
        report_error(e->diagnostics, node->span, "%s divides by zero",
                     node_text(e->environment->arena, node));
        return false;
    }
    return integer_operate(op, a, b, value) || overflow(e, node);
}

static bool evaluate_binary(struct evaluation *e, const struct node_binary *binary, int64_t *value) {
    const struct node *node = &binary->base;
    int64_t a, b;
    if (!evaluate(e, binary->left, &a))
        return false;
    if ((binary->op == BINARY_AND && !a) || (binary->op == BINARY_OR && a)) {
        *value = a != 0;
        return true;
    }
    if (!evaluate(e, binary->right, &b))
        return false;
    return operate(e, node, binary->op, a, b, value);
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
static bool core_value(const struct size_core *core, const struct node_call *call, int64_t *value) {
    if (!core || call->arguments.count)
        return false;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"start", core->start}, {"count", core->count}, {"core_x", core->x}, {"core_y", core->y}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(call->function, rows[i].name) == 0) {
            *value = (int64_t)rows[i].value;
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

/* Only the arm that is chosen. */
static bool evaluate_select(struct evaluation *e, const struct node_call *call, int64_t *value) {
    int64_t chosen;
    return evaluate(e, call->arguments.items[0], &chosen) &&
           evaluate(e, call->arguments.items[chosen ? 1 : 2], value);
}

static bool evaluate_call(struct evaluation *e, const struct node_call *call, int64_t *value) {
    const struct node *node = &call->base;
    int64_t v[5] = {0};
    if (core_value(e->core, call, value))
        return true;
    if (e->core && is_noc_call(call))
        return noc_value(e, call, value);
    const enum size_function which = size_function(call);
    if (which == SIZE_SELECT)
        return evaluate_select(e, call, value);
    if (which == SIZE_FUNCTION_COUNT) {
        report_error(e->diagnostics, node->span, "%s is no function of sizes",
                     node_text(e->environment->arena, node));
        report_help(
            e->diagnostics, nowhere,
            "sizes know min(a, b), max(a, b), ceildiv(a, b), select(condition, a, b) and out(size, window, stride, padding, dilation)");
        return false;
    }
    for (size_t i = 0; i < call->arguments.count; i++)
        if (!evaluate(e, call->arguments.items[i], &v[i]))
            return false;
    switch (which) {
    case SIZE_MIN:
        *value = v[0] < v[1] ? v[0] : v[1];
        return true;
    case SIZE_MAX_OF:
        *value = v[0] > v[1] ? v[0] : v[1];
        return true;
    case SIZE_CEILDIV: {
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
    if (unary->op == UNARY_NOT)
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

bool size_evaluate_on(struct diagnostics *diagnostics, const struct environment *environment,
                      const struct node *kernel, const struct size_core *core, const struct node *expression,
                      int64_t *value) {
    struct evaluation e = {
        .diagnostics = diagnostics, .environment = environment, .core = core, .kernel = kernel};
    return evaluate(&e, expression, value);
}
