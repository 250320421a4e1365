/*
 * One small reduction from the caller's values to the caller's result, if nothing is out of the ordinary: the fast way
 * through what lane.py does. Whatever is unusual is left to lane.py, at the point where it was found.
 *
 * Plain C without Python's or MPI's headers, and linked with neither: one file for all versions of Python, numpy and
 * MPI. The functions of both come as addresses (lane_kernel.py). Of Python they belong to its stable interface, and
 * arrays are read by the buffer protocol; of MPI no type is known but the size of a handle. It is called as a builtin
 * function, because a call by ctypes takes as long as to add a thousand values.
 */

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__FAST_MATH__)
#error "reductions need IEEE arithmetic: compile without -ffast-math"
#endif
#if FLT_EVAL_METHOD != 0
#error "reductions need arithmetic without excess precision (no x87)"
#endif

#define EXPORT __attribute__((visibility("default")))

enum { VERSION = 1 }; /* of the interface; lane_kernel.py has the same */

/* How far a reduction has come. */
enum {
    REDUCED = 0,   /* the result is in `out` */
    USUAL = 1,     /* the exchange is complete and as expected; nothing is reduced */
    COMPLETE = 2,  /* the exchange is complete, and has to be looked at */
    BEGUN = 3,     /* the exchange is begun, and not complete yet */
    NOT_BEGUN = 4, /* nothing was done: the values are not as they should be */
    FAILED = 5     /* `error` is what MPI returned */
};

enum { NO_REDUCTION = 0, SUM = 1, PRODUCT = 2 };

/* Of Python's stable interface, since 3.10; PyBUF_STRIDES. */
enum { STRIDES = 0x18, METH_FASTCALL = 0x80 };

/* Py_buffer. */
struct buffer {
    void *data;
    void *owner;
    ptrdiff_t bytes;
    ptrdiff_t itemsize;
    int readonly;
    int dimensions;
    char *format;
    ptrdiff_t *shape;
    ptrdiff_t *strides;
    ptrdiff_t *suboffsets;
    void *internal;
};

/* PyMethodDef, of which a builtin function is made. */
struct method {
    const char *name;
    void *(*call)(void *self, void *const *arguments, ptrdiff_t count);
    int flags;
    const char *documentation;
};

/* Functions of Python, and its None. */
static struct python {
    void *none;
    int (*get_buffer)(void *object, struct buffer *view, int flags);
    void (*release_buffer)(struct buffer *view);
    void (*clear_error)(void);
    void *(*release_lock)(void);
    void (*take_lock)(void *thread);
    char *(*memory_of)(void *byte_array);
    void *(*integer)(long value);
} python;

/* Functions of MPI. */
struct mpi {
    int (*start)(void *request);
    int (*start_all)(int count, void *requests);
    int (*test)(void *request, int *flag, void *status);
    int (*test_all)(int count, void *requests, int *flag, void *statuses);
    void (*get_status)(void); /* takes its request by value, so that its type depends on the library */
};

/* What stays the same from call to call. */
struct lane {
    const struct mpi *mpi;
    void *requests;        /* persistent requests that together are the exchange */
    void *statuses;        /* room for as many of MPI's */
    void *notices;         /* the request that is complete when another rank has told something */
    unsigned char *slots;  /* a slot for each rank: a head, and behind it values */
    const unsigned char *heads; /* what every rank's head should be */
    int64_t slot_bytes, head_bytes, values_at;
    int64_t rank, ranks;
    int64_t request_count; /* 0: there is nothing to exchange */
    int64_t handle_bytes;  /* of a request */
    int64_t tests;         /* before a wait is left to Python */
    int64_t count, itemsize; /* of a rank's values */
    int64_t reduction;     /* of float64 or float32, by itemsize */
    int64_t error;
};

/*
 * Each returns whether there is a nan in the result: which of several one gets, numpy has to say. Its bits but for the
 * sign are more than infinity's; that is found by a subtraction, as not every processor compares 64-bit integers.
 */
#define REDUCE(NAME, TYPE, BITS, INFINITE, OPERATOR)                                     \
    static int NAME(const TYPE *first, const TYPE *second, TYPE *out, int64_t count)     \
    {                                                                                    \
        BITS less = 0, sign = (BITS)1 << (8 * sizeof(BITS) - 1);                         \
        for (int64_t i = 0; i < count; i++) {                                            \
            TYPE value = first[i] OPERATOR second[i];                                    \
            BITS bits;                                                                   \
            memcpy(&bits, &value, sizeof bits);                                          \
            less |= INFINITE - (bits & ~sign);                                           \
            out[i] = value;                                                              \
        }                                                                                \
        return (less & sign) != 0;                                                       \
    }

#define INFINITE_DOUBLE UINT64_C(0x7ff0000000000000)
#define INFINITE_FLOAT UINT32_C(0x7f800000)

REDUCE(add_doubles, double, uint64_t, INFINITE_DOUBLE, +)
REDUCE(add_floats, float, uint32_t, INFINITE_FLOAT, +)
REDUCE(multiply_doubles, double, uint64_t, INFINITE_DOUBLE, *)
REDUCE(multiply_floats, float, uint32_t, INFINITE_FLOAT, *)

static const unsigned char *values_of(const struct lane *lane, int64_t rank)
{
    return lane->slots + rank * lane->slot_bytes + lane->values_at;
}

