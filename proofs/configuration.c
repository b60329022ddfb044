/* The configuration of compute: start-up once and first, every operation under its init and its data formats,
 * nothing left switched on. A part of the state is the set of what paths may have left there; a call is right
 * when every one of them is right. */
#include <stdlib.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/call_usage.h"
#include "proofs/internal.h"

enum part {
    PART_STARTED,  /* "" or "started" */
    PART_FIRST,    /* the order that the first operation meets, of start-up or the last reconfiguration:
                    * "" none yet; "initialised" once there was one, whatever the order is then */
    PART_SOURCE_A, /* formats */
    PART_SOURCE_B,
    PART_PACKER,
    PART_OPERATION, /* the key of the last init, "" none */
    PART_VECTOR,
    PART_ROWS, /* "rows" behind a maximum or minimum of rows by sfpu_reduce, until the next init of the vector unit */
    PART_BROADCAST, /* the word of a unary_bcast_init without its uninit */
    PART_MASK,      /* the dimension of a reduce_init without its uninit */
    PART_REDUCED,   /* of the section: the dimension of its reduce_tile */
    PART_COUNT
};

enum { OPTION_LIMIT = 4 };

struct option {
    const char *value; /* interned */
    const char *call;  /* that left it, "" none */
    struct span span;
};

struct part_state {
    size_t count;
    struct option options[OPTION_LIMIT];
};

struct configuration {
    struct part_state parts[PART_COUNT];
    bool other_writes; /* the section has writes that are no reductions */
    bool broken;       /* start-up or an init is wrong: what follows from it is not reported */
};

static size_t state_size(const struct walk *w) {
    (void)w;
    return sizeof(struct configuration);
}

static void initial(struct walk *w, void *state) {
    const char *none = arena_intern(w->compilation->arena, "");
    struct configuration *s = state;
    memset(s, 0, sizeof *s);
    for (int i = 0; i < PART_COUNT; i++)
        s->parts[i] = (struct part_state){1, {{none, "", {0}}}};
}

static bool concerns(const struct device_call *effect) {
    return effect->kind >= EFFECT_STARTUP;
}

/* ---- parts ---- */

static void set(struct walk *w, struct configuration *s, enum part part, const char *value,
                const struct walked_call *call) {
    s->parts[part] = (struct part_state){
        1, {{arena_intern(w->compilation->arena, value), call->effect->name, call->span}}};
}

/* What some path left that is not this value; NULL when all left it. */
static const struct option *other_than(struct walk *w, const struct configuration *s, enum part part,
                                       const char *value) {
    const char *interned = arena_intern(w->compilation->arena, value);
    for (size_t i = 0; i < s->parts[part].count; i++)
        if (s->parts[part].options[i].value != interned)
            return &s->parts[part].options[i];
    return NULL;
}

static bool may_be(struct walk *w, const struct configuration *s, enum part part, const char *value) {
    const char *interned = arena_intern(w->compilation->arena, value);
    for (size_t i = 0; i < s->parts[part].count; i++)
        if (s->parts[part].options[i].value == interned)
            return true;
    return false;
}

static void add_option(struct part_state *part, struct option option) {
    for (size_t i = 0; i < part->count; i++)
        if (part->options[i].value == option.value)
            return;
    if (part->count < OPTION_LIMIT)
        part->options[part->count++] = option;
}

static void note_option(struct walk *w, const struct option *option) {
    if (*option->call)
        walk_note(w, option->span, "%s is here", option->call);
}

/* ---- formats ---- */

static const char *format_of(struct walk *w, const struct walked_call *call, int argument) {
    size_t buffer = buffer_of(w, call, argument);
    return buffer < w->buffer_count ? w->buffers[buffer].format : "";
}

static bool check_source(struct walk *w, struct configuration *s, const struct walked_call *call,
                         enum part part, int argument) {
    size_t buffer = buffer_of(w, call, argument);
    if (!argument || buffer == w->buffer_count)
        return true;
    const struct option *other = other_than(w, s, part, w->buffers[buffer].format);
    if (!other)
        return true;
    bool a = part == PART_SOURCE_A;
    walk_error(w, call->span, "%s reads %s of format %s through %s, which is configured for %s",
               call->effect->name, buffer_label(w, buffer), w->buffers[buffer].format, a ? "SrcA" : "SrcB",
               *other->value ? other->value : "nothing");
    note_option(w, other);
    walk_note(w, w->buffers[buffer].node->base.span, "%s is declared here", buffer_label(w, buffer));
    walk_help(w, "%s(%s) before it, and the init behind that",
              a ? "reconfig_data_format_srca" : "reconfig_data_format_srcb", buffer_label(w, buffer));
    if (!w->quiet) /* what follows from it is not reported */
        set(w, s, part, w->buffers[buffer].format, call);
    return false;
}

