/* The first use, in order of the program, of each name that is declared without a value. */
#include "analysis/first_use.h"

#include <string.h>

struct first_use {
    const char *name;
    enum { USE_NONE, USE_READ, USE_WRITE } use;
    struct span span;
};

static bool find_use(struct node *node, void *context) {
    struct first_use *first = context;
    struct node_assign *assign = node_as(node, assign);
    struct node_access *access = node_as(node, access);
    struct node_reference *reference = node_as(node, reference);
    if (node->kind == NODE_STATEMENT) {
        if (mentions(node, first->name))
            first->use = USE_WRITE; /* tile statements name what they write */
    } else if (assign) {
        struct node_access *target = node_as(assign->target, access);
        find_use(assign->value, context);
        if (first->use == USE_NONE && target && strcmp(target->name, first->name) == 0) {
            first->use = assign->op == ASSIGN_SET ? USE_WRITE : USE_READ;
            first->span = node->span;
        }
        if (first->use == USE_READ && !first->span.line)
            first->span = node->span;
    } else if ((access && strcmp(access->name, first->name) == 0) ||
               (reference && strcmp(reference->name, first->name) == 0)) {
        first->use = USE_READ;
        first->span = node->span;
    } else {
        node_each_child(node, find_use, context);
    }
    return first->use == USE_NONE;
}

static bool check_block(const struct node_block *block, struct diagnostics *d) {
    bool sound = true;
    for (size_t i = 0; i < block->statements.count; i++) {
        struct node_buffer *buffer = node_as(block->statements.items[i], buffer);
        if (!buffer || buffer->value)
            continue;
        struct first_use first = {.name = buffer->name};
        for (size_t k = i + 1; k < block->statements.count && first.use == USE_NONE; k++)
            find_use(block->statements.items[k], &first);
        if (first.use == USE_READ) {
            report_error(d, first.span, "%s is read before it is written", buffer->name);
            report_note(d, buffer->base.span, "%s is declared here without a value", buffer->name);
            sound = false;
        }
    }
    return sound;
}

bool first_use_check(struct node *body, struct diagnostics *d) {
    bool sound = true;
    for_each (block, block, body)
        sound &= check_block(block, d);
    return sound;
}
