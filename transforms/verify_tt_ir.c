/* The last look at a device kernel: the limits of the product, the three processes and their protocol, and
 * that everything that the plan of a launch names is there. A kernel that passes carries tt.verified, what it
 * was verified against.
 *
 * Circular buffers whose pages depend on open sizes are not summed here: the launch knows their sizes and
 * checks them then.
 */
#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "support/architecture.h"
#include "support/scalar.h"
#include "transforms/pass.h"
#include "proofs/prove.h"
#include "ir/l1.h"
#include "ir/query.h"
#include "transforms/shards.h"
#include "transforms/verify_cores.h"
#include "proofs/verify_protocol.h"

enum rule {
#define RULE(name, owner, needs, sentence) RULE_##name,
#include "transforms/verify_rules.def"
};

struct device_kernel {
    struct compilation *compilation;
    struct diagnostics *diagnostics;
    struct node_kernel *kernel;
    struct node_list buffers;   /* circular buffers */
    struct node_list functions; /* in order */
    enum rule rule;             /* the one that is asked */
    bool beyond_limit;          /* a rule that is the author's is broken */
    unsigned undecided;         /* questions that the proofs leave open */
};

static struct device_kernel device_kernel(struct compilation *c) {
    struct device_kernel k = {
        .compilation = c, .diagnostics = c->diagnostics, .kernel = node_as(c->kernel, kernel)};
    struct node_block *body = node_as(k.kernel->body, block);
    struct list_builder buffers = {0}, functions = {0};
    for (size_t i = 0; body && i < body->statements.count; i++) {
        struct node *statement = body->statements.items[i];
        builder_add(c->arena, &buffers, statement->kind == NODE_CIRCULAR_BUFFER ? statement : NULL);
        builder_add(c->arena, &functions, statement->kind == NODE_FUNCTION ? statement : NULL);
    }
    k.buffers = builder_list(&buffers);
    k.functions = builder_list(&functions);
    return k;
}

static struct node_circular_buffer *buffer_at(const struct device_kernel *k, size_t index) {
    return node_as(k->buffers.items[index], circular_buffer);
}

/* ---- completeness ---- */

static const char *owner_of(const char *key) {
    static const struct {
        const char *key, *owner;
    } rows[] = {
#define ATTRIBUTE(NAME, text, owner, shape, sentence) {KEY_##NAME, owner},
#include "ir/attributes.def"
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].key, key) == 0)
            return rows[i].owner;
    return "";
}

static bool require(const struct device_kernel *k, struct node *node, const char *kind, const char *name,
                    const char *key) {
    if (attribute_get(node, key))
        return true;
    report_error(k->diagnostics, node->span, "%s %s lacks %s", kind, name, key);
    report_help(k->diagnostics, (struct span){0}, "the pass %s settles it: run the passes in their order",
                owner_of(key));
    return false;
}

static struct node_function *function_of(const struct device_kernel *k, enum role role) {
    for (size_t i = 0; i < k->functions.count; i++)
        if (node_as(k->functions.items[i], function)->role == role)
            return node_as(k->functions.items[i], function);
    return NULL;
}

static bool is_whole_tile(const struct node *tile_shape) {
    struct node_sequence *shape = node_as((struct node *)tile_shape, sequence);
    return shape && shape->items.count == 2 && attribute_integer(shape->items.items[0], 0) == TILE_EDGE &&
           attribute_integer(shape->items.items[1], 0) == TILE_EDGE;
}

/* A list of `count` numbers that the launch can compute. */
static bool is_number_list(const struct device_kernel *k, const struct node *value, size_t count) {
    struct node_sequence *list = node_as((struct node *)value, sequence);
    bool fits = list && list->items.count == count;
    for (size_t i = 0; fits && i < list->items.count; i++)
        fits = known_at_launch(k->compilation->arena, k->compilation->kernel, list->items.items[i]);
    return fits;
}

