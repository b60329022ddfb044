/* Expressions of the text form, by precedence. */
#include <stdlib.h>
#include <string.h>

#include "ir/read_internal.h"

struct node *read_any(struct reader *r) {
    return read_expression(r, 0);
}

struct node *read_attribute(struct reader *r) {
    size_t first = r->at;
    const char *key = read_name(r, "a key");
    reader_expect(r, "=");
    struct node *value = r->failed ? NULL : read_expression(r, 0);
    return node_new(r->arena, attribute, ATTRIBUTE, reader_span(r, first), .key = key, .value = value);
}

/* A reduction has a colon of its own between its parentheses: max(j: e), not max(a, b). */
static bool is_reduction(const struct reader *r) {
    int depth = 0;
    for (size_t i = r->at + 1; r->tokens[i].kind != TOKEN_END; i++) {
        const struct token *t = &r->tokens[i];
        if (token_is(t, "(") || token_is(t, "[") || token_is(t, "{"))
            depth++;
        else if (token_is(t, ")") || token_is(t, "]") || token_is(t, "}"))
            depth--;
        else if (depth == 1 && token_is(t, ":"))
            return true;
        if (depth == 0)
            return false;
    }
    return false;
}

/* The place of a part that comes from elsewhere, as printed behind it; else where it stands in this text. */
static struct span part_span(struct reader *r, size_t first) {
    struct span here = reader_span(r, first), origin;
    return read_place(r, "from", &origin) ? origin : here;
}

static struct node *read_reduction(struct reader *r, int op) {
    size_t first = r->at;
    advance(r);
    reader_expect(r, "(");
    struct node_list axes = read_list(r, ":", read_axis);
    reader_expect(r, ":");
    struct node *body = r->failed ? NULL : read_expression(r, 0);
    reader_expect(r, ")");
    return node_new(r->arena, reduction, REDUCTION, part_span(r, first), .op = (enum reduction_operator)op,
                    .axes = axes, .body = body);
}

static struct node *read_scan(struct reader *r) {
    size_t first = r->at;
    advance(r);
    reader_expect(r, "(");
    const char *word = read_name(r, "a fold");
    int op = r->failed ? -1 : word_value(WORDS_reduction_operator, word);
    if (op < 0)
        reader_fail(r, "a fold");
    reader_expect(r, ",");
    struct node *axis = r->failed ? NULL : read_expression(r, 0);
    reader_expect(r, ":");
    struct node *body = r->failed ? NULL : read_expression(r, 0), *start = NULL;
    if (next_is(r, ",")) {
        advance(r);
        start = read_expression(r, 0);
    }
    reader_expect(r, ")");
    return node_new(r->arena, scan, SCAN, part_span(r, first), .op = (enum reduction_operator)op, .axis = axis,
                    .body = body, .start = start);
}

static struct node *read_access(struct reader *r, size_t first, const char *name) {
    reader_expect(r, "[");
    struct node_list subscripts = read_list(r, "]", read_any);
    struct node *otherwise = NULL;
    if (next_is(r, "else")) {
        advance(r);
        otherwise = read_expression(r, 0);
    }
    reader_expect(r, "]");
    return node_new(r->arena, access, ACCESS, part_span(r, first), .name = name, .subscripts = subscripts,
                    .otherwise = otherwise);
}

static struct node *read_call(struct reader *r, size_t first, const char *name) {
    reader_expect(r, "(");
    struct node_list arguments = read_list(r, ")", read_any);
    reader_expect(r, ")");
    if (strcmp(name, "page") != 0)
        return node_new(r->arena, call, CALL, reader_span(r, first), .function = name,
                        .arguments = arguments);
    struct node_reference *tensor = arguments.count ? node_as(arguments.items[0], reference) : NULL;
    if (!tensor) {
        reader_fail(r, "a tensor as first argument of page");
        return NULL;
    }
    struct node_list indices = list_of(r->arena, arguments.count - 1, arguments.items + 1);
    return node_new(r->arena, page, PAGE, reader_span(r, first), .tensor = tensor->name, .indices = indices);
}

