/* Rehearsals: launches of small sizes one after another, on one device. */
#include "driver/rehearse.h"

#include <inttypes.h>
#include <string.h>

#include "driver/array_values.h"
#include "driver/kernel_launch.h"
#include "driver/launch_backend.h"
#include "driver/placement.h"
#include "driver/validate.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/trial.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/explanation.h"
#include "support/tile_layout.h"

/* What is larger is not rehearsed: calls and iterations of loops on all cores together, tiles of all
 * tensors. */
enum { STEP_LIMIT = 200000, TILE_LIMIT = 1 << 14 };

struct rehearsal {
    struct unit *unit;
    struct node *kernel; /* on the cores of a rehearsal */
    struct kernel_stage stage;
    size_t played;
    uint64_t calls; /* of the device, in all of them */
    bool cut; /* a launch took more than STEP_LIMIT */
    bool own; /* fault, whoever wrote the kernel */
};

/* One launch of it. */
struct small_launch {
    struct rehearsal *rehearsal;
    struct arena *arena;
    struct diagnostics *scratch;
    struct environment sizes;
    struct scalar_list scalars;
    struct node_list tensors;
    struct tensor_value **values;
};

/* ---- cores ---- */

/* The kernel with the coordinates of its cores, which device form may leave to whoever launches it. */
static struct node *with_core_map(struct unit *unit, struct arena *arena, struct node *kernel) {
    struct compilation c = {.arena = arena,
                            .diagnostics = diagnostics_create(arena),
                            .architecture = unit->options.architecture,
                            .kernel = kernel};
    return attribute_get(kernel, KEY_TT_CORE_MAP) || !tt_tiles_to_core_map(&c) ? kernel : c.kernel;
}

/* The kernel on the cores of its plan; on two of them where nothing asks for a core's place: which of them
 * computes a block means nothing then. NULL where the plan does not say which cores there are. */
static struct node *with_few_cores(struct arena *arena, struct node *kernel) {
    struct node *arguments = attribute_get(kernel, KEY_TT_RUNTIME_ARGS),
                *grid = attribute_get(kernel, KEY_TT_CORE_GRID);
    struct node_sequence *edges = node_as(grid, sequence);
    int64_t x, y;
    if (!edges || edges->items.count != 2 || !integer_value(edges->items.items[0], &x) ||
        !integer_value(edges->items.items[1], &y))
        return NULL;
    if (!depends_on_place(arguments) && (x > 1 || y > 1))
        grid = node_new(arena, sequence, SEQUENCE, kernel->span,
                        .items = LIST(arena, make_integer(arena, 2), make_integer(arena, 1)));
    return attribute_set(arena, kernel, KEY_TT_CORE_GRID, grid);
}

/* ---- tensors ---- */

/* The contents of what the kernel reads: so many generated values over and over, a prime, so that rows
 * differ. */
static void fill(struct small_launch *l, struct array *array, size_t number) {
    enum { PERIOD = 1009 };
    struct trial_values values = {.state = 12345 + number, .kind = VALUES_BETWEEN};
    uint64_t count = array_count(array);
    size_t bytes = array_bytes(array), period = count ? PERIOD * (bytes / count) : 1;
    char *rows = array->rows = arena_allocate(l->arena, bytes + 1);
    for (uint64_t i = 0; i < count && i < PERIOD; i++)
        array_set(array, i, trial_value(&values, array->dtype));
    for (size_t at = period; at < bytes; at += period)
        memcpy(rows + at, rows, bytes - at < period ? bytes - at : period);
}

/* False: the kernel has no tensors of such sizes, or they are too large. */
static bool make_tensors(struct small_launch *l) {
    uint64_t tiles = 0;
    l->tensors = launch_tensors(l->arena, l->rehearsal->kernel);
    l->values = arena_allocate(l->arena, (l->tensors.count + 1) * sizeof *l->values);
    for (size_t i = 0; i < l->tensors.count; i++) {
        struct node_parameter *parameter = node_as(l->tensors.items[i], parameter);
        struct tensor_value *value = l->values[i] =
            tensor_value_create(l->arena, l->scratch, &l->sizes, parameter);
        enum data_format format;
        if (!value || !dtype_format(parameter->dtype, &format))
            return false;
        uint64_t pages = tensor_pages(value->array.rank, value->array.extents);
        if (pages > TILE_LIMIT || (tiles += pages) > TILE_LIMIT)
            return false;
    }
    if (!has_results(l->tensors, l->values))
        return false;
    for (size_t i = 0; i < l->tensors.count; i++) {
        l->values[i]->given = node_as(l->tensors.items[i], parameter)->direction != DIRECTION_OUT;
        if (l->values[i]->given)
            fill(l, &l->values[i]->array, i);
    }
    return true;
}

static void give_scalars(struct small_launch *l) {
    struct node_list parameters = launch_parameters(l->rehearsal->kernel);
    l->scalars.arena = l->arena;
    for (size_t i = 0; i < parameters.count; i++) {
        const struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!is_tensor(parameter) && (parameter->dtype == DTYPE_F32 || parameter->dtype == DTYPE_BF16))
            scalar_list_add(&l->scalars, parameter->name, TRIAL_SCALAR);
    }
}