/* The numbers of shards that the launch and the plan read. */
static void check_shard(const struct device_kernel *k, const struct node_parameter *tensor,
                        const struct node *shard) {
    size_t rank = tensor->dimensions.count == 1 ? 2 : tensor->dimensions.count; /* a vector is one row */
    const struct {
        const char *key;
        size_t count;
    } rows[] = {{KEY_PROJECTED_GRID, 2},
                {KEY_PROJECTED_SHARD_TILES, 2},
                {KEY_SHARD_GRID, rank},
                {KEY_SHARD_SHAPE, rank}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct node *value = dictionary_get(shard, rows[i].key);
        if (value && is_number_list(k, value, rows[i].count))
            continue;
        if (value)
            report_error(k->diagnostics, value->span.line ? value->span : tensor->base.span,
                         "tensor %s: %s of its %s is %s", tensor->name, rows[i].key, KEY_ND_SHARD,
                         node_text(k->compilation->arena, value));
        else
            report_error(k->diagnostics, tensor->base.span, "tensor %s: its %s has no %s", tensor->name,
                         KEY_ND_SHARD, rows[i].key);
        report_help(k->diagnostics, (struct span){0}, "it takes a list of %zu numbers that the launch knows",
                    rows[i].count);
        return;
    }
}

/* What codegen and the launch read of a tensor's place. */
static void check_layout(const struct device_kernel *k, const struct node_parameter *tensor) {
    static const char *const keys[] = {KEY_MEMORY, KEY_LAYOUT, KEY_TILE_SHAPE, KEY_DTYPE};
    struct node *buffer = attribute_get(&tensor->base, KEY_TT_BUFFER),
                *shard = dictionary_get(buffer, KEY_ND_SHARD), *dtype = dictionary_get(buffer, KEY_DTYPE);
    const char *missing = NULL, *wanted = word_text(WORDS_dtype, tensor->dtype);
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !missing; i++)
        missing = dictionary_get(buffer, keys[i]) ? NULL : keys[i];
    if (missing)
        report_error(k->diagnostics, tensor->base.span, "tensor %s: its %s has no %s", tensor->name,
                     KEY_TT_BUFFER, missing);
    else if (dtype && strcmp(node_text(k->compilation->arena, dtype), wanted) != 0)
        report_error(k->diagnostics, tensor->base.span, "tensor %s is %s, and its %s says %s", tensor->name,
                     wanted, KEY_TT_BUFFER, node_text(k->compilation->arena, dtype));
    else if (!is_whole_tile(dictionary_get(buffer, KEY_TILE_SHAPE)))
        report_error(k->diagnostics, tensor->base.span,
                     "tensor %s: tile_shape of its %s is %s; tiles are [%d, %d]", tensor->name, KEY_TT_BUFFER,
                     node_text(k->compilation->arena, dictionary_get(buffer, KEY_TILE_SHAPE)), TILE_EDGE,
                     TILE_EDGE);
    else if (strcmp(attribute_word(dictionary_get(buffer, KEY_LAYOUT_KIND), ""),
                    shard ? "sharded" : "interleaved") != 0)
        report_error(k->diagnostics, tensor->base.span, "tensor %s: its %s says layout = %s, and has %s %s",
                     tensor->name, KEY_TT_BUFFER,
                     node_text(k->compilation->arena, dictionary_get(buffer, KEY_LAYOUT_KIND)),
                     shard ? "an" : "no", KEY_ND_SHARD);
    else if (shard)
        check_shard(k, tensor, shard);
}

static void check_attributes(struct device_kernel *k) {
    static const char *const keys[] = {KEY_TT_RUNTIME_ARGS, KEY_TT_GRID_BLOCKS, KEY_TT_CORE_GRID,
                                       KEY_TT_CORE_RANGES};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        require(k, k->compilation->kernel, "kernel", k->kernel->name, keys[i]);
    if (function_of(k, ROLE_COMPUTE))
        require(k, k->compilation->kernel, "kernel", k->kernel->name, KEY_TT_COMPUTE);
    for (size_t i = 0; i < k->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(k->kernel->parameters.items[i], parameter);
        uint32_t bytes;
        if (!is_tensor(parameter))
            continue;
        bool placed = require(k, &parameter->base, "tensor", parameter->name, KEY_TT_BUFFER);
        if (!device_format(parameter->dtype, &bytes)) {
            report_error(k->diagnostics, parameter->base.span, "tensor %s: the device has no tiles of %s",
                         parameter->name, word_text(WORDS_dtype, parameter->dtype));
            report_help(k->diagnostics, (struct span){0},
                        "tensors hold bf16, f32, bfp8, bfp4, u8, u16, u32, i32 or bool");
        } else if (placed) {
            check_layout(k, parameter);
        }
    }
}

/* ---- processes ---- */

