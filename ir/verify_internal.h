/* The parts of the verifier.
 */
#ifndef TILEC_IR_VERIFY_INTERNAL_H
#define TILEC_IR_VERIFY_INTERNAL_H

#include "ir/verify.h"
#include "support/name_table.h"

enum name_kind {
    NAME_SIZE,     /* a size, or a launch argument */
    NAME_SCALAR,   /* parameter */
    NAME_NUMBER,   /* let without axes, constant, delinearize, parameter of a helper */
    NAME_VARIABLE, /* var */
    NAME_VALUES,   /* let with axes */
    NAME_ELEMENT,  /* axis of elements */
    NAME_BLOCK,    /* axis of blocks */
    NAME_RANGE,    /* axis of a tile statement of device form */
    NAME_TENSOR,
    NAME_BUFFER,
    NAME_CIRCULAR_BUFFER,
    NAME_SEMAPHORE,
    NAME_ACCESSOR
};

enum value_kind {
    VALUE_NONE,
    VALUE_INTEGER,
    VALUE_BOOL,
    VALUE_FLOAT
}; /* VALUE_NONE: unknown after an error */

struct scope_name {
    enum name_kind kind;
    const char *name;
    const struct node *node; /* NULL: a size */
    enum value_kind value;
    size_t rank;
    bool bound; /* an axis of blocks whose element is at hand */
    bool input; /* a tensor that may not be written */
    bool fragment;
};

struct verifier {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct node *kernel;
    enum form form;
    bool split;                           /* device form as functions */
    bool inside_role;                     /* or function */
    const struct node_function *function; /* or NULL */
    enum role role;
    struct scope_name *names;
    size_t count, capacity, base; /* a function sees the names from base on */
    struct name_table keys;       /* of attributes, from the first that is looked for on */
    struct span span;             /* of the statement at hand: expressions that passes made have none */
    int depth;
    bool failed;
};

/* ---- verify.c ---- */
void verify_error(struct verifier *v, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct scope_name *scope_find(struct verifier *v, const char *name);
/* Declares a name; one in scope is an error. */
struct scope_name *scope_add(struct verifier *v, enum name_kind kind, const char *name,
                             const struct node *node);
void verify_statement(struct verifier *v, const struct node *node);
bool verify_present(struct verifier *v, const struct node *node);
/* Parameters, the sizes that they mention, and the conditions on both. */
void verify_signature(struct verifier *v, struct node_list parameters, struct node_list conditions);

/* ---- verify_expression.c ---- */
enum value_kind verify_expression(struct verifier *v, const struct node *node);
/* The value (NULL: none) of this kind goes to a place of that one. */
void verify_storable(struct verifier *v, const struct node *statement, const struct node *value,
                     enum value_kind kind, enum value_kind place);
void verify_number(struct verifier *v, const struct node *node, const char *what); /* an integer */
enum value_kind value_kind_of(enum dtype dtype);
/* target op= value, its axes bound meanwhile. */
void verify_assignment(struct verifier *v, const struct node *statement, const struct node *target,
                       const struct node *value);

/* ---- verify_tile.c ---- */
void verify_tile(struct verifier *v, const struct node_tile *tile);

/* ---- verify_device.c ---- */
void verify_call_statement(struct verifier *v, const struct node_statement *statement);
enum value_kind verify_device_value(struct verifier *v, const struct node_call *call, bool *known);
void verify_circular_buffer(struct verifier *v, const struct node_circular_buffer *buffer);
void verify_semaphore(struct verifier *v, const struct node_semaphore *semaphore);
void verify_function(struct verifier *v, const struct node_function *function);
void verify_functions(struct verifier *v);
const struct node_function *helper_find(const struct verifier *v, const char *name);

/* ---- verify_attributes.c ---- */
void verify_attributes(struct verifier *v, const struct node *node);
/* Its numbers written out fit in the 32 bits of the device. */
void verify_32_bits(struct verifier *v, struct node *node);

#endif
