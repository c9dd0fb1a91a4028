"""The configurations that an experiment asks for, whatever it is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from service.lab.tabular import expansion
from service.store import configurations
from service.store.models import Cell, Experiment
from tombola.spec import AnyConfiguration, AnySpec, ExperimentSpec, spec_of


def by_hash(session: Session, spec: AnySpec) -> dict[str, AnyConfiguration]:
    """Return the configurations of a spec in the order of its cells, which all differ.

    Raises:
        BadSpec: It does not fit the data sets in the store.
    """
    found: Sequence[AnyConfiguration] = (
        spec.configurations() if isinstance(spec, ExperimentSpec) else expansion.expand(session, spec)
    )
    return {item.hash(): item for item in found}


def of_cells(
    session: Session, experiment: Experiment, cells: Sequence[Cell]
) -> Mapping[int, AnyConfiguration]:
    """Return the configurations of some cells of a stored experiment, by their ids.

    Those of a parity follow from the spec. Those on tables depend on data sets, which may be gone.
    """
    spec = spec_of(experiment.spec)
    if isinstance(spec, ExperimentSpec):
        found = spec.configurations()
        return {cell.configuration_id: found[cell.position] for cell in cells}
    return configurations.load(session, [cell.configuration_id for cell in cells])
