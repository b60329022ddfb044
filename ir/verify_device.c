/* Device form: calls that exist, with their arguments, in the roles they belong to; circular buffers and
 * semaphores; functions. */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/call_usage.h"
#include "ir/format.h"
#include "ir/verify_internal.h"
#include "support/architecture.h"
#include "support/device_call.h"
#include "support/name_table.h"

static void check_role(struct verifier *v, const struct node_call *call, const struct device_call *row) {
    if (row->role == CALL_OF_ANY)
        return;
    bool compute = v->role == ROLE_COMPUTE;
    if (!v->inside_role)
        verify_error(v, &call->base, "%s stands outside of every role", call->function);
    else if (compute != (row->role == CALL_OF_COMPUTE))
        verify_error(v, &call->base, "%s is a call of %s, not of %s", call->function,
                     row->role == CALL_OF_COMPUTE ? "compute" : "reader and writer",
                     word_text(WORDS_role, (int)v->role));
}

static void check_arguments(struct verifier *v, const struct node_call *call, const struct device_call *row);

static void check_noc_argument(struct verifier *v, const struct node_call *call, const struct node *argument,
                               const struct device_call *maker) {
    const struct node_call *made = argument->kind == NODE_CALL ? (const struct node_call *)argument : NULL;
    if (made && strcmp(made->function, maker->name) == 0) {
        check_arguments(v, made, maker);
        return;
    }
    verify_error(v, argument, "%s is no NoC address", node_text(v->arena, argument));
    report_help(v->diagnostics, (struct span){0}, "%s takes it from %s(...), written in its place",
                call->function, maker->name);
}

static void check_word(struct verifier *v, const struct node_call *call, const struct node *argument,
                       enum parameter_kind kind) {
    const char *word =
        argument->kind == NODE_REFERENCE ? ((const struct node_reference *)argument)->name : "";
    if (!call_word_fits(word, kind))
        verify_error(v, &call->base, "%s takes %s here, not %s", call->function,
                     call_words_text(v->arena, kind), node_text(v->arena, argument));
}

static void check_accessor(struct verifier *v, const struct node *argument) {
    const struct node_reference *accessor =
        argument->kind == NODE_REFERENCE ? (const struct node_reference *)argument : NULL;
    const struct scope_name *found = accessor ? scope_find(v, accessor->name) : NULL;
    if (!found || (found->kind != NAME_ACCESSOR && found->kind != NAME_TENSOR))
        verify_error(v, argument, "%s is no accessor of a tensor", node_text(v->arena, argument));
}

/* Before the split a scalar stands for its bits. */
static void check_number(struct verifier *v, struct node *argument) {
    const struct scope_name *scalar = argument->kind == NODE_REFERENCE
                                          ? scope_find(v, ((const struct node_reference *)argument)->name)
                                          : NULL;
    if (!scalar || scalar->kind != NAME_SCALAR)
        verify_number(v, argument, "an argument of a device call");
}

/* Another constant would be another function. */
static void check_constant(struct verifier *v, const struct node_call *call, const struct node *argument,
                           double constant) {
    const struct node_call *bits = argument->kind == NODE_CALL ? (const struct node_call *)argument : NULL;
    double value;
    if (!bits || bit_pattern_find(bits->function) != PATTERN_F32 || bits->arguments.count != 1 ||
        !literal_value(bits->arguments.items[0], &value) || value != constant)
        verify_error(v, argument, "%s takes bits(%s) here, not %s", call->function,
                     node_text(v->arena, make_real(v->arena, constant)), node_text(v->arena, argument));
}

