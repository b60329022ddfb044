/* What calls do in a rehearsal: circular buffers with the state of every page, DST, pages of tensors. */
#include "proofs/rehearse_internal.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "support/architecture.h"
#include "support/arena.h"

/* ---- reports ---- */

const char *launch_text(struct rehearsal *r) {
    const char *text = "";
    for (size_t i = 0; i < r->sizes.count; i++)
        text = arena_printf(r->arena, "%s%s%s = %" PRId64, text, i ? ", " : " with ", r->sizes.items[i].name,
                            r->sizes.items[i].value);
    return text;
}

static const char *core_text(struct player *p) {
    const struct launch *launch = &p->rehearsal->launch;
    return launch->grid_x * launch->grid_y > 1
               ? arena_printf(p->rehearsal->arena, " on core (%" PRIu32 ", %" PRIu32 ")",
                              p->core->performed->x, p->core->performed->y)
               : "";
}

void fail(struct player *p, const char *help, const char *format, ...) {
    struct rehearsal *r = p->rehearsal;
    struct diagnostics *d = r->compilation->diagnostics;
    struct performer *performer = p->performer;
    va_list arguments;
    if (p->failed)
        return;
    p->failed = true;
    va_start(arguments, format);
    const char *message = arena_vprintf(r->arena, format, arguments);
    va_end(arguments);
    const char *iteration =
        trace_iteration(r, performer->function, performer->arguments, performer->argument_count,
                        (size_t)(p->event - performer->trace.events));
    report_error(d, p->event->span, "%s%s%s%s", message, iteration, core_text(p), launch_text(r));
    if (help)
        report_help(d, (struct span){0}, "%s", help);
}

static const char *name_of(const struct rehearsed_ring *ring) {
    return ring->buffer->node->name;
}

/* ---- rings ---- */

uint32_t event_argument(const struct player *p, int position) {
    return position > 0 && position <= EVENT_ARGUMENTS ? p->event->arguments[position - 1] : 0;
}

struct rehearsed_ring *ring_of(struct player *p, int position) {
    uint32_t id = event_argument(p, position);
    for (size_t i = 0; i < p->rehearsal->buffer_count; i++)
        if (p->rehearsal->buffers[i].node->id == (int64_t)id)
            return &p->core->rings[i];
    fail(p, "a function's constant is the number in the declaration of its circular buffer",
         "%s is for circular buffer number %" PRIu32 ", which does not exist", p->event->effect->name, id);
    return NULL;
}

/* A page of the window at the back or at the front; NULL after a fault. */
struct ring_page *window_page(struct player *p, struct rehearsed_ring *ring, bool back, int64_t page) {
    uint32_t window = back ? ring->reserved : ring->waited, first = back ? ring->write_page : ring->read_page;
    if (page < 0 || page >= window) {
        fail(p,
             back ? "cb_reserve_back must cover every page that is written before the push"
                  : "cb_wait_front must cover every page that is read before the pop",
             "%s %s page %" PRId64 " of %s, and %" PRIu32 " are %s", p->event->effect->name,
             back ? "writes" : "reads", page, name_of(ring), window, back ? "reserved" : "waited for");
        return NULL;
    }
    if (first + page >= ring->buffer->pages) {
        fail(p, "take pages and steps that keep every window in one turn of the ring",
             "page %" PRId64 " of the window of %s, which begins at page %" PRIu32
             ", lies behind the end of the ring",
             page, name_of(ring), first);
        return NULL;
    }
    return &ring->pages[first + page];
}

void page_written(struct rehearsed_ring *ring, struct ring_page *page) {
    page->covered = ring->buffer->page_bytes;
    page->bytes = page->known = NULL;
}

/* The tile is there, whole. */
static struct ring_page *read_page(struct player *p, struct rehearsed_ring *ring, int64_t number) {
    struct ring_page *page = window_page(p, ring, false, number);
    if (page && page->covered < ring->buffer->page_bytes) {
        fail(p, "the producer must write every page that is read, before it pushes it",
             "%s reads page %" PRId64 " of %s, %s", p->event->effect->name, number, name_of(ring),
             page->covered ? "which is not wholly written" : "which nobody wrote");
        return NULL;
    }
    return page;
}

