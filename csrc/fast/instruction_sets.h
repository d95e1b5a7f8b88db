/* The instruction sets: the only place that lists them and says how they differ.
 *
 * INSTRUCTION_SETS(X) calls X(id, doubles in a vector, whether this processor has it) for each, the narrowest first;
 * the id is the name that users see. To add one: a line in the list, and a block at the end of this file.
 *
 * A file with kernels defines TEMPLATE, a header, and includes this file again. The header is then compiled once for
 * each instruction set, with
 *
 *     NAME(x)        x with the id of the set in front
 *     WIDTH          doubles in a vector
 *     TILE_VECTORS   vectors beside each other in a tile of a product: TILE_ROWS x TILE_VECTORS sums stay in registers
 *     ROW_VECTORS    vectors of sums that stay in registers where a single row is computed
 *
 * and with what vectors.h defines. It ends in a table of functions, NAME(kernels); KERNELS_OF makes an array of these.
 *
 * TILE_VECTORS and ROW_VECTORS follow from the number of registers: 32 with AVX-512 and NEON, else 16. Measured on EPYC
 * (Zen 4): with AVX-512, tiles of 2 and 3 vectors take 1.03 to 1.18 of the time; with AVX2, tiles of 3 and 4 take 1.08
 * to 1.2; with SSE2, tiles of 4 take 0.96 to 1.0. Half the ROW_VECTORS take 0.9 to 1.2, one and a half 0.92 to 1.09.
 */

#if !defined(INSTRUCTION_SETS)

#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9)
#define VECTOR_EXTENSIONS 1
#endif

#if !defined(VECTOR_EXTENSIONS)
#define INSTRUCTION_SETS(X) /* plain C only */
#elif defined(__x86_64__)
#define INSTRUCTION_SETS(X)                    \
    X(sse2, 2, 1)                              \
    X(avx2, 4, __builtin_cpu_supports("avx2")) \
    X(avx512, 8, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
#elif defined(__aarch64__)
#define INSTRUCTION_SETS(X) X(neon, 2, 1)
#else
#define INSTRUCTION_SETS(X) X(vectors, 2, 1)
#endif

#define NUMBER_OF(id, width, supported) SIMD_##id,
#define WIDTH_OF(id, width, supported) width,
#define KERNELS_OF(id, width, supported) &id##_kernels,

/* The numbers of the instruction sets. */
enum { SIMD_PLAIN, INSTRUCTION_SETS(NUMBER_OF) SIMD_COUNT };

#define PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define BEGIN_TARGET(features) PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define END_TARGET PRAGMA(clang attribute pop)
#else
#define BEGIN_TARGET(features) PRAGMA(GCC push_options) PRAGMA(GCC target(features))
#define END_TARGET PRAGMA(GCC pop_options)
#endif

#elif defined(VECTOR_EXTENSIONS)

#if defined(__x86_64__)

#define NAME(x) sse2_##x
#define WIDTH 2
#define TILE_VECTORS 2
#define ROW_VECTORS 8
#include "vectors.h"

#define NAME(x) avx2_##x
#define WIDTH 4
#define TILE_VECTORS 2
#define ROW_VECTORS 8
BEGIN_TARGET("avx2")
#include "vectors.h"
END_TARGET

#define NAME(x) avx512_##x
#define WIDTH 8
#define TILE_VECTORS 4
#define ROW_VECTORS 16
BEGIN_TARGET("avx512f,avx512dq")
#include "vectors.h"
END_TARGET

#elif defined(__aarch64__)

#define NAME(x) neon_##x
#define WIDTH 2
#define TILE_VECTORS 4
#define ROW_VECTORS 16
#include "vectors.h"

#else

#define NAME(x) vectors_##x
#define WIDTH 2
#define TILE_VECTORS 2
#define ROW_VECTORS 8
#include "vectors.h"

#endif

#endif
