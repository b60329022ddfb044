/* The interpreter of numbers and control flow: a function becomes the list of its calls. Numbers are u32, as
 * on the device. */
#include "proofs/rehearse_internal.h"

#include <inttypes.h>
#include <string.h>

#include "ir/build.h"
#include "support/arena.h"
#include "ir/format.h"

enum { NAME_LIMIT = 192, ACCESSOR_LIMIT = 32, CALL_DEPTH = 8, KNOWN_CALLS = 256 };

struct traced_name {
    const char *name;
    uint32_t value;
    bool loop, address; /* address: an L1 address is part of it */
};

struct traced_accessor {
    const char *name;
    size_t tensor;
};

/* A call that was met before; one place for each KNOWN_CALLS-th address. */
struct known_call {
    const struct node_call *call;
    const struct device_call *effect; /* NULL: a helper function */
};

struct tracer {
    struct rehearsal *rehearsal;
    const uint32_t *arguments;
    size_t argument_count;
    struct traced_name names[NAME_LIMIT];
    size_t name_count, name_base;
    struct traced_accessor accessors[ACCESSOR_LIMIT];
    size_t accessor_count;
    struct trace *trace;
    size_t capacity, stop_at; /* stop_at: the event whose loops are wanted */
    uint32_t *written, *read; /* pages pushed and popped so far, by buffer, within the ring */
    size_t steps;
    int depth;
    bool ended, address; /* address: of the number worked out since this was cleared */
    struct span span;
};

/* ---- events ---- */

static struct rehearsed_event *add_event(struct tracer *t) {
    struct trace *trace = t->trace;
    if (trace->count == t->stop_at)
        t->ended = true;
    if (++t->rehearsal->events > EVENT_LIMIT) {
        t->rehearsal->unknown = t->ended = true;
        return NULL;
    }
    if (trace->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        struct rehearsed_event *events = arena_allocate(t->rehearsal->arena, capacity * sizeof *events);
        if (t->capacity)
            memcpy(events, trace->events, trace->count * sizeof *events);
        trace->events = events;
        t->capacity = capacity;
    }
    struct rehearsed_event *event = &trace->events[trace->count++];
    event->span = t->span;
    return event;
}

static uint32_t unknown(struct tracer *t) {
    t->rehearsal->unknown = t->ended = true;
    return 0;
}

