"""Vectors of lanes inside numba: loads, stores, minima and local costs as explicit LLVM vector operations.

A :data:`vector` is ``<16 x float>``, one lane a pair. LLVM lowers it to the registers of the processor at hand (one
of AVX-512, two of AVX2, four of NEON). The functions work on tuples of vectors, so that several independent ones
are in flight and hide the latency of each other's chain. Each function is an intrinsic, that is, it emits its
instructions into the kernel that calls it: a kernel in :mod:`gymlab.distance.lanes` reads as a plain loop and
compiles to the instructions that a hand-written one would hold.

Intrinsics live at module level: made inside a function, they would keep numba's disk cache from ever hitting.
"""

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from gymlab.distance.series import Float32Array

WIDTH = 16

_INT64 = ir.IntType(64)
_BITS = ir.VectorType(ir.IntType(32), WIDTH)
_FLOATS = ir.VectorType(ir.FloatType(), WIDTH)


class VectorType(types.Type):
    """numba's type of 16 float32 lanes."""

    def __init__(self) -> None:
        super().__init__(name="Vector16")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _FLOATS)


vector = VectorType()


def host_features() -> frozenset[str]:
    """Return the vector features that LLVM sees in this processor."""
    return frozenset(name for name, present in binding.get_host_cpu_features().items() if present)


# On other processors a fused multiplication and addition may be a function call.
_FUSED = bool(host_features() & {"fma", "neon", "vsx"})


def aligned_empty(shape: tuple[int, ...]) -> Float32Array:
    """Return an uninitialised float32 array at the start of a cache line, which halves the cost of its loads."""
    n_bytes = int(np.prod(shape)) * 4
    buffer = np.empty(n_bytes + 64, dtype=np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + n_bytes].view(np.float32).reshape(shape)


def _address(context, builder, kind, array, indices):
    struct = context.make_array(kind)(context, builder, array)
    return cgutils.get_item_pointer(context, builder, kind, struct, list(indices), wraparound=False)


def _vector_at(builder, address, element):
    if element:
        address = builder.gep(address, [ir.Constant(_INT64, element)])
    return builder.bitcast(address, _FLOATS.as_pointer())


def _splat(builder, number):
    kind = ir.VectorType(number.type, WIDTH)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(_BITS, [0] * WIDTH))


