/* Calls: functions of the language, conversions, and definitions of the author expanded in place. */
#include <string.h>

#include "grammar/habits.h"
#include "grammar/parse.h"
#include "grammar/resolve.h"
#include "grammar/tree.h"
#include "support/scalar.h"

/* Functions beside those of functions.def; `out` is written out as arithmetic. */
static const char *const special_functions[] = {
#define SIZE_FUNCTION(name, count, arguments, device, c, metalium, python) #name,
#include "ir/size_functions.def"
    "lo", "len", "out", "random", "uniform"};
enum { SPECIAL_COUNT = sizeof special_functions / sizeof *special_functions };

static bool check_count(struct resolver *r, struct node_call *call, size_t expected) {
    if (call->arguments.count == expected)
        return true;
    report_error(r->diagnostics, call->base.span, "%s takes %zu argument%s, and %zu %s given", call->function,
                 expected, expected == 1 ? "" : "s", call->arguments.count,
                 call->arguments.count == 1 ? "is" : "are");
    return false;
}

/* ---- functions of the table ---- */

static struct value combine(const struct value *a, const struct value *b, struct span span) {
    struct value value = value_of(NULL, DTYPE_NONE, a->axes | b->axes, span);
    value.varies = a->varies || b->varies;
    value.parameter = a->parameter ? a->parameter : b->parameter;
    value.product = a->product ? a->product : b->product;
    value.narrow = both_narrow(a, b);
    return value;
}

struct node *kept_truth(struct resolver *r, enum dtype dtype, struct node *node, struct span span) {
    return dtype != DTYPE_BOOL
               ? node
               : node_with_span(r->arena, make_call(r->arena, "bool", LIST(r->arena, node)), span);
}

static struct value call_pair(struct resolver *r, const char *name, struct value a, struct value b,
                              struct span span) {
    struct value value = combine(&a, &b, span);
    value.dtype = join_types(r, span, &a, &b);
    if (value.dtype == DTYPE_NONE)
        return poison(span);
    a = operand_as(r, a, value.dtype);
    b = operand_as(r, b, value.dtype);
    bool whole = !dtype_is_float(value.dtype);
    bool greater = strcmp(name, "max") == 0;
    if (whole && (greater || strcmp(name, "min") == 0))
        value.node = greater ? make_max(r->arena, a.node, b.node) : make_min(r->arena, a.node, b.node);
    else
        value.node = make_call(r->arena, name, LIST(r->arena, a.node, b.node));
    value.literal = a.literal && b.literal;
    value.node = node_with_span(r->arena, value.node, span);
    if (!value.literal)
        value.node = kept_truth(r, value.dtype, value.node, span);
    if (!function_keeps_values(name))
        value.dtype = arithmetic_type(r, span, &a, &b);
    return value;
}

enum { LARGEST_EXPANSION = 10000 };

/* Operands are shared, not copied, so a tree of them can be far larger than the memory it takes. */
struct extent {
    int nodes_left, levels_left;
};

static bool within(struct node *node, void *context) {
    struct extent *extent = context;
    if (--extent->nodes_left < 0 || --extent->levels_left < 0)
        return false;
    bool fine = node_each_child(node, within, context);
    extent->levels_left++;
    return fine;
}

/* False after a report. */
static bool check_extent(struct resolver *r, struct node *node, const char *name, struct span span) {
    struct extent extent = {LARGEST_EXPANSION, 2 * DEEPEST_NESTING};
    if (within(node, &extent))
        return true;
    report_error(r->diagnostics, span, "%s expands to too much here", name);
    return false;
}

/* |a| or, of `relu`, max(a, 0). Without a difference where it can be: the device counts without a sign. */
static struct node *without_sign(struct resolver *r, bool absolute, struct node *a) {
    struct arena *arena = r->arena;
    struct node *positive, *negative;
    int64_t number;
    if (integer_value(a, &number))
        return number >= 0 ? a : make_integer(arena, absolute ? (int64_t)(0 - (uint64_t)number) : 0);
    if (!size_parts(r, a, &positive, &negative))
        return make_max(arena, a, absolute ? make_negation(arena, a) : make_integer(arena, 0));
    if (integer_value(negative, &number) && number == 0)
        return a;
    return make_sub(arena, make_max(arena, positive, negative),
                    absolute ? make_min(arena, positive, negative) : negative);
}

