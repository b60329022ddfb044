/* Configuration calls of compute, each exactly where it is needed. The state of the device between two calls
 * is which data formats the unpackers and the packer are set to, which operation the FPU is set to, and which
 * function the vector unit was initialised for. A call that sets what is already set goes; a call that a loop
 * makes with the same arguments every time, and no other of its kind, moves in front of the loop; a format
 * that the very next call sets again is not set.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/dst_section.h"
#include "ir/names.h"
#include "ir/query.h"

/* The parts of the state that change independently. */
enum part_of_state { SOURCE_A, SOURCE_B, PACKER, MATRIX_UNIT, VECTOR_UNIT, STATE_COUNT };

#define UNKNOWN NULL

/* Each part is named by an interned text: a format ("Float32 full width"), or the whole init call. */
struct state {
    const char *parts[STATE_COUNT];
};

struct configurer {
    struct arena *arena;
    struct node_list buffers; /* statements of the kernel's body */
};

/* The name that stands at a position of the row, from 1. */
static const char *argument_name(const struct node_call *call, size_t position) {
    struct node_reference *reference =
        position ? node_as(call->arguments.items[position - 1], reference) : NULL;
    return reference ? reference->name : "";
}

/* The row of a call; NULL: a helper's. */
static const struct device_call *row_of(const struct node_call *call) {
    return call ? device_call_find(call->function) : NULL;
}

static struct node_circular_buffer *find_buffer(struct configurer *c, const char *name) {
    for (size_t i = 0; i < c->buffers.count; i++) {
        struct node_circular_buffer *cb = node_as(c->buffers.items[i], circular_buffer);
        if (cb && cb->name == name)
            return cb;
    }
    return NULL;
}

/* What an unpacker must be set to for a circular buffer. */
static const char *format_of(struct configurer *c, const char *name) {
    struct node_circular_buffer *cb = find_buffer(c, name);
    if (!cb)
        return name;
    bool full =
        attribute_integer(dictionary_get(attribute_get(&cb->base, KEY_TT_CB), KEY_UNPACK_TO_DEST), 0) != 0;
    return arena_intern(c->arena, arena_printf(c->arena, "%s%s", word_text(WORDS_dtype, cb->dtype),
                                               full ? " full width" : ""));
}

/* And the packer, to which it is the same how the tiles are unpacked again. */
static const char *packed_format_of(struct configurer *c, const char *name) {
    struct node_circular_buffer *cb = find_buffer(c, name);
    return cb ? arena_intern(c->arena, word_text(WORDS_dtype, cb->dtype)) : name;
}

/* ---- what a call sets ---- */

/* An init is known by its arguments; circular buffers among them count by format where the operation takes
 * them at every call. */
static const char *init_key(struct configurer *c, const struct node_call *call,
                            const struct device_call *row) {
    const char *key = row->name;
    for (size_t i = 1; i <= row->count; i++) {
        const char *name = argument_name(call, i);
        const char *text = *name && !row->same_buffers ? format_of(c, arena_intern(c->arena, name))
                                                       : node_text(c->arena, call->arguments.items[i - 1]);
        key = arena_printf(c->arena, "%s, %s", key, text);
    }
    return arena_intern(c->arena, key);
}

static bool is_reverse(const struct node_call *call, const struct device_call *row) {
    return strcmp(argument_name(call, row->order), "REVERSE") == 0;
}

/* The parts that the call sets, and to what; false when it configures nothing. A call that leaves a part
 * undefined sets it UNKNOWN. */
static bool call_sets(struct configurer *c, const struct node_call *call, bool sets[STATE_COUNT],
                      struct state *to) {
    const struct device_call *row = row_of(call);
    memset(sets, 0, STATE_COUNT * sizeof *sets);
    switch (row ? row->kind : EFFECT_NONE) {
    case EFFECT_RECONFIGURE: {
        bool reverse = is_reverse(call, row);
        sets[SOURCE_A] = row->a, sets[SOURCE_B] = row->b;
        to->parts[SOURCE_A] = format_of(c, argument_name(call, reverse ? row->b : row->a));
        to->parts[SOURCE_B] = format_of(c, argument_name(call, reverse ? row->a : row->b));
        return true;
    }
    case EFFECT_RECONFIGURE_PACKER:
        sets[PACKER] = true;
        to->parts[PACKER] = packed_format_of(c, argument_name(call, row->buffer));
        return true;
    case EFFECT_INIT:
        sets[MATRIX_UNIT] = true;
        to->parts[MATRIX_UNIT] = init_key(c, call, row);
        return true;
    case EFFECT_UNINIT:
        sets[MATRIX_UNIT] = true;
        to->parts[MATRIX_UNIT] = UNKNOWN;
        return true;
    case EFFECT_VECTOR_INIT:
        sets[VECTOR_UNIT] = true;
        to->parts[VECTOR_UNIT] = init_key(c, call, row);
        return true;
    default:
        return false;
    }
}

