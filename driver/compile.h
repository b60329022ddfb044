/* A source on its way through the compiler: loading (.tl or IR text), the choice of kernels, the passes.
 * Nothing here prints. */
#ifndef TILEC_DRIVER_COMPILE_H
#define TILEC_DRIVER_COMPILE_H

#include <stdbool.h>
#include <stddef.h>

#include "grammar/front.h"
#include "ir/ir.h"
#include "transforms/pass.h"

struct architecture;
struct explanations;

/* Which kernels are rehearsed (driver/rehearse.h) once the proofs have found nothing: IR text and kernels under
 * check_passes; all; or none. */
enum rehearse { REHEARSE_TEXT, REHEARSE_ALL, REHEARSE_NOTHING };

struct unit_options {
    const struct architecture *architecture;
    uint32_t grid_x, grid_y; /* 0: the product's */
    const struct define *defines;
    size_t define_count;
    const char *kernel; /* the kernel or program wanted; NULL: all */
    const char *from;   /* the pass (or AFTER_PARSE) behind which IR text goes on; NULL: found by its form */
    const char *last;   /* the last pass to run, AFTER_PARSE: none; NULL: all */
    const char *only;   /* this pass alone */
    bool check_passes;
    bool keep_tile_forms; /* for runs in the evaluator */
    bool late_versions;   /* kernels for rows of any length are compiled when unit_version asks for them */
    enum rehearse rehearse;
    struct explanations *explanations; /* what is proved is told here; NULL: nobody asks */
    pass_observer *observe;
    void *context;
};

struct unit {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct unit_options options;
    struct node *module;            /* its kernels as they stand; only the wanted ones and what they launch */
    struct node *written;           /* the module as it was read; NULL before unit_load */
    struct list_builder tile_forms; /* of the kernels that went from tile form to device form, where they are
                                     * kept, or the results were compared with them */
    bool from_ir;                   /* the source was IR text */
    const char *broken; /* what broke its promise, "pass tile_pad_tt": a fault of tilec; NULL: nothing */
    struct node *broken_kernel;
};

enum { SOURCE_LIMIT = 64 << 20 }; /* bytes */

/* Reads a source whose text outlives the unit. False after a reported error. */
bool unit_load(struct unit *unit, const char *path, const char *text, size_t length);
/* Runs the passes on every kernel. False after a reported error, or with unit->broken set. */
bool unit_compile(struct unit *unit);

/* Was the kernel of this name device form already when it was read? What breaks the device's rules in it is
 * then the author's, not tilec's. */
bool unit_author_wrote_device_form(const struct unit *unit, const char *name);

/* The last tile form of the kernel of this name, where tile forms are kept: what the evaluator runs in its place.
 * NULL when there is none: it was device form when it was read, or passes stopped before. */
struct node *unit_tile_form(const struct unit *unit, const char *name);

/* The kernel of this name, NULL when there is none. */
struct node *unit_kernel(const struct unit *unit, const char *name);
/* The kernel that is launched in place of this one where its circular buffers do not fit L1; NULL: there is none. */
struct node *unit_version(struct unit *unit, const struct node *kernel);
/* Is it launched in place of another one only? */
bool unit_is_version(const struct unit *unit, const struct node *kernel);
/* The program or kernel that `run` means: the one wanted, else the only program, else the only kernel. NULL
 * after a reported error. */
struct node *unit_entry(const struct unit *unit);

#endif
