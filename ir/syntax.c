/* The scanner of the text form, and steps through the patterns of nodes.def. */
#include "ir/syntax.h"

#include <ctype.h>
#include <string.h>

bool token_is(const struct token *token, const char *text) {
    return token->kind != TOKEN_STRING && token->length == strlen(text) &&
           memcmp(token->text, text, token->length) == 0;
}

static bool is_name_start(char c) {
    return isalpha((unsigned char)c) || c == '_';
}

static bool is_name_part(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static size_t name_length(const char *text, const char *end) {
    const char *at = text;
    while (at < end && (is_name_part(*at) || (*at == '.' && at + 1 < end && is_name_start(at[1]))))
        at++;
    return (size_t)(at - text);
}

/* Digits, with fraction and exponent when a real; `0..M` is an integer and a range. */
static size_t number_length(const char *text, const char *end, bool *real) {
    const char *at = text;
    while (at < end && isdigit((unsigned char)*at))
        at++;
    *real = false;
    if (at + 1 < end && *at == '.' && isdigit((unsigned char)at[1])) {
        *real = true;
        for (at++; at < end && isdigit((unsigned char)*at);)
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *digits = at + 1 + (at + 1 < end && (at[1] == '+' || at[1] == '-'));
        if (digits < end && isdigit((unsigned char)*digits)) {
            *real = true;
            for (at = digits; at < end && isdigit((unsigned char)*at);)
                at++;
        }
    }
    return (size_t)(at - text);
}

static size_t string_length(const char *text, const char *end, bool *closed) {
    const char *at = text + 1;
    while (at < end && *at != '"' && *at != '\n')
        at += *at == '\\' && at + 1 < end && at[1] != '\n' ? 2 : 1;
    *closed = at < end && *at == '"';
    return (size_t)(at - text) + *closed;
}

static size_t symbol_length(const char *text, const char *end) {
    static const char *const pairs[] = {"..", "==", "!=", "<=", ">=", "&&", "||",
                                        "<<", ">>", "+=", "-=", "*=", "@{"};
    for (size_t i = 0; text + 1 < end && i < sizeof pairs / sizeof *pairs; i++)
        if (memcmp(text, pairs[i], 2) == 0)
            return 2;
    return 1;
}

static const char *skip_space(const char *at, const char *end, uint32_t *line, uint32_t *column) {
    while (at < end) {
        if (at + 1 < end && at[0] == '/' && at[1] == '/') {
            for (; at < end && *at != '\n'; at++)
                ++*column;
        } else if (*at == '\n') {
            at++, ++*line, *column = 1;
        } else if (*at == ' ' || *at == '\t' || *at == '\r') {
            at++, ++*column;
        } else {
            break;
        }
    }
    return at;
}

struct token token_next(const char **cursor, const char *end, uint32_t *line, uint32_t *column) {
    const char *at = skip_space(*cursor, end, line, column);
    struct token token = {.kind = TOKEN_END, .text = at, .line = *line, .column = *column};
    bool flag = false;
    if (at < end) {
        if (is_name_start(*at)) {
            token.kind = TOKEN_NAME;
            token.length = name_length(at, end);
        } else if (isdigit((unsigned char)*at)) {
            token.length = number_length(at, end, &flag);
            token.kind = flag ? TOKEN_REAL : TOKEN_INTEGER;
        } else if (*at == '"') {
            token.length = string_length(at, end, &flag);
            token.kind = flag ? TOKEN_STRING : TOKEN_BAD;
        } else {
            token.length = symbol_length(at, end);
            token.kind = *at && strchr("+-*/%=<>!&|^()[]{}:,.@", *at) ? TOKEN_SYMBOL : TOKEN_BAD;
        }
    }
    *column += (uint32_t)token.length;
    token.end_line = *line;
    token.end_column = *column;
    *cursor = at + token.length;
    return token;
}

struct pattern pattern_next(const char **cursor) {
    const char *at = *cursor;
    struct pattern pattern = {PATTERN_END, at, 0};
    if (*at == '{' || *at == '}') {
        pattern.kind = *at == '{' ? PATTERN_OPEN : PATTERN_CLOSE;
        pattern.length = 1;
        *cursor = at + 1;
    } else if (*at == '$') {
        pattern.kind = at[1] == '@' ? PATTERN_ATTRIBUTES : PATTERN_FIELD;
        pattern.text = at + 1;
        pattern.length = 1;
        if (pattern.kind == PATTERN_FIELD)
            while (is_name_part(pattern.text[pattern.length]))
                pattern.length++;
        *cursor = pattern.text + pattern.length;
    } else if (*at) {
        pattern.kind = PATTERN_LITERAL;
        pattern.length = strcspn(at, "{}$");
        *cursor = at + pattern.length;
    }
    return pattern;
}

const struct field_info *pattern_field(const struct node_info *info, const struct pattern *pattern) {
    for (size_t i = 0; i < info->field_count; i++)
        if (strlen(info->fields[i].name) == pattern->length &&
            memcmp(info->fields[i].name, pattern->text, pattern->length) == 0)
            return &info->fields[i];
    return NULL;
}

const char *pattern_skip_group(const char *cursor) {
    for (int depth = 1; depth > 0 && *cursor; cursor++)
        depth += *cursor == '{' ? 1 : *cursor == '}' ? -1 : 0;
    return cursor;
}

int operator_precedence(enum binary_operator op) {
    switch (op) {
    case BINARY_OR:
        return 1;
    case BINARY_AND:
        return 2;
    case BINARY_BIT_OR:
        return 4;
    case BINARY_BIT_XOR:
        return 5;
    case BINARY_BIT_AND:
        return 6;
    case BINARY_SHIFT_LEFT:
    case BINARY_SHIFT_RIGHT:
        return 7;
    case BINARY_ADD:
    case BINARY_SUBTRACT:
        return 8;
    case BINARY_MULTIPLY:
    case BINARY_DIVIDE:
    case BINARY_REMAINDER:
        return 9;
    default:
        return PRECEDENCE_COMPARISON;
    }
}
