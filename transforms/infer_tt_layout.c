/* infer_tt_layout: `tt.buffer` of every tensor: memory, layout, tile shape, data type and, of a sharded one,
 * its nd_shard with all that follows from it, from `tt.shard`. What the author said stays; what contradicts
 * itself or the device is refused here, at its place.
 */
#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "support/architecture.h"
#include "support/scalar.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/shards.h"

/* One tensor. */
struct layout {
    struct compilation *c;
    const struct node_parameter *parameter;
    struct node *shard; /* its tt.shard */
    const struct node_attribute *nd_shard;
    const struct node_attribute *row_major; /* NULL: its pages are tiles */
    bool in_l1, sharded;
};

static struct span place(const struct layout *l, const struct node_attribute *entry) {
    return entry_span(&l->parameter->base, entry);
}

static bool check_word(const struct layout *l, const struct node_attribute *entry, const char *first,
                       const char *second) {
    const char *word = attribute_word(entry->value, ""), *const words[] = {first, second};
    if (strcmp(word, first) == 0 || strcmp(word, second) == 0)
        return true;
    report_error(l->c->diagnostics, place(l, entry), "%s of %s is %s; it takes %s or %s", entry->key,
                 l->parameter->name, node_text(l->c->arena, entry->value), first, second);
    const char *nearest = suggest_nearest(word, words, 2);
    if (nearest)
        report_help(l->c->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    return false;
}

static bool check_tile_shape(const struct layout *l, const struct node_attribute *entry) {
    struct node_sequence *shape = node_as(entry->value, sequence);
    bool fits = shape && shape->items.count == 2;
    for (size_t i = 0; fits && i < 2; i++)
        fits = attribute_integer(shape->items.items[i], 0) == TILE_EDGE;
    if (!fits)
        report_error(l->c->diagnostics, place(l, entry), "tile_shape of %s is %s; tiles are [%d, %d]",
                     l->parameter->name, node_text(l->c->arena, entry->value), TILE_EDGE, TILE_EDGE);
    return fits;
}

/* The halo of a tensor, or of its nd_shard. */
static bool refuse_halo(const struct layout *l, const struct node_attribute *entry) {
    report_error(
        l->c->diagnostics, place(l, entry), "halo unsupported: %s",
        strcmp(entry->key, KEY_HALO) == 0
            ? arena_printf(l->c->arena, "tensor %s holds its own elements only", l->parameter->name)
            : arena_printf(l->c->arena, "shards of %s hold their own elements only", l->parameter->name));
    report_help(l->c->diagnostics, (struct span){0},
                "leave it out: a kernel reads what it needs of its neighbours by page");
    return false;
}

static bool check_entry(struct layout *l, const struct node_attribute *entry) {
    static const char *const known[] = {KEY_MEMORY, KEY_LAYOUT_KIND, KEY_FORMAT, KEY_TILE_SHAPE, KEY_ND_SHARD};
    if (strcmp(entry->key, KEY_MEMORY) == 0) {
        l->in_l1 = strcmp(attribute_word(entry->value, ""), "l1") == 0;
        return check_word(l, entry, "dram", "l1");
    }
    if (strcmp(entry->key, KEY_LAYOUT_KIND) == 0) {
        l->sharded = strcmp(attribute_word(entry->value, ""), "sharded") == 0;
        return check_word(l, entry, "interleaved", "sharded");
    }
    if (strcmp(entry->key, KEY_FORMAT) == 0) {
        l->row_major = strcmp(attribute_word(entry->value, ""), "row_major") == 0 ? entry : NULL;
        return check_word(l, entry, "tile", "row_major");
    }
    if (strcmp(entry->key, KEY_TILE_SHAPE) == 0)
        return check_tile_shape(l, entry);
    if (strcmp(entry->key, KEY_ND_SHARD) == 0) {
        l->nd_shard = entry;
        return !dictionary_get(entry->value, KEY_HALO) || refuse_halo(l, entry);
    }
    if (strcmp(entry->key, KEY_HALO) == 0)
        return refuse_halo(l, entry);
    const char *nearest = suggest_nearest(entry->key, known, sizeof known / sizeof *known);
    report_error(l->c->diagnostics, place(l, entry), "layout of %s has no key %s", l->parameter->name,
                 entry->key);
    if (nearest)
        report_help(l->c->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    return false;
}

/* Shards and the word `sharded` go together. */
static bool check_kind(const struct layout *l) {
    if (l->sharded && !l->nd_shard) {
        report_error(l->c->diagnostics, placement_span(l->parameter, KEY_LAYOUT_KIND),
                     "%s is sharded in %s and requires nd_shard specification", l->parameter->name,
                     l->in_l1 ? "L1" : "DRAM");
        report_help(l->c->diagnostics, (struct span){0},
                    "say how many shards there are, as in nd_shard = {grid = [8, 1]}, or height = 8");
        return false;
    }
    if (!l->sharded && l->nd_shard) {
        report_error(l->c->diagnostics, place(l, l->nd_shard), "%s is interleaved, but has an nd_shard",
                     l->parameter->name);
        report_help(l->c->diagnostics, (struct span){0}, "shards need layout = sharded");
        return false;
    }
    return true;
}

/* What has pages of rows: elements that are whole, interleaved. */
static bool check_rows(const struct layout *l) {
    const struct node_parameter *tensor = l->parameter;
    const char *type = word_text(WORDS_dtype, (int)tensor->dtype), *what = NULL, *help = NULL;
    if (!l->row_major)
        return true;
    if (is_block_type(tensor->dtype)) {
        what = arena_printf(l->c->arena, "%s, whose values share exponents in tiles", type);
        help = "declare it as bf16, which holds all its values";
    } else if (l->sharded || l->nd_shard) {
        what = "sharded";
        help = "leave the shards out: rows are interleaved over the banks of its memory";
    }
    if (!what)
        return true;
    report_error(l->c->diagnostics, place(l, l->row_major), "%s is row_major, and is %s", tensor->name, what);
    report_help(l->c->diagnostics, (struct span){0}, "%s", help);
    return false;
}

static struct node *buffer_of(const struct layout *l, struct node *nd_shard) {
    struct arena *arena = l->c->arena;
    struct node *edge = make_integer(arena, TILE_EDGE);
    struct node *shape =
        node_new(arena, sequence, SEQUENCE, l->parameter->base.span, .items = LIST(arena, edge, edge));
    const char *dtype = word_text(WORDS_dtype, (int)l->parameter->dtype);
    struct node *buffer =
        dictionary_set(arena, NULL, KEY_MEMORY, make_reference(arena, l->in_l1 ? "l1" : "dram"));
    buffer = dictionary_set(arena, buffer, KEY_LAYOUT_KIND,
                            make_reference(arena, l->sharded ? "sharded" : "interleaved"));
    if (l->row_major)
        buffer = dictionary_set(arena, buffer, KEY_FORMAT, make_reference(arena, "row_major"));
    buffer = dictionary_set(arena, buffer, KEY_TILE_SHAPE, shape);
    buffer = dictionary_set(arena, buffer, KEY_DTYPE, make_reference(arena, dtype));
    return nd_shard ? dictionary_set(arena, buffer, KEY_ND_SHARD, nd_shard) : buffer;
}

/* The tensor with its tt.buffer; NULL after a reported error. Its shards may add to the conditions of the
 * kernel. */
static struct node *settle(struct compilation *c, struct node *node, struct node_list *conditions) {
    struct layout l = {
        .c = c, .parameter = node_as(node, parameter), .shard = attribute_get(node, KEY_TT_SHARD)};
    struct node_dictionary *entries = node_as(l.shard, dictionary);
    bool fits = true;
    if (!entries) {
        report_error(c->diagnostics, node->span,
                     "tensor %s has no placement; run infer_default_tt_shard first", l.parameter->name);
        return NULL;
    }
    for (size_t i = 0; i < entries->entries.count; i++)
        fits &= check_entry(&l, node_as(entries->entries.items[i], attribute));
    if (!fits || !check_rows(&l) || !check_kind(&l))
        return NULL;
    struct node *nd_shard = l.sharded ? shards_settle(c, l.parameter, l.nd_shard, l.in_l1) : NULL;
    if (nd_shard)
        *conditions = shards_conditions(c, l.parameter, l.nd_shard, *conditions);
    return l.sharded && !nd_shard ? NULL
                                  : attribute_set(c->arena, node, KEY_TT_BUFFER, buffer_of(&l, nd_shard));
}

/* All tensors in L1 together; circular buffers come later and take what is left. */
static bool check_l1(struct compilation *c, const struct node_kernel *kernel) {
    uint64_t required = 0, most = 0;
    const struct node_parameter *largest = NULL;
    for (size_t i = 0; i < kernel->parameters.count; i++) {
        const struct node_parameter *parameter = node_as(kernel->parameters.items[i], parameter);
        uint64_t bytes = known_l1_bytes(c, parameter);
        required = required > UINT64_MAX / 2 ? required : required + bytes;
        if (bytes > most) {
            most = bytes;
            largest = parameter;
        }
    }
    if (required <= c->architecture->l1_buffer_bytes)
        return true;
    report_error(c->diagnostics, placement_span(largest, KEY_MEMORY),
                 "%s capacity: %" PRIu64 " bytes of each core required, %" PRIu32 " available",
                 is_sharded(largest) ? "L1 shard exceeds" : "tensors in L1 exceed its", required,
                 c->architecture->l1_buffer_bytes);
    for (size_t i = 0; i < kernel->parameters.count; i++) {
        const struct node_parameter *parameter = node_as(kernel->parameters.items[i], parameter);
        if (known_l1_bytes(c, parameter) > 0)
            report_note(c->diagnostics, parameter->base.span, "%s takes %" PRIu64 " bytes of each core",
                        parameter->name, known_l1_bytes(c, parameter));
    }
    report_help(c->diagnostics, (struct span){0}, "leave some of them in DRAM, which is the default");
    return false;
}

bool infer_tt_layout(struct compilation *c) {
    struct node_kernel *kernel = node_as(c->kernel, kernel);
    struct node_list conditions = kernel->conditions;
    struct list_builder parameters = {0};
    bool sound = true, changed = false;
    for (size_t i = 0; i < kernel->parameters.count; i++) {
        struct node *parameter = kernel->parameters.items[i];
        struct node *result =
            is_tensor(node_as(parameter, parameter)) ? settle(c, parameter, &conditions) : parameter;
        sound &= result != NULL;
        changed |= result != parameter;
        builder_add(c->arena, &parameters, result);
    }
    struct node_kernel result = *kernel;
    result.parameters = builder_list(&parameters);
    result.conditions = conditions;
    if (!sound || !check_l1(c, &result))
        return false;
    if (changed)
        c->kernel = arena_copy(c->arena, &result, sizeof result);
    return true;
}
