/* The rules of plan.json on any bytes: a fault is reported. */
#include <stdlib.h>

#include "codegen/plan_check.h"
#include "support/arena.h"
#include "support/diagnostic.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_create();
    struct diagnostics *diagnostics = diagnostics_create(arena);
    struct plan_facts facts;
    const char *text = arena_string_range(arena, (const char *)bytes, size);
    uint32_t source = diagnostics_add_source(diagnostics, "plan.json", text, size);
    if (plan_check(arena, diagnostics, source, &facts) != (diagnostics->error_count == 0)) {
        abort();
    }
    arena_free(arena);
    return 0;
}
