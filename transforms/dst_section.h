/* The parts of manage_dst_tt: one DST section at a time.
 */
#ifndef TILEC_TRANSFORMS_DST_SECTION_H
#define TILEC_TRANSFORMS_DST_SECTION_H

#include "transforms/blocks.h"
#include "transforms/dst_plan.h"
#include "ir/names.h"
#include "transforms/pass.h"

/* Accumulations of one section. */
enum { SECTION_UPDATES = 8 };

/* A fragment and the statements that make its value. */
struct fragment {
    const char *name;
    struct node_buffer *buffer;
    const char *home;        /* "dst", or the circular buffer of its partial tiles */
    int64_t height, width;   /* of a subblock in tiles */
    struct node_tile *start; /* the map that gives the first value, once met */
    /* the accumulations where they stand beside its reader, which are products where they are several; in a loop it is
     * one, and emitted in place */
    struct node_tile *updates[SECTION_UPDATES];
    size_t update_count;
    bool looped;       /* its section stays open over a loop */
    bool column_major; /* slots run down the columns: the right operand lies transposed */
};

struct manager {
    struct compilation *compilation;
    struct arena *arena;
    struct node *kernel;
    struct name_table names;
    struct fragment fragments[64];
    size_t fragment_count;
    const char *row, *column, *tile, *inner; /* names of loops */
    int64_t capacity;                        /* DST tiles of a section */
    bool failed;
};

/* The part of a block that one section computes: tiles (row .. row + rows, column .. column + columns). */
struct part {
    struct node *row, *column;   /* its first tile within the block */
    struct node *rows, *columns; /* how many tiles exist */
    int64_t most;                /* tiles of a full part */
};

/* ---- manage_dst_tt.c ---- */
void manager_fail(struct manager *m, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct fragment *fragment_find(struct manager *m, const char *name);
struct node_circular_buffer *manager_buffer(struct manager *m, const char *name);
struct buffer_facts manager_facts(const char *name, void *manager);
int64_t block_side(struct manager *m, const char *buffer, int side, struct node **expression);
/* Range of an axis of a tile statement: tiles, first tile, extent; NULL when the statement lacks the axis. */
struct node *axis_tiles(struct node_tile *tile, const char *axis, int which);
enum { RANGE_TILES, RANGE_FIRST, RANGE_EXTENT };

/* ---- dst_emit.c: building blocks ---- */
struct node *emit_reference(struct manager *m, const char *name);
struct node *emit_number(struct manager *m, int64_t value);
/* The value by a name of its own, where it is neither a number nor a name. */
struct node *emit_let(struct manager *m, struct list_builder *out, struct span span, const char *base,
                      struct node *value);
void emit_call(struct manager *m, struct list_builder *out, struct span span, enum device_call_number call,
               size_t count, struct node *const *arguments);
#define EMIT(m, out, span, name, ...)                                                                        \
    emit_call((m), (out), (span), DEVICE_CALL_##name,                                                        \
              sizeof((struct node *[]){__VA_ARGS__}) / sizeof(struct node *),                                \
              (struct node *[]){__VA_ARGS__})
#define EMIT_PLAIN(m, out, span, name) emit_call((m), (out), (span), DEVICE_CALL_##name, 0, NULL)
/* What an operation works on: buffers, their tiles, slots written and read, a number's bits. */
struct call_operands {
    struct node *spread, *a, *b, *tile_a, *tile_b, *slot, *source[3], *bits;
    const char *format; /* a word of DST, or of a cast; NULL: Float32 */
};
/* A call, or its init or uninit, with those of them that its row lists. */
void emit_operation(struct manager *m, struct list_builder *out, struct span span,
                    enum device_call_number call, const struct call_operands *operands);
/* A call behind its init. */
void emit_behind_init(struct manager *m, struct list_builder *out, struct span span,
                      enum device_call_number call, const struct call_operands *operands);
/* for name in 0..count { body }; the body alone with 0 for one iteration; nothing for none. */
void emit_loop(struct manager *m, struct list_builder *out, struct span span, const char *name,
               struct node *count, struct list_builder *body);
/* A section whose tiles are packed to the buffer: the packer's format, acquire. The format comes first, since
 * the packer is not set anew between reduce_init and reduce_uninit. */
void emit_section_begin(struct manager *m, struct list_builder *out, struct span span, const char *target);
/* Before packing: commit, wait; behind it: release. */
void emit_pack_begin(struct manager *m, struct list_builder *out, struct span span);
void emit_pack_end(struct manager *m, struct list_builder *out, struct span span);

/* ---- dst_map.c ---- */
bool plan_map(struct manager *m, struct node_tile *tile, bool fresh, struct dst_plan *plan);
/* The steps of a plan for all tiles of a part. */
void emit_steps(struct manager *m, struct list_builder *out, struct node_tile *tile,
                const struct dst_plan *plan, const struct part *part, bool column_major);
/* pack_tile of every tile of the part to its place in the target's block. */
void emit_pack(struct manager *m, struct list_builder *out, struct node_tile *tile,
               const struct dst_plan *plan, const struct part *part, bool column_major);
/* The buffer of the constant tile that the spread stands for. */
struct node *constant_buffer(struct manager *m, struct span span, enum spread spread);
/* A map without a fragment: sections over its whole block. */
void emit_map(struct manager *m, struct list_builder *out, struct node_tile *tile);
void emit_transpose(struct manager *m, struct list_builder *out, struct node_tile *tile);
void emit_reduce(struct manager *m, struct list_builder *out, struct node_tile *tile);
/* A fold by the vector unit (dst_reduce.c). */
void emit_slot_reduce(struct manager *m, struct list_builder *out, struct node_tile *tile);
/* A scan (dst_scan.c). */
void emit_scan(struct manager *m, struct list_builder *out, struct node_tile *tile);
/* Rows and columns of tiles that exist in the target of a tile statement. */
struct part whole_part(struct manager *m, struct node_tile *tile);
/* for each group of at most `most` tiles of the target: a section. */
typedef void section_body(struct manager *m, struct list_builder *out, const struct part *part,
                          void *context);
void emit_groups(struct manager *m, struct list_builder *out, struct node_tile *tile, int64_t most,
                 section_body *body, void *context);

/* ---- dst_fragment.c ---- */
/* Opens the section of a fragment that stays in DST over the loop that follows. */
void fragment_open(struct manager *m, struct list_builder *out, struct fragment *fragment, struct node *loop);
/* A fragment with partial tiles gets its first values. */
void fragment_start_partials(struct manager *m, struct list_builder *out, struct fragment *fragment);
void fragment_update(struct manager *m, struct list_builder *out, struct fragment *fragment,
                     struct node_tile *tile);
void fragment_read(struct manager *m, struct list_builder *out, struct fragment *fragment,
                   struct node_tile *tile);

/* ---- dst_configure.c ---- */
/* Starts the compute program with compute_kernel_hw_startup and removes or hoists every init and format
 * reconfiguration that changes nothing. body: the statements of the kernel, compute under role blocks. */
struct node *configure_compute(struct arena *arena, struct node *kernel, struct node *body);

#endif
