/* Types of values: what an expression of loop or tile form is worked out as, and what a buffer for it holds. */
#ifndef TILEC_IR_VALUE_TYPE_H
#define TILEC_IR_VALUE_TYPE_H

#include "ir/ir.h"

/* The type of the elements of a tensor, buffer or let; DTYPE_NONE: there is none of that name. */
typedef enum dtype element_type(const char *name, void *context);

struct value_types {
    const struct node *kernel; /* its parameters are typed as they say; NULL: element says it of these too */
    element_type *element;
    void *context;
};

/* Of what stands in the kernel, loop form. */
struct value_types types_in(struct node *kernel);

/* The narrowest type that holds the value as it is: bf16 of what is bf16 unchanged (access, max, min, select, abs,
 * relu, negation, literals that fit), else f32; i32, u32 and the narrower types of whole numbers that are
 * accessed; bool of a condition; index of a number of literals and sizes, which takes the type of its context. */
enum dtype value_type(const struct value_types *types, const struct node *value);

/* What it is worked out as: f32, i32 or u32; bool and index as they are. */
enum dtype computed_type(enum dtype dtype);

/* Of a buffer of the compiler's own for the value. A condition is kept as i32, 0 or 1, so that it is the same
 * whatever was compared; a number of literals and sizes as a float. */
enum dtype kept_type(const struct value_types *types, const struct node *value);

/* What a fragment holds that is declared as that type, in DST and where it rests: f32, i32 or u32. */
enum dtype fragment_type(enum dtype declared);

/* The fold of nothing, a literal: 0, 1, an infinity; of whole numbers the greatest or least of the type. argmax and argmin are
 * of what they choose among. */
struct node *neutral_of_fold(struct arena *arena, enum reduction_operator op, enum dtype type);

/* The type that two computed operands share. */
enum dtype joined_type(enum dtype a, enum dtype b);

/* u8, u16, bool: stored narrow, worked out with 32 bits. */
bool is_narrow_whole(enum dtype dtype);
/* bfp8, bfp4 */
bool is_block_type(enum dtype dtype);
/* i32, u32, u16, u8, bool. */
bool is_whole_type(enum dtype dtype);

/* The type that a call of the value names, as in f32(x); DTYPE_NONE: it is no conversion. */
enum dtype conversion_type(const struct node *value);

#endif
