/*
 * Adds floating-point values to integers without any error: the fast way to what exact_blocks.py does in numpy.
 *
 * The sum of finite values is a whole number of 2**-1088, held in 32-bit steps: limbs[i] * 2**(32 * i - 1088).
 * As that number does not depend on how it was found, neither do the bits of the result: both ways give the same.
 *
 * Usual data: as in exact_blocks.py, adding 1.5 * 2**(52 + k) rounds a value to a multiple of 2**k, the bits of the
 * sum, read as an integer, count these multiples, and the rest is exact. Two such levels of 52 bits (or three) hold
 * all bits of a block; whether they do is looked at afterwards, so that memory is read once. Other data: fractions
 * are added up by exponent.
 *
 * Plain C without Python's headers, called by ctypes: one file for all versions of Python.
 */

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__FAST_MATH__)
#error "exact sums need IEEE arithmetic: compile without -ffast-math"
#endif
#if FLT_EVAL_METHOD != 0
#error "exact sums need double arithmetic without excess precision (no x87)"
#endif
#if DBL_MANT_DIG != 53
#error "exact sums need IEEE doubles"
#endif

#define EXPORT __attribute__((visibility("default")))

enum {
    VERSION = 2,      /* of the interface; exact_kernel.py has the same */
    BLOCK = 2048,     /* values: 2**11 counts of up to 2**51 units add up in 64 bits, and the first-level cache holds them */
    LIMBS = 68,       /* up to 2**1024 times 2**30 values */
    LOWEST = -1088,   /* the bit of the first limb */
    LEAST = -1074,    /* the least double is 2 to this power */
    GREATEST = 1021,  /* magnitudes of up to 2**GREATEST do not overflow when they are rounded */
    STEP = 52,        /* bits of one level: a rest is at most half a unit, 2**51 units of the next level */
    HEADROOM = 3,     /* bits that a bound is too high, so that it holds for the next block too */
    SORTED = 64,      /* blocks in a row that are added up by exponent before levels are tried again */
    EXPONENTS = 2048,
    HALF = 26         /* bits of the lower half of a fraction */
};

/* What one sum has so far; int64 throughout, so that numpy can make it. */
struct sum {
    int64_t limbs[LIMBS];
    int64_t positive; /* whether there was a positive infinity or a nan */
    int64_t negative; /* whether there was a negative infinity or a nan */
    int64_t other;    /* whether there was anything but negative zeros */
    int64_t bounded;  /* whether `bound` is set */
    int64_t bound;    /* levels begin for magnitudes of 2**bound: that of the last block */
    int64_t levels;   /* that the last block needed */
    int64_t sorted;   /* blocks that are still added up by exponent */
};

/* Fractions by exponent: 2**36 of them add up without overflow. */
struct halves {
    int64_t low, high;
};

struct levels {
    uint64_t sums[3]; /* of the bits of the rounded values, modulo 2**64 */
    uint64_t failed;  /* not zero if a value was out of bounds or a rest was left */
};

static inline uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double power_of_two(int exponent) /* of a normal number */
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Add value * 2**bit. Changes a limb by less than 2**33. */
static void add_at(int64_t *limbs, int64_t value, int bit)
{
    int place = (bit - LOWEST) / 32, shift = (bit - LOWEST) % 32;
    uint64_t low = ((uint64_t)value & UINT32_MAX) << shift;
    int64_t high = (value >> 32) * ((int64_t)1 << shift);
    limbs[place] += (int64_t)(low & UINT32_MAX);
    limbs[place + 1] += (int64_t)(low >> 32) + (high & UINT32_MAX);
    limbs[place + 2] += high >> 32;
}

static inline __attribute__((always_inline)) struct levels
take_apart(const double *values, size_t count, const double *units, int third)
{
    const double first_unit = units[0], second_unit = units[1], third_unit = units[2];
    const uint64_t home = bits_of(first_unit);
    uint64_t first = 0, second = 0, last = 0, strayed = 0, left = 0;
    for (size_t i = 0; i < count; i++) {
        double sum = values[i] + first_unit;
        double rest = values[i] - (sum - first_unit);
        first += bits_of(sum);
        strayed |= bits_of(sum) ^ home;
        sum = rest + second_unit;
        rest = rest - (sum - second_unit);
        second += bits_of(sum);
        if (third) {
            sum = rest + third_unit;
            rest = rest - (sum - third_unit);
            last += bits_of(sum);
        }
        left |= bits_of(rest);
    }
    /* In bounds, all sums have one exponent. A rest of either zero is none; of infinities it is nan. */
    return (struct levels){{first, second, last}, strayed >> 52 | left << 1};
}

static inline __attribute__((always_inline)) struct levels
take_apart_any(const double *values, size_t count, const double *units, int levels)
{
    return levels == 2 ? take_apart(values, count, units, 0) : take_apart(values, count, units, 1);
}

