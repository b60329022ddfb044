/* Turns a kernel's text into code: by libtcc within the process, or by a C compiler as a shared object.
 *
 * The text is compiled as it is written to disk, except that the include of tilec_device.h is replaced by the
 * header's text, so that no file is needed; lines keep their numbers. Any warning counts as an error.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libtcc.h>

#include "sim/calls.h"
#include "sim/core.h"
#include "sim/used_header.h"

#define INCLUDE_LINE "#include \"tilec_device.h\""

const struct call_symbol call_symbols[] = {
#define CALL(name, role, effect, init, header, ...) {"device_" #name, (void (*)(void))device_##name},
#include "support/device_calls.def"
    {"device_tensor_accessor", (void (*)(void))device_tensor_accessor},
    {"device_loop", (void (*)(void))device_loop},
};

const size_t call_symbol_count = sizeof call_symbols / sizeof call_symbols[0];

/* ISO C has no conversion between functions and objects; POSIX gives both one representation. */
static void *object_pointer(void (*function)(void)) {
    void *pointer;
    memcpy(&pointer, &function, sizeof pointer);
    return pointer;
}

static void (*function_pointer(void *pointer))(void) {
    void (*function)(void);
    memcpy(&function, &pointer, sizeof function);
    return function;
}

/* The beginning of the line that includes the runtime header; NULL when there is none. */
static const char *find_include(const char *text) {
    for (const char *at = text; (at = strstr(at, INCLUDE_LINE)) != NULL; ++at) {
        if (at == text || at[-1] == '\n')
            return at;
    }
    return NULL;
}

/* The number of the first line that includes another file; 0: there is none. */
static uint32_t find_foreign_include(const char *text) {
    uint32_t line = 1;
    for (; *text; ++line) {
        size_t length = strcspn(text, "\n");
        const char *at = text + strspn(text, " \t");
        if (*at == '#' && strncmp(at + 1 + strspn(at + 1, " \t"), "include", 7) == 0 &&
            strncmp(text, INCLUDE_LINE, strlen(INCLUDE_LINE)) != 0)
            return line;
        text += length + (text[length] != '\0');
    }
    return 0;
}

static void report(struct device_run *run, enum device_role role, const char *message) {
    fault_launch(run, DEVICE_FAULT_COMPILE, "%s", message);
    run->fault->role = role;
    run->fault->kernel = run->launch->kernels[role].name;
}

/* In process. */

struct messages {
    char text[512];
};

/* Keeps the first message, without the chain of includes before it. */
static void collect_message(void *opaque, const char *message) {
    struct messages *messages = opaque;
    const char *last = strrchr(message, '\n');
    if (!messages->text[0])
        snprintf(messages->text, sizeof messages->text, "%s", last && last[1] ? last + 1 : message);
}

static char *expand_include(const char *text, const char *name, const struct used_names *names) {
    const char *include = find_include(text);
    size_t header = strlen(device_runtime_header) + 1;
    size_t size = header + strlen(text) + 2 * strlen(name) + 128;
    char *whole = malloc(size), *used = malloc(header);
    if (!whole || !used) {
        free(whole);
        free(used);
        return NULL;
    }
    used_header_copy(names, used);
    size_t before = (size_t)(include - text);
    uint32_t line = 1;
    for (size_t i = 0; i < before; ++i)
        line += text[i] == '\n';
    snprintf(whole, size, "#line 1 \"%s\"\n%.*s#line 1 \"tilec_device.h\"\n%s#line %u \"%s\"\n%s", name,
             (int)before, text, used, (unsigned)line, name, include + strlen(INCLUDE_LINE));
    free(used);
    return whole;
}

/* The calls that the kernel names, and memory functions that the compiler's initialisers call. */
static void add_symbols(TCCState *state, const struct used_names *names) {
    for (size_t i = 0; i < call_symbol_count; ++i) {
        if (used_names_have(names, call_symbols[i].name + strlen("device_")))
            tcc_add_symbol(state, call_symbols[i].name, object_pointer(call_symbols[i].function));
    }
    tcc_add_symbol(state, "memset", object_pointer((void (*)(void))memset));
    tcc_add_symbol(state, "memcpy", object_pointer((void (*)(void))memcpy));
    tcc_add_symbol(state, "memmove", object_pointer((void (*)(void))memmove));
}

