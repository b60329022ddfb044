/* libFuzzer target of the whole compiler: the bytes are the choices of a random program, which must keep
 * every promise that its judge asks. */
#include <stdio.h>
#include <stdlib.h>

#include "support/arena.h"
#include "testsuite/random/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_create();
    struct choices choices = {.bytes = bytes, .count = size};
    struct random_program *program = program_make(arena, &choices);
    struct outcome_report report = {0};
    random_program_judge(arena, program, CHECK_QUICK, &report);
    if (report.outcome > OUTCOME_OWED) {
        fprintf(stderr, "%s: %s\n%s", outcome_name(report.outcome), report.reason,
                program_text(arena, program));
        abort();
    }
    arena_free(arena);
    return 0;
}