/* The arguments that SrcA and SrcB are read from. */
static void sources_of(const struct walked_call *call, int *a, int *b) {
    const struct device_call *effect = call->effect;
    bool swapped = effect->swaps && strcmp(word_of(call, effect->words), "SUM") == 0 &&
                   strcmp(word_of(call, effect->words + 1), "REDUCE_ROW") == 0;
    *a = swapped ? effect->b : effect->a;
    *b = swapped ? effect->a : effect->b;
}

static bool check_matrix_operand(struct walk *w, const struct walked_call *call, int argument) {
    size_t buffer = buffer_of(w, call, argument);
    if (!argument || buffer == w->buffer_count)
        return true;
    const struct buffer_fact *fact = &w->buffers[buffer];
    if (!fact->full_width && !fact->integers)
        return true;
    walk_error(w, call->span, "%s takes %s through the matrix unit, but it %s", call->effect->name,
               buffer_label(w, buffer),
               fact->full_width ? "is unpacked to DST at full width" : "holds integers");
    walk_note(w, fact->node->base.span, "%s is declared here", buffer_label(w, buffer));
    walk_help(w, fact->full_width ? "a value used both ways needs two buffers: one with unpack_to_dest = 0"
                                  : "load it by copy_tile and compute on the vector unit");
    return false;
}

static bool check_operands(struct walk *w, struct configuration *s, const struct walked_call *call) {
    int a, b;
    sources_of(call, &a, &b);
    if (call->effect->matrix && (!check_matrix_operand(w, call, a) || !check_matrix_operand(w, call, b)))
        return false;
    return check_source(w, s, call, PART_SOURCE_A, a) && check_source(w, s, call, PART_SOURCE_B, b);
}

/* ---- inits ---- */

/* Equal texts, equal values: atoms by number. */
static const char *key_of_value(struct arena *arena, const struct polynomial *p) {
    const char *text = "0";
    for (size_t i = 0; p && i < p->count; i++) {
        text = arena_printf(arena, "%s+%lld", text, (long long)p->terms[i].factor);
        for (size_t j = 0; j < p->terms[i].degree; j++)
            text = arena_printf(arena, "%s*#%u", text, (unsigned)p->terms[i].atoms[j]);
    }
    return p ? text : "?";
}

/* What init and operation must share: template arguments, parameters, formats or buffers. */
static const char *operation_key(struct walk *w, const struct walked_call *call, bool formats) {
    struct arena *arena = w->compilation->arena;
    const struct device_call *effect = call->effect;
    const char *key = device_calls[effect->init].name;
    for (int i = 0; i < effect->word_count; i++)
        key = arena_printf(arena, "%s %s", key, word_of(call, effect->words + i));
    for (int i = 0; i < effect->parameter_count; i++) {
        key = arena_printf(arena, "%s, %s", key,
                           key_of_value(arena, argument_of(w, call, effect->parameters_shared + i)));
    }
    if (!formats)
        return key;
    int operands[] = {effect->a, effect->b};
    for (int i = 0; i < 2; i++) {
        size_t buffer = buffer_of(w, call, operands[i]);
        if (operands[i] && buffer < w->buffer_count)
            key = arena_printf(arena, "%s; %s", key,
                               effect->same_buffers ? buffer_label(w, buffer) : w->buffers[buffer].format);
    }
    return key;
}

static bool check_scaler(struct walk *w, const struct walked_call *call) {
    size_t data = buffer_of(w, call, call->effect->a), scaler = buffer_of(w, call, call->effect->b);
    if (!call->effect->swaps || data == w->buffer_count || scaler == w->buffer_count ||
        w->buffers[data].node->dtype == w->buffers[scaler].node->dtype)
        return true;
    walk_error(w, call->span, "%s: the scaler %s is %s, but the data %s is %s", call->effect->name,
               buffer_label(w, scaler), w->buffers[scaler].format, buffer_label(w, data),
               w->buffers[data].format);
    walk_note(w, w->buffers[scaler].node->base.span, "%s is declared here", buffer_label(w, scaler));
    walk_help(w, "a scaler has the format of its data");
    return false;
}