/* abs, relu and neg of a whole number are whole, and so is all that they are made of: what sizes, bounds,
 * subscripts and conditions are made of has no other functions than min and max. */
static struct value call_whole(struct resolver *r, const char *name, struct value a, struct span span) {
    struct value value = a;
    int64_t number;
    if (strcmp(name, "neg") == 0)
        value.node = integer_value(a.node, &number) ? make_integer(r->arena, (int64_t)(0 - (uint64_t)number))
                                                    : make_negation(r->arena, a.node);
    else if (a.dtype != DTYPE_U32 && a.dtype != DTYPE_U16)
        value.node = without_sign(r, strcmp(name, "abs") == 0, a.node);
    value.node = node_with_span(r->arena, value.node, span);
    value.span = span;
    return check_extent(r, value.node, name, span) ? value : poison(span);
}

static struct value call_one(struct resolver *r, const char *name, struct value a, struct span span) {
    if (function_keeps_values(name) && dtype_is_integer(a.dtype))
        return call_whole(r, name, a, span);
    bool keeps = function_keeps_values(name) && !a.literal;
    if (a.dtype == DTYPE_BOOL || (!keeps && !check_storable(r, &a, DTYPE_F32, name, (struct span){0}))) {
        if (a.dtype == DTYPE_BOOL)
            report_error(r->diagnostics, a.span, "%s of a truth value", name);
        return poison(span);
    }
    struct value value = a;
    value.node = node_with_span(r->arena, make_call(r->arena, name, LIST(r->arena, a.node)), span);
    value.literal = false;
    value.span = span;
    value.dtype = !keeps ? DTYPE_F32 : a.dtype;
    return value;
}

static struct value call_table(struct resolver *r, struct node_call *call,
                               const struct language_function *function) {
    struct span span = call->base.span;
    bool folds = function->arity == 2 && call->arguments.count > 2 && function_keeps_values(function->name);
    if (!folds && !check_count(r, call, function->arity))
        return poison(span);
    struct value result = resolve_expression(r, call->arguments.items[0]);
    bool sound = result.node != NULL;
    if (function->arity == 1)
        return sound ? call_one(r, function->name, result, span) : poison(span);
    for (size_t i = 1; i < call->arguments.count; i++) {
        struct value next = resolve_expression(r, call->arguments.items[i]);
        sound = sound && next.node && (result = call_pair(r, function->name, result, next, span)).node;
    }
    return sound ? result : poison(span);
}

/* ---- special functions ---- */

static struct value call_select(struct resolver *r, struct node_call *call) {
    struct span span = call->base.span;
    int64_t known;
    if (!check_count(r, call, 3))
        return poison(span);
    struct value condition = resolve_expression(r, call->arguments.items[0]);
    struct value a = resolve_expression(r, call->arguments.items[1]),
                 b = resolve_expression(r, call->arguments.items[2]);
    if (!condition.node || !a.node || !b.node)
        return poison(span);
    if (condition.dtype != DTYPE_BOOL) {
        report_error(r->diagnostics, condition.span, "select chooses by a condition, and this is %s",
                     word_text(WORDS_dtype, condition.dtype));
        report_help(r->diagnostics, (struct span){0}, "compare it: select(x != 0, a, b)");
        return poison(span);
    }
    enum dtype dtype = join_types(r, span, &a, &b);
    if (dtype == DTYPE_NONE)
        return poison(span);
    if (integer_value(condition.node, &known))
        return known ? a : b;
    if (dtype != DTYPE_U16) {
        a = operand_as(r, a, dtype);
        b = operand_as(r, b, dtype);
    }
    struct value value = combine(&a, &b, span);
    value.axes |= condition.axes;
    value.varies |= condition.varies;
    value.dtype = dtype;
    value.node = make_call(r->arena, "select", LIST(r->arena, condition.node, a.node, b.node));
    value.node = node_with_span(r->arena, value.node, span);
    return value;
}

