/* The planner: an expression is walked from its leaves, each step takes and frees slots of DST. */
#include "transforms/dst_planner.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/launch.h"
#include "ir/query.h"
#include "transforms/host_numbers.h"
#include "support/device_call.h"
#include "support/scalar.h"

static int plan_value(struct planner *p, struct node *value);

/* The calls of an operator: of the FPU on full tiles, a row, a column to the right; of the vector unit on two
 * slots, on a slot and a number to its right, to its left. */
struct operator_calls {
    enum device_call_number fpu[SPREAD_COLUMN + 1], slots, right, left;
};

static const struct operator_calls operators[] = {
    [BINARY_ADD] = {{DEVICE_CALL_add_tiles, DEVICE_CALL_add_tiles_bcast_rows,
                     DEVICE_CALL_add_tiles_bcast_cols},
                    DEVICE_CALL_add_binary_tile,
                    DEVICE_CALL_add_unary_tile,
                    DEVICE_CALL_add_unary_tile},
    [BINARY_SUBTRACT] = {{DEVICE_CALL_sub_tiles, DEVICE_CALL_sub_tiles_bcast_rows,
                          DEVICE_CALL_sub_tiles_bcast_cols},
                         DEVICE_CALL_sub_binary_tile,
                         DEVICE_CALL_sub_unary_tile,
                         DEVICE_CALL_rsub_unary_tile},
    [BINARY_MULTIPLY] = {{DEVICE_CALL_mul_tiles, DEVICE_CALL_mul_tiles_bcast_rows,
                          DEVICE_CALL_mul_tiles_bcast_cols},
                         DEVICE_CALL_mul_binary_tile,
                         DEVICE_CALL_mul_unary_tile,
                         DEVICE_CALL_mul_unary_tile},
    [BINARY_DIVIDE] = {.slots = DEVICE_CALL_div_binary_tile},
    [BINARY_EQUAL] = {.slots = DEVICE_CALL_eq_binary_tile},
    [BINARY_NOT_EQUAL] = {.slots = DEVICE_CALL_ne_binary_tile},
    [BINARY_LESS] = {.slots = DEVICE_CALL_lt_binary_tile},
    [BINARY_LESS_EQUAL] = {.slots = DEVICE_CALL_le_binary_tile},
    [BINARY_GREATER] = {.slots = DEVICE_CALL_gt_binary_tile},
    [BINARY_GREATER_EQUAL] = {.slots = DEVICE_CALL_ge_binary_tile},
    [BINARY_AND] = {.slots = DEVICE_CALL_mul_binary_tile}, /* conditions are 1 and 0 */
    [BINARY_OR] = {.slots = DEVICE_CALL_binary_max_tile},
    [BINARY_REMAINDER] = {.slots = DEVICE_CALL_NONE},
};

/* Expressions of a `.tl` are cut before (tensorize_split.c): this is one of IR text. */
static void advise_parts(struct diagnostics *diagnostics) {
    report_help(diagnostics, (struct span){0}, "write a part of it to a shared buffer first, as a `tile map` of its own");
}

void dst_fail_as_large(struct diagnostics *diagnostics, struct span span, int64_t needed, int64_t available) {
    report_error(diagnostics, span,
                 "this expression keeps %" PRId64 " tiles at once, and the device has room for %" PRId64
                 " of f32",
                 needed, available);
    advise_parts(diagnostics);
}

void planner_fail(struct planner *p, const char *what) {
    if (!p->failed)
        report_error(p->request->diagnostics, p->request->span, "%s", what);
    p->failed = true;
}

static void fail_as_too_large(struct planner *p, const char *what) {
    bool first = !p->failed;
    planner_fail(p, what);
    if (first)
        advise_parts(p->request->diagnostics);
}

int slot_take(struct planner *p) {
    for (int slot = 0; slot < SLOT_LIMIT; slot++)
        if (!p->busy[slot]) {
            p->busy[slot] = p->used[slot] = true;
            if (slot + 1 > p->plan->slots)
                p->plan->slots = slot + 1;
            return slot;
        }
    fail_as_too_large(p, "this expression keeps more tiles at once than the device has room for");
    return 0;
}

void slot_free(struct planner *p, int slot) {
    p->busy[slot] = false;
}