static bool enough(const struct player *p, const struct rehearsed_ring *ring) {
    uint32_t pages = event_argument(p, p->event->effect->pages);
    return p->event->effect->kind == EFFECT_RESERVE ? ring->buffer->pages - ring->filled >= pages
                                                    : ring->filled >= pages;
}

/* False: it has to wait. */
static bool open_window(struct player *p, struct rehearsed_ring *ring) {
    uint32_t pages = event_argument(p, p->event->effect->pages);
    bool reserve = p->event->effect->kind == EFFECT_RESERVE;
    uint32_t *window = reserve ? &ring->reserved : &ring->waited,
             first = reserve ? ring->write_page : ring->read_page;
    if (pages > ring->buffer->pages)
        fail(p, "such a call never returns", "%s of %" PRIu32 " pages, and %s has %" PRIu32,
             p->event->effect->name, pages, name_of(ring), ring->buffer->pages);
    else if (!enough(p, ring))
        return false;
    else if (pages > *window)
        *window = pages;
    for (uint32_t i = 0; i < pages && !p->failed; i++) {
        const struct ring_page *page = &ring->pages[(first + i) % ring->buffer->pages];
        order_learn(p, reserve ? page->popped : page->pushed);
    }
    return true;
}

static bool in_flight(uint32_t batch, uint32_t ended) {
    return batch > ended;
}

static void move_window(struct player *p, struct rehearsed_ring *ring) {
    bool push = p->event->effect->kind == EFFECT_PUSH;
    uint32_t pages = event_argument(p, p->event->effect->pages),
             *at = push ? &ring->write_page : &ring->read_page,
             *window = push ? &ring->reserved : &ring->waited;
    if (pages > *window || *at + pages > ring->buffer->pages) {
        fail(p, NULL, "%s of %" PRIu32 " pages of %s, of which %" PRIu32 " are %s from page %" PRIu32 " on",
             p->event->effect->name, pages, name_of(ring), *window, push ? "reserved" : "waited for", *at);
        return;
    }
    for (uint32_t i = 0; i < pages && !p->failed; i++) {
        struct ring_page *page = &ring->pages[*at + i];
        if (push && in_flight(page->read_batch, p->core->read_batch - 1))
            fail(p, "noc_async_read_barrier must stand before the push",
                 "page %" PRIu32 " of %s is pushed while a read into it is in flight", i, name_of(ring));
        if (!push && in_flight(page->write_batch, p->core->flushed_batch - 1))
            fail(p, "noc_async_writes_flushed must stand before the pop",
                 "page %" PRIu32 " of %s is popped while a write from it is in flight", i, name_of(ring));
        if (!push) {
            page->covered = 0;
            page->bytes = page->known = NULL;
        }
        order_note(p, push ? page->pushed : page->popped);
    }
    *at = (*at + pages) % ring->buffer->pages;
    *window -= pages;
    ring->filled = push ? ring->filled + pages : ring->filled - pages;
}

/* ---- data movement ---- */

/* The ring that an address lies in, and the byte from its window on; NULL after a fault. */
struct rehearsed_ring *ring_at(struct player *p, uint32_t address, bool back, int64_t *offset) {
    for (size_t i = 0; i < p->rehearsal->buffer_count; i++) {
        struct rehearsed_ring *ring = &p->core->rings[i];
        const struct rehearsed_buffer *buffer = ring->buffer;
        if (address < buffer->base || address - buffer->base >= buffer->pages * buffer->page_bytes)
            continue;
        *offset = (int64_t)(address - buffer->base) -
                  (int64_t)(back ? ring->write_page : ring->read_page) * buffer->page_bytes;
        return ring;
    }
    fail(p, "addresses come from get_write_ptr and get_read_ptr, with an offset within the window",
         "%s is given an address outside of every circular buffer", p->event->effect->name);
    return NULL;
}

