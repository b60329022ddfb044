/* Build tool: prints tilec_device.h, or with an argument the same as an array of C for the device. */
#include <stdio.h>
#include <string.h>

static const char beginning[] =
    "/* What kernels of the embedded device include: the calls of TT-Metalium's kernel API in C. Template arguments are\n"
    " * leading arguments. Every call is a macro that also passes the line it stands on, for messages. Made from\n"
    " * sim/calls.def. With TILEC_DEVICE_SHARED the calls are pointers that the device fills after loading.\n"
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
    "#define get_arg_val(type, index) ((type)device_get_arg_val(__LINE__, index))\n"
    "#define noc_async_read_page(page, accessor, address) \\\n"
    "    device_noc_async_read_page(__LINE__, page, (accessor).ordinal, address)\n"
    "#define noc_async_write_page(page, accessor, address) \\\n"
    "    device_noc_async_write_page(__LINE__, page, (accessor).ordinal, address)\n"
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

/* void device_name(uint32_t line, ...); or with a star the pointer of that type. */
static void emit_typed_prototype(const char *result, const char *name, const char *parameters, int pointer) {
    char text[1024];
    snprintf(text, sizeof text, "%s %sdevice_%s%s(uint32_t line%s%s);\n", result, pointer ? "(*" : "", name,
             pointer ? ")" : "", *parameters ? ", " : "", parameters);
    emit(text);
}

/* A list "a, b" with a type before each item; type "": a list "uint32_t a, uint64_t b" without its types. */
static void retype(const char *list, const char *type, char *out, size_t size) {
    size_t used = 0;
    out[0] = 0;
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ","), skipped = *type ? 0 : strcspn(at, " ") + 1;
        used += (size_t)snprintf(out + used, size - used, "%s%s%.*s", used ? ", " : "", type,
                                 (int)(length - skipped), at + skipped);
        at += length;
        at += strspn(at, ", ");
    }
}

static void emit_prototype(const char *result, const char *name, const char *parameters, int pointer) {
    char typed[512];
    retype(parameters, "uint32_t ", typed, sizeof typed);
    emit_typed_prototype(result, name, typed, pointer);
}

static void emit_macro(const char *name, const char *parameters) {
    char text[1024];
    snprintf(text, sizeof text, "#define %s(%s) device_%s(__LINE__%s%s)\n", name, parameters, name,
             *parameters ? ", " : "", parameters);
    emit(text);
}

static void emit_typed_macro(const char *name, const char *parameters) {
    char names[512];
    retype(parameters, "", names, sizeof names);
    emit_macro(name, names);
}

static void emit_prototypes(int pointer) {
    emit_prototype("uint32_t", "get_arg_val", "index", pointer);
    emit_prototype("void", "tensor_accessor", "ordinal, address", pointer);
    emit_prototype("void", "noc_async_read_page", "page, ordinal, address", pointer);
    emit_prototype("void", "noc_async_write_page", "page, ordinal, address", pointer);
#define DEVICE_CALL(result, name, count, parameters) emit_prototype(#result, #name, parameters, pointer);
#define DEVICE_TYPED_CALL(name, ...) emit_typed_prototype("void", #name, #__VA_ARGS__, pointer);
#include "sim/calls.def"
}

int main(int argument_count, char **arguments) {
    (void)arguments;
    char text[128];
    as_array = argument_count > 1;
    if (as_array)
        fputs("#include \"sim/device.h\"\n\nconst char device_runtime_header[] = {\n    ", stdout);
    emit(beginning);
#define DEVICE_WORD(word, value)                                                                             \
    snprintf(text, sizeof text, "    %s = %d,\n", #word, value);                                             \
    emit(text);
#include "sim/calls.def"
    emit(middle);
    emit("#ifdef TILEC_DEVICE_SHARED\n");
    emit_prototypes(1);
    emit("#else\n");
    emit_prototypes(0);
    emit("#endif\n\n");
#define DEVICE_CALL(result, name, count, parameters) emit_macro(#name, parameters);
#define DEVICE_TYPED_CALL(name, ...) emit_typed_macro(#name, #__VA_ARGS__);
#include "sim/calls.def"
    emit(end);
    if (as_array)
        fputs("0};\n", stdout);
    return 0;
}
