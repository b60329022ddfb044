/* The compiler of the evaluator: names in scope, expressions, statements.
 */
#ifndef TILEC_EVALUATE_COMPILE_H
#define TILEC_EVALUATE_COMPILE_H

#include "evaluate/machine.h"

enum entity_kind {
    ENTITY_NUMBER, /* a known integer or real: value */
    ENTITY_SLOT,   /* an integer */
    ENTITY_FLOAT,  /* a float in a number slot */
    ENTITY_AXIS,   /* a block axis of loop and tile form */
    ENTITY_STORAGE /* tensor, buffer, let, var with axes */
};

struct entity {
    enum entity_kind kind;
    const char *name;
    const struct node *node; /* where it is declared; may be NULL */
    const struct expression *value;
    enum number_type type;
    enum dtype dtype;     /* of stores */
    bool checked;         /* ENTITY_SLOT: may be unwritten */
    bool loop;            /* ENTITY_SLOT: the element of a loop */
    bool variable;        /* a let or var: stores do not round */
    uint32_t slot;        /* ENTITY_SLOT, ENTITY_FLOAT; of an axis: its element */
    uint32_t lower, high; /* of an axis: its block */
    bool bound;           /* an axis whose element is at hand */
    uint32_t index;       /* storage */
    size_t rank;
};

struct compiler {
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct node *kernel;
    const struct environment *sizes;
    struct program *program;
    struct entity *entities;
    size_t entity_count, entity_capacity;
    size_t instruction_capacity, storage_capacity;
    bool failed;
    const struct node_tile *tile; /* the tile statement around */
    bool exact;                   /* inside a statement marked @exact */
    int depth;
};

/* ---- compile_scope.c ---- */
void compile_fail(struct compiler *c, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct entity *entity_add(struct compiler *c, enum entity_kind kind, const char *name,
                          const struct node *node);
struct entity *entity_find(struct compiler *c, const char *name);
enum number_type number_type_of(enum dtype dtype);
uint32_t slot_new(struct compiler *c);
struct expression *expression_new(struct compiler *c, enum operation operation, enum number_type type,
                                  struct span span);
const struct expression *expression_integer(struct compiler *c, int64_t value, enum number_type type,
                                            struct span span);
const struct expression *expression_slot(struct compiler *c, uint32_t slot, enum number_type type,
                                         struct span span);
const struct expression *expression_arithmetic(struct compiler *c, enum binary_operator op,
                                               const struct expression *a, const struct expression *b);
/* The expression as another type: itself, a folded literal, or a conversion. */
const struct expression *expression_as(struct compiler *c, const struct expression *e, enum number_type type);
/* The value as a store to this type rounds it, unless it is of that type already. */
const struct expression *expression_rounded(struct compiler *c, const struct expression *value,
                                            enum dtype dtype, struct span span);

/* ---- evaluate_compile_expression.c: NULL after a reported error ---- */
const struct expression *compile_expression(struct compiler *c, const struct node *node);
const struct expression *compile_integer(struct compiler *c, const struct node *node, const char *what);
const struct element *compile_element(struct compiler *c, const struct node_access *access,
                                      const struct entity *entity);
/* The fold of a reduction. */
const struct fold *compile_fold(struct compiler *c, const struct node_reduction *reduction,
                                enum number_type *type);
/* A float operand as a sum takes it through the FPU: of a product both factors. */
const struct expression *compile_fpu(struct compiler *c, const struct expression *e);

/* ---- compile.c ---- */
void compile_statement(struct compiler *c, const struct node *node);
struct instruction *instruction_add(struct compiler *c, enum instruction_kind kind, struct span span);
uint32_t storage_new(struct compiler *c, const char *name, const struct node_parameter *parameter);

/* ---- compile_assign.c ---- */
void compile_assignment(struct compiler *c, const struct node *statement, const struct node *target,
                        enum assign_operator op, const struct node *value);
/* Fills a whole storage from a value over its own axes, which are bound meanwhile. */
void compile_fill(struct compiler *c, const struct node *statement, const struct entity *entity, size_t count,
                  const struct range *ranges, const struct node *value, bool rounds);

#endif
