/* Tiles as the matrix unit reads them, kept while they stand in their buffers.
 *
 * Nothing writes a page between its push and its pop, so what it was unpacked to holds until the pop. Every
 * read is checked and counted all the same.
 */
#include <stdlib.h>

#include "sim/compute.h"

/* More than the operands of one call, which must not displace each other; few enough for the host's caches.
 */
#define OPERANDS 64
_Static_assert(OPERANDS > 2 * MAX_DST_TILES && OPERANDS <= UINT8_MAX, "circular_buffer.operands counts them");

struct operand_store {
    struct operand operands[OPERANDS];
    uint8_t unused[OPERANDS]; /* a stack: the last one given back is hot in the host's cache */
    size_t unused_count;
    size_t next; /* to be displaced when none is unused */
};

struct operand_store *operands_create(void) {
    return aligned_alloc(64, sizeof(struct operand_store));
}

void operands_forget(struct operand_store *store) {
    store->unused_count = store->next = 0;
    for (size_t i = OPERANDS; i-- > 0;)
        store->unused[store->unused_count++] = (uint8_t)i;
}

void operand_release(struct operand_store *store, struct circular_buffer *cb, uint32_t page) {
    store->unused[store->unused_count++] = (uint8_t)(cb->operands[page] - 1);
    cb->operands[page] = 0;
}

/* One that the call at hand does not use. */
static uint8_t operand_take(struct operand_store *store, uint64_t call) {
    if (store->unused_count > 0)
        return store->unused[--store->unused_count];
    while (store->operands[store->next].call == call)
        store->next = (store->next + 1) % OPERANDS;
    struct operand *displaced = &store->operands[store->next];
    displaced->buffer->operands[displaced->page] = 0;
    return (uint8_t)store->next;
}

const struct operand *operand_load(struct thread *t, struct circular_buffer *cb, uint32_t tile) {
    const struct device_run *run = t->core->run;
    struct operand_store *store = run->device->operands;
    if (cb->spec->unpack_to_dest)
        thread_fault(t, "%s is unpacked to DST at full width and cannot feed the matrix unit",
                     buffer_name(cb));
    const uint8_t *bytes = buffer_read_tile(t, cb, tile);
    uint32_t page = cb->read_page + tile;
    if (cb->operands[page] == 0) {
        uint8_t index = operand_take(store, run->statistics.calls);
        struct operand *operand = &store->operands[index];
        struct unpacked unpacked = tile_unpack(t, cb, bytes, &operand->tile);
        if (unpacked.holds != HOLDS_FLOATS)
            thread_fault(t, "%s holds integers (%s), which the matrix unit does not take", buffer_name(cb),
                         data_format_name(cb->spec->format));
        operand->range = unpacked.range;
        operand->buffer = cb;
        operand->page = page;
        cb->operands[page] = (uint8_t)(index + 1);
    }
    struct operand *operand = &store->operands[cb->operands[page] - 1];
    operand->call = run->statistics.calls;
    return operand;
}