static bool check_switched_off(struct walk *w, const struct configuration *s,
                               const struct walked_call *call) {
    bool broadcast = call->effect->init == DEVICE_CALL_unary_bcast_init;
    const struct option *on = other_than(w, s, PART_BROADCAST, "");
    if (on && !(broadcast && strcmp(on->value, word_of(call, call->effect->words)) == 0)) {
        walk_error(w, call->span, "%s comes after unary_bcast_init(%s) without unary_bcast_uninit",
                   call->effect->name, on->value);
        note_option(w, on);
        walk_help(w, "unary_bcast_uninit behind the last unary_bcast");
        return false;
    }
    return true;
}

/* MOVB2D, which spreads rows, writes what SrcB holds of 16-bit values as 16-bit rows of DST. */
static bool check_broadcast_rows(struct walk *w, const struct walked_call *call) {
    size_t buffer = buffer_of(w, call, call->effect->a);
    if (call->effect->init != DEVICE_CALL_unary_bcast_init ||
        strcmp(word_of(call, call->effect->words), "ROW") != 0 || buffer == w->buffer_count ||
        !dst_holds_f32(w))
        return true;
    const struct node_circular_buffer *cb = w->buffers[buffer].node;
    if (cb->dtype != DTYPE_BF16 && cb->dtype != DTYPE_BFP8 && cb->dtype != DTYPE_BFP4)
        return true;
    walk_error(
        w, call->span,
        "unary_bcast_init(ROW) of %s spreads 16-bit values over DST of f32, where the device writes them as 16-bit rows",
        buffer_label(w, buffer));
    walk_note(w, cb->base.span, "%s is declared here", buffer_label(w, buffer));
    walk_help(
        w,
        "add the row to a tile of zeros: add_tiles_bcast_rows(zeros, row, ...); or hold it as f32 with unpack_to_dest = 1");
    return false;
}

static const char INITIALISED[] = "initialised";

/* The order of a path on which a product is the first operation and has another one than it needs. */
static const struct option *wrong_order(const struct configuration *s) {
    const struct part_state *first = &s->parts[PART_FIRST];
    for (size_t i = 0; i < first->count; i++)
        if (strcmp(first->options[i].value, INITIALISED) != 0 &&
            strcmp(first->options[i].value, "REVERSE") != 0)
            return &first->options[i];
    return NULL;
}

/* Paths on which an operation was initialised keep that, the others have the order of the call. */
static void set_order(struct walk *w, struct configuration *s, const struct walked_call *call) {
    struct part_state before = s->parts[PART_FIRST];
    const char *word = word_of(call, call->effect->order);
    s->parts[PART_FIRST].count = 0;
    for (size_t i = 0; i < before.count; i++)
        add_option(&s->parts[PART_FIRST], strcmp(before.options[i].value, INITIALISED) == 0
                                              ? before.options[i]
                                              : (struct option){arena_intern(w->compilation->arena, word),
                                                                call->effect->name, call->span});
}

static void initialise(struct walk *w, struct configuration *s, const struct walked_call *call) {
    const struct device_call *effect = call->effect;
    bool right = check_switched_off(w, s, call);
    right = check_scaler(w, call) && right;
    right = check_broadcast_rows(w, call) && right;
    const struct option *order = effect->product ? wrong_order(s) : NULL;
    if (order) {
        walk_error(w, call->span, "%s is the first operation, but start-up is %s", effect->name,
                   *order->value ? order->value : "missing");
        note_option(w, order);
        walk_help(w, "compute_kernel_hw_startup(REVERSE, in0, in1, out)");
        right = false;
    }
    right = right && check_operands(w, s, call);
    if (!right) {
        s->broken = !w->quiet;
        return;
    }
    set(w, s, PART_FIRST, INITIALISED, call);
    set(w, s, PART_OPERATION, operation_key(w, call, true), call);
    if (effect->init == DEVICE_CALL_unary_bcast_init)
        set(w, s, PART_BROADCAST, word_of(call, effect->words), call);
    if (effect->init == DEVICE_CALL_reduce_init)
        set(w, s, PART_MASK, word_of(call, effect->words + 1), call);
}

