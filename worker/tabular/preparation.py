"""Splits as models take them: imputed, encoded and scaled by what the training rows show."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

from service.lab.datasets.table import Table, kind_of
from worker.engine.tables import Prepared, Rows
from worker.tabular.splits import split

if TYPE_CHECKING:
    from tombola.spec import TabularTask
    from worker.engine.tables import Provider

#: Numbers with fewer different values are no quantities to be normalised: Grinsztajn et al. leave them out,
#: here they are standardised. A column of -1 and +1 stays about what it is.
_FEW_VALUES = 10
_QUANTILES = 1000
_CACHE_BYTES = 256 * 2**20
_LARGEST = float(np.finfo(np.float32).max)
_MISSING = -1.0


class _Columns:
    """A table as numbers: float64, NaN where a number is missing, -1 where a category is."""

    def __init__(self, table: Table) -> None:
        self.names, self.categories, values = [], [], []
        for name, column in table.features():
            self.names.append(name)
            if kind_of(column.type) == "categorical":
                codes = column.indices.to_numpy(zero_copy_only=False).astype(np.float64)
                values.append(np.nan_to_num(codes, nan=_MISSING))
                self.categories.append(len(column.dictionary))
            else:
                number = column.to_numpy(zero_copy_only=False)
                values.append(np.clip(number, -_LARGEST, _LARGEST))  # models compute in float32
                self.categories.append(0)
        self.values = np.column_stack(values)
        labels = table.labels
        order = np.argsort(np.array(labels.dictionary.to_pylist(), dtype=object), kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        self.classes: NDArray[np.int64] = rank[labels.indices.to_numpy(zero_copy_only=False)]


def prepare(table: Table, task: TabularTask, samples: int, *, networks: bool) -> Prepared:
    """Return a split of a table.

    Missing numbers become the median of the training rows, missing categories their most frequent one. For
    networks numbers are brought to a normal distribution by their quantiles (Grinsztajn et al. 2022).

    Args:
        table: The table.
        task: Data set, split and protocol.
        samples: Training rows.
        networks: Whether features are scaled, as networks and linear models want them; trees do not care.
    """
    return _prepare(_Columns(table), task, samples, networks=networks)


def _prepare(columns: _Columns, task: TabularTask, samples: int, *, networks: bool) -> Prepared:
    parts = split(columns.classes, task, samples)
    one_hot = task.protocol.encoding == "one-hot"
    made, column_of = _transformer(columns, columns.values[parts.train], networks=networks, one_hot=one_hot)
    made.fit(columns.values[parts.train])

    def rows(places: NDArray[np.int64]) -> Rows:
        features = np.ascontiguousarray(
            np.clip(made.transform(columns.values[places]), -_LARGEST, _LARGEST), dtype=np.float32
        )
        return Rows(features, parts.classes[places])

    return Prepared(
        class_count=task.classes,
        columns=tuple(columns.names),
        column_of=np.array(column_of, dtype=np.int64),
        train=rows(parts.train),
        validation=rows(parts.validation),
        test=rows(parts.test),
    )


def _transformer(
    columns: _Columns, train: NDArray[np.float64], *, networks: bool, one_hot: bool
) -> tuple[ColumnTransformer, list[int]]:
    """Return what transforms the columns, and for each feature the number of its column."""
    groups: dict[str, list[int]] = {"quantiles": [], "scale": [], "plain": [], "codes": [], "one-hot": []}
    for number, categories in enumerate(columns.categories):
        if categories and one_hot:
            groups["one-hot"].append(number)
        elif categories:
            groups["codes"].append(number)
        elif not networks:
            groups["plain"].append(number)
        else:
            distinct = np.unique(train[:, number][~np.isnan(train[:, number])])
            groups["quantiles" if len(distinct) >= _FEW_VALUES else "scale"].append(number)
    median = SimpleImputer(strategy="median", keep_empty_features=True)
    mode = SimpleImputer(missing_values=_MISSING, strategy="most_frequent", keep_empty_features=True)
    normal = QuantileTransformer(
        n_quantiles=min(_QUANTILES, len(train)), output_distribution="normal", subsample=None
    )
    # All categories of the table: a feature's place must not depend on what a small sample shows.
    encoder = OneHotEncoder(
        categories=[np.arange(columns.categories[number], dtype=np.float64) for number in groups["one-hot"]],
        handle_unknown="ignore",
        sparse_output=False,
    )
    steps = {
        "quantiles": make_pipeline(median, normal),
        "scale": make_pipeline(median, StandardScaler()),
        "plain": median,
        "codes": make_pipeline(mode, StandardScaler()) if networks else mode,
        "one-hot": make_pipeline(mode, encoder),
    }
    made = ColumnTransformer([(name, steps[name], numbers) for name, numbers in groups.items() if numbers])
    column_of = [number for name, numbers in groups.items() if name != "one-hot" for number in numbers]
    column_of += [number for number in groups["one-hot"] for _ in range(columns.categories[number])]
    return made, column_of


def providing(load: Callable[[str], Table]) -> Provider:
    """Return a provider that keeps what it made last, up to 256 MiB of tables and as much of splits.

    Args:
        load: Returns the table of a data set's id.
    """
    tables: LRUCache[str, _Columns] = LRUCache(_CACHE_BYTES, getsizeof=lambda kept: kept.values.nbytes)
    splits: LRUCache[tuple[TabularTask, int, bool], Prepared] = LRUCache(_CACHE_BYTES, getsizeof=_bytes)
    lock = Lock()

    def provide(task: TabularTask, samples: int, networks: bool) -> Prepared:  # noqa: FBT001  # as `Provider` has it
        about = task, samples, networks
        with lock:  # lanes that want the same split would make it twice
            found = splits.get(about)
            if found is None:
                columns = tables.get(task.dataset)
                if columns is None:
                    columns = _Columns(load(task.dataset))
                    _keep(tables, task.dataset, columns)
                found = _prepare(columns, task, samples, networks=networks)
                _keep(splits, about, found)
        return found

    return provide


def _bytes(prepared: Prepared) -> int:
    parts = (prepared.train, prepared.validation, prepared.test)
    return sum(rows.features.nbytes + rows.classes.nbytes for rows in parts)


def _keep(cache: LRUCache, key: object, value: object) -> None:  # type: ignore[type-arg]  # any cache
    if cache.getsizeof(value) <= cache.maxsize:
        cache[key] = value
