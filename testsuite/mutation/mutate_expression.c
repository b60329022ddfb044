/* Mutations of numbers, conditions and calls. */
#include <string.h>

#include "ir/build.h"
#include "support/arena.h"
#include "support/device_call.h"
#include "testsuite/mutation/mutate_internal.h"

struct node_list list_replaced(struct arena *arena, struct node_list list, size_t index, struct node *item) {
    struct list_builder result = {0};
    for (size_t i = 0; i < list.count; i++)
        builder_add(arena, &result, i == index ? item : list.items[i]);
    return builder_list(&result);
}

struct node_list list_exchanged(struct arena *arena, struct node_list list, size_t index) {
    struct node *first = list.items[index];
    list = list_replaced(arena, list, index, list.items[index + 1]);
    return list_replaced(arena, list, index + 1, first);
}

static struct node *make_raw_binary(struct mutator *m, enum binary_operator op, struct node *left,
                                    struct node *right) {
    return node_new(m->arena, binary, BINARY, left->span, .op = op, .left = left, .right = right);
}

/* ---- inside an expression ---- */

static struct node *mutate_inside(struct node *e, void *context);

static struct node *mutate_integer(struct mutator *m, struct node *e) {
    int64_t value = node_as(e, integer)->value;
    if (take(m, "one more"))
        return make_integer(m->arena, value + 1);
    if (value > 0 && take(m, "one less"))
        return make_integer(m->arena, value - 1);
    return e;
}

static struct node *mutate_reference(struct mutator *m, struct node *e) {
    const char *other = other_name(m, node_as(e, reference)->name);
    return other && take(m, "another name") ? make_reference(m->arena, other) : e;
}

static const struct {
    enum binary_operator from, to;
} operator_swaps[] = {
    {BINARY_ADD, BINARY_SUBTRACT},
    {BINARY_SUBTRACT, BINARY_ADD},
    {BINARY_MULTIPLY, BINARY_ADD},
    {BINARY_DIVIDE, BINARY_REMAINDER},
    {BINARY_REMAINDER, BINARY_DIVIDE},
    {BINARY_EQUAL, BINARY_NOT_EQUAL},
    {BINARY_NOT_EQUAL, BINARY_EQUAL},
    {BINARY_LESS, BINARY_LESS_EQUAL},
    {BINARY_LESS_EQUAL, BINARY_LESS},
    {BINARY_GREATER, BINARY_GREATER_EQUAL},
    {BINARY_GREATER_EQUAL, BINARY_GREATER},
    {BINARY_AND, BINARY_OR},
    {BINARY_OR, BINARY_AND},
};

static struct node *mutate_binary(struct mutator *m, struct node *e) {
    struct node_binary *binary = node_as(e, binary);
    if (take(m, "left operand alone"))
        return binary->left;
    if (take(m, "right operand alone"))
        return binary->right;
    for (size_t i = 0; i < sizeof operator_swaps / sizeof *operator_swaps; i++)
        if (binary->op == operator_swaps[i].from && take(m, "another operator"))
            return make_raw_binary(m, operator_swaps[i].to, binary->left, binary->right);
    return node_map_children(m->arena, e, mutate_inside, m);
}

static struct node *mutate_value_call(struct mutator *m, struct node *e) {
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"min", "max"}, {"max", "min"}, {"get_write_ptr", "get_read_ptr"}, {"get_read_ptr", "get_write_ptr"}};
    struct node_call *call = node_as(e, call);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(call->function, rows[i].from) == 0 && take(m, "another function"))
            return make_call(m->arena, rows[i].to, call->arguments);
    if (strcmp(call->function, "ceildiv") == 0 && take(m, "rounded down"))
        return make_raw_binary(m, BINARY_DIVIDE, call->arguments.items[0], call->arguments.items[1]);
    return node_map_children(m->arena, e, mutate_inside, m);
}

static struct node *mutate_page(struct mutator *m, struct node *e) {
    struct node_page *page = node_as(e, page);
    const char *other = other_name(m, page->tensor);
    struct node_list indices = page->indices;
    const char *tensor = other && take(m, "page of another tensor") ? other : page->tensor;
    for (size_t i = 0; i + 1 < indices.count; i++)
        if (take(m, "subscripts exchanged"))
            indices = list_exchanged(m->arena, page->indices, i);
    indices = mutate_numbers(m, indices);
    if (tensor == page->tensor && list_equal(indices, page->indices))
        return e;
    return node_new(m->arena, page, PAGE, e->span, .tensor = tensor, .indices = indices);
}

