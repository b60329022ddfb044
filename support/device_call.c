/* The table of device calls: where in the parameters of a call each kind stands follows from their list. */
#include "support/device_call.h"

#include <pthread.h>
#include <string.h>

const struct parameter_info parameter_infos[PARAMETER_END] = {
#define PARAMETER(kind, class, name, maker) [PARAMETER_##kind] = {CLASS_##class, name, DEVICE_CALL_##maker},
#include "support/device_calls.def"
};

const struct call_word call_words[] = {
#define WORD(kind, word, value, metalium) {PARAMETER_##kind, #word, value, metalium},
#include "support/device_calls.def"
};
const size_t call_word_count = sizeof call_words / sizeof *call_words;

/* ---- positions ---- */

/* For each of nine parameters, the list being padded with NONE. */
#define IS(kind, parameter) (PARAMETER_##parameter == PARAMETER_##kind)
#define AT_OF(kind, p1, p2, p3, p4, p5, p6, p7, p8, p9, ...)                                                 \
    (IS(kind, p1)   ? 1                                                                                      \
     : IS(kind, p2) ? 2                                                                                      \
     : IS(kind, p3) ? 3                                                                                      \
     : IS(kind, p4) ? 4                                                                                      \
     : IS(kind, p5) ? 5                                                                                      \
     : IS(kind, p6) ? 6                                                                                      \
     : IS(kind, p7) ? 7                                                                                      \
     : IS(kind, p8) ? 8                                                                                      \
     : IS(kind, p9) ? 9                                                                                      \
                    : 0)
#define IS_LESS(end, parameter) (PARAMETER_##parameter < PARAMETER_##end)
#define COUNT_LESS(end, p1, p2, p3, p4, p5, p6, p7, p8, p9, ...)                                             \
    (IS_LESS(end, p1) + IS_LESS(end, p2) + IS_LESS(end, p3) + IS_LESS(end, p4) + IS_LESS(end, p5) +          \
     IS_LESS(end, p6) + IS_LESS(end, p7) + IS_LESS(end, p8) + IS_LESS(end, p9))
#define COUNT_OF(kind, p1, p2, p3, p4, p5, p6, p7, p8, p9, ...)                                              \
    (IS(kind, p1) + IS(kind, p2) + IS(kind, p3) + IS(kind, p4) + IS(kind, p5) + IS(kind, p6) +               \
     IS(kind, p7) + IS(kind, p8) + IS(kind, p9))
#define KINDS(p1, p2, p3, p4, p5, p6, p7, p8, p9, ...)                                                       \
    {                                                                                                        \
        PARAMETER_##p1, PARAMETER_##p2, PARAMETER_##p3, PARAMETER_##p4, PARAMETER_##p5, PARAMETER_##p6,      \
            PARAMETER_##p7, PARAMETER_##p8, PARAMETER_##p9                                                   \
    }

#define AT(kind, ...) AT_OF(kind, __VA_ARGS__)
#define COUNT(kind, ...) COUNT_OF(kind, __VA_ARGS__)
#define PARAMETERS(...) POSITIONS(__VA_ARGS__, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE)
#define POSITIONS(...)                                                                                       \
    .parameters = KINDS(__VA_ARGS__), .count = CALL_PARAMETER_LIMIT - COUNT(NONE, __VA_ARGS__),              \
    .templates = COUNT_LESS(INDEX, __VA_ARGS__) - COUNT(NONE, __VA_ARGS__),                                  \
    .buffer = AT(BUFFER, __VA_ARGS__), .pages = AT(PAGES, __VA_ARGS__), .address = AT(ADDRESS, __VA_ARGS__), \
    .offset = AT(OFFSET, __VA_ARGS__), .from = AT(FROM, __VA_ARGS__), .target = AT(CORE, __VA_ARGS__) + AT(CORES, __VA_ARGS__),                 \
    .size = AT(BYTES, __VA_ARGS__), .receivers = AT(RECEIVERS, __VA_ARGS__),                                 \
    .linked = AT(LINKED, __VA_ARGS__), .value = AT(VALUE, __VA_ARGS__),                                      \
    .order = AT(SOURCE_ORDER, __VA_ARGS__), .a = AT(BUFFER_A, __VA_ARGS__) + AT(BUFFER_AB, __VA_ARGS__),     \
    .b = AT(BUFFER_B, __VA_ARGS__) + AT(BUFFER_AB, __VA_ARGS__), .out = AT(BUFFER_OUT, __VA_ARGS__),         \
    .tile_a = AT(TILE_A, __VA_ARGS__), .tile_b = AT(TILE_B, __VA_ARGS__),                                    \
    .words = COUNT(POOL, __VA_ARGS__)                                                                        \
                 ? AT(POOL, __VA_ARGS__)                                                                     \
                 : AT(SPREAD, __VA_ARGS__) + AT(DST_FORMAT, __VA_ARGS__) + AT(CAST, __VA_ARGS__),            \
    .word_count = COUNT(POOL, __VA_ARGS__) + COUNT(DIMENSION, __VA_ARGS__) + COUNT(SPREAD, __VA_ARGS__) +    \
                  COUNT(DST_FORMAT, __VA_ARGS__) + COUNT(CAST, __VA_ARGS__),                                 \
    .parameters_shared = AT(TRANSPOSE, __VA_ARGS__), .parameter_count = 4 * COUNT(TRANSPOSE, __VA_ARGS__),   \
    .format = AT(DST_FORMAT, __VA_ARGS__), .rows = AT(ROWS, __VA_ARGS__),                                    \
    .columns = AT(COLUMNS, __VA_ARGS__), .stride = AT(STRIDE, __VA_ARGS__),                                  \
    .transposed = AT(TRANSPOSED, __VA_ARGS__), .constant = AT(CONSTANT, __VA_ARGS__),                        \
    .slot = AT(SLOT, __VA_ARGS__) + AT(SLOT_IN_PLACE, __VA_ARGS__),                                          \
    .source = {AT(SOURCE, __VA_ARGS__) + AT(SLOT_IN_PLACE, __VA_ARGS__),                                     \
               COUNT(SOURCE, __VA_ARGS__) > 1 ? AT(SOURCE, __VA_ARGS__) + 1 : 0,                             \
               COUNT(SOURCE, __VA_ARGS__) > 2 ? AT(SOURCE, __VA_ARGS__) + 2 : 0}
