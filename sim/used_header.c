/* The part of the runtime header that one kernel uses. Reading the whole header takes the compiler longer
 * than reading the kernel; a call whose name the kernel never spells can be left out.
 */
#include "sim/used_header.h"

#include "sim/device.h"

static uint32_t hash_name(const char *name, size_t length) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; ++i)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return (hash ^ hash >> 16) % USED_NAME_BITS;
}

static void add_name(struct used_names *names, const char *name, size_t length) {
    uint32_t hash = hash_name(name, length);
    names->bits[hash / 64] |= (uint64_t)1 << hash % 64;
}

static bool is_of_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t name_length(const char *text) {
    size_t length = 0;
    while (is_of_name(text[length]))
        ++length;
    return length;
}

void used_names_collect(struct used_names *names, const char *text) {
    memset(names, 0, sizeof *names);
    while (*text) {
        size_t length = name_length(text);
        if (length > 0)
            add_name(names, text, length);
        text += length > 0 ? length : 1;
    }
    add_name(names, "tensor_accessor", strlen("tensor_accessor")); /* the header itself calls it */
    add_name(names, "loop", strlen("loop"));                       /* loops.c puts its calls in */
}

bool used_names_have(const struct used_names *names, const char *name) {
    uint32_t hash = hash_name(name, name_length(name));
    return names->bits[hash / 64] >> hash % 64 & 1;
}

/* The call that a line of the header declares, or NULL for other lines. */
static const char *declared_call(const char *line) {
    static const char *const beginnings[] = {"#define ", "void device_", "uint32_t device_",
                                             "uint64_t device_"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; ++i) {
        size_t length = strlen(beginnings[i]);
        if (strncmp(line, beginnings[i], length) == 0)
            return line + length;
    }
    return NULL;
}

void used_header_copy(const struct used_names *names, char *out) {
    bool keep = true, continued = false;
    for (const char *line = device_runtime_header; *line;) {
        size_t length = strcspn(line, "\n") + 1;
        const char *call = continued ? NULL : declared_call(line);
        if (call)
            keep = used_names_have(names, call);
        else if (!continued)
            keep = true;
        if (keep) {
            memcpy(out, line, length);
            out += length;
        }
        continued = length >= 2 && line[length - 2] == '\\';
        line += length;
    }
    *out = '\0';
}