static void operate(struct walk *w, struct configuration *s, const struct walked_call *call) {
    const char *init = device_calls[call->effect->init].name;
    const struct option *other = other_than(w, s, PART_OPERATION, operation_key(w, call, true));
    if (!other) {
        check_operands(w, s, call);
    } else if (check_operands(w, s, call)) {
        size_t length = strlen(init);
        bool same_init = strncmp(other->value, init, length) == 0 &&
                         (!other->value[length] || strchr(" ,;", other->value[length]));
        size_t shared = strlen(operation_key(w, call, false));
        bool same_parameters = same_init &&
                               strncmp(other->value, operation_key(w, call, false), shared) == 0 &&
                               (!other->value[shared] || other->value[shared] == ';');
        if (!*other->value)
            walk_error(w, call->span, "%s has no %s before it", call->effect->name, init);
        else if (!same_init)
            walk_error(w, call->span, "%s needs %s, but the last init is %s", call->effect->name, init,
                       other->call);
        else if (!same_parameters)
            walk_error(w, call->span, "%s differs in its parameters from its %s", call->effect->name, init);
        else
            walk_error(w, call->span, "%s reads other %s than its %s was given", call->effect->name,
                       call->effect->same_buffers ? "buffers" : "formats", init);
        note_option(w, other);
        walk_help(w, "%s of the same %s before it, on every path", init,
                  same_parameters ? call->effect->same_buffers ? "buffers" : "formats" : "operation");
    }
    if (call->effect->init == DEVICE_CALL_reduce_init)
        set(w, s, PART_REDUCED, word_of(call, call->effect->words + 1), call);
    else
        s->other_writes = true;
}

static void end_operation(struct walk *w, struct configuration *s, const struct walked_call *call) {
    if (call->effect->init == DEVICE_CALL_reduce_init) {
        set(w, s, PART_MASK, "", call);
        return;
    }
    const struct option *other = other_than(w, s, PART_BROADCAST, word_of(call, call->effect->words));
    if (other) {
        walk_error(w, call->span, "unary_bcast_uninit(%s) has no unary_bcast_init of its type before it",
                   word_of(call, call->effect->words));
        note_option(w, other);
        walk_help(w, "one unary_bcast_uninit for each unary_bcast_init, of the same type");
    }
    set(w, s, PART_BROADCAST, "", call);
    set(w, s, PART_OPERATION, "", call);
}

/* An init of the vector unit with the words that its calls repeat. */
static const char *vector_key(struct walk *w, const struct walked_call *call) {
    const struct device_call *init = &device_calls[call->effect->init];
    const char *key = init->name;
    for (unsigned char i = 0; i < init->word_count; i++)
        key = arena_printf(w->compilation->arena, "%s %s", key, word_of(call, call->effect->words + i));
    return arena_intern(w->compilation->arena, key);
}

/* Operations on whole numbers, and choices and folds of them, take Int32 or UInt32, which DST of f32 alone holds; all
 * others what DST holds. */
static void check_vector_format(struct walk *w, const struct walked_call *call) {
    const struct device_call *effect = call->effect;
    if (!effect->format)
        return;
    const char *word = word_of(call, effect->format), *held = dst_holds_f32(w) ? "Float32" : "Float16_b";
    bool whole = strcmp(word, "Int32") == 0 || strcmp(word, "UInt32") == 0;
    if (dst_holds_f32(w) && whole && (effect->whole || effect->either))
        return;
    if (effect->whole) {
        walk_error(w, call->span,
                   whole ? "%s takes whole numbers, and DST holds 16 bits" : "%s takes whole numbers",
                   effect->name);
        walk_help(w, "%s(Int32, ...), or UInt32; %s of %s is 1 then", effect->name, KEY_FP32_DEST_ACC_EN,
                  KEY_TT_COMPUTE);
    } else if (strcmp(word, held) != 0) {
        walk_error(w, call->span, "%s takes %s, but DST holds %s", effect->name, word, held);
        walk_help(w, "%s(%s, ...): %s of %s decides", effect->name, held, KEY_FP32_DEST_ACC_EN,
                  KEY_TT_COMPUTE);
    }
}

