/* Both texts of a kernel say the same: token_test KERNEL.c KERNEL.cpp ... compares pairs to the last brace,
 * and says where they part.
 *
 * Knows nothing of the IR. The C text without comments and includes is rewritten by the rows of spelling.def
 * and of device_calls.def, and must equal the C++ text token by token. With --mutate first, every pair must
 * also stop being equal when any one token of the C++ text is left out or changed: the comparison sees
 * everything.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/device_call.h"

/* ---- the rows ---- */

struct row {
    const char *c, *cpp;
};

/* Rows that begin with a word of their own and differ between the languages. */
static const struct row rows[] = {
#define SPELLING(name, c, metalium) {c, metalium},
#define CALL(name, arguments, c, metalium, python) {c, metalium},
#include "codegen/spelling.def"
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- tokens ---- */

struct token {
    char text[64];
    int line;
};

struct tokens {
    struct token *items;
    size_t count, capacity;
};

static void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(2);
}

static void add(struct tokens *tokens, const char *text, size_t length, int line) {
    if (tokens->count == tokens->capacity) {
        tokens->capacity = tokens->capacity ? 2 * tokens->capacity : 256;
        tokens->items = realloc(tokens->items, tokens->capacity * sizeof *tokens->items);
    }
    if (!tokens->items || length >= sizeof tokens->items->text)
        die("token_test: out of memory, or a very long token");
    struct token *token = &tokens->items[tokens->count++];
    memcpy(token->text, text, length);
    token->text[length] = '\0';
    token->line = line;
}

static size_t token_length(const char *at) {
    static const char *const pairs[] = {
        "::", "++", "--", "+=", "-=", "*=", "==", "!=", "<=", ">=", "&&", "||"};
    size_t length = 0;
    if (isalnum((unsigned char)*at) || *at == '_' || *at == '$') {
        while (isalnum((unsigned char)at[length]) || (at[length] && strchr("_$", at[length])))
            length++;
        return length;
    }
    for (size_t i = 0; i < COUNT(pairs); i++)
        if (strncmp(at, pairs[i], 2) == 0)
            return 2;
    return 1;
}

static const char *skip_comment(const char *at, int *line) {
    if (at[1] == '/')
        return at + strcspn(at, "\n");
    for (at += 2; *at && strncmp(at, "*/", 2) != 0; at++)
        *line += *at == '\n';
    return *at ? at + 2 : at;
}

/* Comments and preprocessor lines are left out. */
static void tokenise(struct tokens *tokens, const char *at, int line) {
    while (*at) {
        if (*at == '\n')
            line++, at++;
        else if (isspace((unsigned char)*at))
            at++;
        else if (*at == '/' && (at[1] == '/' || at[1] == '*'))
            at = skip_comment(at, &line);
        else if (*at == '#')
            at += strcspn(at, "\n");
        else {
            size_t length = token_length(at);
            add(tokens, at, length, line);
            at += length;
        }
    }
}

/* ---- patterns: `$hole` and `${hole}` in the text of a row ---- */

enum { HOLES = 8, VALUE_SIZE = 4096 };

struct match {
    char names[HOLES][32];
    size_t first[HOLES], end[HOLES]; /* tokens of the C text */
    size_t count;
    size_t after;
};

struct rewriter {
    const struct tokens *c;
    struct tokens out;
    char previous[64]; /* accessor declared last */
    int accessors;
};

static void rewrite(struct rewriter *r, size_t first, size_t end, struct tokens *out);

static bool is(const struct tokens *tokens, size_t at, const char *text) {
    return at < tokens->count && strcmp(tokens->items[at].text, text) == 0;
}

static int nesting(const char *text) {
    return strchr("([{", text[0]) && text[0] ? 1 : strchr(")]}", text[0]) && text[0] ? -1 : 0;
}

/* The end of what a hole takes: up to the token `stop` outside of parentheses. */
static size_t hole_end(const struct tokens *c, size_t at, size_t end, const char *stop) {
    int depth = 0;
    for (; at < end; at++) {
        if (depth == 0 && strcmp(c->items[at].text, stop) == 0)
            return at;
        depth += nesting(c->items[at].text);
        if (depth < 0)
            return at;
    }
    return end;
}

static bool match_row(const struct tokens *c, size_t at, size_t end, const char *pattern_text,
                      struct match *match) {
    struct tokens pattern = {0};
    bool matches = true;
    *match = (struct match){.count = 0};
    tokenise(&pattern, pattern_text, 0);
    for (size_t i = 0; matches && i < pattern.count; i++) {
        const char *text = pattern.items[i].text;
        if (text[0] != '$') {
            matches = at < end && strcmp(c->items[at].text, text) == 0;
            at++;
            continue;
        }
        snprintf(match->names[match->count], sizeof match->names[0], "%.31s", text + 1);
        match->first[match->count] = at;
        at = hole_end(c, at, end, i + 1 < pattern.count ? pattern.items[i + 1].text : "");
        match->end[match->count] = at;
        matches = at > match->first[match->count];
        match->count++;
    }
    free(pattern.items);
    match->after = at;
    return matches;
}

