/* The embedded device: a deterministic, strict simulator of the Tensix grid that runs kernels written in C
 * against tilec_device.h. Knows nothing of the compiler's IR.
 *
 * A rule of the hardware's API that a kernel breaks, a deadlock, a kernel that does not compile: each ends
 * the launch with a struct device_fault. Nothing here prints or exits. Results do not depend on the seed.
 */
#ifndef TILEC_SIM_DEVICE_H
#define TILEC_SIM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/architecture.h"
#include "support/scalar.h"

enum device_role { DEVICE_READER, DEVICE_COMPUTE, DEVICE_WRITER, DEVICE_ROLES };

struct device;
struct device_tensor;

struct device_options {
    uint64_t seed;           /* 0: core by core; otherwise the order of threads is drawn from it */
    uint32_t grid_x, grid_y; /* cores that may be used; 0: the product's */
    uint64_t step_limit;     /* calls and iterations of loops of one launch, all threads together; 0: none */
    const char *compiler;    /* NULL: in process; else a C compiler's command, for debuggers and sanitizers */
};

/* NULL when there is no memory, or the grid is larger than the product's. */
struct device *device_create(const struct architecture *architecture, const struct device_options *options);
void device_free(struct device *device);
/* Of the launches that follow. */
void device_set_seed(struct device *device, uint64_t seed);

enum device_memory { DEVICE_DRAM, DEVICE_L1, DEVICE_MEMORIES };
/* Where a page lies, seen from the core that reads or writes it. */
enum device_place { DEVICE_AT_DRAM, DEVICE_AT_OWN_L1, DEVICE_AT_OTHER_L1, DEVICE_PLACES };
#define DEVICE_SHARD_RANK 8

/* Where the pages of a tensor lie, over the banks of DRAM or the L1 of the device's cores, row by row.
 *
 * Interleaved (rank 0): page p lies in bank p % banks. Sharded: the pages are an array of the shape,
 * row-major, cut into shards; the shards are counted row-major, and shard s lies in bank s % banks. Shards of
 * a bank follow one another, each with room for all its pages, which are row-major too: those beyond the
 * shape are padding that nothing reaches. The banks of L1 are the cores, row by row: of a rectangle of so
 * many columns from (0, 0) on for shards, of the whole grid for interleaved pages. Contiguous shards: banks
 * are as many as divide the number of shards, and shard s lies in bank s / (shards / banks).
 */
struct device_placement {
    enum device_memory memory;
    size_t rank;                                                 /* 0: interleaved */
    uint64_t shape[DEVICE_SHARD_RANK], shard[DEVICE_SHARD_RANK]; /* in pages, outermost first */
    uint32_t columns; /* of cores that hold shards in L1; 0: as many as the grid has */
    bool by_columns;  /* these cores stand one below the other: the first `columns` of them in column 0 */
    uint32_t row_bytes; /* of a row-major tensor, whose pages are rows; 0: they are tiles */
    bool contiguous;  /* neighbouring shards share a bank; all banks hold equally many */
};

/* A tensor; a page is one tile, or as the placement says a row, which takes room up to a multiple of what reads agree modulo. The name is copied. NULL when there is no room for it, or when the shards do
 * not describe that many pages. device_tensor_allocate interleaves over DRAM. Tensors in L1 lie at its end,
 * on every core.
 */
struct device_tensor *device_tensor_allocate(struct device *device, const char *name, enum data_format format,
                                             uint64_t pages);
struct device_tensor *device_tensor_place(struct device *device, const char *name, enum data_format format,
                                          uint64_t pages, const struct device_placement *placement);
/* Would the device itself have room for such a tensor now? If so, and it got no place, the memory of the
 * machine around it is used up. */
bool device_has_room(const struct device *device, enum data_format format, uint64_t pages,
                     const struct device_placement *placement);
void device_tensor_free(struct device *device, struct device_tensor *tensor);
uint32_t device_tensor_address(const struct device_tensor *tensor);
/* Bytes of a page as device_tensor_write and read take it: of a row with the room behind it. */
uint32_t device_tensor_page_bytes(const struct device_tensor *tensor);
const struct device_placement *device_tensor_placement(const struct device_tensor *tensor);
/* Bytes of each core's L1 that circular buffers may have beside the tensors there. */
uint32_t device_l1_free(const struct device *device);
/* The bank of a page, and the page's address in it. False when the tensor has no such page. */
bool device_tensor_locate(const struct device_tensor *tensor, uint64_t page, uint32_t *bank,
                          uint64_t *address);
/* Bytes that a tensor so placed takes of each bank; UINT64_MAX: more than can be counted. */
uint64_t device_placement_bank_bytes(const struct device *device, enum data_format format, uint64_t pages,
                                     const struct device_placement *placement);

/* What the accessor of a kernel knows of its tensor when it is compiled, in the order of TensorAccessorArgs:
 * flags (1 sharded, 2 DRAM) and bytes of a page; of a sharded one also rank, banks, shape, shape of a shard,
 * and the coordinates of the banks, two to a word. Returns how many words.
 */
#define DEVICE_FACTS_LIMIT (4 + 2 * DEVICE_SHARD_RANK + 128)
size_t device_tensor_facts(const struct device_tensor *tensor, uint32_t *words);

/* Pages that the kernels of a launch read and wrote, by their place. Those of the core's own L1 never crossed
 * the NoC. */
struct device_pages {
    uint64_t read[DEVICE_PLACES], written[DEVICE_PLACES];
};

/* Pages of this tensor in the device's last launch. */
struct device_pages device_tensor_pages(const struct device_tensor *tensor);

