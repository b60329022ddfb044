/* Build tool: prints what follows from the table of device calls. `header`: tilec_device.h; `array`: the same
 * as an array of C for the device; `prototypes`: the device's own declarations of its calls; `compute`: the
 * calls of compute, which go to compute_call.
 */
#include <stdio.h>
#include <string.h>

#include "support/device_call.h"

static const char beginning[] =
    "/* What kernels of the embedded device include: the calls of TT-Metalium's kernel API in C. Template arguments are\n"
    " * leading arguments. Every call is a macro that also passes the line it stands on, for messages. Made from\n"
    " * support/device_calls.def. With TILEC_DEVICE_SHARED the calls are pointers that the device fills after loading.\n"
    " */\n"
    "#ifndef TILEC_DEVICE_H\n"
    "#define TILEC_DEVICE_H\n"
    "\n"
    "typedef unsigned char uint8_t;\n"
    "typedef unsigned short uint16_t;\n"
    "typedef unsigned int uint32_t;\n"
    "typedef unsigned long long uint64_t;\n"
    "typedef int int32_t;\n"
    "typedef _Bool bool;\n"
    "enum { false, true };\n"
    "\n"
    "/* Words that are template arguments in C++. */\n"
    "enum {\n";

static const char middle[] =
    "};\n"
    "\n"
    "/* A tensor: const TensorAccessor A = tensor_accessor(0, A_address); with the ordinal of its binding. */\n"
    "typedef struct {\n"
    "    uint32_t ordinal;\n"
    "} TensorAccessor;\n"
    "\n"
    "void kernel_main(void);\n"
    "\n";

static const char end[] =
    "\n"
    "static inline TensorAccessor device_make_accessor(uint32_t line, uint32_t ordinal, uint32_t address)\n"
    "{\n"
    "    const TensorAccessor accessor = {ordinal};\n"
    "    device_tensor_accessor(line, ordinal, address);\n"
    "    return accessor;\n"
    "}\n"
    "\n"
    "static inline uint32_t min(uint32_t a, uint32_t b)\n"
    "{\n"
    "    return a < b ? a : b;\n"
    "}\n"
    "\n"
    "static inline uint32_t max(uint32_t a, uint32_t b)\n"
    "{\n"
    "    return a > b ? a : b;\n"
    "}\n"
    "\n"
    "static inline uint32_t bits(int32_t number)\n"
    "{\n"
    "    union {\n"
    "        float value;\n"
    "        uint32_t bits;\n"
    "    } word = {number};\n"
    "    return word.bits;\n"
    "}\n"
    "\n"
    "#define tensor_accessor(ordinal, address) device_make_accessor(__LINE__, ordinal, address)\n"
    "\n"
    "#endif\n";

static int as_array;
static unsigned column;

static void emit(const char *text) {
    if (!as_array) {
        fputs(text, stdout);
        return;
    }
    for (; *text; ++text)
        printf(++column % 24 == 0 ? "%d,\n    " : "%d, ", *text);
}

static const char *result_of(const struct device_call *call) {
    return call->kind == EFFECT_VALUE ? "uint32_t" : call->kind == EFFECT_NOC_ADDRESS ? "uint64_t" : "void";
}

/* The name of a parameter: with a number where the call has several of the kind. */
static const char *parameter_name(const struct device_call *call, size_t index, char *text, size_t size) {
    unsigned same = 0, before = 0;
    for (size_t i = 0; i < call->count; ++i) {
        same += call->parameters[i] == call->parameters[index];
        before += i < index && call->parameters[i] == call->parameters[index];
    }
    snprintf(text, size, same > 1 ? "%s_%u" : "%s", call_parameter(call, index)->name, before);
    return text;
}

/* A type is no argument of the device: the macro gives its result that type. */
static int is_type(const struct device_call *call, size_t index) {
    return call->parameters[index] == PARAMETER_TYPE;
}

/* void device_name(uint32_t line, ...); or with a star the pointer of that type. */
static void emit_prototype(const struct device_call *call, int pointer) {
    char text[1024], name[64];
    size_t used = (size_t)snprintf(text, sizeof text, "%s %sdevice_%s%s(uint32_t line", result_of(call),
                                   pointer ? "(*" : "", call->name, pointer ? ")" : "");
    for (size_t i = 0; i < call->count; ++i)
        if (!is_type(call, i))
            used += (size_t)snprintf(text + used, sizeof text - used, ", uint%d_t %s",
                                     call_parameter(call, i)->class == CLASS_ADDRESS ? 64 : 32,
                                     parameter_name(call, i, name, sizeof name));
    snprintf(text + used, sizeof text - used, ");\n");
    emit(text);
}