static const char *hole_value(struct rewriter *r, const struct match *match, const char *name, size_t length,
                              char *value, size_t size) {
    if (length == strlen("previous") && memcmp(name, "previous", length) == 0)
        return r->previous;
    for (size_t i = 0; i < match->count; i++) {
        if (strlen(match->names[i]) != length || memcmp(match->names[i], name, length) != 0)
            continue;
        struct tokens inner = {0};
        size_t used = 0;
        rewrite(r, match->first[i], match->end[i], &inner);
        value[0] = '\0';
        for (size_t j = 0; j < inner.count && used < size; j++)
            used += (size_t)snprintf(value + used, size - used, "%s%s", j ? " " : "", inner.items[j].text);
        free(inner.items);
        return value;
    }
    die("token_test: the C++ text of a row has a hole $%.*s that the C text lacks", (int)length, name);
    return NULL;
}

/* The C++ text of a row with its holes filled, as tokens. */
static void append_row(struct rewriter *r, const char *pattern, const struct match *match, int line,
                       struct tokens *out) {
    char filled[8192];
    size_t used = 0;
    for (const char *at = pattern; *at && used + 1 < sizeof filled;) {
        if (*at != '$') {
            filled[used++] = *at++;
            continue;
        }
        bool braces = at[1] == '{';
        const char *name = at + 1 + braces;
        size_t length = strcspn(name, braces ? "}" : " ,;:()<>[]{}$.*+-/=\n");
        char *own = malloc(VALUE_SIZE);
        if (!own)
            die("token_test: out of memory");
        used += (size_t)snprintf(filled + used, sizeof filled - used, "%s",
                                 hole_value(r, match, name, length, own, VALUE_SIZE));
        free(own);
        at = name + length + braces;
    }
    filled[used < sizeof filled ? used : sizeof filled - 1] = '\0';
    struct tokens made = {0};
    tokenise(&made, filled, line);
    for (size_t i = 0; i < made.count; i++)
        add(out, made.items[i].text, strlen(made.items[i].text), line);
    free(made.items);
}

/* Ordinals of accessors count from 0, and each is chained to the one before. */
static void note_accessor(struct rewriter *r, const char *pattern, const struct match *match) {
    if (!strstr(pattern, "tensor_accessor("))
        return;
    for (size_t i = 0; i < match->count; i++) {
        const struct token *token = &r->c->items[match->first[i]];
        if (strcmp(match->names[i], "ordinal") == 0 && atoi(token->text) != r->accessors)
            snprintf(r->previous, sizeof r->previous, "wrong_ordinal");
    }
    r->accessors++;
}

static void name_accessor(struct rewriter *r, const char *pattern, const struct match *match) {
    for (size_t i = 0; strstr(pattern, "tensor_accessor(") && i < match->count; i++)
        if (strcmp(match->names[i], "name") == 0)
            snprintf(r->previous, sizeof r->previous, "%s", r->c->items[match->first[i]].text);
}

static bool rewrite_by(struct rewriter *r, const char *c, const char *cpp, size_t *at, size_t end,
                       struct tokens *out) {
    struct match match;
    if (!match_row(r->c, *at, end, c, &match) || (strstr(c, "tensor_accessor(0") && r->accessors))
        return false;
    note_accessor(r, c, &match);
    append_row(r, cpp, &match, r->c->items[*at].line, out);
    name_accessor(r, c, &match);
    *at = match.after;
    return true;
}

static bool rewrite_row(struct rewriter *r, size_t *at, size_t end, struct tokens *out) {
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].c && rows[i].cpp && rows[i].c[0] != '$' && strcmp(rows[i].c, rows[i].cpp) != 0 &&
            rewrite_by(r, rows[i].c, rows[i].cpp, at, end, out))
            return true;
    return false;
}

/* A device call that has a C++ text of its own. */
static bool rewrite_device_call(struct rewriter *r, size_t *at, size_t end, struct tokens *out) {
    const struct device_call *call = device_call_find(r->c->items[*at].text);
    char pattern[256];
    if (!call || !call->metalium)
        return false;
    size_t used = (size_t)snprintf(pattern, sizeof pattern, "%s(", call->name);
    for (int i = 1; i <= call->count; i++)
        used += (size_t)snprintf(pattern + used, sizeof pattern - used, i > 1 ? ", $%d" : "$%d", i);
    snprintf(pattern + used, sizeof pattern - used, ")");
    return rewrite_by(r, pattern, call->metalium, at, end, out);
}

