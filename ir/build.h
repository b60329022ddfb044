/* Small constructors that simplify: what passes and the front end build expressions with. Integer arithmetic
 * on literals is folded
 * (`/` and `%` floor), x + 0, x * 1, x * 0, x / 1 vanish, and min/max/ceildiv of literals fold. Spans: those
 * of the operands.
 */
#ifndef TILEC_IR_BUILD_H
#define TILEC_IR_BUILD_H

#include "ir/ir.h"

struct node *make_integer(struct arena *arena, int64_t value);
struct node *make_real(struct arena *arena, double value);
struct node *make_reference(struct arena *arena, const char *name); /* interns the name */
struct node *make_access(struct arena *arena, const char *name, struct node_list subscripts);
struct node *make_binary(struct arena *arena, enum binary_operator op, struct node *left, struct node *right);
struct node *make_add(struct arena *arena, struct node *left, struct node *right);
struct node *make_sub(struct arena *arena, struct node *left, struct node *right);
struct node *make_mul(struct arena *arena, struct node *left, struct node *right);
struct node *make_div(struct arena *arena, struct node *left, struct node *right);
struct node *make_mod(struct arena *arena, struct node *left, struct node *right);
struct node *make_min(struct arena *arena, struct node *left, struct node *right); /* call of min */
struct node *make_max(struct arena *arena, struct node *left, struct node *right);
struct node *make_ceildiv(struct arena *arena, struct node *left,
                          struct node *right); /* (l + r - 1) / r for literals, else a call of ceildiv */
struct node *make_call(struct arena *arena, const char *function, struct node_list arguments);
/* A device call as a statement. */
struct node *make_statement(struct arena *arena, struct span span, const char *function,
                            struct node_list arguments);
struct node *make_block(struct arena *arena, struct span span, struct node_list statements);
/* for name in lower..upper by step (step NULL: 1) */
struct node *make_for(struct arena *arena, struct span span, const char *name, struct node *lower,
                      struct node *upper, struct node *step, struct node *body);
struct node *make_axis(struct arena *arena, const char *name, struct node *lower, struct node *upper,
                       struct node *step);

struct node *make_negation(struct arena *arena, struct node *value); /* where value stands */
/* What `old op= value` leaves: old + value, max(old, value), ...; of = the value. */
struct node *make_update(struct arena *arena, enum assign_operator op, struct node *old, struct node *value);

/* The literal's value; false when the node is no integer literal. */
bool integer_value(const struct node *node, int64_t *value);
/* Of an integer or real literal; false when the node is neither. */
bool literal_value(const struct node *node, double *value);
/* a op b, `/` and `%` floored, comparisons 0 or 1; false where there is no value: overflow, division by zero.
 */
bool integer_operate(enum binary_operator op, int64_t a, int64_t b, int64_t *value);
/* & | ^ << >> */
static inline bool is_operator_on_bits(enum binary_operator op) {
    return op >= BINARY_BIT_AND && op <= BINARY_SHIFT_RIGHT;
}
/* Fold constants and neutral elements through a whole expression. */
struct node *simplify(struct arena *arena, struct node *node);

#endif