/* A maximum or minimum of columns behind one of rows: the rows leave the unit set for themselves on wormhole_b0. */
static void check_fold(struct walk *w, struct configuration *s, const struct walked_call *call) {
    const struct device_call *effect = call->effect;
    if (effect->number != DEVICE_CALL_sfpu_reduce || strcmp(word_of(call, effect->words), "SUM") == 0)
        return;
    bool rows = strcmp(word_of(call, effect->format + 1), "REDUCE_ROW") == 0;
    const struct option *before = other_than(w, s, PART_ROWS, "");
    if (rows) {
        set(w, s, PART_ROWS, "rows", call);
    } else if (before) {
        walk_error(w, call->span, "%s folds columns under the init of a fold of rows", effect->name);
        note_option(w, before);
        walk_help(w, "%s before it, on every path",
                  device_call_usage(w->compilation->arena, &device_calls[effect->init]));
    }
}

static void vector(struct walk *w, struct configuration *s, const struct walked_call *call) {
    const char *init = device_calls[call->effect->init].name;
    const struct option *other = other_than(w, s, PART_VECTOR, vector_key(w, call));
    check_vector_format(w, call);
    check_fold(w, s, call);
    if (!call->effect->source[0])
        s->other_writes = true;
    if (!other)
        return;
    if (*other->value)
        walk_error(w, call->span, "%s needs %s, but the last init of the vector unit is %s",
                   call->effect->name, init, other->value);
    else
        walk_error(w, call->span, "%s has no %s before it", call->effect->name, init);
    note_option(w, other);
    walk_help(w, "%s before it, on every path",
              device_call_usage(w->compilation->arena, &device_calls[call->effect->init]));
}

/* ---- packing ---- */

static void pack(struct walk *w, struct configuration *s, const struct walked_call *call) {
    size_t buffer = buffer_of(w, call, call->effect->buffer);
    const struct option *mask = other_than(w, s, PART_MASK, ""),
                        *reduced = other_than(w, s, PART_REDUCED, "");
    if (mask && !reduced && s->other_writes) {
        walk_error(w, call->span, "pack_tile packs under the mask of reduce_init(%s) what is no result of it",
                   mask->value);
        note_option(w, mask);
        walk_help(w,
                  "reduce_uninit behind the pack_tile of the result: until then the packer masks every tile");
    } else if (reduced && !s->other_writes && may_be(w, s, PART_MASK, "")) {
        walk_error(
            w, call->span,
            "pack_tile packs a result of reduce_tile after reduce_uninit: its other elements are undefined");
        note_option(w, reduced);
        walk_help(w, "reduce_uninit behind the pack_tile of the result");
    }
    if (buffer == w->buffer_count)
        return;
    const char *format = word_text(WORDS_dtype, (int)w->buffers[buffer].node->dtype);
    const struct option *other = other_than(w, s, PART_PACKER, format);
    if (!other)
        return;
    walk_error(w, call->span, "pack_tile packs to %s of format %s, but the packer is configured for %s",
               buffer_label(w, buffer), format, *other->value ? other->value : "nothing");
    note_option(w, other);
    walk_note(w, w->buffers[buffer].node->base.span, "%s is declared here", buffer_label(w, buffer));
    walk_help(w, "pack_reconfig_data_format(%s) before it", buffer_label(w, buffer));
    if (!w->quiet)
        set(w, s, PART_PACKER, format, call);
}

static const char *packer_format(struct walk *w, const struct walked_call *call, int argument) {
    size_t buffer = buffer_of(w, call, argument);
    return buffer < w->buffer_count ? word_text(WORDS_dtype, (int)w->buffers[buffer].node->dtype) : "";
}

/* The mask makes the packer count rows, which a new format may not find. */
static void reconfigure_packer(struct walk *w, struct configuration *s, const struct walked_call *call) {
    const struct option *mask = other_than(w, s, PART_MASK, "");
    if (mask) {
        walk_error(w, call->span, "pack_reconfig_data_format comes under the mask of reduce_init(%s)",
                   mask->value);
        note_option(w, mask);
        walk_help(w, "pack_reconfig_data_format before reduce_init, or behind reduce_uninit");
    }
    set(w, s, PART_PACKER, packer_format(w, call, call->effect->buffer), call);
}

/* ---- the rest ---- */

static void reconfigure(struct walk *w, struct configuration *s, const struct walked_call *call) {
    const struct device_call *effect = call->effect;
    bool reverse = effect->order && strcmp(word_of(call, effect->order), "REVERSE") == 0;
    if (effect->a)
        set(w, s, PART_SOURCE_A, format_of(w, call, reverse ? effect->b : effect->a), call);
    if (effect->b)
        set(w, s, PART_SOURCE_B, format_of(w, call, reverse ? effect->a : effect->b), call);
    if (effect->order)
        set_order(w, s, call);
}

