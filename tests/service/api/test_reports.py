from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from service.api import report_text
from service.api.report_examples import REPORT
from service.api.report_text import Picture
from tombola.results import Report

NAME = "a | <script>alert(1)</script> *b* [c](d) `e` & ~f~ #"


def ask(client, experiment, *, accept=None, **params):
    headers = {} if accept is None else {"Accept": accept}
    return client.get(f"/v1/experiments/{experiment['id']}/report", params=params, headers=headers)


class Page(HTMLParser):
    """What a browser makes of a page: tags with their attributes, texts by the tag around them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.rows, self._open = [], {}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += 1
        if tag not in ("meta", "img", "br", "hr"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        key = self._open[-1] if self._open else ""
        self.texts[key] = self.texts.get(key, "") + data


def test_a_report_is_json_unless_another_type_is_wanted(client, finished):
    for answer in (ask(client, finished), ask(client, finished, format="json", accept="text/html")):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        report = Report.model_validate(answer.json())
        assert report.experiment.id == finished["id"]
        assert len({finding.id for finding in report.findings} | {one.id for one in report.not_tested}) == 10
    assert ask(client, finished, accept="text/html").headers["content-type"] == "text/html; charset=utf-8"
    markdown = ask(client, finished, accept="text/markdown")
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert markdown.headers["vary"] == "Accept"
    assert ask(client, finished, format="markdown").text == markdown.text


def test_a_type_that_there_is_not_is_refused(client, finished):
    answer = ask(client, finished, accept="application/pdf")
    assert answer.status_code == 406
    assert "a report comes as application/json, text/html or text/markdown" in answer.json()["detail"]
    assert ask(client, finished, format="pdf").status_code == 422
    for probability in (0, 1):
        assert ask(client, finished, probability=probability).status_code == 422


def test_a_report_that_is_there_already_is_not_sent_again(client, finished):
    for kind in ("json", "html", "markdown"):
        first = ask(client, finished, format=kind)
        path = f"/v1/experiments/{finished['id']}/report"
        headers = {"If-None-Match": first.headers["etag"]}
        assert client.get(path, params={"format": kind}, headers=headers).status_code == 304
        other = client.get(path, params={"format": kind, "probability": 0.9}, headers=headers)
        assert other.status_code == 200


def test_a_report_of_an_experiment_in_training_says_that_it_is_provisional(client, create):
    experiment = create()
    assert ask(client, experiment).json()["provisional"] is True
    text = ask(client, experiment, format="markdown").text
    assert "**Provisional.** The experiment is queued: 0 of 40 runs are done." in text
    assert "Nothing can be tested yet." in text
    assert ask(client, experiment, format="html").status_code == 200


def test_names_of_users_are_shown_as_they_are(client, create, hands):
    experiment = create(name=NAME)
    hands.train_all()
    page = Page(ask(client, experiment, format="html").text)
    assert page.texts["h1"] == f"Reproduction report: {NAME}"
    assert page.texts["title"] == f"Report: {NAME}"
    assert "script" not in dict(page.tags)
    assert [attributes for tag, attributes in page.tags if tag == "a"] == [
        {"href": "https://arxiv.org/abs/2309.03800"}
    ]


def test_the_page_stands_alone_with_its_pictures(client, finished):
    page = Page(ask(client, finished, format="html").text)
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 4
    assert all(
        picture["src"].startswith("data:image/svg+xml;base64,") and picture["alt"] for picture in pictures
    )
    assert not {"link", "script", "iframe"} & {tag for tag, _ in page.tags}


def test_nothing_runs_in_what_a_browser_shows(client, finished):
    path = f"/v1/experiments/{finished['id']}"
    for name in ("report?format=html", "heatmap.svg", "theory.svg"):
        headers = client.get(f"{path}/{name}").headers
        assert headers["content-security-policy"].startswith("default-src 'none';")
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/nowhere").headers["x-content-type-options"] == "nosniff"


def test_the_pictures_of_the_markdown_are_there(client, finished):
    text = ask(client, finished, format="markdown", probability=0.4).text
    links = re.findall(r"!\[[^]]+\]\(http://testserver(/[^)]+)\)", text)
    assert [link.rpartition("/")[2].partition(".")[0] for link in links] == [
        "heatmap",
        "frontier",
        "theory",
        "resources",
    ]
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/svg+xml"


def test_markdown_reads_nothing_for_pictures_that_it_only_links_to(client, finished, monkeypatch):
    asked = []
    monkeypatch.setattr("service.api.reports.frontier", lambda *_: asked.append("frontier"))
    assert "frontier.svg?probability=0.5" in ask(client, finished, format="markdown").text
    assert asked == []


def test_pictures_of_theory_come_as_png_too(client, finished, create):
    for name in ("theory", "resources"):
        answer = client.get(f"/v1/experiments/{finished['id']}/{name}.png")
        assert answer.content.startswith(b"\x89PNG")
    assert client.get(f"/v1/experiments/{finished['id']}/theory.gif").status_code == 422


@pytest.mark.parametrize("name", ["theory", "resources"])
def test_without_a_complete_cell_there_is_no_picture_of_theory(client, create, name):
    answer = client.get(f"/v1/experiments/{create()['id']}/{name}.svg")
    assert answer.status_code == 409
    assert "needs at least one complete cell" in answer.json()["detail"]


def test_no_such_experiment_has_no_report(client):
    assert ask(client, {"id": "01JD0M3X8Z6T4Q2W9V5K7N1R3P"}).status_code == 404


REPORTED = Report.model_validate(REPORT)
PICTURES = [Picture(name, name, f"http://here/{name}.svg") for name in ("heatmap", "theory", "resources")]


def test_the_text_names_what_it_is_about():
    text = report_text.markdown(REPORTED, PICTURES)
    for line in (
        "# Reproduction report: n50-k3",
        "| Target | (50, 3)-sparse parity |",
        "| Initialisation | 2, dense |",
        "| Runs | 96 of 192, 41 successes, 0 diverged; status running |",
        "| In the tests | 4 complete cells of 8, 24 seeds each: 96 runs |",
        "| Cost | 72 runs trained, 2.8e+06 steps, 5.1e+12 FLOP, 66 core-seconds |",
        "| Trained by | native on cpu (python 3.11.9, torch 2.7.0) |",
        "| As of | 2025-01-01 12:00 UTC |",
        "| Finding | Cells | Verdict | Effect | 95 % limits | p, adjusted | Seeds |",
        "### A sparse start succeeds more often than a dense one (2-sparse against dense)",
        "| 2-sparse | 304 | 1000 | 1000 | 1000 to 1000 |",
    ):
        assert line in text.splitlines()
    row = (
        "| sparse-luck | 2-sparse against dense | **supported** | +18.8 points | +2.8 to +31.8 | 0.018 | 24 |"
    )
    assert row in text.splitlines()
    assert "- `double-descent`, all cells (Somewhere more samples" in text
    assert "the grid has fewer than three training-set sizes." in text


def test_every_row_of_a_table_has_its_columns():
    page = Page(report_text.html(REPORTED, PICTURES, {picture.name: b"<svg/>" for picture in PICTURES}))
    assert set(page.rows) == {2, 5, 7}


@settings(max_examples=50)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40))
def test_whatever_is_written_markdown_shows_it_as_it_is(written):
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    shown = report_text.text(written)
    assert Page(reader.render(f"# x {shown}")).texts["h1"] == f"x {written}"
    page = Page(reader.render(f"| a | b |\n|--|--|\n| {shown} | c |\n"))
    assert page.texts["td"] == f"{written}c"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.123, "probability", "+12.3 points"),
        (-0.05, "share", "-5.0 points"),
        (1.6667, "factor", "\N{MULTIPLICATION SIGN} 1.67"),
        (0.0234, "error", "+0.023"),
        (None, "factor", "\N{EN DASH}"),
    ],
)
def test_amounts_are_written_in_their_unit(value, unit, expected):
    assert report_text.amount(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(1e-12, "< 0.001"), (0.0123, "0.012"), (1.0, "1"), (None, "\N{EN DASH}")]
)
def test_p_values_have_two_digits(value, expected):
    assert report_text.p(value) == expected


def test_the_date_of_a_finished_report_does_not_move(client, finished):
    as_of = datetime.fromisoformat(ask(client, finished).json()["as_of"])
    assert as_of <= datetime.now(UTC)
    assert ask(client, finished).json()["as_of"] == ask(client, finished).json()["as_of"]
