/* Device calls to what the machine runs; a helper function is compiled in place of its call. */
#include <string.h>

#include "evaluate/compile.h"
#include "support/device_call.h"

#define HELPER_DEPTH_LIMIT 16

static int template_word(const struct node *node) {
    const char *word = node->kind == NODE_REFERENCE ? ((const struct node_reference *)node)->name : "";
    const struct call_word *found = call_word_find(word);
    return found ? (int)(found - call_words) : -1;
}

const struct node_function *kernel_function(const struct node *kernel, enum role role, const char *name) {
    struct node_block *body = node_as(((const struct node_kernel *)kernel)->body, block);
    for (size_t i = 0; body && i < body->statements.count; i++) {
        const struct node_function *function = node_as(body->statements.items[i], function);
        if (function && function->role == role && (!name || strcmp(function->name, name) == 0))
            return function;
    }
    return NULL;
}

/* ---- helpers ---- */

static void compile_helper(struct compiler *c, const struct node_call *call,
                           const struct node_function *function) {
    struct node_list parameters = function->parameters;
    const struct expression *values[CALL_ARGUMENT_LIMIT];
    if (parameters.count != call->arguments.count || parameters.count > CALL_ARGUMENT_LIMIT) {
        compile_fail(c, call->base.span, "%s takes %zu argument%s, not %zu", call->function, parameters.count,
                     parameters.count == 1 ? "" : "s", call->arguments.count);
        return;
    }
    if (c->helpers == HELPER_DEPTH_LIMIT) {
        compile_fail(c, call->base.span, "%s calls itself, or helpers call each other too deeply",
                     call->function);
        return;
    }
    for (size_t i = 0; i < parameters.count; i++)
        if (!(values[i] = compile_integer(c, call->arguments.items[i], "an argument")))
            return;
    size_t mark = c->entity_count, base = c->entity_base;
    c->entity_base = mark;
    for (size_t i = 0; i < parameters.count; i++) {
        struct instruction *set = instruction_add(c, DO_SET, call->base.span);
        set->slot = slot_new(c);
        set->value = expression_as(c, values[i], NUMBER_U32);
        uint32_t slot = set->slot;
        struct entity *entity =
            entity_add(c, ENTITY_SLOT, node_as(parameters.items[i], parameter)->name, parameters.items[i]);
        entity->type = NUMBER_U32;
        entity->slot = slot;
    }
    c->helpers++;
    compile_statement(c, function->body);
    c->helpers--;
    c->entity_count = mark;
    c->entity_base = base;
}

/* ---- device calls ---- */

/* The accessor of a transfer; before the split the tensor itself. */
static bool compile_operand(struct compiler *c, const struct node *node, struct call *call) {
    const struct entity *entity =
        node->kind == NODE_REFERENCE ? entity_find(c, ((const struct node_reference *)node)->name) : NULL;
    if (!entity || (entity->kind != ENTITY_ACCESSOR && entity->kind != ENTITY_TENSOR)) {
        compile_fail(c, node->span, "%s is no accessor of a tensor", node_text(c->arena, node));
        return false;
    }
    call->accessor = entity->kind == ENTITY_ACCESSOR;
    call->operand = entity->index;
    return true;
}

static bool compile_arguments(struct compiler *c, const struct node_call *node,
                              const struct device_call *signature, struct call *call) {
    bool transfer = strcmp(node->function, "noc_async_read_page") == 0 ||
                    strcmp(node->function, "noc_async_write_page") == 0;
    for (size_t i = 0; i < signature->templates; i++) {
        call->words[i] = template_word(node->arguments.items[i]);
        if (call->words[i] < 0) {
            compile_fail(c, node->base.span, "%s is no template argument of %s",
                         node_text(c->arena, node->arguments.items[i]), node->function);
            return false;
        }
    }
    for (size_t i = 0; i + signature->templates < signature->count; i++) {
        const struct node *argument = node->arguments.items[signature->templates + i];
        if (transfer && i == 1) {
            if (!compile_operand(c, argument, call))
                return false;
            continue;
        }
        if (!(call->arguments[call->count++] = compile_expression(c, argument)))
            return false;
    }
    return true;
}

void compile_call_statement(struct compiler *c, const struct node_statement *statement) {
    const struct node_call *node = node_as(statement->call, call);
    if (!node) {
        compile_fail(c, statement->base.span, "a statement is a call");
        return;
    }
    const struct node_function *helper = kernel_function(c->kernel, ROLE_HELPER, node->function);
    if (helper) {
        compile_helper(c, node, helper);
        return;
    }
    const struct device_call *signature = device_call_find(node->function);
    struct call *call = arena_allocate(c->arena, sizeof *call);
    if (!signature || !call_find(node->function, call)) {
        compile_fail(c, node->base.span, "there is no device call %s", node->function);
        return;
    }
    if (node->arguments.count != signature->count) {
        compile_fail(c, node->base.span, "%s takes %d arguments, not %zu", node->function, signature->count,
                     node->arguments.count);
        return;
    }
    call->name = signature->name;
    if (compile_arguments(c, node, signature, call))
        instruction_add(c, DO_CALL, statement->base.span)->call = call;
}
