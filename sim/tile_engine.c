/* The variants of tile engine for the processors of the host, and the choice of the best. */
#include "sim/tile_engine.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Eight bf16, as integers. */
typedef int16_t shorts __attribute__((vector_size(16), may_alias));
#define SHORTS 8

static inline shorts shorts_greater(shorts a, shorts b) {
#if defined(__x86_64__)
    return (shorts)_mm_max_epi16((__m128i)a, (__m128i)b);
#else
    shorts which = a > b;
    return (a & which) | (b & ~which);
#endif
}

static inline int32_t shorts_greatest(shorts values) {
    int16_t each[SHORTS], greatest = INT16_MIN;
    memcpy(each, &values, sizeof each);
    for (unsigned i = 0; i < SHORTS; ++i)
        greatest = each[i] > greatest ? each[i] : greatest;
    return greatest;
}

static inline void shorts_widen(shorts values, float *out) {
#if defined(__x86_64__)
    __m128i zero = _mm_setzero_si128();
    _mm_store_ps(out, (__m128)_mm_unpacklo_epi16(zero, (__m128i)values));
    _mm_store_ps(out + SHORTS / 2, (__m128)_mm_unpackhi_epi16(zero, (__m128i)values));
#else
    for (unsigned i = 0; i < SHORTS; ++i)
        out[i] = f32_from_bits((uint32_t)(uint16_t)values[i] << 16);
#endif
}

/* Of the bits of the least magnitude but 0 (0: there is none), and of the greatest. */
static inline bool range_is_canonical(uint32_t least, uint32_t greatest) {
    return (least == 0 || least >= 0x00800000u) && greatest <= 0x7f800000u;
}

static inline struct tile_range range_of(uint32_t least, uint32_t greatest) {
    return (struct tile_range){least == 0 ? 255 : (uint8_t)(least >> 23), (uint8_t)(greatest >> 23)};
}

#define ENGINE(name) name##_4
#define ENGINE_NAME "4 lanes"
#define TARGET
#define LANES 4
#define ROWS 2
#define VECTORS 4
#include "sim/tile_kernels.inc"

#if defined(__x86_64__)

#define ENGINE(name) name##_8
#define ENGINE_NAME "8 lanes, AVX2 and FMA"
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define ROWS 2
#define VECTORS 4
#define GREATER(a, b) _mm256_max_epi32((__m256i)(a), (__m256i)(b))
#define FUSED(sum, left, right)                                                                              \
    ((vector_8)_mm256_fmadd_ps(_mm256_set1_ps(left), (__m256)(right), (__m256)(sum)))
#define FUSED_ROWS 4
#define FUSED_VECTORS 2
#include "sim/tile_kernels.inc"

#define ENGINE(name) name##_16
#define ENGINE_NAME "16 lanes, AVX-512"
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define LANES 16
#define ROWS 8
#define VECTORS 2
#define GREATER(a, b) _mm512_max_epi32((__m512i)(a), (__m512i)(b))
#define FUSED(sum, left, right)                                                                              \
    ((vector_16)_mm512_fmadd_ps(_mm512_set1_ps(left), (__m512)(right), (__m512)(sum)))
#define FUSED_ROWS 8
#define FUSED_VECTORS 2
#include "sim/tile_kernels.inc"

const struct tile_engine *tile_engine_at(unsigned index) {
    const struct tile_engine *present[3];
    unsigned count = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        present[count++] = &engine_16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
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