static void check_arguments(struct verifier *v, const struct node_call *call, const struct device_call *row) {
    if (call->arguments.count != row->count) {
        verify_error(v, &call->base, "%s takes %d argument%s, not %zu", call->function, row->count,
                     row->count == 1 ? "" : "s", call->arguments.count);
        if (row->count)
            report_help(v->diagnostics, (struct span){0}, "%s", device_call_usage(v->arena, row));
        return;
    }
    for (size_t i = 0; i < row->count; i++) {
        struct node *argument = call->arguments.items[i];
        switch (call_parameter(row, i)->class) {
        case CLASS_WORD:
            check_word(v, call, argument, row->parameters[i]);
            break;
        case CLASS_ADDRESS:
            check_noc_argument(v, call, argument, &device_calls[call_parameter(row, i)->maker]);
            break;
        case CLASS_ACCESSOR:
            check_accessor(v, argument);
            break;
        case CLASS_PAGE:
        case CLASS_NUMBER:
            check_number(v, argument);
            if (call_constant(row, i))
                check_constant(v, call, argument, *call_constant(row, i));
            break;
        }
    }
}

const struct node_function *helper_find(const struct verifier *v, const char *name) {
    struct node_block *body = node_as(node_as(v->kernel, kernel)->body, block);
    for (size_t i = 0; body && i < body->statements.count; i++) {
        const struct node_function *function = node_as(body->statements.items[i], function);
        if (function && function->role == ROLE_HELPER && strcmp(function->name, name) == 0)
            return function;
    }
    return NULL;
}

/* Does the helper stand before the function that is verified? C knows no other, and none calls itself then.
 */
static bool stands_before(const struct verifier *v, const struct node_function *helper) {
    struct node_block *body = node_as(node_as(v->kernel, kernel)->body, block);
    for (size_t i = 0; i < body->statements.count && body->statements.items[i] != &v->function->base; i++)
        if (body->statements.items[i] == &helper->base)
            return true;
    return false;
}

static void check_helper_call(struct verifier *v, const struct node_call *call,
                              const struct node_function *helper) {
    if (helper == v->function)
        verify_error(v, &call->base, "%s calls itself", call->function);
    else if (v->function && !stands_before(v, helper)) {
        verify_error(v, &call->base, "%s is called before it is known", call->function);
        report_note(v->diagnostics, helper->base.span, "%s stands here", call->function);
        report_help(v->diagnostics, (struct span){0}, "a helper stands before the functions that call it");
    }
    if (helper->parameters.count != call->arguments.count)
        verify_error(v, &call->base, "%s takes %zu argument%s, not %zu", call->function,
                     helper->parameters.count, helper->parameters.count == 1 ? "" : "s",
                     call->arguments.count);
    if (v->inside_role && v->role == ROLE_COMPUTE)
        verify_error(v, &call->base, "%s is a call of reader and writer, not of compute", call->function);
    for (size_t i = 0; i < call->arguments.count; i++)
        verify_number(v, call->arguments.items[i], "an argument of a helper");
}

static void unknown_call(struct verifier *v, const struct node_call *call) {
    const char *names[DEVICE_CALL_END - 1];
    for (size_t i = 1; i < DEVICE_CALL_END; i++)
        names[i - 1] = device_calls[i].name;
    const char *nearest = suggest_nearest(call->function, names, DEVICE_CALL_END - 1);
    verify_error(v, &call->base, "there is no device call %s", call->function);
    if (nearest)
        report_help(v->diagnostics, (struct span){0}, "did you mean %s?", nearest);
}

void verify_call_statement(struct verifier *v, const struct node_statement *statement) {
    const struct node_call *call = node_as(statement->call, call);
    if (!call) {
        verify_error(v, &statement->base, "a statement is a call");
        return;
    }
    const struct node_function *helper = helper_find(v, call->function);
    const struct device_call *row = device_call_find(call->function);
    if (helper) {
        check_helper_call(v, call, helper);
    } else if (!row) {
        unknown_call(v, call);
    } else if (!device_call_acts(row)) {
        verify_error(v, &call->base, "%s is a value, not a statement", call->function);
    } else {
        check_role(v, call, row);
        check_arguments(v, call, row);
    }
}

