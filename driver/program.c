/* Programs: their launches in order. Intermediates lie in the device's DRAM until the last launch that names
 * them. */
#include "driver/program.h"

#include "driver/compile.h"
#include "support/arena.h"
#include "support/name_table.h"

/* A tensor of a program: a parameter or an intermediate. */
struct slot {
    struct tensor_value *value;
    bool intermediate;
    size_t last; /* the last launch that names it */
};

/* A kernel that a program launches. */
struct launched {
    struct launchable launchable;
    size_t last; /* launch */
};

struct program_run {
    struct unit *unit;
    struct arena *arena;
    struct launcher *launcher;
    struct environment *sizes;
    struct scalar_list *scalars;
    struct list_builder launches;   /* in order */
    struct name_table slot_numbers; /* of tensors by name, from 1 on */
    struct slot *slots;
    struct name_table kernel_numbers; /* of launched kernels by name, from 1 on */
    struct launched *kernels;
};

/* The number of a name in a table, where new ones get the next; 0 is no number. */
static size_t number_of(struct name_table *table, const char *name) {
    size_t *number = name_table_add(table, name);
    if (!*number) {
        *number = table->count;
    }
    return *number;
}

static struct slot *find_slot(const struct program_run *program, const char *name) {
    size_t *number = name_table_find(&program->slot_numbers, name);
    return number ? &program->slots[*number] : NULL;
}

static struct node *named_argument(struct node *argument) {
    struct node_attribute *named = node_as(argument, attribute);
    return named ? named->value : argument;
}

/* The scalar argument of a launch: an integer into the callee's sizes, another number into its scalars. */
static bool pass_scalar(struct program_run *program, const struct node_parameter *parameter,
                        struct node *argument, struct environment *sizes, struct scalar_list *scalars) {
    bool is_float = parameter->dtype == DTYPE_F32 || parameter->dtype == DTYPE_BF16;
    struct node_real *real = node_as(argument, real);
    struct node_reference *reference = node_as(argument, reference);
    float value;
    int64_t integer;
    if (is_float && reference && scalar_list_get(program->scalars, reference->name, &value)) {
        scalar_list_add(scalars, parameter->name, value);
        return true;
    }
    if (is_float && real) {
        scalar_list_add(scalars, parameter->name, (float)real->value);
        return true;
    }
    if (!size_evaluate(program->unit->diagnostics, program->sizes, argument, &integer)) {
        return false;
    }
    if (is_float) {
        scalar_list_add(scalars, parameter->name, (float)integer);
    } else {
        environment_set(sizes, parameter->name, integer);
    }
    return true;
}

/* The tensors of a launch, in the order of the callee's tensor parameters, and its scalars. */
static bool pass_arguments(struct program_run *program, struct node_launch *launch, struct node *kernel,
                           struct environment *sizes, struct scalar_list *scalars,
                           struct tensor_value **tensors) {
    struct node_list parameters = launch_parameters(kernel);
    size_t argument = 0, result = 0, count = 0;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        bool out = parameter->direction == DIRECTION_OUT;
        struct node *given = out ? launch->results.items[result++]
                             : argument < launch->arguments.count
                                 ? named_argument(launch->arguments.items[argument++])
                                 : parameter->value;
        if (parameter->dimensions.count == 0) {
            if (!pass_scalar(program, parameter, given, sizes, scalars)) {
                return false;
            }
            continue;
        }
        struct node_reference *name = node_as(given, reference);
        struct slot *slot = name ? find_slot(program, name->name) : NULL;
        if (!slot) {
            report_error(program->unit->diagnostics, launch->base.span,
                         "%s of %s is no tensor of the program", parameter->name, launch->kernel);
            return false;
        }
        if (!slot->value->arena) {
            slot->value->arena = arena_create(); /* of an intermediate: till its release */
        }
        tensors[count++] = slot->value;
    }
    return true;
}

/* What was named for the last time is given back. */
static void release_tensors(struct program_run *program, struct node_list names, size_t launch) {
    for (size_t i = 0; i < names.count; i++) {
        struct node_reference *name = node_as(named_argument(names.items[i]), reference);
        struct slot *slot = name ? find_slot(program, name->name) : NULL;
        if (slot && slot->intermediate && slot->last == launch) {
            launcher_release(program->launcher, slot->value);
        }
    }
}

