"""Calls that read presets, and what is submitted of one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from tombola._client.calls._base import Call, as_items, as_model, segment
from tombola._client.calls._experiments import as_spec, checked_key
from tombola.results import Preset, PresetQuote, Scale
from tombola.spec import AnySpec


def list_presets() -> Call[list[Preset]]:
    """Ask for the ready experiments, each at its smallest scale."""
    return Call("GET", "/v1/presets", as_items(Preset))


def get_preset(name: str, scale: Scale | str | None) -> Call[Preset]:
    """Ask for one preset; its name may hold slashes."""
    return Call("GET", _path(name), as_model(Preset), params=_params(scale))


def preset_quote(name: str, scale: Scale | str | None) -> Call[PresetQuote]:
    """Ask what one preset costs."""
    return Call("GET", f"{_path(name)}/quote", as_model(PresetQuote), params=_params(scale))


def submissions(preset: Preset, rename: str | None, idempotency_key: str | None) -> list[tuple[AnySpec, str]]:
    """Return each experiment of a preset with the idempotency key to submit it under.

    Args:
        preset: What to submit.
        rename: As in `renamed`.
        idempotency_key: The same key gives the same experiments; else a fresh one is used.

    Raises:
        InvalidSpec: `rename` cannot be a name.
        ValueError: The key cannot stand in a header.
    """
    key = str(uuid.uuid4()) if idempotency_key is None else checked_key(idempotency_key)
    specs = renamed(preset.name, preset.specs, rename)
    if len(specs) == 1:
        return [(specs[0], key)]
    # Made from the key, not the key with an ending: the longest one has no room for it.
    return [(spec, str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key} {at}"))) for at, spec in enumerate(specs)]


def renamed(preset_name: str, specs: Sequence[AnySpec], name: str | None) -> list[AnySpec]:
    """Return the experiments of a preset under another name; of several, each keeps what sets it apart.

    Raises:
        InvalidSpec: It cannot be a name.
    """
    if name is None:
        return list(specs)
    endings = [spec.name.removeprefix(preset_name) for spec in specs] if len(specs) > 1 else [""]
    return [
        as_spec(spec.model_dump(mode="json") | {"name": name + ending})
        for spec, ending in zip(specs, endings, strict=True)
    ]


def _path(name: str) -> str:
    return "/v1/presets/" + "/".join(segment(part, f"preset name {name!r}") for part in name.split("/"))


def _params(scale: Scale | str | None) -> dict[str, str]:
    return {} if scale is None else {"scale": str(scale)}
