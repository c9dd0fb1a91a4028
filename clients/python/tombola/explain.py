"""What is wrong with a spec, in words: the same for what the client refuses and for what the server does."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from tombola.results import ProblemPart
from tombola.spec import AnySpec

__all__ = ["describe", "pointer_to", "problem_parts"]

_EXPECTED = "Input should be "
_SHOWN = 60


def problem_parts(error: ValidationError, document: object) -> list[ProblemPart]:
    """Return what pydantic found in a spec, one part per field, in the order of the fields.

    Args:
        error: What pydantic raised for the document.
        document: The spec as plain JSON values.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for item in error.errors(include_url=False):
        # Rules over several fields name the one that is wrong, from where they stand.
        pointer = pointer_to(item["loc"], document, item["type"]) + item.get("ctx", {}).get("pointer", "")
        found.setdefault(pointer, []).append(item)
    return [ProblemPart(pointer=pointer, detail=describe(items)) for pointer, items in found.items()]


def pointer_to(loc: Sequence[str | int], document: Any, kind: str) -> str:  # noqa: ANN401  # any JSON value
    """Return the JSON pointer (RFC 6901) of an error's place.

    Args:
        loc: The place as pydantic has it; for a union the names of its branches follow the field's.
        document: The whole value, which tells fields and branches apart.
        kind: Type of the error; a missing field is not in the document.
    """
    pointer, value = "", document
    for number, step in enumerate(loc, 1):
        absent = kind == "missing" and number == len(loc)
        if isinstance(value, dict) and (step in value or absent):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:  # the branch of a union
            continue
        pointer += "/" + str(step).replace("~", "~0").replace("/", "~1")
    return pointer


def describe(items: Sequence[Mapping[str, Any]]) -> str:
    """Say what is wrong with one field, and what would be right.

    Args:
        items: Pydantic's errors of the field, with `loc` inside the spec; a union has one for each branch.
    """
    expected = dict.fromkeys(phrase for item in items if (phrase := _expected(item)) is not None)
    said = [_sentence(item) for item in items if _expected(item) is None]
    if expected:
        said.insert(0, f"must be {' or '.join(expected)}{_instead(items[0]['input'])}")
    return "; ".join(dict.fromkeys(said))


def _expected(item: Mapping[str, Any]) -> str | None:
    """Return what a value should be, where the error is of that kind; pydantic's words are Python's."""
    match item["type"]:
        case "model_attributes_type" | "model_type" | "dict_type":
            return "a JSON object"
        case "none_required":
            return "null"
        case _ if item["msg"].startswith(_EXPECTED):
            return str(item["msg"]).removeprefix(_EXPECTED).partition(", unable")[0]
        case _:
            return None


def _sentence(item: Mapping[str, Any]) -> str:
    match item["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return f"is unknown; the fields here are {', '.join(_fields_beside(item['loc']))}"
        case "union_tag_invalid" | "union_tag_not_found":
            known = item["ctx"].get("expected_tags", "").replace("'", "")
            return f"must have a kind{' that is one of ' if known else ''}{known}"
        case "string_too_short" | "too_short" if item["ctx"]["min_length"] == 1:
            return "must not be empty"
        case "string_too_long" | "too_long":
            unit = "characters" if item["type"] == "string_too_long" else "values"
            return f"must have at most {item['ctx']['max_length']} {unit}"
        case _:
            return str(item["msg"])


def _fields_beside(loc: Sequence[str | int]) -> list[str]:
    """Return the names of the fields where an unknown one stands."""
    here: Any = AnySpec
    for step in loc[:-1]:
        here = _within(_bare(here), step)
    model = _bare(here)
    return list(model.model_fields) if _is_model(model) else []


def _within(here: Any, step: str | int) -> Any:  # noqa: ANN401  # any type
    """Return the type of what stands at a step of pydantic's, in a value of the type `here`."""
    if _is_model(here):
        return here.model_fields[step].annotation
    members = get_args(here)
    if get_origin(here) is list:
        return members[0]
    return next((member for member in members if step in _tags(member)), here)


def _tags(member: Any) -> list[Any]:  # noqa: ANN401  # any type
    """Return how pydantic calls a member of a union."""
    given = [tag.tag for tag in get_args(member) if isinstance(tag, Tag)]
    model = _bare(member)
    return given or (list(get_args(model.model_fields["kind"].annotation)) if _is_model(model) else [])


def _bare(annotation: Any) -> Any:  # noqa: ANN401  # any type
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_model(annotation: Any) -> bool:  # noqa: ANN401  # any type
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _instead(value: Any) -> str:  # noqa: ANN401  # any JSON value
    """Show a value that JSON can say in a few characters."""
    if isinstance(value, list):
        return ", not a list"
    if isinstance(value, dict):
        return ", not an object"
    if isinstance(value, float) and not math.isfinite(value):
        return ", not NaN" if math.isnan(value) else ", not infinite"
    if isinstance(value, str):
        value = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    elif isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return f", not a number of more than {_SHOWN} digits"
    elif not isinstance(value, int | float | None):
        return ""
    return f", not {json.dumps(value)}"
