"""What the cells of an experiment on tables are: data sets, splits, sizes and candidates."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from service.lab import answers
from service.store import datasets, scores
from tombola.spec import AnyModel, MlpModel, ModelKind, Protocol, TabularSpec

_MODEL: TypeAdapter[AnyModel] = TypeAdapter(AnyModel)
#: What of a network is not a hyperparameter but said once for all candidates.
_STEPS = {"kind", "batch_size", "max_steps", "eval_every", "patience"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One hyperparameter setting of a model.

    Attributes:
        number: Among the candidates of its model, from 0.
    """

    model: AnyModel
    number: int

    @property
    def kind(self) -> ModelKind:
        """Whose candidate it is."""
        return self.model.kind

    @property
    def width(self) -> int | None:
        """Neurons of a hidden layer, None of models that have none."""
        return self.model.width

    @property
    def sparsity(self) -> int | None:
        """First-layer sparsity, None where it starts dense or there is none."""
        return self.model.sparsity

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What sets it apart from the other candidates."""
        if isinstance(self.model, MlpModel):
            return self.model.model_dump(mode="json", exclude=_STEPS)
        return self.model.hyperparameters

    @property
    def turn(self) -> tuple[str, int]:
        """Sorts the candidates of a model into the order of a search.

        Those of libraries are spread over their space, defaults first. Networks come from a product of lists,
        of which the first few would be alike; so they are scrambled, always in the same way.
        """
        if not isinstance(self.model, MlpModel):
            return "", self.number
        return hashlib.sha256(self.model.canonical_json().encode()).hexdigest(), self.number


@dataclass(frozen=True, slots=True)
class Subject:
    """A data set of an experiment.

    Attributes:
        name: As the spec names it; where it gives the id, the name that belongs to it, if it is there still.
        majority: Share of the largest class; None of a data set that was deleted.
        sizes: Training rows, in the order of the spec.
    """

    id: str
    name: str
    rows: int
    majority: float | None
    sizes: tuple[int, ...]


class Place(NamedTuple):
    """Where a cell stands: numbers of its data set, size, split and candidate."""

    subject: int
    size: int
    split: int
    candidate: int


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of an experiment.

    Attributes:
        candidates: Of all models, in the order of the spec.
        places: Of each cell, in their order.
    """

    spec: TabularSpec
    subjects: list[Subject]
    candidates: list[Candidate]
    places: list[Place]

    @property
    def splits(self) -> range:
        """Numbers of the splits."""
        return self.spec.grid.split_numbers()

    @property
    def order(self) -> list[int]:
        """Numbers of the sizes, the smallest first."""
        given = self.spec.grid.fractions or self.spec.grid.samples or []
        return sorted(range(len(given)), key=given.__getitem__)

    def fraction(self, size: int) -> float | None:
        """Return a size as a fraction of the largest training set, None where rows were asked for."""
        return None if self.spec.grid.fractions is None else self.spec.grid.fractions[size]

    def samples(self, size: int) -> int | None:
        """Return a size in rows, None where fractions were asked for."""
        return None if self.spec.grid.samples is None else self.spec.grid.samples[size]


def read(session: Session, experiment_id: str) -> Grid:
    """Return the cells of an experiment.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on a parity.
    """
    spec = TabularSpec.model_validate(answers.of_kind(session, experiment_id, "tabular").spec)
    subjects: dict[str, int] = {}
    sizes: list[list[int]] = []
    rows: list[int] = []
    candidates: dict[str, int] = {}
    models: list[AnyModel] = []
    places = []
    # As plain JSON: to read ten thousand models anew would take longer than all the rest.
    for _, document in scores.grid(session, experiment_id):
        task, model = document["target"], document["model"]
        key = json.dumps(model, sort_keys=True)
        if key not in candidates:
            candidates[key] = len(models)
            models.append(_MODEL.validate_python(model))
        if task["dataset"] not in subjects:
            subjects[task["dataset"]] = len(rows)
            rows.append(task["rows"])
            train, *_ = Protocol.model_validate(task["protocol"]).sizes(task["rows"])
            sizes.append(spec.grid.sizes(train))
        subject = subjects[task["dataset"]]
        size = sizes[subject].index(document["samples"])
        split = task["split"] - spec.grid.first_split
        places.append(Place(subject, size, split, candidates[key]))
    known = datasets.known(session, subjects)
    return Grid(
        spec,
        [
            Subject(
                key,
                known[key].name if asked == key and key in known else asked,
                rows[number],
                known[key].majority if key in known else None,
                tuple(sizes[number]),
            )
            for (key, number), asked in zip(subjects.items(), spec.target.datasets, strict=True)
        ],
        _numbered(models),
        places,
    )


def _numbered(models: list[AnyModel]) -> list[Candidate]:
    seen: dict[ModelKind, int] = {}
    found = []
    for model in models:
        number = seen.get(model.kind, 0)
        seen[model.kind] = number + 1
        found.append(Candidate(model, number))
    return found
