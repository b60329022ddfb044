/* Sizes: integers by name, and the expressions over them. All arithmetic is in 64 bits; overflow and division
 * by zero are reported errors.
 */
#ifndef TILEC_IR_SIZE_H
#define TILEC_IR_SIZE_H

#include "ir/ir.h"

/* Integers by name: open sizes and integer scalar parameters. */
struct size_value {
    const char *name;
    int64_t value;
    const char *origin; /* who gave it: "dimension 1 of A"; NULL: the caller */
    struct span span;   /* of that tensor's parameter */
};

struct environment {
    struct arena *arena;
    struct size_value *items;
    size_t count, capacity;
};

/* The value of that name, NULL when it has none; a new one. */
struct size_value *environment_find(const struct environment *environment, const char *name);
struct size_value *environment_add(struct environment *environment, const char *name);
void environment_set(struct environment *environment, const char *name, int64_t value);
bool environment_get(const struct environment *environment, const char *name, int64_t *value);

/* The functions of sizes, by the rows of size_functions.def. */
enum size_function {
#define SIZE_FUNCTION(name, count, arguments, device, c, metalium, python) SIZE_##name,
#include "ir/size_functions.def"
    SIZE_FUNCTION_COUNT
};

/* Which one a node calls, with as many arguments as it takes; SIZE_FUNCTION_COUNT: it calls none. */
enum size_function size_function_of(const struct node *node);
/* The node as a call of that function; NULL when it is none. */
const struct node_call *size_call(const struct node *node, enum size_function which);
/* Do kernels compute it as well as hosts? */
bool size_function_on_device(enum size_function which);

/* The value of a size expression: + - * / % (floor), comparisons, && || ! and the functions of sizes. False
 * after a reported error. */
bool size_evaluate(struct diagnostics *diagnostics, const struct environment *environment,
                   const struct node *expression, int64_t *value);

/* The first part of an expression that is none of sizes, whatever its names are: a float, an element, a
 * reduction, another function. NULL: there is none. */
const struct node *size_unfit_part(const struct node *expression);

/* A core of a launch: its consecutive blocks, and its place on the core grid. */
struct size_core {
    uint64_t start, count;
    uint32_t x, y;
};

/* An expression that may differ from core to core: also start(), count(), core_x(), core_y(), and noc_x(x, y)
 * and noc_y(x, y) by the kernel's tt.core_map. */
bool size_evaluate_on(struct diagnostics *diagnostics, const struct environment *environment,
                      const struct node *kernel, const struct size_core *core, const struct node *expression,
                      int64_t *value);

#endif