static struct levels take_apart_plain(const double *values, size_t count, const double *units, int levels)
{
    return take_apart_any(values, count, units, levels);
}

#if defined(__x86_64__)
/* Four values at a time where the processor can. */
__attribute__((target("avx2"))) static struct levels
take_apart_avx2(const double *values, size_t count, const double *units, int levels)
{
    return take_apart_any(values, count, units, levels);
}

static int has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2");
}
#else
#define take_apart_avx2 take_apart_plain
static int has_avx2(void)
{
    return 0;
}
#endif

/* Try to add a block with that bound and so many levels; return whether that was possible. */
static int add_levels(struct sum *sum, const double *values, size_t count, int bound, int levels, int avx2)
{
    double units[3];
    int bits[3];
    for (int i = 0; i < 3; i++) {
        int bit = bound - 51 - STEP * i;
        bits[i] = bit > LEAST ? bit : LEAST;
        units[i] = 1.5 * power_of_two(52 + bits[i]);
    }
    struct levels found = avx2 ? take_apart_avx2(values, count, units, levels)
                               : take_apart_plain(values, count, units, levels);
    if (found.failed)
        return 0;
    for (int i = 0; i < levels; i++) {
        uint64_t counts = found.sums[i] - count * bits_of(units[i]);
        int64_t value;
        memcpy(&value, &counts, sizeof value);
        add_at(sum->limbs, value, bits[i]);
    }
    return 1;
}

/* Return the exponent field of the greatest magnitude: 2047 if there is an infinity or a nan. */
static int greatest_exponent(const double *values, size_t count)
{
    uint64_t greatest = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = bits_of(values[i]) << 1;
        greatest = size > greatest ? size : greatest;
    }
    return (int)(greatest >> 53);
}

/* Add a block of any values. */
static void add_by_exponent(struct sum *sum, const double *values, size_t count, struct halves *halves)
{
    const uint64_t fraction = ((uint64_t)1 << 52) - 1;
    int special = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = bits_of(values[i]);
        unsigned exponent = bits >> 52 & (EXPONENTS - 1);
        int64_t whole = (int64_t)((bits & fraction) | (uint64_t)(exponent != 0) << 52);
        int64_t sign = -(int64_t)(bits >> 63);
        halves[exponent].low += ((whole & (((int64_t)1 << HALF) - 1)) ^ sign) - sign;
        halves[exponent].high += ((whole >> HALF) ^ sign) - sign;
        special |= exponent == EXPONENTS - 1;
    }
    for (size_t i = 0; special && i < count; i++) {
        uint64_t bits = bits_of(values[i]);
        if ((bits >> 52 & (EXPONENTS - 1)) == EXPONENTS - 1) {
            sum->positive |= (bits & fraction) || !(bits >> 63);
            sum->negative |= (bits & fraction) || bits >> 63;
        }
    }
}

static void add_halves(struct sum *sum, const struct halves *halves)
{
    /* Not the last exponent: it is that of infinities and nans. */
    for (int exponent = 0; exponent < EXPONENTS - 1; exponent++) {
        int bit = (exponent ? exponent : 1) - 1 + LEAST;
        if (halves[exponent].low)
            add_at(sum->limbs, halves[exponent].low, bit);
        if (halves[exponent].high)
            add_at(sum->limbs, halves[exponent].high, bit + HALF);
    }
}

/* Add a block by levels; return 0 if that is not possible: infinities, nans, huge values, exponents too wide. */
static int add_block(struct sum *sum, const double *values, size_t count, int avx2)
{
    if (sum->bounded && add_levels(sum, values, count, (int)sum->bound, (int)sum->levels, avx2))
        return 1;
    int exponent = greatest_exponent(values, count);
    int bound = exponent - 1022;
    int usable = bound + HEADROOM <= GREATEST;
    bound += HEADROOM;
    for (int levels = 2; usable && levels <= 3; levels++) {
        if (add_levels(sum, values, count, bound, levels, avx2)) {
            sum->bounded = 1;
            sum->bound = bound;
            sum->levels = levels;
            return 1;
        }
    }
    sum->sorted = SORTED; /* such data tend to stay so */
    return 0;
}

static void note_other(struct sum *sum, const double *values, size_t count)
{
    for (size_t i = 0; i < count && !sum->other; i++)
        sum->other = bits_of(values[i]) != (uint64_t)1 << 63;
}

EXPORT int pxengines_exact_version(void)
{
    return VERSION;
}

/* Return the size of `struct sum` in int64. */
EXPORT int pxengines_exact_words(void)
{
    return sizeof(struct sum) / sizeof(int64_t);
}

/* What one call adds by exponent; made when it is first needed. */
struct sorted {
    struct halves halves[EXPONENTS];
    int used;
};