static void emit_macro(const struct device_call *call) {
    char text[1024], name[64];
    size_t used = (size_t)snprintf(text, sizeof text, "#define %s(", call->name);
    for (size_t i = 0; i < call->count; ++i)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "",
                                 parameter_name(call, i, name, sizeof name));
    int cast = call->count && is_type(call, 0);
    used += (size_t)snprintf(text + used, sizeof text - used, ") %sdevice_%s(__LINE__", cast ? "((type)" : "",
                             call->name);
    for (size_t i = 0; i < call->count; ++i)
        if (!is_type(call, i))
            used +=
                (size_t)snprintf(text + used, sizeof text - used,
                                 call_parameter(call, i)->class == CLASS_ACCESSOR ? ", (%s).ordinal" : ", %s",
                                 parameter_name(call, i, name, sizeof name));
    snprintf(text + used, sizeof text - used, ")%s\n", cast ? ")" : "");
    emit(text);
}

static void emit_prototypes(int pointer) {
    emit(pointer ? "void (*device_loop)(uint32_t loop, uint32_t value, uint32_t holds);\n"
                 : "void device_loop(uint32_t loop, uint32_t value, uint32_t holds);\n");
    emit(pointer ? "void (*device_tensor_accessor)(uint32_t line, uint32_t ordinal, uint32_t address);\n"
                 : "void device_tensor_accessor(uint32_t line, uint32_t ordinal, uint32_t address);\n");
    for (size_t i = 1; i < DEVICE_CALL_END; ++i)
        emit_prototype(&device_calls[i], pointer);
}

static void emit_words(void) {
    char text[128];
    for (size_t i = 0; i < call_word_count; ++i) {
        if (call_words[i].kind == PARAMETER_TYPE)
            continue;
        snprintf(text, sizeof text, "    %s = %u,\n", call_words[i].word, (unsigned)call_words[i].value);
        emit(text);
    }
}

static void emit_header(void) {
    emit(beginning);
    emit_words();
    emit(middle);
    emit("#ifdef TILEC_DEVICE_SHARED\n");
    emit_prototypes(1);
    emit("#else\n");
    emit_prototypes(0);
    emit("#endif\n\n");
    for (size_t i = 1; i < DEVICE_CALL_END; ++i)
        emit_macro(&device_calls[i]);
    emit(end);
}

/* An operation of a unit has a meaning of its own; what other calls do follows from their rows. */
static int has_meaning(const struct device_call *call) {
    return call->kind == EFFECT_OPERATION || call->kind == EFFECT_VECTOR;
}

static void print_prototypes(void) {
    puts("struct compute_call;");
    emit_prototypes(0);
    for (size_t i = 1; i < DEVICE_CALL_END; ++i)
        if (has_meaning(&device_calls[i]) && device_calls[i].meaning)
            printf("void mean_%s(const struct compute_call *call);\n", device_calls[i].meaning);
}

static void print_compute_call(const struct device_call *call) {
    char name[64];
    printf("\nvoid device_%s(uint32_t line", call->name);
    for (size_t i = 0; i < call->count; ++i)
        printf(", uint32_t %s", parameter_name(call, i, name, sizeof name));
    printf(") {\n    const uint32_t arguments[] = {");
    for (size_t i = 0; i < call->count; ++i)
        printf("%s, ", parameter_name(call, i, name, sizeof name));
    printf("0};\n    compute_call(line, &device_calls[DEVICE_CALL_%s], arguments, %s%s);\n}\n", call->name,
           has_meaning(call) ? "mean_" : "NULL", has_meaning(call) ? call->meaning : "");
}

static int print_compute(void) {
    int failures = 0;
    puts("#include \"sim/calls.h\"\n#include \"sim/compute.h\"");
    for (size_t i = 1; i < DEVICE_CALL_END; ++i) {
        const struct device_call *call = &device_calls[i];
        if (has_meaning(call) && !call->meaning) {
            fprintf(stderr, "device_calls.def: %s has no .meaning\n", call->name);
            failures = 1;
        } else if (call->role == CALL_OF_COMPUTE) {
            print_compute_call(call);
        }
    }
    return failures;
}

int main(int argument_count, char **arguments) {
    const char *what = argument_count == 2 ? arguments[1] : "";
    if (strcmp(what, "compute") == 0)
        return print_compute();
    if (strcmp(what, "prototypes") == 0) {
        print_prototypes();
        return 0;
    }
    as_array = strcmp(what, "array") == 0;
    if (as_array)
        fputs("#include \"sim/device.h\"\n\nconst char device_runtime_header[] = {\n    ", stdout);
    emit_header();
    if (as_array)
        fputs("0};\n", stdout);
    return 0;
}
