/* Launches that try a kernel: small sizes by number, and generated contents of tensors. */
#ifndef TILEC_IR_TRIAL_H
#define TILEC_IR_TRIAL_H

#include "ir/launch.h"

/* Launches by number: those before OTHER_SIZES are of any kernel, the least work first; those from EQUAL_SIZES on are for
 * kernels that took none before. */
enum { OTHER_SIZES = 10, EQUAL_SIZES = 14, TRIALS = 16 };

/* Gives the sizes and whole parameters of a kernel their values in a launch; false when the kernel has no such
 * launch. Launches that fill a plane of cores are for device form. */
bool trial_sizes(struct node *kernel, size_t number, struct environment *sizes);

/* The scalar parameters of a launch that are no whole numbers. */
#define TRIAL_SCALAR 0.75f

/* A generator of its own: the same contents everywhere. */
struct trial_values {
    uint64_t state;
    enum { VALUES_WHOLE, VALUES_BETWEEN, VALUES_BELOW, VALUES_HARD } kind;
};

/* The next value, as the type stores it: whole numbers from -4 to 4, where sums are exact; values in (-2, 2);
 * all below -1, where a maximum shows whatever greater comes in from beyond the tensor; or zeros of both signs, 1, -1
 * and values around the least normal number. Of types of whole numbers mostly 0 to 7; all below 0 of i32, and
 * all above 0 of the others, where a minimum shows a 0. */
double trial_value(struct trial_values *values, enum dtype dtype);

#endif