/* One rank after the other, as lane.py does. */
static int reduce(const struct lane *lane, void *out)
{
    int sum = lane->reduction == SUM;
    const void *total = values_of(lane, 0);
    if (lane->ranks == 1)
        memcpy(out, total, (size_t)(lane->count * lane->itemsize));
    for (int64_t rank = 1; rank < lane->ranks; rank++) {
        const void *next = values_of(lane, rank);
        int nan = lane->itemsize == 8 ? (sum ? add_doubles : multiply_doubles)(total, next, out, lane->count)
                                      : (sum ? add_floats : multiply_floats)(total, next, out, lane->count);
        if (nan)
            return 0;
        total = out;
    }
    return 1;
}

/* Whether `view` is of the lane's values, one behind the other in memory. */
static int fits(const struct lane *lane, const struct buffer *view)
{
    ptrdiff_t step = (ptrdiff_t)lane->itemsize;
    if (view->itemsize != step || view->bytes != step * (ptrdiff_t)lane->count)
        return 0;
    for (int i = view->dimensions - 1; i >= 0 && view->bytes; i--) {
        if (view->shape[i] != 1 && view->strides[i] != step)
            return 0;
        step *= view->shape[i];
    }
    return 1;
}

static int view_of(const struct lane *lane, void *object, struct buffer *view)
{
    if (object == python.none)
        return 0;
    if (python.get_buffer(object, view, STRIDES)) {
        python.clear_error();
        return 0;
    }
    if (fits(lane, view))
        return 1;
    python.release_buffer(view);
    return 0;
}

static int something_told(const struct lane *lane, int *flag)
{
    if (lane->handle_bytes == (int64_t)sizeof(int)) {
        int (*get_status)(int, int *, void *) = (int (*)(int, int *, void *))lane->mpi->get_status;
        return get_status(*(int *)lane->notices, flag, lane->statuses);
    }
    int (*get_status)(void *, int *, void *) = (int (*)(void *, int *, void *))lane->mpi->get_status;
    return get_status(*(void **)lane->notices, flag, lane->statuses);
}

/* Begin the exchange; tell whether it is `complete` and, if so, whether something was `told`. Returns MPI's error. */
static int exchange(const struct lane *lane, int *complete, int *told)
{
    const struct mpi *mpi = lane->mpi;
    int count = (int)lane->request_count;
    int error = count == 1 ? mpi->start(lane->requests) : mpi->start_all(count, lane->requests);
    for (int64_t i = 0; !error && !*complete && i < lane->tests; i++)
        error = count == 1 ? mpi->test(lane->requests, complete, lane->statuses)
                           : mpi->test_all(count, lane->requests, complete, lane->statuses);
    if (!error && *complete)
        error = something_told(lane, told);
    return error;
}

/* Reduce all ranks' `values` into `out`. If `values` is None they are in the slot already; `out` may be None. */
static int run(struct lane *lane, void *values, void *out)
{
    struct buffer view;
    unsigned char *mine = lane->slots + lane->rank * lane->slot_bytes;
    size_t head_bytes = (size_t)lane->head_bytes;
    if (values != python.none) {
        if (!view_of(lane, values, &view))
            return NOT_BEGUN;
        memcpy(mine + lane->values_at, view.data, (size_t)view.bytes);
        python.release_buffer(&view);
    }
    memcpy(mine, lane->heads + (size_t)lane->rank * head_bytes, head_bytes);
    if (lane->request_count) {
        int complete = 0, told = 0;
        /* Other threads may be in MPI, and wait for the lock there. */
        void *thread = python.release_lock();
        int error = exchange(lane, &complete, &told);
        python.take_lock(thread);
        if (error) {
            lane->error = error;
            return FAILED;
        }
        if (!complete)
            return BEGUN;
        if (told)
            return COMPLETE;
    }
    for (int64_t rank = 0; rank < lane->ranks; rank++)
        if (memcmp(lane->slots + rank * lane->slot_bytes, lane->heads + (size_t)rank * head_bytes, head_bytes))
            return COMPLETE;
    if (lane->reduction == NO_REDUCTION || !view_of(lane, out, &view))
        return USUAL;
    int reduced = !view.readonly && (uintptr_t)view.data % (uintptr_t)lane->itemsize == 0 && reduce(lane, view.data);
    python.release_buffer(&view);
    return reduced ? REDUCED : USUAL;
}

/* The builtin function. `self` is the bytearray in which its lane is; the arguments are `values` and `out`. */
static void *call(void *self, void *const *arguments, ptrdiff_t count)
{
    struct lane *lane = (struct lane *)(void *)python.memory_of(self);
    return python.integer(count == 2 ? run(lane, arguments[0], arguments[1]) : NOT_BEGUN);
}

/* Return what PyCFunction_NewEx makes builtin functions of, after Python's functions are known. */
EXPORT const void *pxengines_lane_method(const struct python *functions)
{
    static const struct method method = {"reduce_small", call, METH_FASTCALL, NULL};
    python = *functions;
    return &method;
}

EXPORT int pxengines_lane_version(void)
{
    return VERSION;
}

/* The sizes of the structures that Python makes. */
EXPORT size_t pxengines_lane_bytes(void)
{
    return sizeof(struct lane) + sizeof(struct mpi) + sizeof(struct python);
}
