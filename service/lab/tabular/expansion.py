"""From a spec on tables and the data sets in the store to the configurations of its cells.

A spec names data sets; what it means depends on what they hold. Whatever does not fit them is said here,
before anything is stored, with a pointer to where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.lab.errors import BadSpec
from service.lab.tabular import search, sizes
from service.store import datasets
from tombola.results import ClassCount, DatasetProfile, ProblemPart
from tombola.spec import AnyModel, MlpModels, TabularConfiguration, TabularSpec, TabularTask


@dataclass(frozen=True, slots=True)
class Resolved:
    """A data set as a spec means it.

    Attributes:
        asked: Its id or name, as the spec says it.
        features: Of its columns, encoded.
        too_wide: Why it cannot be encoded so, None where it can.
    """

    asked: str
    id: str
    name: str
    rows: int
    features: int
    classes: tuple[ClassCount, ...]
    too_wide: str | None


def resolve(session: Session, spec: TabularSpec) -> list[Resolved]:
    """Return the data sets of a spec, in its order.

    Raises:
        BadSpec: One is not in the store, or stands there under two names.
    """
    found: list[Resolved] = []
    wrong: list[ProblemPart] = []
    places: dict[str, str] = {}
    for index, asked in enumerate(spec.target.datasets):
        row = datasets.get(session, asked)
        pointer = f"/target/datasets/{index}"
        if row is None:
            detail = f"there is no data set {asked!r}; GET /v1/datasets lists those there are"
            wrong.append(ProblemPart(pointer=pointer, detail=detail))
        elif row.id in places:
            detail = f"{asked!r} is the same data set as {places[row.id]!r}: name it once"
            wrong.append(ProblemPart(pointer=pointer, detail=detail))
        else:
            places[row.id] = asked
            profile = DatasetProfile.model_validate(row.profile)
            found.append(
                Resolved(
                    asked=asked,
                    id=row.id,
                    name=row.name,
                    rows=row.rows,
                    features=sizes.encoded_features(profile, spec.target.protocol),
                    classes=tuple(profile.classes),
                    too_wide=sizes.too_wide(row.name, profile, spec.target.protocol, row.rows),
                )
            )
    if wrong:
        raise BadSpec(wrong)
    return found


def expand(session: Session, spec: TabularSpec) -> list[TabularConfiguration]:
    """Return the configuration of every cell: data set slowest, then split, size, model, candidate.

    Raises:
        BadSpec: The spec does not fit its data sets.
    """
    found = resolve(session, spec)
    wrong = [part for index, one in enumerate(found) for part in _misfits(spec, one, index)]
    if wrong:
        raise BadSpec(list({(part.pointer, part.detail): part for part in wrong}.values()))
    models = list(_models(spec))
    grid = spec.grid
    return [
        TabularConfiguration(target=task, samples=samples, model=model, importance=spec.importance)
        for one in found
        for split in range(grid.first_split, grid.first_split + grid.splits)
        for task in [_task(spec, one, split)]
        for samples in grid.sizes(spec.target.protocol.sizes(one.rows)[0])
        for model in models
    ]


def _task(spec: TabularSpec, one: Resolved, split: int) -> TabularTask:
    return TabularTask(
        dataset=one.id,
        rows=one.rows,
        features=one.features,
        classes=len(one.classes),
        split=split,
        protocol=spec.target.protocol,
    )


def _models(spec: TabularSpec) -> Iterator[AnyModel]:
    for models in spec.models:
        if isinstance(models, MlpModels):
            yield from models.candidates()
        else:
            yield from search.candidates(models)


def _misfits(spec: TabularSpec, one: Resolved, index: int) -> Iterator[ProblemPart]:
    """Yield what of a spec does not fit a data set."""
    train, validation, test = spec.target.protocol.sizes(one.rows)
    if min(train, validation, test) < 1:
        yield ProblemPart(
            pointer=f"/target/datasets/{index}",
            detail=f"data set {one.name} has {one.rows} rows: the protocol leaves {train} of them for "
            f"training, {validation} for validation and {test} for testing, and each must have one at least",
        )
        return
    if one.too_wide is not None:
        yield ProblemPart(pointer="/target/protocol/encoding", detail=one.too_wide)
    yield from _bad_sizes(spec, one, train)
    for at, models in enumerate(spec.models):
        for position, sparsity in enumerate(models.sparsity if isinstance(models, MlpModels) else ()):
            if sparsity is not None and sparsity > one.features:
                yield ProblemPart(
                    pointer=f"/models/{at}/sparsity/{position}",
                    detail=f"sparsity must be at most the number of features, and data set {one.name} has "
                    f"{one.features} ({spec.target.protocol.encoding}), or null for dense; this one is "
                    f"{sparsity}",
                )


def _bad_sizes(spec: TabularSpec, one: Resolved, train: int) -> Iterator[ProblemPart]:
    grid = spec.grid
    axis = "samples" if grid.samples is not None else "fractions"
    seen: dict[int, int] = {}
    given = grid.samples or grid.fractions or []
    for position, samples in enumerate(grid.sizes(train)):
        pointer = f"/grid/{axis}/{position}"
        if samples > train:
            yield ProblemPart(
                pointer=pointer,
                detail=f"the largest training set of data set {one.name} has {train} rows; this one would "
                f"have {samples}",
            )
            continue
        if samples in seen:
            yield ProblemPart(
                pointer=pointer,
                detail=f"{given[position]:g} is {samples} rows of data set {one.name}, as "
                f"{given[seen[samples]]:g} is: leave one of them out",
            )
        seen.setdefault(samples, position)
        detail = sizes.check(one.name, one.classes, one.rows, samples, spec.target.protocol)
        if detail is not None:
            yield ProblemPart(pointer=pointer, detail=detail)
