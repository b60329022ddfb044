/* The reader and the rules of plan.json on any bytes: a fault is reported, and what is read prints as a text
 * that reads and prints the same again. */
#include <stdlib.h>
#include <string.h>

#include "codegen/plan_check.h"
#include "support/arena.h"
#include "support/text_buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_create();
    struct diagnostics *diagnostics = diagnostics_create(arena);
    struct text_buffer first = {0}, second = {0};
    struct plan_facts facts;
    const char *text = arena_string_range(arena, (const char *)bytes, size);
    struct json_value *value =
        json_read(arena, diagnostics, diagnostics_add_source(diagnostics, "plan.json", text, size));
    if (!value && !diagnostics->error_count) {
        abort();
    }
    if (value) {
        plan_check(arena, diagnostics, value, &facts);
        json_print(value, &first);
        text = arena_string(arena, text_string(&first));
        value = json_read(arena, diagnostics,
                          diagnostics_add_source(diagnostics, "again.json", text, first.length));
        if (!value) {
            abort();
        }
        json_print(value, &second);
        if (strcmp(text, text_string(&second)) != 0) {
            abort();
        }
    }
    text_free(&first);
    text_free(&second);
    arena_free(arena);
    return 0;
}