/* lo(i), len(i): numbers of a block axis. */
static struct value call_block(struct resolver *r, struct node_call *call) {
    struct span span = call->base.span;
    if (!check_count(r, call, 1))
        return poison(span);
    struct node_reference *reference = node_as(call->arguments.items[0], reference);
    struct entity *axis = reference ? lookup(r, reference->name, reference->base.span) : NULL;
    if (reference && !axis)
        return poison(span);
    if (!axis || axis->kind != ENTITY_AXIS || !axis->block) {
        report_error(r->diagnostics, call->arguments.items[0]->span, "%s is of a block axis, one with `by`",
                     call->function);
        if (axis)
            report_note(r->diagnostics, axis->span, "%s is %s declared here", axis->source,
                        entity_kind_text(axis));
        return poison(span);
    }
    struct node *node =
        make_call(r->arena, call->function, LIST(r->arena, make_reference(r->arena, axis->name)));
    struct value value = value_of(node_with_span(r->arena, node, span), DTYPE_INDEX, 0, span);
    value.varies = true;
    return value;
}

static struct value number_argument(struct resolver *r, struct node *tree) {
    struct node *node = resolve_number(r, tree, "this argument");
    return value_of(node, DTYPE_INDEX, 0, tree->span);
}

static struct value call_ceildiv(struct resolver *r, struct node_call *call) {
    struct span span = call->base.span;
    if (!check_count(r, call, 2))
        return poison(span);
    struct value a = number_argument(r, call->arguments.items[0]),
                 b = number_argument(r, call->arguments.items[1]);
    if (!a.node || !b.node)
        return poison(span);
    return value_of(node_with_span(r->arena, make_ceildiv(r->arena, a.node, b.node), span), DTYPE_INDEX, 0,
                    span);
}

/* out(n, window, stride, pad, dilation): how many places a window has, (n + 2 pad - dilation (window - 1) -
 * 1) / stride + 1. */
static struct value call_out(struct resolver *r, struct node_call *call) {
    struct span span = call->base.span;
    struct node *given[5] = {NULL, NULL, make_integer(r->arena, 1), make_integer(r->arena, 0),
                             make_integer(r->arena, 1)};
    if (call->arguments.count < 2 || call->arguments.count > 5) {
        report_error(
            r->diagnostics, span,
            "out takes a size, a window, and if they differ from 1, 0, 1 a stride, padding and dilation");
        return poison(span);
    }
    for (size_t i = 0; i < call->arguments.count; i++)
        if (!(given[i] = resolve_number(r, call->arguments.items[i], "this argument")))
            return poison(span);
    struct node *one = make_integer(r->arena, 1);
    struct node *padded =
        make_add(r->arena, given[0], make_mul(r->arena, make_integer(r->arena, 2), given[3]));
    struct node *reach = make_mul(r->arena, given[4], make_sub(r->arena, given[1], one));
    struct node *room = make_sub(r->arena, make_sub(r->arena, padded, reach), one);
    room = size_normal_form(r, room);
    struct node *places = size_normal_form(r, make_add(r->arena, make_div(r->arena, room, given[2]), one));
    return value_of(node_with_span(r->arena, places, span), DTYPE_INDEX, 0, span);
}

