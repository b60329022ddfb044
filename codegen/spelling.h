/* The tables of spelling.def, and expressions in the languages of codegen. Everything returned lies in the
 * arena.
 *
 * A node that has no spelling is a fault of tilec, reported as an internal error at the node's place; the
 * text is then NULL.
 */
#ifndef TILEC_CODEGEN_SPELLING_H
#define TILEC_CODEGEN_SPELLING_H

#include "ir/ir.h"
#include "support/name_table.h"

enum language { LANGUAGE_C, LANGUAGE_METALIUM, LANGUAGE_PYTHON };

enum spelling {
#define SPELLING(name, c, metalium) SPELLING_##name,
#include "codegen/spelling.def"
    SPELLING_COUNT
};

/* A value of a hole. */
struct hole {
    const char *name, *value;
};

/* The row in that language (not Python) with its holes filled; every hole of the row must be among the given
 * ones. */
const char *spell(struct arena *arena, enum language language, enum spelling row, size_t count,
                  const struct hole *holes);
#define SPELL(arena, language, row, ...)                                                                     \
    spell((arena), (language), SPELLING_##row, sizeof((struct hole[]){__VA_ARGS__}) / sizeof(struct hole),   \
          (struct hole[]){__VA_ARGS__})

/* The names of one kernel as they are spelled: a name that means something else in a language gets a `_`. */
struct spelled_names {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct name_table table; /* all names of the kernel and of the tables, counted from 1 */
    struct known_name *known;
    size_t count, capacity;
};
struct spelled_names spelled_names(struct arena *arena, struct diagnostics *diagnostics,
                                   const struct node *kernel);
const char *spelled_name(const struct spelled_names *names, enum language language, const char *name);

/* An accessor in scope: pages of its tensor are counted by its dimensions. */
struct accessor_scope {
    const struct node_accessor *accessor;
    const struct accessor_scope *outer;
};

struct expression_context {
    const struct spelled_names *names;
    enum language language;
    const struct accessor_scope *accessors;
    struct node_list helpers; /* functions that may be called by name */
};

/* NULL after a reported internal error. */
const char *spell_expression(const struct expression_context *context, struct node *expression);

/* The text of a literal scalar as printed beside its bits: 1.5, -inf. */
const char *real_text(struct arena *arena, double value);

#endif
