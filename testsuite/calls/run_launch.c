/* Runs launches of kernels given as text, on the embedded device and on given tiles, and prints the tiles of the results.
 *
 *     run_launch --calls           the table of device calls: `call NAME EFFECT`, `word NAME KIND`, a line each
 *     run_launch <REQUESTS         for each launch `ok`, then the bytes of its outputs; or `fault BYTES`, then the message
 *
 * A request is lines of words; BYTES at the end of a line says how many bytes follow it.
 *     launch PRODUCT SEED WIDE                      WIDE: 1 for DST of f32
 *     tensor NAME FORMAT PAGES BYTES                pages in storage order; BYTES 0: an output
 *     buffer ID NAME FORMAT PAGES UNPACK_TO_DEST
 *     semaphore ID INITIAL
 *     core X Y WORD...                              its arguments: NUMBER, @TENSOR (an address, tensors are counted from 0),
 *                                                   x:X or y:Y (the NoC coordinate of a column or row of cores)
 *     bind ROLE TENSOR                              the next binding of this role: reader, compute or writer
 *     kernel ROLE BYTES                             its text
 *     run
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/device.h"

enum { WORDS = 64, TENSORS = 16, CORES = 16, ARGUMENTS = 32 };

struct request {
    const struct architecture *architecture;
    struct device *device;
    struct device_launch launch;
    struct device_core cores[CORES];
    uint32_t arguments[CORES][ARGUMENTS];
    struct device_buffer buffers[32];
    struct device_semaphore semaphores[8];
    struct device_tensor *tensors[TENSORS];
    size_t tensor_count, page_bytes[TENSORS];
    uint64_t pages[TENSORS];
    bool is_output[TENSORS];
    const struct device_tensor *accessors[DEVICE_ROLES][TENSORS];
    char *texts[64]; /* names and kernels, freed at the end */
    size_t text_count;
};

static const char *const roles[DEVICE_ROLES] = {"reader", "compute", "writer"};

static void require(bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "run_launch: %s\n", what);
    exit(2);
}

/* So many bytes of standard input, and a zero behind them. */
static char *take_bytes(size_t count) {
    char *bytes = malloc(count + 1);
    require(bytes && fread(bytes, 1, count, stdin) == count, "the input ends early");
    bytes[count] = 0;
    return bytes;
}

static const char *keep(struct request *r, char *text) {
    require(text && r->text_count < 64, "more texts than this program keeps");
    return r->texts[r->text_count++] = text;
}

static enum data_format format_of(const char *name) {
    for (int format = 0; format < FORMAT_COUNT; ++format)
        if (strcmp(name, data_format_name((enum data_format)format)) == 0)
            return (enum data_format)format;
    require(false, "no such format");
    return FORMAT_COUNT;
}

static enum device_role role_of(const char *name) {
    for (int role = 0; role < DEVICE_ROLES; ++role)
        if (strcmp(name, roles[role]) == 0)
            return (enum device_role)role;
    require(false, "no such role");
    return DEVICE_ROLES;
}

static uint32_t number(const char *word) {
    return (uint32_t)strtoul(word, NULL, 0);
}

static void begin(struct request *r, char **words) {
    memset(r, 0, sizeof *r);
    r->architecture = architecture_find(words[1]);
    require(r->architecture, "no such product");
    r->device = device_create(r->architecture, &(struct device_options){.seed = number(words[2])});
    require(r->device, "no device");
    r->launch.fp32_dest_acc = number(words[3]) != 0;
    r->launch.cores = r->cores;
    r->launch.buffers = r->buffers;
    r->launch.semaphores = r->semaphores;
    for (int role = 0; role < DEVICE_ROLES; ++role) {
        r->launch.kernels[role].name = roles[role];
        r->launch.kernels[role].accessors = r->accessors[role];
    }
}

static void add_tensor(struct request *r, char **words) {
    enum data_format format = format_of(words[2]);
    size_t bytes = number(words[4]), index = r->tensor_count++;
    require(index < TENSORS, "more tensors than this program holds");
    r->pages[index] = number(words[3]);
    r->page_bytes[index] = data_format_tile_bytes(format);
    r->tensors[index] = device_tensor_allocate(r->device, words[1], format, r->pages[index]);
    require(r->tensors[index], "no room for a tensor");
    r->is_output[index] = bytes == 0;
    if (bytes == 0)
        return;
    require(bytes == r->pages[index] * r->page_bytes[index], "a tensor has other bytes than its pages");
    char *content = take_bytes(bytes);
    require(device_tensor_write(r->tensors[index], 0, r->pages[index], content), "a tensor is not written");
    free(content);
}

