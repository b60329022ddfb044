/* The verifier's walk over statements and declarations, and what each form may hold. */
#include "ir/verify_internal.h"

#include <stdarg.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/field.h"
#include "ir/names.h"
#include "ir/query.h"
#include "ir/size.h"
#include "support/name_table.h"

#define DEPTH_LIMIT 400

/* ---- the form of a kernel ---- */

enum form kernel_form(const struct node *kernel) {
    enum form form = FORM_LOOP;
    for_each_node (node, kernel) {
        if (node->kind == NODE_ROLE || node->kind == NODE_FUNCTION)
            return FORM_DEVICE;
        form = node->kind == NODE_TILE ? FORM_TILE : form;
    }
    return form;
}

/* ---- reports and scope ---- */

void verify_error(struct verifier *v, const struct node *node, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_error(v->diagnostics, node && node->span.line ? node->span : v->span, "%s",
                 arena_vprintf(v->arena, format, arguments));
    va_end(arguments);
    v->failed = true;
}

struct scope_name *scope_find(struct verifier *v, const char *name) {
    for (size_t i = v->count; i-- > v->base;)
        if (name_equal(v->names[i].name, name))
            return &v->names[i];
    return NULL;
}

static struct scope_name *push(struct verifier *v, enum name_kind kind, const char *name,
                               const struct node *node) {
    if (v->count == v->capacity) {
        v->capacity = v->capacity ? 2 * v->capacity : 64;
        struct scope_name *names = arena_allocate(v->arena, v->capacity * sizeof *names);
        if (v->count)
            memcpy(names, v->names, v->count * sizeof *names);
        v->names = names;
    }
    v->names[v->count] =
        (struct scope_name){.kind = kind, .name = name, .node = node, .value = VALUE_INTEGER};
    return &v->names[v->count++];
}

struct scope_name *scope_add(struct verifier *v, enum name_kind kind, const char *name,
                             const struct node *node) {
    const struct scope_name *older = scope_find(v, name);
    if (older && kind != NAME_RANGE) {
        verify_error(v, node, "%s is declared twice", name);
        if (older->node && older->node->span.line)
            report_note(v->diagnostics, older->node->span, "it is declared here already");
    }
    return push(v, kind, name, node);
}

/* ---- what every node must have ---- */

static bool may_be_absent(const struct node *node, const char *field) {
    switch (node->kind) {
    case NODE_ACCESS:
    case NODE_IF:
        return strcmp(field, "otherwise") == 0;
    case NODE_SCAN:
        return strcmp(field, "start") == 0;
    case NODE_AXIS:
        return true;
    case NODE_SEMAPHORE:
        return strcmp(field, "initial") == 0;
    case NODE_VAR:
    case NODE_BUFFER:
    case NODE_PARAMETER:
        return strcmp(field, "value") == 0;
    default:
        return false;
    }
}

static bool needs_dtype(const struct node *node) {
    return node->kind == NODE_BUFFER || node->kind == NODE_PARAMETER || node->kind == NODE_CIRCULAR_BUFFER;
}

bool verify_present(struct verifier *v, const struct node *node) {
    const struct node_info *info = node_info(node->kind);
    for (size_t i = 0; i < info->field_count; i++) {
        const struct field_info *field = &info->fields[i];
        bool missing = (field->type == FIELD_NODE && !FIELD_OF(struct node *, node, field) &&
                        !may_be_absent(node, field->name)) ||
                       (field->type == FIELD_NAME && !FIELD_OF(const char *, node, field)) ||
                       (field->type == FIELD_WORD && field->words == WORDS_dtype && needs_dtype(node) &&
                        !FIELD_OF(int, node, field));
        if (missing) {
            verify_error(v, node, "this %s has no %s", info->name, field->name);
            return false;
        }
        if (field->type == FIELD_WORD && FIELD_OF(int, node, field) >= word_count(field->words)) {
            verify_error(v, node, "the %s of this %s is no such word", field->name, info->name);
            return false;
        }
    }
    return true;
}

/* ---- loops and declarations ---- */

static void verify_bound(struct verifier *v, struct node *bound, const char *what) {
    if (!bound)
        return;
    verify_number(v, bound, what);
    verify_32_bits(v, bound);
}

