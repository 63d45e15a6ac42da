"""Vectors of lanes inside numba: loads, stores, minima and local costs as explicit LLVM vector operations.

A :data:`vector` is ``<16 x float>``, one lane for each pair. LLVM lowers it to the registers of the processor (one of
AVX-512, two of AVX2, four of NEON). The functions work on tuples of vectors. Several independent vectors are in
flight at once, which hides the latency of each chain of operations. Each function is an intrinsic: it emits its
instructions into the kernel that calls it. So a kernel in :mod:`gymlab.distance.kernels.lanes` reads as a plain loop
and compiles to the instructions of a hand-written one.

Intrinsics are at module level: if they were made inside a function, numba's disk cache would never hit.
"""

import functools
import logging
from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils, config
from numba.core.codegen import get_host_cpu_features
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from gymlab.distance.series import Float32Array
from gymlab.errors import InputError

_log = logging.getLogger(__name__)

WIDTH = 16

INT64 = ir.IntType(64)
_BITS = ir.VectorType(ir.IntType(32), WIDTH)
FLOATS = ir.VectorType(ir.FloatType(), WIDTH)


class VectorType(types.Type):
    """numba's type of 16 float32 lanes."""

    def __init__(self) -> None:
        super().__init__(name="Vector16")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, FLOATS)


vector = VectorType()


def target_features() -> frozenset[str]:
    """Return the processor features that numba compiles for: those here, or those in its environment variables."""
    named = config.CPU_FEATURES  # type: ignore[attr-defined]  # set by numba's import
    if named is None:
        named = get_host_cpu_features()
    return frozenset(feature[1:] for feature in named.split(",") if feature.startswith("+"))


# On other processors a fused multiplication and addition may be a function call.
_FUSED = bool(target_features() & {"fma", "neon", "vsx"})


def aligned_empty(shape: tuple[int, ...]) -> Float32Array:
    """Return an uninitialised float32 array at the start of a cache line, which halves the cost of its loads."""
    n_bytes = int(np.prod(shape)) * 4
    buffer = np.empty(n_bytes + 64, dtype=np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + n_bytes].view(np.float32).reshape(shape)


def address_of(context, builder, kind, array, indices):
    """Emit the address of ``array[indices]``."""
    struct = context.make_array(kind)(context, builder, array)
    return cgutils.get_item_pointer(context, builder, kind, struct, list(indices), wraparound=False)


def vector_at(builder, address, element):
    """Emit the address of the vector that begins ``element`` elements after an address."""
    if element:
        address = builder.gep(address, [ir.Constant(INT64, element)])
    return builder.bitcast(address, FLOATS.as_pointer())


def _splat(builder, number):
    kind = ir.VectorType(number.type, WIDTH)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(_BITS, [0] * WIDTH))


