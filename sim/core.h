/* The state of a launch: cores, threads, circular buffers, DST; shared by the files of the device only. */
#ifndef TILEC_SIM_CORE_H
#define TILEC_SIM_CORE_H

#include <setjmp.h>

#include "sim/clock.h"
#include "sim/device.h"
#include "sim/tile_engine.h"
#include "support/coroutine.h"
#include "support/device_call.h"

#define MAX_DST_TILES 8

/* Where a page lies, and who touched it during a launch: two cores on one page, one of them writing, is a
 * race.
 */
struct page_state {
    uint32_t bank, row;      /* the row within its bank */
    uint32_t launch;         /* serial of the launch that reader and writer belong to */
    uint16_t reader, writer; /* core index + 1; 0: none; PAGE_MANY: several */
    uint32_t writer_line;
    uint8_t writer_role;
    bool written; /* ever */
};
#define PAGE_MANY 0xffffu

/* How many barriers of reads and of writes the threads of a core have passed, by role, as far as one
 * knows. */
struct progress {
    uint32_t reads[DEVICE_ROLES], writes[DEVICE_ROLES];
};

/* A transfer: over behind so many barriers of its thread, counted from 1; 0: none. */
struct page_access {
    uint32_t over, line;
};

/* The last transfers of a page, by the role of their thread. */
struct page_accesses {
    struct page_access reads[DEVICE_ROLES], writes[DEVICE_ROLES];
};

struct device_tensor {
    struct device *device;
    char *name;
    enum data_format format;
    uint64_t pages;
    struct device_placement placement;
    uint32_t page_bytes, address, banks; /* address: the same in every bank */
    uint64_t bank_pages;                 /* rows of pages in each bank */
    uint8_t *bytes;                      /* bank by bank */
    struct page_state *states;
    uint32_t launch; /* serial of the launch that these are of */
    struct device_pages moved;
    uint32_t part_bytes; /* of pages that are written in parts, counted as a page when they make one */
    uint8_t *parts; /* a bit for each byte that a launch wrote of its own; NULL: none did so yet */
    struct page_accesses *accesses; /* during a launch, where several threads of a core reach it; else NULL */
    uint32_t result_of;             /* serial of the launch that it was last a result of */
    struct device_tensor *next;     /* of its memory, by address */
};

/* A NoC transfer whose bytes have not moved yet. */
struct transfer {
    struct device_tensor *tensor;
    uint64_t page;
    uint32_t address;       /* in L1 */
    uint32_t offset, bytes; /* of the page */
};

struct transfer_list {
    struct transfer *items;
    size_t count, capacity;
};

/* A write to other cores: pages of a buffer, the word of a semaphore, or an increment of one. */
enum remote_kind { REMOTE_PAGES, REMOTE_FLAG, REMOTE_INCREMENT };

/* Inclusive NoC coordinates, x0 <= x1 and y0 <= y1. */
struct rectangle {
    uint32_t x0, y0, x1, y1;
};

struct remote_write {
    enum remote_kind kind;
    struct rectangle cores;
    uint32_t source;  /* L1 address of the sender */
    uint32_t address; /* L1 address at the receivers */
    uint32_t bytes;
    uint32_t value; /* of a flag that departed; of an increment: how much */
    bool linked;
    bool ordered;  /* pages: a flag was sent behind them that cannot overtake them */
    bool departed; /* left the sender's L1: nothing reads there any more */
    bool landed;
    uint8_t *copy;    /* pages that departed and have not landed */
    uint8_t *marks;   /* of pages that are not wholly written: which bytes are */
    uint64_t arrival; /* clock */
};

struct remote_write_list {
    struct remote_write *items;
    size_t count, capacity;
};

/* What a core did, in its own time; time 0: nothing. */
struct event {
    uint32_t core, time;
};

/* Of a page that is reserved: who else writes it. */
struct page_order {
    struct event arrival; /* the multicast that writes it */
    uint32_t written;     /* when its own core last wrote it */
};