static void verify_bounds(struct verifier *v, const struct node_axis *axis) {
    verify_bound(v, axis->lower, "a bound");
    verify_bound(v, axis->upper, "a bound");
    verify_bound(v, axis->step, "a step");
    int64_t step;
    /* A loop over nothing may go by nothing: 0..0 by 0 is a block of a whole axis without elements. */
    if (axis->step && integer_value(axis->step, &step) && step < 1 && !node_equal(axis->step, axis->upper))
        verify_error(v, axis->step, "the step of %s is at least 1", axis->name);
    struct node *place = axis->step ? find_block_place(axis->step) : NULL;
    if (place)
        verify_error(v, place, "blocks of %s are all of one size, and %s is of the block around it",
                     axis->name, node_text(v->arena, place));
}

static void verify_loop(struct verifier *v, const struct node *node, struct node_list axes,
                        const struct node *body) {
    size_t mark = v->count;
    if (axes.count == 0)
        verify_error(v, node, "a %s has no axis", node_info(node->kind)->name);
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        if (!axis || !verify_present(v, axes.items[i]))
            continue;
        if (!axis->lower || !axis->upper) {
            verify_error(v, &axis->base, "axis %s of a %s has no range", axis->name,
                         node_info(node->kind)->name);
            continue;
        }
        verify_bounds(v, axis);
        scope_add(v, axis->step && v->form != FORM_DEVICE ? NAME_BLOCK : NAME_ELEMENT, axis->name,
                  &axis->base);
    }
    verify_statement(v, body);
    v->count = mark;
}

/* The axes of a let, var or buffer: those in scope are bound for the value, those with a range are new names
 * of it. */
static void open_axes(struct verifier *v, struct node_list axes, bool own) {
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        if (!axis || !verify_present(v, axes.items[i]))
            continue;
        if (axis->lower) {
            verify_bounds(v, axis);
            if (!own)
                verify_error(v, &axis->base,
                             "axis %s of a buffer has a range: a buffer holds a block of an axis in scope",
                             axis->name);
            if (!axis->upper)
                verify_error(v, &axis->base, "axis %s has no upper bound", axis->name);
            scope_add(v, NAME_ELEMENT, axis->name, &axis->base);
            continue;
        }
        struct scope_name *found = scope_find(v, axis->name);
        if (!found || (found->kind != NAME_BLOCK && found->kind != NAME_ELEMENT))
            verify_error(v, &axis->base, "%s is no axis in scope", axis->name);
        else if (found->bound && !own)
            verify_error(v, &axis->base, "axis %s stands twice in a buffer", axis->name);
        else
            found->bound = true;
    }
}

static void close_axes(struct verifier *v, struct node_list axes, size_t mark) {
    v->count = mark;
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        struct scope_name *found = axis && axis->name && !axis->lower ? scope_find(v, axis->name) : NULL;
        if (found)
            found->bound = false;
    }
}

static void verify_named_value(struct verifier *v, const struct node *node, const char *name,
                               struct node_list axes, enum dtype dtype, const struct node *value,
                               bool variable) {
    size_t mark = v->count;
    open_axes(v, axes, true);
    enum value_kind kind = value ? verify_expression(v, value) : VALUE_FLOAT;
    enum value_kind place = dtype ? value_kind_of(dtype) : variable ? VALUE_FLOAT : kind;
    verify_storable(v, node, value, kind, place);
    close_axes(v, axes, mark);
    struct scope_name *added = scope_add(v,
                                         variable     ? NAME_VARIABLE
                                         : axes.count ? NAME_VALUES
                                                      : NAME_NUMBER,
                                         name, node);
    added->value = place;
    added->rank = axes.count;
}