/* Whole pages, in storage order (faces). False when the range is outside the tensor, and for reads also when
 * a page of it was never written.
 */
bool device_tensor_write(struct device_tensor *tensor, uint64_t first_page, uint64_t pages,
                         const void *bytes);
bool device_tensor_read(const struct device_tensor *tensor, uint64_t first_page, uint64_t pages, void *bytes);

struct device_buffer {
    uint32_t id;
    const char *name; /* for messages */
    enum data_format format;
    uint32_t pages;
    uint32_t page_bytes;
    bool unpack_to_dest; /* f32 only: copy, broadcast and transpose load DST at full width; not for the matrix
                            unit */
};

/* A word of L1 at the same address on every core. */
struct device_semaphore {
    uint32_t id; /* below SEMAPHORE_LIMIT */
    const char *name;
    uint32_t initial; /* when the launch begins */
};

struct device_kernel {
    const char *name;                             /* its file, for messages */
    const char *text;                             /* NULL: nothing runs in this role */
    const struct device_tensor *const *accessors; /* tensor of each ordinal of tensor_accessor */
    size_t accessor_count;
    /* The facts of these tensors one after another, as the kernel was compiled for. NULL: taken from the
     * tensors. */
    const uint32_t *compile_time_arguments;
    size_t compile_time_argument_count;
};

struct device_core {
    uint32_t x, y;
    const uint32_t *arguments; /* runtime arguments, the same list for the three kernels */
    size_t argument_count;
};

/* A tensor that the launch makes: none of its pages is written twice, and where it is to be complete, each is
 * written. */
struct device_result {
    const struct device_tensor *tensor;
    bool complete; /* false: changed in place */
};

struct device_launch {
    const struct device_core *cores;
    size_t core_count;
    const struct device_buffer *buffers;
    size_t buffer_count;
    const struct device_semaphore *semaphores;
    size_t semaphore_count;
    const struct device_result *results;
    size_t result_count;
    struct device_kernel kernels[DEVICE_ROLES];
    bool fp32_dest_acc;
    /* The kernels are what tilec's device form is, and keep its rules beside those of the hardware: a tensor
     * and the buffer of its pages have one type, a page is moved to the beginning of one, stores are as wide
     * as elements and store no address of L1, 16 bits of DST hold no more than one operation's result, and of
     * a buffer that is popped no page is left at the end. */
    bool device_form;
    /* Writes where in the user's source this line of the kernel comes from, or an empty string; may be NULL.
     */
    void (*locate)(void *context, enum device_role role, uint32_t line, char *place, size_t place_size);
    void *locate_context;
};

enum device_fault_kind {
    DEVICE_FAULT_LAUNCH,   /* the launch itself: buffers beyond L1, a core off the grid */
    DEVICE_FAULT_COMPILE,  /* a kernel does not compile */
    DEVICE_FAULT_KERNEL,   /* a call broke a rule */
    DEVICE_FAULT_DEADLOCK, /* no thread can go on */
    DEVICE_FAULT_RESULT,   /* the launch came to its end without a page of a result */
    DEVICE_FAULT_LIMIT,    /* more steps than device_options.step_limit */
    DEVICE_FAULT_MEMORY,   /* of the machine that the device is embedded in: not enough to go on */
};

/* A loop of the kernel with what its variable was. */
struct device_loop {
    uint32_t line;
    char name[32];
    uint32_t value;
};
#define DEVICE_FAULT_LOOPS 8

/* Another place that a fault speaks of: of the thread that came into conflict with the one at fault. */
struct device_note {
    uint32_t core_x, core_y;
    enum device_role role;
    const char *kernel;
    uint32_t line;   /* 0: there is no note */
    char place[160]; /* from locate */
    char message[160];
};

struct device_fault {
    enum device_fault_kind kind;
    uint32_t core_x, core_y;
    enum device_role role;
    const char *kernel; /* name of its file as given to the launch; NULL: no kernel is concerned */
    uint32_t line;      /* of that file; 0: none */
    struct device_loop loops[DEVICE_FAULT_LOOPS]; /* around the place, outermost first */
    size_t loop_count;
    char call[48];
    char place[160]; /* from locate */
    char message[768];
    char details[4096]; /* further lines, or empty */
    struct device_note note;
    const char *help;                   /* what would mend it; NULL: the message says so */
    const struct device_tensor *tensor; /* whose page it is about; NULL: of none */
    uint64_t page;
};

/* The whole fault as text: place, call, message and details. */
void device_fault_print(const struct device_fault *fault, char *text, size_t size);

struct device_statistics {
    struct device_pages pages;           /* of all tensors */
    uint64_t pages_sent, pages_received; /* by multicast: of the senders, and of all receivers together */
    uint64_t tile_products;              /* 32x32x32 */
    uint64_t tiles_unpacked, tiles_packed;
    uint64_t vector_operations;
    uint64_t calls;
    uint64_t kernels_compiled; /* texts that no earlier launch of the device had */
    uint64_t dram_taken;       /* by tensors, of each bank */
    uint64_t waits;            /* times a thread had to stop for a buffer or a semaphore */
    uint64_t cycles;      /* estimate: the latest clock of any thread, or what DRAM takes for all bytes */
    uint64_t dram_cycles; /* what DRAM takes for all bytes */
};

/* Runs the launch to its end. False: *fault says why. statistics may be NULL. */
bool device_run(struct device *device, const struct device_launch *launch, struct device_fault *fault,
                struct device_statistics *statistics);

/* The text of tilec_device.h, which kernels include. */
extern const char device_runtime_header[];

#endif