struct semaphore {
    const struct device_semaphore *spec; /* NULL: not of this launch */
    uint32_t value;
    uint64_t clock;           /* of its last change */
    uint32_t *hands_over;     /* by core: what its writers knew */
    uint32_t *increments;     /* by core: time of the last */
    struct event overwritten; /* last */
    struct progress progress; /* what the thread of its own core knew that wrote it last */
};

enum pack_order { PACK_NONE, PACK_IN_ORDER, PACK_OUT_OF_ORDER };

struct circular_buffer {
    const struct device_buffer *spec;
    uint32_t pages, page_bytes, base; /* base: L1 address */
    uint32_t source_format;           /* what the unpacker must be configured for: see source_format_of */
    bool tiles;                       /* a page is a tile of the format */
    uint32_t write_page, read_page;   /* positions in the ring */
    uint32_t filled;                  /* pushed and not popped */
    uint32_t reserved, waited;
    bool wait_is_used; /* a wait since the last pop */
    uint32_t pop_line; /* of the last pop; 0: none */
    struct thread *producer, *consumer;
    bool producer_blocked, consumer_blocked;
    uint32_t producer_wants, consumer_wants;
    uint32_t incoming;          /* multicasts on their way into it */
    uint32_t reserved_at;       /* time of its core */
    struct page_order *order;   /* by page of the ring; NULL without semaphores */
    enum pack_order pack_order; /* of the window reserved now */
    uint32_t pack_next;
    uint64_t pushed;         /* in all */
    uint64_t scaler_checked; /* pushed count + 1 when the front scaler tile was last found right */
    uint32_t scaler_address;
    uint64_t *push_clock, *pop_clock;              /* by page of the ring */
    struct progress *push_progress, *pop_progress; /* the same; NULL where nobody asks */
    uint8_t
        *operands; /* by page of the ring: which of the device's operands it is unpacked to, + 1; 0: none */
};

enum thread_state { THREAD_READY, THREAD_BLOCKED, THREAD_FINISHED };

/* A loop that a thread is in: its number in the kernel's text, from 1, and what its variable was last. */
enum { LOOP_DEPTH = 16 };
struct active_loop {
    uint32_t loop, value;
};

struct thread {
    struct core *core;
    enum device_role role;
    enum thread_state state;
    struct coroutine *coroutine; /* NULL before its start and after its end */
    uint32_t line;
    const char *call;
    struct active_loop loops[LOOP_DEPTH]; /* from 1 on, outermost first */
    uint32_t loop_depth;
    uint64_t clock;
    uint64_t noc_free;  /* when this thread's NoC has moved what was issued */
    uint64_t copy_free; /* when the copies within L1 that it issued are done */
    struct transfer_list reads, writes;
    struct progress knows;
    uint64_t reads_landed, writes_landed; /* when the last of them is where it goes, by the clock */
    bool unacknowledged;                  /* writes that left L1, without a barrier since */
    uint32_t read_line, write_line;       /* of the last transfers */
    bool multicast_unacknowledged;
    struct remote_write_list remote; /* in the order of their calls, until flushed or acknowledged */
    uint32_t atomics;                /* increments without a barrier since */
    bool link_open;                  /* the last multicast was linked: its path waits for the next */
    struct rectangle link;
    struct circular_buffer *blocked_on;
    struct semaphore *blocked_semaphore; /* instead of a buffer */
    uint32_t semaphore_wants;
};

struct device_call;

/* What the unpacker and the matrix unit were last initialised for. */
struct operation {
    const struct device_call *init; /* NULL: nothing */
    uint32_t key[CALL_KEY_LIMIT];   /* the arguments that its calls repeat */
    bool transposed;                /* of products: how they take the right tiles */
    uint32_t format_a, format_b;    /* of SrcA and SrcB at the init */
    uint32_t line;
};

enum section_state { SECTION_FREE, SECTION_ACQUIRED, SECTION_COMMITTED, SECTION_PACKING };

/* What a DST slot holds: floats, whole numbers of 32 bits, or such of 16 and 8 bits, which are cast on their way in and
 * out and take part in nothing else. */
