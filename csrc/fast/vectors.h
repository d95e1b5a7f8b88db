/* The notation of the templates for one instruction set, around a template: see instruction_sets.h.
 *
 *     V, M                 a vector of doubles, and of masks (all bits of a lane, or none)
 *     LOAD(p), STORE(p, v) at any address
 *     SPLAT(x)             x in every lane
 *     SELECT(m, a, b)      a where m, else b
 *     SHUFFLE(v, ...)      lane k is lane number k of the list of v
 *     FIRST(...)           the first WIDTH of eight numbers
 *     UNROLL               before a loop whose bounds are constants after inlining
 */

#if !defined(UNROLL)
#define ALIGNED __attribute__((aligned(64))) /* a vector that lies in two lines of the cache costs two loads */
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#define SHUFFLE(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
#else
#define UNROLL _Pragma("GCC unroll 32")
#define SHUFFLE(v, ...) __builtin_shuffle(v, (M){__VA_ARGS__})
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors are passed between inlined functions only */
#endif
#define FIRST_2(a, b, ...) a, b
#define FIRST_4(a, b, c, d, ...) a, b, c, d
#define FIRST_8(...) __VA_ARGS__
#define CONCATENATE(a, b) a##b
#define FIRST_OF(width) CONCATENATE(FIRST_, width)
#endif

typedef double NAME(vector) __attribute__((vector_size(8 * WIDTH)));
typedef double NAME(unaligned) __attribute__((vector_size(8 * WIDTH), aligned(8), may_alias));
typedef int64_t NAME(mask) __attribute__((vector_size(8 * WIDTH)));

#define V NAME(vector)
#define M NAME(mask)
#define LOAD(p) ((V) * (const NAME(unaligned) *)(p))
#define STORE(p, v) (*(NAME(unaligned) *)(p) = (v))
#define SPLAT(x) ((x) - (V){0}) /* x - 0.0 is x, also for -0.0 */
#define SELECT(m, a, b) ((V)(((M)(a) & (m)) | ((M)(b) & ~(m))))
#define FIRST(...) FIRST_OF(WIDTH)(__VA_ARGS__)

#include TEMPLATE

#undef V
#undef M
#undef LOAD
#undef STORE
#undef SPLAT
#undef SELECT
#undef FIRST
#undef NAME
#undef WIDTH
#undef TILE_VECTORS
#undef ROW_VECTORS