static bool run_launch(struct program_run *program, size_t number) {
    struct node_launch *launch = node_as(program->launches.items[number], launch);
    struct launched *launched = &program->kernels[*name_table_find(&program->kernel_numbers, launch->kernel)];
    struct node *kernel = launched->launchable.kernel;
    struct arena *arena = arena_create();
    struct environment sizes = {.arena = arena};
    struct scalar_list scalars = {.arena = arena};
    struct tensor_value **tensors =
        arena_allocate(arena, (launch_parameters(kernel).count + 1) * sizeof *tensors);
    bool ok = pass_arguments(program, launch, kernel, &sizes, &scalars, tensors) &&
              launcher_run(program->launcher, &launched->launchable, &sizes, &scalars, tensors);
    if (launched->last == number) {
        launchable_release(&launched->launchable);
    }
    release_tensors(program, launch->arguments, number);
    release_tensors(program, launch->results, number);
    arena_free(arena);
    return ok;
}

/* ---- what is launched, and for how long ---- */

/* The slots of the names in a list: results have one, arguments those of results and parameters. */
static void note_uses(struct program_run *program, struct node_list names, size_t launch, bool results) {
    for (size_t i = 0; i < names.count; i++) {
        struct node_reference *name = node_as(named_argument(names.items[i]), reference);
        if (name && results) {
            number_of(&program->slot_numbers, name->name);
        }
        struct slot *slot = name ? find_slot(program, name->name) : NULL;
        if (slot && !slot->value) {
            slot->value = arena_allocate(program->arena, sizeof *slot->value);
            slot->value->array.name = name->name;
            slot->intermediate = true;
        }
        if (slot) {
            slot->last = launch;
        }
    }
}

static void plan_tensors(struct program_run *program, struct tensor_value *values, size_t count) {
    size_t most = count;
    for (size_t i = 0; i < program->launches.count; i++) {
        most += node_as(program->launches.items[i], launch)->results.count;
    }
    program->slots = arena_allocate(program->arena, (most + 1) * sizeof *program->slots);
    for (size_t i = 0; i < count; i++) {
        program->slots[number_of(&program->slot_numbers, values[i].array.name)].value = &values[i];
    }
    for (size_t i = 0; i < program->launches.count; i++) {
        struct node_launch *launch = node_as(program->launches.items[i], launch);
        note_uses(program, launch->results, i, true);
        note_uses(program, launch->arguments, i, false);
    }
}

static void plan_kernels(struct program_run *program) {
    size_t count = program->launches.count;
    struct node_list items = node_as(program->unit->module, module)->items;
    program->kernels = arena_allocate(program->arena, (count + 1) * sizeof *program->kernels);
    for (size_t i = 0; i < count; i++) {
        struct node_launch *launch = node_as(program->launches.items[i], launch);
        program->kernels[number_of(&program->kernel_numbers, launch->kernel)].last = i;
    }
    for (size_t i = 0; i < items.count; i++) {
        struct node_kernel *kernel = node_as(items.items[i], kernel);
        size_t *number = kernel ? name_table_find(&program->kernel_numbers, kernel->name) : NULL;
        if (number) {
            program->kernels[*number].launchable.kernel = items.items[i];
        }
    }
}

static void release_all(struct program_run *program) {
    for (size_t i = 1; i <= program->slot_numbers.count; i++) {
        if (program->slots[i].intermediate) {
            launcher_release(program->launcher, program->slots[i].value);
        }
    }
    for (size_t i = 1; i <= program->kernel_numbers.count; i++) {
        launchable_release(&program->kernels[i].launchable);
    }
}

bool program_launch(struct launcher *launcher, struct node *entry, struct environment *sizes,
                    struct scalar_list *scalars, struct tensor_value *values, size_t count) {
    struct arena *arena = arena_create();
    struct program_run program = {.unit = launcher->run->unit,
                                  .arena = arena,
                                  .launcher = launcher,
                                  .sizes = sizes,
                                  .scalars = scalars,
                                  .slot_numbers.arena = arena,
                                  .kernel_numbers.arena = arena};
    bool ok = true;
    for_each (launch, launch, node_as(entry, program)->body) {
        builder_add(arena, &program.launches, &launch->base);
    }
    plan_tensors(&program, values, count);
    plan_kernels(&program);
    for (size_t i = 0; i < program.launches.count && ok; i++) {
        ok = run_launch(&program, i);
    }
    release_all(&program); /* what a launch that failed left */
    arena_free(arena);
    return ok;
}
