/* libFuzzer target of the whole compiler: the bytes choose a program of the generator, which must keep every
 * promise that check_program asks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/arena.h"
#include "testsuite/run/check_program.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_create();
    struct choices choices = {.bytes = bytes, .count = size};
    struct generated program = program_generate(arena, &choices, FAMILY_COUNT);
    struct judgement judgement = program_check(arena, &program);
    if (judgement.verdict == VERDICT_BROKEN || (judgement.verdict == VERDICT_REFUSED && program.owed)) {
        fprintf(stderr, "%s: %s\n%s", family_name(program.family), judgement.reason, program.text);
        for (size_t i = 0; i < program.size_count; i++) {
            fprintf(stderr, " %s=%lld", program.sizes[i].name, (long long)program.sizes[i].value);
        }
        fprintf(stderr, " grid %ux%u\n", program.grid_x, program.grid_y);
        abort();
    }
    arena_free(arena);
    return 0;
}