#define NO_PARAMETERS .count = 0

const struct device_call device_calls[DEVICE_CALL_END] = {
#define CALL(call, where, effect, set, file, ...)                                                            \
    [DEVICE_CALL_##call] = {.number = DEVICE_CALL_##call,                                                    \
                            .name = #call,                                                                   \
                            .role = CALL_OF_##where,                                                         \
                            .kind = EFFECT_##effect,                                                         \
                            .init = DEVICE_CALL_##set,                                                       \
                            .header = file,                                                                  \
                            __VA_ARGS__},
#include "support/device_calls.def"
};

/* ---- by name ---- */

enum { PLACES = 512 };
_Static_assert(DEVICE_CALL_END * 2 <= PLACES, "the table is at most half full");

static unsigned short places[PLACES]; /* numbers of calls, by hash */
static pthread_once_t placed = PTHREAD_ONCE_INIT;

static size_t place_of(const char *name) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    size_t place = (hash ^ hash >> 16) % PLACES;
    while (places[place] && strcmp(device_calls[places[place]].name, name) != 0)
        place = (place + 1) % PLACES;
    return place;
}

static void place_all(void) {
    for (int i = DEVICE_CALL_NONE + 1; i < DEVICE_CALL_END; i++)
        places[place_of(device_calls[i].name)] = (unsigned short)i;
}

const struct device_call *device_call_find(const char *name) {
    pthread_once(&placed, place_all);
    int number = places[place_of(name)];
    return number ? &device_calls[number] : NULL;
}

const struct device_call *device_call_acting(const char *name) {
    const struct device_call *call = device_call_find(name);
    return call && device_call_acts(call) ? call : NULL;
}

const struct call_word *call_word_find(const char *word) {
    for (size_t i = 0; i < call_word_count; i++)
        if (strcmp(call_words[i].word, word) == 0)
            return &call_words[i];
    return NULL;
}

bool call_word_fits(const char *word, enum parameter_kind kind) {
    const struct call_word *found = call_word_find(word);
    return found && found->kind == kind && found->metalium;
}

/* ---- functions of the language ---- */

enum {
#define FUNCTION_CALL(function, call) CALL_OF_FUNCTION_##function = DEVICE_CALL_##call,
#include "support/device_calls.def"
};

/* A function without a FUNCTION_CALL does not compile here. */
static const struct {
    const char *function;
    int call;
} function_calls[] = {
#define UNARY_FUNCTION(name, tolerance, slope) {#name, CALL_OF_FUNCTION_##name},
#define BINARY_FUNCTION(name, tolerance, slope) {#name, CALL_OF_FUNCTION_##name},
#include "support/functions.def"
};

const struct device_call *function_call_find(const char *function) {
    for (size_t i = 0; i < sizeof function_calls / sizeof *function_calls; i++)
        if (strcmp(function_calls[i].function, function) == 0)
            return &device_calls[function_calls[i].call];
    return NULL;
}
