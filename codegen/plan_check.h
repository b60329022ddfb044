/* The rules of plan.json (schema_version 1), for plans that tilec wrote and for those that others wrote or
 * changed. More keys than these are allowed anywhere.
 *
 *   schema_version   whole number from 1; core_grid [x, y]; backend_version, if given, a string
 *   core_ranges      [{start: [x, y], extent: [w, h]}], within core_grid, no core twice
 *   work_partition   {"(x,y)": [entry, ...]} for cores of core_ranges; entries of one kind: blocks {io, jo,
 * outer?}, each block of grid_blocks once; shares of open sizes {start, count} by the rule of shares; or
 * places {sy, sx, count}, each of shard_grid once, or of the cores of a core_plane layouts          {tensor:
 * {memory, layout, dtype, nd_shard of a sharded one, ...}} runtime_args     if given: uint32, offsets 0, 4,
 * 8, ..., names different, the address of every tensor once circular_buffers if given: numbers different,
 * pages of at least a byte accessors        if given: of tensors of layouts bindings         if given: of
 * tensors of layouts, each to the argument that is its address
 */
#ifndef TILEC_CODEGEN_PLAN_CHECK_H
#define TILEC_CODEGEN_PLAN_CHECK_H

#include "codegen/json_read.h"

enum { PLAN_SCHEMA_VERSION = 1, PLAN_BLOCK_LIMIT = 1 << 20 };

/* What a plan has, for a summary. */
struct plan_facts {
    const char *kernel; /* "" where the plan names none */
    int64_t schema_version;
    int64_t cores;  /* of core_ranges */
    int64_t blocks; /* listed one by one; -1: of open sizes */
    size_t tensors, buffers;
};

/* False after a reported error; all rules are looked at. */
bool plan_check(struct arena *arena, struct diagnostics *diagnostics, const struct json_value *plan,
                struct plan_facts *facts);

#endif
