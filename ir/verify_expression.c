/* Expressions: names in scope, ranks, functions and their arguments, kinds of values, axes whose elements are
 * at hand. */
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/verify_internal.h"
#include "support/scalar.h"

#define DEPTH_LIMIT 1000

enum value_kind value_kind_of(enum dtype dtype) {
    switch (dtype) {
    case DTYPE_BOOL:
        return VALUE_BOOL;
    case DTYPE_U8:
    case DTYPE_U16:
    case DTYPE_U32:
    case DTYPE_I32:
    case DTYPE_INDEX:
        return VALUE_INTEGER;
    case DTYPE_NONE:
        return VALUE_NONE;
    default:
        return VALUE_FLOAT;
    }
}

static const char *text_of(struct verifier *v, const struct node *node) {
    return node_text(v->arena, node);
}

/* ---- names ---- */

static enum value_kind unknown_name(struct verifier *v, const struct node *node, const char *name) {
    const char **candidates = arena_allocate(v->arena, (v->count + 1) * sizeof *candidates);
    size_t count = 0;
    for (size_t i = v->base; i < v->count; i++)
        candidates[count++] = v->names[i].name;
    const char *nearest = suggest_nearest(name, candidates, count);
    verify_error(v, node, "there is no %s here", name);
    if (nearest)
        report_help(v->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    return VALUE_NONE;
}

static enum value_kind verify_reference(struct verifier *v, const struct node_reference *reference) {
    const struct scope_name *found = scope_find(v, reference->name);
    if (!found)
        return unknown_name(v, &reference->base, reference->name);
    switch (found->kind) {
    case NAME_BLOCK:
    case NAME_RANGE:
        if (found->bound)
            return VALUE_INTEGER;
        verify_error(v, &reference->base, "block axis %s is neither on the left side nor folded",
                     reference->name);
        return VALUE_NONE;
    case NAME_TENSOR:
    case NAME_BUFFER:
    case NAME_VALUES:
    case NAME_ACCESSOR:
        verify_error(v, &reference->base, "%s is no number: it has %zu dimension%s", reference->name,
                     found->rank, found->rank == 1 ? "" : "s");
        return VALUE_NONE;
    case NAME_VARIABLE:
        if (found->rank) {
            verify_error(v, &reference->base, "%s is no number: it has %zu dimension%s", reference->name,
                         found->rank, found->rank == 1 ? "" : "s");
            return VALUE_NONE;
        }
        return found->value;
    case NAME_CIRCULAR_BUFFER:
    case NAME_SEMAPHORE:
        return VALUE_INTEGER;
    default:
        return found->value;
    }
}

static enum value_kind verify_access(struct verifier *v, const struct node_access *access) {
    const struct scope_name *found = scope_find(v, access->name);
    if (!found)
        return unknown_name(v, &access->base, access->name);
    struct scope_name name = *found;
    bool elements = name.kind == NAME_TENSOR || name.kind == NAME_BUFFER || name.kind == NAME_VALUES ||
                    name.kind == NAME_VARIABLE || name.kind == NAME_CIRCULAR_BUFFER;
    bool single = name.kind == NAME_CIRCULAR_BUFFER || name.kind == NAME_BUFFER;
    if (!elements || (!single && name.rank == 0)) {
        verify_error(v, &access->base, "%s has no elements", access->name);
        return VALUE_NONE;
    }
    if (v->form == FORM_DEVICE && name.kind == NAME_TENSOR)
        verify_error(v, &access->base, "device form reaches tensor %s by pages only", access->name);
    size_t count = access->subscripts.count;
    bool fits = name.kind == NAME_CIRCULAR_BUFFER ? count <= 2 : count == name.rank;
    if (!fits)
        verify_error(v, &access->base, "%s has %zu dimension%s, but %zu subscript%s", access->name, name.rank,
                     name.rank == 1 ? "" : "s", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++)
        verify_number(v, access->subscripts.items[i], "a subscript");
    if (access->otherwise)
        verify_expression(v, access->otherwise);
    return name.value;
}

/* ---- operators ---- */

static enum value_kind verify_binary(struct verifier *v, const struct node_binary *binary) {
    enum value_kind left = verify_expression(v, binary->left), right = verify_expression(v, binary->right);
    switch (binary->op) {
    case BINARY_AND:
    case BINARY_OR:
        if (left == VALUE_FLOAT || right == VALUE_FLOAT)
            verify_error(v, &binary->base, "%s is for truth values: %s",
                         word_text(WORDS_binary_operator, (int)binary->op), text_of(v, &binary->base));
        return VALUE_BOOL;
    case BINARY_EQUAL:
    case BINARY_NOT_EQUAL:
    case BINARY_LESS:
    case BINARY_LESS_EQUAL:
    case BINARY_GREATER:
    case BINARY_GREATER_EQUAL:
        return VALUE_BOOL;
    case BINARY_REMAINDER:
    case BINARY_BIT_AND:
    case BINARY_BIT_OR:
    case BINARY_BIT_XOR:
    case BINARY_SHIFT_LEFT:
    case BINARY_SHIFT_RIGHT:
        if (left == VALUE_FLOAT || right == VALUE_FLOAT)
            verify_error(v, &binary->base, "%s is for integers: %s",
                         word_text(WORDS_binary_operator, (int)binary->op), text_of(v, &binary->base));
        return VALUE_INTEGER;
    default:
        return left == VALUE_FLOAT || right == VALUE_FLOAT ? VALUE_FLOAT : VALUE_INTEGER;
    }
}

/* ---- calls ---- */

static bool arguments_fit(struct verifier *v, const struct node_call *call, size_t count) {
    if (call->arguments.count == count)
        return true;
    verify_error(v, &call->base, "%s takes %zu argument%s, not %zu", call->function, count,
                 count == 1 ? "" : "s", call->arguments.count);
    return false;
}

static enum value_kind verify_axis_call(struct verifier *v, const struct node_call *call,
                                        enum value_kind result) {
    if (!arguments_fit(v, call, 1))
        return VALUE_NONE;
    const struct node_reference *axis = node_as(call->arguments.items[0], reference);
    const struct scope_name *found = axis ? scope_find(v, axis->name) : NULL;
    if (!found || (found->kind != NAME_BLOCK && found->kind != NAME_RANGE && found->kind != NAME_ELEMENT))
        verify_error(v, &call->base, "%s takes an axis in scope, not %s", call->function,
                     text_of(v, call->arguments.items[0]));
    return result;
}

static enum value_kind verify_arguments(struct verifier *v, const struct node_call *call) {
    enum value_kind result = VALUE_INTEGER;
    for (size_t i = 0; i < call->arguments.count; i++)
        if (verify_expression(v, call->arguments.items[i]) == VALUE_FLOAT)
            result = VALUE_FLOAT;
    return result;
}

static enum value_kind verify_select(struct verifier *v, const struct node_call *call) {
    if (!arguments_fit(v, call, 3))
        return VALUE_NONE;
    verify_expression(v, call->arguments.items[0]);
    enum value_kind then = verify_expression(v, call->arguments.items[1]),
                    otherwise = verify_expression(v, call->arguments.items[2]);
    return then == VALUE_FLOAT || otherwise == VALUE_FLOAT ? VALUE_FLOAT : then;
}

/* What the FPU computes: a buffer, or +, - or * of two. */
static enum value_kind verify_fpu(struct verifier *v, const struct node_call *call) {
    if (!arguments_fit(v, call, 1))
        return VALUE_NONE;
    struct node *value = call->arguments.items[0];
    const struct node_binary *binary = node_as(value, binary);
    bool fits = binary ? binary->op <= BINARY_MULTIPLY && node_as(binary->left, access) &&
                             node_as(binary->right, access)
                       : value->kind == NODE_ACCESS;
    if (!fits)
        verify_error(v, &call->base, "fpu takes a buffer, or +, - or * of two, not %s", text_of(v, value));
    return verify_expression(v, value);
}

static enum value_kind verify_call(struct verifier *v, const struct node_call *call) {
    const char *name = call->function;
    const struct language_function *function = language_function_find(name);
    int dtype = word_value(WORDS_dtype, name);
    bool known = false;
    if (function) {
        enum value_kind kind =
            arguments_fit(v, call, function->arity) ? verify_arguments(v, call) : VALUE_NONE;
        return function->arity == 2 ? kind : VALUE_FLOAT;
    }
    if (strcmp(name, "lo") == 0 || strcmp(name, "len") == 0)
        return verify_axis_call(v, call, VALUE_INTEGER);
    if (strcmp(name, "inside") == 0)
        return verify_axis_call(v, call, VALUE_BOOL);
    if (strcmp(name, "select") == 0)
        return verify_select(v, call);
    if (strcmp(name, "fpu") == 0 && v->form != FORM_LOOP)
        return verify_fpu(v, call);
    if (strcmp(name, "random") == 0)
        return arguments_fit(v, call, 2) ? verify_arguments(v, call) : VALUE_NONE;
    if (strcmp(name, "ceildiv") == 0) {
        if (arguments_fit(v, call, 2))
            for (size_t i = 0; i < call->arguments.count; i++)
                verify_number(v, call->arguments.items[i], "an operand of a size");
        return VALUE_INTEGER;
    }
    if (dtype > 0)
        return arguments_fit(v, call, 1) ? (verify_arguments(v, call), value_kind_of((enum dtype)dtype))
                                         : VALUE_NONE;
    enum value_kind kind = verify_device_value(v, call, &known);
    if (known)
        return kind;
    verify_error(v, &call->base, "there is no function %s", name);
    return VALUE_NONE;
}

/* ---- reductions ---- */

/* A folded axis is one of its own, or a block axis in scope; inside, its name means the element of the fold.
 * True when that block axis must be closed again. */
static bool open_folded(struct verifier *v, const struct node_axis *axis) {
    if (axis->lower) {
        verify_number(v, axis->lower, "a bound");
        if (axis->upper)
            verify_number(v, axis->upper, "a bound");
        else
            verify_error(v, &axis->base, "axis %s has no upper bound", axis->name);
        scope_add(v, NAME_ELEMENT, axis->name, &axis->base);
        return false;
    }
    struct scope_name *found = scope_find(v, axis->name);
    if (!found)
        unknown_name(v, &axis->base, axis->name);
    else if (found->kind != NAME_BLOCK && found->kind != NAME_RANGE)
        verify_error(v, &axis->base, "%s is no block axis: give it a range to fold it", axis->name);
    else if (!found->bound)
        return found->bound = true;
    return false;
}

static enum value_kind verify_reduction(struct verifier *v, const struct node_reduction *reduction) {
    size_t mark = v->count;
    bool *opened = arena_allocate(v->arena, reduction->axes.count + 1);
    if (reduction->axes.count == 0)
        verify_error(v, &reduction->base, "a reduction over no axis");
    for (size_t i = 0; i < reduction->axes.count; i++) {
        const struct node_axis *axis = node_as(reduction->axes.items[i], axis);
        opened[i] = axis && verify_present(v, &axis->base) && open_folded(v, axis);
    }
    enum value_kind kind = verify_expression(v, reduction->body);
    v->count = mark;
    for (size_t i = 0; i < reduction->axes.count; i++)
        if (opened[i])
            scope_find(v, node_as(reduction->axes.items[i], axis)->name)->bound = false;
    bool position = reduction->op == REDUCTION_ARGMAX || reduction->op == REDUCTION_ARGMIN;
    if (position && reduction->axes.count > 1)
        verify_error(v, &reduction->base, "%s folds one axis",
                     word_text(WORDS_reduction_operator, (int)reduction->op));
    return position || kind == VALUE_BOOL ? VALUE_INTEGER : kind;
}

/* The axis is a block, of which an element is at hand. */
static enum value_kind verify_scan(struct verifier *v, const struct node_scan *scan) {
    const struct node_reference *axis = node_as(scan->axis, reference);
    struct scope_name *found = axis ? scope_find(v, axis->name) : NULL;
    if (!found || (found->kind != NAME_BLOCK && found->kind != NAME_RANGE) || !found->bound)
        verify_error(v, &scan->base, "a scan runs along a block axis of what is written");
    if (scan->op == REDUCTION_ARGMAX || scan->op == REDUCTION_ARGMIN)
        verify_error(v, &scan->base, "a scan gives no positions");
    if (scan->start) {
        verify_expression(v, scan->start);
        if (axis && mentions(scan->start, axis->name))
            verify_error(v, &scan->base, "what a scan begins with does not vary along %s", axis->name);
    }
    enum value_kind kind = verify_expression(v, scan->body);
    return kind == VALUE_BOOL ? VALUE_INTEGER : kind;
}

static enum value_kind verify_page(struct verifier *v, const struct node_page *page) {
    const struct scope_name *found = scope_find(v, page->tensor);
    if (!found || (found->kind != NAME_TENSOR && found->kind != NAME_ACCESSOR))
        verify_error(v, &page->base, "%s is no tensor with pages", page->tensor);
    else if (found->rank != page->indices.count)
        verify_error(v, &page->base, "a page of %s is given by %zu numbers, not %zu", page->tensor,
                     found->rank, page->indices.count);
    for (size_t i = 0; i < page->indices.count; i++)
        verify_number(v, page->indices.items[i], "the position of a page");
    return VALUE_INTEGER;
}

/* ---- all kinds ---- */

/* Before the split a section of compute has floats, too, which are of any width. */
static void verify_width(struct verifier *v, const struct node_integer *number) {
    if (v->split && v->inside_role && (number->value < INT32_MIN || number->value > UINT32_MAX))
        verify_error(v, &number->base, "%lld does not fit in the 32 bits that the device has for a number",
                     (long long)number->value);
}

static enum value_kind verify_kind(struct verifier *v, const struct node *node) {
    switch (node->kind) {
    case NODE_INTEGER:
        verify_width(v, (const struct node_integer *)node);
        return VALUE_INTEGER;
    case NODE_REAL:
        return VALUE_FLOAT;
    case NODE_REFERENCE:
        return verify_reference(v, (const struct node_reference *)node);
    case NODE_ACCESS:
        return verify_access(v, (const struct node_access *)node);
    case NODE_UNARY: {
        const struct node_unary *unary = (const struct node_unary *)node;
        enum value_kind kind = verify_expression(v, unary->operand);
        return unary->op == UNARY_NOT ? VALUE_BOOL : kind == VALUE_BOOL ? VALUE_INTEGER : kind;
    }
    case NODE_BINARY:
        return verify_binary(v, (const struct node_binary *)node);
    case NODE_CALL:
        return verify_call(v, (const struct node_call *)node);
    case NODE_REDUCTION:
        return verify_reduction(v, (const struct node_reduction *)node);
    case NODE_SCAN:
        return verify_scan(v, (const struct node_scan *)node);
    case NODE_PAGE:
        if (v->form == FORM_DEVICE)
            return verify_page(v, (const struct node_page *)node);
        verify_error(v, node, "pages belong to device form");
        return VALUE_NONE;
    default:
        verify_error(v, node, "%s is no value", text_of(v, node));
        return VALUE_NONE;
    }
}

enum value_kind verify_expression(struct verifier *v, const struct node *node) {
    enum value_kind kind = VALUE_NONE;
    if (++v->depth > DEPTH_LIMIT)
        verify_error(v, node, "this expression is nested too deeply");
    else if (verify_present(v, node))
        kind = verify_kind(v, node);
    v->depth--;
    return kind;
}

void verify_number(struct verifier *v, const struct node *node, const char *what) {
    if (verify_expression(v, node) == VALUE_FLOAT)
        verify_error(v, node, "%s must be an integer: %s", what, text_of(v, node));
}

/* ---- assignments ---- */

struct binding {
    struct verifier *verifier;
    const char *names[32];
    size_t count;
};

/* The axes that a subscript of the target names: what is assigned runs over them. */
static void bind_axes(struct binding *binding, struct node *subscript) {
    for_each_node (node, subscript) {
        const struct node_reference *reference = node_as(node, reference);
        struct scope_name *found = reference ? scope_find(binding->verifier, reference->name) : NULL;
        if (is_block_place(node))
            skip_below(node);
        if (found && (found->kind == NAME_BLOCK || found->kind == NAME_RANGE) && !found->bound &&
            binding->count < 32) {
            found->bound = true;
            binding->names[binding->count++] = found->name;
        }
    }
}

static void verify_target(struct verifier *v, const struct node *target) {
    const struct node_access *access =
        target->kind == NODE_ACCESS ? (const struct node_access *)target : NULL;
    const struct node_reference *reference =
        target->kind == NODE_REFERENCE ? (const struct node_reference *)target : NULL;
    const struct scope_name *found = access      ? scope_find(v, access->name)
                                     : reference ? scope_find(v, reference->name)
                                                 : NULL;
    if (!access && !reference)
        verify_error(v, target, "%s cannot be assigned", text_of(v, target));
    else if (found && found->kind == NAME_TENSOR && found->input)
        verify_error(v, target, "%s is an input: it is not written", found->name);
    else if (found && (found->kind == NAME_VALUES || (reference && found->kind != NAME_VARIABLE)))
        verify_error(v, target, "%s is not assigned: it is no var", found->name);
    else if (access && access->otherwise)
        verify_error(v, target, "what is written has no else");
}

/* true and false are 1 and 0. */
static bool is_truth(const struct node *value) {
    int64_t number;
    return value && integer_value(value, &number) && (number == 0 || number == 1);
}

void verify_storable(struct verifier *v, const struct node *statement, const struct node *value,
                     enum value_kind kind, enum value_kind place) {
    if (place == VALUE_INTEGER && kind == VALUE_FLOAT)
        verify_error(v, statement, "a float value does not become an integer by itself");
    else if (place == VALUE_BOOL && (kind == VALUE_FLOAT || kind == VALUE_INTEGER) && !is_truth(value))
        verify_error(v, statement, "a number does not become a truth value by itself");
}

void verify_assignment(struct verifier *v, const struct node *statement, const struct node *target,
                       const struct node *value) {
    struct binding binding = {.verifier = v};
    const struct node_access *access =
        target->kind == NODE_ACCESS ? (const struct node_access *)target : NULL;
    for (size_t i = 0; access && i < access->subscripts.count; i++)
        bind_axes(&binding, access->subscripts.items[i]);
    verify_target(v, target);
    enum value_kind place = verify_expression(v, target), kind = verify_expression(v, value);
    verify_storable(v, statement, value, kind, place);
    for (size_t i = 0; i < binding.count; i++) {
        struct scope_name *found = scope_find(v, binding.names[i]);
        if (found)
            found->bound = false;
    }
}
