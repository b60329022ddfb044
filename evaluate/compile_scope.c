/* Names in scope, and the expressions that the compiler of the evaluator makes by itself. */
#include <stdarg.h>
#include <string.h>

#include "evaluate/compile.h"

void compile_fail(struct compiler *c, struct span span, const char *format, ...) {
    if (!c->failed) {
        va_list arguments;
        va_start(arguments, format);
        report_error(c->diagnostics, span, "%s", arena_vprintf(c->arena, format, arguments));
        va_end(arguments);
    }
    c->failed = true;
}

struct entity *entity_add(struct compiler *c, enum entity_kind kind, const char *name,
                          const struct node *node) {
    if (c->entity_count == c->entity_capacity) {
        c->entity_capacity = c->entity_capacity ? 2 * c->entity_capacity : 64;
        struct entity *entities = arena_allocate(c->arena, c->entity_capacity * sizeof *entities);
        if (c->entity_count)
            memcpy(entities, c->entities, c->entity_count * sizeof *entities);
        c->entities = entities;
    }
    struct entity *entity = &c->entities[c->entity_count++];
    *entity = (struct entity){.kind = kind, .name = name, .node = node};
    return entity;
}

struct entity *entity_find(struct compiler *c, const char *name) {
    for (size_t i = c->entity_count; i-- > 0;)
        if (strcmp(c->entities[i].name, name) == 0)
            return &c->entities[i];
    return NULL;
}

enum number_type number_type_of(enum dtype dtype) {
    switch (dtype) {
    case DTYPE_U16:
    case DTYPE_U32:
        return NUMBER_U32;
    case DTYPE_U8:
    case DTYPE_I32:
        return NUMBER_I32;
    case DTYPE_BOOL:
        return NUMBER_BOOL;
    case DTYPE_INDEX:
        return NUMBER_INDEX;
    default:
        return NUMBER_FLOAT;
    }
}

uint32_t slot_new(struct compiler *c) {
    return c->program->slots++;
}

struct expression *expression_new(struct compiler *c, enum operation operation, enum number_type type,
                                  struct span span) {
    struct expression *e = arena_allocate(c->arena, sizeof *e);
    e->operation = operation;
    e->type = type;
    e->span = span;
    return e;
}

const struct expression *expression_integer(struct compiler *c, int64_t value, enum number_type type,
                                            struct span span) {
    struct expression *e = expression_new(c, OP_INTEGER, type, span);
    e->u.integer = value;
    return e;
}

const struct expression *expression_slot(struct compiler *c, uint32_t slot, enum number_type type,
                                         struct span span) {
    struct expression *e = expression_new(c, OP_SLOT, type, span);
    e->u.slot = slot;
    return e;
}

const struct expression *expression_arithmetic(struct compiler *c, enum binary_operator op,
                                               const struct expression *a, const struct expression *b) {
    struct expression *e = expression_new(c, OP_ARITHMETIC, a->type, a->span);
    e->a = a;
    e->b = b;
    e->u.binary = op;
    return e;
}

static const struct expression *literal_as_float(struct compiler *c, const struct expression *e) {
    struct expression *real = expression_new(c, OP_REAL, NUMBER_FLOAT, e->span);
    float single = f32_canonical((float)e->u.integer);
    real->u.real = (double)single;
    real->narrow = f32_from_bf16(bf16_from_f32(single)) == single;
    return real;
}

const struct expression *expression_as(struct compiler *c, const struct expression *e,
                                       enum number_type type) {
    if (e->type == type)
        return e;
    if (e->operation == OP_INTEGER && type == NUMBER_FLOAT && e->u.integer >= -(1 << 24) &&
        e->u.integer <= 1 << 24)
        return literal_as_float(c, e);
    struct expression *converted = expression_new(c, OP_CONVERT, type, e->span);
    converted->a = e;
    return converted;
}
