/* The reader of the text form: tokens, then statements and parts by the patterns of nodes.def, expressions by
 * precedence. The first error ends the reading: the text is a machine's, and what follows a wrong token would
 * only mislead.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ir/field.h"
#include "ir/read_internal.h"

#define DEPTH_LIMIT 200

static struct node *read_statement(struct reader *r);
static struct node *read_pattern(struct reader *r, enum node_kind kind);

/* ---- tokens ---- */

static struct span token_span(const struct reader *r, const struct token *t) {
    return (struct span){r->file, t->line, t->column, t->end_line, t->end_column};
}

struct span reader_span(struct reader *r, size_t first) {
    size_t last = r->at > first ? r->at - 1 : first;
    return span_join(token_span(r, &r->tokens[first]), token_span(r, &r->tokens[last]));
}

void reader_fail(struct reader *r, const char *expected) {
    if (r->failed)
        return;
    r->failed = true;
    struct token *t = peek(r);
    if (t->kind == TOKEN_END)
        report_error(r->diagnostics, token_span(r, t), "the text ends where %s should stand", expected);
    else
        report_error(r->diagnostics, token_span(r, t), "expected %s, found '%.*s'", expected,
                     (int)(t->length > 40 ? 40 : t->length), t->text);
}

bool reader_expect(struct reader *r, const char *text) {
    if (next_is(r, text) && !r->failed) {
        advance(r);
        return true;
    }
    reader_fail(r, arena_printf(r->arena, "'%s'", text));
    return false;
}

bool reader_enter(struct reader *r) {
    if (++r->depth > DEPTH_LIMIT)
        reader_fail(r, "less nesting");
    return !r->failed;
}

const char *read_name(struct reader *r, const char *what) {
    struct token *t = peek(r);
    if (t->kind != TOKEN_NAME) {
        reader_fail(r, what);
        return arena_intern(r->arena, "");
    }
    advance(r);
    return arena_intern_range(r->arena, t->text, t->length);
}

