"""How measured training corrects the assumed speed of a machine: pure functions of numbers.

What is kept is the logarithm of measured over predicted seconds (twice too long is as wrong as twice too
short), by octave of width: narrow and wide runs spend their time differently.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

#: Standard deviation of the logarithm that an assumed speed is wrong by: a factor of two either way.
ASSUMED_SPREAD = math.log(2)
#: Seconds of training that count as much as the assumption.
_ASSUMED_EVIDENCE = 1.0
#: Seconds of training that are remembered: older ones fade, so that a changed machine is learnt.
_REMEMBERED = 600.0
#: A measurement further off than this many standard deviations counts as if it were just so far off.
_OUTLIER = 3.0
#: What is left of the evidence after such a measurement.
_DOUBT = 0.7
#: No noise is taken to be smaller than this: it also is the least error of a prediction that is claimed.
_LEAST_SPREAD = 0.05
#: How much a measurement says of the widths one octave from it.
_PER_OCTAVE = 0.25


@dataclass(frozen=True, slots=True)
class Correction:
    """By how much a machine differs from what was assumed of it.

    Attributes:
        log_factor: Logarithm of measured over predicted seconds.
        variance: Of that logarithm over the measurements.
        evidence: Seconds of training behind it; 0 is the bare assumption.
    """

    log_factor: float = 0.0
    variance: float = ASSUMED_SPREAD**2
    evidence: float = 0.0

    @property
    def spread(self) -> float:
        """Standard deviation of the logarithm, at least 5 %."""
        return max(math.sqrt(self.variance), _LEAST_SPREAD)


def width_class(width: int) -> int:
    """Return the octave of a width: 0 for 1, 1 for 2 and 3, 2 for 4 to 7, and so on."""
    return width.bit_length() - 1


def learn(known: Correction, *, measured: float, predicted: float) -> Correction:
    """Return a correction after some training, both durations in seconds of a lane.

    A moving average whose memory fades exponentially. Clipping what is far off keeps a suspended laptop or a
    first shard that warmed up from doing harm; as it also takes from the evidence, a change that stays is
    learnt soon.
    """
    off = math.log(measured / predicted) - known.log_factor
    limit = _OUTLIER * max(known.spread, 2 * _LEAST_SPREAD)
    kept = known.evidence * (_DOUBT if abs(off) > limit else 1.0)
    off = min(max(off, -limit), limit)
    # What was predicted, at the speed as known: a pause in the middle is no evidence.
    new = min(measured, predicted * math.exp(known.log_factor))
    share = new / (kept + _ASSUMED_EVIDENCE + new)
    return Correction(
        log_factor=known.log_factor + share * off,
        variance=known.variance + share * (off * off - known.variance),
        evidence=min(kept + new, _REMEMBERED),
    )


def at_width(known: Mapping[int, Correction], width: int) -> Correction:
    """Return the correction for a width; see `at_class`."""
    return at_class(known, width_class(width))


def at_class(known: Mapping[int, Correction], octave: int) -> Correction:
    """Return the correction for an octave of width, from others too as far as little is known of it.

    All other octaves together, each by its evidence and four times less for each octave away, correct the
    assumption, which counts as a second of evidence. That counts as a second beside the octave's own.
    """
    weighted = [(Correction(), _ASSUMED_EVIDENCE)]
    weighted += [
        (item, item.evidence * _PER_OCTAVE ** abs(octave - at)) for at, item in known.items() if at != octave
    ]
    guess = _mixed(weighted)
    own = known.get(octave)
    if own is None:
        return guess
    return replace(_mixed([(guess, _ASSUMED_EVIDENCE), (own, own.evidence)]), evidence=own.evidence)


def _mixed(weighted: Sequence[tuple[Correction, float]]) -> Correction:
    """Return mean and variance of a mixture, as a correction without evidence of its own."""
    total = sum(weight for _, weight in weighted)
    mean = sum(item.log_factor * weight for item, weight in weighted) / total
    variance = sum((item.variance + (item.log_factor - mean) ** 2) * weight for item, weight in weighted)
    return Correction(mean, variance / total)
