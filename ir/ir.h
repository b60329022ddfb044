/* The IR: immutable nodes in an arena, one tree from parser to printer. Kinds and fields come from nodes.def,
 * word types from words.def. Subtrees are shared freely; a pass builds new nodes and never writes to old
 * ones. Names are interned in the arena of the compilation and unique per kernel, so a name identifies its
 * tensor, buffer, axis or scalar.
 */
#ifndef TILEC_IR_IR_H
#define TILEC_IR_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/arena.h"
#include "support/diagnostic.h"

/* The dimensions that a tensor may have, and the axes of a block, the blocks of a grid, the indices of a page. */
enum { TENSOR_RANK_LIMIT = 16 };

/* ---- word types: enum dtype, enum binary_operator, ...; their texts by word_text(WORDS_dtype, value) ----
 */
#define WORDS(type) enum type {
#define WORD(type, NAME, text) NAME,
#define WORDS_END(type)                                                                                      \
    }                                                                                                        \
    ;
#include "ir/words.def"

enum word_type {
#define WORDS(type) WORDS_##type,
#include "ir/words.def"
    WORD_TYPE_COUNT
};

const char *word_text(enum word_type type, int value);
/* The value of a word, -1 when the type has no such word. */
int word_value(enum word_type type, const char *text);
int word_count(enum word_type type);

/* ---- node kinds ---- */
enum node_kind {
#define NODE(name, NAME, class, text) NODE_##NAME,
#include "ir/nodes.def"
    NODE_KIND_COUNT,
/* For for_each: the kind by the name of its struct. */
#define NODE(name, NAME, class, text) KIND_##name = NODE_##NAME,
#include "ir/nodes.def"
};

enum node_class { CLASS_EXPRESSION, CLASS_STATEMENT, CLASS_PART };

struct node_list {
    size_t count;
    struct node *const *items;
};

/* What every node begins with. Attributes: a sorted list of attribute nodes (statements, parameters, kernels
 * only). */
struct node {
    enum node_kind kind;
    struct span span;
    struct node_list attributes;
};

typedef const char *field_name;
typedef const char *field_text;
typedef int64_t field_integer;
typedef double field_real;
typedef struct node *field_node;
typedef struct node_list field_list;
#define WORDS(type) typedef enum type field_##type;
#include "ir/words.def"

#define NODE(name, NAME, class, text)                                                                        \
    struct node_##name {                                                                                     \
        struct node base;
#define FIELD(node, type, field) field_##type field;
#define END(node)                                                                                            \
    }                                                                                                        \
    ;
#include "ir/nodes.def"