int64_t read_integer(struct reader *r) {
    struct token *t = peek(r);
    if (t->kind != TOKEN_INTEGER) {
        reader_fail(r, "an integer");
        return 0;
    }
    errno = 0;
    long long value = strtoll(arena_string_range(r->arena, t->text, t->length), NULL, 10);
    if (errno)
        reader_fail(r, "an integer of 64 bits");
    advance(r);
    return value;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char *read_string(struct reader *r) {
    struct token *t = peek(r);
    if (t->kind != TOKEN_STRING) {
        reader_fail(r, "a quoted text");
        return "";
    }
    char *text = arena_allocate(r->arena, t->length + 1), *to = text;
    for (const char *from = t->text + 1, *end = t->text + t->length - 1; from < end; from++) {
        if (from[0] == '\\' && from + 3 < end && from[1] == 'x' && hex_digit(from[2]) >= 0 &&
            hex_digit(from[3]) >= 0) {
            *to++ = (char)(hex_digit(from[2]) * 16 + hex_digit(from[3]));
            from += 3;
        } else {
            from += from[0] == '\\';
            *to++ = *from;
        }
    }
    advance(r);
    return text;
}

/* A comma-separated list up to a closing token. */
struct node_list read_list(struct reader *r, const char *close, struct node *(*item)(struct reader *)) {
    struct list_builder builder = {0};
    while (!r->failed && !next_is(r, close) && peek(r)->kind != TOKEN_END) {
        builder_add(r->arena, &builder, item(r));
        if (!next_is(r, ","))
            break;
        advance(r);
    }
    return builder_list(&builder);
}

static bool tokenize(struct reader *r, const struct source *source) {
    size_t count = 0, capacity = 1024;
    struct token *tokens = arena_allocate(r->arena, capacity * sizeof *tokens);
    const char *cursor = source->text, *end = source->text + source->length;
    uint32_t line = 1, column = 1;
    for (;;) {
        if (count + 2 > capacity) {
            struct token *more = arena_allocate(r->arena, 2 * capacity * sizeof *more);
            memcpy(more, tokens, count * sizeof *tokens);
            tokens = more;
            capacity *= 2;
        }
        struct token token = token_next(&cursor, end, &line, &column);
        if (token.kind == TOKEN_BAD) {
            report_error(r->diagnostics, token_span(r, &token),
                         *token.text == '"' ? "this text has no closing quote"
                         : *token.text == ';'
                             ? "';' means nothing in IR text, where a statement ends with its line"
                             : "a character that no token begins with");
            if (*token.text == ';')
                report_help(
                    r->diagnostics, (struct span){0},
                    "a file whose name ends in .ir is read as IR text; the name of a source ends in .tl");
            return false;
        }
        tokens[count++] = token;
        if (token.kind == TOKEN_END)
            break;
    }
    tokens[count] = tokens[count - 1]; /* looking one further never runs off the end */
    r->tokens = tokens;
    return true;
}

/* ---- statements and parts ---- */

struct node *read_axis(struct reader *r) {
    return read_pattern(r, NODE_AXIS);
}

static struct node *read_parameter(struct reader *r) {
    return read_pattern(r, NODE_PARAMETER);
}

static struct node_list read_attributes(struct reader *r) {
    struct node_list attributes = {0};
    if (next_is(r, "@{")) {
        advance(r);
        attributes = read_list(r, "}", read_attribute);
        reader_expect(r, "}");
    }
    return attributes;
}

static uint32_t read_number_u32(struct reader *r) {
    int64_t value = read_integer(r);
    if (value < 0 || value > UINT32_MAX)
        reader_fail(r, "a line or column");
    return (uint32_t)value;
}

bool read_place(struct reader *r, const char *word, struct span *span) {
    if (!next_is(r, word) || !token_is(&r->tokens[r->at + 1], "("))
        return false;
    advance(r);
    advance(r);
    span->file = r->primary;
    span->line = read_number_u32(r);
    reader_expect(r, ":");
    span->column = read_number_u32(r);
    reader_expect(r, "-");
    span->end_line = read_number_u32(r);
    reader_expect(r, ":");
    span->end_column = read_number_u32(r);
    reader_expect(r, ")");
    return true;
}

struct head {
    struct node_list attributes;
    struct span span;
    bool has_span;
};

static struct head read_head(struct reader *r) {
    struct head head = {.attributes = read_attributes(r)};
    head.has_span = read_place(r, "loc", &head.span);
    return head;
}

static struct node *read_block(struct reader *r) {
    size_t first = r->at;
    struct list_builder builder = {0};
    if (reader_expect(r, "{") && reader_enter(r)) {
        while (!r->failed && !next_is(r, "}") && peek(r)->kind != TOKEN_END)
            builder_add(r->arena, &builder, read_statement(r));
        reader_expect(r, "}");
        r->depth--;
    }
    return node_new(r->arena, block, BLOCK, reader_span(r, first), .statements = builder_list(&builder));
}

static int read_word(struct reader *r, enum word_type words) {
    struct token *t = peek(r);
    const char *text = arena_intern_range(r->arena, t->text, t->length);
    int value = word_value(words, text);
    size_t length = 1;
    if (words == WORDS_assign_operator && t->kind == TOKEN_NAME && token_is(&r->tokens[r->at + 1], "=")) {
        value = word_value(words, arena_printf(r->arena, "%s=", text)); /* max= */
        length = 2;
    }
    if (value < 0 || (t->kind != TOKEN_NAME && t->kind != TOKEN_SYMBOL)) {
        char *expected = arena_string(r->arena, "one of");
        for (int i = 0; i < word_count(words); i++)
            if (word_text(words, i)[0])
                expected = arena_printf(r->arena, "%s '%s'", expected, word_text(words, i));
        reader_fail(r, expected);
        return 0;
    }
    for (; length; length--)
        advance(r);
    return value;
}

/* The text that closes a list: the literal that follows its field in the pattern, else anything. */
static const char *list_close(struct reader *r, const char *cursor) {
    struct pattern step = pattern_next(&cursor);
    if (step.kind != PATTERN_LITERAL)
        return "{";
    uint32_t line = 1, column = 1;
    const char *text = step.text;
    struct token token = token_next(&text, step.text + step.length, &line, &column);
    return arena_intern_range(r->arena, token.text, token.length);
}

static void read_field(struct reader *r, struct node *node, const struct field_info *field,
                       const char *rest) {
    switch (field->type) {
    case FIELD_NAME:
        FIELD_AT(const char *, node, field) = read_name(r, "a name");
        break;
    case FIELD_TEXT:
        FIELD_AT(const char *, node, field) = read_string(r);
        break;
    case FIELD_INTEGER:
        FIELD_AT(int64_t, node, field) = read_integer(r);
        break;
    case FIELD_REAL:
        reader_fail(r, "no real field here");
        break;
    case FIELD_NODE: {
        bool statement = strcmp(field->name, "body") == 0 || strcmp(field->name, "then") == 0 ||
                         strcmp(field->name, "otherwise") == 0;
        FIELD_AT(struct node *, node, field) = statement && next_is(r, "{") ? read_block(r)
                                               : statement                  ? read_statement(r)
                                                                            : read_expression(r, 0);
        break;
    }
    case FIELD_LIST: {
        const char *close = list_close(r, rest);
        bool axes = strcmp(field->name, "axes") == 0, parameters = strcmp(field->name, "parameters") == 0;
        if (next_is(r, "{") &&
            strcmp(close, "{") == 0) /* a list without brackets of its own is never empty */
            reader_fail(r, axes ? "an axis" : "an expression");
        FIELD_AT(struct node_list, node, field) = read_list(r, close,
                                                            axes         ? read_axis
                                                            : parameters ? read_parameter
                                                                         : read_any);
        break;
    }
    case FIELD_WORD:
        FIELD_AT(int, node, field) = read_word(r, field->words);
        break;
    }
}

static void read_literal(struct reader *r, const struct pattern *step) {
    uint32_t line = 1, column = 1;
    const char *cursor = step->text, *end = step->text + step->length;
    for (;;) {
        struct token token = token_next(&cursor, end, &line, &column);
        if (token.kind == TOKEN_END || r->failed)
            break;
        reader_expect(r, arena_intern_range(r->arena, token.text, token.length));
    }
}

/* An optional group that begins with a literal is there when that token is next; one that begins with names, where
 * what is next is no call. */
static bool group_begins(struct reader *r, const char *cursor) {
    struct pattern step = pattern_next(&cursor);
    if (step.kind == PATTERN_FIELD)
        return peek(r)->kind == TOKEN_NAME && !token_is(&r->tokens[r->at + 1], "(");
    uint32_t line = 1, column = 1;
    const char *text = step.text;
    struct token token = token_next(&text, step.text + step.length, &line, &column);
    return next_is(r, arena_intern_range(r->arena, token.text, token.length));
}

static struct node *read_pattern(struct reader *r, enum node_kind kind) {
    const struct node_info *info = node_info(kind);
    struct node *node = arena_allocate(r->arena, info->size);
    node->kind = kind;
    size_t first = r->at;
    const char *cursor = info->text;
    struct head head = {0};
    bool placed = false;
    while (!r->failed) {
        struct pattern step = pattern_next(&cursor);
        if (step.kind == PATTERN_END)
            break;
        if (step.kind == PATTERN_LITERAL) {
            read_literal(r, &step);
        } else if (step.kind == PATTERN_FIELD) {
            read_field(r, node, pattern_field(info, &step), cursor);
        } else if (step.kind == PATTERN_ATTRIBUTES) {
            head = read_head(r);
            placed = true;
        } else if (step.kind == PATTERN_OPEN && !group_begins(r, cursor)) {
            cursor = pattern_skip_group(cursor);
        }
    }
    if (!placed && info->class == CLASS_STATEMENT)
        head = read_head(r);
    node->attributes = head.attributes;
    node->span = head.has_span ? head.span : reader_span(r, first);
    return node;
}

/* The kind whose pattern begins with this token; -1 for none. Before `[` or an assignment operator it is a
 * name of the program. */
static int statement_kind(struct reader *r) {
    const struct token *t = peek(r), *after = &r->tokens[r->at + 1];
    if (t->kind != TOKEN_NAME || token_is(after, "[") || token_is(after, "=") || token_is(after, "+=") ||
        token_is(after, "-=") || token_is(after, "*="))
        return -1;
    const char *text = arena_intern_range(r->arena, t->text, t->length);
    if (word_value(WORDS_memory, text) >= 0)
        return NODE_BUFFER;
    for (int kind = 0; kind < NODE_KIND_COUNT; kind++) {
        const struct node_info *info = node_info((enum node_kind)kind);
        size_t length = strcspn(info->text, " ");
        if (info->class == CLASS_STATEMENT && length && length == t->length &&
            memcmp(info->text, t->text, length) == 0)
            return kind;
    }
    return -1;
}

static struct node *read_simple_statement(struct reader *r) {
    size_t first = r->at;
    struct node *target = read_expression(r, PRECEDENCE_UNARY);
    struct node *node;
    if (target && target->kind == NODE_CALL) {
        node = node_new(r->arena, statement, STATEMENT, reader_span(r, first), .call = target);
    } else {
        int op = r->failed ? 0 : read_word(r, WORDS_assign_operator);
        struct node *value = r->failed ? NULL : read_expression(r, 0);
        node = node_new(r->arena, assign, ASSIGN, reader_span(r, first), .target = target,
                        .op = (enum assign_operator)op, .value = value);
    }
    struct span span = reader_span(r, first);
    struct head head = read_head(r);
    node->attributes = head.attributes;
    node->span = head.has_span ? head.span : span;
    return node;
}

static struct node *read_statement(struct reader *r) {
    if (next_is(r, "{"))
        return read_block(r);
    int kind = statement_kind(r);
    return kind >= 0 ? read_pattern(r, (enum node_kind)kind) : read_simple_statement(r);
}

struct node *module_read(struct arena *arena, struct diagnostics *diagnostics, uint32_t file) {
    struct source source = diagnostics->sources[file];
    struct reader r = {.arena = arena, .diagnostics = diagnostics, .file = file, .primary = file};
    if (!tokenize(&r, &source))
        return NULL;
    const char *path = source.path;
    if (next_is(&r, "source")) {
        advance(&r);
        path = read_string(&r);
        if (!r.failed)
            r.primary = diagnostics_add_source(diagnostics, path, NULL, 0);
    }
    struct list_builder items = {0};
    while (!r.failed && peek(&r)->kind != TOKEN_END) {
        int kind = statement_kind(&r);
        if (kind != NODE_KERNEL && kind != NODE_PROGRAM) {
            reader_fail(&r, "'kernel' or 'program'");
            break;
        }
        builder_add(arena, &items, read_pattern(&r, (enum node_kind)kind));
    }
    if (r.failed)
        return NULL;
    struct span span = {.file = r.primary};
    return node_new(arena, module, MODULE, span, .source = path, .items = builder_list(&items));
}
