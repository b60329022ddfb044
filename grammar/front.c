/* Sources to a module: imports are followed, items collected, kernels and programs resolved. */
#include "grammar/front.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "grammar/parse.h"
#include "grammar/resolve.h"

enum { LARGEST_SOURCE = 16 << 20, MOST_SOURCES = 64 };

/* ---- sources ---- */

struct loader {
    struct front *front;
    struct item **end;
    /* real paths by source index from first_source on; NULL where there is none */
    const char *paths[MOST_SOURCES];
    bool loading[MOST_SOURCES];
    uint32_t first_source, count;
};

static void load(struct loader *loader, const char *path, const char *text, size_t length);

static const char *real_path(struct arena *arena, const char *path) {
    char resolved[PATH_MAX];
    return realpath(path, resolved) ? arena_string(arena, resolved) : NULL;
}

/* The text of a regular file; NULL with a reason when it cannot be read. */
static const char *read_file(struct arena *arena, const char *path, size_t *length, const char **reason) {
    struct stat status;
    bool found = stat(path, &status) == 0;
    *reason = !found                            ? strerror(errno)
              : S_ISDIR(status.st_mode)         ? "it is a directory"
              : !S_ISREG(status.st_mode)        ? "it is no regular file"
              : status.st_size > LARGEST_SOURCE ? "it is too large"
                                                : NULL;
    if (*reason)
        return NULL;
    FILE *file = fopen(path, "rb");
    *reason = strerror(errno);
    if (!file)
        return NULL;
    size_t size = (size_t)status.st_size;
    char *text = arena_allocate(arena, size + 1);
    *length = fread(text, 1, size, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    return failed ? NULL : text;
}

static void load_import(struct loader *loader, const char *importer, struct node_text *import) {
    struct front *front = loader->front;
    const char *slash = strrchr(importer, '/'), *path = import->value;
    if (slash && path[0] != '/')
        path = arena_printf(front->arena, "%.*s/%s", (int)(slash - importer), importer, path);
    const char *real = real_path(front->arena, path);
    for (uint32_t i = 0; real && i < loader->count; i++) {
        if (!loader->paths[i] || strcmp(loader->paths[i], real) != 0)
            continue;
        if (loader->loading[i]) {
            report_error(front->diagnostics, import->base.span, "%s imports itself by way of this",
                         import->value);
            report_help(front->diagnostics, (struct span){0}, "put what both need into a third file");
        }
        return;
    }
    size_t length = 0;
    const char *reason = NULL, *text = read_file(front->arena, path, &length, &reason);
    if (!text) {
        report_error(front->diagnostics, import->base.span, "cannot read %s: %s", path, reason);
        return;
    }
    if (loader->count == MOST_SOURCES) {
        report_error(front->diagnostics, import->base.span, "too many files are imported with %s", path);
        return;
    }
    load(loader, path, text, length);
}

struct nesting {
    int left;
    const struct node *deep; /* what lies too deep: the whole expression, else the innermost statement */
    bool whole;
};

static bool is_operation(const struct node *node) {
    return node->kind == NODE_BINARY || node->kind == NODE_UNARY || node->kind == NODE_CALL ||
           node->kind == NODE_REDUCTION || node->kind == NODE_ACCESS || node->kind == NODE_REFERENCE;
}

static bool is_nested_within(struct node *node, void *context) {
    struct nesting *nesting = context;
    bool fine = --nesting->left >= 0 && node_each_child(node, is_nested_within, context);
    ++nesting->left;
    if (!fine && !nesting->whole) {
        nesting->whole = nesting->deep && !is_operation(node);
        nesting->deep = nesting->whole ? nesting->deep : node;
    }
    return fine;
}

static void add_item(struct loader *loader, struct node *tree, const char *name, bool imported, bool broken) {
    struct front *front = loader->front;
    struct nesting nesting = {.left = DEEPEST_NESTING};
    static const enum node_kind kinds[] = {NODE_KERNEL, NODE_PROGRAM, NODE_FUNCTION};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct item *before = item_find(front, kinds[i], name);
        if (!before)
            continue;
        report_error(front->diagnostics, tree->span, "%s is declared already", name);
        report_note(front->diagnostics, before->tree->span, "%s is declared here", name);
        return;
    }
    if (!is_nested_within(tree, &nesting)) {
        report_error(front->diagnostics, nesting.deep->span, "%s lies more than %d levels deep in %s",
                     is_operation(nesting.deep) ? "this expression" : "this", DEEPEST_NESTING, name);
        if (is_operation(nesting.deep))
            report_help(front->diagnostics, (struct span){0}, "name parts of it by let");
        broken = true;
    }
    struct item *item = arena_allocate(front->arena, sizeof *item);
    *item = (struct item){.tree = tree, .name = name, .imported = imported, .broken = broken};
    item_add(front, item);
    *loader->end = item;
    loader->end = &item->next;
}