static bool relocate(TCCState *state, struct kernel_code *code, struct messages *messages) {
    int size = tcc_relocate(state, NULL);
    if (size < 0 || messages->text[0])
        return false;
    long page = sysconf(_SC_PAGESIZE);
    code->text_bytes = ((size_t)size + (size_t)page) / (size_t)page * (size_t)page;
    code->text = mmap(NULL, code->text_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code->text == MAP_FAILED) {
        code->text = NULL;
        return false;
    }
    if (tcc_relocate(state, code->text) != 0 || messages->text[0])
        return false;
    code->entry = function_pointer(tcc_get_symbol(state, "kernel_main"));
    return code->entry != NULL && mprotect(code->text, code->text_bytes, PROT_READ | PROT_EXEC) == 0;
}

/* libtcc crashes where it gets no memory. Is there as much as it takes for a text of this length, with a
 * margin? */
static bool has_memory_to_compile(size_t length) {
    size_t bytes = (8u << 20) + 16 * length;
    void *room =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return room != MAP_FAILED && munmap(room, bytes) == 0;
}

static bool compile_in_process(struct device_run *run, enum device_role role, const char *text,
                               const char *name, struct kernel_code *code) {
    struct messages messages = {{0}};
    struct used_names names;
    used_names_collect(&names, text);
    char *whole = expand_include(text, name, &names);
    bool good = false, memory = whole && has_memory_to_compile(strlen(whole));
    TCCState *state = memory ? tcc_new() : NULL;
    if (state) {
        tcc_set_error_func(state, &messages, collect_message);
        tcc_set_options(state, "-nostdlib -nostdinc -Wall -Wimplicit-function-declaration");
        tcc_set_output_type(state, TCC_OUTPUT_MEMORY);
        add_symbols(state, &names);
        good = tcc_compile_string(state, whole) == 0 && !messages.text[0] && relocate(state, code, &messages);
    }
    if (state)
        tcc_delete(state);
    free(whole);
    if (!memory || strstr(messages.text, "memory full"))
        launch_out_of_memory(run);
    else if (!good)
        report(run, role, messages.text[0] ? messages.text : "the kernel has no kernel_main");
    return good;
}

/* By a compiler, as a shared object. */

static bool write_file(const char *directory, const char *name, const char *text, char *path,
                       size_t path_size) {
    snprintf(path, path_size, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    bool good = fputs(text, file) >= 0;
    return fclose(file) == 0 && good;
}

static void read_log(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "r");
    size_t used = file ? fread(text, 1, size - 1, file) : 0;
    text[used] = '\0';
    if (file)
        fclose(file);
}

/* Fills the call pointers that the header defines under TILEC_DEVICE_SHARED. */
static bool link_shared(struct kernel_code *code, const char *path) {
    code->text = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    code->shared = true;
    if (!code->text)
        return false;
    for (size_t i = 0; i < call_symbol_count; ++i) {
        void *pointer = dlsym(code->text, call_symbols[i].name);
        if (pointer)
            memcpy(pointer, &call_symbols[i].function, sizeof(void (*)(void)));
    }
    code->entry = function_pointer(dlsym(code->text, "kernel_main"));
    return code->entry != NULL;
}

