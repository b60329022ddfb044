/* Tensors: their room in DRAM or L1, and where each page lies. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sim/core.h"

enum { ROOM_ALIGNMENT = 64, HOST_LARGE_PAGE = 2 << 20, FACT_SHARDED = 1, FACT_DRAM = 2 };
#define FACT_CONTIGUOUS (1u << 31) /* beside the number of banks */

static uint64_t align_up(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) / alignment * alignment;
}

static uint32_t bank_count(const struct device *device, enum device_memory memory) {
    return memory == DEVICE_L1 ? device->options.grid_x * device->options.grid_y
                               : device->architecture->dram_banks;
}

/* How many shards there are; saturates. */
static uint64_t shard_count(const struct device_placement *placement) {
    uint64_t shards = 1;
    for (size_t i = 0; i < placement->rank; ++i)
        if (__builtin_mul_overflow(
                shards, (placement->shape[i] + placement->shard[i] - 1) / placement->shard[i], &shards))
            return UINT64_MAX;
    return shards;
}

/* The banks that a tensor is spread over: never more than it has shards, and as many as divide them where
 * neighbours share a bank. */
static uint32_t banks_of(const struct device *device, const struct device_placement *placement) {
    uint64_t banks = bank_count(device, placement->memory), shards = shard_count(placement);
    if (placement->rank == 0)
        return (uint32_t)banks;
    if (shards <= banks)
        return (uint32_t)(shards ? shards : 1);
    while (placement->contiguous && shards % banks != 0)
        --banks;
    return (uint32_t)banks;
}

static bool placement_fits(const struct device_placement *placement, uint64_t pages) {
    uint64_t described = 1;
    if (placement->rank > DEVICE_SHARD_RANK)
        return false;
    for (size_t i = 0; i < placement->rank; ++i)
        if (placement->shard[i] == 0 || placement->shard[i] > UINT32_MAX ||
            placement->shape[i] > UINT32_MAX ||
            __builtin_mul_overflow(described, placement->shape[i], &described))
            return false;
    return placement->rank == 0 || described == pages;
}

/* Pages of one shard, and how many shards there are; false when they are too many to count. */
static bool count_shards(const struct device_placement *placement, uint64_t *volume, uint64_t *shards) {
    *volume = 1;
    *shards = shard_count(placement);
    for (size_t i = 0; i < placement->rank; ++i)
        if (__builtin_mul_overflow(*volume, placement->shard[i], volume))
            return false;
    return *shards < UINT64_MAX;
}

/* Rows of pages in each bank, at least one; UINT64_MAX: too many. */
static uint64_t bank_pages_of(const struct device *device, uint64_t pages,
                              const struct device_placement *placement) {
    uint64_t banks = banks_of(device, placement), volume = 1, units = pages, rows;
    if (placement->rank > 0 && !count_shards(placement, &volume, &units))
        return UINT64_MAX;
    rows = units / banks + (units % banks != 0);
    if (__builtin_mul_overflow(rows > 0 ? rows : 1, volume, &rows))
        return UINT64_MAX;
    return rows;
}

/* Bytes from one page of a bank to the next. */
static uint32_t page_stride(const struct device *device, enum data_format format,
                            const struct device_placement *placement) {
    const struct architecture *architecture = device->architecture;
    uint32_t alignment =
        placement->memory == DEVICE_L1 ? architecture->l1_alignment : architecture->dram_read_alignment;
    return placement->row_bytes ? (uint32_t)align_up(placement->row_bytes, alignment)
                                : data_format_tile_bytes(format);
}

uint64_t device_placement_bank_bytes(const struct device *device, enum data_format format, uint64_t pages,
                                     const struct device_placement *placement) {
    uint64_t rows = bank_pages_of(device, pages, placement), bytes;
    if (rows == UINT64_MAX || __builtin_mul_overflow(rows, page_stride(device, format, placement), &bytes) ||
        bytes > UINT64_MAX / 2)
        return UINT64_MAX;
    return align_up(bytes, ROOM_ALIGNMENT);
}

static uint64_t room_of(const struct device_tensor *tensor) {
    return align_up(tensor->bank_pages * tensor->page_bytes, ROOM_ALIGNMENT);
}

