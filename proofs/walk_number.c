/* The numbers of a function as polynomials: its names, the launch arguments, its expressions. */
#include "proofs/walk.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"
#include "support/name_table.h"

/* ---- names ---- */

void walk_bind(struct walk *w, const char *name, const struct polynomial *value) {
    struct name_value *bound = arena_allocate(w->compilation->arena, sizeof *bound);
    *bound = (struct name_value){name, value, w->names};
    w->names = bound;
}

/* A launch whose results are empty is not run: a size of every result is at least 1. */
static bool is_positive(const struct walk *w, const char *name) {
    struct node_list parameters = node_as(w->compilation->kernel, kernel)->parameters;
    bool found = false;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        bool has = binds_size(parameter, name);
        if (parameter->direction != DIRECTION_IN && parameter->dimensions.count && !has)
            return false;
        found = found || (parameter->direction != DIRECTION_IN && has);
    }
    return found;
}

static const struct polynomial *size_value(struct walk *w, const char *name) {
    struct atom atom = {.kind = ATOM_SIZE, .name = name, .positive = is_positive(w, name)};
    return atom_value(&w->values, atom_find(&w->values, &atom));
}

static const struct polynomial *name_value(struct walk *w, const char *name) {
    for (const struct name_value *n = w->names; n; n = n->next)
        if (name_equal(n->name, name))
            return n->value;
    return size_value(w, name);
}

/* ---- numbers ---- */

struct launch_place walk_enter_launch(struct walk *w) {
    struct launch_place place = {w->names, w->launching};
    w->names = w->kernel_names;
    w->launching = true;
    return place;
}

void walk_leave_launch(struct walk *w, struct launch_place place) {
    w->names = place.names;
    w->launching = place.launching;
}

static bool has_signed_scalar(const struct walk *w, struct node *value) {
    for_each (reference, reference, value)
        if (may_be_negative(w->compilation->kernel, reference->name))
            return true;
    return false;
}

/* An argument that is a scalar is checked for its sign where a function counts with it; of one that is made
 * of such a scalar nothing is known. */