static void load(struct loader *loader, const char *path, const char *text, size_t length) {
    struct front *front = loader->front;
    static const char mark[] = "\xef\xbb\xbf"; /* the byte order mark of UTF-8 */
    if (length >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0) {
        text += sizeof mark - 1;
        length -= sizeof mark - 1;
    }
    uint32_t file = diagnostics_add_source(front->diagnostics, path, text, length), index = loader->count++;
    loader->paths[index] = real_path(front->arena, path);
    loader->loading[index] = true;
    struct parsed parsed = parse_source(front->arena, front->diagnostics, file);
    front->lost |= parsed.lost;
    for (size_t i = 0; i < parsed.items.count; i++) {
        struct node *tree = parsed.items.items[i];
        struct node_kernel *kernel = node_as(tree, kernel);
        struct node_program *program = node_as(tree, program);
        struct node_function *function = node_as(tree, function);
        if (tree->kind == NODE_TEXT)
            load_import(loader, path, node_as(tree, text));
        else
            add_item(loader, tree,
                     kernel    ? kernel->name
                     : program ? program->name
                               : function->name,
                     index > 0, parsed.broken[i]);
    }
    loader->loading[index] = false;
}

/* ---- modules ---- */

/* A def that nothing calls is checked all the same, with numbers for its parameters. */
static void check_definition(struct front *front, struct item *item) {
    struct node_function *function = node_as(item->tree, function);
    struct resolver r;
    front->expansions = 0;
    resolver_start(&r, front, front->diagnostics);
    for (size_t i = 0; i < function->parameters.count; i++) {
        struct node_parameter *parameter = node_as(function->parameters.items[i], parameter);
        struct entity *entity = declare(&r, ENTITY_SCALAR, parameter->name, parameter->base.span);
        entity->dtype = parameter->dtype == DTYPE_NONE ? DTYPE_F32 : parameter->dtype;
        entity->written = true;
    }
    item->expanding = true;
    resolve_expression(&r, function->body);
    item->expanding = false;
}

/* The last first: it may call those before it. */
static void check_uncalled(struct front *front) {
    size_t count = 0;
    for (struct item *item = front->items; item; item = item->next)
        count++;
    struct item **items = arena_allocate(front->arena, (count + 1) * sizeof *items);
    count = 0;
    for (struct item *item = front->items; item; item = item->next)
        items[count++] = item;
    while (count-- > 0)
        if (items[count]->tree->kind == NODE_FUNCTION && !items[count]->broken && !items[count]->called)
            check_definition(front, items[count]);
}

/* Kernels in the order of the source, each in its specialisations where a program launches it; then programs.
 */
