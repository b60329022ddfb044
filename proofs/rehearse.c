/* A rehearsal: launches of a few sizes are set up, and every core's thread is traced and played. */
#include "proofs/rehearse.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "support/arena.h"
#include "ir/query.h"
#include "ir/trial.h"
#include "proofs/rehearse_internal.h"
#include "support/scalar.h"

#define TENSOR_BASE 0x40000000u
#define RING_BASE 0x10000u
#define SEMAPHORE_BASE 0x8000u

/* ---- the plan ---- */

/* Does the value of a launch argument depend on where its core stands? */
static bool visit_place(struct node *node, void *context) {
    static const char *const elsewhere[] = {"start", "count", "address", "min", "max", "ceildiv", "out"};
    const struct node_call *call = node_as(node, call);
    bool *found = context, place = call != NULL;
    for (size_t i = 0; call && i < sizeof elsewhere / sizeof *elsewhere; i++)
        place = place && strcmp(call->function, elsewhere[i]) != 0;
    *found |= place;
    return !*found && node_each_child(node, visit_place, context);
}

/* The kernel on the cores of its plan; on two of them where nothing asks for a core's place: which of them
 * computes a block means nothing then. NULL where the plan does not say which cores there are. */
static struct node *with_few_cores(struct compilation *c, struct arena *arena) {
    struct node *arguments = attribute_get(c->kernel, KEY_TT_RUNTIME_ARGS),
                *grid = attribute_get(c->kernel, KEY_TT_CORE_GRID);
    struct node_sequence *edges = node_as(grid, sequence);
    int64_t x, y;
    bool placed = false;
    if (!edges || edges->items.count != 2 || !integer_value(edges->items.items[0], &x) ||
        !integer_value(edges->items.items[1], &y))
        return NULL;
    if (arguments)
        visit_place(arguments, &placed);
    if (!placed && (x > 1 || y > 1))
        grid = node_new(arena, sequence, SEQUENCE, c->kernel->span,
                        .items = LIST(arena, make_integer(arena, 2), make_integer(arena, 1)));
    return attribute_set(arena, c->kernel, KEY_TT_CORE_GRID, grid);
}

static bool prepare_tensors(struct rehearsal *r) {
    struct diagnostics *scratch = diagnostics_create(r->arena);
    struct node_list parameters = launch_parameters(r->kernel);
    uint64_t total = 0;
    r->tensors = arena_allocate(r->arena, (parameters.count + 1) * sizeof *r->tensors);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        struct rehearsed_tensor *tensor = &r->tensors[r->tensor_count];
        uint64_t extents[TENSOR_RANK_LIMIT];
        if (!is_tensor(parameter))
            continue;
        if (!parameter_extents(scratch, &r->sizes, &parameter->base, extents))
            return false;
        *tensor = (struct rehearsed_tensor){.parameter = parameter,
                                            .address = TENSOR_BASE + (uint32_t)r->tensor_count * 64,
                                            .rank = parameter->dimensions.count,
                                            .pages = 1};
        for (size_t j = 0; j < tensor->rank; j++) {
            tensor->dimensions[j] =
                j + 2 < tensor->rank ? extents[j] : (extents[j] + TILE_EDGE - 1) / TILE_EDGE;
            if (__builtin_mul_overflow(tensor->pages, tensor->dimensions[j], &tensor->pages))
                return false;
        }
        r->tensor_count++;
        total += tensor->pages < EVENT_LIMIT ? tensor->pages : EVENT_LIMIT;
        if (total >= EVENT_LIMIT)
            return false;
        tensor->done = arena_allocate(r->arena, tensor->pages + 1);
        tensor->written = arena_allocate(r->arena, (tensor->pages + 1) * sizeof *tensor->written);
        if (parameter->direction == DIRECTION_INOUT)
            tensor->order = arena_allocate(r->arena, (tensor->pages + 1) * sizeof *tensor->order);
    }
    return true;
}

static bool prepare_buffers(struct rehearsal *r) {
    struct diagnostics *scratch = diagnostics_create(r->arena);
    struct node_list statements = node_as(node_as(r->kernel, kernel)->body, block)->statements;
    uint64_t address = RING_BASE;
    r->buffers = arena_allocate(r->arena, (statements.count + 1) * sizeof *r->buffers);
    for (size_t i = 0; i < statements.count; i++) {
        const struct node_circular_buffer *node = node_as(statements.items[i], circular_buffer);
        int64_t pages, bytes;
        uint32_t tile_bytes;
        if (!node)
            continue;
        bytes = attribute_integer(dictionary_get(attribute_get(&node->base, KEY_TT_CB), KEY_PAGE_SIZE), 0);
        if (!device_format(node->dtype, &tile_bytes) || bytes < 1 || bytes > INT32_MAX ||
            !size_evaluate(scratch, &r->sizes, node->pages, &pages) || pages < 1 || pages > UINT16_MAX)
            return false;
        r->buffers[r->buffer_count++] = (struct rehearsed_buffer){node, (uint32_t)address, (uint32_t)pages,
                                                                  (uint32_t)bytes, tile_bytes / 1024};
        address += (uint64_t)pages * (uint64_t)bytes;
        if (address >= TENSOR_BASE)
            return false;
    }
    return true;
}

