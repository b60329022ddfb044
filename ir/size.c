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

static const struct {
    const char *name;
    size_t count;
    bool device;
} functions[] = {
#define SIZE_FUNCTION(name, count, arguments, device, c, metalium, python) {#name, count, device},
#include "ir/size_functions.def"
};

enum size_function size_function_of(const struct node *node) {
    const struct node_call *call = node->kind == NODE_CALL ? (const struct node_call *)node : NULL;
    enum size_function which = 0;
    while (which < SIZE_FUNCTION_COUNT && !(call && functions[which].count == call->arguments.count &&
                                            strcmp(functions[which].name, call->function) == 0))
        which++;
    return which;
}

const struct node_call *size_call(const struct node *node, enum size_function which) {
    return node && node->kind == NODE_CALL && size_function_of(node) == which ? (const struct node_call *)node
                                                                              : NULL;
}

bool size_function_on_device(enum size_function which) {
    return functions[which].device;
}

const struct node *size_unfit_part(const struct node *expression) {
    for_each_node (node, expression)
        if (node->kind != NODE_INTEGER && node->kind != NODE_REFERENCE && node->kind != NODE_UNARY &&
            node->kind != NODE_BINARY && size_function_of(node) == SIZE_FUNCTION_COUNT)
            return node;
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

/* ---- the values of functions ---- */

static bool two_values(struct evaluation *e, const struct node_call *call, int64_t v[2]) {
    return evaluate(e, call->arguments.items[0], &v[0]) && evaluate(e, call->arguments.items[1], &v[1]);
}

static bool value_min(struct evaluation *e, const struct node_call *call, int64_t *value) {
    int64_t v[2];
    bool fine = two_values(e, call, v);
    *value = fine ? v[v[1] < v[0]] : 0;
    return fine;
}

static bool value_max(struct evaluation *e, const struct node_call *call, int64_t *value) {
    int64_t v[2];
    bool fine = two_values(e, call, v);
    *value = fine ? v[v[1] > v[0]] : 0;
    return fine;
}

static bool value_ceildiv(struct evaluation *e, const struct node_call *call, int64_t *value) {
    int64_t v[2], rest;
    if (!two_values(e, call, v) || !operate(e, &call->base, BINARY_DIVIDE, v[0], v[1], value) ||
        !operate(e, &call->base, BINARY_REMAINDER, v[0], v[1], &rest))
        return false;
    *value += rest != 0;
    return true;
}

/* Only the arm that is chosen. */
static bool value_select(struct evaluation *e, const struct node_call *call, int64_t *value) {
    int64_t chosen;
    return evaluate(e, call->arguments.items[0], &chosen) &&
           evaluate(e, call->arguments.items[chosen ? 1 : 2], value);
}

static bool evaluate_call(struct evaluation *e, const struct node_call *call, int64_t *value) {
    static bool (*const values[])(struct evaluation *, const struct node_call *, int64_t *) = {
#define SIZE_FUNCTION(name, count, arguments, device, c, metalium, python) value_##name,
#include "ir/size_functions.def"
    };
    static const char known[] = ""
#define SIZE_FUNCTION(name, count, arguments, device, c, metalium, python) ", " #name arguments
#include "ir/size_functions.def"
        ;
    const enum size_function which = size_function_of(&call->base);
    if (core_value(e->core, call, value))
        return true;
    if (e->core && is_noc_call(call))
        return noc_value(e, call, value);
    if (which != SIZE_FUNCTION_COUNT)
        return values[which](e, call, value);
    report_error(e->diagnostics, call->base.span, "%s is no function of sizes",
                 node_text(e->environment->arena, &call->base));
    report_help(e->diagnostics, nowhere, "sizes know %s", known + 2);
    return false;
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
