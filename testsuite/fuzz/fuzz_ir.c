/* The reader of IR text on any bytes: a rejection has a diagnostic inside the text; what is read prints, and
 * reads back equal; the verifier ends with a verdict.
 */
#include <stdlib.h>

#include "ir/ir.h"
#include "ir/verify.h"
#include "support/arena.h"
#include "support/text_buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_rejection(const struct diagnostics *diagnostics) {
    if (diagnostics->error_count == 0) {
        abort();
    }
    struct text_buffer text = {0};
    diagnostics_print(diagnostics, SEVERITY_REMARK, true, &text);
    text_free(&text);
}

static void check_module(struct arena *arena, struct diagnostics *diagnostics, struct node *module) {
    struct text_buffer text = {0}, again = {0};
    node_print(module, PRINT_SPANS, &text);
    uint32_t source = diagnostics_add_source(diagnostics, "again.ir", text_string(&text), text.length);
    struct node *back = module_read(arena, diagnostics, source);
    if (!back || !node_equal(module, back)) {
        abort();
    }
    node_print(back, PRINT_SPANS, &again);
    if (again.length != text.length) {
        abort();
    }
    struct node_list items = node_as(module, module)->items;
    for (size_t i = 0; i < items.count; i++) {
        if (items.items[i]->kind == NODE_KERNEL) {
            kernel_verify(arena, diagnostics, items.items[i], kernel_form(items.items[i]));
        }
    }
    programs_verify(arena, diagnostics, module);
    text_free(&text);
    text_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_create();
    struct diagnostics *diagnostics = diagnostics_create(arena);
    const char *text = arena_string_range(arena, (const char *)bytes, size);
    struct node *module =
        module_read(arena, diagnostics, diagnostics_add_source(diagnostics, "fuzz.ir", text, size));
    if (module) {
        check_module(arena, diagnostics, module);
    } else {
        check_rejection(diagnostics);
    }
    arena_free(arena);
    return 0;
}
