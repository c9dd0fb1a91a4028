"""Models compared over data sets: tests against the baseline, and ranks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from service.lab.comparison.trials import PARTS, Entry, Trials
from service.lab.statistics import ranks
from service.lab.statistics.paired import holm
from tombola.results import Contender, DatasetComparison, Difference, MeanRank, OverallTest, Ranks

if TYPE_CHECKING:
    from service.lab.statistics.selection import Flags, Numbers

_FEWEST = 2
#: No accuracy is less than any: further away than two accuracies can be, and always with the largest rank.
_FAR = 2.0


def tests(
    found: Trials,
    models: Sequence[Entry],
    against: Entry,
    compared: Mapping[tuple[int, int], DatasetComparison],
) -> list[OverallTest]:
    """Return every model against the baseline over data sets, by size."""
    drafts = [
        _test(found, model.name, size, rows)
        for size in found.grid.order
        for model in models
        if model is not against
        if (rows := _differences(compared, model.name, size))
    ]
    networks = against.name in ("mlp", *PARTS)
    family = [
        number
        for number, draft in enumerate(drafts)
        if draft.p_value is not None and (networks or draft.model not in PARTS)
    ]
    corrected = dict(zip(family, holm([drafts[number].p_value or 0.0 for number in family]), strict=True))
    return [
        draft.model_copy(update={"p_corrected": corrected.get(number)}) for number, draft in enumerate(drafts)
    ]


def _differences(
    compared: Mapping[tuple[int, int], DatasetComparison], name: Contender, size: int
) -> list[Difference]:
    return [
        difference
        for (_, own), dataset in compared.items()
        if own == size
        for difference in dataset.differences
        if difference.model == name
    ]


def _test(found: Trials, name: Contender, size: int, rows: Sequence[Difference]) -> OverallTest:
    verdicts = Counter(row.verdict for row in rows)
    known = [row.difference.value for row in rows if row.difference.value is not None]
    far = {"win": _FAR, "tie": 0.0, "loss": -_FAR}
    all_of_them = [far[row.verdict] if row.difference.value is None else row.difference.value for row in rows]
    return OverallTest(
        fraction=found.grid.fraction(size),
        samples=found.grid.samples(size),
        model=name,
        datasets=len(rows),
        wins=verdicts["win"],
        ties=verdicts["tie"],
        losses=verdicts["loss"],
        diverged=len(rows) - len(known),
        mean_difference=float(np.mean(known)) if known else None,
        median_difference=float(np.median(known)) if known else None,
        p_value=ranks.wilcoxon(np.array(all_of_them)),
        p_corrected=None,
    )


def ranked(found: Trials, models: Sequence[Entry], level: float) -> list[Ranks]:
    """Return mean ranks by size: of whole models, or of both kinds of networks where nothing else is."""
    whole = [model for model in models if model.name not in PARTS]
    entrants = whole if len(whole) >= _FEWEST else [model for model in models if model.name in PARTS]
    if len(entrants) < _FEWEST:
        return []
    return [
        _ranks(found, entrants, size, level) for size in found.grid.order if found.complete[:, size].any()
    ]


def _ranks(found: Trials, entrants: Sequence[Entry], size: int, level: float) -> Ranks:
    means = np.stack([_means(model, found.complete[:, size], size) for model in entrants], axis=1)
    each = ranks.ranks(means)
    datasets = len(each)
    mean = each.mean(axis=0)
    order = np.argsort(mean, kind="stable")
    names = [entrants[number].name for number in order]
    several = datasets >= _FEWEST
    difference = ranks.critical_difference(len(entrants), datasets, level) if several else None
    return Ranks(
        fraction=found.grid.fraction(size),
        samples=found.grid.samples(size),
        datasets=datasets,
        ranks=[
            MeanRank(model=name, rank=float(mean[number])) for name, number in zip(names, order, strict=True)
        ],
        critical_difference=difference,
        friedman_p=ranks.friedman(each) if several else None,
        cliques=[]
        if difference is None
        else [[names[number] for number in group] for group in ranks.cliques(mean[order], difference)],
    )


def _means(model: Entry, complete: Flags, size: int) -> Numbers:
    """Return the accuracy on each complete data set, minus infinity where there is none."""
    means = model.accuracy[complete][:, size].mean(axis=(1, 2))
    return np.where(np.isnan(means), -np.inf, means)
