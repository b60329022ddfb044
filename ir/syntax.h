/* The tokens of the text form, and a walk over the text patterns of nodes.def: shared by printer and reader
 * so that they cannot disagree.
 */
#ifndef TILEC_IR_SYNTAX_H
#define TILEC_IR_SYNTAX_H

#include "ir/ir.h"

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_INTEGER, TOKEN_REAL, TOKEN_STRING, TOKEN_SYMBOL, TOKEN_BAD };

struct token {
    enum token_kind kind;
    const char *text; /* its first character */
    size_t length;
    uint32_t line, column, end_line, end_column;
};

/* The token at *cursor (before end), which moves behind it; line and column are kept up to date. */
struct token token_next(const char **cursor, const char *end, uint32_t *line, uint32_t *column);
bool token_is(const struct token *token, const char *text);

/* One step of a text pattern. */
enum pattern_kind {
    PATTERN_END,
    PATTERN_FIELD,
    PATTERN_ATTRIBUTES,
    PATTERN_OPEN,
    PATTERN_CLOSE,
    PATTERN_LITERAL
};
struct pattern {
    enum pattern_kind kind;
    const char *text; /* a literal with its spaces, or the name of a field */
    size_t length;
};
struct pattern pattern_next(const char **cursor);
const struct field_info *pattern_field(const struct node_info *info, const struct pattern *pattern);
/* The cursor behind the group whose PATTERN_OPEN was just read. */
const char *pattern_skip_group(const char *cursor);

int operator_precedence(enum binary_operator op); /* 1 binds loosest */
enum { PRECEDENCE_COMPARISON = 3, PRECEDENCE_UNARY = 10 };

#endif
