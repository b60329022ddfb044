/* Names, types and axes: the tree of parse.h becomes loop form. Shared by the files of this folder.
 *
 * A kernel may be resolved several times: once for each combination of compile-time arguments, and again
 * while the types of its untyped variables settle. Only the last time reports.
 */
#ifndef TILEC_GRAMMAR_RESOLVE_H
#define TILEC_GRAMMAR_RESOLVE_H

#include "grammar/front.h"
#include "ir/build.h"
#include "ir/ir.h"
#include "support/name_table.h"

/* An expression after resolution. node is NULL after a reported error: nothing more is said about it. */
struct value {
    struct node *node;
    enum dtype dtype;
    bool literal;          /* a number as written: it takes the type of its context */
    uint64_t axes;         /* the open block axes it varies along, by entity.block_index */
    bool narrow;           /* i32, of u8, u16, truth values and literals alone: cut where u16 is stored */
    bool varies;           /* mentions an axis */
    const char *parameter; /* mentions this scalar parameter of type index */
    /* this scalar parameter multiplies an axis: it must be known when a subscript uses it */
    const char *product;
    struct span span;
};

enum entity_kind {
    ENTITY_SIZE,     /* dimension of a tensor */
    ENTITY_SCALAR,   /* scalar parameter */
    ENTITY_CONSTANT, /* a size or parameter fixed at compile time: value */
    ENTITY_ARGUMENT, /* a parameter of a def: value */
    ENTITY_TENSOR,
    ENTITY_AXIS,
    ENTITY_LET,
    ENTITY_VAR,
    ENTITY_BUFFER
};

struct entity {
    enum entity_kind kind;
    const char *source; /* as the source names it */
    const char *name;   /* unique in the kernel */
    struct span span;   /* its name where it is declared */
    enum dtype dtype;
    bool rounds; /* a var that is declared as bf16, u8 or u16: what it holds is cut to that where it is read */
    bool integer_literal;        /* an untyped var that so far saw integer literals only */
    bool untyped;                /* a var whose type follows from its assignments */
    const struct node *declared; /* identifies a var between rounds */
    enum direction direction;    /* tensor */
    struct node_list dimensions; /* tensor */
    size_t rank;                 /* subscripts it takes: tensor, buffer, let, var */
    struct entity *const *axes;  /* of a buffer, let or var: open block axes, NULL where it opened its own */
    bool written;                /* may be read */
    bool accumulates;            /* a fragment that is declared with a value */
    bool block;                  /* axis */
    bool counts;                 /* axis: its range begins at 0 or later */
    unsigned block_index;
    struct node *step;  /* block: elements of one */
    struct node *lower, *upper; /* axis: its range */
    struct value value;
    struct entity *older, *hidden; /* declared before; of the same hash */
    size_t serial;
};

/* The type an untyped var has settled on. */
struct decision {
    const struct node *declared;
    enum dtype dtype;
    bool literal;
    struct decision *next; /* of the same hash */
};

struct decisions {
    struct decision *buckets[256];
};

struct binding {
    const char *name;
    int64_t value;
    struct binding *next;
};

/* A kernel, program or def of the source. */
struct item {
    struct node *tree;
    const char *name;
    bool imported;
    unsigned specialisations;
    bool launched;              /* by a program: appears as its specialisations only */
    bool expanding, called;     /* def */
    bool broken;                /* has syntax errors: not resolved, and nothing is said of its uses */
    struct item *next, *hidden; /* in order of the source; of the same hash */
};

struct specialisation {
    struct item *item;
    struct binding *bindings; /* compile-time arguments */
    struct node *kernel;      /* NULL after an error */
    struct specialisation *next;
};

enum { ENTITY_BUCKETS = 1024, ITEM_BUCKETS = 256, DEEPEST_NESTING = 200, MOST_EXPANSIONS = 10000 };

struct front {
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct define *defines;
    size_t define_count;
    bool *define_used;
    struct item *items, *item_buckets[ITEM_BUCKETS];
    struct specialisation *specialisations;
    bool lost;           /* an item could not even be named */
    unsigned expansions; /* of defs, in all: bounds what a small source can grow to */
};

struct resolver {
    struct front *front;
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct entity *newest;
    bool in_library;             /* in the body of a row of library.def: the author's definitions are not seen */
    size_t serial, visible_from; /* a def sees what was declared since its call: its parameters */
    struct entity *buckets[ENTITY_BUCKETS];
    struct name_table used;       /* unique names given so far */
    const struct told_name *told; /* those that are not as the source has them */
    struct entity *open[64];      /* block axes in scope, by block_index */
    unsigned open_count;
    unsigned depth;
    unsigned number_depth; /* inside a bound or subscript, where `/` of integers is meant */
    bool inside_grid, inside_loop, inside_program;
    bool opens_grid; /* the axes at hand are those of a grid */
    struct decisions *decisions;
    bool decisions_changed;
    struct binding *bindings; /* compile-time values of parameters */
    struct binding *needed;   /* parameters found to need one */
    struct list_builder demands; /* conditions on sizes that statements of the kernel make, beside its own */
};