/* The statement's call, NULL: it is none. */
static const struct node_call *configuring_call(struct node *node) {
    struct node_statement *statement = node_as(node, statement);
    return statement ? node_as(statement->call, call) : NULL;
}

/* Sets the first call formats alone, and the second all of them? */
static bool is_overwritten(struct configurer *c, struct node *first, struct node *second) {
    bool sets[STATE_COUNT], again[STATE_COUNT], overwritten = true;
    struct state to;
    if (!configuring_call(first) || !call_sets(c, configuring_call(first), sets, &to) ||
        !call_sets(c, configuring_call(second), again, &to))
        return false;
    for (int part = 0; part < STATE_COUNT; part++)
        overwritten &= !sets[part] || (again[part] && part <= PACKER);
    return overwritten;
}

static void add_configuration(struct configurer *c, struct list_builder *out, struct node *call) {
    if (out->count && is_overwritten(c, out->items[out->count - 1], call))
        out->items[out->count - 1] = call;
    else
        builder_add(c->arena, out, call);
}

/* ---- what a subtree does to the state ---- */

struct effect {
    struct configurer *configurer;
    bool sets[STATE_COUNT], several[STATE_COUNT]; /* sets it; sets it to different values */
    bool perhaps[STATE_COUNT];                    /* it is set last under a condition */
    bool conditional;                             /* while collecting: an `if` or idle loop is around */
    const struct node *loop;                      /* whose effect it is */
    struct state last;                            /* the value it leaves */
    struct node *first[STATE_COUNT];              /* the first call that sets it */
};

static bool may_not_run(struct configurer *c, struct node *node) {
    struct node_for *loop = node_as(node, for);
    bool idle = false;
    for (size_t i = 0; loop && i < loop->axes.count; i++) {
        int64_t trips;
        idle |= !integer_value(axis_trips(c->arena, node_as(loop->axes.items[i], axis)), &trips) || trips < 1;
    }
    return idle;
}

static bool collect_effect(struct node *node, void *context) {
    struct effect *e = context;
    const struct node_call *call = configuring_call(node);
    bool sets[STATE_COUNT];
    struct state to = {{0}};
    if (!call) {
        bool around = e->conditional;
        e->conditional |= node->kind == NODE_IF || (node != e->loop && may_not_run(e->configurer, node));
        bool all = node_each_child(node, collect_effect, context);
        e->conditional = around;
        return all;
    }
    if (!call_sets(e->configurer, call, sets, &to))
        return true;
    for (int part = 0; part < STATE_COUNT; part++) {
        if (!sets[part])
            continue;
        e->several[part] |= e->sets[part] && e->last.parts[part] != to.parts[part];
        e->several[part] |= to.parts[part] == UNKNOWN;
        e->first[part] = e->sets[part] ? e->first[part] : node;
        e->sets[part] = true;
        e->perhaps[part] = e->conditional;
        e->last.parts[part] = to.parts[part];
    }
    return true;
}

/* Does the tree declare a name that the call mentions? */
static bool depends_on(struct configurer *c, struct node *call, struct node *tree) {
    struct name_table mentioned = {.arena = c->arena};
    names_add_mentioned(&mentioned, call);
    for_each_node (node, tree) {
        struct node_let *let = node_as(node, let);
        struct node_axis *axis = node_as(node, axis);
        struct node_delinearize *split = node_as(node, delinearize);
        const char *name = let ? let->name : axis ? axis->name : NULL;
        if (node->kind == NODE_STATEMENT || node_info(node->kind)->class == CLASS_EXPRESSION)
            skip_below(node); /* they declare nothing */
        if (name && name_table_find(&mentioned, name))
            return true;
        for (size_t i = 0; split && i < split->names.count; i++)
            if (name_table_find(&mentioned, node_as(split->names.items[i], reference)->name))
                return true;
    }
    return false;
}