enum slot_contents { HOLDS_FLOATS, HOLDS_WHOLE, HOLDS_U16, HOLDS_U8 };

struct dst_slot {
    bool written;
    enum slot_contents holds;
    bool computed;    /* more than the bits of a tile that was unpacked */
    uint32_t reduced; /* 0, or the word of the dimension: the other elements are undefined */
};

struct compute_state {
    bool started;
    bool first_operation_done;
    uint32_t startup_order;
    uint32_t source_a, source_b, pack_format;
    struct operation operation;
    const struct device_call *vector_init; /* the last init of the vector unit */
    bool folded_rows;                      /* by sfpu_reduce, since */
    uint32_t vector_words[2];              /* which it was given */
    bool sums_kept;                        /* by the last call of the vector unit, in its registers: */
    float sums[TILE_EDGE];                 /* of each column */
    uint32_t broadcast_active;
    uint32_t broadcast_line;
    uint32_t reduce_mask; /* 0 or the dimension's word */
    uint32_t reduce_line;
    enum section_state section;
    uint32_t section_line;
    struct dst_slot slots[MAX_DST_TILES];
    struct tile *dst;
};

/* L1 and DST of a core while one of its threads runs: taken from a pool, so that few are hot in the cache. */
struct core_memory {
    uint8_t *l1;      /* from the first buffer's address on */
    uint8_t *written; /* one bit for two bytes of L1 */
    struct tile *dst;
    struct core_memory *next;
};

struct core {
    struct device_run *run;
    uint32_t index, x, y;
    const uint32_t *arguments;
    size_t argument_count;
    struct thread threads[DEVICE_ROLES];
    unsigned unfinished;
    struct core_memory *memory;
    struct circular_buffer *buffers;
    struct semaphore semaphores[SEMAPHORE_LIMIT];
    uint32_t *knows; /* by core: what of its time this one has heard of; NULL without semaphores */
    struct compute_state compute;
};

/* By NoC coordinates: the number of a core of the launch + 1; CORE_IDLE: a core that the launch leaves out.
 */
#define NOC_EDGE 64
#define CORE_IDLE 0xffffu

struct kernel_loop {
    uint32_t line;
    char name[sizeof((struct device_loop *)0)->name]; /* of its variable, or "" */
};

/* A compiled text: kept by the device, which compiles equal texts once. */
struct kernel_code {
    void (*entry)(void);
    void *text; /* mapping of the code, or the handle of a shared object */
    size_t text_bytes;
    bool shared;
    struct kernel_loop *loops;
    size_t loop_count;
    char *source; /* what was compiled */
    uint64_t hash;
    struct kernel_code *next; /* used before this one */
};

/* One launch. */
struct device_run {
    struct device *device;
    const struct device_launch *launch;
    struct device_fault *fault;
    bool faulted;
    bool follows_threads; /* see thread_order.c */
    struct progress *all_progress;
    const struct kernel_code *kernels[DEVICE_ROLES]; /* NULL: nothing runs in this role */
    uint8_t buffer_index[CIRCULAR_BUFFER_LIMIT];     /* id -> index + 1; 0: not configured */
    uint32_t l1_base, l1_end;                        /* of the buffers */
    uint32_t semaphore_base;                         /* of the semaphores */
    uint16_t noc_cores[NOC_EDGE][NOC_EDGE];          /* [y][x] */
    uint32_t *order_words;
    struct page_order *order_pages;
    uint64_t dram_bytes; /* of pages in DRAM, read and written */
    size_t flying;       /* flags and increments that have not landed */
    uint32_t dst_tiles;
    struct core *cores;
    struct circular_buffer *all_buffers;
    uint64_t *all_page_clocks;
    uint8_t *all_operands;
    struct thread **ready;
    size_t ready_count;
    uint64_t random;
    uint64_t steps, step_limit; /* calls and iterations of loops, and how many may be */
    sigjmp_buf escape;          /* where a fault signal on a coroutine's stack continues */
    struct core_memory *free_memory;
    struct device_statistics statistics;
};

