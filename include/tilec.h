/* tilec as a library: compile kernels from memory, read what was compiled, run them on arrays. Nothing here
 * prints or exits; the one exception is a machine out of memory, which ends the process with a message.
 *
 *     struct tilec_unit *unit = tilec_compile("scale.tl", text, strlen(text), NULL);
 *     struct tilec_array arrays[] = {{"X", TILEC_F32, 2, {64, 64}, x}, {.name = "Y"}};
 *     if (tilec_status(unit) != TILEC_OK || tilec_run(unit, arrays, 2, NULL) != TILEC_OK)
 *         fputs(tilec_diagnostics(unit), stderr);
 *     else
 *         use(arrays[1].data);
 *     tilec_free(unit);
 *
 * Different threads may use different units at the same time.
 */
#ifndef TILEC_H
#define TILEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tilec_status {
    TILEC_OK,
    TILEC_ERROR, /* in the source, the options or the arrays: the diagnostics say where and what to do */
    TILEC_FAULT  /* in tilec itself: the diagnostics say which */
};

enum tilec_type { TILEC_BF16, TILEC_F32, TILEC_U16, TILEC_U32, TILEC_I32 };

struct tilec_define {
    const char *name;
    int64_t value;
};

struct tilec_options {
    const char *architecture; /* NULL: wormhole_b0 */
    uint32_t grid_x, grid_y;  /* cores to use; 0: all of the product */
    const char *kernel; /* the kernel or program wanted; NULL: all are compiled, and the only one is run */
    const struct tilec_define *defines;
    size_t define_count;
    bool check_passes; /* compare results before and after every pass */
};

struct tilec_unit;

/* Compiles a source (.tl, or IR text) to the end. path is what messages name. options may be NULL. The result
 * is never NULL. */
struct tilec_unit *tilec_compile(const char *path, const char *text, size_t length,
                                 const struct tilec_options *options);
void tilec_free(struct tilec_unit *unit);

enum tilec_status tilec_status(const struct tilec_unit *unit);
/* Errors and warnings so far, as text for people; "" when there are none. Valid until the next call on the
 * unit. */
const char *tilec_diagnostics(struct tilec_unit *unit);

/* The IR after the last pass, as text that compiles to the same kernels. NULL unless the unit is in order. */
const char *tilec_ir(struct tilec_unit *unit);

/* What `tilec build` writes: paths relative to its directory, and contents. */
struct tilec_file {
    const char *path, *text;
    size_t length;
};
size_t tilec_file_count(struct tilec_unit *unit);
struct tilec_file tilec_file(struct tilec_unit *unit, size_t index);

#define TILEC_RANK_MAX 8

/* A row-major array for a tensor parameter. bf16 values are 16 bits each. */
struct tilec_array {
    const char *name;
    enum tilec_type type;
    size_t rank;
    uint64_t shape[TILEC_RANK_MAX];
    void *data;
};

struct tilec_scalar {
    const char *name, *value; /* the value as text: "0.5" */
};

struct tilec_run_options {
    bool evaluator; /* the evaluator of the IR in place of the embedded device */
    uint64_t seed;  /* order of the device's threads: changes no result */
    const struct tilec_scalar *scalars;
    size_t scalar_count;
};

/* Runs the kernel or program on arrays, one for each tensor parameter, in any order. For a result type, rank
 * and shape are set; with data NULL it points into the unit, else the array's shape must be the result's and
 * the values are stored there. options may be NULL. */
enum tilec_status tilec_run(struct tilec_unit *unit, struct tilec_array *arrays, size_t count,
                            const struct tilec_run_options *options);

#ifdef __cplusplus
}
#endif
#endif
