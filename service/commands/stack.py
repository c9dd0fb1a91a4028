"""`tombola serve` and `tombola demo`: the whole stack in one command."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.commands import options
from tombola.cli._own_stack import Running
from tombola.cli._specs import check_preset

if TYPE_CHECKING:
    from service.settings import Settings
    from tombola import Client
    from worker.embedded import Stack


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=options.PANEL)(options.reporting(serve))
    app.command(rich_help_panel=options.PANEL)(options.reporting(demo))


def serve(
    host: options.Host = None,
    port: options.Port = None,
    data_dir: options.DataDir = None,
    device: options.Device = None,
    engine: options.Engine = None,
) -> None:
    """Run the whole stack here: API, one worker, sweeper and broker. Ctrl-C stops it.

    Unfinished experiments go on when it is started again on the same data folder.
    """
    from service.commands.processes import require_loopback_or_keys

    settings = options.settings(host=host, port=port, data_dir=data_dir, device=device, engine=engine)
    require_loopback_or_keys(settings)
    with _running(settings) as stack:
        typer.echo(f"Tombola is at {stack.url} (its API: {stack.url}/docs). Ctrl-C stops it.")
        try:
            stack.wait()
        except KeyboardInterrupt:
            typer.echo("Stopping: shards in training are given back.", err=True)


def demo(
    output_dir: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("demo-output"),
    preset: Annotated[
        str, typer.Option(help="Preset to run; `tombola presets` lists them.", callback=check_preset)
    ] = "quickstart",
) -> None:
    """Run a preset on a fresh stack: train it, print its table and frontier, draw its heatmap."""
    import tombola

    output_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tombola-demo-") as folder:
        settings = options.settings(port=0, data_dir=Path(folder), database_url="", host="127.0.0.1")
        with _running(settings, log_file=output_dir / "stack.log") as stack:
            typer.echo(f"The stack is up at {stack.url}; its log is {output_dir / 'stack.log'}.")
            try:
                with tombola.Client(stack.url, api_key=stack.admin_key) as client:
                    _run_preset(client, preset, output_dir)
            except tombola.TombolaError as error:
                options.fail(str(error), code=1)
            except KeyboardInterrupt:
                typer.echo("Interrupted; stopping the stack.", err=True)
                raise typer.Exit(130) from None
    typer.echo("The stack is stopped.")


def _run_preset(client: Client, preset: str, output_dir: Path) -> None:
    from tombola.cli.render import print_frontier, print_success_table

    spec, *others = client.presets.get(preset).specs
    if others:
        options.fail(f"{preset!r} has several experiments: tombola submit --preset {preset} --wait")
    started = time.monotonic()
    experiment = client.experiments.create(spec)
    typer.echo(f"Submitted {preset!r} as {experiment.id}: {spec.cell_count} cells, {spec.run_count} runs.")
    experiment = experiment.wait(progress=True)
    seconds = time.monotonic() - started
    print_success_table(experiment.success_table())
    for probability in (0.5, 0.9):
        typer.echo(f"\nFrontier: the least width and samples for a success probability of {probability}")
        print_frontier(experiment.frontier(probability))
    typer.echo("")
    pictures: tuple[Literal["png", "svg"], ...] = ("png", "svg")
    for suffix in pictures:
        path = output_dir / f"heatmap.{suffix}"
        path.write_bytes(experiment.heatmap(suffix))
        typer.echo(f"Wrote {path}")
    typer.echo(f"Trained {experiment.progress.runs_done} runs in {seconds:.1f} s.")


@contextmanager
def for_one_command(keep: bool) -> Iterator[Running]:  # noqa: FBT001  # as `_own_stack.Start` has it
    """Run a stack on loopback for a command: on the data of `tombola serve`, or on none that stay."""
    with tempfile.TemporaryDirectory(prefix="tombola-compare-") as folder:
        where = {} if keep else {"data_dir": Path(folder), "database_url": ""}
        settings = options.settings(port=0, host="127.0.0.1", **where)
        with _running(
            settings, log_file=(settings.data_dir if keep else Path(folder)) / "stack.log"
        ) as stack:
            yield Running(stack.url, stack.admin_key, str(settings.data_dir) if keep else None)


@contextmanager
def _running(settings: Settings, log_file: Path | None = None) -> Iterator[Stack]:
    """Run a stack; say in one line why it cannot start."""
    from worker.embedded import Stack, StackError, interrupt_on_sigterm

    interrupt_on_sigterm()
    try:
        with Stack(settings, log_file=log_file) as stack:
            yield stack
    except StackError as error:
        options.fail(str(error))