enum value_kind verify_device_value(struct verifier *v, const struct node_call *call, bool *known) {
    const struct device_call *row = device_call_find(call->function);
    enum bit_pattern bits = bit_pattern_find(call->function);
    *known = v->form == FORM_DEVICE && (row || bits);
    if (!*known)
        return VALUE_NONE;
    if (bits) {
        double literal;
        if (call->arguments.count != 1)
            verify_error(v, &call->base, "%s takes 1 argument, not %zu", call->function,
                         call->arguments.count);
        else if (bits != PATTERN_F32 && !literal_value(call->arguments.items[0], &literal))
            verify_error(v, &call->base, "%s takes a literal", call->function);
        else if (call->arguments.items[0]->kind != NODE_INTEGER) /* of a float: of any width */
            verify_expression(v, call->arguments.items[0]);
        return VALUE_INTEGER;
    }
    if (row->kind == EFFECT_NOC_ADDRESS) {
        verify_error(v, &call->base,
                     "%s is no number: it is a NoC address of 64 bits, an argument of other calls",
                     call->function);
        return VALUE_NONE;
    }
    if (row->kind != EFFECT_VALUE) {
        verify_error(v, &call->base, "%s has no value: it is a statement", call->function);
        return VALUE_NONE;
    }
    check_role(v, call, row);
    check_arguments(v, call, row);
    return VALUE_INTEGER;
}

/* ---- circular buffers ---- */

/* Circular buffers and semaphores are those of a core. */
static void verify_outside(struct verifier *v, const struct node *declaration, const char *name) {
    if (!v->inside_role)
        return;
    verify_error(v, declaration, "%s is declared in a role or function", name);
    report_help(v->diagnostics, (struct span){0},
                "circular buffers and semaphores stand beside the functions that share them");
}

void verify_circular_buffer(struct verifier *v, const struct node_circular_buffer *buffer) {
    verify_outside(v, &buffer->base, buffer->name);
    for (size_t i = v->base; i < v->count; i++) {
        const struct scope_name *other = &v->names[i];
        if (other->kind != NAME_CIRCULAR_BUFFER ||
            ((const struct node_circular_buffer *)other->node)->id != buffer->id)
            continue;
        verify_error(v, &buffer->base, "circular buffer %s has the number of %s", buffer->name, other->name);
        if (other->node->span.line)
            report_note(v->diagnostics, other->node->span, "%s is declared here", other->name);
        break;
    }
    if (buffer->id < 0 || buffer->id > UINT32_MAX)
        verify_error(v, &buffer->base, "circular buffer %s has the number %lld", buffer->name,
                     (long long)buffer->id);
    verify_number(v, buffer->pages, "a number of pages");
    if (!v->split && !attribute_get(&buffer->base, KEY_TT_BLOCK))
        verify_error(v, &buffer->base, "circular buffer %s has no %s", buffer->name, KEY_TT_BLOCK);
    struct scope_name *added = scope_add(v, NAME_CIRCULAR_BUFFER, buffer->name, &buffer->base);
    added->value = value_kind_of(buffer->dtype);
    added->rank = 2;
}

/* ---- semaphores ---- */

void verify_semaphore(struct verifier *v, const struct node_semaphore *semaphore) {
    verify_outside(v, &semaphore->base, semaphore->name);
    for (size_t i = v->base; i < v->count; i++) {
        const struct scope_name *other = &v->names[i];
        if (other->kind != NAME_SEMAPHORE ||
            ((const struct node_semaphore *)other->node)->id != semaphore->id)
            continue;
        verify_error(v, &semaphore->base, "semaphore %s has the number of %s", semaphore->name, other->name);
        if (other->node->span.line)
            report_note(v->diagnostics, other->node->span, "%s is declared here", other->name);
        break;
    }
    if (semaphore->id < 0 || semaphore->id >= SEMAPHORE_LIMIT)
        verify_error(v, &semaphore->base, "semaphore %s has the number %lld: there are 0 to %d",
                     semaphore->name, (long long)semaphore->id, SEMAPHORE_LIMIT - 1);
    int64_t initial = 0;
    if (semaphore->initial &&
        (!integer_value(semaphore->initial, &initial) || initial < 0 || initial > UINT32_MAX))
        verify_error(v, &semaphore->base, "semaphore %s begins as %s, which is no number of 32 bits",
                     semaphore->name, node_text(v->arena, semaphore->initial));
    scope_add(v, NAME_SEMAPHORE, semaphore->name, &semaphore->base);
}

