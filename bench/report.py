"""Writes what the benchmarks found into BENCHMARKS.md, between the marks, and draws their pictures.

Usage: python -m bench.report [--results DIR] [--benchmarks FILE] [--images DIR]

A section whose results are not there is left as it is.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import pictures
from bench.gpu_section import gpu
from bench.machine import ROOT
from bench.output import RESULTS
from bench.sections import (
    adaptive,
    answers,
    engines,
    exports,
    figure1,
    goals,
    machine,
    networks,
    paper_cells,
    scaling,
    service,
)
from bench.tabular_section import forests, tabular
from tombola import plots

#: What a section is made of, and how; it is filled when all of it is there.
SECTIONS: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "machine": (("engines",), machine),
    "goals": (("engines", "end_to_end"), goals),
    "engines": (("engines",), engines),
    "networks": (("networks",), networks),
    "gpu": (("gpu",), gpu),
    "scaling": (("scaling",), scaling),
    "service": (("end_to_end",), service),
    "answers": (("answers",), answers),
    "figure-1": (("figure1",), figure1),
    "adaptive": (("adaptive",), adaptive),
    "exports": (("exports",), exports),
    "paper-cells": (("paper_cells",), paper_cells),
    "tabular": (("tabular",), tabular),
    "forests": (("forests",), forests),
}
PICTURES: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "bench-speed.png": ("engines", pictures.speed),
    "bench-scaling.png": ("scaling", pictures.scaling),
    "figure-1-left.png": ("figure1", pictures.figure1),
    "tabular-accuracy.png": ("tabular", pictures.tabular_accuracy),
    "tabular-gain.png": ("tabular", pictures.tabular_gain),
    "tabular-ranks.png": ("tabular", pictures.tabular_ranks),
}


def fill(text: str, section: str, body: str) -> str:
    """Return the text with what stands between a section's marks replaced.

    Raises:
        ValueError: The text has no such marks.
    """
    start, end = f"<!-- bench:{section} -->\n", f"<!-- /bench:{section} -->"
    before, opened, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise ValueError(f"the marks {start.strip()} and {end} must stand in the file, on lines of their own")
    return f"{before}{start}{body.strip()}\n{end}{after}"


def main() -> None:
    """Fill every section and draw every picture whose results are there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--benchmarks", type=Path, default=ROOT / "BENCHMARKS.md")
    parser.add_argument("--images", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()

    found = {file.stem: json.loads(file.read_text()) for file in sorted(arguments.results.glob("*.json"))}
    arguments.images.mkdir(parents=True, exist_ok=True)
    for name, (source, draw) in PICTURES.items():
        if source in found:
            (arguments.images / name).write_bytes(plots.render(draw(found[source]), "png"))
            print(f"drew {arguments.images / name}")
    images = Path(os.path.relpath(arguments.images, arguments.benchmarks.parent))
    text = arguments.benchmarks.read_text()
    for section, (sources, write) in SECTIONS.items():
        if all(source in found for source in sources):
            text = fill(text, section, write(*(found[source] for source in sources), images=images))
            print(f"filled {section}")
        else:
            missing = ", ".join(f"{source}.json" for source in sources if source not in found)
            print(f"left {section} as it is: {arguments.results} has no {missing}")
    arguments.benchmarks.write_text(text)


if __name__ == "__main__":
    main()
