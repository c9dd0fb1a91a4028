"""What scikit-learn's loaders bring, from its own recorded answers of OpenML and from its bundled sets."""

from __future__ import annotations

import dataclasses
import gzip
import time
from http.client import HTTPException
from urllib.error import HTTPError, URLError

import pytest

from service.lab.errors import BadTable
from worker.tabular import sources
from worker.tabular.downloads import SourceError, TooLarge


@pytest.mark.parametrize(
    ("name", "rows", "columns", "classes"),
    [("breast_cancer", 569, 30, 2), ("digits", 1797, 64, 10), ("iris", 150, 4, 3), ("wine", 178, 13, 3)],
)
def test_bundled_sets_come_without_a_network(name, rows, columns, classes):
    found = sources.bundled_dataset(name).described
    assert (found.name, found.rows, found.columns, found.classes) == (name, rows, columns, classes)
    assert found.source == f"scikit-learn, {name}"


def test_bundled_classes_have_their_names():
    found = sources.bundled_dataset("iris").described
    assert [item.label for item in found.profile.classes] == ["setosa", "versicolor", "virginica"]


def test_a_data_set_of_openml_comes_with_its_kinds_and_missing_values(downloads):
    found = sources.openml_dataset(40945, downloads).described
    assert (found.name, found.target, found.task, found.rows) == ("Titanic", "survived", "binary", 1309)
    assert (found.licence, found.source) == ("Public", "OpenML 40945, Titanic version 1")
    kinds = {column.name: (column.kind, column.missing) for column in found.profile.columns}
    assert kinds["age"] == ("number", 263)
    assert kinds["sex"] == ("categorical", 0)
    assert kinds["embarked"] == ("categorical", 2)
    assert found.profile.balance == pytest.approx(500 / 809)
    assert [item.name for item in found.profile.leaking_columns] == ["boat"]
    assert found.profile.identifier_columns == ["name"]


def test_what_is_in_the_cache_is_not_fetched_again(downloads, openml):
    first = sources.openml_dataset(61, downloads).described
    assert len(openml.asked) == 4
    assert sources.openml_dataset(61, downloads).described == first
    assert len(openml.asked) == 4


@pytest.mark.parametrize("faults", [[502], [503, 502, 500], [None, None, "cut"], ["cut", 429], ["plain"] * 4])
def test_faults_that_pass_are_outlived(downloads, openml, faults):
    openml.faults += faults
    assert sources.openml_dataset(40675, downloads).described.rows == 163


def test_a_server_that_stays_away_is_said_to_be_so(downloads, openml):
    openml.faults += [502] * 50
    with pytest.raises(HTTPError, match="502"):
        sources.openml_dataset(40675, downloads)
    assert len(openml.asked) == 1 + downloads.retries
    nobody = dataclasses.replace(downloads, url="http://127.0.0.1:9")
    with pytest.raises(URLError, match="refused"):
        sources.openml_dataset(40675, nobody)


def test_answers_that_break_off_for_ever_are_given_up(downloads, openml):
    openml.faults += ["cut"] * 50
    with pytest.raises((HTTPException, EOFError)):
        sources.openml_dataset(40675, downloads)
    assert not list(downloads.folder.rglob("*.gz"))


def test_a_file_with_a_wrong_checksum_is_fetched_anew(downloads, openml):
    openml.faults += [None, None, None, "damaged"]
    assert sources.openml_dataset(61, downloads).described.rows == 150
    (kept,) = (downloads.folder / "openml" / "61").rglob("iris.arff.gz")
    for damage in (lambda data: data[:-200], lambda _: gzip.compress(b"another file")):
        asked = len(openml.asked)
        kept.write_bytes(damage(kept.read_bytes()))
        assert sources.openml_dataset(61, downloads).described.rows == 150
        assert openml.asked[asked:] == ["/data/v1/download/61/iris.arff"]


def test_a_file_whose_checksum_stays_wrong_is_refused(downloads, openml):
    openml.faults += ["damaged"] * 50
    with pytest.raises(SourceError, match="md5 checksum"):
        sources.openml_dataset(40675, downloads)


def test_data_sets_that_are_not_there_or_of_no_use_are_refused_with_the_reason(downloads):
    with pytest.raises(SourceError, match="OpenML has no data set 7"):
        sources.openml_dataset(7, downloads)
    with pytest.raises(SourceError, match="OpenML 40589 has 6 targets: it takes one"):
        sources.openml_dataset(40589, downloads)
    with pytest.raises(BadTable, match="class"):
        sources.openml_dataset(561, downloads)  # numbers to be predicted as such
    for max_bytes, said in ((300, "more than 300 bytes$"), (1_000, "more than 1000 bytes unpacked")):
        with pytest.raises(TooLarge, match=said):
            sources.openml_dataset(40945, dataclasses.replace(downloads, max_bytes=max_bytes))


def test_a_suite_names_its_data_sets_and_is_kept(downloads, openml):
    assert sources.openml_suite(337, downloads) == [61, 40675, 561]
    openml.faults += [502] * 50
    assert sources.openml_suite(337, downloads) == [61, 40675, 561]
    openml.faults.clear()
    with pytest.raises(SourceError, match="OpenML has no suite 338"):
        sources.openml_suite(338, downloads)


def test_a_worker_that_shall_stop_does_not_wait_for_retries(downloads, openml, stopping):
    openml.faults += [502] * 50
    stopping.set()
    began = time.monotonic()
    with pytest.raises(HTTPError):
        sources.openml_dataset(40675, dataclasses.replace(downloads, first_seconds=60.0))
    assert time.monotonic() - began < 30
    assert len(openml.asked) == 1


def test_other_hosts_than_openml_are_not_sent_to_the_mirror(downloads):
    assert downloads._mirrored("https://api.openml.org/data/v1/x?a=1") == f"{downloads.url}/data/v1/x?a=1"
    assert downloads._mirrored("https://notopenml.org/x") == "https://notopenml.org/x"


def test_files_of_the_worker_are_not_fetched(downloads, tmp_path):
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(SourceError, match="is not fetched: it is no http"):
        downloads.open(f"file://{tmp_path}/secret")