static uint32_t fault(struct tracer *t, const char *help, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static uint32_t fault(struct tracer *t, const char *help, const char *format, ...) {
    if (t->ended)
        return 0;
    va_list arguments;
    va_start(arguments, format);
    struct rehearsed_event *event = add_event(t);
    if (event) {
        event->fault = arena_vprintf(t->rehearsal->arena, format, arguments);
        event->help = help;
    }
    va_end(arguments);
    t->ended = true;
    return 0;
}

/* ---- names ---- */

static void bind(struct tracer *t, const char *name, uint32_t value, bool loop) {
    if (t->name_count == NAME_LIMIT)
        unknown(t);
    else
        t->names[t->name_count++] = (struct traced_name){name, value, loop, t->address && !loop};
}

/* The position of a name; NAME_LIMIT when nothing has it. Names of the IR are interned: equal ones are one
 * pointer. */
static size_t find_name(const struct tracer *t, const char *name) {
    for (size_t i = t->name_count; i-- > t->name_base;)
        if (t->names[i].name == name)
            return i;
    return NAME_LIMIT;
}

static const struct traced_accessor *find_accessor(const struct tracer *t, const char *name) {
    for (size_t i = 0; i < t->accessor_count; i++)
        if (t->accessors[i].name == name)
            return &t->accessors[i];
    return NULL;
}

static size_t buffer_of_id(const struct rehearsal *r, uint32_t id) {
    size_t at = 0;
    while (at < r->buffer_count && r->buffers[at].node->id != (int64_t)id)
        at++;
    return at;
}

/* ---- numbers ---- */

static uint32_t value_of(struct tracer *t, struct node *expression);

static uint32_t reference_value(struct tracer *t, const char *name) {
    size_t at = find_name(t, name);
    if (at == NAME_LIMIT)
        return unknown(t);
    t->address |= t->names[at].address;
    return t->names[at].value;
}

static uint32_t binary_value(struct tracer *t, const struct node_binary *binary) {
    uint32_t a = value_of(t, binary->left);
    if (binary->op == BINARY_AND)
        return a && value_of(t, binary->right);
    if (binary->op == BINARY_OR)
        return a || value_of(t, binary->right);
    uint32_t b = value_of(t, binary->right);
    if (binary->op == BINARY_MULTIPLY)
        return a * b;
    int64_t value;
    if (!integer_operate(binary->op, a, b, &value))
        return fault(t, NULL, "%s divides by 0", node_text(t->rehearsal->arena, &binary->base));
    return (uint32_t)value;
}

static uint32_t pointer_value(struct tracer *t, uint32_t id, bool write) {
    size_t at = buffer_of_id(t->rehearsal, id);
    if (at == t->rehearsal->buffer_count)
        return fault(t, NULL, "there is no circular buffer number %" PRIu32, id);
    const struct rehearsed_buffer *buffer = &t->rehearsal->buffers[at];
    t->address = true;
    return buffer->base + (write ? t->written : t->read)[at] * buffer->page_bytes;
}

static uint32_t semaphore_value(struct tracer *t, uint32_t id) {
    const struct rehearsal *r = t->rehearsal;
    for (size_t i = 0; i < r->semaphore_count; i++)
        if (r->semaphores[i].node->id == (int64_t)id)
            return r->semaphores[i].address;
    return fault(t, "a function's constant is the number in the declaration of its semaphore",
                 "there is no semaphore number %" PRIu32, id);
}

static uint32_t call_value(struct tracer *t, const struct node_call *call) {
    struct node *const *arguments = call->arguments.items;
    bool lesser = strcmp(call->function, "min") == 0;
    if (call->arguments.count == 2 && (lesser || strcmp(call->function, "max") == 0)) {
        uint32_t left = value_of(t, arguments[0]), right = value_of(t, arguments[1]);
        return (left < right) == lesser ? left : right;
    }
    double number = 0; /* of a scalar that is given at launch: no proof asks for it */
    if (bit_pattern_find(call->function)) {
        literal_value(arguments[0], &number);
        return bit_pattern_of(bit_pattern_find(call->function), number);
    }
    if (strcmp(call->function, "get_semaphore") == 0)
        return semaphore_value(t, value_of(t, arguments[0]));
    if (strcmp(call->function, "get_arg_val") == 0 && call->arguments.count == 2) {
        uint32_t index = value_of(t, arguments[1]);
        return index < t->argument_count ? t->arguments[index] : unknown(t);
    }
    if (strcmp(call->function, "get_write_ptr") == 0 || strcmp(call->function, "get_read_ptr") == 0)
        return pointer_value(t, value_of(t, arguments[0]), call->function[4] == 'w');
    if (call->arguments.count != 2)
        return unknown(t);
    uint32_t a = value_of(t, arguments[0]), b = value_of(t, arguments[1]);
    if (strcmp(call->function, "ceildiv") == 0)
        return b ? (a + b - 1) / b
                 : fault(t, NULL, "%s divides by 0", node_text(t->rehearsal->arena, &call->base));
    return unknown(t);
}

static uint32_t page_value(struct tracer *t, const struct node_page *page) {
    const struct traced_accessor *accessor = find_accessor(t, page->tensor);
    if (!accessor)
        return unknown(t);
    const struct rehearsed_tensor *tensor = &t->rehearsal->tensors[accessor->tensor];
    uint64_t at = 0;
    if (page->indices.count != tensor->rank)
        return fault(t, NULL, "a page of %s has %zu subscripts, not %zu", page->tensor, tensor->rank,
                     page->indices.count);
    for (size_t i = 0; i < tensor->rank && !t->ended; i++) {
        uint32_t index = value_of(t, page->indices.items[i]);
        if (!t->ended && index >= tensor->dimensions[i])
            return fault(t, "every page of a tensor that is read or written must exist",
                         "tile %s of dimension %zu of %s is tile %" PRId64 ", and there are %" PRIu64,
                         node_text(t->rehearsal->arena, page->indices.items[i]), i + 1, page->tensor,
                         index > INT32_MAX ? (int64_t)index - UINT32_MAX - 1 : (int64_t)index,
                         tensor->dimensions[i]);
        at = at * tensor->dimensions[i] + index;
    }
    return (uint32_t)at;
}

static uint32_t value_of(struct tracer *t, struct node *e) {
    if (t->ended || !e || ++t->steps > STEP_LIMIT)
        return e && !t->ended ? unknown(t) : 0;
    switch (e->kind) {
    case NODE_INTEGER:
        return (uint32_t)((struct node_integer *)e)->value;
    case NODE_REFERENCE:
        return reference_value(t, ((struct node_reference *)e)->name);
    case NODE_BINARY:
        return binary_value(t, (struct node_binary *)e);
    case NODE_CALL:
        return call_value(t, (struct node_call *)e);
    case NODE_PAGE:
        return page_value(t, (struct node_page *)e);
    case NODE_UNARY:
        return node_as(e, unary)->op == UNARY_NOT ? !value_of(t, node_as(e, unary)->operand)
                                                  : -value_of(t, node_as(e, unary)->operand);
    default:
        return unknown(t);
    }
}

/* ---- statements ---- */

static void run(struct tracer *t, struct node *statement);

static void run_loop(struct tracer *t, const struct node_for *loop, size_t axis) {
    if (axis == loop->axes.count) {
        run(t, loop->body);
        return;
    }
    const struct node_axis *part = node_as(loop->axes.items[axis], axis);
    uint32_t lower = value_of(t, part->lower), upper = value_of(t, part->upper),
             step = part->step ? value_of(t, part->step) : 1;
    size_t names = t->name_count;
    if (!part->lower || !part->upper || (step == 0 && !t->ended))
        unknown(t);
    bind(t, part->name, lower, true);
    for (uint64_t at = lower; at < upper && !t->ended; at += step) {
        t->names[names].value = (uint32_t)at;
        if (++t->steps > STEP_LIMIT)
            unknown(t);
        run_loop(t, loop, axis + 1);
    }
    if (!t->ended)
        t->name_count = names;
}

static void run_delinearize(struct tracer *t, const struct node_delinearize *d) {
    t->address = false;
    uint32_t rest = value_of(t, d->value), values[TENSOR_RANK_LIMIT];
    if (d->names.count > TENSOR_RANK_LIMIT) {
        unknown(t);
        return;
    }
    for (size_t i = d->names.count; i-- > 0 && !t->ended;) {
        uint32_t extent = value_of(t, d->extents.items[i]);
        if (!t->ended && (extent == 0 || (i == 0 && rest >= extent)))
            fault(t, "the extents are the blocks of the grid, whose product the launch shares out",
                  "%s is %" PRIu32 ", beyond the extents of delinearize",
                  node_text(t->rehearsal->arena, d->value), value_of(t, d->value));
        values[i] = extent ? rest % extent : 0;
        rest = extent ? rest / extent : 0;
    }
    for (size_t i = 0; i < d->names.count && !t->ended; i++)
        bind(t, node_as(d->names.items[i], reference)->name, values[i], false);
}

static void run_accessor(struct tracer *t, const struct node_accessor *accessor) {
    struct rehearsal *r = t->rehearsal;
    uint32_t address = value_of(t, accessor->address);
    size_t tensor = 0;
    while (tensor < r->tensor_count && strcmp(r->tensors[tensor].parameter->name, accessor->name) != 0)
        tensor++;
    if (tensor == r->tensor_count || t->accessor_count == ACCESSOR_LIMIT) {
        unknown(t);
        return;
    }
    if (address != r->tensors[tensor].address)
        fault(t, "an accessor takes the launch argument whose value is the address of its tensor",
              "accessor %s is made at %s, which is not the address of %s", accessor->name,
              node_text(r->arena, accessor->address), accessor->name);
    bool same = accessor->dimensions.count == r->tensors[tensor].rank;
    for (size_t i = 0; same && i < accessor->dimensions.count && !t->ended; i++) {
        uint32_t tiles = value_of(t, accessor->dimensions.items[i]);
        if (!t->ended && tiles != r->tensors[tensor].dimensions[i])
            fault(t, "the shape of an accessor is its tensor's, in tiles",
                  "accessor %s has %" PRIu32 " tiles along dimension %zu, and %s has %" PRIu64,
                  accessor->name, tiles, i + 1, accessor->name, r->tensors[tensor].dimensions[i]);
    }
    if (!same)
        fault(t, "the shape of an accessor is its tensor's, in tiles",
              "accessor %s has %zu dimensions, and %s has %zu", accessor->name, accessor->dimensions.count,
              accessor->name, r->tensors[tensor].rank);
    t->accessors[t->accessor_count++] = (struct traced_accessor){accessor->name, tensor};
}

static const struct node_function *helper_of(const struct rehearsal *r, const char *name) {
    struct node_list statements = node_as(node_as(r->kernel, kernel)->body, block)->statements;
    for (size_t i = 0; i < statements.count; i++) {
        const struct node_function *function = node_as(statements.items[i], function);
        if (function && function->role == ROLE_HELPER && strcmp(function->name, name) == 0)
            return function;
    }
    return NULL;
}

static void run_helper(struct tracer *t, const struct node_call *call) {
    const struct node_function *helper = helper_of(t->rehearsal, call->function);
    if (!helper || helper->parameters.count != call->arguments.count || t->depth == CALL_DEPTH) {
        unknown(t);
        return;
    }
    size_t count = t->name_count, base = t->name_base;
    uint32_t values[EVENT_ARGUMENTS];
    bool addresses[EVENT_ARGUMENTS];
    if (call->arguments.count > EVENT_ARGUMENTS) {
        unknown(t);
        return;
    }
    for (size_t i = 0; i < call->arguments.count; i++) {
        t->address = false;
        values[i] = value_of(t, call->arguments.items[i]);
        addresses[i] = t->address;
    }
    t->name_base = count;
    for (size_t i = 0; i < call->arguments.count; i++) {
        t->address = addresses[i];
        bind(t, node_as(helper->parameters.items[i], parameter)->name, values[i], false);
    }
    t->depth++;
    run(t, helper->body);
    t->depth--;
    t->name_base = base;
    if (!t->ended)
        t->name_count = count;
}

/* The ring positions that get_write_ptr and get_read_ptr give move with the function's own calls. */
static void follow_ring(struct tracer *t, const struct rehearsed_event *event) {
    if (event->effect->kind != EFFECT_PUSH && event->effect->kind != EFFECT_POP)
        return;
    size_t at = buffer_of_id(t->rehearsal, event->arguments[event->effect->buffer - 1]);
    if (at == t->rehearsal->buffer_count || !t->rehearsal->buffers[at].pages)
        return;
    uint32_t *position = event->effect->kind == EFFECT_PUSH ? &t->written[at] : &t->read[at];
    *position = (uint32_t)(((uint64_t)*position + event->arguments[event->effect->pages - 1]) %
                           t->rehearsal->buffers[at].pages);
}

static bool is_template_word(const struct tracer *t, struct node *argument) {
    const struct node_reference *word = node_as(argument, reference);
    return word && find_name(t, word->name) == NAME_LIMIT;
}

/* x, y or x0, y0, x1, y1, and the address in the L1 there, which it returns. */
static uint32_t noc_address(struct tracer *t, const struct node_call *place, uint32_t cores[4]) {
    size_t corners = place->arguments.count - 1;
    if (corners != 2 && corners != 4)
        return unknown(t);
    for (size_t i = 0; i < 4; i++)
        cores[i] = value_of(t, place->arguments.items[i % corners]);
    return value_of(t, place->arguments.items[corners]);
}

static const struct device_call *effect_of(struct tracer *t, const struct node_call *call) {
    struct known_call *known = &t->rehearsal->known[(uintptr_t)call / sizeof *call % KNOWN_CALLS];
    if (known->call != call)
        *known = (struct known_call){call, device_call_acting(call->function)};
    return known->effect;
}

static void run_call(struct tracer *t, const struct node_call *call) {
    const struct device_call *effect = effect_of(t, call);
    struct rehearsed_event event = {.effect = effect, .call = call, .span = t->span};
    if (!effect) {
        run_helper(t, call);
        return;
    }
    if (call->arguments.count > EVENT_ARGUMENTS) {
        unknown(t);
        return;
    }
    for (size_t i = 0; i < call->arguments.count && !t->ended; i++) {
        struct node *argument = call->arguments.items[i];
        const struct node_reference *name = node_as(argument, reference);
        const struct traced_accessor *accessor = name ? find_accessor(t, name->name) : NULL;
        const struct node_call *place = node_as(argument, call);
        if (accessor)
            event.arguments[i] = (uint32_t)accessor->tensor;
        else if (place && (int)i + 1 == effect->target)
            event.arguments[i] = noc_address(t, place, event.cores);
        else if (!is_template_word(t, argument)) {
            t->address = false;
            event.arguments[i] = value_of(t, argument);
            if (effect->kind == EFFECT_STORE && i == 1 && t->address)
                fault(t, "what is stored must be the same wherever the buffers lie",
                      "%s stores an L1 address", call->function);
        }
    }
    struct rehearsed_event *added = t->ended ? NULL : add_event(t);
    if (added) {
        *added = event;
        follow_ring(t, added);
    }
}

static void run_assign(struct tracer *t, const struct node_assign *assign) {
    const struct node_reference *target = node_as(assign->target, reference);
    size_t at = target ? find_name(t, target->name) : NAME_LIMIT;
    uint32_t value = value_of(t, assign->value);
    if (at == NAME_LIMIT)
        unknown(t);
    else if (assign->op == ASSIGN_SET)
        t->names[at].value = value;
    else if (assign->op == ASSIGN_ADD)
        t->names[at].value += value;
    else if (assign->op == ASSIGN_SUBTRACT)
        t->names[at].value -= value;
    else
        unknown(t);
}

static void run(struct tracer *t, struct node *node) {
    if (t->ended || !node)
        return;
    if (!t->depth && node->span.line)
        t->span = node->span;
    size_t names = t->name_count;
    switch (node->kind) {
    case NODE_BLOCK:
        for (size_t i = 0; i < node_as(node, block)->statements.count; i++)
            run(t, node_as(node, block)->statements.items[i]);
        if (!t->ended)
            t->name_count = names;
        break;
    case NODE_FOR:
        run_loop(t, node_as(node, for), 0);
        break;
    case NODE_IF: {
        bool holds = value_of(t, node_as(node, if)->condition) != 0;
        run(t, holds ? node_as(node, if)->then : node_as(node, if)->otherwise);
        break;
    }
    case NODE_LET:
        t->address = false;
        bind(t, node_as(node, let)->name, value_of(t, node_as(node, let)->value), false);
        break;
    case NODE_CONSTANT:
        t->address = false;
        bind(t, node_as(node, constant)->name, value_of(t, node_as(node, constant)->value), false);
        break;
    case NODE_VAR:
        t->address = false;
        bind(t, node_as(node, var)->name, value_of(t, node_as(node, var)->value), false);
        break;
    case NODE_ASSIGN:
        run_assign(t, node_as(node, assign));
        break;
    case NODE_DELINEARIZE:
        run_delinearize(t, node_as(node, delinearize));
        break;
    case NODE_ACCESSOR:
        run_accessor(t, node_as(node, accessor));
        break;
    case NODE_STATEMENT:
        run_call(t, node_as(node_as(node, statement)->call, call));
        break;
    default:
        unknown(t);
        break;
    }
}

/* ---- whole functions ---- */

static void trace_until(struct rehearsal *r, const struct node_function *function, const uint32_t *arguments,
                        size_t argument_count, size_t stop_at, struct tracer *t, struct trace *trace) {
    if (!r->known)
        r->known = arena_allocate(r->arena, KNOWN_CALLS * sizeof *r->known);
    *trace = (struct trace){0};
    *t = (struct tracer){.rehearsal = r,
                         .arguments = arguments,
                         .argument_count = argument_count,
                         .trace = trace,
                         .stop_at = stop_at,
                         .span = function->base.span};
    t->written = arena_allocate(r->arena, (r->buffer_count + 1) * sizeof *t->written);
    t->read = arena_allocate(r->arena, (r->buffer_count + 1) * sizeof *t->read);
    run(t, function->body);
}

bool trace_function(struct rehearsal *r, const struct node_function *function, const uint32_t *arguments,
                    size_t argument_count, struct trace *trace) {
    struct tracer *t = r->tracer = r->tracer ? r->tracer : arena_allocate(r->arena, sizeof *t);
    trace_until(r, function, arguments, argument_count, SIZE_MAX, t, trace);
    return !r->unknown;
}

const char *trace_iteration(struct rehearsal *r, const struct node_function *function,
                            const uint32_t *arguments, size_t argument_count, size_t event) {
    struct tracer *t = arena_allocate(r->arena, sizeof *t);
    struct trace trace;
    const char *text = "";
    r->events = 0;
    trace_until(r, function, arguments, argument_count, event, t, &trace);
    for (size_t i = 0; i < t->name_count; i++)
        if (t->names[i].loop)
            text = arena_printf(r->arena, "%s%s%s = %" PRIu32, text, *text ? ", " : " at ", t->names[i].name,
                                t->names[i].value);
    return text;
}
