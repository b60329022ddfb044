/* Rules of the sources that no compiler checks: who spells attribute keys, and what code generation may look
 * at. */
#include <ctype.h>
#include <dirent.h>
#include <string.h>

#include "ir/attributes.h"
#include "support/arena.h"
#include "support/file.h"
#include "testsuite/unit/unit.h"

static const char *const folders[] = {"support",    "ir",      "grammar", "analysis", "proofs",
                                      "transforms", "codegen", "sim",     "driver",   "include"};

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

typedef void visitor(const char *path, const char *text, void *context); /* of one source */

/* Visits every source of a folder; returns how many there are. */
static int each_source(struct arena *arena, const char *folder, visitor *visit, void *context) {
    DIR *directory = opendir(arena_printf(arena, "%s/%s", SOURCES, folder));
    ck_assert_msg(directory != NULL, "there is no folder %s", folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        const char *path = arena_printf(arena, "%s/%s", folder, entry->d_name), *error;
        size_t length;
        if (!ends_with(path, ".c") && !ends_with(path, ".h") && !ends_with(path, ".def") &&
            !ends_with(path, ".py"))
            continue;
        const char *text = file_read(arena, arena_printf(arena, "%s/%s", SOURCES, path), &length, &error);
        ck_assert_msg(text != NULL, "%s", error);
        visit(path, text, context);
        count++;
    }
    closedir(directory);
    return count;
}

/* ---- attribute keys ---- */

/* The literal that begins at the quote; its end. */
static const char *literal_end(const char *quote) {
    const char *at = quote + 1;
    while (*at && *at != '"' && *at != '\n')
        at += *at == '\\' && at[1] ? 2 : 1;
    return at;
}

/* Keys of passes begin with `tt.`; whoever needs one says KEY_..., also within a message. Words of prose for
 * people stand in the tables. */
static void look_for_keys(const char *path, const char *text, void *context) {
    struct arena *arena = context;
    if (strcmp(path, "ir/attributes.def") == 0 || strcmp(path, "transforms/passes.def") == 0)
        return;
    for (const char *at = text; *at; at++) {
        if (at[0] == '/' && at[1] == '*') { /* a comment */
            at = strstr(at, "*/");
            ck_assert_ptr_nonnull(at);
        } else if (at[0] == '\'' && at[1] == '"') { /* a quote as a character */
            at += 2;
        } else if (*at == '"') {
            const char *end = literal_end(at);
            const char *literal = arena_string_range(arena, at, (size_t)(end - at)),
                       *key = strstr(literal, "tt.");
            ck_assert_msg(!key || isalnum((unsigned char)key[-1]), "%s spells an attribute key: %s\"", path,
                          literal);
            at = *end ? end : end - 1;
        }
    }
}

START_TEST(attribute_keys_stand_in_one_table) {
    struct arena *arena = arena_create();
    int count = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        count += each_source(arena, folders[i], look_for_keys, arena);
    ck_assert_int_gt(count, 150);
    arena_free(arena);
}
END_TEST

/* No two constants share a key with the same owner, so that none shadows another. */
START_TEST(every_key_has_one_row) {
    static const struct {
        const char *key, *owner;
    } rows[] = {
#define ATTRIBUTE(NAME, key, owner, shape, sentence) {key, owner},
#include "ir/attributes.def"
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_msg(strcmp(rows[i].key, rows[k].key) != 0 || strcmp(rows[i].owner, rows[k].owner) != 0,
                          "%s stands twice", rows[i].key);
}
END_TEST

/* ---- who sees what ---- */

struct layer {
    const char *const *allowed; /* prefixes of what it includes */
    size_t count;
};

static void look_at_includes(const char *path, const char *text, void *context) {
    const struct layer *layer = context;
    for (const char *at = strstr(text, "#include \""); at; at = strstr(at + 1, "#include \"")) {
        const char *name = at + strlen("#include \"");
        bool allowed = false;
        for (size_t i = 0; i < layer->count; i++)
            allowed = allowed || strncmp(name, layer->allowed[i], strlen(layer->allowed[i])) == 0;
        ck_assert_msg(allowed, "%s includes %.*s", path, (int)strcspn(name, "\""), name);
    }
}

START_TEST(code_generation_includes_no_analysis) {
    static const char *const allowed[] = {"codegen/", "ir/", "support/"};
    struct arena *arena = arena_create();
    ck_assert_int_gt(each_source(arena, "codegen", look_at_includes, &(struct layer){allowed, 3}), 5);
    arena_free(arena);
}
END_TEST

START_TEST(the_device_includes_nothing_of_the_compiler) {
    static const char *const allowed[] = {"sim/", "support/"};
    struct arena *arena = arena_create();
    ck_assert_int_gt(each_source(arena, "sim", look_at_includes, &(struct layer){allowed, 2}), 5);
    arena_free(arena);
}
END_TEST

/* What would be a decision: a match of trees, a simplification under facts, a name taken apart. */
static void look_for_decisions(const char *path, const char *text, void *context) {
    static const char *const words[] = {"node_equal(", "suggest_nearest(", "isl_",
                                        "has_suffix",  "has_prefix",       "strrchr("};
    (void)context;
    bool prints = ends_with(path, "print_kernel.c") || ends_with(path, "spelling.c") ||
                  ends_with(path, "host.c") || ends_with(path, "host_kernel.c") ||
                  ends_with(path, "plan_json.c") || ends_with(path, "emit.c");
    for (size_t i = 0; prints && i < sizeof words / sizeof *words; i++)
        ck_assert_msg(!strstr(text, words[i]), "%s uses %s", path, words[i]);
}

START_TEST(code_generation_matches_no_patterns) {
    struct arena *arena = arena_create();
    ck_assert_int_gt(each_source(arena, "codegen", look_for_decisions, NULL), 5);
    arena_free(arena);
}
END_TEST

UNIT_MAIN("policy", attribute_keys_stand_in_one_table, every_key_has_one_row,
          code_generation_includes_no_analysis, the_device_includes_nothing_of_the_compiler,
          code_generation_matches_no_patterns)