static void verify_buffer(struct verifier *v, const struct node_buffer *buffer) {
    size_t mark = v->count;
    const struct node *home = attribute_get(&buffer->base, KEY_TT_HOME);
    const struct scope_name *room = home ? scope_find(v, attribute_word(home, "")) : NULL;
    if (buffer->axes.count == 1 && v->form == FORM_TILE && !attribute_get(&buffer->base, KEY_TT_ORIENTATION))
        verify_error(v, &buffer->base, "vector %s has no %s", buffer->name, KEY_TT_ORIENTATION);
    if (v->form == FORM_DEVICE && !attribute_get(&buffer->base, KEY_TT_BLOCK))
        verify_error(v, &buffer->base, "buffer %s of device form has no %s", buffer->name, KEY_TT_BLOCK);
    if (v->form == FORM_TILE && buffer->memory == MEMORY_FRAGMENT && home &&
        !attribute_get(&buffer->base, KEY_TT_BLOCK))
        verify_error(v, &buffer->base, "fragment %s has %s, but no %s", buffer->name, KEY_TT_HOME,
                     KEY_TT_BLOCK);
    if (v->form == FORM_TILE && buffer->memory != MEMORY_FRAGMENT && room &&
        room->kind == NAME_CIRCULAR_BUFFER && room->value != value_kind_of(buffer->dtype))
        verify_error(v, home, "buffer %s holds values of another kind than %s", buffer->name, room->name);
    if (v->form == FORM_DEVICE && buffer->memory != MEMORY_FRAGMENT)
        verify_error(v, &buffer->base, "buffer %s is shared: device form has circular buffers instead",
                     buffer->name);
    if (v->form != FORM_LOOP && buffer->value)
        verify_error(v, &buffer->base, "buffer %s has an initial value: that is a tile statement of its own",
                     buffer->name);
    if (v->form != FORM_DEVICE)
        open_axes(v, buffer->axes, false);
    if (buffer->value)
        verify_storable(v, &buffer->base, buffer->value, verify_expression(v, buffer->value),
                        value_kind_of(buffer->dtype));
    if (v->form != FORM_DEVICE)
        close_axes(v, buffer->axes, mark);
    struct scope_name *added = scope_add(v, NAME_BUFFER, buffer->name, &buffer->base);
    added->rank = buffer->axes.count;
    added->value = value_kind_of(buffer->dtype);
    added->fragment = buffer->memory == MEMORY_FRAGMENT;
}

static void verify_delinearize(struct verifier *v, const struct node_delinearize *node) {
    verify_number(v, node->value, "what delinearize takes apart");
    if (node->names.count == 0 || node->names.count != node->extents.count)
        verify_error(v, &node->base, "delinearize to %zu names over %zu extents", node->names.count,
                     node->extents.count);
    for (size_t i = 0; i < node->extents.count; i++)
        verify_number(v, node->extents.items[i], "an extent");
    for (size_t i = 0; i < node->names.count; i++) {
        struct node_reference *name = node_as(node->names.items[i], reference);
        if (name && strcmp(name->name, NAME_UNUSED) != 0)
            scope_add(v, NAME_NUMBER, name->name, &node->base);
        else if (!name)
            verify_error(v, &node->base, "delinearize gives values to names only");
    }
}

static void verify_accessor(struct verifier *v, const struct node_accessor *node) {
    verify_number(v, node->address, "an address");
    if (node->dimensions.count == 0)
        verify_error(v, &node->base, "accessor %s has no dimensions", node->name);
    for (size_t i = 0; i < node->dimensions.count; i++)
        verify_number(v, node->dimensions.items[i], "a dimension in tiles");
    scope_add(v, NAME_ACCESSOR, node->name, &node->base)->rank = node->dimensions.count;
}

/* ---- statements ---- */

static unsigned forms_of(enum node_kind kind) {
    enum { LOOP = 1 << FORM_LOOP, TILE = 1 << FORM_TILE, DEVICE = 1 << FORM_DEVICE };
    switch (kind) {
    case NODE_GRID:
        return LOOP | TILE;
    case NODE_VAR:
    case NODE_ASSIGN:
        return LOOP | DEVICE;
    case NODE_TILE:
        return TILE | DEVICE;
    case NODE_CIRCULAR_BUFFER:
    case NODE_SEMAPHORE:
    case NODE_DELINEARIZE:
        return TILE | DEVICE;
    case NODE_STATEMENT:
    case NODE_ACCESSOR:
    case NODE_CONSTANT:
    case NODE_ROLE:
    case NODE_FUNCTION:
        return DEVICE;
    case NODE_BLOCK:
    case NODE_FOR:
    case NODE_IF:
    case NODE_LET:
    case NODE_BUFFER:
        return LOOP | TILE | DEVICE;
    default:
        return 0;
    }
}

static bool form_allows(struct verifier *v, const struct node *node) {
    static const char *const forms[] = {[FORM_LOOP] = "loop", [FORM_TILE] = "tile", [FORM_DEVICE] = "device"};
    unsigned allowed = forms_of(node->kind);
    if (allowed & 1u << v->form)
        return true;
    if (!allowed)
        verify_error(v, node, "a %s is no statement of a kernel", node_info(node->kind)->name);
    else if (node->kind == NODE_ASSIGN)
        verify_error(v, node, "an assignment of tile form is a tile statement");
    else if (node->kind == NODE_STATEMENT)
        verify_error(v, node, "a call is no statement of %s form", forms[v->form]);
    else
        verify_error(v, node, "%s form has no %s", forms[v->form], node_info(node->kind)->name);
    return false;
}