def _intrinsic(builder, name, kind, *arguments):
    signature = ir.FunctionType(kind, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def _parts(builder, values):
    count = getattr(values.type, "count", 0)  # an empty tuple is no LLVM array
    return [builder.extract_value(values, k) for k in range(count)]


def _fused(builder, a, b, c):
    if _FUSED:
        return _intrinsic(builder, f"llvm.fma.v{WIDTH}f32", _FLOATS, a, b, c)
    return builder.fadd(builder.fmul(a, b), c)


def _minimum(builder, a, b):
    # Costs are never negative, and such floats, infinity among them, sort like the integers of the same bits.
    # The integer minimum is one cycle on every processor, the other one two to four.
    bits = [builder.bitcast(x, _BITS) for x in (a, b)]
    return builder.bitcast(_intrinsic(builder, f"llvm.smin.v{WIDTH}i32", _BITS, *bits), _FLOATS)


def _vectors(count: int) -> types.BaseTuple:
    return types.UniTuple(vector, count) if count else types.Tuple(())


def _constants(number, flight):
    def emit(context, builder, signature, _arguments):
        constant = ir.Constant(_FLOATS, [number] * WIDTH)
        return context.make_tuple(builder, signature.return_type, [constant] * len(flight))

    return _vectors(len(flight))(flight), emit


@intrinsic
def infinities(typing, flight):  # noqa: ARG001 - the first argument is numba's
    """Return as many vectors of infinity as the tuple ``flight`` is long."""
    return _constants(float("inf"), flight)


@intrinsic
def zeros(typing, flight):  # noqa: ARG001
    """Return as many vectors of zero as the tuple ``flight`` is long."""
    return _constants(0.0, flight)


@intrinsic
def load(typing, array, i, lane, flight):  # noqa: ARG001
    """Return ``array[i, lane : lane + 16 len(flight)]``."""

    def emit(context, builder, signature, arguments):
        address = _address(context, builder, array, arguments[0], arguments[1:3])
        values = [builder.load(_vector_at(builder, address, v * WIDTH), align=4) for v in range(len(flight))]
        return context.make_tuple(builder, signature.return_type, values)

    return _vectors(len(flight))(array, types.uint64, types.uint64, flight), emit


@intrinsic
def store(typing, array, i, lane, values):  # noqa: ARG001
    """Write the vectors ``values`` to ``array[i, lane:]``."""

    def emit(context, builder, _signature, arguments):
        address = _address(context, builder, array, arguments[0], arguments[1:3])
        for v, part in enumerate(_parts(builder, arguments[3])):
            builder.store(part, _vector_at(builder, address, v * WIDTH), align=4)

    return types.void(array, types.uint64, types.uint64, values), emit


def _elementwise(values, operation):
    def emit(context, builder, signature, arguments):
        pairs = zip(*(_parts(builder, argument) for argument in arguments), strict=True)
        return context.make_tuple(
            builder, signature.return_type, [operation(builder, *pair) for pair in pairs]
        )

    return values(values, values), emit


@intrinsic
def smallest(typing, a, b):  # noqa: ARG001
    """Return the lanes' minima; they must not be negative."""
    return _elementwise(a, _minimum)


@intrinsic
def plus(typing, a, b):  # noqa: ARG001
    """Return the lanes' sums."""
    return _elementwise(a, lambda builder, x, y: builder.fadd(x, y))


@intrinsic
def point(typing, query, i, channels):  # noqa: ARG001
    """Return ``query[i, : len(channels)]``, each number in all lanes of a vector."""

    def emit(context, builder, signature, arguments):
        numbers = [
            _splat(
                builder,
                builder.load(
                    _address(
                        context, builder, query, arguments[0], [arguments[1], ir.Constant(_INT64, channel)]
                    )
                ),
            )
            for channel in range(len(channels))
        ]
        return context.make_tuple(builder, signature.return_type, numbers)

    return _vectors(len(channels))(query, types.uint64, channels), emit


def _local_cost(builder, numbers, others, weights):
    """Emit the sum of squared differences; the last numbers are codes, which cost their weight when they differ."""
    n_numeric = len(numbers) - len(weights)
    cost: Any = None
    for number, other in zip(numbers[:n_numeric], others[:n_numeric], strict=True):
        difference = builder.fsub(number, other)
        if cost is None:
            cost = builder.fmul(difference, difference)
        else:
            cost = _fused(builder, difference, difference, cost)
    zero = ir.Constant(_FLOATS, [0.0] * WIDTH)
    for number, other, weight in zip(numbers[n_numeric:], others[n_numeric:], weights, strict=True):
        mismatch = builder.select(builder.fcmp_unordered("!=", number, other), weight, zero)
        cost = mismatch if cost is None else builder.fadd(cost, mismatch)
    return cost


@intrinsic
def local_costs(typing, numbers, weights, block, j, flight):  # noqa: ARG001
    """Return the local costs of one point against ``block[j]``.

    ``numbers`` and ``weights`` are as :func:`point` returns them; there are as many weights as channels of codes.
    """

    def emit(context, builder, signature, arguments):
        own, cost_of = (_parts(builder, values) for values in arguments[:2])
        costs = [
            _local_cost(builder, own, others, cost_of)
            for others in _points_at(context, builder, block, arguments[2], arguments[3], len(own), len(flight))
        ]
        return context.make_tuple(builder, signature.return_type, costs)

    return _vectors(len(flight))(numbers, weights, block, types.uint64, flight), emit


@intrinsic
def plus_local_costs(typing, base, numbers, weights, block, j):  # noqa: ARG001
    """Return ``base`` plus the local costs as :func:`local_costs` returns them."""

    def emit(context, builder, signature, arguments):
        own, cost_of = (_parts(builder, values) for values in arguments[1:3])
        others_of = _points_at(
            context, builder, block, arguments[3], arguments[4], len(own), signature.return_type.count
        )
        sums = []
        for start, others in zip(_parts(builder, arguments[0]), others_of, strict=True):
            if len(own) == 1 and not cost_of:
                # One rounding and one instruction less; with more channels, costs looked up have to agree.
                difference = builder.fsub(own[0], others[0])
                sums.append(_fused(builder, difference, difference, start))
            else:
                sums.append(builder.fadd(_local_cost(builder, own, others, cost_of), start))
        return context.make_tuple(builder, signature.return_type, sums)

    return base(base, numbers, weights, block, types.uint64), emit


@intrinsic
def plus_outside(typing, base, lower, upper, weights, block, j):  # noqa: ARG001
    """Return ``base`` plus the squared distances of ``block[j]`` from the box between two points.

    A code outside the box costs its weight.
    """

    def emit(context, builder, signature, arguments):
        lows, highs, cost_of = (_parts(builder, values) for values in arguments[1:4])
        others_of = _points_at(
            context, builder, block, arguments[4], arguments[5], len(lows), signature.return_type.count
        )
        zero = ir.Constant(_FLOATS, [0.0] * WIDTH)
        n_numeric = len(lows) - len(cost_of)
        sums = []
        for start, others in zip(_parts(builder, arguments[0]), others_of, strict=True):
            cost = start
            for c, (low, high, other) in enumerate(zip(lows, highs, others, strict=True)):
                under, over = builder.fcmp_ordered("<", other, low), builder.fcmp_ordered(">", other, high)
                if c < n_numeric:
                    edge = builder.select(under, low, builder.select(over, high, other))
                    difference = builder.fsub(other, edge)
                    cost = _fused(builder, difference, difference, cost)
                else:
                    mismatch = builder.select(builder.or_(under, over), cost_of[c - n_numeric], zero)
                    cost = builder.fadd(cost, mismatch)
            sums.append(cost)
        return context.make_tuple(builder, signature.return_type, sums)

    return base(base, lower, upper, weights, block, types.uint64), emit


@intrinsic
def plus_bridged(typing, base, numbers, highest, lowest, lower, upper, j, codes):  # noqa: ARG001
    """Return ``base`` plus what LB_Webb charges one point for lying outside the envelopes of the lanes.

    ``lower[j]`` and ``upper[j]`` are the envelopes of the lanes' series; from the square of a point's distance to
    an edge goes the square of that edge's distance to ``highest`` or ``lowest``, see
    :func:`gymlab.distance.bounds.webb_cost`. Codes are left out.
    """

    def emit(context, builder, signature, arguments):
        own, tops, bottoms = (_parts(builder, values) for values in arguments[1:4])
        count = signature.return_type.count
        lows, highs = (
            list(_points_at(context, builder, lower, block, arguments[6], len(own), count))
            for block in arguments[4:6]
        )
        zero = ir.Constant(_FLOATS, [0.0] * WIDTH)
        sums = []
        for start, low, high in zip(_parts(builder, arguments[0]), lows, highs, strict=True):
            cost = start
            for c in range(len(own) - len(codes)):
                for edge, bridge, sign in ((high[c], tops[c], ">"), (low[c], bottoms[c], "<")):
                    beyond = builder.fcmp_ordered(sign, own[c], edge)
                    nearer = builder.select(builder.fcmp_ordered(sign, bridge, edge), bridge, edge)
                    # u² − v² as (u − v)(u + v), which keeps its digits.
                    total = builder.fadd(builder.fsub(own[c], edge), builder.fsub(nearer, edge))
                    charge = builder.fmul(builder.fsub(own[c], nearer), total)
                    cost = builder.fadd(cost, builder.select(beyond, charge, zero))
            sums.append(cost)
        return context.make_tuple(builder, signature.return_type, sums)

    return base(base, numbers, highest, lowest, lower, upper, types.uint64, codes), emit


def _points_at(context, builder, kind, block, j, n_channels, n_vectors):
    """Emit the loads of ``block[j]``: for each vector of lanes, its channels."""
    addresses = [
        _address(context, builder, kind, block, [j, ir.Constant(_INT64, channel), ir.Constant(_INT64, 0)])
        for channel in range(n_channels)
    ]
    for v in range(n_vectors):
        yield [builder.load(_vector_at(builder, address, v * WIDTH), align=4) for address in addresses]


@intrinsic
def inside(typing, values, bounds, lane, shift):  # noqa: ARG001
    """Return ``values`` where ``bounds[0] <= shift <= bounds[1]`` in that lane (int32), else infinity."""

    def emit(context, builder, signature, arguments):
        parts = _parts(builder, arguments[0])
        infinity = ir.Constant(_FLOATS, [float("inf")] * WIDTH)
        at = _splat(builder, arguments[3])
        limits = [
            _address(context, builder, bounds, arguments[1], [ir.Constant(_INT64, k), arguments[2]])
            for k in range(2)
        ]
        kept = []
        for v, part in enumerate(parts):
            low, high = (
                builder.load(
                    builder.bitcast(builder.gep(limit, [ir.Constant(_INT64, v * WIDTH)]), _BITS.as_pointer()),
                    align=4,
                )
                for limit in limits
            )
            within = builder.and_(builder.icmp_signed("<=", low, at), builder.icmp_signed("<=", at, high))
            kept.append(builder.select(within, part, infinity))
        return context.make_tuple(builder, signature.return_type, kept)

    return values(values, bounds, types.uint64, types.int32), emit


@intrinsic
def any_at_most(typing, values, limits):  # noqa: ARG001
    """Tell whether a lane is at most its limit."""

    def emit(_context, builder, _signature, arguments):
        pairs = zip(*(_parts(builder, argument) for argument in arguments), strict=True)
        answers = [builder.fcmp_ordered("<=", value, limit) for value, limit in pairs]
        any_lane = answers[0]
        for answer in answers[1:]:
            any_lane = builder.or_(any_lane, answer)
        bits = builder.bitcast(any_lane, ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(values, limits), emit
