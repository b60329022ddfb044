/* What the parts of the planner of dst_plan.h share: slots, steps, and values as a type. */
#ifndef TILEC_TRANSFORMS_DST_PLANNER_H
#define TILEC_TRANSFORMS_DST_PLANNER_H

#include "ir/value_type.h"
#include "transforms/dst_plan.h"

#define SLOT_LIMIT 8
#define OPERAND_LIMIT 4 /* of a call of a value */

struct planner {
    const struct dst_request *request;
    struct dst_plan *plan;
    struct value_types types; /* of buffers and scalars */
    enum dtype index;         /* f32, i32 or u32: as what indices of elements are worked out at this point */
    bool busy[SLOT_LIMIT], used[SLOT_LIMIT];
    bool failed;
};

/* ---- dst_plan.c ---- */
void planner_fail(struct planner *p, const char *what);
int slot_take(struct planner *p);
void slot_free(struct planner *p, int slot);
struct dst_step *step_add(struct planner *p, struct dst_step step);
/* The value in a slot of its own, as `held_type` says; a number of literals and sizes as f32. */
int plan_held(struct planner *p, struct node *value);
/* Two values as that type, in two slots; false after an error. */
bool plan_operands(struct planner *p, struct node *left, struct node *right, enum dtype type, int *a, int *b);

/* ---- dst_whole.c ---- */
/* How DST holds the value: f32, i32 or u32. A condition is 1 or 0, of floats where floats were compared. */
enum dtype held_type(struct planner *p, struct node *value);
/* The value as f32, i32 or u32. */
int plan_as(struct planner *p, struct node *value, enum dtype type);
/* What is in the slot, brought from one type to the other in place. */
void plan_cast(struct planner *p, int slot, enum dtype from, enum dtype to);
/* What is in the slot, i32 or u32, and the first element of its tile along the axis. */
void plan_offset(struct planner *p, int slot, enum dtype type, struct node_reference *axis);
/* Operators and functions of whole numbers; of i32 or u32. */
int plan_whole_binary(struct planner *p, enum binary_operator op, struct node *left, struct node *right,
                      enum dtype type);
int plan_whole_function(struct planner *p, const char *function, struct node *left, struct node *right,
                        enum dtype type);
/* Steps on words of 32 bits: slot = number; out = a op b; slot = slot op number. */
void plan_whole_fill(struct planner *p, int slot, int64_t number);
void plan_whole_call(struct planner *p, enum device_call_number call, int a, int b, int out);
void plan_whole_number(struct planner *p, enum device_call_number call, int slot, int64_t number);
/* f32(x), i32(x) and the others. */
int plan_conversion(struct planner *p, struct node *value, enum dtype to);
/* The slot of a value as the packer takes it for a buffer of that type. */
void plan_stored(struct planner *p, int slot, struct node *value, enum dtype type);

/* ---- dst_random.c ---- */
enum { RANDOM_SLOTS = 4 };
int plan_random(struct planner *p, struct node *seed, struct node *index);

/* ---- dst_index.c ---- */
/* A number that is the same for all elements of a tile: of literals, sizes, scalars and places of blocks. */
bool is_number(const struct planner *p, struct node *value);
/* Is it the index of the element along an axis of the target? */
bool is_element_index(const struct planner *p, const struct node *value);
/* The refusal of a number of a loop that is divided or compared and may be below 0, which the device would
 * count without a sign; type: the conversion that helps. */
void fail_as_negative(struct planner *p, const char *type);
/* The index as p->index says, in a slot of its own. */
int plan_index(struct planner *p, struct node_reference *axis);

#endif