static void add_values(struct sum *sum, const double *values, size_t count, int avx2, struct sorted *sorted)
{
    if (sum->sorted <= 0 && add_block(sum, values, count, avx2))
        return;
    if (!sorted->used)
        memset(sorted->halves, 0, sizeof sorted->halves);
    sorted->used = 1;
    sum->sorted -= sum->sorted > 0;
    add_by_exponent(sum, values, count, sorted->halves);
}

/*
 * Add `count` (at most 2**30) values, `stride` bytes apart, to `sum`.
 *
 * kind: 8 for doubles, 4 for floats. extensions: whether the processor's extensions may be used.
 * Values need not be aligned.
 */
EXPORT void pxengines_exact_add(const char *values, size_t count, ptrdiff_t stride, int kind, int extensions,
                                struct sum *sum)
{
    double buffer[BLOCK];
    struct sorted sorted;
    sorted.used = 0;
    int avx2 = extensions && has_avx2();
    int direct = kind == 8 && stride == sizeof(double) && (uintptr_t)values % _Alignof(double) == 0;
    /* Something else in this process may have turned off subnormals or changed the rounding of this thread. */
    fenv_t environment;
    fegetenv(&environment);
    fesetenv(FE_DFL_ENV);
    while (count) {
        size_t here = count < BLOCK ? count : BLOCK;
        const double *block = buffer;
        if (direct) {
            block = (const double *)(const void *)values;
        } else if (kind == 8) {
            for (size_t i = 0; i < here; i++)
                memcpy(&buffer[i], values + (ptrdiff_t)i * stride, sizeof(double));
        } else if (stride == sizeof(float)) {
            for (size_t i = 0; i < here; i++) {
                float value;
                memcpy(&value, values + i * sizeof value, sizeof value);
                buffer[i] = value;
            }
        } else {
            for (size_t i = 0; i < here; i++) {
                float value;
                memcpy(&value, values + (ptrdiff_t)i * stride, sizeof value);
                buffer[i] = value;
            }
        }
        if (!sum->other)
            note_other(sum, block, here);
        add_values(sum, block, here, avx2, &sorted);
        values += (ptrdiff_t)here * stride;
        count -= here;
    }
    if (sorted.used)
        add_halves(sum, sorted.halves);
    fesetenv(&environment);
}

/* Products and their errors, Dekker's; return whether all are exact. See exact_dot.py, which does the same. */
static inline __attribute__((always_inline)) int
multiply_any(const double *first, const double *second, double sign, size_t count, double *products, double *errors)
{
    const double splitter = 134217729.0; /* 2**27 + 1 */
    const double factor = power_of_two(990), small = power_of_two(-960), large = power_of_two(960);
    uint64_t unusual = 0;
    for (size_t i = 0; i < count; i++) {
        double a = first[i], b = second[i] * sign;
        double product = a * b;
        double scaled = a * splitter;
        double high_a = scaled - (scaled - a), low_a = a - high_a;
        scaled = b * splitter;
        double high_b = scaled - (scaled - b), low_b = b - high_b;
        double size = fabs(product);
        /* Negated, so that nans are unusual. */
        int usual = (fabs(a) <= factor) & (fabs(b) <= factor) & (size <= large);
        usual &= (size >= small) | (a == 0) | (b == 0);
        unusual |= !usual;
        products[i] = product;
        errors[i] = low_a * low_b - (((product - high_a * high_b) - low_a * high_b) - high_a * low_b);
    }
    return !unusual;
}

static int multiply_plain(const double *first, const double *second, double sign, size_t count, double *products,
                          double *errors)
{
    return multiply_any(first, second, sign, count, products, errors);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static int
multiply_avx2(const double *first, const double *second, double sign, size_t count, double *products, double *errors)
{
    return multiply_any(first, second, sign, count, products, errors);
}
#else
#define multiply_avx2 multiply_plain
#endif

/*
 * Add the products of `count` (at most 2**30) values each and `sign`, 1 or -1; return how many were added.
 *
 * It stops before a block with products that this cannot take: some are infinite, too large or too small.
 * sums: of the rounded products, and of the errors of their rounding.
 */
EXPORT size_t pxengines_exact_add_products(const double *first, const double *second, size_t count, double sign,
                                           int extensions, struct sum *sums)
{
    double products[BLOCK], errors[BLOCK];
    struct sorted sorted;
    sorted.used = 0;
    int avx2 = extensions && has_avx2();
    size_t done = 0;
    fenv_t environment;
    fegetenv(&environment);
    fesetenv(FE_DFL_ENV);
    while (done < count) {
        size_t here = count - done < BLOCK ? count - done : BLOCK;
        if (!(avx2 ? multiply_avx2(first + done, second + done, sign, here, products, errors)
                   : multiply_plain(first + done, second + done, sign, here, products, errors)))
            break;
        add_values(&sums[0], products, here, avx2, &sorted);
        add_values(&sums[1], errors, here, avx2, &sorted);
        done += here;
    }
    if (sorted.used)
        add_halves(&sums[0], sorted.halves);
    fesetenv(&environment);
    return done;
}