/* ---- the walk ---- */

static struct node_list configure_list(struct configurer *c, struct node_list list, struct state *state,
                                       bool in_role);

/* In front of a loop: every configuration that the loop makes once and for all. */
static void hoist(struct configurer *c, struct list_builder *out, struct node *loop,
                  const struct effect *effect, struct state *state) {
    struct list_builder hoisted = {0};
    for (int part = 0; part < STATE_COUNT; part++) {
        struct node *first = effect->first[part];
        if (!first || effect->several[part] || effect->last.parts[part] == state->parts[part] ||
            depends_on(c, first, loop))
            continue;
        bool sets[STATE_COUNT], whole = true;
        struct state to = {{0}};
        call_sets(c, configuring_call(first), sets, &to);
        for (int other = 0; other < STATE_COUNT; other++)
            whole &=
                !sets[other] || (!effect->several[other] && effect->last.parts[other] == to.parts[other]);
        if (!whole)
            continue;
        add_configuration(c, &hoisted, first);
        for (int other = 0; other < STATE_COUNT; other++)
            if (sets[other])
                state->parts[other] = to.parts[other];
    }
    if (!hoisted.count)
        return;
    struct node *body = make_block(c->arena, loop->span, builder_list(&hoisted));
    builder_add(c->arena, out,
                node_new(c->arena, role, ROLE, loop->span, .role = ROLE_COMPUTE, .body = body));
}

static void meet(struct state *state, const struct state *other) {
    for (int part = 0; part < STATE_COUNT; part++)
        if (state->parts[part] != other->parts[part])
            state->parts[part] = UNKNOWN;
}

static void forget_declared(struct state *state, const struct effect *effect, struct node *tree) {
    for (int part = 0; part < STATE_COUNT; part++)
        if (effect->sets[part] && depends_on(effect->configurer, effect->first[part], tree))
            state->parts[part] = UNKNOWN;
}

static void configure_loop(struct configurer *c, struct list_builder *out, struct node_for *loop,
                           struct state *state, bool in_role) {
    struct effect effect = {.configurer = c, .loop = &loop->base};
    collect_effect(&loop->base, &effect);
    struct list_builder front = {0};
    hoist(c, &front, &loop->base, &effect, state);
    for (size_t i = 0; i < front.count; i++)
        if (in_role)
            builder_add_all(c->arena, out, node_as(node_as(front.items[i], role)->body, block)->statements);
        else
            builder_add(c->arena, out, front.items[i]);
    struct state inside = *state;
    for (int part = 0; part < STATE_COUNT; part++)
        if (effect.sets[part] &&
            (effect.last.parts[part] != inside.parts[part] || (effect.perhaps[part] && effect.several[part])))
            inside.parts[part] = UNKNOWN;
    forget_declared(&inside, &effect, &loop->base);
    struct node_for configured = *loop;
    configured.body = make_block(c->arena, loop->body->span,
                                 configure_list(c, node_as(loop->body, block)->statements, &inside, in_role));
    forget_declared(&inside, &effect, &loop->base);
    meet(state, &inside);
    builder_add(c->arena, out, arena_copy(c->arena, &configured, sizeof configured));
}

static void configure_if(struct configurer *c, struct list_builder *out, struct node_if *branch,
                         struct state *state, bool in_role) {
    struct state then = *state, otherwise = *state;
    struct node_if configured = *branch;
    configured.then = make_block(c->arena, branch->then->span,
                                 configure_list(c, node_as(branch->then, block)->statements, &then, in_role));
    if (branch->otherwise)
        configured.otherwise =
            make_block(c->arena, branch->otherwise->span,
                       configure_list(c, node_as(branch->otherwise, block)->statements, &otherwise, in_role));
    *state = then;
    meet(state, &otherwise);
    builder_add(c->arena, out, arena_copy(c->arena, &configured, sizeof configured));
}

static void configure_call(struct configurer *c, struct list_builder *out, struct node *node,
                           struct state *state) {
    bool sets[STATE_COUNT], changes = false;
    struct state to = {{0}};
    if (!call_sets(c, configuring_call(node), sets, &to)) {
        builder_add(c->arena, out, node);
        return;
    }
    for (int part = 0; part < STATE_COUNT; part++) {
        changes |= sets[part] && (to.parts[part] == UNKNOWN || to.parts[part] != state->parts[part]);
        if (sets[part])
            state->parts[part] = to.parts[part];
    }
    if (changes)
        add_configuration(c, out, node);
}