/* ---- functions ---- */

/* A function sees its own names only. */
void verify_function(struct verifier *v, const struct node_function *function) {
    if (v->inside_role) {
        verify_error(v, &function->base, "function %s stands inside of a role or function", function->name);
        return;
    }
    size_t mark = v->count, base = v->base;
    v->base = mark;
    v->inside_role = true;
    v->function = function;
    v->role = function->role;
    if (function->role != ROLE_HELPER && function->parameters.count)
        verify_error(v, &function->base, "%s %s takes parameters: only helpers do",
                     word_text(WORDS_role, (int)function->role), function->name);
    for (size_t i = 0; i < function->parameters.count; i++) {
        const struct node_parameter *parameter = node_as(function->parameters.items[i], parameter);
        if (!verify_present(v, &parameter->base))
            continue;
        if (parameter->dtype != DTYPE_U32 || parameter->dimensions.count)
            verify_error(v, &parameter->base, "parameter %s of a helper is a u32", parameter->name);
        scope_add(v, NAME_NUMBER, parameter->name, &parameter->base);
    }
    verify_statement(v, function->body);
    v->inside_role = false;
    v->function = NULL;
    v->base = base;
    v->count = mark;
}

static const struct node_function *function_of(struct node_list statements, enum role role) {
    for (size_t i = 0; i < statements.count; i++) {
        const struct node_function *function = node_as(statements.items[i], function);
        if (function && function->role == role)
            return function;
    }
    return NULL;
}

static void check_complete(struct verifier *v, struct node_list statements) {
    if (function_of(statements, ROLE_WRITER))
        return;
    verify_error(v, v->kernel, "kernel %s has no %s", node_as(v->kernel, kernel)->name,
                 word_text(WORDS_role, ROLE_WRITER));
    report_help(v->diagnostics, (struct span){0},
                "a kernel is a writer, a reader unless it reads nothing, and compute unless it only copies");
}

/* After the split a kernel is its circular buffers, semaphores and functions, one for each role, helpers
 * before their calls. */
void verify_functions(struct verifier *v) {
    struct node_block *body = node_as(node_as(v->kernel, kernel)->body, block);
    if (v->form != FORM_DEVICE || !body)
        return;
    struct node_list statements = body->statements;
    v->split = function_of(statements, ROLE_READER) || function_of(statements, ROLE_COMPUTE) ||
               function_of(statements, ROLE_WRITER);
    if (!v->split)
        return;
    for (size_t i = 0; i < statements.count; i++) {
        const struct node *statement = statements.items[i];
        const struct node_function *function = node_as(statements.items[i], function);
        if (!function && statement->kind != NODE_CIRCULAR_BUFFER && statement->kind != NODE_SEMAPHORE)
            verify_error(v, statement,
                         "a kernel of functions has circular buffers and semaphores beside them, but no %s",
                         node_info(statement->kind)->name);
        const struct node_function *first = function ? function_of(statements, function->role) : NULL;
        if (!function || function->role == ROLE_HELPER || first == function)
            continue;
        verify_error(v, statement, "%s is a second %s of kernel %s", function->name,
                     word_text(WORDS_role, (int)function->role), node_as(v->kernel, kernel)->name);
        report_note(v->diagnostics, first->base.span, "the first is here");
    }
    check_complete(v, statements);
}
