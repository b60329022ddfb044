/* Prints a module in device form that makes every call of device_calls.def with every combination of the words that it takes, one
 * kernel for the calls of each header: what codegen makes of it is checked against the real headers, so a row with a wrong header
 * or a wrong number of arguments fails there.
 */
#include <stdio.h>
#include <string.h>

#include "support/device_call.h"

static void print_argument(const struct device_call *call, size_t index) {
    const struct parameter_info *parameter = call_parameter(call, index);
    switch (parameter->class) {
    case CLASS_PAGE:
        printf("page(A, 1, 2)");
        break;
    case CLASS_ACCESSOR:
        printf("A");
        break;
    case CLASS_ADDRESS:
        printf("%s(", device_calls[parameter->maker].name);
        for (size_t i = 0; i < device_calls[parameter->maker].count; i++)
            printf(i ? ", 1" : "1");
        printf(")");
        break;
    default:
        if (call_constant(call, index))
            printf("bits(%.1f)", (double)*call_constant(call, index));
        else
            printf("%s", strncmp(parameter->name, "buffer", 6) == 0 ? "cb_in" : "1");
    }
}

static void print_call(const struct device_call *call, const struct call_word *const *words,
                       unsigned *fresh) {
    printf("        ");
    if (call->kind == EFFECT_VALUE)
        printf("let value_%u: u32 = ", (*fresh)++);
    printf("%s(", call->name);
    for (size_t i = 0; i < call->count; i++) {
        printf("%s", i ? ", " : "");
        if (i < call->templates)
            printf("%s", words[i]->word);
        else
            print_argument(call, i);
    }
    printf(")\n");
}

/* Is it of whole numbers: a call of them, or the init of one? */
static bool is_whole(const struct device_call *call) {
    bool whole = call->whole;
    for (size_t i = 1; i < DEVICE_CALL_END; i++)
        whole |= device_calls[i].whole && device_calls[i].init == call->number &&
                 call->parameters[0] == PARAMETER_DST_FORMAT;
    return whole;
}

/* Does the call take the word as the parameter? Calls of whole numbers take no formats of floats, and the matrix unit folds to no
 * minimum. */
static bool takes(const struct device_call *call, size_t parameter, const struct call_word *word) {
    bool of_floats = strcmp(word->word, "Float32") == 0 || strcmp(word->word, "Float16_b") == 0;
    bool minimum = call->matrix && strcmp(word->word, "MIN") == 0;
    return call_word_fits(word->word, call->parameters[parameter]) && !minimum && !(of_floats && is_whole(call));
}

/* Every choice of words from the given position on. */
static void print_choices(const struct device_call *call, const struct call_word **words, size_t chosen,
                          unsigned *fresh) {
    if (chosen == call->templates) {
        print_call(call, words, fresh);
        return;
    }
    for (size_t i = 0; i < call_word_count; i++) {
        words[chosen] = &call_words[i];
        if (takes(call, chosen, &call_words[i]))
            print_choices(call, words, chosen + 1, fresh);
    }
}

/* The calls of a role that this header declares. */
static void print_function(const char *name, enum call_role role, const char *header) {
    unsigned fresh = 0;
    printf("    function %s %s() {\n        constant cb_in = 0\n", name, name);
    if (role == CALL_OF_DATA)
        printf("        accessor A at get_arg_val(uint32_t, 0) tiles [4, 4]\n");
    for (size_t i = 1; i < DEVICE_CALL_END; i++) {
        const struct device_call *call = &device_calls[i];
        const struct call_word *words[CALL_PARAMETER_LIMIT];
        if ((call->role == CALL_OF_ANY || call->role == role) && call->kind != EFFECT_NOC_ADDRESS &&
            strcmp(call->header, header) == 0)
            print_choices(call, words, 0, &fresh);
    }
    printf("    }\n");
}

/* A kernel for a header, named after it. */
static void print_kernel(const char *header) {
    printf("\nkernel calls_");
    for (const char *at = header; *at; at++)
        putchar(strchr("/.", *at) ? '_' : *at);
    printf(
        "(in A: bf16[128, 128]) @{tt.compute = {fp32_dest_acc_en = 1, math_fidelity = HiFi4, dst_full_sync_en = 0}, tt.core_grid = [1, 1], tt.core_ranges = [{start = [0, 0], extent = [1, 1]}], tt.grid_blocks = [1], tt.runtime_args = {start_id = start()}} {\n");
    print_function("compute", CALL_OF_COMPUTE, header);
    if (!*header) {
        print_function("reader", CALL_OF_DATA, header);
        print_function("writer", CALL_OF_DATA, header);
    }
    printf("}\n");
}

int main(void) {
    printf("source \"every_call.tl\"\n");
    for (size_t i = 1; i < DEVICE_CALL_END; i++) {
        bool first = true;
        for (size_t j = 1; j < i; j++)
            first = first && strcmp(device_calls[i].header, device_calls[j].header) != 0;
        if (first)
            print_kernel(device_calls[i].header);
    }
    return 0;
}
