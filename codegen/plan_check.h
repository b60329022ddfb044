/* The rules of plan.json (docs/plan.md), for plans that tilec wrote and for those that others wrote or
 * changed. A text that is no JSON is refused with its place, a value that breaks a rule with its path in the
 * plan.
 */
#ifndef TILEC_CODEGEN_PLAN_CHECK_H
#define TILEC_CODEGEN_PLAN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diagnostics;

enum { PLAN_SCHEMA_VERSION = 1, PLAN_BLOCK_LIMIT = 1 << 20 };

/* What a plan has, for a summary. */
struct plan_facts {
    const char *kernel; /* "" where the plan names none */
    int64_t schema_version;
    int64_t cores;  /* of core_ranges */
    int64_t blocks; /* listed one by one; -1: of open sizes */
    size_t tensors, buffers;
};

/* Of a registered source. False after a reported error; all rules are looked at. */
bool plan_check(struct arena *arena, struct diagnostics *diagnostics, uint32_t source,
                struct plan_facts *facts);

#endif
