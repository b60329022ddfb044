/* How a device call is written: what may stand for each of its parameters, from its row. */
#include "ir/call_usage.h"

#include "ir/build.h"
#include "ir/ir.h"

const char *call_words_text(struct arena *arena, enum parameter_kind kind) {
    const char *text = "";
    for (size_t i = 0; i < call_word_count; i++)
        if (call_words[i].kind == kind && call_words[i].metalium)
            text = arena_printf(arena, "%s%s%s", text, *text ? " or " : "", call_words[i].word);
    return text;
}

const char *device_call_usage(struct arena *arena, const struct device_call *call) {
    const char *text = arena_printf(arena, "%s(", call->name);
    for (size_t i = 0; i < call->count; i++) {
        const struct parameter_info *parameter = call_parameter(call, i);
        const float *constant = call_constant(call, i);
        const char *one = parameter->class == CLASS_WORD ? call_words_text(arena, call->parameters[i])
                          : constant
                              ? arena_printf(arena, "bits(%s)", node_text(arena, make_real(arena, *constant)))
                              : parameter->name;
        text = arena_printf(arena, "%s%s%s", text, i ? ", " : "", one);
    }
    return arena_printf(arena, "%s)", text);
}
