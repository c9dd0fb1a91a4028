"""The section of BENCHMARKS.md on GPUs."""

from __future__ import annotations

from pathlib import Path

from bench.pictures import thousands
from bench.sections import Found, figures, provenance, table

_SIDES = ("plain", "cores", "torch", "triton")


def gpu(found: Found, *, images: Path) -> str:
    """Tabulate parities and networks on tables on a GPU, beside a plain loop there."""
    del images
    where = found["machine"]
    peaks = found["peaks"]
    said = (
        f"{found['device']}, host with {where['cores']} cores ({where['processor']}), "
        f"Python {where['python']}, torch {where['torch']}. Measured there: "
        f"{peaks['flops_per_second'] / 1e12:.0f} TFLOP/s of float32 products, "
        f"{peaks['bytes_per_second'] / 1e12:.1f} TB/s of copies."
    )
    reasons = [f"{name} did not run ({reason})." for name, reason in found["missing"].items()]
    return "\n\n".join(
        [
            " ".join([said, *reasons]),
            _parities(found),
            _networks(found) if found["networks"] else "Networks on tables: not measured.",
            provenance(found),
        ]
    )


def _parities(found: Found) -> str:
    sides = [name for name in _SIDES if name in found["rows"][0]["sides"]]
    names = {"plain": "plain loop", "cores": "native on the host's cores"}
    head = ["width", *(f"{names.get(name, name)}, µs" for name in sides), "ratio", "FLOP/s of the peak"]
    rows = []
    for row in found["rows"]:
        best = min(row["sides"][name]["seconds"]["median"] for name in sides if name not in names)
        ratio = row["sides"]["plain"]["seconds"]["median"] / best
        share = row["flops_per_step"] / best / found["peaks"]["flops_per_second"]
        cells = [_cell(row["sides"][name]) for name in sides]
        rows.append([thousands(row["width"]), *cells, figures(ratio), f"{share:.1%}"])
    return table(head, rows)


def _networks(found: Found) -> str:
    rows = []
    for row in found["networks"]:
        plain, engine = row["sides"]["plain"], row["sides"]["mlp"]
        ratio = plain["seconds"]["median"] / engine["seconds"]["median"]
        rows.append([thousands(row["width"]), row["optimizer"], _cell(plain), _cell(engine), figures(ratio)])
    head = ["width", "optimizer", "plain loop, µs", "engine, µs", "ratio"]
    return f"Networks on tables:\n\n{table(head, rows)}"


def _cell(side: Found) -> str:
    """Write µs per run and step, and how many runs took how many steps."""
    shape = f"{thousands(side['runs'])} of {thousands(side['steps'])} steps"
    return f"{figures(side['seconds']['median'] * 1e6)} ({shape})"