static int64_t floor_quotient(int64_t a, int64_t b) {
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

static const char *type_text(enum dtype dtype) {
    return word_text(WORDS_dtype, (int)dtype);
}

static void write_tensor(struct player *p, struct rehearsed_tensor *tensor, uint32_t page) {
    if (tensor->parameter->direction == DIRECTION_IN)
        return;
    if (tensor->done[page]) {
        fail(p, "every tile of a result is written once, by one core",
             "page %" PRIu32 " of %s is written again", page, tensor->parameter->name);
        if (tensor->written[page].line)
            report_note(p->rehearsal->compilation->diagnostics, tensor->written[page],
                        "it is written here before");
    }
    tensor->done[page] = true;
    tensor->written[page] = p->event->span;
}

static void transfer(struct player *p) {
    bool to_tensor = p->event->effect->kind == EFFECT_WRITE_PAGE;
    struct rehearsed_tensor *tensor = &p->rehearsal->tensors[p->event->arguments[1]];
    uint32_t page_number = p->event->arguments[0];
    int64_t offset;
    struct rehearsed_ring *ring =
        ring_at(p, event_argument(p, p->event->effect->address), !to_tensor, &offset);
    if (!ring)
        return;
    int64_t bytes = ring->buffer->page_bytes, number = floor_quotient(offset, bytes);
    struct ring_page *page = to_tensor ? read_page(p, ring, number) : window_page(p, ring, true, number);
    if (!page)
        return;
    if (page_number >= tensor->pages)
        fail(p, "every page of a tensor that is read or written must exist",
             "%s is for page %" PRIu32 " of %s, which has %" PRIu64, p->event->effect->name, page_number,
             tensor->parameter->name, tensor->pages);
    else if (offset != number * bytes)
        fail(p, "a page of a tensor goes to the beginning of a page of its buffer",
             "%s is given an address in the middle of page %" PRId64 " of %s", p->event->effect->name, number,
             name_of(ring));
    else if (ring->buffer->node->dtype != tensor->parameter->dtype)
        fail(p, "a circular buffer that tensors are read to or written from has their type",
             "%s is %s, and %s is %s", tensor->parameter->name, type_text(tensor->parameter->dtype),
             name_of(ring), type_text(ring->buffer->node->dtype));
    else if (to_tensor)
        write_tensor(p, tensor, page_number);
    order_transfer(p, tensor, page_number, to_tensor);
    if (to_tensor) {
        page->write_batch = p->core->flushed_batch;
    } else {
        page_written(ring, page);
        page->read_batch = p->core->read_batch;
    }
}

static void store(struct player *p) {
    int64_t offset, size = p->event->effect->bytes;
    struct rehearsed_ring *ring = ring_at(p, event_argument(p, p->event->effect->address), true, &offset);
    if (!ring)
        return;
    int64_t bytes = ring->buffer->page_bytes, number = floor_quotient(offset, bytes),
            byte = offset - number * bytes;
    struct ring_page *page = window_page(p, ring, true, number);
    if (!page)
        return;
    if (size < ring->buffer->element_bytes || byte % size != 0)
        fail(p, "a store is as wide as an element, or covers whole ones, and is aligned to its width",
             "%s to byte %" PRId64 " of a page of %s, which is %s", p->event->effect->name, byte,
             name_of(ring), type_text(ring->buffer->node->dtype));
    else if (in_flight(page->read_batch, p->core->read_batch - 1))
        fail(p, "noc_async_read_barrier must stand before the store",
             "page %" PRId64 " of %s is stored to while a read into it is in flight", number, name_of(ring));
    if (p->failed || (page->covered == bytes && !page->bytes))
        return;
    if (!page->bytes) {
        page->bytes = arena_allocate(p->rehearsal->arena, (size_t)bytes);
        page->known = arena_allocate(p->rehearsal->arena, (size_t)bytes);
    }
    for (int64_t i = byte; i < byte + size; i++) {
        page->covered += !page->known[i];
        page->known[i] = 1;
        page->bytes[i] = (unsigned char)(event_argument(p, 2) >> 8 * (i - byte));
    }
}

/* ---- DST ---- */

static bool slot_in_section(struct player *p, uint32_t slot) {
    if (slot < p->slot_count)
        return true;
    fail(p, "take fewer tiles in one section",
         "%s is for slot %" PRIu32 " of DST, and a section has %" PRIu32, p->event->effect->name, slot,
         p->slot_count);
    return false;
}

static const char narrow_help[] =
    "set fp32_dest_acc_en = 1: 16 bits hold what one operation makes of 16-bit tiles, no more";

/* Results of 16 bits were rounded: they may be packed, no more. */
static void read_slot(struct player *p, uint32_t slot) {
    if (!slot_in_section(p, slot))
        return;
    if (p->core->slots[slot] == SLOT_UNWRITTEN)
        fail(p, "every slot that is read or packed must be written in its section",
             "%s reads slot %" PRIu32 " of DST, which nothing wrote in this section", p->event->effect->name,
             slot);
    else if (!p->full_width && p->core->slots[slot] == SLOT_COMPUTED && p->event->effect->kind != EFFECT_PACK)
        fail(p, narrow_help, "%s goes on from slot %" PRIu32 ", where 16 bits of a result are left",
             p->event->effect->name, slot);
}

static void write_slot(struct player *p, uint32_t slot) {
    const struct device_call *effect = p->event->effect;
    if (!slot_in_section(p, slot))
        return;
    if (!p->full_width && effect->write == WRITE_ADDS && p->core->slots[slot] != SLOT_UNWRITTEN)
        fail(p, narrow_help, "%s adds to slot %" PRIu32 ", where 16 bits of a sum are left", effect->name,
             slot);
    p->core->slots[slot] = effect->kind == EFFECT_OPERATION && !effect->matrix ? SLOT_MOVED : SLOT_COMPUTED;
}

/* Tiles of f32 pass through DST as they are, or not at all. */
static void check_width(struct player *p, const struct rehearsed_ring *ring) {
    if (ring && !p->full_width && ring->buffer->node->dtype == DTYPE_F32)
        fail(p, "set fp32_dest_acc_en = 1", "%s is for %s, which is f32, and DST holds 16 bits",
             p->event->effect->name, name_of(ring));
}

/* The bits of an element of a page that was made by stores, by its place in the faces. */
static uint32_t stored_bits(const struct rehearsed_ring *ring, const struct ring_page *page, uint32_t index) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < ring->buffer->element_bytes; i++)
        bits |= (uint32_t)page->bytes[index * ring->buffer->element_bytes + i] << 8 * i;
    return bits;
}

