/* The elements of arrays as numbers, which is how the evaluator has them. */
#ifndef TILEC_DRIVER_ARRAY_VALUES_H
#define TILEC_DRIVER_ARRAY_VALUES_H

#include "driver/array.h"
#include "evaluate/evaluate.h"

/* The values of an array; its subnormal numbers are +0. */
struct tensor_values array_values(struct arena *arena, const char *name, const struct array *array);
/* Sets one element, or all of an array of the same shape; the rows may be written. */
double array_element(const struct array *array, uint64_t i);
void array_set(struct array *array, uint64_t i, double value);
void array_take_values(struct array *array, const struct tensor_values *values);

#endif