def _intrinsic(builder, name, kind, *arguments):
    signature = ir.FunctionType(kind, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def parts_of(builder, values):
    """Emit the members of a tuple."""
    count = getattr(values.type, "count", 0)  # an empty tuple is no LLVM array
    return [builder.extract_value(values, k) for k in range(count)]


def fused(builder, a, b, c):
    """Emit ``a * b + c``, rounded once where the processor can."""
    if _FUSED:
        return _intrinsic(builder, f"llvm.fma.v{WIDTH}f32", FLOATS, a, b, c)
    return builder.fadd(builder.fmul(a, b), c)


def _minimum(builder, a, b):
    # Costs are never negative, and such floats, infinity among them, sort like the integers of the same bits.
    # The integer minimum takes one cycle on every processor, the minimum of floats two to four.
    bits = [builder.bitcast(x, _BITS) for x in (a, b)]
    return builder.bitcast(_intrinsic(builder, f"llvm.smin.v{WIDTH}i32", _BITS, *bits), FLOATS)


def vectors_type(count: int) -> types.BaseTuple:
    """Return the type of a tuple of ``count`` vectors."""
    return types.UniTuple(vector, count) if count else types.Tuple(())


def _constants(number, flight):
    def emit(context, builder, signature, _arguments):
        constant = ir.Constant(FLOATS, [number] * WIDTH)
        return context.make_tuple(builder, signature.return_type, [constant] * len(flight))

    return vectors_type(len(flight))(flight), emit


@intrinsic
def infinities(typing, flight):
    """Return vectors of infinity, as many as ``flight`` has elements."""
    return _constants(float("inf"), flight)


@intrinsic
def zeros(typing, flight):
    """Return vectors of zero, as many as ``flight`` has elements."""
    return _constants(0.0, flight)


@intrinsic
def everywhere(typing, number, flight):
    """Return ``number``, a float32, in every lane."""

    def emit(context, builder, signature, arguments):
        return context.make_tuple(
            builder, signature.return_type, [_splat(builder, arguments[0])] * len(flight)
        )

    return vectors_type(len(flight))(types.float32, flight), emit


@intrinsic
def load(typing, array, i, lane, flight):
    """Return ``array[i, lane : lane + 16 len(flight)]``."""

    def emit(context, builder, signature, arguments):
        address = address_of(context, builder, array, arguments[0], arguments[1:3])
        values = [builder.load(vector_at(builder, address, v * WIDTH), align=4) for v in range(len(flight))]
        return context.make_tuple(builder, signature.return_type, values)

    return vectors_type(len(flight))(array, types.uint64, types.uint64, flight), emit


@intrinsic
def store(typing, array, i, lane, values):
    """Write the vectors ``values`` to ``array[i, lane:]``."""

    def emit(context, builder, _signature, arguments):
        address = address_of(context, builder, array, arguments[0], arguments[1:3])
        for v, part in enumerate(parts_of(builder, arguments[3])):
            builder.store(part, vector_at(builder, address, v * WIDTH), align=4)

    return types.void(array, types.uint64, types.uint64, values), emit


def _elementwise(values, operation):
    def emit(context, builder, signature, arguments):
        pairs = zip(*(parts_of(builder, argument) for argument in arguments), strict=True)
        return context.make_tuple(
            builder, signature.return_type, [operation(builder, *pair) for pair in pairs]
        )

    return values(values, values), emit


@intrinsic
def smallest(typing, a, b):
    """Return the minimum of each lane; the values must not be negative."""
    return _elementwise(a, _minimum)


@intrinsic
def largest(typing, a, b):
    """Return the maximum of each lane."""
    return _elementwise(a, lambda builder, x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y))


@intrinsic
def plus(typing, a, b):
    """Return the sum of each lane."""
    return _elementwise(a, lambda builder, x, y: builder.fadd(x, y))


@intrinsic
def point(typing, query, i, channels):
    """Return ``query[i, : len(channels)]``, each number in all lanes of a vector."""

    def emit(context, builder, signature, arguments):
        numbers = [
            _splat(
                builder,
                builder.load(
                    address_of(
                        context, builder, query, arguments[0], [arguments[1], ir.Constant(INT64, channel)]
                    )
                ),
            )
            for channel in range(len(channels))
        ]
        return context.make_tuple(builder, signature.return_type, numbers)

    return vectors_type(len(channels))(query, types.uint64, channels), emit


@intrinsic
def inside(typing, values, bounds, lane, shift):
    """Return ``values`` where ``bounds[0] <= shift <= bounds[1]`` in that lane (int32), else infinity."""

    def emit(context, builder, signature, arguments):
        parts = parts_of(builder, arguments[0])
        infinity = ir.Constant(FLOATS, [float("inf")] * WIDTH)
        at = _splat(builder, arguments[3])
        limits = [
            address_of(context, builder, bounds, arguments[1], [ir.Constant(INT64, k), arguments[2]])
            for k in range(2)
        ]
        kept = []
        for v, part in enumerate(parts):
            low, high = (
                builder.load(
                    builder.bitcast(builder.gep(limit, [ir.Constant(INT64, v * WIDTH)]), _BITS.as_pointer()),
                    align=4,
                )
                for limit in limits
            )
            within = builder.and_(builder.icmp_signed("<=", low, at), builder.icmp_signed("<=", at, high))
            kept.append(builder.select(within, part, infinity))
        return context.make_tuple(builder, signature.return_type, kept)

    return values(values, bounds, types.uint64, types.int32), emit