/* Row 0 of each face holds the weights, 1 for a maximum; all else is 0; both faces that share a row or column
 * of the data agree. */
static void check_scaler(struct player *p, struct rehearsed_ring *ring, const struct ring_page *page) {
    const struct node_call *call = p->event->call;
    bool maximum = strcmp(attribute_word(call->arguments.items[0], ""), "MAX") == 0,
         rows = strcmp(attribute_word(call->arguments.items[1], ""), "REDUCE_ROW") == 0;
    uint32_t one = ring->buffer->element_bytes == 2 ? 0x3f80 : 0x3f800000;
    for (uint32_t i = 0; i < 1024 && !p->failed; i++) {
        uint32_t bits = stored_bits(ring, page, i), face = i / 256, row = i % 256 / 16, column = i % 16,
                 other = rows ? (face ^ 2) * 256 + i % 256 : (face ^ 1) * 256 + i % 256;
        const char *wrong = row > 0 && bits                      ? "only row 0 of each face may be filled"
                            : row == 0 && maximum && bits != one ? "a maximum takes 1 in row 0 of each face"
                            : row == 0 && bits != stored_bits(ring, page, other)
                                ? "faces of one row or column must agree"
                                : NULL;
        if (wrong)
            fail(p, "a scaler has its weights in the first row of every face, and 0 elsewhere",
                 "the scaler %s is wrong in face %" PRIu32 ", row %" PRIu32 ", column %" PRIu32 ": %s",
                 name_of(ring), face, row, column, wrong);
    }
}