struct dst_step *step_add(struct planner *p, struct dst_step step) {
    struct dst_plan *plan = p->plan;
    if (plan->count == plan->capacity) {
        plan->capacity = plan->capacity ? 2 * plan->capacity : 16;
        struct dst_step *steps = arena_allocate(p->request->arena, plan->capacity * sizeof *steps);
        if (plan->count)
            memcpy(steps, plan->steps, plan->count * sizeof *steps);
        plan->steps = steps;
    }
    plan->steps[plan->count] = step;
    return &plan->steps[plan->count++];
}

/* ---- leaves ---- */

/* A literal, a number of sizes or a scalar parameter as the bit pattern the vector unit takes; NULL when the
 * node is none. */
static struct node *scalar_bits(struct planner *p, struct node *node) {
    struct arena *arena = p->request->arena;
    double value;
    if (literal_value(node, &value))
        return make_call(arena, "bits", LIST(arena, make_real(arena, value)));
    if (!is_number(p, node))
        return node->kind == NODE_REFERENCE && !is_element_index(p, node) ? node : NULL;
    if (!device_counts(p->request->kernel, node)) {
        fail_as_negative(p, "f32");
        return NULL;
    }
    return make_call(arena, "bits", LIST(arena, make_call(arena, "i32", LIST(arena, node))));
}

static bool operand_of(struct planner *p, struct node *node, struct dst_operand *operand,
                       struct buffer_facts *facts) {
    struct node_access *access = node_as(node, access);
    struct node_access *target = p->request->target;
    if (!access)
        return false;
    *facts = p->request->lookup(access->name, p->request->context);
    if (!facts->known)
        return false;
    operand->buffer = access->name;
    operand->spread = SPREAD_FULL;
    if (access->subscripts.count == 1 && target->subscripts.count == 2)
        operand->spread = facts->column ? SPREAD_COLUMN : SPREAD_ROW;
    if (!access->subscripts.count && target->subscripts.count)
        operand->spread = SPREAD_NUMBER;
    return true;
}

/* As the unpackers give it. */
static bool is_sixteen_bits(enum dtype dtype) {
    return dtype == DTYPE_BF16 || is_block_type(dtype);
}

static bool fpu_operand(struct planner *p, struct node *node, struct dst_operand *operand) {
    struct buffer_facts facts;
    return operand_of(p, node, operand, &facts) && !facts.fragment && is_sixteen_bits(facts.dtype) &&
           operand->spread != SPREAD_NUMBER;
}

/* An operand that the FPU adds to zeros. */
static int plan_added(struct planner *p, struct node *node, struct dst_operand operand) {
    struct dst_operand zeros = {.spread = SPREAD_ZEROS};
    int slot = slot_take(p);
    step_add(p, (struct dst_step){.call = operators[BINARY_ADD].fpu[operand.spread],
                                  .slot = slot,
                                  .a = zeros,
                                  .b = operand,
                                  .part = node});
    return slot;
}

/* unary_bcast of a row of 16-bit values moves it as 16-bit rows of DST, which a section of f32 does not hold:
 * such a row is added to zeros. */
static int plan_access(struct planner *p, struct node *node) {
    struct dst_operand operand;
    struct buffer_facts facts;
    if (!operand_of(p, node, &operand, &facts)) {
        planner_fail(p, arena_printf(p->request->arena, "%s is no buffer of this kernel",
                                     node_as(node, access)->name));
        return 0;
    }
    if (facts.fragment)
        return 0; /* slot 0 was reserved for it */
    if (operand.spread != SPREAD_FULL && is_narrow_whole(facts.dtype)) {
        planner_fail(p, arena_printf(p->request->arena, "%s is spread as i32 or u32",
                                     word_text(WORDS_dtype, facts.dtype)));
        return 0;
    }
    if (operand.spread == SPREAD_ROW && is_sixteen_bits(facts.dtype)) {
        if (!p->request->chooses)
            planner_fail(p, arena_printf(p->request->arena,
                                         "a row of 16-bit values is spread by the FPU: fpu(%s)",
                                         node_text(p->request->arena, node)));
        return plan_added(p, node, operand);
    }
    int slot = slot_take(p);
    step_add(p, (struct dst_step){.call = operand.spread == SPREAD_FULL ? DEVICE_CALL_copy_tile
                                                                        : DEVICE_CALL_unary_bcast,
                                  .slot = slot,
                                  .a = operand});
    if (is_narrow_whole(facts.dtype))
        step_add(p, (struct dst_step){.call = DEVICE_CALL_typecast_tile,
                                      .slot = slot,
                                      .source = {slot},
                                      .format = facts.dtype == DTYPE_U16 ? "u16_to_u32" : "u8_to_i32"});
    return slot;
}