/* Functions have names of their own; a second of one role is reported as such. */
static void check_names(const struct device_kernel *k) {
    for (size_t i = 0; i < k->functions.count; i++)
        for (size_t j = 0; j < i; j++) {
            struct node_function *function = node_as(k->functions.items[i], function),
                                 *other = node_as(k->functions.items[j], function);
            if (strcmp(function->name, other->name) != 0 ||
                (function->role == other->role && function->role != ROLE_HELPER))
                continue;
            report_error(k->diagnostics, function->base.span, "kernel %s has two functions %s",
                         k->kernel->name, function->name);
            report_note(k->diagnostics, other->base.span, "the first is here");
            break;
        }
}

static void check_roles(struct device_kernel *k) {
    check_names(k);
    for (size_t i = 0; i < k->functions.count; i++) {
        struct node_function *function = node_as(k->functions.items[i], function);
        struct node_block *body = node_as(function->body, block);
        if (function->role == ROLE_HELPER || (body && body->statements.count))
            continue;
        report_error(k->diagnostics, function->base.span, "%s of kernel %s has an empty IR body",
                     word_text(WORDS_role, function->role), k->kernel->name);
        report_help(
            k->diagnostics, (struct span){0},
            "nothing is made up for it: say what it does, or leave the function out where nothing is to do");
    }
    if (!function_of(k, ROLE_WRITER)) {
        report_error(k->diagnostics, k->compilation->kernel->span, "kernel %s has no %s", k->kernel->name,
                     word_text(WORDS_role, ROLE_WRITER));
        report_help(
            k->diagnostics, (struct span){0},
            "a kernel is a writer, a reader unless it reads nothing, and compute unless it only copies");
    }
}