/* node_new(arena, for, FOR, span, .axes = axes, .body = body): a new node, fields by name. */
#define node_new(arena, name, NAME, where, ...)                                                              \
    ((struct node *)arena_copy(                                                                              \
        (arena), &(struct node_##name){.base = {.kind = NODE_##NAME, .span = (where)}, __VA_ARGS__},         \
        sizeof(struct node_##name)))

/* node_as(n, for): the node as struct node_for *; NULL when it is NULL or of another kind. */
#define NODE(name, NAME, class, text) struct node_##name *node_as_##name(struct node *node);
#include "ir/nodes.def"
#define node_as(node, name) node_as_##name(node)

/* ---- lists ---- */
struct node_list list_of(struct arena *arena, size_t count, struct node *const *items);
#define LIST(arena, ...)                                                                                     \
    list_of((arena), sizeof((struct node *[]){__VA_ARGS__}) / sizeof(struct node *),                         \
            (struct node *[]){__VA_ARGS__})
struct node_list list_append(struct arena *arena, struct node_list list, struct node *item);
struct node_list list_concat(struct arena *arena, struct node_list first, struct node_list second);

/* A list under construction; zero-initialise. Finished by builder_list. */
struct list_builder {
    struct node **items;
    size_t count, capacity;
};
void builder_add(struct arena *arena, struct list_builder *builder, struct node *item); /* NULL is ignored */
void builder_add_all(struct arena *arena, struct list_builder *builder, struct node_list items);
struct node_list builder_list(struct list_builder *builder);

/* ---- facts from the table ---- */
enum field_type { FIELD_NAME, FIELD_TEXT, FIELD_INTEGER, FIELD_REAL, FIELD_NODE, FIELD_LIST, FIELD_WORD };
struct field_info {
    const char *name;
    enum field_type type;
    enum word_type words; /* of FIELD_WORD */
    size_t offset;
};
struct node_info {
    const char *name;
    enum node_class class;
    const char *text; /* the text form, "" when spelled by hand */
    size_t size;
    size_t field_count;
    const struct field_info *fields;
    int child_fields; /* of type node or list: a kind without them has no children */
};
const struct node_info *node_info(enum node_kind kind);

/* ---- equality, walks, rewriting: spans never matter ---- */
bool node_equal(const struct node *a, const struct node *b);
bool list_equal(struct node_list a, struct node_list b);

/*     for_each_node (node, tree)               every node of a tree, the tree itself first
 *     for_each (access, access, tree)          every node_access of it
 *
 * in program order: a node before its children, those by fields in table order, attributes not. A tree of
 * NULL has no nodes. Behind skip_below(node) nothing below the node at hand is visited. */
#define for_each_node(item, tree)                                                                            \
    for (struct node_walk item##_storage, *item##_walk = node_walk_begin(&item##_storage, tree);             \
         item##_walk; item##_walk = NULL)                                                                    \
        for (struct node * item; (item = node_walk_next(item##_walk));)
#define for_each(kind, item, tree)                                                                           \
    for (struct node_walk item##_storage, *item##_walk = node_walk_begin(&item##_storage, tree);             \
         item##_walk; item##_walk = NULL)                                                                    \
        for (struct node_##kind * item;                                                                      \
             (item = (struct node_##kind *)node_walk_next_kind(item##_walk, KIND_##kind));)
#define skip_below(item) (item##_walk->enter = false)

/* The first node of a kind, NULL when the tree has none. */
struct node *find_kind(const struct node *tree, enum node_kind kind);

/* What stands around the node at hand, and which child comes next; only the macros know of it. */
enum { WALK_LEVELS = 128 };
struct node_walk {
    struct node *first; /* until the walk has begun */
    struct node *node;  /* at hand */
    bool enter;         /* its children come next */
    struct node
        *deep; /* below the last level nodes are counted: this is the node number `number` of the subtree */
    size_t number;
    size_t depth;
    struct node_walk_level {
        struct node *node;
        const struct field_info *field, *end; /* the field at hand */
        size_t item;                          /* how much of it has been visited */
    } levels[WALK_LEVELS];
};
struct node_walk *node_walk_begin(struct node_walk *walk, const struct node *tree);
struct node *node_walk_next(struct node_walk *walk);
struct node *node_walk_next_kind(struct node_walk *walk, enum node_kind kind);

/* Where a question is asked of what lies between a node and its parts, it goes down by itself: calls visit
 * for every child; stops and returns false when visit does. */
typedef bool node_visit(struct node *child, void *context);
bool node_each_child(struct node *node, node_visit *visit, void *context);

/* A node with every child replaced by map(child). The same pointer when nothing changed. In a list, NULL
 * drops the item, and a block put in place of a statement of a block's list is spliced into it. */
typedef struct node *node_map(struct node *child, void *context);
struct node *node_map_children(struct arena *arena, struct node *node, node_map *map, void *context);

/* The whole tree in another arena; names and texts are interned there. What is shared stays shared. */
struct node *node_copy(struct arena *arena, const struct node *node);
/* The tree in its own arena, where every part is a node of its own, equal ones too. */
struct node *node_unshared(struct arena *arena, struct node *node);

/* The same node with these attributes (a copy). */
struct node *node_with_attributes(struct arena *arena, struct node *node, struct node_list attributes);
struct node *node_with_span(struct arena *arena, struct node *node, struct span span);

/* Every reference and access of `name` renamed or replaced; replacement NULL renames nothing. substitute
 * replaces references only. */
struct node *substitute(struct arena *arena, struct node *node, const char *name, struct node *replacement);
/* Every occurrence of a subexpression replaced. */
struct node *replace_equal(struct arena *arena, struct node *node, const struct node *wanted, struct node *by);
struct node *rename_entity(struct arena *arena, struct node *node, const char *from, const char *to);
/* What a reference, an access or a page names; NULL of all others. */
const char *mentioned_name(const struct node *node);
/* Does the tree mention the name? */
bool mentions(const struct node *node, const char *name);

/* ---- attributes ---- */
/* The value of a key, NULL when absent. Keys: the KEY_ constants of ir/attributes.h. */
struct node *attribute_get(const struct node *node, const char *key);
/* The node with key set to value (value NULL: removed). */
struct node *attribute_set(struct arena *arena, struct node *node, const char *key, struct node *value);
/* An entry of a dictionary value; of a dictionary under construction: dictionary_set. */
struct node *dictionary_get(const struct node *dictionary, const char *key);
struct node *dictionary_set(struct arena *arena, struct node *dictionary, const char *key,
                            struct node *value);
/* The same with an entry as its author wrote it: it keeps its place in the source, and so does the
 * dictionary. */
struct node *dictionary_put(struct arena *arena, struct node *dictionary, struct node_attribute *entry);
/* The integer or the reference name of a value, or the fallback. */
int64_t attribute_integer(const struct node *value, int64_t fallback);
const char *attribute_word(const struct node *value, const char *fallback);

/* ---- text form ---- */
struct text_buffer;
enum print_flags { PRINT_PLAIN = 0, PRINT_SPANS = 1 };
/* Prints any node; a module with spans reads back equal in everything. */
void node_print(const struct node *node, enum print_flags flags, struct text_buffer *out);
/* One-line text of an expression, in the arena. */
const char *node_text(struct arena *arena, const struct node *node);
/* Reads a module. NULL after a reported error. Unique names are not checked here (verify does). */
struct node *module_read(struct arena *arena, struct diagnostics *diagnostics, uint32_t source);

#endif
