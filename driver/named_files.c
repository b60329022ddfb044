/* Checks of the files that a command line names, by their identity: see named_files.h. */
#include "driver/named_files.h"

#include <string.h>

#include "ir/launch.h"
#include "support/arena.h"
#include "support/npy.h"

static const struct span no_place;

/* A file of the command line. */
struct named_file {
    const char *option, *name; /* "in", "X"; "", "": the source */
    const char *path;
    struct file_identity identity;
};

struct named_files {
    struct named_file *items;
    size_t count;
};

static const char *who(struct arena *arena, const struct named_file *file) {
    return *file->option ? arena_printf(arena, "that of --%s %s", file->option, file->name) : "the source";
}

static void add(struct arena *arena, struct named_files *files, const char *option, const char *name,
                const char *path) {
    struct named_file file = {.option = option, .name = name, .path = path};
    if (file_identify(arena, path, &file.identity)) {
        files->items[files->count++] = file;
    }
}

static void add_all(struct arena *arena, struct named_files *files, const char *option,
                    const struct bindings *bindings) {
    for (size_t i = 0; i < bindings->count; i++) {
        add(arena, files, option, bindings->items[i].name, bindings->items[i].value);
    }
}

/* The source and the arrays that are read, with room for those that are written. */
static struct named_files files_read(struct session *session) {
    const struct settings *settings = session->settings;
    struct named_files files = {0};
    files.items =
        arena_allocate(session->arena, (settings->in.count + settings->out.count + 1) * sizeof *files.items);
    add(session->arena, &files, "", "", strcmp(settings->input, "-") == 0 ? "/dev/stdin" : settings->input);
    add_all(session->arena, &files, "in", &settings->in);
    return files;
}

/* Is the file that of an inout parameter whose new value the result is? */
static bool is_asked_for(struct node *entry, const char *result, const struct named_file *file) {
    const struct node_parameter *parameter = launch_parameter(entry, result);
    return parameter && parameter->direction == DIRECTION_INOUT && strcmp(file->option, "in") == 0 &&
           strcmp(file->name, result) == 0;
}

/* The file of this identity that must stay as it is; NULL: none. result: what is written there, an --out of
 * the entry; NULL: something else. */
static const struct named_file *find(const struct named_files *files, const struct file_identity *identity,
                                     struct node *entry, const char *result) {
    for (size_t i = 0; i < files->count; i++) {
        if (file_identity_equal(&files->items[i].identity, identity) &&
            !(result && is_asked_for(entry, result, &files->items[i]))) {
            return &files->items[i];
        }
    }
    return NULL;
}

static void report_shared(struct session *session, const char *result, const char *path,
                          const struct named_file *file) {
    struct diagnostics *diagnostics = session->unit.diagnostics;
    report_error(diagnostics, no_place, "--out %s: the file '%s' is %s", result, path,
                 who(session->arena, file));
    if (strcmp(file->option, "in") == 0) {
        report_help(
            diagnostics, no_place,
            "an array is updated in place only where its parameter is inout and no other has the file");
    }
}

static bool check_output(struct session *session, struct node *entry, struct named_files *files,
                         const struct binding *out) {
    struct diagnostics *diagnostics = session->unit.diagnostics;
    struct file_identity identity;
    const char *failure = file_obstacle(session->arena, out->value);
    if (failure) {
        report_error(diagnostics, no_place, "--out %s: %s", out->name, failure);
        return false;
    }
    bool is_file = file_identify(session->arena, out->value, &identity);
    const struct named_file *other = is_file ? find(files, &identity, entry, out->name) : NULL;
    if (other) {
        report_shared(session, out->name, out->value, other);
        return false;
    }
    if (is_file && file_is_foreign(out->value, NPY_MAGIC)) {
        report_error(diagnostics, no_place, "--out %s: the file '%s' is there, and is no .npy file",
                     out->name, out->value);
        report_help(diagnostics, no_place, "remove it, or give another name");
        return false;
    }
    add(session->arena, files, "out", out->name, out->value);
    return true;
}

bool named_files_check(struct session *session, struct node *entry) {
    const struct bindings *out = &session->settings->out;
    struct named_files files = files_read(session);
    bool ok = true;
    for (size_t i = 0; i < out->count; i++) {
        ok &= check_output(session, entry, &files, &out->items[i]);
    }
    return ok;
}

const char *named_files_hit(struct session *session, const char *directory, const struct output_file *outputs,
                            size_t count) {
    struct arena *arena = session->arena;
    struct named_files files = files_read(session);
    add_all(arena, &files, "out", &session->settings->out);
    for (size_t i = 0; i < count; i++) {
        struct file_identity identity;
        const char *path = arena_printf(arena, "%s/%s", directory, outputs[i].path);
        const struct named_file *other =
            file_identify(arena, path, &identity) ? find(&files, &identity, NULL, NULL) : NULL;
        if (other) {
            return arena_printf(arena, "cannot write '%s': it is %s", path, who(arena, other));
        }
    }
    return NULL;
}
