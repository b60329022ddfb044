/* Circular buffers and data movement. Transfers take place at once: the strictness about barriers, alignment
 * and configuration is that of the embedded device; what is checked here are windows, wraps, pages and what
 * was never written.
 */
#include <inttypes.h>
#include <string.h>

#include "evaluate/machine.h"
#include "ir/format.h"

#define L1_BASE 0x10000u /* addresses mean nothing outside the evaluator; 0 is none */
#define PAGE_LIMIT 65535

static enum data_format format_of(enum dtype dtype) {
    enum data_format format = FORMAT_F32;
    dtype_data_format(dtype, &format);
    return format;
}

/* ---- the buffers of a core ---- */

static void fill_holes(struct number *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        items[i] = number_hole();
}

bool rings_open(struct machine *m) {
    const struct program *p = m->program;
    uint32_t address = L1_BASE;
    m->state.rings = arena_allocate(m->arena, (p->buffer_count + 1) * sizeof *m->state.rings);
    for (size_t i = 0; i < p->buffer_count && !m->stopped; i++) {
        struct ring *ring = &m->state.rings[i];
        int64_t pages = integer_of(m, p->buffers[i].pages);
        ring->plan = &p->buffers[i];
        for (size_t j = 0; j < i; j++)
            if (p->buffers[j].id == p->buffers[i].id)
                machine_fault(m, ring->plan->span, "circular buffers %s and %s have the same number",
                              p->buffers[j].name, ring->plan->name);
        if (pages < 1 || pages > PAGE_LIMIT) {
            machine_fault(m, ring->plan->span, "circular buffer %s has %" PRId64 " pages", ring->plan->name,
                          pages);
            return false;
        }
        ring->pages = (uint32_t)pages;
        ring->page_bytes = data_format_tile_bytes(format_of(ring->plan->dtype));
        ring->element_bytes = data_format_element_bytes(format_of(ring->plan->dtype));
        ring->base = address;
        address += ring->pages * ring->page_bytes;
        ring->items = arena_allocate(m->arena, (size_t)pages * TILE_ELEMENTS * sizeof *ring->items);
        fill_holes(ring->items, (size_t)pages * TILE_ELEMENTS);
    }
    return !m->stopped;
}

void rings_reset(struct machine *m) {
    for (size_t i = 0; i < m->program->buffer_count; i++) {
        struct ring *ring = &m->state.rings[i];
        if (ring->used)
            fill_holes(ring->items, (size_t)ring->pages * TILE_ELEMENTS);
        ring->used = false;
        ring->write_page = ring->read_page = ring->filled = ring->reserved = ring->waited = 0;
    }
}

struct ring *ring_find(struct machine *m, int64_t id) {
    for (size_t i = 0; i < m->program->buffer_count; i++)
        if (m->state.rings[i].plan->id == id)
            return &m->state.rings[i];
    machine_fault(m, m->span, "there is no circular buffer number %" PRId64, id);
    return NULL;
}

struct number *ring_tile(struct machine *m, struct ring *ring, bool write, int64_t page) {
    uint32_t window = write ? ring->reserved : ring->waited,
             first = write ? ring->write_page : ring->read_page;
    if (page < 0 || page >= window) {
        machine_fault(m, m->span, "page %" PRId64 " of %s is %s, but %u pages are %s", page, ring->plan->name,
                      write ? "written" : "read", window, write ? "reserved" : "waited for");
        return NULL;
    }
    if (first + page >= ring->pages) {
        machine_fault(m, m->span,
                      "page %" PRId64
                      " of the window of %s, which begins at page %u, lies behind its wrap at %u",
                      page, ring->plan->name, first, ring->pages);
        return NULL;
    }
    ring->used |= write;
    return ring->items + (size_t)(first + page) * TILE_ELEMENTS;
}