static struct node *read_named(struct reader *r) {
    size_t first = r->at;
    struct token *t = peek(r);
    int reduction = word_value(WORDS_reduction_operator, arena_intern_range(r->arena, t->text, t->length));
    if (reduction >= 0 && token_is(&r->tokens[r->at + 1], "(") && is_reduction(r))
        return read_reduction(r, reduction);
    if (next_is(r, "scan") && token_is(&r->tokens[r->at + 1], "(") && is_reduction(r))
        return read_scan(r);
    const char *name = read_name(r, "a name");
    if (strcmp(name, "inf") == 0)
        return node_new(r->arena, real, REAL, reader_span(r, first), .value = strtod("inf", NULL));
    if (strcmp(name, "nan") == 0)
        return node_new(r->arena, real, REAL, reader_span(r, first), .value = strtod("nan", NULL));
    if (next_is(r, "["))
        return read_access(r, first, name);
    if (next_is(r, "("))
        return read_call(r, first, name);
    return node_new(r->arena, reference, REFERENCE, reader_span(r, first), .name = name);
}

static struct node *read_number(struct reader *r) {
    size_t first = r->at;
    if (peek(r)->kind == TOKEN_INTEGER) {
        int64_t value = read_integer(r);
        return node_new(r->arena, integer, INTEGER, reader_span(r, first), .value = value);
    }
    double value = strtod(arena_string_range(r->arena, peek(r)->text, peek(r)->length), NULL);
    advance(r);
    return node_new(r->arena, real, REAL, reader_span(r, first), .value = value);
}

static struct node *read_collection(struct reader *r, bool dictionary) {
    size_t first = r->at;
    advance(r);
    struct node_list items = dictionary ? read_list(r, "}", read_attribute) : read_list(r, "]", read_any);
    reader_expect(r, dictionary ? "}" : "]");
    return dictionary ? node_new(r->arena, dictionary, DICTIONARY, reader_span(r, first), .entries = items)
                      : node_new(r->arena, sequence, SEQUENCE, reader_span(r, first), .items = items);
}

/* -3 is a literal; -(3) and -x are operations. */
static struct node *read_unary(struct reader *r) {
    size_t first = r->at;
    enum unary_operator op = next_is(r, "!") ? UNARY_NOT : UNARY_NEGATE;
    advance(r);
    enum token_kind kind = peek(r)->kind;
    bool infinite = next_is(r, "inf");
    struct node *operand = read_expression(r, PRECEDENCE_UNARY);
    struct node_integer *integer = node_as(operand, integer);
    struct node_real *real = node_as(operand, real);
    if (op == UNARY_NEGATE && kind == TOKEN_INTEGER && integer)
        return node_new(r->arena, integer, INTEGER, reader_span(r, first), .value = -integer->value);
    if (op == UNARY_NEGATE && (kind == TOKEN_REAL || infinite) && real)
        return node_new(r->arena, real, REAL, reader_span(r, first), .value = -real->value);
    return node_new(r->arena, unary, UNARY, reader_span(r, first), .op = op, .operand = operand);
}

static struct node *read_primary(struct reader *r) {
    struct token *t = peek(r);
    if (t->kind == TOKEN_NAME)
        return read_named(r);
    if (t->kind == TOKEN_INTEGER || t->kind == TOKEN_REAL)
        return read_number(r);
    if (t->kind == TOKEN_STRING) {
        size_t first = r->at;
        const char *text = read_string(r);
        return node_new(r->arena, text, TEXT, reader_span(r, first), .value = text);
    }
    if (next_is(r, "-") || next_is(r, "!"))
        return read_unary(r);
    if (next_is(r, "[") || next_is(r, "{"))
        return read_collection(r, next_is(r, "{"));
    if (next_is(r, "(")) {
        advance(r);
        struct node *inner = read_expression(r, 0);
        reader_expect(r, ")");
        return inner;
    }
    reader_fail(r, "an expression");
    return NULL;
}

static int binary_operator_at(struct reader *r) {
    struct token *t = peek(r);
    return t->kind == TOKEN_SYMBOL
               ? word_value(WORDS_binary_operator, arena_string_range(r->arena, t->text, t->length))
               : -1;
}

struct node *read_expression(struct reader *r, int least) {
    if (!reader_enter(r))
        return NULL;
    size_t first = r->at;
    struct node *left = read_primary(r);
    for (;;) {
        int op = r->failed ? -1 : binary_operator_at(r);
        int precedence = op < 0 ? -1 : operator_precedence((enum binary_operator)op);
        if (precedence < 0 || precedence < least || least >= PRECEDENCE_UNARY)
            break;
        advance(r);
        struct node *right = read_expression(r, precedence + 1);
        left = node_new(r->arena, binary, BINARY, reader_span(r, first), .op = (enum binary_operator)op,
                        .left = left, .right = right);
    }
    r->depth--;
    return left;
}