static struct node_list module_items(struct front *front) {
    struct list_builder programs = {0}, items = {0};
    for (struct item *item = front->items; item; item = item->next)
        if (item->tree->kind == NODE_PROGRAM && !item->imported && !item->broken && !front->lost)
            builder_add(front->arena, &programs, resolve_program(front, item));
    for (struct item *item = front->items; item; item = item->next) {
        if (item->tree->kind != NODE_KERNEL)
            continue;
        if (!item->launched && !item->imported && !item->broken)
            builder_add(front->arena, &items, resolve_kernel(front, item, item->name, NULL));
        for (struct specialisation *made = front->specialisations; made; made = made->next)
            if (made->item == item)
                builder_add(front->arena, &items, made->kernel);
    }
    check_uncalled(front);
    builder_add_all(front->arena, &items, builder_list(&programs));
    return builder_list(&items);
}

/* The first character of the text behind blanks and comments, and its place; NULL: there is none. */
static const char *first_character(const char *text, size_t length, struct span *place) {
    const char *end = text + length, *line = text;
    while (text < end) {
        bool comment = end - text > 1 && text[0] == '/' && (text[1] == '/' || text[1] == '*');
        if (!comment && !strchr(" \t\r\n\f\v", *text))
            break;
        const char *behind = text + 1;
        if (comment && text[1] == '/')
            while (behind < end && *behind != '\n')
                behind++;
        if (comment && text[1] == '*') {
            behind = text + 2;
            while (behind + 1 < end && !(behind[0] == '*' && behind[1] == '/'))
                behind++;
            behind = behind + 1 < end ? behind + 2 : end;
        }
        for (; text < behind; text++)
            if (*text == '\n') {
                place->line++;
                line = text + 1;
            }
    }
    place->column = (uint32_t)(text - line) + 1;
    place->end_line = place->line;
    place->end_column = place->column + 1;
    return text < end ? text : NULL;
}

/* Another kind of file draws one message, instead of one for each of its tokens. */
static bool begins_as_source(struct diagnostics *diagnostics, const char *path, const char *text,
                             size_t length, struct span place) {
    const char *first = first_character(text, length, &place);
    if (!first || (unsigned char)*first >= 0x80 || isalpha((unsigned char)*first) || *first == '_')
        return true;
    diagnostics_add_source(diagnostics, path, text, length);
    report_error(diagnostics, place,
                 isprint((unsigned char)*first) ? "this is no source: it begins with '%c'"
                                                : "this is no source: it begins with byte %d",
                 *first);
    report_help(diagnostics, (struct span){0},
                *first == '{'
                    ? "a plan.json is judged by `tilec check`, and built again from the source that it names"
                : *first == '#'
                    ? "a comment begins with //, and a .tl file with kernel, def, program or import"
                    : "a .tl file begins with kernel, def, program or import");
    return false;
}

struct node *front_end(struct arena *arena, struct diagnostics *diagnostics, const char *path,
                       const char *text, size_t length, const struct define *defines, size_t define_count) {
    struct front front = {
        .arena = arena, .diagnostics = diagnostics, .defines = defines, .define_count = define_count};
    struct loader loader = {.front = &front, .end = &front.items};
    unsigned errors = diagnostics->error_count;
    uint32_t file = diagnostics->source_count;
    struct span start = {file, 1, 1, 1, 1};
    front.define_used = arena_allocate(arena, define_count + 1);
    if (length > LARGEST_SOURCE) {
        diagnostics_add_source(diagnostics, path, NULL, 0);
        report_error(diagnostics, start, "the file is larger than %d MB", LARGEST_SOURCE >> 20);
        return NULL;
    }
    if (!begins_as_source(diagnostics, path, text, length, start))
        return NULL;
    load(&loader, path, text, length);
    struct node_list items = module_items(&front);
    if (diagnostics->error_count == errors)
        defines_check(&front);
    if (diagnostics->error_count == errors && !items.count)
        report_error(diagnostics, start, "there is no kernel in this file");
    if (diagnostics->error_count != errors)
        return NULL;
    return node_new(arena, module, MODULE, start, .source = arena_intern(arena, path), .items = items);
}