static void verify_role(struct verifier *v, const struct node_role *node) {
    if (v->inside_role || node->role == ROLE_HELPER) {
        verify_error(v, &node->base,
                     node->role == ROLE_HELPER ? "a role block is of reader, compute or writer"
                                               : "a role inside of a role");
        return;
    }
    v->inside_role = true;
    v->role = node->role;
    verify_statement(v, node->body);
    v->inside_role = false;
}

static void verify_condition(struct verifier *v, const struct node *node, const struct node *condition) {
    enum value_kind kind = verify_expression(v, condition);
    if (kind == VALUE_FLOAT)
        verify_error(v, node, "a condition must be a truth value: %s", node_text(v->arena, condition));
}

static void verify_kind(struct verifier *v, const struct node *node) {
    size_t mark = v->count;
    switch (node->kind) {
    case NODE_BLOCK:
        for (size_t i = 0; i < ((const struct node_block *)node)->statements.count; i++)
            verify_statement(v, ((const struct node_block *)node)->statements.items[i]);
        v->count = mark;
        break;
    case NODE_GRID:
        verify_loop(v, node, ((const struct node_grid *)node)->axes, ((const struct node_grid *)node)->body);
        break;
    case NODE_FOR:
        verify_loop(v, node, ((const struct node_for *)node)->axes, ((const struct node_for *)node)->body);
        break;
    case NODE_IF: {
        const struct node_if *branch = (const struct node_if *)node;
        verify_condition(v, node, branch->condition);
        verify_statement(v, branch->then);
        v->count = mark;
        if (branch->otherwise)
            verify_statement(v, branch->otherwise);
        v->count = mark;
        break;
    }
    case NODE_LET: {
        const struct node_let *let = (const struct node_let *)node;
        if (let->axes.count && v->form != FORM_LOOP)
            verify_error(v, node, "let %s has axes: in tile and device form that is a buffer", let->name);
        verify_named_value(v, node, let->name, let->axes, let->dtype, let->value, false);
        break;
    }
    case NODE_VAR: {
        const struct node_var *var = (const struct node_var *)node;
        verify_named_value(v, node, var->name, var->axes, var->dtype, var->value, true);
        break;
    }
    case NODE_BUFFER:
        verify_buffer(v, (const struct node_buffer *)node);
        break;
    case NODE_ASSIGN:
        verify_assignment(v, node, ((const struct node_assign *)node)->target,
                          ((const struct node_assign *)node)->value);
        break;
    case NODE_TILE:
        verify_tile(v, (const struct node_tile *)node);
        break;
    case NODE_STATEMENT:
        verify_call_statement(v, (const struct node_statement *)node);
        break;
    case NODE_CIRCULAR_BUFFER:
        verify_circular_buffer(v, (const struct node_circular_buffer *)node);
        break;
    case NODE_SEMAPHORE:
        verify_semaphore(v, (const struct node_semaphore *)node);
        break;
    case NODE_CONSTANT:
        verify_number(v, ((const struct node_constant *)node)->value, "a constant");
        scope_add(v, NAME_NUMBER, ((const struct node_constant *)node)->name, node);
        break;
    case NODE_DELINEARIZE:
        verify_delinearize(v, (const struct node_delinearize *)node);
        break;
    case NODE_ACCESSOR:
        verify_accessor(v, (const struct node_accessor *)node);
        break;
    case NODE_ROLE:
        verify_role(v, (const struct node_role *)node);
        break;
    case NODE_FUNCTION:
        verify_function(v, (const struct node_function *)node);
        break;
    default:
        break;
    }
}

void verify_statement(struct verifier *v, const struct node *node) {
    struct span outer = v->span;
    if (node->span.line)
        v->span = node->span;
    if (++v->depth > DEPTH_LIMIT)
        verify_error(v, node, "statements are nested too deeply");
    else if (form_allows(v, node) && verify_present(v, node)) {
        verify_attributes(v, node);
        verify_kind(v, node);
    }
    v->depth--;
    v->span = outer;
}

/* ---- the kernel ---- */

