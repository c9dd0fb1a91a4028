"""The reproduction report as text: Markdown from a template, and HTML from the Markdown."""

from __future__ import annotations

import base64
import functools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tombola.results import Effect, ObservedThreshold, Report
from tombola.spec import ExperimentSpec

if TYPE_CHECKING:
    from jinja2 import Environment
    from markdown_it.token import Token

_NONE, _TIMES = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"
#: What means something inside of a line of Markdown or of a table.
_MEANING = re.compile(r"([\\`*_\[\]<>|&~!#$])")
_SMALLEST_P = 0.001


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a report.

    Attributes:
        name: As in the path of the API.
        says: What it shows.
        link: Where it is.
    """

    name: str
    says: str
    link: str


def markdown(report: Report, pictures: Sequence[Picture]) -> str:
    """Return the report as Markdown (CommonMark with tables)."""
    spec = report.experiment.spec
    assert isinstance(spec, ExperimentSpec)  # noqa: S101  # reports are of experiments on a parity
    text = (
        _environment()
        .get_template("report.md.j2")
        .render(
            report=report,
            spec=spec,
            training=spec.training,
            progress=report.experiment.progress,
            cost=_cost(report),
            pictures=pictures,
        )
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def html(report: Report, pictures: Sequence[Picture], drawn: Mapping[str, bytes]) -> str:
    """Return the report as one HTML file that needs nothing else.

    Args:
        report: What to tell.
        pictures: Its pictures; their names stand for their links.
        drawn: Each as SVG, by its name.
    """
    from jinja2 import Environment, PackageLoader  # noqa: PLC0415  # only reports pay for it
    from markdown_it import MarkdownIt  # noqa: PLC0415  # as above
    from markupsafe import Markup  # noqa: PLC0415  # as above

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")

    def image(_renderer: object, tokens: Sequence[Token], number: int, *_: object) -> str:
        token = tokens[number]
        data = base64.b64encode(drawn[str(token.attrs["src"])]).decode()
        return Markup('<img alt="{}" src="data:image/svg+xml;base64,{}">').format(
            token.content, data
        )  # the template is a literal

    reader.add_render_rule("image", image)
    page = Environment(loader=PackageLoader("service.api"), autoescape=True).get_template("report.html.j2")
    named = [replace(picture, link=picture.name) for picture in pictures]
    body = Markup(reader.render(markdown(report, named)))  # noqa: S704  # markdown-it escapes, HTML is off
    return page.render(title=f"Report: {report.experiment.name}", body=body)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  # only reports pay for it

    found = Environment(  # noqa: S701  # Markdown is no HTML: `text` escapes what users wrote
        loader=PackageLoader("service.api"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    found.filters |= {
        "text": text,
        "short": short,
        "values": _values,
        "start": lambda sparsity: "dense" if sparsity is None else f"{sparsity}-sparse",
        "effect": lambda effect: amount(effect.value, effect.unit),
        "limits": _limits,
        "amount": amount,
        "band": _band,
        "p": p,
        "p_is": lambda value: p(value) if value is None or value < _SMALLEST_P else f"= {p(value)}",
    }
    return found


def text(given: str) -> str:
    """Return what somebody wrote such that Markdown shows it as it is."""
    return _MEANING.sub(r"\\\1", given)


def short(number: float | None) -> str:
    """Write a number in three digits; a dash for none."""
    if number is None:
        return _NONE
    return f"{number:.0f}" if abs(number) >= 1000 else f"{float(f'{number:.3g}'):g}"  # noqa: PLR2004  # no exponent for steps


def p(value: float | None) -> str:
    """Write a p-value in two digits."""
    if value is None:
        return _NONE
    return f"< {_SMALLEST_P:g}" if value < _SMALLEST_P else f"{float(f'{value:.2g}'):g}"


def amount(value: float | None, unit: str) -> str:
    """Write the size of an effect in its unit."""
    if value is None:
        return _NONE
    if unit in ("probability", "share"):
        return f"{100 * value:+.1f} points"
    return f"{value:+.3f}" if unit == "error" else f"{_TIMES} {short(value)}"


def _limits(effect: Effect) -> str:
    if effect.low is None and effect.high is None:
        return _NONE
    low, high = (amount(end, effect.unit).removesuffix(" points") for end in (effect.low, effect.high))
    if effect.low is None:
        return f"{high} or less"
    return f"{low} or more" if effect.high is None else f"{low} to {high}"


def _band(row: ObservedThreshold) -> str:
    if row.low is None:
        return "above the grid"
    return f"{row.low} or more" if row.high is None else f"{row.low} to {row.high}"


def _values(axis: Iterable[int | None], name: str) -> list[str]:
    """Return the values of an axis in order, null by its name."""
    ordered = sorted(axis, key=lambda value: math.inf if value is None else value)
    return [name if value is None else str(value) for value in ordered]


def _cost(report: Report) -> str:
    actual = report.experiment.actual
    if actual is None:
        return "nothing: no run was trained for it"
    parts = [
        f"{actual.runs_trained} runs trained",
        f"{actual.run_steps:.3g} steps",
        f"{actual.flops:.2g} FLOP",
    ]
    parts += [f"{short(actual.core_seconds)} core-seconds"] if actual.core_seconds else []
    parts += [f"{short(actual.gpu_seconds)} GPU-seconds"] if actual.gpu_seconds else []
    parts += [f"{short(actual.wall_seconds)} s of wall time"] if actual.wall_seconds is not None else []
    return ", ".join(parts)
