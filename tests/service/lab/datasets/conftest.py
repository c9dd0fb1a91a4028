from __future__ import annotations

import gzip

import pytest

from service.lab.datasets.files import File, read
from service.lab.datasets.table import Asked

LIMIT = 50_000_000


@pytest.fixture
def take(tmp_path):
    """Return `take(content, target="y", categorical=(), …)`: it writes a file and returns its table."""

    def take(
        content,
        target="y",
        categorical=(),
        *,
        file_format="csv",
        gzipped=False,
        delimiter=None,
        max_bytes=LIMIT,
    ):
        folder = tmp_path / "table"
        folder.mkdir(exist_ok=True)
        path = folder / "table"
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if gzipped is True else data)
        file = File(path, file_format, bool(gzipped), delimiter)
        table = read(file, Asked(target, tuple(categorical)), max_bytes)
        assert [item.name for item in folder.iterdir()] == ["table"]
        return table

    return take


@pytest.fixture
def lines():
    """Return `lines(row, count=12, header="a,b,y")`: a CSV whose rows are in class p and q by turns."""

    def make(row="{i},{i}.5,{c}", count=12, header="a,b,y"):
        return "\n".join([header, *(row.format(i=i, c="pq"[i % 2]) for i in range(count))]) + "\n"

    return make
