/* Constructors for the parser's actions: lists, operators, and declarations of several names. */
#include "grammar/tree.h"

#include <string.h>

#include "grammar/habits.h"
#include "ir/query.h"

struct list_builder *list_start(struct parse *parse, struct node *item) {
    struct list_builder *list = arena_allocate(parse->arena, sizeof *list);
    builder_add(parse->arena, list, item);
    return list;
}

struct list_builder *list_more(struct parse *parse, struct list_builder *list, struct node *item) {
    builder_add(parse->arena, list, item);
    return list;
}

struct list_builder *list_join(struct parse *parse, struct list_builder *list, struct list_builder *more) {
    builder_add_all(parse->arena, list, builder_list(more));
    return list;
}

struct node *attributed(struct node *node, struct list_builder *attributes) {
    node->attributes = builder_list(attributes);
    return node;
}

void tree_item(struct parse *parse, struct node *item) {
    size_t count = parse->items.count;
    bool *broken = parse->broken;
    if (!item) {
        parse->lost = true;
    } else {
        if ((count & (count - 1)) == 0) { /* a power of two: full */
            broken = arena_allocate(parse->arena, 2 * count + 1);
            if (count)
                memcpy(broken, parse->broken, count);
        }
        broken[count] = parse->diagnostics->error_count != parse->errors;
        parse->broken = broken;
        builder_add(parse->arena, &parse->items, item);
    }
    parse->errors = parse->diagnostics->error_count;
}

struct node *tree_binary(struct parse *parse, struct span span, int op, struct node *left,
                         struct node *right) {
    return NODE_AT(binary, BINARY, span, .op = (enum binary_operator)op, .left = left, .right = right);
}

struct node *tree_call(struct parse *parse, struct span span, const char *function,
                       struct list_builder *arguments) {
    return NODE_AT(call, CALL, span, .function = function, .arguments = LIST_OF(arguments));
}

int fold_named(const char *name) {
    return strcmp(name, "any") == 0   ? FOLD_ANY
           : strcmp(name, "all") == 0 ? FOLD_ALL
                                      : word_value(WORDS_reduction_operator, name);
}

/* name(axes: body): every axis is `j` or `j in range`. */
static struct node *tree_reduction(struct parse *parse, struct span span, const char *name,
                            struct list_builder *items, struct node *body) {
    int op = fold_named(name);
    if (op < 0) {
        const char *words[16];
        int count = word_count(WORDS_reduction_operator);
        for (int i = 0; i < count; i++)
            words[i] = word_text(WORDS_reduction_operator, i);
        words[count++] = "any";
        words[count++] = "all";
        report_error(parse->diagnostics, span_of_name(span, name), "%s is no reduction", name);
        const char *nearest = suggest_nearest(name, words, (size_t)count), *habit = habit_of_function(name);
        if (habit)
            report_help(parse->diagnostics, (struct span){0}, "%s", habit);
        else if (nearest)
            report_help(parse->diagnostics, (struct span){0}, "did you mean %s?", nearest);
        else
            report_help(parse->diagnostics, (struct span){0}, "reductions are " FOLD_NAMES " and all");
        op = REDUCTION_SUM;
    }
    for (size_t i = 0; i < items->count; i++) {
        struct node *item = items->items[i];
        struct node_reference *plain = node_as(item, reference);
        if (plain)
            items->items[i] = NODE_AT(axis, AXIS, item->span, .name = plain->name);
        else if (item->kind != NODE_AXIS) {
            report_error(parse->diagnostics, item->span,
                         "an axis of a reduction is a name, or a name in a range");
            items->items[i] = NODE_AT(axis, AXIS, item->span, .name = arena_intern(parse->arena, "axis"));
        }
    }
    return NODE_AT(reduction, REDUCTION, span, .op = (enum reduction_operator)op, .axes = LIST_OF(items),
                   .body = body);
}

static struct node *tree_scan(struct parse *parse, struct span span, struct list_builder *items, struct node *body,
                       struct node *start) {
    struct node_reference *fold = node_as(items->items[0], reference);
    int op = fold ? word_value(WORDS_reduction_operator, fold->name) : -1;
    bool folds = op >= 0 && folds_by_parts((enum reduction_operator)op);
    struct node *axis = items->count == 2 ? items->items[1] : NULL;
    if (!folds || !axis || axis->kind != NODE_REFERENCE) {
        report_error(parse->diagnostics, span, "a scan names a fold and the axis that it runs along");
        report_help(parse->diagnostics, (struct span){0},
                    "in a loop over j write scan(sum, j: ...), or product, max, min for sum");
        return body;
    }
    return NODE_AT(scan, SCAN, span, .op = (enum reduction_operator)op, .axis = axis, .body = body,
                   .start = start);
}

struct node *tree_fold(struct parse *parse, struct span span, const char *name, struct list_builder *items,
                       struct node *body, struct node *start) {
    if (strcmp(name, "scan") == 0)
        return tree_scan(parse, span, items, body, start);
    if (start)
        report_error(parse->diagnostics, start->span, "%s takes one expression behind the ':'", name);
    return tree_reduction(parse, span, name, items, body);
}

struct node *tree_assignment(struct parse *parse, struct span span, struct list_builder *targets, int op,
                             struct node *value, struct list_builder *attributes) {
    struct node_call *launched = node_as(value, call);
    if (targets->count == 1)
        return attributed(NODE_AT(assign, ASSIGN, span, .target = targets->items[0],
                                  .op = (enum assign_operator)op, .value = value),
                          attributes);
    if (op != ASSIGN_SET || !launched) {
        report_error(parse->diagnostics, span,
                     "several targets take the results of one kernel: Y, Z = kernel(...)");
        return NULL;
    }
    return attributed(NODE_AT(launch, LAUNCH, span, .results = LIST_OF(targets), .kernel = launched->function,
                              .arguments = launched->arguments),
                      attributes);
}

/* The declarators of `let`, `var` as they are; those of `shared` and `fragment` as buffers. */
struct list_builder *tree_buffers(struct parse *parse, struct list_builder *declarators, enum memory memory) {
    for (size_t i = 0; i < declarators->count; i++) {
        struct node_var *var = node_as(declarators->items[i], var);
        declarators->items[i] =
            NODE_AT(buffer, BUFFER, var->base.span, .base.attributes = var->base.attributes, .memory = memory,
                    .name = var->name, .axes = var->axes, .dtype = var->dtype, .value = var->value);
    }
    return declarators;
}

struct list_builder *tree_lets(struct parse *parse, struct list_builder *declarators) {
    for (size_t i = 0; i < declarators->count; i++) {
        struct node_var *var = node_as(declarators->items[i], var);
        declarators->items[i] =
            NODE_AT(let, LET, var->base.span, .base.attributes = var->base.attributes, .name = var->name,
                    .axes = var->axes, .dtype = var->dtype, .value = var->value);
    }
    return declarators;
}

struct list_builder *list_empty(struct parse *parse) {
    return list_start(parse, NULL);
}
