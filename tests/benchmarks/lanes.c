/* The engine's job written by hand for AVX-512: the honest opponent of the compiled Python.
 *
 * All pairs of n series of one length, no band: one series against 64 others laid out (n_timepoints, n_channels, 64),
 * as gymlab lays them out. Four vectors of 16 lanes are in flight; left and diagonal neighbours stay in registers; the
 * row of accumulated costs lies in the first-level cache. ROWS rows of a series are taken through the block at once, so
 * that what is loaded from the block is used ROWS times and the row of costs is read and written once for all of them.
 *
 * Costs are sums of squares, so never negative and never NaN, and such floats are ordered as their bits are when these
 * are read as whole numbers. INTEGER says to take minima that way, which some processors do on more units.
 *
 * Built by distance.py: cc -O3 -march=native -shared -fPIC.
 */
#include <immintrin.h>
#include <math.h>
#include <stdlib.h>

#define LANES 64
#define VECTORS 4
#define MOST_ROWS 2
#define FOR(name, limit) _Pragma("GCC unroll 16") for (int name = 0; name < (limit); name++)
#define INLINE static inline __attribute__((always_inline))

INLINE __m512 least(__m512 a, __m512 b, const int integer)
{
    if (integer)
        return _mm512_castsi512_ps(_mm512_min_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
    return _mm512_min_ps(a, b);
}

/* Take `rows` rows of the series at `query` through the block; `row[j + 1]` holds the costs of the row above, then below. */
INLINE void step(const float *query, const float *block, long length, float *row, const int rows, const int channels,
                 const int integer)
{
    __m512 left[MOST_ROWS][VECTORS], diagonal[VECTORS];
    FOR(v, VECTORS) {
        diagonal[v] = _mm512_load_ps(row + 16 * v);
        _mm512_store_ps(row + 16 * v, _mm512_set1_ps(INFINITY));
        FOR(r, rows) left[r][v] = _mm512_set1_ps(INFINITY);
    }
    for (long j = 0; j < length; j++) {
        const float *at = block + j * channels * LANES;
        float *below = row + (j + 1) * LANES;
        __m512 cost[MOST_ROWS][VECTORS];
        FOR(c, channels) {
            __m512 value[MOST_ROWS];
            FOR(r, rows) value[r] = _mm512_set1_ps(query[r * channels + c]);
            FOR(v, VECTORS) {
                const __m512 other = _mm512_load_ps(at + c * LANES + 16 * v);
                FOR(r, rows) {
                    const __m512 d = _mm512_sub_ps(other, value[r]);
                    if (channels == 1)
                        cost[r][v] = d;
                    else
                        cost[r][v] = c ? _mm512_fmadd_ps(d, d, cost[r][v]) : _mm512_mul_ps(d, d);
                }
            }
        }
        FOR(v, VECTORS) {
            const __m512 above = _mm512_load_ps(below + 16 * v);
            __m512 up = above, corner = diagonal[v];
            FOR(r, rows) {
                const __m512 best = least(left[r][v], least(corner, up, integer), integer);
                const __m512 cell = channels == 1 ? _mm512_fmadd_ps(cost[r][v], cost[r][v], best)
                                                    : _mm512_add_ps(cost[r][v], best);
                corner = left[r][v];
                left[r][v] = cell;
                up = cell;
            }
            diagonal[v] = above;
            _mm512_store_ps(below + 16 * v, up);
        }
    }
}

INLINE void all_pairs(const float *values, long n, long length, float *out, float *block, float *row, const int rows,
                      const int channels, const int integer)
{
    for (long position = 0; position < n; position += LANES) {
        const long filled = n - position < LANES ? n - position : LANES;
        for (long lane = 0; lane < LANES; lane++) {
            const float *one = values + (position + (lane < filled ? lane : filled - 1)) * length * channels;
            for (long k = 0; k < length * channels; k++)
                block[k * LANES + lane] = one[k];
        }
        for (long p = 0; p < position + filled - 1; p++) {
            const float *query = values + p * length * channels;
            for (long k = 0; k < LANES; k++)
                row[k] = 0;
            for (long k = LANES; k < (length + 1) * LANES; k++)
                row[k] = INFINITY;
            long i = 0;
            for (; i + rows <= length; i += rows)
                step(query + i * channels, block, length, row, rows, channels, integer);
            for (; i < length; i++)
                step(query + i * channels, block, length, row, 1, channels, integer);
            const float *last = row + length * LANES;
            float *target = out + n * p - p * (p + 1) / 2 - p - 1;
            for (long j = p + 1 > position ? p + 1 : position; j < position + filled; j++)
                target[j] = sqrtf(last[j - position]);
        }
    }
}

#define KERNEL(name, rows, channels, integer)                                                                          \
    int name(const float *values, long n, long length, float *out)                                                     \
    {                                                                                                                  \
        float *block = aligned_alloc(64, sizeof(float) * length * channels * LANES);                                   \
        float *row = aligned_alloc(64, sizeof(float) * (length + 1) * LANES);                                          \
        const int usable = block != NULL && row != NULL;                                                               \
        if (usable)                                                                                                    \
            all_pairs(values, n, length, out, block, row, rows, channels, integer);                                    \
        free(block);                                                                                                   \
        free(row);                                                                                                     \
        return usable;                                                                                                 \
    }

#define KERNELS(channels)                                                                                              \
    KERNEL(floats_1row_##channels##ch, 1, channels, 0)                                                                 \
    KERNEL(floats_2rows_##channels##ch, 2, channels, 0)                                                                \
    KERNEL(integers_1row_##channels##ch, 1, channels, 1)                                                               \
    KERNEL(integers_2rows_##channels##ch, 2, channels, 1)

KERNELS(1)
KERNELS(6)
