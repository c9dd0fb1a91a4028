"""The runs of an experiment on tables as arrays, and which of them count for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.orm import Session

from service.lab.comparison import grid as grids
from service.lab.comparison.grid import Candidate, Grid
from service.lab.errors import UnknownName
from service.lab.statistics import selection
from service.store import scores
from tombola.results import Contender

if TYPE_CHECKING:
    from service.lab.statistics.selection import Flags, Numbers, Whole

#: The networks of one initialisation; whole models besides them.
PARTS: tuple[Contender, ...] = ("mlp-sparse", "mlp-dense")


@dataclass(frozen=True, slots=True)
class Trials:
    """All runs; the axes are D data sets, Z sizes, J splits, C candidates and S seeds, as the grid has them.

    Attributes:
        complete: Whether a data set has all runs of a size; shape (D, Z). Of the others nothing counts: while
            runs are in training, the quick candidates are there first.
        run: Ids; shape (D, Z, J, C, S), as all below; 0 where there is no run yet.
        validation: Accuracy, NaN of runs that diverged, as below.
        validation_auc: On validation rows.
        loss: The same.
        test: Accuracy.
        auc: On test rows.
        seconds: Of a core or a GPU.
        diverged: Whether outputs were not finite.
        validation_rows: Of each data set and size; shape (D, Z).
        test_rows: Of each data set; shape (D,).
    """

    grid: Grid
    complete: Flags
    run: Whole
    validation: Numbers
    validation_auc: Numbers
    loss: Numbers
    test: Numbers
    auc: Numbers
    seconds: Numbers
    diverged: Flags
    validation_rows: Whole
    test_rows: Whole

    def tested(self, subject: int) -> float:
        """Return the share of a data set's rows that is tested on."""
        return float(self.test_rows[subject]) / self.grid.subjects[subject].rows


