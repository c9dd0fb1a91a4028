"""Networks against forests on one table: the largest comparison that fits into a time on this fleet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from sqlalchemy.orm import Session

from service.lab import asked, quoting
from service.lab.datasets import storing
from service.lab.errors import BadTable
from service.lab.tabular import sizes
from service.store.models import Dataset
from tombola.results import ComparisonPlan, DatasetProfile, Quote
from tombola.spec import (
    EstimatorKind,
    EstimatorModels,
    MlpModels,
    Protocol,
    TabularGrid,
    TabularSpec,
    TabularTarget,
)

#: As `Protocol.encoding`.
Encoding = Literal["one-hot", "ordinal"]

#: Of the time, what the comparison may take; the rest is for reading what the models read afterwards.
_SHARE: Final = 0.85
#: Fewer training rows than these, or than so many a class, say nothing.
_LEAST_ROWS, _LEAST_ROWS_OF_A_CLASS = 20, 5
_SPARSITY: Final = 2
_LEARNERS: Final[tuple[EstimatorKind, ...]] = ("forest", "boosting", "logistic")
_NAME_LENGTH = 150


@dataclass(frozen=True, slots=True)
class _Rung:
    """One size of a comparison.

    Attributes:
        train: Most training rows.
        test: Most test rows.
        rates: Learning rates of SGD, and of AdamW.
        models: How many of `_LEARNERS` compete with the networks.
    """

    train: int
    test: int
    fractions: tuple[float, ...]
    splits: int
    widths: tuple[int, ...]
    rates: tuple[tuple[float, ...], tuple[float, ...]]
    steps: int
    models: int = len(_LEARNERS)


_QUICK = _Rung(300, 1_000, (0.3, 1.0), 3, (300,), ((0.1,), ()), 400, models=1)
_BOTH = ((0.1,), (0.001,))
#: From small to large; each asks for more than the one before in every respect.
_LADDER: Final[tuple[_Rung, ...]] = (
    _QUICK,
    replace(_QUICK, train=1_000, test=2_000, fractions=(0.1, 0.3, 1.0), splits=5, steps=1_000),
    _Rung(1_000, 5_000, (0.1, 0.3, 1.0), 5, (1_000,), _BOTH, 1_000),
    _Rung(3_000, 10_000, (0.03, 0.1, 0.3, 1.0), 5, (1_000,), _BOTH, 2_000),
    _Rung(10_000, 10_000, (0.03, 0.1, 0.3, 1.0), 5, (100, 1_000), _BOTH, 2_000),
    _Rung(10_000, 50_000, (0.03, 0.1, 0.3, 1.0), 5, (100, 1_000), _BOTH, 3_000),
    _Rung(10_000, 50_000, (0.03, 0.1, 0.3, 1.0), 5, (100, 1_000, 10_000), _BOTH, 5_000),
    _Rung(
        10_000,
        50_000,
        (0.01, 0.03, 0.1, 0.3, 1.0),
        5,
        (100, 1_000, 10_000),
        ((0.1, 0.01), (0.001, 0.0001)),
        10_000,
    ),
)


def plan(session: Session, dataset: str, minutes: float, encoding: Encoding = "one-hot") -> ComparisonPlan:
    """Return the largest comparison on a data set whose expected wall time is within the minutes.

    Every model has as many hyperparameter settings as the networks together, and the same splits.

    Args:
        session: A session that sees all as of one moment.
        dataset: Id or name of a data set.
        minutes: Of wall time, above 0.
        encoding: Of categorical columns.

    Returns:
        The plan; the smallest one, with a note, where none fits.

    Raises:
        UnknownDataset: There is no such data set.
        BadTable: It has too few rows for any comparison.
    """
    row = storing.known(session, dataset)
    profile = DatasetProfile.model_validate(row.profile)
    found: tuple[TabularSpec, Quote] | None = None
    fits = True
    for spec in _ladder(row.name, row.rows, profile, encoding):
        quote = quoting.quote(session, spec, asked.by_hash(session, spec))
        within = _wall(quote) <= _SHARE * 60 * minutes
        if within or found is None:
            found, fits = (spec, quote), within
        if not within:
            break
    if found is None:
        smallest = Protocol(max_train_rows=_QUICK.train, max_test_rows=_QUICK.test, encoding=encoding)
        if (wide := sizes.too_wide(row.name, profile, smallest, row.rows)) is not None:
            raise BadTable(wide)
        raise BadTable(
            f"data set {row.name} has {row.rows} rows in {len(profile.classes)} classes, of which a split "
            f"leaves too few for training: it takes {_LEAST_ROWS}, {_LEAST_ROWS_OF_A_CLASS} for each class, "
            "and some of every class"
        )
    spec, quote = found
    return ComparisonPlan(
        dataset=row.name,
        dataset_id=row.id,
        minutes=minutes,
        fits=fits,
        notes=list(_notes(spec, quote, row, profile, minutes, fits=fits)),
        spec=spec,
        quote=quote,
    )


def _ladder(name: str, rows: int, profile: DatasetProfile, encoding: Encoding) -> Iterator[TabularSpec]:
    """Yield the comparisons that a table allows, from small to large, each once."""
    last: TabularSpec | None = None
    features = sizes.encoded_features(profile, Protocol(encoding=encoding))
    for rung in _LADDER:
        protocol = Protocol(max_train_rows=rung.train, max_test_rows=rung.test, encoding=encoding)
        fractions = _fractions(name, rows, profile, protocol, rung.fractions)
        if not fractions or sizes.too_wide(name, profile, protocol, rows) is not None:
            continue
        networks = _networks(rung, features)
        trials = sum(one.candidate_count for one in networks)
        spec = TabularSpec(
            name=f"compare {name[:_NAME_LENGTH]}",
            target=TabularTarget(datasets=[name], protocol=protocol),
            grid=TabularGrid(fractions=fractions, splits=rung.splits),
            models=[
                *networks,
                *(EstimatorModels(kind=kind, trials=trials) for kind in _LEARNERS[: rung.models]),
            ],
        )
        if spec != last:
            yield spec
        last = spec


def _fractions(
    name: str, rows: int, profile: DatasetProfile, protocol: Protocol, wanted: tuple[float, ...]
) -> list[float]:
    """Return those fractions that leave enough rows, some of every class, and differ in rows."""
    train, validation, test = protocol.sizes(rows)
    if min(validation, test) < 1:
        return []
    least = max(_LEAST_ROWS, _LEAST_ROWS_OF_A_CLASS * len(profile.classes))
    found: dict[int, float] = {}
    for fraction in wanted:
        (samples,) = TabularGrid(fractions=[fraction]).sizes(train)
        if samples >= least and sizes.check(name, profile.classes, rows, samples, protocol) is None:
            found.setdefault(samples, fraction)
    return list(found.values())


def _networks(rung: _Rung, features: int) -> list[MlpModels]:
    """Return the networks of a rung, one entry for each optimizer."""
    optimizers: tuple[Literal["sgd", "adamw"], ...] = ("sgd", "adamw")
    return [
        MlpModels(
            width=list(rung.widths),
            sparsity=[min(_SPARSITY, features), None],
            optimizer=[optimizer],
            learning_rate=list(rates),
            max_steps=rung.steps,
        )
        for optimizer, rates in zip(optimizers, rung.rates, strict=True)
        if rates
    ]


def _wall(quote: Quote) -> float:
    return 0.0 if quote.wall_seconds is None else quote.wall_seconds.expected


def _notes(  # noqa: PLR0913  # what a plan stands on
    spec: TabularSpec, quote: Quote, row: Dataset, profile: DatasetProfile, minutes: float, *, fits: bool
) -> Iterator[str]:
    """Yield what one should know of a plan before it begins."""
    if not fits:
        yield (
            f"no comparison fits into {minutes:g} minutes: this is the smallest, expected to take "
            f"{_wall(quote):.0f} seconds"
        )
    train = spec.target.protocol.sizes(row.rows)[0]
    whole = Protocol(encoding=spec.target.protocol.encoding)
    if train < whole.sizes(row.rows)[0]:
        wide = sizes.too_wide(row.name, profile, whole, row.rows)
        more = "more minutes allow for more" if wide is None else f"with all of them {wide}"
        yield f"at most {train} rows are trained on; {more}"
    if not quote.workers:
        yield "no worker is there now: it waits until one starts"
