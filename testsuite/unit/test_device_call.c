/* The table of device calls: each row has all that its effect asks for, and says so by name where it has not. */
#include "support/device_call.h"

#include "support/scalar.h"
#include "testsuite/unit/unit.h"

/* Whether a demand holds, and what is missing otherwise. */
#define DEMAND(holds, what) ck_assert_msg(holds, "%s has no %s", call->name, what)

static const struct device_call *init_of(const struct device_call *call) {
    return &device_calls[call->init];
}

static void check_row(const struct device_call *call) {
    ck_assert_ptr_eq(device_call_find(call->name), call);
    if (call->role == CALL_OF_COMPUTE)
        DEMAND(*call->header, "header");
    for (size_t i = 0; i < call->count; i++)
        if (call_parameter(call, i)->class == CLASS_WORD)
            ck_assert_msg(i < call->templates, "%s: words come first", call->name);
    switch (call->kind) {
    case EFFECT_NONE:
        DEMAND(false, "effect");
        break;
    case EFFECT_RESERVE:
    case EFFECT_PUSH:
    case EFFECT_WAIT:
    case EFFECT_POP:
        DEMAND(call->buffer && call->pages, "buffer and pages");
        break;
    case EFFECT_READ_PART:
    case EFFECT_WRITE_PART:
        DEMAND(call->address && call->offset && call->size, "address, offset in the page and bytes");
        break;
    case EFFECT_STORE:
        DEMAND(call->bytes, "number of bytes");
        DEMAND(!call->value != !call->from, "value, or place to copy from");
        /* fallthrough */
    case EFFECT_READ_PAGE:
    case EFFECT_WRITE_PAGE:
        DEMAND(call->address, "address");
        break;
    case EFFECT_INIT:
        ck_assert_msg(call->init == call->number, "%s is not the init of itself", call->name);
        DEMAND(call->a, "buffer");
        ck_assert_msg(call->word_count + call->parameter_count + 2 * call->same_buffers <= CALL_KEY_LIMIT,
                      "the calls of %s repeat more than %d arguments", call->name, CALL_KEY_LIMIT);
        break;
    case EFFECT_VECTOR_INIT:
        ck_assert_msg(call->init == call->number, "%s is not the init of itself", call->name);
        break;
    case EFFECT_UNINIT:
        DEMAND(init_of(call)->kind == EFFECT_INIT, "init");
        break;
    case EFFECT_OPERATION:
        DEMAND(init_of(call)->kind == EFFECT_INIT, "init");
        DEMAND(call->a && call->tile_a && call->slot, "buffer, tile and slot");
        DEMAND(call->meaning, "meaning");
        ck_assert_msg(!call->a == !init_of(call)->a && !call->b == !init_of(call)->b &&
                          call->word_count == init_of(call)->word_count &&
                          call->parameter_count == init_of(call)->parameter_count &&
                          call->matrix == init_of(call)->matrix && call->swaps == init_of(call)->swaps &&
                          call->same_buffers == init_of(call)->same_buffers,
                      "%s differs from %s in what both say", call->name, init_of(call)->name);
        break;
    case EFFECT_VECTOR:
        DEMAND(init_of(call)->kind == EFFECT_VECTOR_INIT, "init");
        DEMAND(call->slot, "slot");
        DEMAND(call->meaning, "meaning");
        break;
    default:
        break;
    }
}

START_TEST(every_row_is_whole) {
    for (int i = 1; i < DEVICE_CALL_END; i++) {
        ck_assert_int_eq((int)device_calls[i].number, i);
        check_row(&device_calls[i]);
    }
}
END_TEST

START_TEST(every_init_has_its_calls) {
    for (int i = 1; i < DEVICE_CALL_END; i++) {
        const struct device_call *init = &device_calls[i];
        bool used = init->kind != EFFECT_INIT && init->kind != EFFECT_VECTOR_INIT;
        for (int j = 1; j < DEVICE_CALL_END; j++)
            used |= device_calls[j].init == init->number && device_calls[j].meaning;
        ck_assert_msg(used, "%s is the init of no call", init->name);
    }
}
END_TEST

START_TEST(every_word_may_stand_somewhere) {
    for (size_t w = 0; w < call_word_count; w++) {
        const struct call_word *word = &call_words[w];
        bool found = false;
        for (size_t i = 1; i < DEVICE_CALL_END; i++)
            for (size_t j = 0; j < device_calls[i].count; j++)
                found |= device_calls[i].parameters[j] == word->kind;
        ck_assert_msg(found, "%s is a word for no parameter", word->word);
        ck_assert(call_word_fits(word->word, word->kind) == (word->metalium != NULL));
        ck_assert(!call_word_fits(word->word, PARAMETER_INDEX));
    }
}
END_TEST

START_TEST(every_function_has_its_call) {
    for (size_t i = 0; i < language_function_count; i++) {
        const struct device_call *call = function_call_find(language_functions[i].name);
        ck_assert_msg(call && call->kind == EFFECT_VECTOR, "%s", language_functions[i].name);
        ck_assert_msg((call->source[1] != 0) == (language_functions[i].arity == 2), "%s", call->name);
    }
    ck_assert_ptr_null(function_call_find("select"));
    ck_assert_ptr_null(device_call_find("mm_init"));
    ck_assert_ptr_null(device_call_find(""));
    ck_assert_ptr_null(device_call_acting("get_write_ptr"));
    ck_assert_ptr_nonnull(device_call_acting("copy_tile"));
}
END_TEST

UNIT_MAIN("device_call", every_row_is_whole, every_init_has_its_calls, every_word_may_stand_somewhere,
          every_function_has_its_call)
