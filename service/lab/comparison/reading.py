"""What comes after a comparison: the spec of a small experiment that shows what the winning models read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.lab.comparison import trials
from service.lab.comparison.grid import Candidate
from service.lab.comparison.trials import Entry, Trials
from service.lab.datasets import storing
from service.lab.errors import NoRunsYet
from service.lab.statistics import selection
from tombola.spec import AnyModels, EstimatorModel, EstimatorModels, MlpModel, MlpModels, TabularSpec

#: More splits change importances little.
_SPLITS = 3
_AXES = ("width", "depth", "sparsity", "optimizer", "learning_rate", "weight_decay")


def reading(session: Session, experiment_id: str) -> TabularSpec:
    """Return the spec that measures what the best networks and the baseline of a comparison read.

    The candidates that validation rows choose most often at the largest size that is complete are trained
    again on the same splits, with `importance: true`. Networks are those with a sparse start, where both
    kinds compete.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on a parity.
        NoRunsYet: No size has all its runs.
        UnknownDataset: One of its data sets was deleted.
    """
    found = trials.read(session, experiment_id)
    places = _largest(found)
    if not places:
        raise NoRunsYet(experiment_id)
    for subject, _ in places:
        storing.known(session, found.grid.subjects[subject].id)
    entries = trials.entries(found)
    baseline = trials.baseline_of(entries, None)
    chosen = list(
        dict.fromkeys(
            number
            for entry in _read(entries, baseline)
            for place in places
            if (number := _usual(entry, place)) is not None
        )
    )
    if not chosen:
        raise NoRunsYet(experiment_id)
    spec, size = found.grid.spec, places[0][1]
    sizes = (
        {"samples": [found.grid.samples(size)]}
        if spec.grid.samples is not None
        else {"fractions": [found.grid.fraction(size)]}
    )
    return TabularSpec.model_validate(
        {
            "name": f"{spec.name[:150]}: what the models read",
            # By id: a name may mean another table by now.
            "target": spec.target.model_copy(
                update={"datasets": [found.grid.subjects[subject].id for subject, _ in places]}
            ),
            "grid": {
                **sizes,
                "splits": min(_SPLITS, spec.grid.splits),
                "first_split": spec.grid.first_split,
            },
            "models": _models(spec, [found.grid.candidates[number] for number in chosen]),
            "seeds": spec.seeds,
            "importance": True,
        }
    )


def _largest(found: Trials) -> list[tuple[int, int]]:
    """Return the data sets that are complete at the largest size at which any is."""
    for size in reversed(found.grid.order):
        subjects = [subject for subject in range(len(found.grid.subjects)) if found.complete[subject, size]]
        if subjects:
            return [(subject, size) for subject in subjects]
    return []


def _read(entries: Sequence[Entry], baseline: Entry) -> list[Entry]:
    """Return the models whose reading is of interest: networks, best sparse ones, and the baseline."""
    by_name = {str(entry.name): entry for entry in entries}
    names = ["mlp-sparse" if "mlp-sparse" in by_name else "mlp", baseline.name]
    return [by_name[name] for name in dict.fromkeys(names) if name in by_name]


def _usual(entry: Entry, place: tuple[int, int]) -> int | None:
    """Return the number of the candidate that is chosen most often, None where all diverged."""
    numbers = [int(one) for one in entry.chosen[place].ravel() if one != selection.NONE]
    if not numbers:
        return None
    return int(entry.members[max(sorted(set(numbers)), key=numbers.count)])


def _models(spec: TabularSpec, chosen: Sequence[Candidate]) -> list[AnyModels]:
    """Return the models of a spec cut down to some candidates."""
    found: list[AnyModels] = []
    numbers: dict[str, list[int]] = {}
    for candidate in chosen:
        model = candidate.model
        if isinstance(model, MlpModel):
            axes = {name: [getattr(model, name)] for name in _AXES}
            found.append(MlpModels.model_validate(model.model_dump() | axes))
        else:
            numbers.setdefault(model.kind, []).append(_number(spec, model, candidate.number))
    return found + [
        models.model_copy(update={"candidates": sorted(numbers[models.kind])})
        for models in spec.models
        if isinstance(models, EstimatorModels) and models.kind in numbers
    ]


def _number(spec: TabularSpec, model: EstimatorModel, position: int) -> int:
    """Return the number of a candidate among the trials of its model, from its place in the spec."""
    for models in spec.models:
        if isinstance(models, EstimatorModels) and models.kind == model.kind:
            return models.numbers[position]
    raise AssertionError(f"no {model.kind} in the spec of its runs")  # pragma: no cover