struct number *window_place(struct machine *m, const struct window *w, bool write, struct span span) {
    struct ring *ring = ring_find(m, w->buffer);
    int64_t x[2] = {0, 0}, row, column;
    if (!ring)
        return NULL;
    for (size_t i = 0; i < w->rank; i++)
        x[i] = integer_of(m, w->subscripts[i]);
    row = w->rank == 2 || w->column ? x[0] : 0;
    column = w->rank == 2 ? x[1] : w->column ? 0 : x[0];
    if (row < 0 || column < 0 || row >= (int64_t)w->rows * TILE_EDGE ||
        column >= (int64_t)w->columns * TILE_EDGE) {
        machine_fault(m, span, "element [%" PRId64 ", %" PRId64 "] is outside the %u x %u tiles of %s", row,
                      column, w->rows, w->columns, w->name);
        return NULL;
    }
    struct number *tile = ring_tile(m, ring, write, row / TILE_EDGE * w->columns + column / TILE_EDGE);
    return tile ? tile + row % TILE_EDGE * TILE_EDGE + column % TILE_EDGE : NULL;
}

/* ---- protocol ---- */

static int64_t argument(struct machine *m, const struct call *call, size_t index) {
    return integer_of(m, call->arguments[index]);
}

static struct ring *protocol_enter(struct machine *m, const struct call *call, int64_t *pages) {
    struct ring *ring = ring_find(m, argument(m, call, 0));
    *pages = argument(m, call, 1);
    if (!ring || m->stopped)
        return NULL;
    if (*pages < 0 || *pages > ring->pages) {
        machine_fault(m, m->span, "%s of %" PRId64 " pages, but %s has %u", call->name, *pages,
                      ring->plan->name, ring->pages);
        return NULL;
    }
    return ring;
}

static enum call_result wait(struct machine *m, const struct ring *ring, int64_t pages) {
    m->thread->waits_for = ring;
    m->thread->waits_semaphore = NULL;
    m->thread->waits_pages = (uint32_t)pages;
    return CALL_BLOCKED;
}

static enum call_result reserve_back(struct machine *m, const struct call *call) {
    int64_t pages;
    struct ring *ring = protocol_enter(m, call, &pages);
    if (!ring)
        return CALL_DONE;
    if (ring->pages - ring->filled < pages)
        return wait(m, ring, pages);
    if (pages > ring->reserved)
        ring->reserved = (uint32_t)pages;
    return CALL_DONE;
}

static enum call_result push_back(struct machine *m, const struct call *call) {
    int64_t pages;
    struct ring *ring = protocol_enter(m, call, &pages);
    if (!ring)
        return CALL_DONE;
    if (pages > ring->reserved)
        machine_fault(m, m->span, "%" PRId64 " pages of %s are pushed, but %u are reserved", pages,
                      ring->plan->name, ring->reserved);
    else if (ring->write_page + pages > ring->pages)
        machine_fault(m, m->span, "%" PRId64 " pages of %s are pushed from page %u on, but it wraps at %u",
                      pages, ring->plan->name, ring->write_page, ring->pages);
    if (m->stopped)
        return CALL_DONE;
    ring->write_page = (uint32_t)((ring->write_page + pages) % ring->pages);
    ring->filled += (uint32_t)pages;
    ring->reserved -= (uint32_t)pages;
    return CALL_DONE;
}

static enum call_result wait_front(struct machine *m, const struct call *call) {
    int64_t pages;
    struct ring *ring = protocol_enter(m, call, &pages);
    if (!ring)
        return CALL_DONE;
    if (ring->filled < pages)
        return wait(m, ring, pages);
    if (pages > ring->waited)
        ring->waited = (uint32_t)pages;
    return CALL_DONE;
}

static enum call_result pop_front(struct machine *m, const struct call *call) {
    int64_t pages;
    struct ring *ring = protocol_enter(m, call, &pages);
    if (!ring)
        return CALL_DONE;
    if (pages > ring->waited)
        machine_fault(m, m->span, "%" PRId64 " pages of %s are popped, but %u are waited for", pages,
                      ring->plan->name, ring->waited);
    else if (ring->read_page + pages > ring->pages)
        machine_fault(m, m->span, "%" PRId64 " pages of %s are popped from page %u on, but it wraps at %u",
                      pages, ring->plan->name, ring->read_page, ring->pages);
    if (m->stopped)
        return CALL_DONE;
    fill_holes(ring->items + (size_t)ring->read_page * TILE_ELEMENTS, (size_t)pages * TILE_ELEMENTS);
    ring->read_page = (uint32_t)((ring->read_page + pages) % ring->pages);
    ring->filled -= (uint32_t)pages;
    ring->waited -= (uint32_t)pages;
    return CALL_DONE;
}

