/* A tree in another arena, so that the arena in which it came to be can be freed. Expressions that are equal,
 * and from one place of the source, become one: device form says the same things again and again. */
#include <string.h>

#include "ir/field.h"
#include "ir/ir.h"

enum { BUCKETS = 1024 };

/* An entry of two tables: of copies by their originals, and of expressions by their contents. */
struct copied {
    const struct node *original; /* NULL: in the second table */
    struct node *copy;
    uint64_t hash;
    struct copied *next;
};

struct copier {
    struct arena *arena;   /* of the copy */
    struct arena *scratch; /* of what is needed on the way */
    struct copied *originals[BUCKETS], *expressions[BUCKETS];
};

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static void add(struct copier *c, struct copied **bucket, struct copied entry) {
    entry.next = *bucket;
    *bucket = arena_copy(c->scratch, &entry, sizeof entry);
}

/* ---- equal expressions ---- */

/* Of a node whose children are shared already: they are equal where their pointers are. */
static uint64_t hash_list(uint64_t hash, struct node_list list) {
    hash = mix(hash, list.count);
    for (size_t i = 0; i < list.count; i++)
        hash = mix(hash, (uintptr_t)list.items[i]);
    return hash;
}

static uint64_t hash_field(uint64_t hash, const struct node *node, const struct field_info *field) {
    uint64_t bits = 0;
    switch (field->type) {
    case FIELD_NAME:
    case FIELD_TEXT:
        return mix(hash, (uintptr_t)FIELD_OF(char *, node, field));
    case FIELD_NODE:
        return mix(hash, (uintptr_t)FIELD_OF(struct node *, node, field));
    case FIELD_LIST:
        return hash_list(hash, FIELD_OF(struct node_list, node, field));
    case FIELD_INTEGER:
        return mix(hash, (uint64_t)FIELD_OF(int64_t, node, field));
    case FIELD_REAL:
        memcpy(&bits, (const char *)node + field->offset, sizeof bits);
        return mix(hash, bits);
    case FIELD_WORD:
        return mix(hash, (uint64_t)FIELD_OF(int, node, field));
    }
    return hash;
}

static uint64_t hash_node(const struct node *node) {
    const struct node_info *info = node_info(node->kind);
    uint64_t hash =
        hash_list(mix(node->kind, (uint64_t)node->span.line << 32 | node->span.column), node->attributes);
    for (size_t i = 0; i < info->field_count; i++)
        hash = hash_field(hash, node, &info->fields[i]);
    return hash;
}

/* An expression that was copied and equals this one, its place included; NULL: none. */
static struct node *find_equal(const struct copied *entry, const struct node *node, uint64_t hash) {
    for (; entry; entry = entry->next)
        if (entry->hash == hash && memcmp(&entry->copy->span, &node->span, sizeof node->span) == 0 &&
            node_equal(entry->copy, node))
            return entry->copy;
    return NULL;
}

/* ---- copying ---- */

static struct node *copy_in(struct copier *c, const struct node *node);

static struct node_list copy_list(struct copier *c, struct node_list list) {
    struct node **items = list.count ? arena_allocate(c->scratch, list.count * sizeof *items) : NULL;
    for (size_t i = 0; i < list.count; i++)
        items[i] = copy_in(c, list.items[i]);
    return (struct node_list){list.count, items};
}

static void copy_field(struct copier *c, struct node *copy, const struct field_info *field) {
    const char *text;
    switch (field->type) {
    case FIELD_NAME:
    case FIELD_TEXT:
        text = FIELD_OF(char *, copy, field);
        FIELD_AT(const char *, copy, field) = text ? arena_intern(c->arena, text) : NULL;
        break;
    case FIELD_NODE:
        FIELD_AT(struct node *, copy, field) = copy_in(c, FIELD_OF(struct node *, copy, field));
        break;
    case FIELD_LIST:
        FIELD_AT(struct node_list, copy, field) = copy_list(c, FIELD_OF(struct node_list, copy, field));
        break;
    case FIELD_INTEGER:
    case FIELD_REAL:
    case FIELD_WORD:
        break;
    }
}

/* The node with its lists in the arena of the copy. */
static struct node *keep(struct copier *c, const struct node *node) {
    const struct node_info *info = node_info(node->kind);
    struct node *kept = arena_copy(c->arena, node, info->size);
    kept->attributes = list_of(c->arena, node->attributes.count, node->attributes.items);
    for (size_t i = 0; i < info->field_count; i++) {
        const struct field_info *field = &info->fields[i];
        if (field->type == FIELD_LIST) {
            struct node_list list = FIELD_OF(struct node_list, node, field);
            FIELD_AT(struct node_list, kept, field) = list_of(c->arena, list.count, list.items);
        }
    }
    return kept;
}

static struct node *copy_new(struct copier *c, const struct node *node) {
    const struct node_info *info = node_info(node->kind);
    bool shared = info->class != CLASS_STATEMENT;
    struct node *copy = arena_copy(c->scratch, node, info->size);
    copy->attributes = copy_list(c, node->attributes);
    for (size_t i = 0; i < info->field_count; i++)
        copy_field(c, copy, &info->fields[i]);
    uint64_t hash = shared ? hash_node(copy) : 0;
    struct copied **bucket = &c->expressions[hash % BUCKETS];
    struct node *equal = shared ? find_equal(*bucket, copy, hash) : NULL;
    if (equal)
        return equal;
    copy = keep(c, copy);
    if (shared)
        add(c, bucket, (struct copied){.copy = copy, .hash = hash});
    return copy;
}

static struct node *copy_in(struct copier *c, const struct node *node) {
    struct copied **bucket = &c->originals[mix(0, (uintptr_t)node) % BUCKETS];
    for (const struct copied *entry = *bucket; entry; entry = entry->next)
        if (entry->original == node)
            return entry->copy;
    struct node *copy = node ? copy_new(c, node) : NULL;
    if (node)
        add(c, bucket, (struct copied){.original = node, .copy = copy});
    return copy;
}

struct node *node_copy(struct arena *arena, const struct node *node) {
    struct arena *scratch = arena_create();
    struct copier *c = arena_allocate(scratch, sizeof *c);
    *c = (struct copier){.arena = arena, .scratch = scratch};
    struct node *copy = copy_in(c, node);
    arena_free(scratch);
    return copy;
}