/* random(seed, index): a word of 32 bits that they determine; uniform(seed, index), f32(random >> 8) * 2^-24. */
static struct value call_random(struct resolver *r, struct node_call *call) {
    struct span span = call->base.span;
    struct value given[2];
    if (!check_count(r, call, 2))
        return poison(span);
    bool sound = true;
    for (size_t i = 0; i < 2; i++) {
        given[i] = wrapped(r, resolve_expression(r, call->arguments.items[i]));
        if (given[i].node && !dtype_is_integer(given[i].dtype)) {
            report_error(r->diagnostics, given[i].span, "%s of %s is a whole number, and this is %s",
                         i ? "the index" : "the seed", call->function,
                         word_text(WORDS_dtype, given[i].dtype));
            sound = false;
        }
        sound = sound && given[i].node;
    }
    if (!sound)
        return poison(span);
    struct arena *arena = r->arena;
    struct value value = combine(&given[0], &given[1], span);
    value.dtype = DTYPE_U32;
    value.node = make_call(arena, "random", LIST(arena, given[0].node, given[1].node));
    if (strcmp(call->function, "uniform") == 0) {
        value.dtype = DTYPE_F32;
        value.node = make_binary(arena, BINARY_SHIFT_RIGHT, value.node, make_integer(arena, 8));
        value.node = make_binary(arena, BINARY_MULTIPLY, make_call(arena, "f32", LIST(arena, value.node)),
                                 make_real(arena, 0x1p-24));
    }
    value.node = node_with_span(arena, value.node, span);
    return value;
}

/* f32(x) and the other conversions. */
static struct value call_conversion(struct resolver *r, struct node_call *call, enum dtype dtype) {
    struct span span = call->base.span;
    if (!check_count(r, call, 1))
        return poison(span);
    struct value value = wrapped(r, resolve_expression(r, call->arguments.items[0]));
    if (!value.node)
        return value;
    if (dtype == DTYPE_BFP8 || dtype == DTYPE_BFP4 || dtype == DTYPE_INDEX) {
        report_error(r->diagnostics, span, "there are no single values of type %s",
                     word_text(WORDS_dtype, dtype));
        return poison(span);
    }
    bool same = value.dtype == dtype && !value.literal;
    value.node = same ? value.node
                      : node_with_span(r->arena,
                                       make_call(r->arena, call->function, LIST(r->arena, value.node)), span);
    value.dtype = dtype;
    value.literal = false;
    value.span = span;
    return value;
}

/* ---- inline functions ---- */

struct value expand_definition(struct resolver *r, struct item *item, struct value *arguments, struct span span) {
    struct node_function *function = node_as(item->tree, function);
    struct entity *mark = scope_mark(r);
    size_t visible_from = r->visible_from;
    r->visible_from = r->serial;
    for (size_t i = 0; i < function->parameters.count; i++) {
        struct node_parameter *parameter = node_as(function->parameters.items[i], parameter);
        struct entity *entity = declare(r, ENTITY_ARGUMENT, parameter->name, parameter->base.span);
        entity->value = arguments[i];
    }
    item->expanding = item->called = true;
    struct value value = resolve_expression(r, function->body);
    item->expanding = false;
    r->visible_from = visible_from;
    scope_close(r, mark);
    if (value.node && !check_extent(r, value.node, function->name, span))
        return poison(span);
    value.span = span;
    return value;
}

static struct value call_definition(struct resolver *r, struct node_call *call, struct item *item) {
    struct node_function *function = node_as(item->tree, function);
    struct span span = call->base.span;
    size_t count = function->parameters.count;
    if (!check_count(r, call, count))
        return poison(span);
    if (item->expanding) {
        report_error(r->diagnostics, span, "%s is defined by itself", function->name);
        report_note(r->diagnostics, function->base.span, "%s is defined here", function->name);
        return poison(span);
    }
    if (r->front->expansions++ > MOST_EXPANSIONS) {
        report_error(r->diagnostics, span, "the definitions of this file expand to too much");
        return poison(span);
    }
    struct value *arguments = arena_allocate(r->arena, (count + 1) * sizeof *arguments);
    for (size_t i = 0; i < count; i++) {
        struct node_parameter *parameter = node_as(function->parameters.items[i], parameter);
        arguments[i] = resolve_expression(r, call->arguments.items[i]);
        if (!check_storable(r, &arguments[i], parameter->dtype, parameter->name, parameter->base.span))
            return poison(span);
    }
    return expand_definition(r, item, arguments, span);
}

