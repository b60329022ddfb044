/* What the files of the reader share: the tokens at hand, and what stands at them. */
#ifndef TILEC_IR_READ_INTERNAL_H
#define TILEC_IR_READ_INTERNAL_H

#include "ir/ir.h"
#include "ir/syntax.h"

struct reader {
    struct arena *arena;
    struct diagnostics *diagnostics;
    uint32_t file;    /* the text that is read */
    uint32_t primary; /* the source that loc(...) means */
    struct token *tokens;
    size_t at;
    int depth;
    bool failed;
};

static inline struct token *peek(struct reader *r) {
    return &r->tokens[r->at];
}

static inline bool next_is(struct reader *r, const char *text) {
    return token_is(peek(r), text);
}

static inline void advance(struct reader *r) {
    if (peek(r)->kind != TOKEN_END)
        r->at++;
}

/* From the token with number first to the one that was read last. */
struct span reader_span(struct reader *r, size_t first);
/* word(line:column-line:column), of the file that the text was made from; absent: false. */
bool read_place(struct reader *r, const char *word, struct span *span);
/* "expected ..., found ...": the first is reported, and ends the reading. */
void reader_fail(struct reader *r, const char *expected);
bool reader_expect(struct reader *r, const char *text);
/* One level of nesting more; false when there are too many. */
bool reader_enter(struct reader *r);

const char *read_name(struct reader *r, const char *what);
int64_t read_integer(struct reader *r);
const char *read_string(struct reader *r);
/* A comma-separated list up to a closing token. */
struct node_list read_list(struct reader *r, const char *close, struct node *(*item)(struct reader *));

/* read_expression.c. An expression whose operators bind at least so tightly; any; a key with its value. */
struct node *read_expression(struct reader *r, int least);
struct node *read_any(struct reader *r);
struct node *read_attribute(struct reader *r);
/* read.c */
struct node *read_axis(struct reader *r);

#endif