static bool run_compiler(const char *compiler, const char *directory, const char *source, const char *object,
                         const char *log) {
    char command[2048];
    int length = snprintf(
        command, sizeof command,
        "%s -std=c11 -g -O1 -Wall -Werror -shared -fPIC -DTILEC_DEVICE_SHARED -I'%s' -o '%s' '%s' >'%s' 2>&1",
        compiler, directory, object, source, log);
    if (length < 0 || (size_t)length >= sizeof command)
        return false;
    int status = system(command);
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool compile_shared(struct device_run *run, enum device_role role, const char *text,
                           struct kernel_code *code) {
    const char *base = getenv("TMPDIR");
    char directory[512], source[1024], header[1024], object[1024], log[1024], message[700] = "";
    snprintf(directory, sizeof directory, "%s/tilec-XXXXXX",
             base && *base && !strchr(base, '\'') ? base : "/tmp");
    if (!mkdtemp(directory)) {
        report(run, role, "no temporary folder can be made for the compiler");
        return false;
    }
    snprintf(object, sizeof object, "%s/kernel.so", directory);
    snprintf(log, sizeof log, "%s/log", directory);
    bool good = write_file(directory, "kernel.c", text, source, sizeof source) &&
                write_file(directory, "tilec_device.h", device_runtime_header, header, sizeof header);
    if (good && !run_compiler(run->device->compiler, directory, source, object, log)) {
        read_log(log, message, sizeof message);
        good = false;
    }
    good = good && link_shared(code, object);
    unlink(source);
    unlink(header);
    unlink(object);
    unlink(log);
    rmdir(directory);
    if (!good)
        report(run, role, message[0] ? message : "the compiler's shared object does not load");
    return good;
}

/* Compiles a text that the device has not got. */
static bool compile_new(struct device_run *run, enum device_role role, struct kernel_code *code) {
    const struct device_kernel *kernel = &run->launch->kernels[role];
    const char *name = kernel->name ? kernel->name : role_name(role);
    char message[256] = "";
    uint32_t foreign = run->device->compiler ? 0 : find_foreign_include(kernel->text);
    if (!find_include(kernel->text))
        snprintf(message, sizeof message, "%s does not begin a line with %s", name, INCLUDE_LINE);
    else if (foreign > 0)
        snprintf(message, sizeof message, "%s:%u: error: kernels include tilec_device.h and nothing else",
                 name, (unsigned)foreign);
    if (message[0]) {
        report(run, role, message);
        return false;
    }
    char *text = loops_wrap(kernel->text, code);
    bool good = text && (run->device->compiler ? compile_shared(run, role, text, code)
                                               : compile_in_process(run, role, text, name, code));
    free(text);
    return good;
}

/* What the device has compiled. */

/* Codes that a device keeps: those of launches in a loop, not of every kernel of a long program. */
enum { CODES_KEPT = 256 };

static void code_free(struct kernel_code *code) {
    if (code->text && code->shared)
        dlclose(code->text);
    else if (code->text)
        munmap(code->text, code->text_bytes);
    free(code->source);
    free(code->loops);
    free(code);
}

void kernels_free(struct device *device) {
    for (struct kernel_code *code = device->codes, *next; code; code = next) {
        next = code->next;
        code_free(code);
    }
    device->codes = NULL;
}

static uint64_t hash_text(const char *text) {
    uint64_t hash = 14695981039346656037u;
    for (; *text; ++text)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

/* Takes the code of a text out of the device's list; NULL: it has none. Of a full list the code that was not
 * used for longest is freed, which none of this launch is. */
static struct kernel_code *take_code(struct device *device, const char *text, uint64_t hash) {
    size_t count = 0;
    struct kernel_code **link = &device->codes;
    while (*link && ((*link)->hash != hash || strcmp((*link)->source, text) != 0)) {
        struct kernel_code *oldest = *link;
        if (++count >= CODES_KEPT && !oldest->next) {
            *link = NULL;
            code_free(oldest);
        } else {
            link = &oldest->next;
        }
    }
    struct kernel_code *code = *link;
    if (code)
        *link = code->next;
    return code;
}

static struct kernel_code *new_code(const char *text, uint64_t hash) {
    struct kernel_code *code = calloc(1, sizeof *code);
    if (code) {
        code->hash = hash;
        code->source = copy_string(text);
    }
    return code;
}

bool kernel_compile(struct device_run *run, enum device_role role) {
    const char *text = run->launch->kernels[role].text;
    uint64_t hash = hash_text(text);
    struct kernel_code *code = take_code(run->device, text, hash);
    if (!code) {
        code = new_code(text, hash);
        if (!code || !code->source || !compile_new(run, role, code)) {
            if (!run->faulted)
                launch_out_of_memory(run);
            if (code)
                code_free(code);
            return false;
        }
        ++run->statistics.kernels_compiled;
    }
    code->next = run->device->codes;
    run->device->codes = code;
    run->kernels[role] = code;
    return true;
}