static size_t argument_count(const struct device_kernel *k) {
    struct node_dictionary *arguments =
        node_as(attribute_get(k->compilation->kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    return arguments ? arguments->entries.count : 0;
}

static void check_argument_count(struct device_kernel *k) {
    size_t count = argument_count(k), limit = k->compilation->architecture->runtime_arguments;
    if (count <= limit)
        return;
    report_error(k->diagnostics, k->compilation->kernel->span,
                 "kernel %s has %zu launch arguments, %s takes %zu", k->kernel->name, count,
                 k->compilation->architecture->name, limit);
    report_help(k->diagnostics, (struct span){0}, "fix sizes by -D, or part the kernel");
}

static void check_argument(struct device_kernel *k, const struct node_call *call, struct span span) {
    size_t count = argument_count(k);
    int64_t index;
    if (!integer_value(call->arguments.items[1], &index))
        report_error(k->diagnostics, span, "the index of a launch argument must be a number");
    else if (index < 0 || (uint64_t)index >= count)
        report_error(k->diagnostics, span,
                     "launch argument %" PRId64 " is read, but kernel %s has %zu of them", index,
                     k->kernel->name, count);
}

static void check_arguments(struct device_kernel *k) {
    bool there = attribute_get(k->compilation->kernel, KEY_TT_RUNTIME_ARGS) != NULL;
    for (size_t i = 0; there && i < k->functions.count; i++) {
        struct span span = {0}; /* of the statement at hand */
        for_each_node (node, k->functions.items[i]) {
            const struct node_call *call = node_as(node, call);
            span = node_info(node->kind)->class == CLASS_STATEMENT ? node->span : span;
            if (call && strcmp(call->function, "get_arg_val") == 0 && call->arguments.count == 2)
                check_argument(k, call, span);
        }
    }
}

/* ---- settings ---- */

/* Where the value of an entry stands; the node that carries it where it is not from a text. */
static struct span entry_place(const struct node *carrier, const struct node *value) {
    return value->span.line ? value->span : carrier->span;
}

static void check_settings(struct device_kernel *k) {
    struct node *kernel = k->compilation->kernel;
    struct node *value = dictionary_get(attribute_get(kernel, KEY_TT_COMPUTE), KEY_MATH_FIDELITY);
    bool known = !value;
    for (int fidelity = FIDELITY_LOFI; fidelity <= FIDELITY_HIFI4; fidelity++)
        known = known || strcmp(attribute_word(value, ""), fidelity_name((enum fidelity)fidelity)) == 0;
    if (!known) {
        report_error(k->diagnostics, entry_place(kernel, value), "%s of %s is %s", KEY_MATH_FIDELITY,
                     KEY_TT_COMPUTE, node_text(k->compilation->arena, value));
        report_help(k->diagnostics, (struct span){0}, "it takes LoFi, HiFi2, HiFi3 or HiFi4");
    }
}

/* ---- circular buffers ---- */

static void check_identity(const struct device_kernel *k, size_t index) {
    struct node_circular_buffer *buffer = buffer_at(k, index);
    const struct architecture *a = k->compilation->architecture;
    if (buffer->id < 0 || buffer->id >= a->circular_buffers)
        report_error(k->diagnostics, buffer->base.span,
                     "circular buffer %s has number %" PRId64 ": %s has 0 to %u", buffer->name, buffer->id,
                     a->name, a->circular_buffers - 1);
    for (size_t i = 0; i < index; i++) {
        struct node_circular_buffer *other = buffer_at(k, i);
        bool same_name = strcmp(other->name, buffer->name) == 0;
        if (other->id != buffer->id && !same_name)
            continue;
        report_error(k->diagnostics, buffer->base.span, "circular buffer %s has the %s of %s", buffer->name,
                     same_name ? "name" : "number", other->name);
        report_note(k->diagnostics, other->base.span, "%s is declared here", other->name);
        return;
    }
}

static bool dst_holds_f32(const struct device_kernel *k) {
    const struct node *compute = attribute_get(k->compilation->kernel, KEY_TT_COMPUTE);
    return attribute_integer(dictionary_get(compute, KEY_FP32_DEST_ACC_EN), 0) != 0;
}

static void report_full_width(const struct device_kernel *k, const struct node_circular_buffer *buffer) {
    report_error(k->diagnostics, buffer->base.span,
                 "circular buffer %s is unpacked to DST at full width, but %s", buffer->name,
                 buffer->dtype == DTYPE_F32 ? "DST does not hold f32" : "it does not hold f32");
    report_help(k->diagnostics, (struct span){0}, "set %s of its %s to 0", KEY_UNPACK_TO_DEST, KEY_TT_CB);
}

static void check_format(const struct device_kernel *k, const struct node_circular_buffer *buffer,
                         const char *format) {
    struct node *facts = attribute_get(&buffer->base, KEY_TT_CB),
                *value = dictionary_get(facts, KEY_DATA_FORMAT);
    if (strcmp(attribute_word(value, ""), format) == 0)
        return;
    if (value)
        report_error(k->diagnostics, entry_place(&buffer->base, value), "circular buffer %s of %s has %s %s",
                     buffer->name, word_text(WORDS_dtype, buffer->dtype), KEY_DATA_FORMAT,
                     node_text(k->compilation->arena, value));
    else
        report_error(k->diagnostics, buffer->base.span, "%s of circular buffer %s lacks %s", KEY_TT_CB,
                     buffer->name, KEY_DATA_FORMAT);
    report_help(k->diagnostics, (struct span){0}, "tiles of %s are %s", word_text(WORDS_dtype, buffer->dtype),
                format);
}

/* The pages of a buffer are `depth` blocks. */
static void check_depth(const struct device_kernel *k, const struct node_circular_buffer *buffer) {
    struct node *value = dictionary_get(attribute_get(&buffer->base, KEY_TT_CB), KEY_DEPTH);
    int64_t depth, pages;
    if (!value || (integer_value(value, &depth) && depth >= 1 &&
                   (!integer_value(buffer->pages, &pages) || pages % depth == 0)))
        return;
    report_error(k->diagnostics, entry_place(&buffer->base, value),
                 "circular buffer %s of %s pages has %s %s", buffer->name,
                 node_text(k->compilation->arena, buffer->pages), KEY_DEPTH,
                 node_text(k->compilation->arena, value));
    report_help(k->diagnostics, (struct span){0}, "it is the number of blocks that the pages hold");
}

static void check_pages(const struct device_kernel *k, struct node_circular_buffer *buffer) {
    const char *format;
    uint32_t alignment = k->compilation->architecture->l1_alignment, tile_bytes;
    int64_t page_size = page_size_of(&buffer->base), pages;
    if (!require(k, &buffer->base, "circular buffer", buffer->name, KEY_TT_CB))
        return;
    if (!(format = device_format(buffer->dtype, &tile_bytes)))
        report_error(k->diagnostics, buffer->base.span, "circular buffer %s: the device has no tiles of %s",
                     buffer->name, word_text(WORDS_dtype, buffer->dtype));
    else if (page_size < 1 || page_size % alignment != 0)
        report_error(k->diagnostics, buffer->base.span,
                     "circular buffer %s: a page of %" PRId64 " bytes is no multiple of %u", buffer->name,
                     page_size, alignment);
    else if (page_size != tile_bytes)
        report_error(k->diagnostics, buffer->base.span,
                     "circular buffer %s: a page of %" PRId64 " bytes is no tile of %s, which has %u",
                     buffer->name, page_size, word_text(WORDS_dtype, buffer->dtype), tile_bytes);
    else
        check_format(k, buffer, format);
    check_depth(k, buffer);
    if (attribute_integer(dictionary_get(attribute_get(&buffer->base, KEY_TT_CB), KEY_UNPACK_TO_DEST), 0) ==
            1 &&
        (buffer->dtype != DTYPE_F32 || !dst_holds_f32(k)))
        report_full_width(k, buffer);
    if (integer_value(buffer->pages, &pages) && pages < 1)
        report_error(k->diagnostics, buffer->base.span, "circular buffer %s has %" PRId64 " pages",
                     buffer->name, pages);
}

static void check_buffer_count(struct device_kernel *k) {
    const struct architecture *a = k->compilation->architecture;
    if (k->buffers.count > a->circular_buffers) {
        report_error(k->diagnostics, k->compilation->kernel->span,
                     "kernel %s has %zu circular buffers, %s has %u", k->kernel->name, k->buffers.count,
                     a->name, a->circular_buffers);
        report_help(k->diagnostics, (struct span){0},
                    "write two kernels: every block that is read, kept or written takes one");
    } else if (k->buffers.count * 5 > (size_t)a->circular_buffers * 4) {
        report_warning(k->diagnostics, k->compilation->kernel->span,
                       "kernel %s has %zu of the %u circular buffers of %s", k->kernel->name,
                       k->buffers.count, a->circular_buffers, a->name);
    }
}

static void check_buffers(struct device_kernel *k) {
    for (size_t i = 0; i < k->buffers.count; i++) {
        check_identity(k, i);
        check_pages(k, buffer_at(k, i));
    }
}

/* Bytes of a buffer whose pages are known; false when they are not. */
static bool known_bytes(const struct device_kernel *k, const struct node_circular_buffer *buffer,
                        int64_t *bytes) {
    int64_t pages;
    if (!integer_value(buffer->pages, &pages) || pages < 0)
        return false;
    if (!integer_value(buffer_l1_bytes(k->compilation->arena, buffer), bytes))
        *bytes = INT64_MAX;
    return true;
}

static void report_overrun(const struct device_kernel *k, int64_t total,
                           const struct node_circular_buffer *largest) {
    const struct architecture *a = k->compilation->architecture;
    int64_t bytes, pages, available = l1_for_buffers(k->compilation);
    report_error(k->diagnostics, k->compilation->kernel->span,
                 "kernel %s needs %" PRId64 " bytes of L1 for its blocks, and a core of %s has %" PRId64 "%s",
                 k->kernel->name, total, a->name, available,
                 available < a->l1_buffer_bytes ? " beside the tensors in L1" : "");
    for (size_t i = 0; i < k->buffers.count; i++) {
        struct node_circular_buffer *buffer = buffer_at(k, i);
        if (known_bytes(k, buffer, &bytes) && integer_value(buffer->pages, &pages))
            report_note(k->diagnostics, buffer->base.span,
                        "%s: %" PRId64 " tiles of %" PRId64 " bytes, %" PRId64 " in all", buffer->name, pages,
                        page_size_of(&buffer->base), bytes);
    }
    for (size_t i = 0; i < k->kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(k->kernel->parameters.items[i], parameter);
        uint64_t taken = known_l1_bytes(k->compilation, parameter);
        if (taken > 0)
            report_note(k->diagnostics, parameter->base.span, "%s lies in L1: %" PRIu64 " bytes of each core",
                        parameter->name, taken);
    }
    report_help(k->diagnostics, (struct span){0},
                "take smaller blocks or a lower @pipeline: most of it is %s", largest->name);
}

static void check_l1(struct device_kernel *k) {
    int64_t total = 0, most = -1, available = l1_for_buffers(k->compilation);
    struct node_circular_buffer *largest = NULL;
    for (size_t i = 0; i < k->buffers.count; i++) {
        int64_t bytes;
        if (!known_bytes(k, buffer_at(k, i), &bytes))
            continue;
        if (__builtin_add_overflow(total, bytes, &total))
            total = INT64_MAX;
        if (bytes > most) {
            most = bytes;
            largest = buffer_at(k, i);
        }
    }
    if (total > available)
        report_overrun(k, total, largest);
    else if (total > available / 5 * 4)
        report_warning(k->diagnostics, k->compilation->kernel->span,
                       "the blocks of kernel %s take %" PRId64 " of %" PRId64 " bytes of L1", k->kernel->name,
                       total, available);
}

/* ---- the stamp ---- */

static struct node *verified(const struct device_kernel *k, size_t undecided) {
    struct arena *arena = k->compilation->arena;
    struct node_dictionary *arguments =
        node_as(attribute_get(k->compilation->kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    struct node *bytes = buffers_l1_bytes(arena, k->compilation->kernel);
    const struct architecture *a = k->compilation->architecture;
    struct node *stamp = dictionary_set(arena, NULL, KEY_ARCHITECTURE, make_reference(arena, a->name));
    stamp =
        dictionary_set(arena, stamp, KEY_CIRCULAR_BUFFERS, make_integer(arena, (int64_t)k->buffers.count));
    if (bytes->kind != NODE_INTEGER)
        bytes = size_as_sum(k->compilation, bytes);
    stamp = dictionary_set(arena, stamp, KEY_L1_BYTES, bytes);
    stamp = dictionary_set(arena, stamp, KEY_LAUNCH_ARGUMENTS,
                           make_integer(arena, (int64_t)arguments->entries.count));
    return undecided ? dictionary_set(arena, stamp, KEY_UNDECIDED, make_integer(arena, (int64_t)undecided))
                     : stamp;
}

/* ---- the rules ---- */

static void check_cores(struct device_kernel *k) {
    verify_cores(k->compilation);
}

static void check_protocol(struct device_kernel *k) {
    verify_circular_buffer_protocol(k->compilation);
}

static void check_sections(struct device_kernel *k) {
    for (size_t i = 0; i < k->functions.count; i++)
        if (node_as(k->functions.items[i], function)->role == ROLE_COMPUTE)
            verify_dst_sections(k->compilation, node_as(k->functions.items[i], function));
}

static void check_proofs(struct device_kernel *k) {
    unsigned warnings = k->diagnostics->warning_count;
    if (!prove_device_kernel(k->compilation))
        k->rule = RULE_extent;
    k->undecided = k->diagnostics->warning_count - warnings;
}

static void check_extent(struct device_kernel *k) {
    (void)k; /* the walk of the proofs finds it */
}

enum owner { AUTHOR, TILEC };
enum needs { ANY, SOUND, NEVER };

static const struct {
    const char *name;
    enum owner owner;
    enum needs needs;
    const char *sentence;
    void (*check)(struct device_kernel *kernel);
} rules[] = {
#define RULE(name, owner, needs, sentence) {#name, owner, needs, sentence, check_##name},
#include "transforms/verify_rules.def"
};

/* A rule of ours is broken by what tilec made: that is no business of the author, whatever the messages say,
 * unless the kernel goes beyond a limit, from which it may follow. */
static void report_fault(struct device_kernel *k) {
    struct compilation *c = k->compilation;
    k->beyond_limit |= rules[k->rule].owner == AUTHOR;
    if (c->authored || c->broken || k->beyond_limit)
        return;
    report_error(c->diagnostics, c->kernel->span,
                 "fault of tilec: what it made of kernel %s breaks the rule '%s': %s", k->kernel->name,
                 rules[k->rule].name, rules[k->rule].sentence);
    c->broken = pass_find("verify_tt_ir");
}

bool verify_tt_ir(struct compilation *c) {
    unsigned errors = c->diagnostics->error_count;
    struct device_kernel k = device_kernel(c);
    c->checks = NULL;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        unsigned before = c->diagnostics->error_count;
        k.rule = (enum rule)i;
        if (rules[i].needs == NEVER || (rules[i].needs == SOUND && before != errors))
            continue;
        rules[i].check(&k);
        if (c->diagnostics->error_count != before)
            report_fault(&k);
    }
    if (c->diagnostics->error_count != errors)
        return false;
    c->kernel = attribute_set(c->arena, c->kernel, KEY_TT_VERIFIED, verified(&k, k.undecided));
    if (c->checks || attribute_get(c->kernel, KEY_TT_CHECKS))
        c->kernel = attribute_set(c->arena, c->kernel, KEY_TT_CHECKS, c->checks);
    return true;
}