/* ---- define.c ---- */
/* The value that -D gives a name; NULL: none. */
const struct define *defines_find(struct front *front, const char *name);
/* Every -D fixes something, and is given once. */
void defines_check(struct front *front);

/* ---- scope.c ---- */
/* Declares a name; a name in scope or a reserved word is an error, and the entity is made all the same. */
struct entity *declare(struct resolver *r, enum entity_kind kind, const char *source, struct span span);
struct entity *scope_mark(const struct resolver *r);
void scope_close(struct resolver *r, struct entity *mark); /* forgets what was declared since */
/* The node as messages say it, with names as the source has them. */
const char *told_text(struct resolver *r, struct node *node);
struct entity *lookup_quietly(struct resolver *r, const char *source);
/* Reports an unknown name with the nearest one. */
struct entity *lookup(struct resolver *r, const char *source, struct span span);
/* A name not yet used in this kernel, made from `wanted`. */
const char *unique_name(struct resolver *r, const char *wanted);
/* The kernel, program or def of this name; NULL when there is none, or one of another kind. */
struct item *item_find(struct front *front, enum node_kind kind, const char *name);
void item_add(struct front *front, struct item *item);
size_t pointer_hash(const void *pointer);
const char *entity_kind_text(const struct entity *entity);

/* ---- types.c ---- */
bool dtype_is_float(enum dtype dtype);
bool dtype_is_integer(enum dtype dtype); /* index, i32, u32, u16, u8 */
/* The type of an operation that keeps its operands' values (max, select); DTYPE_NONE after a report at
 * `span`. */
enum dtype join_types(struct resolver *r, struct span span, const struct value *a, const struct value *b);
/* The type of a sum, product, quotient. */
enum dtype arithmetic_type(struct resolver *r, struct span span, const struct value *a,
                           const struct value *b);
/* A number with a point or an exponent is one of f32; false after a reported error. */
bool check_real(struct resolver *r, const struct value *value);
/* Can the value be stored as this type? Reports when not. `what` names the place: "C", "an argument". */
bool check_storable(struct resolver *r, const struct value *value, enum dtype dtype, const char *what,
                    struct span declared);
/* The value, cut to the 16 bits of its type where it is worked out with more. */
struct value wrapped(struct resolver *r, struct value value);
/* The same as an operand of an operation of that type: u16, which is worked out without a sign, converted. */
struct value operand_as(struct resolver *r, struct value value, enum dtype dtype);
/* Is what they give together `narrow`? */
bool both_narrow(const struct value *a, const struct value *b);
/* The type of a let or var without a written type. */
enum dtype own_type(const struct value *value);

/* ---- expression.c ---- */
struct value resolve_expression(struct resolver *r, struct node *tree);
/* Without block axes, of an integer type: bounds, sizes, shifts. `what` names it in messages. NULL after a
 * report. */
struct node *resolve_number(struct resolver *r, struct node *tree, const char *what);
/* The same, which may differ from element to element of the blocks in scope. */
struct node *resolve_element_number(struct resolver *r, struct node *tree, const char *what);
/* A condition of one truth value. */
struct node *resolve_condition(struct resolver *r, struct node *tree);
struct value resolve_access(struct resolver *r, struct node *tree, bool reading, struct entity **entity);
/* What is read of a var: cut to its type, and of the type of its context where it holds integer literals alone. */
struct value value_held(struct resolver *r, const struct entity *entity, struct value value);
/* An access of a whole buffer, let or var by its own axes. */
struct value access_whole(struct resolver *r, struct entity *entity, struct span span);
void check_written(struct resolver *r, struct entity *entity, struct span span);
struct value poison(struct span span);
struct value value_of(struct node *node, enum dtype dtype, uint64_t axes, struct span span);
uint64_t axis_bit(const struct entity *axis);
/* "i, j" of a set of block axes. */
const char *axes_text(struct resolver *r, uint64_t axes);
/* Stops runaway nesting: false after a report. Paired with leave. */
bool enter(struct resolver *r, struct span span);
void leave(struct resolver *r);