static const char *cpp_word(const char *text) {
    const struct call_word *word = call_word_find(text);
    return word && word->metalium ? word->metalium : "no_such_word";
}

/* f(T, x) -> f<T>(x). */
static bool rewrite_template_call(struct rewriter *r, size_t *at, size_t end, struct tokens *out) {
    const struct token *name = &r->c->items[*at];
    const struct device_call *call = device_call_find(name->text);
    int templates = call ? call->templates : 0;
    bool open = false;
    size_t next = *at + 2;
    if (!templates || !is(r->c, *at + 1, "("))
        return false;
    add(out, name->text, strlen(name->text), name->line);
    for (int i = 0; i < templates && next + 1 < end; i++, next += 2) {
        const char *word = cpp_word(r->c->items[next].text);
        if (!*word)
            continue;
        add(out, open ? "," : "<", 1, name->line);
        tokenise(out, word, name->line);
        open = true;
        bool last = i + 1 == call->count;
        if (!is(r->c, next + 1, last ? ")" : ","))
            add(out, "missing_argument", strlen("missing_argument"), name->line);
        next -= last; /* the parenthesis stands for itself */
    }
    if (open)
        add(out, ">", 1, name->line);
    add(out, "(", 1, name->line);
    *at = next;
    return true;
}

static void rewrite(struct rewriter *r, size_t first, size_t end, struct tokens *out) {
    for (size_t at = first; at < end;) {
        const struct token *token = &r->c->items[at];
        if (rewrite_row(r, &at, end, out) || rewrite_device_call(r, &at, end, out) ||
            rewrite_template_call(r, &at, end, out))
            continue;
        add(out, token->text, strlen(token->text), token->line);
        at++;
    }
}

/* ---- comparison ---- */

static size_t first_difference(const struct tokens *expected, const struct tokens *actual) {
    size_t at = 0;
    while (at < expected->count && at < actual->count &&
           strcmp(expected->items[at].text, actual->items[at].text) == 0)
        at++;
    return at;
}

static bool equal(const struct tokens *expected, const struct tokens *actual) {
    return expected->count == actual->count && first_difference(expected, actual) == expected->count;
}

static void load(const char *path, struct tokens *tokens) {
    FILE *file = fopen(path, "rb");
    long length = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    char *text = length >= 0 ? calloc((size_t)length + 1, 1) : NULL;
    if (!text || fseek(file, 0, SEEK_SET) != 0 || fread(text, 1, (size_t)length, file) != (size_t)length)
        die("token_test: cannot read %s", path);
    tokenise(tokens, text, 1);
    free(text);
    fclose(file);
}

/* Every token counts: each one left out, and each one changed, is seen. */
static bool mutations_seen(const struct tokens *expected, struct tokens *actual, const char *path) {
    for (size_t i = 0; i < actual->count; i++) {
        struct token saved = actual->items[i];
        snprintf(actual->items[i].text, sizeof actual->items[i].text, "mutant");
        bool unseen = equal(expected, actual);
        actual->items[i] = saved;
        struct tokens shorter = {0};
        for (size_t j = 0; j < actual->count; j++)
            if (j != i)
                add(&shorter, actual->items[j].text, strlen(actual->items[j].text), 0);
        unseen = unseen || equal(expected, &shorter);
        free(shorter.items);
        if (unseen) {
            fprintf(stderr, "%s:%d: nobody would notice a change of '%s'\n", path, saved.line, saved.text);
            return false;
        }
    }
    return true;
}

static bool compare(const char *c_path, const char *cpp_path, bool mutate) {
    struct tokens c = {0}, actual = {0};
    load(c_path, &c);
    load(cpp_path, &actual);
    struct rewriter r = {.c = &c};
    rewrite(&r, 0, c.count, &r.out);
    bool same = equal(&r.out, &actual) && actual.count > 0;
    if (!same) {
        size_t at = first_difference(&r.out, &actual);
        bool expected = at < r.out.count, given = at < actual.count;
        fprintf(stderr, "%s:%d: expected '%s' as in %s:%d, found '%s'\n", cpp_path,
                given ? actual.items[at].line : 0, expected ? r.out.items[at].text : "the end", c_path,
                expected ? r.out.items[at].line : 0, given ? actual.items[at].text : "the end");
    }
    if (same && mutate)
        same = mutations_seen(&r.out, &actual, cpp_path);
    free(c.items);
    free(actual.items);
    free(r.out.items);
    return same;
}

int main(int count, char **arguments) {
    bool mutate = count > 1 && strcmp(arguments[1], "--mutate") == 0;
    int failures = 0, first = 1 + mutate;
    if (count < first + 2 || (count - first) % 2)
        die("token_test [--mutate] KERNEL.c KERNEL.cpp ...");
    for (int i = first; i + 1 < count; i += 2)
        failures += !compare(arguments[i], arguments[i + 1], mutate);
    return failures != 0;
}
