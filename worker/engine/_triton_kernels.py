"""SGD steps as a Triton kernel: every step's samples are drawn, and the network trained, inside the kernel.

A kernel reads nothing of the training set: a sample is a function of its number (`worker.engine.draws`), and
ten rounds of Philox cost less than a step's products. `tl.philox` is the same generator with the same
constants; its key is the 64-bit number whose low half is the key's first word.

What the kernel takes, for R runs:
    hidden, output, offset: As `Parameters` has them, contiguous.
    supports: int32, shape (R, n): 1 at the coordinates of the hidden support.
    seeds, firsts, counts: int64, shape (R,): seeds, steps taken so far, training-set sizes.
    decay, rate: One minus learning rate times weight decay; minus the learning rate over the batch size.
    LOSS: As in `TrainingSettings`.
    SOURCE: "drawn" from a training set, "full" batch of it, or "online".
    N, W, B: Coordinates, neurons and samples of a tile: powers of two, at least 16, N at most 128.

The rectifier is written as `where(z <= 0, 0, z)`: a maximum would turn NaN into zero, and hide a divergence.
"""

from __future__ import annotations

import triton
import triton.language as tl

#: Streams, as in `worker.engine.draws.Stream`.
_TRAINING: tl.constexpr = tl.constexpr(1)
_MINIBATCH: tl.constexpr = tl.constexpr(4)
#: Each product as three in TF32, about as exact as float32. Plain float32 bypasses the tensor cores, and
#: compiled for sm_80 and sm_90 it spills several times as many registers.
_PRECISION: tl.constexpr = tl.constexpr("tf32x3")


@triton.jit
def answer(place):
    """Store 42: shows that kernels compile and run."""
    tl.store(place, 42)


@triton.jit
def _word(words_0, words_1, words_2, words_3, which):
    """Return word `which` of blocks of four."""
    low = tl.where(which == 0, words_0, words_1)
    high = tl.where(which == 2, words_2, words_3)
    return tl.where(which < 2, low, high)


@triton.jit
def _items(key, seed, step, places, batch, count, SOURCE: tl.constexpr):
    """Return the numbers of the training samples at the places of a step's mini-batch, uint32."""
    if SOURCE == "full":
        items = places.to(tl.uint32)
    elif SOURCE == "online":
        items = (step * batch + places).to(tl.uint32)
    else:
        block = (places // 4).to(tl.uint32)
        zero = block * 0
        w0, w1, w2, w3 = tl.philox(key, block, zero + step.to(tl.uint32), zero + _MINIBATCH, zero + seed)
        items = tl.umulhi(_word(w0, w1, w2, w3, places % 4), zero + count.to(tl.uint32))
    return items


@triton.jit
def _samples(key, seed, items, columns, n, relevant):
    """Return the coordinates of samples, shape (B, N), and how many relevant ones are -1."""
    zero = items * 0
    w0, w1, w2, w3 = tl.philox(key, zero, items, zero + _TRAINING, zero + seed)
    words = _word(w0[:, None], w1[:, None], w2[:, None], w3[:, None], columns[None, :] // 32)
    bits = ((words >> (columns[None, :] % 32).to(tl.uint32)) & 1).to(tl.int32)
    inside = columns < n
    inputs = tl.where(inside[None, :], 2 * bits - 1, 0).to(tl.float32)
    return inputs, tl.sum(relevant[None, :] * (1 - bits), axis=1)


@triton.jit
def _labels(negatives):
    return (1 - 2 * (negatives & 1)).to(tl.float32)


@triton.jit
def _slope(outputs, labels, inside, LOSS: tl.constexpr):
    """Return the derivative of each sample's loss by its output; 0 at the kink of the hinge, and outside."""
    if LOSS == "hinge":
        slope = tl.where(labels * outputs < 1, -labels, 0.0)
    elif LOSS == "logistic":
        slope = -labels / (1 + tl.exp(labels * outputs))
    else:
        slope = 2 * (outputs - labels)
    return tl.where(inside, slope, 0.0)


@triton.jit(do_not_specialize=("steps",))
def resident_steps(
    hidden,
    output,
    offset,
    supports,
    seeds,
    firsts,
    counts,
    key,
    steps,
    n,
    width,
    batch,
    decay,
    rate,
    LOSS: tl.constexpr,
    SOURCE: tl.constexpr,
    N: tl.constexpr,
    W: tl.constexpr,
    B: tl.constexpr,
    WHOLE: tl.constexpr,
):
    """Take `steps` steps of one run in each program, its parameters in registers.

    Args (besides those above):
        steps: How many.
        N: At least n.
        W: At least width.
        WHOLE: Whether a mini-batch is one tile.
    """
    run = tl.program_id(0).to(tl.int64)
    columns, neurons = tl.arange(0, N), tl.arange(0, W)
    own_columns, own_neurons = columns < n, neurons < width
    own = own_columns[:, None] & own_neurons[None, :]
    first_weight = hidden + run * (n + 1) * width
    weights_at = first_weight + columns[:, None] * width + neurons[None, :]
    biases_at = first_weight + n * width + neurons
    output_at = output + run * width + neurons
    weights = tl.load(weights_at, mask=own, other=0.0)
    biases = tl.load(biases_at, mask=own_neurons, other=0.0)
    outward = tl.load(output_at, mask=own_neurons, other=0.0)
    shift = tl.load(offset + run)
    relevant = tl.load(supports + run * n + columns, mask=own_columns, other=0)
    seed, count = tl.load(seeds + run).to(tl.uint32), tl.load(counts + run)
    first = tl.load(firsts + run)

    for ahead in range(steps):
        # A step in one tile adds to the weights themselves: the registers are few.
        if not WHOLE:
            weights_after = decay * weights
        biases_after = decay * biases
        outward_after = decay * outward
        shift_after = decay * shift
        for start in range(0, batch, B):
            places = start + tl.arange(0, B)
            items = _items(key, seed, first + ahead, places, batch, count, SOURCE)
            inputs, negatives = _samples(key, seed, items, columns, n, relevant)
            summed = tl.dot(inputs, weights, input_precision=_PRECISION) + biases[None, :]
            activations = tl.where(summed <= 0, 0.0, summed)
            outputs = tl.sum(activations * outward[None, :], axis=1) + shift
            slope = rate * _slope(outputs, _labels(negatives), places < batch, LOSS)
            back = tl.where(activations <= 0, 0.0, slope[:, None] * outward[None, :])
            if WHOLE:
                weights = tl.dot(tl.trans(inputs), back, decay * weights, input_precision=_PRECISION)
            else:
                weights_after = tl.dot(tl.trans(inputs), back, weights_after, input_precision=_PRECISION)
            biases_after += tl.sum(back, axis=0)
            outward_after += tl.sum(activations * slope[:, None], axis=0)
            shift_after += tl.sum(slope, axis=0)
        if not WHOLE:
            weights = weights_after
        biases, outward, shift = biases_after, outward_after, shift_after

    tl.store(weights_at, weights, mask=own)
    tl.store(biases_at, biases, mask=own_neurons)
    tl.store(output_at, outward, mask=own_neurons)
    tl.store(offset + run, shift)
