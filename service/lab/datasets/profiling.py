"""What a table holds, and what in it looks wrong: reported, never refused or mended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from service.lab.datasets.columns import shown
from service.lab.datasets.table import Table, kind_of
from tombola.results import ClassCount, ColumnKind, DatasetColumn, DatasetProfile, LeakingColumn

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

#: Categories that a column's description lists.
_LISTED = 20
_LONGEST = 60
#: Numbers are put into at most so many bins of equal weight, and each of at least so many rows.
_BINS, _ROWS_PER_BIN = 256, 10
#: A column leaks if it is right in so many rows, and wrong in so small a part of those that guessing the
#: largest class gets wrong. Of all columns of Titanic, iris, wine, digits, breast cancer, glass and seven
#: sets of OpenML's suite 337 this finds one: the lifeboat of those who survived (0.9725).
_LEAKING_ACCURACY, _LEAKING_ERROR = 0.97, 0.1
#: Text is an identifier if so many rows have one that is different; numbers if all have.
_IDENTIFYING = 0.95
_UNBALANCED = 0.05
_NAMED = 5


def profile(table: Table, digests: dict[str, str]) -> DatasetProfile:
    """Describe a table.

    Args:
        table: Which.
        digests: The hash of each column's values, by name (`Table.digests`).
    """
    classes = _class_counts(table)
    columns = [_describe(name, values) for name, values in table.features()]
    rows = table.data.num_rows
    distinct = _distinct_rows(table.data)
    report: dict[str, Any] = {
        "classes": classes,
        "balance": min(item.rows for item in classes) / max(item.rows for item in classes),
        "columns": columns,
        "missing_values": sum(column.missing for column in columns),
        "duplicate_rows": rows - distinct,
        "constant_columns": [item.name for item in columns if item.distinct == 1 and not item.missing],
        "duplicate_columns": _duplicates(table, digests),
        "identifier_columns": [
            name
            for column, (name, values) in zip(columns, table.features(), strict=True)
            if _identifies(column, values, rows)
        ],
        "leaking_columns": _leaking(table),
    }
    return DatasetProfile(**report, warnings=list(_warnings(rows, DatasetProfile(**report, warnings=[]))))


def _class_counts(table: Table) -> list[ClassCount]:
    import numpy as np  # noqa: PLC0415  # with pyarrow 40 MB, for those who bring tables

    names = table.labels.dictionary.to_pylist()
    counts = np.bincount(table.labels.indices.to_numpy(), minlength=len(names)).tolist()
    rows = table.data.num_rows
    return [
        ClassCount(label=name, rows=count, share=count / rows)
        for name, count in zip(names, counts, strict=True)
    ]


def _describe(name: str, values: Any) -> DatasetColumn:  # noqa: ANN401  # an array of a checked table
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    kind = cast("ColumnKind", kind_of(values.type))
    common = {"name": name, "kind": kind, "missing": values.null_count}
    if kind == "categorical":
        listed = [
            word if len(word) <= _LONGEST else word[:_LONGEST] + "…"
            for word in values.dictionary[:_LISTED].to_pylist()
        ]
        return DatasetColumn(**common, distinct=len(values.dictionary), categories=listed)
    ends = pc.min_max(values)
    return DatasetColumn(
        **common,
        distinct=pc.count_distinct(values).as_py(),
        minimum=ends["min"].as_py(),
        maximum=ends["max"].as_py(),
        mean=_mean(values, max(abs(ends["min"].as_py()), abs(ends["max"].as_py()))),
    )


def _mean(values: Any, largest: float) -> float:  # noqa: ANN401  # as above
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    # Scaled, for sums of the largest numbers are infinite.
    return float(pc.mean(pc.divide(values, largest)).as_py() * largest) if largest else 0.0


def _distinct_rows(data: pa.Table) -> int:
    import pyarrow as pa  # noqa: PLC0415  # as above

    plain = [
        (column.combine_chunks().indices if pa.types.is_dictionary(column.type) else column)
        for column in data.columns
    ]
    names = [str(number) for number in range(len(plain))]
    return int(pa.table(plain, names).group_by(names, use_threads=False).aggregate([]).num_rows)


def _duplicates(table: Table, digests: dict[str, str]) -> list[tuple[str, str]]:
    first: dict[tuple[str, str], str] = {}
    pairs = []
    for name, values in table.features():
        same = first.setdefault((kind_of(values.type), digests[name]), name)
        if same != name:
            pairs.append((name, same))
    return pairs


def _identifies(column: DatasetColumn, values: Any, rows: int) -> bool:  # noqa: ANN401  # as above
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    if column.kind == "categorical":
        return column.distinct >= _IDENTIFYING * rows
    return column.distinct == rows and bool(pc.all(pc.equal(values, pc.floor(values))).as_py())


def _leaking(table: Table) -> list[LeakingColumn]:
    import numpy as np  # noqa: PLC0415  # as above

    labels = table.labels.indices.to_numpy()
    classes = len(table.labels.dictionary)
    base_error = 1 - np.bincount(labels).max() / len(labels)
    found = []
    for name, values in table.features():
        accuracy = voted_accuracy(_codes(values), labels, classes)
        if accuracy >= _LEAKING_ACCURACY and 1 - accuracy <= _LEAKING_ERROR * base_error:
            found.append(LeakingColumn(name=name, accuracy=accuracy))
    return found


def voted_accuracy(codes: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], classes: int) -> float:
    """Return how often the class is that of most *other* rows with the same value (leave-one-out).

    A row is right where its class has at least one more row left than every other class with that value; so
    a value that stands in one row only tells nothing, and a column that differs in each row is never right.

    Args:
        codes: The value of each row as a number from 0, shape (rows,).
        labels: The class of each row from 0, shape (rows,).
        classes: How many there are.
    """
    import numpy as np  # noqa: PLC0415  # as above

    pairs, counts = np.unique(codes.astype(np.int64) * classes + labels, return_counts=True)
    values = pairs // classes
    order = np.lexsort((-counts, values))
    values, counts = values[order], counts[order]
    first = np.flatnonzero(np.diff(values, prepend=-1))
    most = counts[first]
    after = np.append(first[1:], len(values))
    second = np.where(after - first > 1, counts[np.minimum(first + 1, len(counts) - 1)], 0)
    return float(most[most - 1 > second].sum() / len(labels))


def _codes(values: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401  # as above
    """Return categories, or bins of numbers, as numbers from 0; a missing value is one more of them."""
    import numpy as np  # noqa: PLC0415  # as above
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    if kind_of(values.type) == "categorical":
        return cast("np.ndarray[Any, Any]", pc.fill_null(values.indices, len(values.dictionary)).to_numpy())
    numbers = pc.fill_null(values, float("nan")).to_numpy()
    present = ~np.isnan(numbers)
    bins = max(2, min(_BINS, len(numbers) // _ROWS_PER_BIN))
    distinct = np.unique(numbers[present])
    # Between values, so that equal numbers are in one bin.
    edges = (
        distinct[1:]
        if len(distinct) <= bins
        else np.unique(np.quantile(numbers[present], np.arange(1, bins) / bins, method="higher"))
    )
    codes: np.ndarray[Any, Any] = np.searchsorted(edges, numbers, side="right")
    codes[~present] = len(edges) + 1
    return codes


def _warnings(rows: int, found: DatasetProfile) -> Iterator[str]:
    incomplete = [column.name for column in found.columns if column.missing]
    if incomplete:
        yield f"{_count(found.missing_values, 'value')} missing, in {_names(incomplete)}"
    if found.duplicate_rows:
        share = found.duplicate_rows / rows
        yield (
            f"{_count(found.duplicate_rows, 'row')} repeated from further up ({share:.1%}): the same "
            "rows may come into training and test data"
        )
    if found.constant_columns:
        yield f"the same value in every row: {_names(found.constant_columns)}"
    if found.duplicate_columns:
        pairs = [f"{shown(name)} as {shown(same)}" for name, same in found.duplicate_columns]
        yield f"columns equal to another: {_listed(pairs)}"
    if found.identifier_columns:
        yield f"another value in each row or nearly, as an identifier has: {_names(found.identifier_columns)}"
    if found.leaking_columns:
        told = [f"{shown(item.name)} in {item.accuracy:.1%} of rows" for item in found.leaking_columns]
        yield f"tells the class alone, so it may be made from it: {_listed(told)}"
    small = [item.label for item in found.classes if item.share < _UNBALANCED]
    if small:
        yield f"classes with less than {_UNBALANCED:.0%} of rows: {_names(small)}"


def _count(number: int, what: str) -> str:
    return f"1 {what} is" if number == 1 else f"{number} {what}s are"


def _names(names: Sequence[str]) -> str:
    return _listed([shown(name) for name in names])


def _listed(parts: Sequence[str]) -> str:
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    return ", ".join(parts[:_NAMED]) + more
