/* libFuzzer target of the front end: any bytes are a .tl file. What it rejects has an error inside the file;
 * what it accepts is a module that prints, reads back equal, and prints the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grammar/front.h"
#include "ir/ir.h"
#include "ir/verify.h"
#include "support/text_buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what) {
    if (condition)
        return;
    fprintf(stderr, "fuzz_tl: %s\n", what);
    abort();
}

static void check_rejection(const struct diagnostics *diagnostics, const uint8_t *data, size_t size) {
    uint32_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    require(diagnostics->error_count > 0, "rejected without an error");
    for (const struct diagnostic *one = diagnostics->first; one; one = one->next) {
        require(one->span.file < diagnostics->source_count, "a diagnostic of no file");
        require(one->span.file != 0 || (one->span.line >= 1 && one->span.line <= lines),
                "a diagnostic outside the file");
        require(one->span.column >= 1 && one->span.column <= size + 1, "a column outside the file");
    }
}

static void check_module(struct arena *arena, struct diagnostics *diagnostics, struct node *module) {
    struct text_buffer text = {0};
    node_print(module, PRINT_SPANS, &text);
    uint32_t source = diagnostics_add_source(diagnostics, "printed.ir", text_string(&text), text.length);
    struct node *back = module_read(arena, diagnostics, source);
    require(back != NULL, "the printed module does not read back");
    require(node_equal(module, back), "the module that was read back differs");
    struct node_list items = node_as(module, module)->items;
    for (size_t i = 0; i < items.count; i++)
        require(items.items[i]->kind != NODE_KERNEL ||
                    kernel_verify(arena, diagnostics, items.items[i], FORM_LOOP),
                "a kernel does not verify");
    text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_create();
    struct diagnostics *diagnostics = diagnostics_create(arena);
    char *text = arena_string_range(arena, (const char *)data, size);
    struct text_buffer messages = {0};
    struct node *module = front_end(arena, diagnostics, "fuzz.tl", text, size, NULL, 0);
    diagnostics_print(diagnostics, SEVERITY_REMARK, true, &messages);
    text_free(&messages);
    if (module)
        check_module(arena, diagnostics, module);
    else
        check_rejection(diagnostics, data, size);
    arena_free(arena);
    return 0;
}