static const struct polynomial *launch_argument(struct walk *w, struct node *position) {
    struct node_dictionary *arguments =
        node_as(attribute_get(w->compilation->kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    int64_t index;
    if (!integer_value(position, &index) || index < 0)
        return NULL;
    if (!arguments || (size_t)index >= arguments->entries.count)
        return size_value(w, arena_printf(w->compilation->arena, "argument %d", (int)index));
    struct node *value = node_as(arguments->entries.items[index], attribute)->value;
    if (value->kind != NODE_REFERENCE && has_signed_scalar(w, value))
        return NULL;
    struct launch_place place = walk_enter_launch(w);
    const struct polynomial *number = evaluate_number(w, value);
    walk_leave_launch(w, place);
    return number;
}

/* What differs from core to core: its share of the blocks, and where it stands on the core grid. */
static const struct polynomial *value_of_core(struct walk *w, const struct node_call *call) {
    static const struct {
        const char *function;
        struct atom atom;
    } rows[] = {{"start", {.kind = ATOM_START, .name = "start_id"}},
                {"count", {.kind = ATOM_COUNT, .name = "count"}},
                {"core_x", {.kind = ATOM_CORE, .name = "sx", .position = 0}},
                {"core_y", {.kind = ATOM_CORE, .name = "sy", .position = 1}}};
    for (size_t i = 0; call->arguments.count == 0 && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(call->function, rows[i].function) == 0)
            return atom_value(&w->values, atom_find(&w->values, &rows[i].atom));
    return NULL;
}

const struct polynomial *walk_window_address(struct walk *w, const void *state, size_t buffer, bool write,
                                             struct span span) {
    (void)state;
    struct atom atom = {
        .kind = ATOM_POINTER, .name = "", .step = (int64_t)buffer, .write = write, .span = span};
    return atom_value(&w->values, atom_find(&w->values, &atom));
}

static const struct polynomial *pointer_value(struct walk *w, const struct node_call *call, bool write) {
    struct walked_call walked = {.call = call, .span = w->span};
    size_t buffer = buffer_of(w, &walked, 1);
    if (!w->domain || !w->domain->pointer || buffer == w->buffer_count)
        return NULL;
    return w->domain->pointer(w, w->state, buffer, write, w->span);
}

/* The address of a semaphore. */
static const struct polynomial *semaphore_value(struct walk *w, const struct node_call *call) {
    struct atom atom = {.kind = ATOM_SEMAPHORE, .name = call->function};
    bool known = known_number(evaluate_number(w, call->arguments.items[0]), &atom.step);
    return known ? atom_value(&w->values, atom_find(&w->values, &atom)) : NULL;
}

/* NoC coordinates of a core; NULL when it is none. */
static const struct polynomial *place_value(struct walk *w, const struct node_call *call) {
    struct values *v = &w->values;
    struct node *const *arguments = call->arguments.items;
    size_t count = call->arguments.count;
    struct atom atom = {.kind = ATOM_NOC, .name = call->function};
    if ((strcmp(call->function, "noc_x") != 0 && strcmp(call->function, "noc_y") != 0) || count != 2)
        return NULL;
    atom.position = call->function[4] == 'y';
    atom.a = evaluate_number(w, arguments[0]);
    atom.b = evaluate_number(w, arguments[1]);
    return atom.a && atom.b ? atom_value(v, atom_find(v, &atom)) : NULL;
}

static const struct polynomial *polynomial_min(struct walk *w, struct node *const *arguments) {
    return minimum_of(&w->values, evaluate_number(w, arguments[0]), evaluate_number(w, arguments[1]));
}

static const struct polynomial *polynomial_max(struct walk *w, struct node *const *arguments) {
    return maximum_of(&w->values, evaluate_number(w, arguments[0]), evaluate_number(w, arguments[1]));
}

static const struct polynomial *polynomial_ceildiv(struct walk *w, struct node *const *arguments) {
    return ceiling_of(&w->values, evaluate_number(w, arguments[0]), evaluate_number(w, arguments[1]));
}

static const struct polynomial *polynomial_select(struct walk *w, struct node *const *arguments) {
    (void)w, (void)arguments; /* which arm it is is not followed */
    return NULL;
}

/* A device call that gives a number. */
static const struct polynomial *device_value(struct walk *w, const struct node_call *call,
                                             const struct device_call *row) {
    if (call->arguments.count != row->count)
        return NULL;
    switch (row->number) {
    case DEVICE_CALL_get_arg_val:
        return launch_argument(w, call->arguments.items[1]);
    case DEVICE_CALL_get_write_ptr:
    case DEVICE_CALL_get_read_ptr:
        return pointer_value(w, call, row->number == DEVICE_CALL_get_write_ptr);
    case DEVICE_CALL_get_semaphore:
        return semaphore_value(w, call);
    case DEVICE_CALL_l1_load_u8:
    case DEVICE_CALL_l1_load_u16:
    case DEVICE_CALL_l1_load_u32: /* any number: conditions say what is known of it */
        return size_value(w, node_text(w->compilation->arena, &call->base));
    default:
        return NULL;
    }
}

static const struct polynomial *call_value(struct walk *w, struct node_call *call) {
    static const struct polynomial *(*const polynomials[])(struct walk *, struct node *const *) = {
#define SIZE_FUNCTION(name, count, arguments, device, c, metalium, python) polynomial_##name,
#include "ir/size_functions.def"
    };
    enum size_function which = size_function_of(&call->base);
    struct node *const *arguments = call->arguments.items;
    if (which != SIZE_FUNCTION_COUNT)
        return polynomials[which](w, arguments);
    const struct device_call *row = device_call_find(call->function);
    if (row)
        return device_value(w, call, row);
    if (strcmp(call->function, "address") == 0 && call->arguments.count == 1)
        return size_value(w, node_text(w->compilation->arena, &call->base));
    const struct polynomial *place = place_value(w, call);
    return place ? place : value_of_core(w, call);
}

/* How many numbers a loop's variable runs over, from 0 on or over all shares; NULL when it is not one alone.
 */
static const struct polynomial *range_of_variable(struct values *v, const struct polynomial *variable) {
    bool alone =
        variable && variable->count == 1 && variable->terms[0].degree == 1 && variable->terms[0].factor == 1;
    const struct atom *loop = alone ? &v->atoms[variable->terms[0].atoms[0]] : NULL;
    if (!loop || loop->kind != ATOM_LOOP || !loop->a || loop->step != 1)
        return NULL;
    bool share = loop->a->count == 1 && loop->a->terms[0].degree == 1 &&
                 v->atoms[loop->a->terms[0].atoms[0]].kind == ATOM_START;
    return share ? v->points : loop->a->count == 0 ? loop->b : NULL;
}

/* n / d and n % d of a loop's variable that runs over a multiple of d are the numbers of blocks in two
 * directions, like those of delinearize; NULL when they are not. */
static const struct polynomial *block_number(struct walk *w, const struct polynomial *n,
                                             const struct polynomial *d, size_t position) {
    struct values *v = &w->values;
    const struct polynomial *range = range_of_variable(v, n), *blocks;
    int64_t literal;
    if (!range || !d || known_number(d, &literal) || !(blocks = exact_quotient(v, range, d)))
        return NULL;
    struct atom atom = {.kind = ATOM_INDEX,
                        .name = position ? "n % d" : "n / d",
                        .a = n,
                        .extents = {blocks, d},
                        .extent_count = 2,
                        .position = position};
    return atom_value(v, atom_find(v, &atom));
}

static const struct polynomial *subtracted(struct walk *w, const struct node *difference,
                                           const struct polynomial *a, const struct polynomial *b) {
    if (w->watch && !w->launching && !w->quiet)
        w->watch->subtracts(w, difference, a, b);
    return difference_of(&w->values, a, b);
}

static const struct polynomial *unary_value(struct walk *w, struct node_unary *unary) {
    return unary->op == UNARY_NEGATE
               ? subtracted(w, &unary->base, number(&w->values, 0), evaluate_number(w, unary->operand))
               : NULL;
}

static const struct polynomial *binary_value(struct walk *w, struct node_binary *binary) {
    struct values *v = &w->values;
    const struct polynomial *a = evaluate_number(w, binary->left), *b = evaluate_number(w, binary->right),
                            *block;
    switch (binary->op) {
    case BINARY_ADD:
        return sum_of(v, a, b);
    case BINARY_SUBTRACT:
        return subtracted(w, &binary->base, a, b);
    case BINARY_MULTIPLY:
        return product_of(v, a, b);
    case BINARY_DIVIDE:
        return (block = block_number(w, a, b, 0)) ? block : quotient_of(v, a, b);
    case BINARY_REMAINDER:
        return (block = block_number(w, a, b, 1)) ? block : remainder_of(v, a, b);
    default:
        return NULL;
    }
}

static const struct polynomial *reference_value(struct walk *w, const struct node_reference *reference) {
    const struct polynomial *value = name_value(w, reference->name);
    if (w->watch && value && !w->launching && !w->quiet)
        w->watch->refers(w, value);
    return value;
}

const struct polynomial *evaluate_number(struct walk *w, struct node *expression) {
    if (!expression)
        return NULL;
    switch (expression->kind) {
    case NODE_INTEGER:
        return number(&w->values, node_as(expression, integer)->value);
    case NODE_REFERENCE:
        return reference_value(w, node_as(expression, reference));
    case NODE_UNARY:
        return unary_value(w, node_as(expression, unary));
    case NODE_BINARY:
        return binary_value(w, node_as(expression, binary));
    case NODE_CALL:
        return call_value(w, node_as(expression, call));
    default:
        return NULL;
    }
}

int condition_value(struct walk *w, struct node *condition) {
    struct node_binary *binary = node_as(condition, binary);
    int64_t difference;
    if (!binary)
        return -1;
    if (binary->op == BINARY_AND || binary->op == BINARY_OR) {
        int a = condition_value(w, binary->left), b = condition_value(w, binary->right);
        int decides = binary->op == BINARY_OR;
        return a == decides || b == decides ? decides : a < 0 || b < 0 ? -1 : !decides;
    }
    const struct polynomial *distance =
        difference_of(&w->values, evaluate_number(w, binary->left), evaluate_number(w, binary->right));
    if (!known_number(distance, &difference))
        return -1;
    switch (binary->op) {
    case BINARY_EQUAL:
        return difference == 0;
    case BINARY_NOT_EQUAL:
        return difference != 0;
    case BINARY_LESS:
        return difference < 0;
    case BINARY_LESS_EQUAL:
        return difference <= 0;
    case BINARY_GREATER:
        return difference > 0;
    case BINARY_GREATER_EQUAL:
        return difference >= 0;
    default:
        return -1;
    }
}
