/* The planner's part of random numbers: Threefry-2x32 of 20 rounds as steps on four slots, the two words of the block and
 * two for what the operators take. The key is (seed, 0), the counter (index, 0); support/scalar.h defines it.
 */
#include "ir/build.h"
#include "support/scalar.h"
#include "transforms/dst_planner.h"

/* word += the seed, or what Threefry makes of it for the third word of its key. */
static void add_seed(struct planner *p, int word, struct node *seed, bool mixed) {
    int key = plan_as(p, seed, DTYPE_U32);
    if (p->failed)
        return;
    if (mixed)
        plan_whole_number(p, DEVICE_CALL_bitwise_xor_binary_tile, key, THREEFRY_PARITY);
    plan_whole_call(p, DEVICE_CALL_add_int_tile, word, key, word);
    slot_free(p, key);
}

/* Between groups of four rounds: x0 += key[group], x1 += key[group + 1] + group, where key[1] is 0. */
static void add_key(struct planner *p, int x0, int x1, struct node *seed, int group) {
    if (group % 3 != 1)
        add_seed(p, x0, seed, group % 3 == 2);
    if (group == THREEFRY_ROUNDS / 4)
        return; /* the second word is not asked for */
    if ((group + 1) % 3 != 1)
        add_seed(p, x1, seed, (group + 1) % 3 == 2);
    plan_whole_number(p, DEVICE_CALL_add_int_tile, x1, group);
}

/* x0 += x1; x1 = x1 rotated ^ x0 */
static void mix(struct planner *p, int x0, int x1, int rotation) {
    int high = slot_take(p), count = slot_take(p);
    plan_whole_call(p, DEVICE_CALL_add_int_tile, x0, x1, x0);
    plan_whole_fill(p, count, rotation);
    plan_whole_call(p, DEVICE_CALL_binary_left_shift_tile, x1, count, high);
    plan_whole_fill(p, count, 32 - rotation);
    plan_whole_call(p, DEVICE_CALL_binary_logical_right_shift_tile, x1, count, x1);
    plan_whole_call(p, DEVICE_CALL_bitwise_or_binary_tile, x1, high, x1);
    plan_whole_call(p, DEVICE_CALL_bitwise_xor_binary_tile, x1, x0, x1);
    slot_free(p, count);
    slot_free(p, high);
}

int plan_random(struct planner *p, struct node *seed, struct node *index) {
    int x0 = plan_as(p, index, DTYPE_U32);
    if (!p->failed)
        add_seed(p, x0, seed, false);
    int x1 = p->failed ? 0 : slot_take(p);
    /* The first round finds 0 in x1. */
    plan_whole_call(p, DEVICE_CALL_bitwise_or_binary_tile, x0, x0, x1);
    for (int round = 1; round < THREEFRY_ROUNDS && !p->failed; round++) {
        mix(p, x0, x1, threefry_rotations[round % THREEFRY_ROTATIONS]);
        if (round % 4 == 3)
            add_key(p, x0, x1, seed, (round + 1) / 4);
    }
    slot_free(p, x1);
    return x0;
}