static void verify_parameter(struct verifier *v, const struct node_parameter *parameter) {
    if (!verify_present(v, &parameter->base))
        return;
    verify_attributes(v, &parameter->base);
    bool tensor = parameter->dimensions.count > 0;
    struct scope_name *added =
        scope_add(v, tensor ? NAME_TENSOR : NAME_SCALAR, parameter->name, &parameter->base);
    added->rank = parameter->dimensions.count;
    added->value = value_kind_of(parameter->dtype);
    added->input = parameter->direction == DIRECTION_IN;
    if (parameter->dimensions.count > TENSOR_RANK_LIMIT)
        verify_error(v, &parameter->base, "%s has %zu dimensions, and a tensor has at most %d",
                     parameter->name, parameter->dimensions.count, TENSOR_RANK_LIMIT);
    if (!tensor && parameter->direction != DIRECTION_IN)
        verify_error(v, &parameter->base, "%s is a scalar, and scalars are inputs", parameter->name);
    if (tensor && parameter->dtype == DTYPE_INDEX)
        verify_error(v, &parameter->base, "tensor %s is of type index, which is for scalars",
                     parameter->name);
}

/* Sizes are what the dimensions mention and no parameter is named. */
static void verify_sizes(struct verifier *v, struct node_list parameters) {
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        for (size_t j = 0; j < parameter->dimensions.count; j++)
            for_each (reference, size, parameter->dimensions.items[j])
                if (!scope_find(v, size->name))
                    push(v, NAME_SIZE, size->name, NULL);
    }
}

void verify_signature(struct verifier *v, struct node_list parameters, struct node_list conditions) {
    for (size_t i = 0; i < parameters.count; i++)
        verify_parameter(v, node_as(parameters.items[i], parameter));
    verify_sizes(v, parameters);
    for (size_t i = 0; i < conditions.count; i++)
        verify_condition(v, v->kernel, conditions.items[i]);
}

/* What the launch works out: sizes, scalars, and what tells one core from another; a tensor by its address alone. */
static void verify_argument(struct verifier *v, struct node *argument) {
    for_each_node (node, argument) {
        struct node_call *call = node_as(node, call);
        bool address = call && strcmp(call->function, "address") == 0;
        struct node *named = !address ? node : call->arguments.count == 1 ? call->arguments.items[0] : NULL;
        struct node_reference *reference = node_as(named, reference);
        const struct scope_name *found = reference ? scope_find(v, reference->name) : NULL;
        bool tensor = found && found->kind == NAME_TENSOR;
        if (address || tensor || reference)
            skip_below(node);
        if (address && !tensor)
            verify_error(v, node, "%s is of no tensor of the kernel", node_text(v->arena, node));
        else if (!address && tensor)
            verify_error(v, node,
                         "a launch argument is a number, and %s is a tensor: its address is address(%s)",
                         reference->name, reference->name);
        else if (!address && reference && !found)
            verify_error(v, node, "the launch knows no %s", reference->name);
        else if (!address && !(call && is_core_function(call->function)) && size_unfit_part(node) == node) {
            verify_error(v, node, "the launch cannot work out %s", node_text(v->arena, node));
            skip_below(node);
        }
    }
}

static void verify_launch_arguments(struct verifier *v) {
    struct node_dictionary *arguments = node_as(attribute_get(v->kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    for (size_t i = 0; arguments && i < arguments->entries.count; i++)
        if (node_as(arguments->entries.items[i], attribute)->value)
            verify_argument(v, node_as(arguments->entries.items[i], attribute)->value);
    for (size_t i = 0; arguments && i < arguments->entries.count; i++) {
        const struct node_attribute *entry = node_as(arguments->entries.items[i], attribute);
        for (size_t j = 0; j < i; j++)
            if (strcmp(node_as(arguments->entries.items[j], attribute)->key, entry->key) == 0)
                verify_error(v, v->kernel, "launch argument %s is given twice", entry->key);
        if (!scope_find(v, entry->key))
            push(v, NAME_SIZE, entry->key, NULL);
    }
}

bool kernel_verify(struct arena *arena, struct diagnostics *diagnostics, struct node *kernel,
                   enum form form) {
    struct verifier v = {
        .arena = arena, .diagnostics = diagnostics, .kernel = kernel, .form = form, .span = kernel->span};
    const struct node_kernel *node = node_as(kernel, kernel);
    if (!node) {
        verify_error(&v, kernel, "a %s is no kernel", node_info(kernel->kind)->name);
        return false;
    }
    if (!verify_present(&v, kernel))
        return false;
    verify_attributes(&v, kernel);
    verify_signature(&v, node->parameters, node->conditions);
    verify_launch_arguments(&v);
    verify_functions(&v);
    if (node->body->kind != NODE_BLOCK)
        verify_error(&v, node->body, "the body of a kernel is a block");
    else
        verify_statement(&v, node->body);
    return !v.failed;
}
