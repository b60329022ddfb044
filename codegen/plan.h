/* What the files that write plan.json share: values of jansson, put together key by key. */
#ifndef TILEC_CODEGEN_PLAN_H
#define TILEC_CODEGEN_PLAN_H

#include <jansson.h>

#include "codegen/print.h"

struct plan {
    const struct kernel_source *source;
    json_t *top;
    bool failed; /* an entry could not be made */
};

/* The value becomes the object's or array's. */
void plan_put(struct plan *plan, json_t *object, const char *key, json_t *value);
void plan_add(struct plan *plan, json_t *array, json_t *value);
/* An attribute or a size. */
json_t *plan_value(struct plan *plan, struct node *node);
/* An attribute of the kernel, where it has it, under a key of the plan. */
void plan_put_attribute(struct plan *plan, const char *key, const char *attribute);

/* plan_work.c: blocks and what every core computes of them; fails where the kernel does not say. */
void plan_put_work(struct plan *plan);

/* plan_text.c: as text, a line for what fits one. NULL: it cannot be written as JSON. */
const char *plan_text(struct arena *arena, json_t *plan);

#endif