static int plan_fill(struct planner *p, struct node *bits) {
    int slot = slot_take(p);
    step_add(p, (struct dst_step){.call = DEVICE_CALL_fill_tile_bitcast, .slot = slot, .scalar = bits});
    return slot;
}

/* ---- operators ---- */

/* In place, with a number (NULL: the call takes none). */
static int plan_unary(struct planner *p, enum device_call_number call, struct node *operand,
                      struct node *bits) {
    int slot = plan_as(p, operand, DTYPE_F32);
    step_add(p, (struct dst_step){.call = call, .slot = slot, .source = {slot}, .scalar = bits});
    return slot;
}

/* The order, deepest first, and the slots that operands of those depths need at once: when the k-th is computed,
 * those before it have one each. */
static int order_depths(size_t count, const int *depths, size_t *order) {
    int most = 1;
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && depths[order[at - 1]] < depths[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (size_t k = 0; k < count; k++)
        most = depths[order[k]] + (int)k > most ? depths[order[k]] + (int)k : most;
    return most;
}

/* Slots that the value needs at once. A number takes one, whatever it is made of: places of blocks are told in
 * other words once they are numbers, and later plans keep the order. */
static int depth_of(const struct planner *p, struct node *node) {
    struct node_binary *binary = node_as(node, binary);
    struct node_unary *unary = node_as(node, unary);
    struct node_call *call = node_as(node, call);
    int depths[OPERAND_LIMIT];
    size_t order[OPERAND_LIMIT], count = 0;
    if (is_number(p, node))
        return 1;
    if (binary) {
        depths[count++] = depth_of(p, binary->left);
        depths[count++] = depth_of(p, binary->right);
    }
    for (size_t i = 0; call && i < call->arguments.count && count < OPERAND_LIMIT; i++)
        depths[count++] = depth_of(p, call->arguments.items[i]);
    int depth = unary ? depth_of(p, unary->operand) : order_depths(count, depths, order);
    bool random = call && strcmp(call->function, "random") == 0;
    return random && depth < RANDOM_SLOTS ? RANDOM_SLOTS : depth;
}

/* The order in which operands are computed so that they need the fewest slots at once. */
static void order_operands(const struct planner *p, size_t count, struct node *const *operands,
                           size_t *order) {
    int depths[OPERAND_LIMIT];
    for (size_t i = 0; i < count; i++)
        depths[i] = depth_of(p, operands[i]);
    order_depths(count, depths, order);
}

bool plan_operands(struct planner *p, struct node *left, struct node *right, enum dtype type, int *a,
                   int *b) {
    struct node *values[] = {left, right};
    int *slots[] = {a, b};
    size_t order[2];
    order_operands(p, 2, values, order);
    for (size_t k = 0; k < 2 && !p->failed; k++)
        *slots[order[k]] = plan_as(p, values[order[k]], type);
    return !p->failed;
}

static int plan_binary_call(struct planner *p, enum device_call_number call, struct node *left,
                            struct node *right) {
    int a, b;
    if (!plan_operands(p, left, right, DTYPE_F32, &a, &b))
        return 0;
    step_add(p, (struct dst_step){.call = call, .slot = a, .source = {a, b}});
    slot_free(p, b);
    return a;
}

/* The FPU's forms: full op full, full op vector; + and * with the vector first by exchange. */
static bool plan_fpu(struct planner *p, struct node_binary *binary, int *slot) {
    struct dst_operand a, b;
    if (!operators[binary->op].fpu[SPREAD_FULL] || !fpu_operand(p, binary->left, &a) ||
        !fpu_operand(p, binary->right, &b))
        return false;
    if (a.spread != SPREAD_FULL) {
        struct dst_operand exchanged = a;
        if (b.spread != SPREAD_FULL || binary->op == BINARY_SUBTRACT)
            return false;
        a = b;
        b = exchanged;
    }
    int fresh = -1;
    for (int i = 0; i < SLOT_LIMIT && fresh < 0; i++)
        if (!p->busy[i])
            fresh = i;
    if (binary->op == BINARY_MULTIPLY && (!p->request->fresh || fresh < 0 || p->used[fresh]))
        return false;
    *slot = slot_take(p);
    step_add(p, (struct dst_step){.call = operators[binary->op].fpu[b.spread],
                                  .slot = *slot,
                                  .a = a,
                                  .b = b,
                                  .part = &binary->base});
    return true;
}

/* fpu(a + b), fpu(a - b), fpu(a * b), fpu(a) */
static int plan_marked(struct planner *p, struct node *value) {
    struct node_binary *binary = node_as(value, binary);
    struct dst_operand operand;
    int slot = 0;
    if (binary ? plan_fpu(p, binary, &slot) : fpu_operand(p, value, &operand))
        return binary ? slot : plan_added(p, value, operand);
    planner_fail(p, arena_printf(p->request->arena, "the FPU cannot compute %s into this tile",
                                 node_text(p->request->arena, value)));
    return 0;
}

static bool is_power_of_two(double value) {
    int exponent;
    return value != 0 && !isnan(value) && !isinf(value) && fabs(frexp(value, &exponent)) == 0.5 &&
           exponent > -100 && exponent < 100;
}

static int plan_divide(struct planner *p, struct node_binary *binary) {
    double value;
    if (literal_value(binary->right, &value) && is_power_of_two(value))
        return plan_unary(p, DEVICE_CALL_mul_unary_tile, binary->left,
                          scalar_bits(p, make_real(p->request->arena, 1 / value)));
    if (literal_value(binary->left, &value) && value == 1)
        return plan_unary(p, DEVICE_CALL_recip_tile, binary->right, NULL);
    return plan_binary_call(p, DEVICE_CALL_div_binary_tile, binary->left, binary->right);
}

static int plan_arithmetic(struct planner *p, struct node_binary *binary) {
    const struct operator_calls *calls = &operators[binary->op];
    struct node *left = scalar_bits(p, binary->left), *right = scalar_bits(p, binary->right);
    int slot;
    if (right)
        return plan_unary(p, calls->right, binary->left, right);
    if (left)
        return plan_unary(p, calls->left, binary->right, left);
    if (p->request->chooses && plan_fpu(p, binary, &slot))
        return slot;
    return plan_binary_call(p, calls->slots, binary->left, binary->right);
}

/* As what the operands are worked out. */
static enum dtype operand_type(struct planner *p, struct node_binary *binary) {
    enum dtype value = computed_type(value_type(&p->types, &binary->base));
    if (binary->op == BINARY_AND || binary->op == BINARY_OR)
        return held_type(p, &binary->base);
    if (binary->op >= BINARY_EQUAL)
        value = joined_type(computed_type(value_type(&p->types, binary->left)),
                            computed_type(value_type(&p->types, binary->right)));
    return value == DTYPE_INDEX ? p->index : value;
}

static int plan_binary(struct planner *p, struct node_binary *binary) {
    const struct operator_calls *calls = &operators[binary->op];
    enum dtype type = operand_type(p, binary);
    if (type != DTYPE_F32)
        return plan_whole_binary(p, binary->op, binary->left, binary->right, type);
    if (binary->op == BINARY_DIVIDE)
        return plan_divide(p, binary);
    if (calls->right)
        return plan_arithmetic(p, binary);
    if (calls->slots)
        return plan_binary_call(p, calls->slots, binary->left, binary->right);
    planner_fail(p, "% of floating values is no operation of the device yet");
    return 0;
}

/* ---- calls ---- */

static int plan_mask(struct planner *p, struct node *choice) {
    struct node *const *arguments = node_as(choice, call)->arguments.items;
    struct node_call *inside = node_as(arguments[0], call);
    struct node *value = arguments[1], *otherwise = arguments[2];
    enum dtype type = held_type(p, choice);
    int64_t number;
    struct node *bits = type == DTYPE_F32 ? scalar_bits(p, otherwise)
                        : integer_value(otherwise, &number)
                            ? make_integer(p->request->arena, (int64_t)(uint32_t)number)
                            : NULL;
    struct node_reference *axis =
        inside->arguments.count == 1 ? node_as(inside->arguments.items[0], reference) : NULL;
    if (!bits || !axis) {
        planner_fail(p, "inside(axis) selects between a value and a number");
        return 0;
    }
    int slot = plan_as(p, value, type), free_slots = 0, sources[2] = {0, 1};
    for (int i = 0; i < p->plan->slots && free_slots < 2; i++)
        if (!p->busy[i])
            sources[free_slots++] = i;
    bool shares = free_slots < 2;
    if (shares) {
        p->plan->shared = 2;
        sources[0] = 0;
        sources[1] = 1;
    }
    for (int i = 0; i < 2 && !shares; i++)
        p->used[sources[i]] = true;
    step_add(p, (struct dst_step){.slot = slot,
                                  .source = {sources[0], sources[1]},
                                  .scalar = bits,
                                  .format = type == DTYPE_F32 ? NULL : "Int32",
                                  .axis = axis->name,
                                  .shares = shares});
    return slot;
}

static int plan_select(struct planner *p, struct node_call *call) {
    struct node_call *condition = node_as(call->arguments.items[0], call);
    if (condition && strcmp(condition->function, "inside") == 0)
        return plan_mask(p, &call->base);
    enum dtype type = held_type(p, &call->base);
    size_t order[3];
    int slots[3] = {0}; /* of condition, value, other value */
    order_operands(p, 3, call->arguments.items, order);
    for (size_t k = 0; k < 3 && !p->failed; k++) {
        struct node *part = call->arguments.items[order[k]];
        slots[order[k]] = order[k] == 0 ? plan_value(p, part) : plan_as(p, part, type);
    }
    step_add(p, (struct dst_step){.call = DEVICE_CALL_where_tile,
                                  .slot = slots[1],
                                  .source = {slots[0], slots[1], slots[2]},
                                  .format = type == DTYPE_F32 ? "Float32" : "Int32"});
    slot_free(p, slots[2]);
    slot_free(p, slots[0]);
    return slots[1];
}

static int plan_call(struct planner *p, struct node_call *call) {
    const char *function = call->function;
    double value;
    if (strcmp(function, "select") == 0 && call->arguments.count == 3)
        return plan_select(p, call);
    if (strcmp(function, "fpu") == 0 && call->arguments.count == 1 && !p->request->chooses)
        return plan_marked(p, call->arguments.items[0]);
    enum dtype converted = conversion_type(&call->base), type = held_type(p, &call->base);
    if (converted != DTYPE_NONE)
        return plan_conversion(p, call->arguments.items[0], converted);
    if (strcmp(function, "random") == 0 && call->arguments.count == 2)
        return plan_random(p, call->arguments.items[0], call->arguments.items[1]);
    if (type != DTYPE_F32 && call->arguments.count == 2)
        return plan_whole_function(p, function, call->arguments.items[0], call->arguments.items[1], type);
    if (strcmp(function, "max") == 0 && call->arguments.count == 2)
        for (size_t i = 0; i < 2; i++)
            if (literal_value(call->arguments.items[i], &value) && value == 0)
                return plan_unary(p, DEVICE_CALL_relu_tile, call->arguments.items[1 - i], NULL);
    const struct device_call *device = function_call_find(function);
    if (device && call->arguments.count == 1)
        return plan_unary(p, device->number, call->arguments.items[0], NULL);
    if (device)
        return plan_binary_call(p, device->number, call->arguments.items[0], call->arguments.items[1]);
    planner_fail(p, arena_printf(p->request->arena, "%s is no operation of the device yet", function));
    return 0;
}

static int plan_value(struct planner *p, struct node *value) {
    struct node *bits = scalar_bits(p, value);
    if (p->failed)
        return 0;
    if (bits)
        return plan_fill(p, bits);
    switch (value->kind) {
    case NODE_REFERENCE:
        return plan_index(p, node_as(value, reference));
    case NODE_ACCESS:
        return plan_access(p, value);
    case NODE_BINARY:
        return plan_binary(p, node_as(value, binary));
    case NODE_CALL:
        return plan_call(p, node_as(value, call));
    case NODE_UNARY: {
        struct node_unary *unary = node_as(value, unary);
        struct node *zero = make_integer(p->request->arena, 0);
        enum dtype type = held_type(p, value);
        if (type != DTYPE_F32)
            return unary->op == UNARY_NEGATE
                       ? plan_whole_binary(p, BINARY_SUBTRACT, zero, unary->operand, type)
                       : plan_whole_binary(p, BINARY_EQUAL, unary->operand, zero, type);
        if (unary->op == UNARY_NEGATE)
            return plan_unary(p, DEVICE_CALL_negative_tile, unary->operand, NULL);
        return plan_binary_call(p, DEVICE_CALL_eq_binary_tile, unary->operand, zero);
    }
    default:
        planner_fail(p, "the device has no way to this value yet");
        return 0;
    }
}

int plan_held(struct planner *p, struct node *value) {
    return plan_value(p, value);
}

/* The result moves to slot 0: nothing else lives there before the plan begins. */
static void exchange_slots(struct dst_plan *plan) {
    int from = plan->result;
    for (size_t i = 0; i < plan->count; i++) {
        struct dst_step *step = &plan->steps[i];
        int *slots[] = {&step->slot, &step->source[0], &step->source[1], &step->source[2]};
        size_t own = step->shares ? 1 : sizeof slots / sizeof *slots;
        for (size_t k = 0; k < own; k++)
            *slots[k] = *slots[k] == from ? 0 : *slots[k] == 0 ? from : *slots[k];
    }
    plan->result = 0;
}

int64_t dst_plan_tiles(const struct dst_plan *plan, int64_t capacity) {
    return (capacity - plan->shared) / plan->slots;
}

struct marking {
    struct arena *arena;
    const struct dst_plan *plan;
};

static struct node *mark(struct node *node, void *context) {
    const struct marking *marking = context;
    for (size_t i = 0; i < marking->plan->count; i++)
        if (marking->plan->steps[i].part == node)
            return make_call(marking->arena, "fpu", LIST(marking->arena, node));
    return node_map_children(marking->arena, node, mark, context);
}

struct node *dst_plan_marked(struct arena *arena, const struct dst_plan *plan, struct node *value) {
    return mark(value, &(struct marking){arena, plan});
}

bool dst_plan_needs(const struct dst_plan *plan, enum spread spread) {
    bool needs = false;
    for (size_t i = 0; i < plan->count; i++)
        needs |= plan->steps[i].a.spread == spread;
    return needs;
}

static void fail_as_fragments(struct planner *p) {
    planner_fail(p, "this statement reads two fragments, or one twice, and the device holds one at a time");
    report_help(
        p->request->diagnostics, (struct span){0},
        "keep one in a shared block first, and read that: shared kept[...]: f32 = ...; in loops over elements, compute one in a kernel of its own, which stores it in a tensor");
}

static enum dtype element_of(const char *name, void *context) {
    const struct planner *p = context;
    struct buffer_facts facts = p->request->lookup(name, p->request->context);
    return !facts.known ? DTYPE_NONE : facts.fragment ? fragment_type(facts.dtype) : facts.dtype;
}

/* How DST holds what is stored as that type. */
static enum dtype held_for(enum dtype stored) {
    return stored == DTYPE_BOOL ? DTYPE_I32 : stored == DTYPE_NONE ? DTYPE_F32 : computed_type(stored);
}

bool dst_plan_make(const struct dst_request *request, struct dst_plan *plan) {
    *plan = (struct dst_plan){.slots = 1};
    struct planner p = {.request = request, .plan = plan, .index = DTYPE_F32};
    p.types = (struct value_types){request->kernel, element_of, &p};
    size_t mentioned = 0;
    for_each (access, access, request->value)
        if (request->lookup(access->name, request->context).fragment) {
            plan->fragment = access->name;
            mentioned++;
        }
    if (mentioned > 1)
        fail_as_fragments(&p);
    if (plan->fragment) {
        p.busy[0] = p.used[0] = true;
    }
    enum dtype stored = element_of(request->target->name, &p);
    plan->result = p.failed ? 0 : plan_as(&p, request->value, held_for(stored));
    if (!p.failed)
        plan_stored(&p, plan->result, request->value, stored);
    if (!p.failed && !plan->fragment && plan->result != 0)
        exchange_slots(plan);
    return !p.failed;
}