/* ---- addresses and pages ---- */

int64_t pointer_of(struct machine *m, int64_t id, bool write) {
    const struct ring *ring = ring_find(m, id);
    return ring ? ring->base + (int64_t)(write ? ring->write_page : ring->read_page) * ring->page_bytes : 0;
}

struct number *ring_page(struct machine *m, int64_t address, bool write, struct ring **found,
                         uint32_t *byte) {
    for (size_t i = 0; i < m->program->buffer_count; i++) {
        struct ring *ring = &m->state.rings[i];
        int64_t offset = address - ring->base;
        if (offset < 0 || offset >= (int64_t)ring->pages * ring->page_bytes)
            continue;
        int64_t page = offset / ring->page_bytes - (write ? ring->write_page : ring->read_page);
        *found = ring;
        *byte = (uint32_t)(offset % ring->page_bytes);
        return ring_tile(m, ring, write, page);
    }
    machine_fault(m, m->span, "address %" PRId64 " is in no circular buffer", address);
    return NULL;
}

void accessor_bind(struct machine *m, const struct accessor_binding *binding) {
    struct accessor_state *state = &m->state.accessors[binding->accessor];
    int64_t address = integer_of(m, binding->address);
    state->bound = false;
    for (size_t i = 0; i < m->program->tensor_count; i++) {
        if (m->tensors[i].address == address) {
            state->bound = true;
            state->tensor = (uint32_t)i;
        }
    }
    state->rank = binding->rank;
    for (size_t i = 0; i < binding->rank; i++)
        state->dimensions[i] = integer_of(m, binding->dimensions[i]);
    if (!state->bound)
        machine_fault(m, m->span, "no tensor lies at address %" PRId64, address);
}

int64_t page_of(struct machine *m, const struct page *page, struct span span) {
    const struct accessor_state *state = page->accessor ? &m->state.accessors[page->index] : NULL;
    const struct machine_pages *tensor = page->accessor ? NULL : &m->tensors[page->index];
    int64_t at = 0;
    if (page->count != (state ? state->rank : tensor->rank)) {
        machine_fault(m, span, "a page of %s is given by %zu indices, not %zu", page->name,
                      state ? state->rank : tensor->rank, page->count);
        return 0;
    }
    for (size_t i = 0; i < page->count; i++) {
        int64_t index = integer_of(m, page->indices[i]),
                extent = state ? state->dimensions[i] : (int64_t)tensor->dimensions[i];
        if (index < 0 || index >= extent) {
            machine_fault(m, span,
                          "tile %" PRId64 " of dimension %zu of %s, which has %" PRId64 " tiles there", index,
                          i + 1, page->name, extent);
            return 0;
        }
        at = at * extent + index;
    }
    return at;
}

static struct number *tensor_page(struct machine *m, const struct call *call, struct machine_pages **found) {
    const struct accessor_state *state = call->accessor ? &m->state.accessors[call->operand] : NULL;
    if (state && !state->bound) {
        machine_fault(m, m->span, "an accessor is used before it is made");
        return NULL;
    }
    struct machine_pages *tensor = &m->tensors[state ? state->tensor : call->operand];
    int64_t page = argument(m, call, 0);
    if (m->stopped)
        return NULL;
    if (page < 0 || (uint64_t)page >= tensor->count) {
        machine_fault(m, m->span, "page %" PRId64 " of %s, which has %" PRIu64, page, tensor->name,
                      tensor->count);
        return NULL;
    }
    *found = tensor;
    return tensor->items + (size_t)page * TILE_ELEMENTS;
}