/* ---- call.c ---- */
struct value resolve_call(struct resolver *r, struct node *tree);
/* The body of a def, with these for its parameters. */
struct value expand_definition(struct resolver *r, struct item *item, struct value *arguments,
                               struct span span);
/* A maximum or minimum of truth values is a number, and becomes one of them again. */
struct node *kept_truth(struct resolver *r, enum dtype dtype, struct node *node, struct span span);

/* ---- fold.c ---- */
struct value resolve_reduction(struct resolver *r, struct node *tree);
struct value resolve_scan(struct resolver *r, struct node *tree);
/* The fold of the body over axes with these bits, all of them block axes or none; op as in trees. */
struct value value_folded(struct resolver *r, int op, struct node_list axes, struct value body,
                          uint64_t folded, struct span span);

/* ---- library.c ---- */
bool library_has(const struct resolver *r, const char *name, size_t arguments);
/* "1 or 2" arguments; NULL: there is none of that name. */
const char *library_counts(struct resolver *r, const char *name);
/* The names that an author may write, into an array unless it is NULL; gives their number. */
size_t library_names(const char **names);
struct value library_call(struct resolver *r, struct node_call *call);
/* a % b of floats, of the sign of b. */
struct value library_remainder(struct resolver *r, struct value a, struct value b, struct span span);

/* ---- axes.c ---- */
/* Declares an axis with its range in the current scope; NULL after a report (the name is declared all the
 * same). */
struct node *open_axis(struct resolver *r, struct node *tree, bool may_block);
/* The block axes of a value in order of appearance. */
struct node_list axes_in_order(struct resolver *r, struct node *value, uint64_t axes);

/* ---- sizes.c ---- */
/* Can the launch work the expression out by itself? False after a report; `what` names it. */
bool check_known_to_launch(struct resolver *r, struct node *node, const char *what, struct span span);
/* A sum as positive - negative, both made of sizes and of variables that are at least 0; false where it is
 * made of others. */
bool size_parts(struct resolver *r, struct node *size, struct node **positive, struct node **negative);
/* A size or condition over sizes with its sums in normal form. */
struct node *size_normal_form(struct resolver *r, struct node *size);

/* ---- statement.c ---- */
struct node *resolve_block(struct resolver *r, struct node *tree);
/* target op= value, with the axis rule. Nothing is added after a report. */
void resolve_assignment(struct resolver *r, struct list_builder *out, struct node *tree,
                        struct node *target_tree, enum assign_operator op, struct value value);

/* ---- declaration.c ---- */
void resolve_let(struct resolver *r, struct node *tree, struct list_builder *out);
void resolve_var(struct resolver *r, struct node *tree, struct list_builder *out);
void resolve_buffer(struct resolver *r, struct node *tree, struct list_builder *out);
void note_assignment(struct resolver *r, struct entity *entity, const struct value *value, bool arithmetic);

/* ---- tile_statement.c ---- */
void resolve_tile_statement(struct resolver *r, struct node *tree, struct list_builder *out);

/* ---- annotation.c ---- */
enum attribute_place {
    PLACE_KERNEL = 1,
    PLACE_TENSOR = 2,
    PLACE_LOOP = 4,
    PLACE_ASSIGNMENT = 8,
    PLACE_BUFFER = 16,
    PLACE_SCALAR = 32,
    PLACE_OTHER = 64
};
/* `node` with the attributes of `tree`, checked. */
struct node *resolve_attributes(struct resolver *r, struct node *node, const struct node *tree,
                                enum attribute_place place);

/* ---- kernel.c ---- */
/* Resolves a kernel with these compile-time parameters. name: that of the kernel that is made. NULL after a
 * reported error. */
struct node *resolve_kernel(struct front *front, struct item *item, const char *name,
                            struct binding *bindings);
void resolver_start(struct resolver *r, struct front *front, struct diagnostics *diagnostics);
/* Parameters, sizes and conditions. */
struct node_list resolve_parameters(struct resolver *r, struct node_list trees);
struct node_list resolve_conditions(struct resolver *r, struct node_list trees);
const struct binding *binding_find(const struct binding *bindings, const char *name);
/* Reports results that no statement writes. */
void check_results_written(struct resolver *r);

/* ---- program.c ---- */
struct node *resolve_program(struct front *front, struct item *item);
struct specialisation *specialise(struct front *front, struct item *item, struct binding *bindings);

/* ---- launch.c ---- */
/* targets = name(arguments) of a kernel that exists: `let` nodes when it declares them, else tensors of the
 * program. */
void resolve_launch(struct resolver *r, struct node_list conditions, struct node *tree,
                    struct node_list targets, bool declares, const char *name, struct node_list arguments,
                    struct list_builder *out);

#endif
