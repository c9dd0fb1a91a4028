"""Means over splits of one table, whose rows are used again and again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from service.lab.statistics.survival import student

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]


def corrected(values: Vector, tested: float, level: float = 0.95) -> tuple[float, float | None, float | None]:
    """Return a mean over splits with confidence limits of what it would be on other tables, too.

    Splits of one table share rows, so what was measured on them is correlated, and the variance of the mean
    is more than s^2 / J. With correlation rho between two splits it is s^2 (1/J + rho / (1 - rho)), where s^2
    is the variance between the J splits. Nadeau and Bengio 2003, "Inference for the generalization error",
    take as rho the share of the rows that is tested on, which is the chance that two splits test on the same
    row (the corrected resampled t-test). Limits are Student's with J - 1 degrees of freedom.

    In simulations these limits cover what they should where all other rows train. Training sets that are a
    small part of the table hardly overlap, the correlation is less, and the limits wider than they need be.

    Args:
        values: One for each split, shape (J,), at least one.
        tested: Share of the table's rows in a test set, from 0 to below 1.
        level: Confidence level, above 0 and below 1.

    Returns:
        The mean, and the lower and the upper limit; one split has none.

    Raises:
        ValueError: `tested` is no such share.
    """
    if not 0 <= tested < 1:
        raise ValueError(f"the share of rows tested on is from 0 to below 1, not {tested}")
    splits = len(values)
    mean = float(values.mean())
    if splits == 1:
        return mean, None, None
    variance = float(values.var(ddof=1)) * (1 / splits + tested / (1 - tested))
    half = student(splits - 1, level) * math.sqrt(variance)
    return mean, mean - half, mean + half
