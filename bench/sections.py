"""The sections of BENCHMARKS.md: Markdown from results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.pictures import NAMES, sides_of, thousands
from tombola.results import SuccessTable

Found = dict[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 0) -> str:
    """Return a Markdown table, its first `left` columns aligned to the left and the others to the right."""
    rule = ["---" if index < left else "---:" for index in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def figures(value: float) -> str:
    """Write a number with three figures, large ones whole: 0.503, 12.7, 203, 14 200."""
    return thousands(value) if value >= 100 else f"{value:.3g}"


def provenance(found: Found) -> str:
    """Say when and how results came to be; a quick run is told apart."""
    where = found["machine"]
    commit = f", commit {where['commit']}" if where["commit"] else ""
    warning = "**A quick run: figures that mean nothing.** " if found["quick"] else ""
    return f"{warning}`{where['command']}`, {where['date']}{commit}, load before: {where['load_before']}."


def machine(found: Found, *, images: Path) -> str:
    """Describe the machine."""
    del images
    where = found["machine"]
    trainers = [f"{NAMES.get(name, name)}: {detail}" for name, detail in found["engines"].items() if detail]
    trainers += [f"{name} does not run here ({reason})" for name, reason in found["missing"].items()]
    peak = {threads: f"{value / 1e9:.0f} GFLOP/s" for threads, value in found["peak"].items()}
    chip = f"{where['processor']}, {where['cores']} cores, {where['instructions']}"
    lines = [
        f"{chip}, {where['memory_gib']:.0f} GiB, {where['system']}",
        f"sgemm peak (`torch.mm`, float32): {peak['one_thread']} on one thread, {peak['all_threads']} on all",
        f"Python {where['python']}, torch {where['torch']}, Tombola {where['tombola']}",
        *trainers,
        provenance(found),
    ]
    return "\n".join(f"- {line}" for line in lines)


def goals(found: Found, whole: Found, *, images: Path) -> str:
    """Set what was reached beside what a release shall reach."""
    del images
    ours = found["auto"]
    ratios = {
        row["width"]: row["sides"][ours]["ratio"] for row in found["rows"] if row["n"] == found["goals_n"]
    }
    shares = {row["width"]: row["speed_share"]["median"] for row in whole["rows"]}
    rows = []
    for width, goal in ((int(width), goal) for width, goal in found["goals"].items()):
        if width not in ratios or width not in shares:
            continue
        through = ratios[width] * shares[width]
        rows.append(
            [
                thousands(width),
                f"{goal}",
                f"{figures(ratios[width])}{_verdict(ratios[width], goal)}",
                figures(goal * 2 / 3),
                f"{figures(through)}{_verdict(through, goal * 2 / 3)}",
            ]
        )
    return table(["width", "goal", f"{ours} engine", "goal", "through the service"], rows)


def _verdict(value: float, goal: float) -> str:
    return "" if value >= goal else " (missed)"


def engines(found: Found, *, images: Path) -> str:
    """Tabulate every side's time, and what follows from it, a table for each n."""
    sides = sides_of(found)
    ours = [name for name in sides if name != "plain"]
    trainers = [name for name in sides if name in found["engines"]]
    head = ["width", *(f"{NAMES[name]}, µs" for name in sides)]
    head += [f"ratio: {name}" for name in ours] + [f"peak: {name}" for name in trainers]
    parts = [f"![Speed against width]({images / 'bench-speed.png'})"]
    for n in sorted({row["n"] for row in found["rows"]}):
        rows = [
            _engine_row(row, sides, trainers, found["peak"]["all_threads"])
            for row in found["rows"]
            if row["n"] == n
        ]
        parts.append(f"n = {n}:\n\n{table(head, rows)}")
    spreads = [
        (side["seconds"]["high"] - side["seconds"]["low"]) / side["seconds"]["median"]
        for row in found["rows"]
        for side in row["sides"].values()
    ]
    middle = sorted(spreads)[len(spreads) // 2]
    parts.append(
        f"Slowest and fastest round of a figure differ by {middle:.0%} of it in the middle and by "
        f"{max(spreads):.0%} at most. {provenance(found)}"
    )
    return "\n\n".join(parts)


def _engine_row(row: Found, sides: list[str], trainers: list[str], peak: float) -> list[str]:
    measured = {name: row["sides"].get(name) for name in sides}
    times = [figures(one["seconds"]["median"] * 1e6) if one else "" for one in measured.values()]
    if measured.get("vmap"):
        times[sides.index("vmap")] += f" ({measured['vmap']['runs']} runs)"
    ratios = [figures(one["ratio"]) if one else "" for name, one in measured.items() if name != "plain"]
    shares = [f"{row['sides'][name]['flops_per_second'] / peak:.1%}" for name in trainers]
    return [thousands(row["width"]), *times, *ratios, *shares]


def networks(found: Found, *, images: Path) -> str:
    """Tabulate networks on tables beside the plain loop."""
    del images
    rows = [
        [
            thousands(row["width"]),
            row["optimizer"],
            str(row["runs"]),
            *(figures(row["seconds"][side]["median"] * 1e6) for side in ("plain", "engine")),
            f"{row['ratio']:.3g}",
        ]
        for row in found["rows"]
    ]
    spread = max(
        seconds["high"] / seconds["low"] - 1 for row in found["rows"] for seconds in row["seconds"].values()
    )
    head = ["width", "optimizer", "runs", "plain loop, µs", "engine, µs", "ratio"]
    told = f"Slowest and fastest round of a figure differ by {spread:.0%} at most."
    return f"{table(head, rows)}\n\n{told} {provenance(found)}"


def scaling(found: Found, *, images: Path) -> str:
    """Tabulate the lines and the memory of each axis."""
    rows = []
    for name, axis in found["axes"].items():
        points, line = axis["points"], axis["fit"]
        unit, label = (1e6, "µs") if axis["per_step"] else (1.0, "s")
        memory = [max(point["memory_mib"], 0.0) for point in points]
        rows.append(
            [
                name,
                axis["fixed"],
                f"{thousands(points[0]['value'])} to {thousands(points[-1]['value'])}",
                f"{figures(points[0]['cost'] * unit)} to {figures(points[-1]['cost'] * unit)} {label}",
                f"{line['deviation']:.1%}",
                f"{line['r_squared']:.4f}",
                f"{memory[0]:.0f} to {memory[-1]:.0f} MiB",
            ]
        )
    head = ["quantity", "others", "from", "time", "off the line", "R²", "memory"]
    picture = f"![Cost and memory against width, samples, runs and steps]({images / 'bench-scaling.png'})"
    return f"{picture}\n\n{table(head, rows, left=2)}\n\n{found['engine']} engine. {provenance(found)}"


def service(found: Found, *, images: Path) -> str:
    """Tabulate experiments through the service beside the engine alone."""
    del images
    rows = []
    for row in found["rows"]:
        stages = row["stages"]
        alone, whole = row["engine_seconds"]["median"], row["service_seconds"]["median"]
        rows.append(
            [
                row["name"],
                thousands(row["runs"]),
                figures(row["steps"] / alone / 1e6),
                figures(row["steps"] / whole / 1e6),
                f"{row['speed_share']['median']:.0%}",
                f"{row['outside_share']['median']:.0%}",
                f"{figures(alone)} s",
                f"{figures(whole)} s",
                *(
                    f"{stages[stage]['median']:.1f} s"
                    for stage in ("until_started", "until_finished", "until_told")
                ),
            ]
        )
    head = [
        "experiment",
        "runs",
        "engine, 10⁶ run-steps/s",
        "service, 10⁶ run-steps/s",
        "speed left",
        "time outside the engine",
        "engine",
        "service",
        "waiting",
        "training",
        "telling",
    ]
    return f"{table(head, rows, left=1)}\n\n{found['engine']} engine. {provenance(found)}"


def answers(found: Found, *, images: Path) -> str:
    """Show how long success tables take, beside the goal."""
    del images
    rows = []
    for row in found["rows"]:
        seconds = row["seconds"]
        first, again, known, counting = (
            seconds[kind]["median"] for kind in ("first", "again", "known", "counting")
        )
        rows.append(
            [
                thousands(row["cells"]),
                thousands(row["runs"]),
                f"{figures(row['bytes'] / 1e3)} kB",
                *(f"{figures(value * 1e3)} ms" for value in (first, again, known, counting)),
                f"{figures(counting / first)} / {figures(counting / again)}",
            ]
        )
    head = ["cells", "runs", "answer", "first", "again", "known", "counting", "ratio: first / again"]
    goal = f"Goal: below {found['goal_seconds'] * 1e3:.0f} ms at the median."
    return f"{table(head, rows)}\n\n{goal} {provenance(found)}"


def figure1(found: Found, *, images: Path) -> str:
    """Show the picture and say what it took."""
    cells = SuccessTable.model_validate(found["table"]).cells
    most = thousands(found["spec"]["training"]["max_steps"])
    picture = f"![Success probability, 2-sparse and dense]({images / 'figure-1-left.png'})"
    work = f"{len(cells)} cells, {thousands(found['runs'])} runs of at most {most} steps"
    done = f"{thousands(found['steps'] / 1e6)} million steps in {found['seconds'] / 60:.1f} minutes"
    return f"{picture}\n\n{work}; {done} ({', '.join(found['engine'])} engine). {provenance(found)}"


def adaptive(found: Found, *, images: Path) -> str:
    """Set the runs that adaptive seeds took beside those of fixed designs."""
    del images
    rows = []
    for name, grid in found["grids"].items():
        told = grid["adaptive"]
        decided = [told[f"cells_{decision}"] for decision in ("above", "below", "undecided")]
        one_look = told["runs_one_look"] / told["runs_spent"]
        rows.append(
            [
                f"{name}, widths to {max(grid['spec']['grid']['width'])}",
                " / ".join(map(str, decided)),
                thousands(told["runs_spent"]),
                f"{thousands(told['runs_fixed'])} ({told['saving']:.1f}x)",
                f"{thousands(told['runs_one_look'])} ({one_look:.1f}x)",
                f"{grid['seconds']:.0f} s",
            ]
        )
    head = ["grid", "above / below / undecided", "runs", "same rule", "one look", "took"]
    fixed = found["grids"]["small"]["fixed"]
    beside = (
        f"The small grid with a fixed {thousands(fixed['runs'])} runs, trained as well "
        f"({fixed['seconds']:.0f} s): {fixed['cells_changed']} cells are decided otherwise."
    )
    return f"{table(head, rows, left=1)}\n\n{beside}\n\n{provenance(found)}"


def exports(found: Found, *, images: Path) -> str:
    """Set files of runs and curves beside pages of JSON."""
    del images
    pages = next(row for row in found["rows"] if row["format"] == "json")
    rows = [
        [
            row["what"],
            "JSON, by page" if row is pages else row["format"],
            thousands(row["rows"]),
            f"{figures(row['seconds'])} s",
            figures(row["rows_per_second"] / 1e3),
            f"{row['rows_per_second'] / pages['rows_per_second']:.1f}" if row["what"] == "runs" else "",
            f"{figures(row['bytes'] / 1e6)} MB" if "bytes" in row else "",
            *(f"{max(row[side], 0):.0f} MiB" for side in ("server_mib", "client_mib")),
        ]
        for row in found["rows"]
    ]
    head = ["what", "as", "rows", "took", "10³ rows/s", "ratio", "file", "memory, server", "memory, client"]
    return f"{table(head, rows, left=2)}\n\n{provenance(found)}"


def paper_cells(found: Found, *, images: Path) -> str:
    """Set the paper's cells, 2-sparse and dense, beside an independent implementation's."""
    del images
    cells = {(row["width"], row["samples"], row["sparsity"]): row for row in found["rows"]}
    rows = []
    for width, samples in sorted({(width, samples) for width, samples, _ in cells}):
        line = [thousands(width), thousands(samples)]
        for sparsity in (2, None):
            row = cells.get((width, samples, sparsity))
            line += _counts(row)
        rows.append(line)
    head = ["width", "m", "s = 2: here / expected", "p", "dense: here / expected", "p"]
    return f"{table(head, rows)}\n\n{found['engine']} engine, {found['seconds']:.0f} s. {provenance(found)}"


def _counts(row: Found | None) -> list[str]:
    if row is None:
        return ["not measured", ""]
    if row["expected"] is None:
        return [f"{row['successes']} / not measured", ""]
    return [f"{row['successes']} / {row['expected']}", f"{row['p_value']:.2f}"]