/* ---- calls ---- */

static struct value unknown_function(struct resolver *r, struct node_call *call) {
    struct span name = span_of_name(call->base.span, call->function);
    size_t count = 0;
    for (struct item *item = r->front->items; item; item = item->next)
        count++;
    const char **names =
        arena_allocate(r->arena, (count + language_function_count + SPECIAL_COUNT + library_names(NULL)) *
                                     sizeof *names);
    count = library_names(names);
    for (struct item *item = r->front->items; item; item = item->next)
        if (item->tree->kind == NODE_FUNCTION)
            names[count++] = item->name;
    for (size_t i = 0; i < language_function_count; i++)
        names[count++] = language_functions[i].name;
    for (size_t i = 0; i < SPECIAL_COUNT; i++)
        names[count++] = special_functions[i];
    report_error(r->diagnostics, name, "there is no function %s", call->function);
    const char *nearest = suggest_nearest(call->function, names, count);
    if (word_value(WORDS_reduction_operator, call->function) >= 0)
        report_help(r->diagnostics, (struct span){0},
                    "a reduction names its axis: %s(k: ...) or %s(k in K: ...)", call->function,
                    call->function);
    else if (habit_of_function(call->function))
        report_help(r->diagnostics, (struct span){0}, "%s", habit_of_function(call->function));
    else if (nearest)
        report_help(r->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    return poison(call->base.span);
}

static bool check_plain_arguments(struct resolver *r, struct node_call *call) {
    for (size_t i = 0; i < call->arguments.count; i++) {
        struct node *argument = call->arguments.items[i];
        if (argument->kind == NODE_AXIS) {
            report_error(r->diagnostics, argument->span, "an axis stands in a reduction, before a ':'");
            report_help(r->diagnostics, (struct span){0}, "sum(k in K: value)");
            return false;
        }
        if (argument->kind == NODE_ATTRIBUTE) {
            report_error(r->diagnostics, argument->span, "only the arguments of a kernel are given by name");
            return false;
        }
    }
    return true;
}

struct value resolve_call(struct resolver *r, struct node *tree) {
    struct node_call *call = node_as(tree, call);
    const char *name = call->function;
    if (!check_plain_arguments(r, call))
        return poison(tree->span);
    struct item *definition = r->in_library ? NULL : item_find(r->front, NODE_FUNCTION, name);
    if (definition && definition->broken)
        return poison(tree->span);
    if (definition)
        return call_definition(r, call, definition);
    int dtype = word_value(WORDS_dtype, name);
    if (dtype > DTYPE_NONE)
        return call_conversion(r, call, (enum dtype)dtype);
    if (library_has(r, name, call->arguments.count))
        return library_call(r, call);
    const struct language_function *function = language_function_find(name);
    if (function)
        return call_table(r, call, function);
    const char *counts = library_counts(r, name);
    if (counts) {
        report_error(r->diagnostics, tree->span, "%s takes %s argument%s, and %zu %s given", name, counts,
                     strcmp(counts, "1") == 0 ? "" : "s", call->arguments.count,
                     call->arguments.count == 1 ? "is" : "are");
        return poison(tree->span);
    }
    if (strcmp(name, "select") == 0)
        return call_select(r, call);
    if (strcmp(name, "lo") == 0 || strcmp(name, "len") == 0)
        return call_block(r, call);
    if (strcmp(name, "ceildiv") == 0)
        return call_ceildiv(r, call);
    if (strcmp(name, "out") == 0)
        return call_out(r, call);
    if (strcmp(name, "random") == 0 || strcmp(name, "uniform") == 0)
        return call_random(r, call);
    if (item_find(r->front, NODE_KERNEL, name)) {
        report_error(r->diagnostics, span_of_name(tree->span, name),
                     "%s is a kernel, and kernels are launched by programs", name);
        report_help(r->diagnostics, (struct span){0}, "a function for use inside a kernel: def %s(x) = ...;",
                    name);
        return poison(tree->span);
    }
    return unknown_function(r, call);
}