struct device {
    const struct architecture *architecture;
    const struct clock_costs *costs;
    struct device_options options;
    char *compiler;
    const struct tile_engine *engine;
    struct device_tensor *tensors[DEVICE_MEMORIES]; /* the lowest address first */
    uint64_t taken[DEVICE_MEMORIES];                /* by them, of each bank */
    struct kernel_code *codes;                      /* the one used last first */
    uint32_t launches;
    struct coroutine **free_coroutines;
    size_t free_coroutine_count, coroutine_capacity;
    struct operand_store *operands;
    struct tile *scratch; /* SCRATCH_TILES of the call at hand */
};
#define SCRATCH_TILES MAX_DST_TILES

/* Ends the launch with a fault at the thread's call; does not return. */
_Noreturn void thread_fault(struct thread *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with DEVICE_FAULT_LIMIT. */
_Noreturn void thread_fault_limit(struct thread *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same where the machine has no memory for what the call needs; and for the launch. */
_Noreturn void thread_out_of_memory(struct thread *t);
void launch_out_of_memory(struct device_run *run);

/* A call, or an iteration of a loop: a fault where the launch makes too many. */
static inline void count_step(struct thread *t) {
    struct device_run *run = t->core->run;
    if (++run->steps > run->step_limit)
        thread_fault_limit(t, "the launch makes more than %llu calls and iterations of loops",
                           (unsigned long long)run->step_limit);
}

/* The thread that runs now. */
extern _Thread_local struct thread *device_current;

/* Every call begins with it. */
static inline struct thread *call_enter(uint32_t line, const char *name) {
    struct thread *t = device_current;
    t->line = line;
    t->call = name;
    ++t->core->run->statistics.calls;
    count_step(t);
    return t;
}

/* Stops the thread until scheduler_wake. */
void thread_block(struct thread *t);
/* Lets others run when the seed says so. */
void thread_draw_yield(struct thread *t);
static inline void thread_yield(struct thread *t) {
    if (t->core->run->device->options.seed != 0)
        thread_draw_yield(t);
}
/* Lets every other thread that can run go first. */
void thread_defer(struct thread *t);
void scheduler_wake(struct device_run *run, struct thread *t);
/* A number below the limit, drawn by the seed; 0 without one. */
uint32_t scheduler_draw(struct device_run *run, uint32_t limit);
/* Runs all threads to their end. False: run->fault is set. */
bool scheduler_run(struct device_run *run);

void fault_launch(struct device_run *run, enum device_fault_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts core, role, line, loops and the user's place of the thread into the fault. */
void fault_locate(struct device_run *run, const struct thread *t);
/* file:line, and the user's place in parentheses where it is known. */
void fault_place(const struct device_run *run, enum device_role role, uint32_t line, char *text, size_t size);
const char *role_name(enum device_role role);
/* What the fault that comes next says beside its message: another place where a thread was, a page, a remedy
 * (a literal). */
void fault_note(struct device_run *run, const struct thread *t, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void fault_page(struct thread *t, const struct device_tensor *tensor, uint64_t page);
void fault_help(struct thread *t, const char *help);

/* Circular buffers. */
_Noreturn void report_no_buffer(struct thread *t, uint32_t id);
static inline struct circular_buffer *buffer_find(struct thread *t, uint32_t id) {
    uint32_t index = id < CIRCULAR_BUFFER_LIMIT ? t->core->run->buffer_index[id] : 0;
    if (index == 0)
        report_no_buffer(t, id);
    return &t->core->buffers[index - 1];
}
static inline const char *buffer_name(const struct circular_buffer *cb) {
    return cb->spec->name;
}
/* The bytes of a tile in the window waited for, checked, counted and unpacked by the clock: for compute. */
const uint8_t *buffer_read_tile(struct thread *t, struct circular_buffer *cb, uint32_t tile);
/* Where a page of the window reserved goes: its L1 address, checked. */
uint32_t buffer_write_page(struct thread *t, struct circular_buffer *cb, uint32_t index);

/* Tiles that the matrix unit has read (operand.c): NULL when there is no memory; all forgotten; the one of a
 * page. */
struct operand_store *operands_create(void);
void operands_forget(struct operand_store *store);
void operand_release(struct operand_store *store, struct circular_buffer *cb, uint32_t page);

/* L1. Addresses were checked to lie in a buffer. */
static inline uint8_t *l1_bytes(const struct core *core, uint32_t address) {
    return core->memory->l1 + (address - core->run->l1_base);
}
/* A bit for two of the bytes, from the multiple of 16 that the address is or lies behind. Pages and buffers begin and end at
 * such: whole bytes of marks; parts of pages may not. */
static inline uint8_t *l1_marks(const struct core *core, uint32_t address) {
    return core->memory->written + (address - core->run->l1_base) / 16;
}
static inline void l1_mark(struct core *core, uint32_t address, uint32_t bytes, bool written) {
    uint8_t *marks = l1_marks(core, address);
    if (address % 16 == 0 && bytes % 16 == 0) {
        memset(marks, written ? 0xff : 0, bytes / 16);
        return;
    }
    for (uint32_t i = address % 16 / 2; i < (address % 16 + bytes + 1) / 2; ++i)
        marks[i / 8] = (uint8_t)(written ? marks[i / 8] | 1u << i % 8 : marks[i / 8] & ~(1u << i % 8));
}
bool l1_is_written(const struct core *core, uint32_t address, uint32_t bytes);
/* Faults where a page of the buffer's window, counted from its front, was not wholly written. */
void buffer_check_written(struct thread *t, const struct circular_buffer *cb, uint32_t page);
/* Faults where a page, counted from the window's beginning, lies outside of it: of what is reserved
 * (to_write) or waited for. */
void buffer_check_window(struct thread *t, const struct circular_buffer *cb, int64_t page, bool to_write);
/* Faults where a buffer that was popped has pages left when all threads have ended. */
void buffers_check_empty(struct device_run *run);

/* NoC: whether a transfer that has not moved touches this range. */
bool transfers_overlap(const struct transfer_list *list, uint32_t address, uint32_t bytes);

/* Data movement kernels only. */
static inline struct thread *data_check(struct thread *t) {
    if (t->role == DEVICE_COMPUTE)
        thread_fault(t, "is a call of data movement kernels");
    return t;
}
static inline struct thread *data_enter(uint32_t line, const char *name) {
    return data_check(call_enter(line, name));
}
/* The buffer whose window of this thread holds these bytes of L1: the pages it reserved, or those it waited
 * for. A fault when there is none. */
struct circular_buffer *window_at(struct thread *t, uint32_t address, uint32_t bytes, bool to_write);

/* Core to core. */
/* Faults while the path of a linked multicast waits for the next. */
void remote_check_link(struct thread *t);
/* Faults when a multicast has yet to read these bytes of the thread's core. */
void remote_check_sources(struct thread *t, uint32_t address, uint32_t bytes);
/* Faults when a multicast of another core into these bytes has not landed. */
void remote_check_targets(struct thread *t, struct circular_buffer *cb, uint32_t address, uint32_t bytes);
/* What was sent leaves L1; and is acknowledged as well. */
void remote_flush(struct thread *t);
void remote_acknowledge(struct thread *t);
/* Lands flags and increments that are on their way: all, when no thread can go on without them, or those that
 * the seed draws. */
void remote_settle(struct device_run *run, bool all);
void remote_check_exit(struct thread *t);
void remote_discard(struct thread *t);
/* The semaphores of a core at their initial values. */
void semaphores_place(struct core *core);
struct semaphore *semaphore_at(struct thread *t, struct core *core, uint32_t address);
void semaphore_change(struct core *core, struct semaphore *semaphore, uint32_t value, uint64_t clock);

/* What cores know of each other (order.c). False when there is no memory. */
bool order_open(struct device_run *run);
void order_close(struct device_run *run);
/* A thread sets or increases a semaphore of a core; a fault when another core may do so at the same time. */
void order_overwrite(struct thread *t, struct core *owner, struct semaphore *semaphore);
void order_increase(struct thread *t, struct core *owner, struct semaphore *semaphore);
void order_wait(struct thread *t, const struct semaphore *semaphore);
void order_reserve(struct thread *t, struct circular_buffer *cb);
/* A multicast to pages of a receiver; a fault when the sender cannot know that they are reserved. */
void order_send(struct thread *t, struct core *receiver, struct circular_buffer *cb, uint32_t address,
                uint32_t bytes);
/* The thread writes to pages of its core. */
void order_write(struct thread *t, struct circular_buffer *cb, uint32_t address, uint32_t bytes);
/* A fault when pages of a multicast are pushed that the thread cannot know to have come. */
void order_push(struct thread *t, struct circular_buffer *cb, uint32_t pages);

/* What the threads of a core know of each other (thread_order.c). False when there is no memory. */
bool thread_order_open(struct device_run *run);
void thread_order_close(struct device_run *run);
void thread_order_learn(struct thread *t, const struct progress *progress);
/* A window opens: what was handed over with its pages is known; a window moves: it is handed over. */
void thread_order_window(struct thread *t, const struct circular_buffer *cb, const struct progress *progress,
                         uint32_t first, uint32_t pages);
void thread_order_move(const struct thread *t, struct progress *progress, uint32_t first, uint32_t pages);
/* A fault when the page may be written, or read, by another thread at the same time. */
void thread_order_read(struct thread *t, struct device_tensor *tensor, uint64_t page);
void thread_order_write(struct thread *t, struct device_tensor *tensor, uint64_t page);

/* Tensors: where a page lies. */
static inline uint8_t *tensor_page(const struct device_tensor *tensor, uint64_t page) {
    const struct page_state *state = &tensor->states[page];
    return tensor->bytes + (state->bank * tensor->bank_pages + state->row) * tensor->page_bytes;
}
/* Its address within its bank. */
static inline uint64_t tensor_page_address(const struct device_tensor *tensor, uint64_t page) {
    return tensor->address + (uint64_t)tensor->states[page].row * tensor->page_bytes;
}
/* Where it lies, seen from a core. */
enum device_place tensor_page_place(const struct device_tensor *tensor, uint64_t page,
                                    const struct core *core);
/* Of each core: what tensors take from the end of L1. */
uint32_t tensors_l1_bytes(const struct device *device);
/* "interleaved over 12 banks of DRAM", of the words that device_tensor_facts gives. */
void facts_describe(const uint32_t *facts, size_t count, char *text, size_t size);

char *copy_string(const char *text);

/* Called when a kernel returns: what must not be left open. */
void noc_check_exit(struct thread *t);
void compute_check_exit(struct thread *t);

/* Compute. */
/* What the unpacker is configured for when it reads this format: full-width f32 is a format of its own. */
static inline uint32_t source_format_of(enum data_format format, bool unpack_to_dest) {
    return (uint32_t)format * 2 + (unpack_to_dest ? 1 : 0);
}
const char *source_format_name(uint32_t source_format);

/* Kernels. */
/* Sets the code of a role; false after a fault. It is valid for this launch. */
bool kernel_compile(struct device_run *run, enum device_role role);
void kernels_free(struct device *device);
/* The text with the conditions of its loops wrapped, which are noted in the code; NULL when there is no
 * memory. (loops.c) */
char *loops_wrap(const char *text, struct kernel_code *code);
/* What stands behind a condition: of a loop's number, its variable and whether it goes on. */
void device_loop(uint32_t loop, uint32_t value, uint32_t holds);
/* The loops that a thread is in; and as text, " at tid = 0, k = 3" or nothing. */
size_t loops_list(const struct thread *t, struct device_loop *loops, size_t limit);
void loops_print(const struct device_loop *loops, size_t count, char *text, size_t size);

/* All calls, by name, for the linker of kernels. */
struct call_symbol {
    const char *name;
    void (*function)(void);
};
extern const struct call_symbol call_symbols[];
extern const size_t call_symbol_count;

#endif
