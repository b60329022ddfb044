/* The calls of a DST section: statements, and what stands around its packing. */
#include "ir/build.h"
#include "transforms/dst_section.h"

struct node *emit_reference(struct manager *m, const char *name) {
    return make_reference(m->arena, name);
}

struct node *emit_let(struct manager *m, struct list_builder *out, struct span span, const char *base,
                      struct node *value) {
    if (value->kind == NODE_INTEGER || value->kind == NODE_REFERENCE)
        return value;
    const char *name = name_fresh(&m->names, base);
    builder_add(m->arena, out,
                node_new(m->arena, let, LET, span, .name = name, .dtype = DTYPE_U32, .value = value));
    return emit_reference(m, name);
}

struct node *emit_number(struct manager *m, int64_t value) {
    return make_integer(m->arena, value);
}

void emit_call(struct manager *m, struct list_builder *out, struct span span, enum device_call_number call,
               size_t count, struct node *const *arguments) {
    builder_add(m->arena, out,
                make_statement(m->arena, span, device_calls[call].name, list_of(m->arena, count, arguments)));
}

void emit_operation(struct manager *m, struct list_builder *out, struct span span,
                    enum device_call_number call, const struct call_operands *operands) {
    const struct device_call *row = &device_calls[call];
    struct node *arguments[CALL_PARAMETER_LIMIT];
    for (size_t i = 0, sources = 0; i < row->count; i++) {
        struct node *of_kind[PARAMETER_END] = {
            [PARAMETER_SPREAD] = operands->spread,      [PARAMETER_BUFFER_A] = operands->a,
            [PARAMETER_BUFFER_B] = operands->b,         [PARAMETER_BUFFER_AB] = operands->a,
            [PARAMETER_BUFFER] = operands->a,           [PARAMETER_TILE_A] = operands->tile_a,
            [PARAMETER_TILE_B] = operands->tile_b,      [PARAMETER_SLOT] = operands->slot,
            [PARAMETER_SLOT_IN_PLACE] = operands->slot, [PARAMETER_BITS] = operands->bits,
            [PARAMETER_WHOLE] = operands->bits};
        if (row->parameters[i] == PARAMETER_SOURCE)
            arguments[i] = operands->source[sources++];
        else if (row->parameters[i] == PARAMETER_DST_FORMAT || row->parameters[i] == PARAMETER_CAST)
            arguments[i] = emit_reference(m, operands->format ? operands->format : "Float32");
        else if (row->parameters[i] == PARAMETER_ACCURACY)
            arguments[i] = emit_reference(m, "ACCURATE");
        else if (call_constant(row, i))
            arguments[i] =
                make_call(m->arena, "bits", LIST(m->arena, make_real(m->arena, *call_constant(row, i))));
        else
            arguments[i] = of_kind[row->parameters[i]];
    }
    emit_call(m, out, span, call, row->count, arguments);
}

void emit_behind_init(struct manager *m, struct list_builder *out, struct span span,
                      enum device_call_number call, const struct call_operands *operands) {
    emit_operation(m, out, span, device_calls[call].init, operands);
    emit_operation(m, out, span, call, operands);
}

void emit_loop(struct manager *m, struct list_builder *out, struct span span, const char *name,
               struct node *count, struct list_builder *body) {
    int64_t trips;
    struct node *block = make_block(m->arena, span, builder_list(body));
    if (integer_value(count, &trips) && trips <= 1) {
        struct node *once = simplify(m->arena, substitute(m->arena, block, name, emit_number(m, 0)));
        if (trips == 1)
            builder_add_all(m->arena, out, node_as(once, block)->statements);
        return;
    }
    builder_add(m->arena, out, make_for(m->arena, span, name, emit_number(m, 0), count, NULL, block));
}

void emit_section_begin(struct manager *m, struct list_builder *out, struct span span, const char *target) {
    EMIT(m, out, span, pack_reconfig_data_format, emit_reference(m, target));
    EMIT_PLAIN(m, out, span, tile_regs_acquire);
}

void emit_pack_begin(struct manager *m, struct list_builder *out, struct span span) {
    EMIT_PLAIN(m, out, span, tile_regs_commit);
    EMIT_PLAIN(m, out, span, tile_regs_wait);
}

void emit_pack_end(struct manager *m, struct list_builder *out, struct span span) {
    EMIT_PLAIN(m, out, span, tile_regs_release);
}