/* ---- one launch ---- */

/* What the launch itself cannot work out. */
static void report_launch(struct small_launch *l) {
    struct rehearsal *r = l->rehearsal;
    struct diagnostics *d = r->unit->diagnostics;
    report_error(d, r->kernel->span, "a launch of kernel %s fails%s: %s", node_as(r->kernel, kernel)->name,
                 launch_sizes_text(l->arena, &l->sizes), l->scratch->first->message);
    report_help(d, (struct span){0}, "%s and %s are worked out by the host", KEY_TT_RUNTIME_ARGS,
                KEY_TT_GRID_BLOCKS);
}

static bool launch_once(struct small_launch *l) {
    struct rehearsal *r = l->rehearsal;
    struct kernel_launch launch = {.arena = l->arena,
                                   .diagnostics = l->scratch,
                                   .kernel = r->kernel,
                                   .sizes = &l->sizes,
                                   .scalars = &l->scalars,
                                   .tensors = l->values};
    struct device_fault fault = {0};
    enum stage_end end = kernel_stage_run(&r->stage, &launch, &fault);
    launch.diagnostics = r->unit->diagnostics;
    if (end == STAGE_RAN)
        r->played++;
    else if (end == STAGE_REFUSED)
        report_launch(l);
    else if (end == STAGE_FAULT)
        report_kernel_fault(&launch, &fault);
    r->cut |= end == STAGE_UNFIT && fault.kind == DEVICE_FAULT_LIMIT;
    r->own |= end == STAGE_FAULT && fault.kind == DEVICE_FAULT_COMPILE;
    r->calls += launch.calls;
    kernel_stage_release(&r->stage, &launch);
    return end == STAGE_RAN || end == STAGE_UNFIT;
}

/* False after a reported fault. */
static bool rehearse(struct rehearsal *r, size_t number) {
    struct arena *arena = arena_create();
    struct small_launch l = {
        .rehearsal = r, .arena = arena, .scratch = diagnostics_create(arena), .sizes = {.arena = arena}};
    bool fine = true;
    if (trial_sizes(r->kernel, number, &l.sizes) && placement_covers(l.scratch, &l.sizes, r->kernel) &&
        checks_hold(l.scratch, &l.sizes, r->kernel) && make_tensors(&l)) {
        give_scalars(&l);
        fine = launch_once(&l);
    }
    arena_free(arena);
    return fine;
}

/* ---- all of them ---- */

/* Of the launches of every kernel, the least work first, those are left out that come behind CALLS_LIMIT calls: a compiler
 * that keeps its user waiting is not used. A kernel for rows of any length is another one beside that which it stands in
 * for: of its launches every third does. */
static bool is_left_out(const struct rehearsal *r, size_t number) {
    enum { CALLS_LIMIT = 40000, EVERY = 3 };
    return (number < OTHER_SIZES && r->calls > CALLS_LIMIT) ||
           (number % EVERY != 1 && attribute_integer(attribute_get(r->kernel, KEY_TT_STREAMED), 0) == 1);
}

static bool rehearse_all(struct rehearsal *r) {
    const struct unit *unit = r->unit;
    bool open = open_sizes(r->stage.arena, r->kernel).count > 0;
    for (size_t i = 0; i < TRIALS && (open || i == 0); i++)
        if ((i < EQUAL_SIZES ? !is_left_out(r, i) : !r->played) && !rehearse(r, i))
            return false;
    if (r->played)
        explain(unit->options.explanations, (struct span){0},
                "rehearsed on %zu small launches, where nothing went wrong; this proves nothing", r->played);
    else if (r->cut)
        explain(unit->options.explanations, (struct span){0},
                "not rehearsed: the smallest launch takes more than %d calls and iterations", STEP_LIMIT);
    else
        explain(unit->options.explanations, (struct span){0}, "not rehearsed: no small launch was found");
    return true;
}

/* What tilec made of a source breaks a rule: that is no business of its author. */
static void report_own_fault(struct unit *unit, struct node *kernel) {
    report_error(unit->diagnostics, kernel->span,
                 "fault of tilec: what it made of kernel %s breaks a rule of the device in a small launch",
                 node_as(kernel, kernel)->name);
    if (!unit->broken) {
        unit->broken = arena_printf(unit->arena, "passes %s", validated_passes(unit->arena));
        unit->broken_kernel = node_copy(unit->arena, kernel);
    }
}

bool rehearse_kernel(struct unit *unit, struct node *kernel) {
    struct arena *arena = arena_create();
    struct device_options options = {.step_limit = STEP_LIMIT};
    struct rehearsal r = {.unit = unit,
                          .kernel = with_few_cores(arena, with_core_map(unit, arena, kernel)),
                          .own = !unit->from_ir};
    bool opened = r.kernel && kernel_stage_open(&r.stage, unit, r.kernel, &options),
         fine = !r.kernel || (opened && rehearse_all(&r));
    if (!fine && (r.own || !opened))
        report_own_fault(unit, kernel);
    if (r.kernel)
        kernel_stage_close(&r.stage);
    arena_free(arena);
    return fine;
}