static void start(struct walk *w, struct configuration *s, const struct walked_call *call) {
    const struct option *earlier = other_than(w, s, PART_STARTED, "");
    if (earlier) {
        walk_error(w, call->span, "%s is called twice: it is for the beginning of the function only",
                   call->effect->name);
        note_option(w, earlier);
        walk_help(w, "reconfig_data_format and pack_reconfig_data_format change formats later");
    }
    set(w, s, PART_STARTED, "started", call);
    reconfigure(w, s, call);
    set(w, s, PART_PACKER, packer_format(w, call, call->effect->out), call);
}

static void transfer(struct walk *w, void *state, const struct walked_call *call) {
    struct configuration *s = state;
    if (s->broken)
        return;
    if (call->effect->kind != EFFECT_STARTUP && may_be(w, s, PART_STARTED, "")) {
        walk_error(w, call->span, "compute_kernel_hw_startup must come before %s", call->effect->name);
        walk_help(w, "call it once, first, with the buffers of the first operation");
        s->broken = !w->quiet;
        return;
    }
    switch (call->effect->kind) {
    case EFFECT_STARTUP:
        start(w, s, call);
        break;
    case EFFECT_ACQUIRE:
        set(w, s, PART_REDUCED, "", call);
        s->other_writes = false;
        break;
    case EFFECT_RECONFIGURE:
        reconfigure(w, s, call);
        break;
    case EFFECT_RECONFIGURE_PACKER:
        reconfigure_packer(w, s, call);
        break;
    case EFFECT_INIT:
        initialise(w, s, call);
        break;
    case EFFECT_OPERATION:
        operate(w, s, call);
        break;
    case EFFECT_UNINIT:
        end_operation(w, s, call);
        break;
    case EFFECT_VECTOR_INIT:
        set(w, s, PART_VECTOR, vector_key(w, call), call);
        set(w, s, PART_ROWS, "", call);
        break;
    case EFFECT_VECTOR:
        vector(w, s, call);
        break;
    case EFFECT_PACK:
        pack(w, s, call);
        break;
    default:
        break;
    }
}

/* ---- where paths meet ---- */

static void join(struct walk *w, void *into, const void *other) {
    struct configuration *a = into;
    const struct configuration *b = other;
    (void)w;
    for (int i = 0; i < PART_COUNT; i++)
        for (size_t j = 0; j < b->parts[i].count; j++)
            add_option(&a->parts[i], b->parts[i].options[j]);
    a->other_writes |= b->other_writes;
    a->broken |= b->broken;
}

/* Does the key of an init name a value that differs from iteration to iteration? */
static bool key_depends_on(struct walk *w, const char *key, size_t atom) {
    for (const char *at = strchr(key, '#'); at; at = strchr(at + 1, '#'))
        if (depends_on_atom(&w->values, atom_value(&w->values, strtoul(at + 1, NULL, 10)), atom))
            return true;
    return false;
}

/* Parameters that name this loop's iteration are of an earlier iteration in the next one. */
static void widen(struct walk *w, void *invariant, const void *end, const struct loop_range *loop) {
    static const char mark[] = ", of an earlier iteration";
    struct arena *arena = w->compilation->arena;
    struct configuration iteration = *(const struct configuration *)end;
    for (size_t i = 0; i < iteration.parts[PART_OPERATION].count; i++) {
        struct option *option = &iteration.parts[PART_OPERATION].options[i];
        if (!strstr(option->value, mark) && key_depends_on(w, option->value, loop->atom))
            option->value = arena_intern(arena, arena_printf(arena, "%s%s", option->value, mark));
    }
    join(w, invariant, &iteration);
}

static void after_loop(struct walk *w, void *state, const void *invariant, const void *end,
                       const struct loop_range *loop) {
    (void)invariant;
    if (prove_quietly(w, number(&w->values, 1), loop->trips))
        memcpy(state, end, sizeof(struct configuration));
    else
        join(w, state, end);
}

const struct domain configuration_domain = {
    .state_size = state_size,
    .initial = initial,
    .transfer = transfer,
    .final = no_final,
    .join = join,
    .widen = widen,
    .after_loop = after_loop,
    .concerns = concerns,
};
