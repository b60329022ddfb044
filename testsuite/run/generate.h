/* Random programs: a source of choices becomes the text of a small .tl file with the sizes, scalars and grid
 * to run it on. Equal choices give equal programs. Most are kernels that the compiler owes its user; some are
 * what it must refuse with a located message.
 */
#ifndef TILEC_TESTSUITE_GENERATE_H
#define TILEC_TESTSUITE_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/run.h"

struct arena;

/* Where choices come from: the bytes, each one choice, then zeros; or without bytes a generator of numbers.
 */
struct choices {
    const uint8_t *bytes;
    size_t count, at;
    uint64_t state;
};

/* A number below limit. */
uint32_t choose(struct choices *choices, uint32_t limit);

enum family {
    FAMILY_ELEMENTWISE,
    FAMILY_REDUCTION,
    FAMILY_MATMUL,
    FAMILY_LOOPS,
    FAMILY_SOFTMAX,
    FAMILY_TILED,
    FAMILY_TILED_MATMUL,
    FAMILY_STRANGE,
    FAMILY_COUNT
};

enum { GENERATED_SIZES = 8, GENERATED_SCALARS = 4 };

struct generated {
    enum family family;
    const char *text;
    bool open;        /* for open sizes only: fixed ones are not tried */
    const char *file; /* its name, which tells IR text; NULL: "generated.tl" */
    const char *
        meaning; /* a kernel in .tl with the same parameters that says what the results are; NULL: the text */
    struct define sizes[GENERATED_SIZES]; /* every size that the text mentions */
    size_t size_count;
    struct run_scalar scalars[GENERATED_SCALARS];
    size_t scalar_count;
    uint32_t grid_x, grid_y;
    bool owed; /* must compile */
};

const char *family_name(enum family family);

/* family FAMILY_COUNT: any. */
struct generated program_generate(struct arena *arena, struct choices *choices, enum family family);

#endif