static void configure_statement(struct configurer *c, struct list_builder *out, struct node *node,
                                struct state *state, bool in_role) {
    struct node_role *role = node_as(node, role);
    if (node->kind == NODE_FOR) {
        configure_loop(c, out, node_as(node, for), state, in_role);
    } else if (node->kind == NODE_IF) {
        configure_if(c, out, node_as(node, if), state, in_role);
    } else if (configuring_call(node)) {
        configure_call(c, out, node, state);
    } else if (role && role->role == ROLE_COMPUTE) {
        struct list_builder body = {0};
        struct node_list list = node_as(role->body, block)->statements;
        for (size_t i = 0; i < list.count; i++)
            configure_statement(c, &body, list.items[i], state, true);
        if (body.count)
            builder_add(c->arena, out,
                        node_new(c->arena, role, ROLE, node->span, .role = ROLE_COMPUTE,
                                 .body = make_block(c->arena, node->span, builder_list(&body))));
    } else {
        builder_add(c->arena, out, node);
    }
}

static struct node_list configure_list(struct configurer *c, struct node_list list, struct state *state,
                                       bool in_role) {
    struct list_builder out = {0};
    for (size_t i = 0; i < list.count; i++)
        configure_statement(c, &out, list.items[i], state, in_role);
    return builder_list(&out);
}

/* ---- start-up ---- */

/* The first calls that configure both unpackers, or one of them alone; and the packer. */
struct first_calls {
    const struct node_call *unpack, *pack;
};

static struct first_calls first_calls_of(struct node *body) {
    struct first_calls first = {0};
    for_each_node (node, body) {
        const struct node_call *call = configuring_call(node);
        const struct device_call *row = row_of(call);
        if (!call)
            continue;
        skip_below(node);
        if (row && row->kind == EFFECT_RECONFIGURE && row->a && !first.unpack)
            first.unpack = call;
        if (row && row->kind == EFFECT_RECONFIGURE_PACKER && !first.pack)
            first.pack = call;
    }
    return first;
}

/* The start-up sets what the first operation needs. NULL when nothing is computed. */
static struct node *start_up(struct configurer *c, struct node *body, struct state *state) {
    struct first_calls first = first_calls_of(body);
    if (!first.pack)
        return NULL;
    const struct device_call *row = row_of(first.unpack);
    struct node *out = first.pack->arguments.items[0];
    struct node *order = row && row->order ? first.unpack->arguments.items[row->order - 1]
                                           : make_reference(c->arena, "REGULAR");
    struct node *a = row ? first.unpack->arguments.items[row->a - 1] : out;
    struct node *b = row && row->b ? first.unpack->arguments.items[row->b - 1] : a;
    bool reverse = row && is_reverse(first.unpack, row);
    state->parts[SOURCE_A] = format_of(c, node_as(reverse ? b : a, reference)->name);
    state->parts[SOURCE_B] = format_of(c, node_as(reverse ? a : b, reference)->name);
    state->parts[PACKER] = packed_format_of(c, node_as(out, reference)->name);
    return make_statement(c->arena, (struct span){0},
                          device_calls[DEVICE_CALL_compute_kernel_hw_startup].name,
                          LIST(c->arena, order, a, b, out));
}

struct node *configure_compute(struct arena *arena, struct node *kernel, struct node *body) {
    struct configurer c = {arena, node_as(node_as(kernel, kernel)->body, block)->statements};
    struct state state = {{0}};
    struct list_builder out = {0};
    struct node *start = start_up(&c, body, &state);
    struct node_list list = node_as(body, block)->statements;
    size_t i = 0;
    for (; i < list.count && (is_declaration(list.items[i]) || list.items[i]->kind == NODE_FUNCTION); i++)
        builder_add(arena, &out, list.items[i]);
    if (start) {
        struct node *first = make_block(arena, body->span, LIST(arena, start));
        builder_add(arena, &out,
                    node_new(arena, role, ROLE, ((struct span){0}), .role = ROLE_COMPUTE, .body = first));
    }
    struct node_list rest = {list.count - i, list.items + i};
    builder_add_all(arena, &out, configure_list(&c, rest, &state, false));
    return make_block(arena, body->span, builder_list(&out));
}