static void operate(struct player *p) {
    const struct device_call *effect = p->event->effect;
    uint32_t columns = effect->columns ? event_argument(p, effect->columns) : 1,
             rows = effect->rows ? event_argument(p, effect->rows) : 1,
             stride = effect->stride ? event_argument(p, effect->stride) : 1;
    struct rehearsed_ring *a = effect->a ? ring_of(p, effect->a) : NULL,
                          *b = effect->b ? ring_of(p, effect->b) : NULL;
    for (uint32_t i = 0; a && effect->tile_a && i < columns && !p->failed; i++)
        read_page(p, a, (int64_t)event_argument(p, effect->tile_a) + i);
    for (uint32_t i = 0; b && effect->tile_b && i < rows && !p->failed; i++) {
        const struct ring_page *page =
            read_page(p, b, (int64_t)event_argument(p, effect->tile_b) + (int64_t)i * stride);
        if (page && page->bytes && effect->swaps)
            check_scaler(p, b, page);
    }
    check_width(p, a);
    for (uint32_t i = 0; i < rows * columns && !p->failed; i++)
        write_slot(p, event_argument(p, effect->slot) + i);
}

static void compute_vector(struct player *p) {
    const struct device_call *effect = p->event->effect;
    for (size_t i = 0; i < 3 && effect->source[i]; i++)
        read_slot(p, event_argument(p, effect->source[i]));
    if (!p->failed)
        write_slot(p, event_argument(p, effect->slot));
}

static void pack(struct player *p) {
    const struct device_call *effect = p->event->effect;
    struct rehearsed_ring *ring = ring_of(p, effect->buffer);
    read_slot(p, event_argument(p, effect->slot));
    check_width(p, ring);
    struct ring_page *page =
        ring && !p->failed ? window_page(p, ring, true, event_argument(p, effect->tile_a)) : NULL;
    if (page)
        page_written(ring, page);
}

/* What configures for a buffer names one that there is. */
static void configure(struct player *p) {
    const struct device_call *effect = p->event->effect;
    const int positions[] = {effect->a, effect->b, effect->out, effect->buffer};
    for (size_t i = 0; i < sizeof positions / sizeof *positions && !p->failed; i++)
        if (positions[i])
            ring_of(p, positions[i]);
}

/* ---- the play ---- */

/* False: the thread has to wait. */
bool perform(struct player *p) {
    struct rehearsed_ring *ring;
    if (!p->event->effect) {
        fail(p, p->event->help, "%s", p->event->fault);
        return true;
    }
    switch (p->event->effect->kind) {
    case EFFECT_RESERVE:
    case EFFECT_WAIT:
        ring = ring_of(p, p->event->effect->buffer);
        return !ring || open_window(p, ring);
    case EFFECT_PUSH:
    case EFFECT_POP:
        ring = ring_of(p, p->event->effect->buffer);
        if (ring)
            move_window(p, ring);
        break;
    case EFFECT_READ_PAGE:
    case EFFECT_WRITE_PAGE:
        transfer(p);
        break;
    case EFFECT_READ_BARRIER:
        p->core->read_batch++;
        break;
    case EFFECT_WRITE_BARRIER:
    case EFFECT_WRITES_FLUSHED:
        p->core->flushed_batch++;
        break;
    case EFFECT_STORE:
        store(p);
        break;
    case EFFECT_STARTUP:
    case EFFECT_INIT:
    case EFFECT_RECONFIGURE:
    case EFFECT_RECONFIGURE_PACKER:
        configure(p);
        break;
    case EFFECT_ACQUIRE:
        memset(p->core->slots, 0, sizeof p->core->slots);
        break;
    case EFFECT_OPERATION:
        operate(p);
        break;
    case EFFECT_VECTOR:
        compute_vector(p);
        break;
    case EFFECT_PACK:
        pack(p);
        break;
    default:
        return perform_between_cores(p);
    }
    return true;
}
