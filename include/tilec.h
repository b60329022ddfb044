/* tilec as a library: compile kernels from memory, read what was compiled, run them on arrays.
 *
 *     struct tilec_unit *unit = tilec_compile("scale.tl", text, strlen(text), NULL);
 *     struct tilec_array arrays[] = {{"X", TILEC_F32, 2, {64, 64}, x}, {.name = "Y"}};
 *     if (tilec_status(unit) != TILEC_OK || tilec_run(unit, arrays, 2, NULL) != TILEC_OK)
 *         fputs(tilec_diagnostics(unit), stderr);
 *     else
 *         use(arrays[1].data);
 *     tilec_free(unit);
 *
 * Build with what `pkg-config --cflags --libs tilec` prints; docs/library.md tells of static linking and Python.
 *
 * Ownership. A unit owns all that its functions return; each says how long it is valid, tilec_free ends it at the
 * latest. What is given to a function is the caller's, is read during the call only, and may be freed after it:
 * texts, options, arrays.
 *
 * Errors. Functions return a status or NULL; the text for people is in tilec_diagnostics. An error of the source,
 * the options or the arrays leaves the unit usable: another tilec_run may follow. Nothing here prints or ends the
 * process, with one exception: a process out of memory ends with a message and exit status 1.
 *
 * Threads. Different threads may use different units at the same time; one unit is for one thread at a time. While
 * kernels run on the embedded device, SIGFPE, SIGSEGV, SIGBUS and SIGILL have a handler of the library's, which takes
 * what a kernel raises and leaves the rest to the handler that there was.
 */
#ifndef TILEC_H
#define TILEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. While the first number is 0, the second changes where a program may have to.
 * The shared library's name, libtilec.so.N, changes with each interface that programs built before cannot
 * use. */
#define TILEC_VERSION_MAJOR 0
#define TILEC_VERSION_MINOR 1
#define TILEC_VERSION_PATCH 0

/* The version of the library that runs, "0.1.0". */
const char *tilec_version(void);

enum tilec_status {
    TILEC_OK,
    TILEC_ERROR, /* in the source, the options or the arrays: the diagnostics say where and what to do */
    TILEC_FAULT  /* in tilec itself: the diagnostics say which */
};

/* ---- compiling ---- */

/* A size or an index parameter that is fixed when compiling, as by -D NAME=VALUE. */
struct tilec_define {
    const char *name;
    int64_t value;
};

/* Zero-initialised: everything by default. */
struct tilec_options {
    const char *architecture; /* NULL: wormhole_b0 */
    uint32_t grid_x, grid_y;  /* cores to use; 0: all of the product */
    const char *kernel; /* the kernel or program wanted; NULL: all are compiled, and the only one is run */
    const struct tilec_define *defines;
    size_t define_count;
    bool check_passes; /* compare results before and after every pass */
};

/* A source that was compiled. */
struct tilec_unit;

/* Compiles a source, .tl or IR text, to the end. path: what messages call it, NULL: "source"; files that it imports
 * are looked for beside it. text: UTF-8, length bytes. options may be NULL. The result is never NULL:
 * tilec_status tells whether it is in order, and tilec_free frees it either way. */
struct tilec_unit *tilec_compile(const char *path, const char *text, size_t length,
                                 const struct tilec_options *options);
void tilec_free(struct tilec_unit *unit); /* NULL is ignored */

/* How the compilation ended. */
enum tilec_status tilec_status(const struct tilec_unit *unit);

/* Errors and warnings of the last tilec_compile or tilec_run of the unit, as text for people; "" when there
 * are none. Valid until the next call on the unit. */
const char *tilec_diagnostics(struct tilec_unit *unit);

/* The IR after the last pass, as text that compiles to the same kernels. NULL unless the unit is in order.
 * Valid until tilec_free. */
const char *tilec_ir(struct tilec_unit *unit);

/* What `tilec build` writes: a path relative to its directory, and the contents, terminated. */
struct tilec_file {
    const char *path, *text;
    size_t length;
};

/* 0 unless the unit is in order. */
size_t tilec_file_count(struct tilec_unit *unit);
/* Valid until tilec_free; path NULL behind the last. */
struct tilec_file tilec_file(struct tilec_unit *unit, size_t index);

/* ---- what a run takes ---- */

enum tilec_direction { TILEC_IN, TILEC_OUT, TILEC_INOUT };

/* A parameter of what tilec_run runs. */
struct tilec_parameter {
    const char *name;
    const char *type; /* as the source spells it: "bf16", "index" */
    enum tilec_direction direction;
    size_t rank;      /* dimensions of a tensor; 0: a scalar */
    bool has_default; /* a scalar that need not be given */
};

/* Parameters of the kernel or program that tilec_run runs, in order of declaration; 0 when that is not clear.
 */
size_t tilec_parameter_count(struct tilec_unit *unit);
/* Valid until tilec_free; name NULL behind the last. */
struct tilec_parameter tilec_parameter(struct tilec_unit *unit, size_t index);

/* ---- running ---- */

/* Types of arrays. A bf16 element is the 16 bits of its value, in a uint16_t; a bool one byte, 1 or 0. Tensors of bfp8 and
 * bfp4 take TILEC_F32, and what is given is rounded to their values. */
enum tilec_type { TILEC_BF16, TILEC_F32, TILEC_U16, TILEC_U32, TILEC_I32, TILEC_U8, TILEC_BOOL };

#define TILEC_RANK_MAX 16

/* An array for a tensor parameter: shape[0] * ... * shape[rank - 1] elements without gaps, the last dimension
 * running fastest. Sizes of the kernel follow from the shapes of what is given. data may be NULL where there are no
 * elements.
 *
 *   in     type, rank, shape and data are the caller's.
 *   out    With data NULL, type, rank, shape and data are set: data points into the unit and is valid until the next
 *          tilec_run or tilec_free of the unit. Else rank and shape must be those of the result, data has room for it,
 *          and type is set.
 *   inout  Given as for `in`; the new values are stored to data.
 *
 * Arrays may share memory: results are stored when all launches are done. */
struct tilec_array {
    const char *name; /* of the parameter */
    enum tilec_type type;
    size_t rank;
    uint64_t shape[TILEC_RANK_MAX];
    void *data;
};

struct tilec_scalar {
    const char *name, *value; /* the value as text: "0.5" */
};

/* Zero-initialised: on the device, without scalars. */
struct tilec_run_options {
    bool evaluator; /* the evaluator of the IR in place of the embedded device: the same bits */
    uint64_t seed;  /* order of the device's threads: changes no result */
    const struct tilec_scalar *scalars;
    size_t scalar_count;
};

/* Runs the kernel or program on arrays: one for each tensor parameter, in any order. options may be NULL. As
 * often as wanted, with other shapes too; what a run took is given back by the next. Arrays are written only
 * with TILEC_OK. */
enum tilec_status tilec_run(struct tilec_unit *unit, struct tilec_array *arrays, size_t count,
                            const struct tilec_run_options *options);

#ifdef __cplusplus
}
#endif
#endif