def read(session: Session, experiment_id: str) -> Trials:
    """Return the runs of an experiment.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on a parity.
    """
    grid = grids.read(session, experiment_id)
    seeds = grid.spec.seeds.count
    shape = (
        len(grid.subjects),
        grid.spec.grid.size_count,
        grid.spec.grid.splits,
        len(grid.candidates),
        seeds,
    )
    run = np.zeros(shape, dtype=np.int64)
    diverged = np.zeros(shape, dtype=bool)
    validation, validation_auc, loss, test, auc, seconds = (np.full(shape, np.nan) for _ in range(6))
    validation_rows, test_rows = np.zeros(shape[:2], dtype=np.int64), np.zeros(shape[0], dtype=np.int64)
    found = scores.of_experiment(session, experiment_id)
    if found:
        ids, position, seed, outcome, *measured, validated, tested, taken = zip(*found, strict=True)
        subject, size, split, candidate = np.array(grid.places)[np.array(position)].T
        at = (subject, size, split, candidate, np.array(seed))
        run[at] = ids
        arrays = (validation, validation_auc, loss, test, auc, seconds)
        for values, column in zip(arrays, (*measured, taken), strict=True):
            values[at] = np.array(column, dtype=float)  # None becomes NaN
        diverged[at] = np.array(outcome) != "success"
        np.maximum.at(validation_rows, (subject, size), np.array([count or 0 for count in validated]))
        np.maximum.at(test_rows, subject, np.array([count or 0 for count in tested]))
    diverged |= (run > 0) & ~(np.isfinite(validation) & np.isfinite(test))
    for values in (validation, validation_auc, loss, test, auc):
        values[diverged] = np.nan
    return Trials(
        grid,
        np.asarray((run > 0).all(axis=(2, 3, 4))),
        run,
        validation,
        validation_auc,
        loss,
        test,
        auc,
        seconds,
        diverged,
        validation_rows,
        test_rows,
    )


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may take: candidates of each model, core-seconds of each; None is all there are."""

    trials: int | None = None
    seconds: float | None = None


#: All candidates.
UNLIMITED = Budget()


@dataclass(frozen=True, slots=True)
class Entry:
    """A model with the candidate that validation rows choose at every data set, size, split and seed.

    Attributes:
        members: Numbers of its candidates among all, shape (c,).
        within: Those that the budget pays for, shape (D, Z, c).
        chosen: Number among the members, or `selection.NONE`, shape (D, Z, J, S).
        accuracy: Of the chosen ones on test rows, NaN without one; the same shape, as below.
        auc: The same.
        seconds: Of a core or a GPU, that the chosen runs took.
    """

    name: Contender
    members: Whole
    within: Flags
    chosen: Whole
    accuracy: Numbers
    auc: Numbers
    seconds: Numbers

    def usual(self, candidates: Sequence[Candidate], subject: int, size: int) -> dict[str, Any]:
        """Return the hyperparameters that were chosen most often; of two the first, of none nothing."""
        numbers = self.chosen[subject, size]
        numbers = numbers[numbers != selection.NONE]
        if not numbers.size:
            return {}
        return candidates[int(self.members[np.bincount(numbers).argmax()])].hyperparameters

    def runs(self, found: Trials, place: tuple[int, int]) -> list[int]:
        """Return the ids of the chosen runs at a data set and size."""
        chosen = self.chosen[place]
        splits, seeds = np.nonzero(chosen != selection.NONE)
        return [int(run) for run in found.run[place][splits, self.members[chosen[splits, seeds]], seeds]]


def entry(trials: Trials, name: Contender, members: Sequence[int], budget: Budget = UNLIMITED) -> Entry:
    """Return a model with its chosen candidates.

    Args:
        trials: All runs.
        name: Of the model.
        members: Numbers of its candidates, in the order of the spec.
        budget: What its search may take.
    """
    own = np.array(members)
    within = _within(trials, own, budget)
    scored = (values[:, :, :, own] for values in (trials.validation, trials.validation_auc, trials.loss))
    chosen = selection.by_validation(*scored, rows=trials.validation_rows, within=within)
    accuracy, auc, seconds = (
        selection.of_chosen(values[:, :, :, own], chosen)
        for values in (trials.test, trials.auc, trials.seconds)
    )
    return Entry(name, own, within, chosen, accuracy, auc, seconds)


def entries(trials: Trials, budget: Budget = UNLIMITED) -> list[Entry]:
    """Return the models of an experiment in the order of its spec, networks also by their initialisation."""
    groups: dict[Contender, list[int]] = {}
    for number, candidate in enumerate(trials.grid.candidates):
        groups.setdefault(candidate.kind, []).append(number)
        if candidate.kind == "mlp":
            part: Contender = "mlp-dense" if candidate.sparsity is None else "mlp-sparse"
            groups.setdefault(part, []).append(number)
    if not set(PARTS) <= groups.keys():
        groups = {name: members for name, members in groups.items() if name not in PARTS}
    order: dict[Contender, float] = {name: place for place, name in enumerate(groups)}
    if "mlp" in order:  # the parts behind the whole, sparse first, whatever the lists of the spec begin with
        order |= {name: order["mlp"] + (place + 1) / 4 for place, name in enumerate(PARTS)}
    return [
        entry(trials, name, groups[name], budget) for name in sorted(groups, key=lambda name: order[name])
    ]


def baseline_of(models: Sequence[Entry], asked: str | None) -> Entry:
    """Return the model that others are compared with.

    By default that is the forest, else the first model; of networks alone, those with a dense start.

    Raises:
        UnknownName: There is no such model.
    """
    by_name = {str(model.name): model for model in models}
    if asked is None:
        whole = [name for name in by_name if name not in PARTS]
        alone = whole == ["mlp"] and "mlp-dense" in by_name
        asked = "forest" if "forest" in by_name else "mlp-dense" if alone else whole[0]
    if asked not in by_name:
        raise UnknownName("baseline", asked, list(by_name))
    return by_name[asked]


def _within(trials: Trials, members: Whole, budget: Budget) -> Flags:
    """Return which candidates a budget pays for, by data set and size; shape (D, Z, c)."""
    turns = sorted(range(len(members)), key=lambda number: trials.grid.candidates[members[number]].turn)
    seconds = trials.seconds[:, :, :, members].mean(axis=(2, 4))[:, :, turns]
    found = np.ones(seconds.shape, dtype=bool)
    if budget.trials is not None:
        found[:, :, budget.trials :] = False
    if budget.seconds is not None:
        found &= selection.affordable(seconds, budget.seconds)
    within = np.empty_like(found)
    within[:, :, turns] = found
    return within
