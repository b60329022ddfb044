/* What the files that check a plan share. */
#ifndef TILEC_CODEGEN_PLAN_CHECK_INTERNAL_H
#define TILEC_CODEGEN_PLAN_CHECK_INTERNAL_H

#include "codegen/plan_check.h"
#include "codegen/plan_item.h"

/* Coordinates of a core, and what stands at one place in a list of a plan, for any device to come. */
enum { COORDINATE_LIMIT = 1 << 15 };

struct check {
    struct arena *arena;
    struct diagnostics *diagnostics;
    const char *file; /* its name */
    struct plan_item plan;
    struct plan_facts *facts;
    int64_t columns, rows; /* core_grid; 0: not known */
    int64_t *order; /* of each core of the grid: 1 + its number in core_ranges; 0: in none. NULL: not known */
};

/* An error at the path of an item, and what to do. */
void check_error(struct check *c, const struct plan_item *item, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_help(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A note to the last error: another item that matters. */
void check_note(struct check *c, const char *what, const struct plan_item *item);

/* The entry of a plan that it must have, of that type; without a value after a report. what: it is. */
struct plan_item check_required(struct check *c, const char *key, json_type type, const char *what);
/* [a, b], both from `least` on; false after a report. */
bool check_pair(struct check *c, const struct plan_item *item, int64_t least, int64_t pair[2]);

/* plan_check_work.c: every block on one core. */
void check_work(struct check *c);

#endif
