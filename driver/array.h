/* Tensors of a run as row-major arrays in the bytes of their declared type, to and from NumPy's files.
 * Nothing is narrowed silently. */
#ifndef TILEC_DRIVER_ARRAY_H
#define TILEC_DRIVER_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ir/launch.h"
#include "support/npy.h"
#include "support/scalar.h"

struct array {
    const char *name; /* of the parameter */
    enum dtype dtype;
    size_t rank;
    uint64_t extents[TENSOR_RANK_LIMIT];
    void *rows;
    bool borrowed; /* the rows are the caller's, to be read only */
};

uint64_t array_count(const struct array *array);
size_t array_bytes(const struct array *array);

/* Of a block format, whose rows are f32: rounds them to its values; how many that changes. */
bool array_is_of_blocks(const struct array *array);
uint64_t array_round_blocks(struct array *array);

/* Rows that may be written, where there are none or they are the caller's: all of them are to be written. */
void array_make_writable(struct arena *arena, struct array *array);

/* How the device stores a type; false for the types that no tensor of a run has. */
bool dtype_format(enum dtype dtype, enum data_format *format);

/* The contents of a parsed file as an array of a declared type, which of the same type are the file's bytes:
 * the array's from now on. False after a reported error; a rounding that changed values is a warning. */
bool array_from_npy(struct arena *arena, struct diagnostics *diagnostics,
                    const struct node_parameter *parameter, const char *path, const struct npy_array *npy,
                    struct array *array);

/* The type of file that an array is written as. */
enum npy_type array_npy_type(const struct array *array);

#endif