static struct node *mutate_inside(struct node *e, void *context) {
    struct mutator *m = context;
    switch (e->kind) {
    case NODE_INTEGER:
        return mutate_integer(m, e);
    case NODE_REFERENCE:
        return mutate_reference(m, e);
    case NODE_BINARY:
        return mutate_binary(m, e);
    case NODE_CALL:
        return mutate_value_call(m, e);
    case NODE_PAGE:
        return mutate_page(m, e);
    default:
        return node_map_children(m->arena, e, mutate_inside, m);
    }
}

/* ---- wholes ---- */

struct node *mutate_number(struct mutator *m, struct node *e) {
    if (!e)
        return NULL;
    bool plain = e->kind == NODE_BINARY || e->kind == NODE_CALL || e->kind == NODE_REFERENCE;
    if (plain && take(m, "one more"))
        return make_add(m->arena, e, make_integer(m->arena, 1));
    if (plain && take(m, "one less"))
        return make_sub(m->arena, e, make_integer(m->arena, 1));
    return mutate_inside(e, m);
}

struct node_list mutate_numbers(struct mutator *m, struct node_list numbers) {
    struct list_builder result = {0};
    for (size_t i = 0; i < numbers.count; i++)
        builder_add(m->arena, &result, mutate_number(m, numbers.items[i]));
    return builder_list(&result);
}

struct node *mutate_condition(struct mutator *m, struct node *e) {
    if (take(m, "negated"))
        return node_new(m->arena, unary, UNARY, e->span, .op = UNARY_NOT, .operand = e);
    return mutate_inside(e, m);
}

/* ---- calls ---- */

enum { OTHER_CALLS = 3 };

static bool same_shape(const struct device_call *a, const struct device_call *b) {
    return a != b && a->templates == b->templates && a->count == b->count && a->role == b->role &&
           device_call_acts(a) && device_call_acts(b);
}

/* The next calls of the same shape, and the words that stand for each other as template arguments. */
static const char *mutate_function(struct mutator *m, const struct device_call *call) {
    size_t found = 0, calls = DEVICE_CALL_END - 1;
    for (size_t i = 0; i + 1 < calls && found < OTHER_CALLS; i++) {
        const struct device_call *other = &device_calls[1 + ((size_t)(call - device_calls) + i) % calls];
        if (same_shape(call, other) && ++found && take(m, "another call"))
            return other->name;
    }
    return call->name;
}

/* The next word for the same parameter. */
static struct node *mutate_word(struct mutator *m, struct node *node) {
    const struct node_reference *reference = node_as(node, reference);
    const struct call_word *word = reference ? call_word_find(reference->name) : NULL;
    for (size_t i = 1; word && i < call_word_count; i++) {
        const struct call_word *other = &call_words[((size_t)(word - call_words) + i) % call_word_count];
        if (call_word_fits(other->word, word->kind))
            return take(m, "another word") ? make_reference(m->arena, other->word) : node;
    }
    return node;
}

static bool is_exchangeable(const struct mutator *m, const struct node *a, const struct node *b) {
    return !node_equal(a, b) && !is_name(m, a, NAME_ACCESSOR) && !is_name(m, b, NAME_ACCESSOR) &&
           is_name(m, a, NAME_BUFFER) == is_name(m, b, NAME_BUFFER);
}

struct node *mutate_call(struct mutator *m, struct node *node) {
    struct node_call *call = node_as(node, call);
    const struct device_call *row = device_call_find(call->function);
    const char *function = row ? mutate_function(m, row) : call->function;
    struct node_list arguments = call->arguments;
    size_t templates = row ? row->templates : 0;
    for (size_t i = 0; i < call->arguments.count; i++) {
        struct node *argument = call->arguments.items[i];
        bool name = is_name(m, argument, NAME_BUFFER) || is_name(m, argument, NAME_ACCESSOR);
        struct node *other = i < templates ? mutate_word(m, argument)
                             : name        ? mutate_inside(argument, m)
                                           : mutate_number(m, argument);
        if (other != argument)
            arguments = list_replaced(m->arena, call->arguments, i, other);
        if (i >= templates && i + 1 < call->arguments.count &&
            is_exchangeable(m, argument, call->arguments.items[i + 1]) && take(m, "arguments exchanged"))
            arguments = list_exchanged(m->arena, call->arguments, i);
    }
    if (function == call->function && list_equal(arguments, call->arguments))
        return node;
    return node_new(m->arena, call, CALL, node->span, .function = function, .arguments = arguments);
}