/* Variant 0 reads a page into L1, 1 writes it. */
static enum call_result transfer(struct machine *m, const struct call *call) {
    bool write = call->variant == 1;
    struct machine_pages *tensor;
    struct ring *ring;
    uint32_t byte;
    struct number *page = tensor_page(m, call, &tensor);
    struct number *tile = page ? ring_page(m, argument(m, call, 1), !write, &ring, &byte) : NULL;
    if (!tile || m->stopped)
        return CALL_DONE;
    if (byte != 0)
        machine_fault(m, m->span, "a tile of %s goes to the middle of a page of %s", tensor->name,
                      ring->plan->name);
    else if (ring->plan->dtype != tensor->dtype)
        machine_fault(m, m->span, "%s is %s, but %s is %s", tensor->name,
                      word_text(WORDS_dtype, (int)tensor->dtype), ring->plan->name,
                      word_text(WORDS_dtype, (int)ring->plan->dtype));
    else
        memcpy(write ? page : tile, write ? tile : page, TILE_ELEMENTS * sizeof *tile);
    return CALL_DONE;
}

/* ---- single stores ---- */

struct number number_argument(struct machine *m, const struct expression *argument_) {
    if (argument_->type == NUMBER_FLOAT)
        return number_of(m, argument_);
    if (argument_->operation == OP_BITS)
        return number_of(m, argument_->a);
    return number_from_bits(m->model, (uint32_t)(uint64_t)integer_of(m, argument_));
}

/* The element that stands at this place in the storage order of a tile. */
static struct number *stored_element(struct number *tile, uint32_t index) {
    uint32_t face = index / 256, row = face / 2 * FACE_EDGE + index % 256 / FACE_EDGE,
             column = face % 2 * FACE_EDGE + index % FACE_EDGE;
    return &tile[row * TILE_EDGE + column];
}

static struct number number_from_word(struct machine *m, enum dtype dtype, uint32_t word) {
    switch (dtype) {
    case DTYPE_BF16:
        return number_from_bits(m->model, word << 16);
    case DTYPE_F32:
        return number_from_bits(m->model, word);
    case DTYPE_I32:
        return (struct number){(double)(int32_t)word, 0};
    default:
        return (struct number){(double)word, 0};
    }
}

/* Variant: the bytes of the store. A word holds two elements of 16 bits. */
static enum call_result store(struct machine *m, const struct call *call) {
    struct ring *ring;
    uint32_t byte, bytes = (uint32_t)call->variant;
    int64_t address = argument(m, call, 0);
    struct number *tile = m->stopped ? NULL : ring_page(m, address, true, &ring, &byte);
    if (!tile)
        return CALL_DONE;
    if (ring->element_bytes == 0 || bytes < ring->element_bytes || byte % bytes != 0) {
        machine_fault(m, m->span, "%s at byte %u of a page of %s, which is %s", call->name, byte,
                      ring->plan->name, word_text(WORDS_dtype, (int)ring->plan->dtype));
        return CALL_DONE;
    }
    enum dtype dtype = ring->plan->dtype;
    const struct expression *value = call->arguments[1];
    if (dtype == DTYPE_F32) {
        *stored_element(tile, byte / 4) = number_argument(m, value);
        return CALL_DONE;
    }
    uint32_t word = (uint32_t)(uint64_t)integer_of(m, value);
    for (uint32_t i = 0; i < bytes / ring->element_bytes; i++) {
        uint32_t element = ring->element_bytes == 4 ? word : word >> (16 * i) & 0xffffu;
        *stored_element(tile, byte / ring->element_bytes + i) = number_from_word(m, dtype, element);
    }
    return CALL_DONE;
}

enum call_result call_nothing(struct machine *m, const struct call *call) {
    (void)m, (void)call;
    return CALL_DONE;
}

static const struct {
    const char *name;
    call_meaning *meaning;
    int variant;
} meanings[] = {
    {"cb_reserve_back", reserve_back, 0},
    {"cb_push_back", push_back, 0},
    {"cb_wait_front", wait_front, 0},
    {"cb_pop_front", pop_front, 0},
    {"noc_async_read_page", transfer, 0},
    {"noc_async_write_page", transfer, 1},
    {"noc_async_read_barrier", call_nothing, 0},
    {"noc_async_write_barrier", call_nothing, 0},
    {"noc_async_writes_flushed", call_nothing, 0},
    {"l1_store_u16", store, 2},
    {"l1_store_u32", store, 4},
};

bool call_find(const char *name, struct call *call) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (strcmp(meanings[i].name, name) == 0) {
            call->meaning = meanings[i].meaning;
            call->variant = meanings[i].variant;
            return true;
        }
    }
    return core_call_find(name, call) || tile_call_find(name, call);
}