static void prepare_semaphores(struct rehearsal *r) {
    struct node_list statements = node_as(node_as(r->kernel, kernel)->body, block)->statements;
    r->semaphores = arena_allocate(r->arena, (statements.count + 1) * sizeof *r->semaphores);
    for (size_t i = 0; i < statements.count; i++) {
        const struct node_semaphore *node = node_as(statements.items[i], semaphore);
        if (node)
            r->semaphores[r->semaphore_count++] =
                (struct rehearsed_semaphore){node, SEMAPHORE_BASE + (uint32_t)node->id * 16};
    }
}

static bool prepare_launch(struct rehearsal *r, struct diagnostics *scratch) {
    struct node_list parameters = launch_parameters(r->kernel);
    struct launch_word *words = arena_allocate(r->arena, (2 * parameters.count + 1) * sizeof *words);
    struct launch_word *scalars = words + parameters.count;
    r->launch = (struct launch){.kernel = r->kernel,
                                .sizes = &r->sizes,
                                .addresses = words,
                                .scalars = scalars,
                                .address_count = r->tensor_count};
    for (size_t i = 0; i < r->tensor_count; i++)
        words[i] = (struct launch_word){r->tensors[i].parameter->name, r->tensors[i].address};
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!is_tensor(parameter) && (parameter->dtype == DTYPE_F32 || parameter->dtype == DTYPE_BF16))
            scalars[r->launch.scalar_count++] = (struct launch_word){parameter->name, 0x3f400000u};
    }
    return launch_prepare(scratch, &r->launch);
}

static bool is_empty(const struct rehearsal *r) {
    for (size_t i = 0; i < r->tensor_count; i++)
        if (r->tensors[i].parameter->direction != DIRECTION_IN && r->tensors[i].pages > 0)
            return false;
    return true;
}

/* ---- one launch ---- */

static bool trace_core(struct rehearsal *r, struct diagnostics *scratch, uint32_t number,
                       struct performed_core *core) {
    struct node_list statements = node_as(node_as(r->kernel, kernel)->body, block)->statements;
    const struct node_dictionary *list = launch_argument_list(r->kernel);
    size_t count = list ? list->entries.count : 0;
    uint32_t *arguments = arena_allocate(r->arena, (count + 1) * sizeof *arguments);
    *core = (struct performed_core){.x = number % r->launch.grid_x, .y = number / r->launch.grid_x};
    launch_noc_coordinates(r->kernel, core->x, core->y, core->noc);
    if (!launch_arguments(scratch, &r->launch, number, arguments))
        return false;
    for (size_t i = 0; i < statements.count; i++) {
        const struct node_function *function = node_as(statements.items[i], function);
        if (!function || function->role == ROLE_HELPER || core->count == FUNCTION_LIMIT)
            continue;
        struct performer *performer = &core->performers[core->count++];
        *performer =
            (struct performer){.function = function, .arguments = arguments, .argument_count = count};
        if (!trace_function(r, function, arguments, count, &performer->trace))
            return false;
    }
    return true;
}

/* What the launch itself cannot work out. */
static void report_launch(struct rehearsal *r, const struct diagnostics *scratch) {
    struct compilation *c = r->compilation;
    report_error(c->diagnostics, c->kernel->span, "a launch of kernel %s fails%s: %s",
                 node_as(c->kernel, kernel)->name, launch_text(r), scratch->first->message);
    report_help(c->diagnostics, (struct span){0}, "%s and %s are worked out by the host", KEY_TT_RUNTIME_ARGS,
                KEY_TT_GRID_BLOCKS);
}

/* False after a reported fault. */
static bool rehearse(struct compilation *c, size_t number, size_t *played) {
    struct rehearsal r = {.compilation = c, .arena = arena_create()};
    struct diagnostics *scratch = diagnostics_create(r.arena);
    bool fine = true;
    r.sizes.arena = r.arena;
    r.kernel = with_few_cores(c, r.arena);
    bool sized =
        r.kernel && trial_sizes(r.kernel, number, &r.sizes) && prepare_tensors(&r) && prepare_buffers(&r) && !is_empty(&r);
    if (sized)
        prepare_semaphores(&r);
    bool ready = sized && prepare_launch(&r, scratch) && r.launch.grid_x * r.launch.grid_y <= REHEARSED_CORES;
    size_t cores = ready ? r.launch.grid_x * r.launch.grid_y : 0;
    struct performed_core *performed = arena_allocate(r.arena, (cores + 1) * sizeof *performed);
    for (uint32_t i = 0; ready && i < cores; i++)
        ready = trace_core(&r, scratch, i, &performed[i]);
    if (ready) {
        fine = play(&r, performed, cores);
        ++*played;
    } else if (sized && scratch->error_count) {
        report_launch(&r, scratch);
        fine = false;
    }
    arena_free(r.arena);
    return fine;
}

void rehearse_device_kernel(struct compilation *c) {
    size_t played = 0;
    bool open = open_sizes(c->arena, c->kernel).count > 0;
    for (size_t i = 0; i < TRIALS && (open || i == 0); i++)
        if ((i < EQUAL_SIZES || !played) && !rehearse(c, i, &played))
            return;
}
