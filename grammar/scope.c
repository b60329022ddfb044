/* Scopes: what a name stands for where it is used, and the names that are taken in the output. */
#include <string.h>

#include "grammar/parse.h"
#include "grammar/resolve.h"
#include "ir/names.h"

size_t pointer_hash(const void *pointer) {
    uintptr_t bits = (uintptr_t)pointer;
    return (size_t)(bits >> 3 ^ bits >> 11 ^ bits >> 19);
}

const char *unique_name(struct resolver *r, const char *wanted) {
    r->used.arena = r->arena;
    return name_fresh(&r->used, wanted);
}

/* Words with which statements of the IR begin, and others that its text form keeps. */
static bool reserved(const char *name) {
    static const char *const words[] = {"by", "in",    "loc", "else", "where", "over",
                                        "at", "pages", "inf", "nan",  "out"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    for (int kind = 0; kind < NODE_KIND_COUNT; kind++) {
        const char *text = node_info((enum node_kind)kind)->text;
        size_t length = strcspn(text, " ");
        if (length && text[0] != '$' && strlen(name) == length && strncmp(text, name, length) == 0)
            return true;
    }
    return false;
}

const char *entity_kind_text(const struct entity *entity) {
    switch (entity->kind) {
    case ENTITY_SIZE:
        return "a size";
    case ENTITY_SCALAR:
        return "a scalar parameter";
    case ENTITY_CONSTANT:
    case ENTITY_ARGUMENT:
        return "a constant";
    case ENTITY_TENSOR:
        return entity->direction == DIRECTION_IN ? "an input" : "a tensor";
    case ENTITY_AXIS:
        return entity->block ? "a block axis" : "an index";
    case ENTITY_LET:
        return "a let";
    case ENTITY_VAR:
        return "a var";
    case ENTITY_BUFFER:
        return "a buffer";
    }
    return "a name";
}

struct entity *declare(struct resolver *r, enum entity_kind kind, const char *source, struct span span) {
    span = span_of_name(span, source);
    struct entity *before = lookup_quietly(r, source);
    if (before) {
        report_error(r->diagnostics, span, "%s is declared already", source);
        report_note(r->diagnostics, before->span, "%s is %s declared here", source, entity_kind_text(before));
        report_help(r->diagnostics, (struct span){0}, "a name may not hide another one: choose a new name");
    } else if (reserved(source)) {
        report_error(r->diagnostics, span, "%s is a reserved word", source);
        report_help(r->diagnostics, (struct span){0}, "call it otherwise, %s_ for instance", source);
    }
    struct entity *entity = arena_allocate(r->arena, sizeof *entity);
    struct entity **bucket = &r->buckets[pointer_hash(source) % ENTITY_BUCKETS];
    *entity =
        (struct entity){.kind = kind, .source = source, .span = span, .older = r->newest, .hidden = *bucket};
    entity->serial = ++r->serial;
    entity->name = kind == ENTITY_ARGUMENT ? source : unique_name(r, source);
    if (strcmp(entity->name, source) != 0) {
        struct told_name *told = arena_allocate(r->arena, sizeof *told);
        *told = (struct told_name){entity->name, source, r->told};
        r->told = told;
    }
    *bucket = entity;
    r->newest = entity;
    return entity;
}

struct entity *scope_mark(const struct resolver *r) {
    return r->newest;
}

void scope_close(struct resolver *r, struct entity *mark) {
    for (; r->newest != mark; r->newest = r->newest->older) {
        struct entity *gone = r->newest;
        r->buckets[pointer_hash(gone->source) % ENTITY_BUCKETS] = gone->hidden;
        if (gone->kind == ENTITY_AXIS && gone->block)
            r->open_count--;
    }
}

struct entity *lookup_quietly(struct resolver *r, const char *source) {
    struct entity *entity = r->buckets[pointer_hash(source) % ENTITY_BUCKETS];
    while (entity && entity->source != source)
        entity = entity->hidden;
    return entity && entity->serial > r->visible_from ? entity : NULL;
}

struct entity *lookup(struct resolver *r, const char *source, struct span span) {
    struct entity *entity = lookup_quietly(r, source);
    if (entity)
        return entity;
    if (r->diagnostics->unshown) {
        report_error(r->diagnostics, span_of_name(span, source), "%s is not declared", source);
        return NULL;
    }
    size_t count = 0;
    for (struct entity *known = r->newest; known && known->serial > r->visible_from; known = known->older)
        count++;
    const char **names = arena_allocate(r->arena, (count + 1) * sizeof *names);
    count = 0;
    for (struct entity *known = r->newest; known && known->serial > r->visible_from; known = known->older)
        names[count++] = known->source;
    report_error(r->diagnostics, span_of_name(span, source), "%s is not declared", source);
    const char *nearest = suggest_nearest(source, names, count);
    if (nearest) {
        struct entity *meant = lookup_quietly(r, nearest);
        report_help(r->diagnostics, meant->span, "did you mean %s?", nearest);
    }
    return NULL;
}

struct item *item_find(struct front *front, enum node_kind kind, const char *name) {
    struct item *item = front->item_buckets[pointer_hash(name) % ITEM_BUCKETS];
    while (item && (item->tree->kind != kind || item->name != name))
        item = item->hidden;
    return item;
}

void item_add(struct front *front, struct item *item) {
    struct item **bucket = &front->item_buckets[pointer_hash(item->name) % ITEM_BUCKETS];
    item->hidden = *bucket;
    *bucket = item;
}

const char *told_text(struct resolver *r, struct node *node) {
    for (const struct told_name *told = r->told; told; told = told->next)
        if (mentions(node, told->name))
            node = rename_entity(r->arena, node, told->name, told->told);
    return node_text(r->arena, node);
}
