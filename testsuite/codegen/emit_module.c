/* Reads device form as text and writes what codegen makes of it: emit_module FILE.ir DIRECTORY. For the tests
 * of emitted files. */
#include <stdio.h>
#include <string.h>

#include "codegen/emit.h"
#include "support/arena.h"
#include "support/diagnostic.h"
#include "support/file.h"
#include "support/text_buffer.h"

enum { FILE_LIMIT = 512 };

struct output {
    struct output_file files[FILE_LIMIT];
    size_t count;
};

static void add(struct output *output, const char *path, const char *text) {
    if (text && output->count < FILE_LIMIT)
        output->files[output->count++] =
            (struct output_file){.path = path, .bytes = text, .length = strlen(text)};
}

static void add_kernel(struct arena *arena, struct output *output, const struct emitted_kernel *kernel) {
    for (enum target target = 0; target < TARGET_COUNT; target++)
        for (size_t role = 0; role < EMITTED_ROLES; role++)
            add(output, arena_printf(arena, "%s/%s", kernel->name, emitted_file_name(target, role)),
                kernel->functions[target][role].text);
    add(output, arena_printf(arena, "%s/host.py", kernel->name), kernel->host);
    add(output, arena_printf(arena, "%s/plan.json", kernel->name), kernel->plan);
}

static int fail(struct diagnostics *diagnostics, const char *message) {
    struct text_buffer text = {0};
    diagnostics_print(diagnostics, SEVERITY_REMARK, false, &text);
    fprintf(stderr, "%s%s", text_string(&text), message ? message : "");
    text_free(&text);
    return 1;
}

int main(int count, char **arguments) {
    struct arena *arena = arena_create();
    struct diagnostics *diagnostics = diagnostics_create(arena);
    const char *error = NULL;
    size_t length;
    char *text = count == 3 ? file_read(arena, arguments[1], &length, &error) : NULL;
    if (!text) {
        fprintf(stderr, "emit_module FILE.ir DIRECTORY%s%s\n", error ? ": " : "", error ? error : "");
        return 2;
    }
    struct node *module =
        module_read(arena, diagnostics, diagnostics_add_source(diagnostics, arguments[1], text, length));
    struct emission emission;
    if (!module || !module_emit(arena, diagnostics, module, &emission))
        return fail(diagnostics, NULL);
    struct output *output = arena_allocate(arena, sizeof *output);
    for (size_t i = 0; i < emission.kernel_count; i++)
        add_kernel(arena, output, &emission.kernels[i]);
    for (size_t i = 0; i < emission.host_count; i++)
        add(output, emission.hosts[i].file, emission.hosts[i].text);
    error = directory_write(arena, arguments[2], output->files, output->count);
    if (error)
        return fail(diagnostics, error);
    arena_free(arena);
    return 0;
}