/* The addresses of each bank that tensors may have. */
struct address_range {
    uint64_t start, end;
};

static struct address_range range_of(const struct device *device, enum device_memory memory) {
    const struct architecture *architecture = device->architecture;
    uint64_t dram_end = architecture->dram_bank_bytes;
    if (memory == DEVICE_L1)
        return (struct address_range){align_up(architecture->l1_buffer_base, ROOM_ALIGNMENT),
                                      architecture->l1_bytes / ROOM_ALIGNMENT * ROOM_ALIGNMENT};
    /* No tensor has address 0. */
    return (struct address_range){ROOM_ALIGNMENT, dram_end < UINT32_MAX ? dram_end : UINT32_MAX};
}

/* The lowest room of DRAM between the tensors there are, the highest of L1: its address within each bank, and
 * where in the device's list a tensor there belongs. NULL: there is none. */
static struct device_tensor **find_room(struct device *device, enum device_memory memory, uint64_t bytes,
                                        uint32_t *address) {
    struct address_range free = range_of(device, memory);
    uint64_t end = free.end;
    struct device_tensor **found = NULL;
    for (struct device_tensor **link = &device->tensors[memory]; link; link = &(*link)->next) {
        free.end = *link ? (*link)->address : end;
        if (free.end >= free.start && free.end - free.start >= bytes) {
            *address = (uint32_t)(memory == DEVICE_L1 ? free.end - bytes : free.start);
            found = link;
        }
        if (!*link || (found && memory == DEVICE_DRAM))
            return found;
        free.start = (*link)->address + room_of(*link);
    }
    return found;
}

/* Bank and row of a page of a sharded tensor: bank * bank_pages + row. */
static uint64_t shard_slot(const struct device_tensor *tensor, uint64_t page) {
    const struct device_placement *placement = &tensor->placement;
    uint64_t shard = 0, within = 0, shard_stride = 1, page_stride = 1;
    for (size_t i = placement->rank; i-- > 0;) {
        uint64_t at = page % placement->shape[i], extent = placement->shard[i];
        page /= placement->shape[i];
        shard += at / extent * shard_stride;
        within += at % extent * page_stride;
        shard_stride *= (placement->shape[i] + extent - 1) / extent;
        page_stride *= extent;
    }
    uint64_t each = tensor->bank_pages / page_stride;
    if (placement->contiguous)
        return shard / each * tensor->bank_pages + shard % each * page_stride + within;
    return shard % tensor->banks * tensor->bank_pages + shard / tensor->banks * page_stride + within;
}

static void place_page(struct device_tensor *tensor, uint64_t page) {
    struct page_state *state = &tensor->states[page];
    uint64_t slot = tensor->placement.rank > 0
                        ? shard_slot(tensor, page)
                        : page % tensor->banks * tensor->bank_pages + page / tensor->banks;
    state->bank = (uint32_t)(slot / tensor->bank_pages);
    state->row = (uint32_t)(slot % tensor->bank_pages);
}

uint32_t tensors_l1_bytes(const struct device *device) {
    const struct device_tensor *lowest = device->tensors[DEVICE_L1];
    return lowest ? device->architecture->l1_bytes - lowest->address : 0;
}

uint32_t device_l1_free(const struct device *device) {
    return device->architecture->l1_buffer_bytes - tensors_l1_bytes(device);
}

uint32_t device_tensor_page_bytes(const struct device_tensor *tensor) {
    return tensor->page_bytes;
}

const struct device_placement *device_tensor_placement(const struct device_tensor *tensor) {
    return &tensor->placement;
}

static void tensor_discard(struct device_tensor *tensor) {
    free(tensor->name);
    free(tensor->bytes);
    free(tensor->states);
    free(tensor->parts);
    free(tensor);
}

/* Pages begin where lines of the host's cache do. Many of them are to lie in large pages of the host, which
 * bring in more at each fault; a host that has none serves as well. */
