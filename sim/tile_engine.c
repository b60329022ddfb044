#include "sim/tile_engine.h"

#define ENGINE(name) name##_4
#define ENGINE_NAME "4 lanes"
#define TARGET
#define LANES 4
#define ROWS 2
#define VECTORS 4
#include "sim/tile_kernels.inc"

#if defined(__x86_64__)

#define ENGINE(name) name##_8
#define ENGINE_NAME "8 lanes, AVX2"
#define TARGET __attribute__((target("avx2")))
#define LANES 8
#define ROWS 2
#define VECTORS 4
#include "sim/tile_kernels.inc"

#define ENGINE(name) name##_16
#define ENGINE_NAME "16 lanes, AVX-512"
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define LANES 16
#define ROWS 8
#define VECTORS 2
#include "sim/tile_kernels.inc"

const struct tile_engine *tile_engine_at(unsigned index) {
    const struct tile_engine *present[3];
    unsigned count = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        present[count++] = &engine_16;
    if (__builtin_cpu_supports("avx2"))
        present[count++] = &engine_8;
    present[count++] = &engine_4;
    return index < count ? present[index] : NULL;
}

#else

const struct tile_engine *tile_engine_at(unsigned index) {
    return index == 0 ? &engine_4 : NULL;
}

#endif

const struct tile_engine *tile_engine_best(void) {
    return tile_engine_at(0);
}