@intrinsic
def any_at_most(typing, values, limits):
    """Return whether any lane is at most its limit."""

    def emit(_context, builder, _signature, arguments):
        pairs = zip(*(parts_of(builder, argument) for argument in arguments), strict=True)
        answers = [builder.fcmp_ordered("<=", value, limit) for value, limit in pairs]
        any_lane = answers[0]
        for answer in answers[1:]:
            any_lane = builder.or_(any_lane, answer)
        bits = builder.bitcast(any_lane, ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(values, limits), emit


@dataclass(frozen=True)
class KernelPath:
    """The kernel that runs.

    Attributes
    ----------
    name
        ``"vector"`` or ``"plain"``.
    lanes
        How many pairs the plain kernel, or the vector kernel with one channel, computes side by side.
    reason
        Why this kernel runs, in words.
    """

    name: str
    lanes: int
    reason: str


def vectors_in_flight(n_channels: int) -> int:
    """Return how many vectors of lanes the kernel works on at once.

    They are enough to hide the latency of a chain of operations, and few enough that their state and two points of
    the query stay in registers (measured for 1, 2, 6 and 12 channels).
    """
    if not _has_many_registers():
        return 1
    if n_channels <= 3:
        return 4
    return 2 if n_channels <= 8 else 1


def vectors_looked_up(n_columns: int) -> int:
    """Return how many vectors of lanes the kernel works on at once if it looks up local costs."""
    if not _has_many_registers():
        return 1
    return 4 if n_columns <= 32 else 2


@functools.cache
def kernel_path() -> KernelPath:
    """Return the kernel that this machine runs.

    Raises
    ------
    InputError
        If ``NUMBA_DISABLE_JIT`` is set, so that numba compiles nothing.

    Examples
    --------
    >>> kernel_path().name in {"vector", "plain"}
    True
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba puts it there when it is imported
        raise InputError(
            "NUMBA_DISABLE_JIT is set, so numba compiles no kernel, and loops of Python would take a hundred thousand "
            "times as long; unset it"
        )
    try:
        _try_vectors()
    except Exception as error:  # noqa: BLE001 - every exception of numba or LLVM has the same consequence here
        _log.warning("explicit vectors do not compile here, plain loops run instead: %s", error)
        return KernelPath("plain", 4 * WIDTH, f"explicit vectors do not compile: {str(error)[:200]}")
    features = target_features()
    widest = next(
        (f for f in ("avx512f", "avx2", "avx", "sse4.1", "sve", "neon") if f in features), "none known"
    )
    return KernelPath(
        "vector", WIDTH * vectors_in_flight(1), f"explicit vectors compile; vector instructions: {widest}"
    )


def _has_many_registers() -> bool:
    return "avx512f" in target_features()


def _try_vectors() -> None:
    costs = np.arange(2 * WIDTH, dtype=np.float32).reshape(2, WIDTH)
    _add_lanes(costs)
    if not np.array_equal(costs[1], 2 * np.arange(WIDTH) + WIDTH):
        raise ArithmeticError(f"wrong sums: {costs[1]}")


@njit(nogil=True, cache=True, error_model="numpy")
def _add_lanes(costs):
    upper, lower = (
        load(costs, np.uint64(0), np.uint64(0), (0,)),
        load(costs, np.uint64(1), np.uint64(0), (0,)),
    )
    store(costs, np.uint64(1), np.uint64(0), smallest(plus(upper, lower), infinities((0,))))
