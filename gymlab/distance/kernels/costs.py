"""Local costs and bounds as explicit vector operations, built from :mod:`gymlab.distance.kernels.vectors`."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gymlab.distance.kernels.vectors import (
    FLOATS,
    INT64,
    WIDTH,
    address_of,
    fused,
    parts_of,
    vector_at,
    vectors_type,
)


def _local_cost(builder, numbers, others, weights):
    """Emit the sum of squared differences; the last numbers are codes, which cost their weight if they differ."""
    n_numeric = len(numbers) - len(weights)
    cost: Any = None
    for number, other in zip(numbers[:n_numeric], others[:n_numeric], strict=True):
        difference = builder.fsub(number, other)
        if cost is None:
            cost = builder.fmul(difference, difference)
        else:
            cost = fused(builder, difference, difference, cost)
    zero = ir.Constant(FLOATS, [0.0] * WIDTH)
    for number, other, weight in zip(numbers[n_numeric:], others[n_numeric:], weights, strict=True):
        mismatch = builder.select(builder.fcmp_unordered("!=", number, other), weight, zero)
        cost = mismatch if cost is None else builder.fadd(cost, mismatch)
    return cost


@intrinsic
def local_costs(typing, numbers, weights, block, j, flight):
    """Return the local costs of one point against ``block[j]``.

    ``numbers`` and ``weights`` are results of :func:`point`; there is one weight for each channel of codes.
    """

    def emit(context, builder, signature, arguments):
        own, cost_of = (parts_of(builder, values) for values in arguments[:2])
        costs = [
            _local_cost(builder, own, others, cost_of)
            for others in _points_at(
                context, builder, block, arguments[2], arguments[3], len(own), len(flight)
            )
        ]
        return context.make_tuple(builder, signature.return_type, costs)

    return vectors_type(len(flight))(numbers, weights, block, types.uint64, flight), emit


@intrinsic
def plus_local_costs(typing, base, numbers, weights, block, j):
    """Return ``base`` plus the local costs of :func:`local_costs`."""

    def emit(context, builder, signature, arguments):
        own, cost_of = (parts_of(builder, values) for values in arguments[1:3])
        others_of = _points_at(
            context, builder, block, arguments[3], arguments[4], len(own), signature.return_type.count
        )
        sums = []
        for start, others in zip(parts_of(builder, arguments[0]), others_of, strict=True):
            if len(own) == 1 and not cost_of:
                # One rounding and one instruction less. With more channels, the result has to equal that of costs
                # from a table.
                difference = builder.fsub(own[0], others[0])
                sums.append(fused(builder, difference, difference, start))
            else:
                sums.append(builder.fadd(_local_cost(builder, own, others, cost_of), start))
        return context.make_tuple(builder, signature.return_type, sums)

    return base(base, numbers, weights, block, types.uint64), emit


@intrinsic
def plus_outside(typing, base, lower, upper, weights, block, j):
    """Return ``base`` plus the squared distances of ``block[j]`` from the box between two points.

    A code outside the box costs its weight.
    """

    def emit(context, builder, signature, arguments):
        lows, highs, cost_of = (parts_of(builder, values) for values in arguments[1:4])
        others_of = _points_at(
            context, builder, block, arguments[4], arguments[5], len(lows), signature.return_type.count
        )
        zero = ir.Constant(FLOATS, [0.0] * WIDTH)
        n_numeric = len(lows) - len(cost_of)
        sums = []
        for start, others in zip(parts_of(builder, arguments[0]), others_of, strict=True):
            cost = start
            for c, (low, high, other) in enumerate(zip(lows, highs, others, strict=True)):
                under, over = builder.fcmp_ordered("<", other, low), builder.fcmp_ordered(">", other, high)
                if c < n_numeric:
                    edge = builder.select(under, low, builder.select(over, high, other))
                    difference = builder.fsub(other, edge)
                    cost = fused(builder, difference, difference, cost)
                else:
                    mismatch = builder.select(builder.or_(under, over), cost_of[c - n_numeric], zero)
                    cost = builder.fadd(cost, mismatch)
            sums.append(cost)
        return context.make_tuple(builder, signature.return_type, sums)

    return base(base, lower, upper, weights, block, types.uint64), emit


@intrinsic
def plus_bridged(typing, base, numbers, highest, lowest, lower, upper, j, codes):
    """Return ``base`` plus the charge of LB_Webb for one point outside the envelopes of the lanes.

    ``lower[j]`` and ``upper[j]`` are the envelopes of the lanes' series. The charge is the square of the point's
    distance to an edge, less the square of the distance between that edge and ``highest`` or ``lowest``, see
    :func:`gymlab.distance.kernels.envelopes.webb_cost`. Codes are left out.
    """

    def emit(context, builder, signature, arguments):
        own, tops, bottoms = (parts_of(builder, values) for values in arguments[1:4])
        count = signature.return_type.count
        lows, highs = (
            list(_points_at(context, builder, lower, block, arguments[6], len(own), count))
            for block in arguments[4:6]
        )
        zero = ir.Constant(FLOATS, [0.0] * WIDTH)
        sums = []
        for start, low, high in zip(parts_of(builder, arguments[0]), lows, highs, strict=True):
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
        address_of(context, builder, kind, block, [j, ir.Constant(INT64, channel), ir.Constant(INT64, 0)])
        for channel in range(n_channels)
    ]
    for v in range(n_vectors):
        yield [builder.load(vector_at(builder, address, v * WIDTH), align=4) for address in addresses]


@intrinsic
def row_offsets(typing, array, starts, lanes, i, flight):
    """Return the offset of ``array[starts[v, i], lanes[v]]`` in elements, for each vector v."""

    def emit(context, builder, signature, arguments):
        width = builder.extract_value(context.make_array(array)(context, builder, arguments[0]).shape, 1)
        offsets = []
        for v in range(len(flight)):
            vth = ir.Constant(INT64, v)
            start = builder.load(address_of(context, builder, starts, arguments[1], [vth, arguments[3]]))
            lane = builder.load(address_of(context, builder, lanes, arguments[2], [vth]))
            offsets.append(builder.add(builder.mul(start, width), lane))
        return context.make_tuple(builder, signature.return_type, offsets)

    return types.UniTuple(types.uint64, len(flight))(array, starts, lanes, types.uint64, flight), emit


@intrinsic
def plus_at(typing, base, array, offsets, j):
    """Return ``base`` plus the vectors ``j`` rows of ``array`` after ``offsets``."""

    def emit(context, builder, signature, arguments):
        struct = context.make_array(array)(context, builder, arguments[1])
        down = builder.mul(builder.extract_value(struct.shape, 1), arguments[3])
        sums = []
        for start, offset in zip(
            parts_of(builder, arguments[0]), parts_of(builder, arguments[2]), strict=True
        ):
            address = builder.gep(struct.data, [builder.add(offset, down)])
            costs = builder.load(vector_at(builder, address, 0), align=4)
            sums.append(builder.fadd(costs, start))
        return context.make_tuple(builder, signature.return_type, sums)

    return base(base, array, offsets, types.uint64), emit


# Compiled in: 04c44ac5cb493d0b