static uint8_t *allocate_pages(uint64_t bytes) {
    uint64_t alignment = bytes < HOST_LARGE_PAGE ? ROOM_ALIGNMENT : HOST_LARGE_PAGE;
    uint64_t size = align_up(bytes, alignment);
    uint8_t *memory = aligned_alloc(alignment, size);
    if (memory && alignment == HOST_LARGE_PAGE)
        madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

/* Bytes of each bank that a tensor takes; UINT64_MAX: more than there can be. */
static uint64_t room_for(const struct device *device, enum data_format format, uint64_t pages,
                         const struct device_placement *placement) {
    return placement_fits(placement, pages) ? device_placement_bank_bytes(device, format, pages, placement)
                                            : UINT64_MAX;
}

bool device_has_room(const struct device *device, enum data_format format, uint64_t pages,
                     const struct device_placement *placement) {
    uint64_t room = room_for(device, format, pages, placement);
    uint32_t address;
    return room < UINT64_MAX && find_room((struct device *)device, placement->memory, room, &address);
}

struct device_tensor *device_tensor_place(struct device *device, const char *name, enum data_format format,
                                          uint64_t pages, const struct device_placement *placement) {
    uint64_t room = room_for(device, format, pages, placement);
    uint32_t address = 0;
    struct device_tensor **link =
        room < UINT64_MAX ? find_room(device, placement->memory, room, &address) : NULL;
    struct device_tensor *tensor = link ? calloc(1, sizeof *tensor) : NULL;
    if (!tensor)
        return NULL;
    tensor->device = device;
    tensor->name = copy_string(name);
    tensor->format = format;
    tensor->pages = pages;
    tensor->placement = *placement;
    tensor->page_bytes = page_stride(device, format, placement);
    tensor->address = address;
    tensor->banks = banks_of(device, placement);
    tensor->bank_pages = bank_pages_of(device, pages, placement);
    tensor->bytes = allocate_pages(tensor->banks * tensor->bank_pages * tensor->page_bytes);
    tensor->states = calloc(pages > 0 ? pages : 1, sizeof *tensor->states);
    if (!tensor->name || !tensor->bytes || !tensor->states) {
        tensor_discard(tensor);
        return NULL;
    }
    for (uint64_t page = 0; page < pages; ++page)
        place_page(tensor, page);
    tensor->next = *link;
    *link = tensor;
    device->taken[placement->memory] += room;
    return tensor;
}

struct device_tensor *device_tensor_allocate(struct device *device, const char *name, enum data_format format,
                                             uint64_t pages) {
    return device_tensor_place(device, name, format, pages,
                               &(struct device_placement){.memory = DEVICE_DRAM});
}

void device_tensor_free(struct device *device, struct device_tensor *tensor) {
    if (!tensor)
        return;
    struct device_tensor **link = &device->tensors[tensor->placement.memory];
    while (*link != tensor)
        link = &(*link)->next;
    *link = tensor->next;
    device->taken[tensor->placement.memory] -= room_of(tensor);
    tensor_discard(tensor);
}

uint32_t device_tensor_address(const struct device_tensor *tensor) {
    return tensor->address;
}

bool device_tensor_locate(const struct device_tensor *tensor, uint64_t page, uint32_t *bank,
                          uint64_t *address) {
    if (page >= tensor->pages)
        return false;
    *bank = tensor->states[page].bank;
    *address = tensor_page_address(tensor, page);
    return true;
}

bool device_tensor_write(struct device_tensor *tensor, uint64_t first_page, uint64_t pages,
                         const void *bytes) {
    const uint8_t *source = bytes;
    if (first_page > tensor->pages || pages > tensor->pages - first_page)
        return false;
    for (uint64_t i = 0; i < pages; ++i) {
        memcpy(tensor_page(tensor, first_page + i), source + i * tensor->page_bytes, tensor->page_bytes);
        tensor->states[first_page + i].written = true;
    }
    return true;
}

bool device_tensor_read(const struct device_tensor *tensor, uint64_t first_page, uint64_t pages,
                        void *bytes) {
    uint8_t *target = bytes;
    if (first_page > tensor->pages || pages > tensor->pages - first_page)
        return false;
    for (uint64_t i = 0; i < pages; ++i) {
        if (!tensor->states[first_page + i].written)
            return false;
        memcpy(target + i * tensor->page_bytes, tensor_page(tensor, first_page + i), tensor->page_bytes);
    }
    return true;
}

/* ---- what accessors know ---- */

/* The core whose L1 is this bank. */
static void bank_core(const struct device_tensor *tensor, uint32_t bank, uint32_t *x, uint32_t *y) {
    uint32_t columns = tensor->placement.columns;
    columns = columns ? columns : tensor->device->options.grid_x;
    uint32_t along = bank % columns, across = bank / columns;
    bool by_columns = tensor->placement.by_columns;
    *x = by_columns ? across : along;
    *y = by_columns ? along : across;
}

enum device_place tensor_page_place(const struct device_tensor *tensor, uint64_t page,
                                    const struct core *core) {
    uint32_t x, y;
    if (tensor->placement.memory == DEVICE_DRAM)
        return DEVICE_AT_DRAM;
    bank_core(tensor, tensor->states[page].bank, &x, &y);
    return x == core->x && y == core->y ? DEVICE_AT_OWN_L1 : DEVICE_AT_OTHER_L1;
}

struct device_pages device_tensor_pages(const struct device_tensor *tensor) {
    return tensor->launch == tensor->device->launches ? tensor->moved : (struct device_pages){0};
}

/* The coordinates of a bank, as accessors pack them: x of the bank's number in DRAM, those of the core in L1.
 */
static uint32_t bank_coordinates(const struct device_tensor *tensor, uint32_t bank) {
    uint32_t x = bank, y = 0, core_x, core_y;
    if (tensor->placement.memory == DEVICE_L1) {
        bank_core(tensor, bank, &core_x, &core_y);
        if (!architecture_noc_coordinates(tensor->device->architecture, core_x, core_y, &x, &y))
            return 0;
    }
    return x << 8 | y;
}

size_t device_tensor_facts(const struct device_tensor *tensor, uint32_t *words) {
    const struct device_placement *placement = &tensor->placement;
    size_t count = 0;
    words[count++] =
        (placement->rank > 0 ? FACT_SHARDED : 0) | (placement->memory == DEVICE_DRAM ? FACT_DRAM : 0);
    words[count++] = tensor->page_bytes;
    if (placement->rank == 0)
        return count;
    words[count++] = (uint32_t)placement->rank;
    words[count++] = tensor->banks | (placement->contiguous ? FACT_CONTIGUOUS : 0);
    for (size_t i = 0; i < placement->rank; ++i)
        words[count++] = (uint32_t)placement->shape[i];
    for (size_t i = 0; i < placement->rank; ++i)
        words[count++] = (uint32_t)placement->shard[i];
    for (uint32_t bank = 0; bank < tensor->banks; bank += 2)
        words[count++] = bank_coordinates(tensor, bank) |
                         (bank + 1 < tensor->banks ? bank_coordinates(tensor, bank + 1) << 16 : 0);
    return count;
}

void facts_describe(const uint32_t *facts, size_t count, char *text, size_t size) {
    if (count < 2) {
        snprintf(text, size, "nothing");
        return;
    }
    const char *memory = facts[0] & FACT_DRAM ? "DRAM" : "L1";
    if (!(facts[0] & FACT_SHARDED) || count < 4) {
        snprintf(text, size, "interleaved in %s with pages of %u bytes", memory, (unsigned)facts[1]);
        return;
    }
    size_t rank = facts[2] <= DEVICE_SHARD_RANK ? facts[2] : DEVICE_SHARD_RANK, used = 0;
    int added = snprintf(text, size, "sharded over %u banks of %s with pages of %u bytes, shards of",
                         (unsigned)(facts[3] & ~FACT_CONTIGUOUS), memory, (unsigned)facts[1]);
    for (size_t i = 0; i < rank && 4 + rank + i < count && added > 0 && (used += (size_t)added) < size; ++i)
        added = snprintf(text + used, size - used, i ? "x%u" : " %u", (unsigned)facts[4 + rank + i]);
    if (added > 0 && (used += (size_t)added) < size)
        snprintf(text + used, size - used, " pages");
}