static void add_buffer(struct request *r, char **words) {
    enum data_format format = format_of(words[3]);
    require(r->launch.buffer_count < 32, "more buffers than a core has");
    r->buffers[r->launch.buffer_count++] =
        (struct device_buffer){.id = number(words[1]),
                               .name = keep(r, strdup(words[2])),
                               .format = format,
                               .pages = number(words[4]),
                               .page_bytes = data_format_tile_bytes(format),
                               .unpack_to_dest = number(words[5]) != 0};
}

static uint32_t argument(const struct request *r, const char *word) {
    uint32_t x = 0, y = 0;
    if (word[0] == '@')
        return device_tensor_address(r->tensors[number(word + 1) % TENSORS]);
    if (word[1] != ':')
        return number(word);
    bool is_x = word[0] == 'x';
    require(architecture_noc_coordinates(r->architecture, is_x ? number(word + 2) : 0,
                                         is_x ? 0 : number(word + 2), &x, &y),
            "a core is off the grid");
    return is_x ? x : y;
}

static void add_core(struct request *r, char **words, size_t count) {
    size_t index = r->launch.core_count++;
    require(index < CORES && count - 3 <= ARGUMENTS, "more cores or arguments than this program holds");
    for (size_t i = 3; i < count; ++i)
        r->arguments[index][i - 3] = argument(r, words[i]);
    r->cores[index] = (struct device_core){.x = number(words[1]),
                                           .y = number(words[2]),
                                           .arguments = r->arguments[index],
                                           .argument_count = count - 3};
}

static void answer_fault(const struct device_fault *fault) {
    static char text[8192];
    device_fault_print(fault, text, sizeof text);
    printf("fault %zu\n%s", strlen(text), text);
}

/* The bytes of all outputs, one after another; an output that was not written in full is a fault. */
static void answer_outputs(const struct request *r) {
    static const char unwritten[] = "an output was not written in full";
    char *content[TENSORS] = {NULL};
    bool whole = true;
    for (size_t i = 0; i < r->tensor_count; ++i) {
        content[i] = calloc(r->pages[i], r->page_bytes[i]);
        if (r->is_output[i])
            whole = device_tensor_read(r->tensors[i], 0, r->pages[i], content[i]) && whole;
    }
    if (whole)
        printf("ok\n");
    else
        printf("fault %zu\n%s", strlen(unwritten), unwritten);
    for (size_t i = 0; i < r->tensor_count; ++i) {
        if (whole && r->is_output[i])
            fwrite(content[i], r->page_bytes[i], r->pages[i], stdout);
        free(content[i]);
    }
}

static void run(struct request *r) {
    struct device_fault fault;
    if (device_run(r->device, &r->launch, &fault, NULL))
        answer_outputs(r);
    else
        answer_fault(&fault);
    for (size_t i = 0; i < r->text_count; ++i)
        free(r->texts[i]);
    device_free(r->device);
}

static void obey(struct request *r, char **words, size_t count) {
    if (strcmp(words[0], "launch") == 0) {
        begin(r, words);
    } else if (strcmp(words[0], "tensor") == 0) {
        add_tensor(r, words);
    } else if (strcmp(words[0], "buffer") == 0) {
        add_buffer(r, words);
    } else if (strcmp(words[0], "semaphore") == 0) {
        r->semaphores[r->launch.semaphore_count++ % 8] =
            (struct device_semaphore){number(words[1]), "semaphore", number(words[2])};
    } else if (strcmp(words[0], "core") == 0) {
        add_core(r, words, count);
    } else if (strcmp(words[0], "bind") == 0) {
        enum device_role role = role_of(words[1]);
        r->accessors[role][r->launch.kernels[role].accessor_count++ % TENSORS] =
            r->tensors[number(words[2]) % TENSORS];
    } else if (strcmp(words[0], "kernel") == 0) {
        r->launch.kernels[role_of(words[1])].text = keep(r, take_bytes(number(words[2])));
    } else {
        require(strcmp(words[0], "run") == 0, "no such request");
        run(r);
    }
}

/* Words that device form does not have are left out. */
static void print_word(const char *kind, const char *word, const char *metalium) {
    if (metalium)
        printf("word %s %s\n", word, kind);
}

static int print_calls(void) {
#define CALL(name, role, effect, ...) puts("call " #name " " #effect);
#define WORD(kind, word, value, metalium) print_word(#kind, #word, metalium);
#include "support/device_calls.def"
    return 0;
}

int main(int argument_count, char **arguments) {
    if (argument_count == 2 && strcmp(arguments[1], "--calls") == 0)
        return print_calls();
    require(argument_count == 1, "usage: run_launch [--calls] <REQUESTS");
    static struct request request;
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        char *words[WORDS] = {NULL};
        size_t count = 0;
        for (char *word = strtok(line, " \n"); word && count < WORDS; word = strtok(NULL, " \n"))
            words[count++] = word;
        if (count > 0)
            obey(&request, words, count);
    }
    return 0;
}
