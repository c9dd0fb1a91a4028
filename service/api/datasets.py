"""Data sets: bring tables, have them imported, list, read, take back, delete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Annotated, Any, Literal, cast

from fastapi import BackgroundTasks, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError
from starlette.concurrency import run_in_threadpool

from service.api import conditional, dataset_examples, documents, negotiation, paging, uploads
from service.api.parameters import ID_PATTERN
from service.api.problems import ProblemError
from service.api.routes import guarded_router, read_json
from service.api.state import AppState, ReadSession, State, WriteSession
from service.lab.datasets import files, importing, storing
from service.lab.datasets.columnar import to_csv
from service.lab.datasets.files import File
from service.lab.datasets.storing import About
from service.lab.datasets.table import Asked
from service.lab.errors import TableTooLarge, UnknownDataset, UnknownImport
from service.settings import Settings
from service.store import datasets
from service.store.database import Database
from tombola.results import Dataset, DatasetImport, ImportRequest, Page, ProblemPart

router = guarded_router("/v1/datasets", "data sets")

_NAME_OR_ID = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_SHOWN = 64
_REQUEST: TypeAdapter[ImportRequest] = TypeAdapter(ImportRequest)
_DATA_TYPES = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv"}
DataFormat = Literal["parquet", "csv"]


def _free_name(name: str) -> str:
    if re.fullmatch(_NAME_OR_ID, name) is None:
        raise PydanticCustomError(
            "name",
            "must be 1 to 100 letters, digits, dots, dashes and underscores, the first a letter or digit, "
            "not {given}",
            {"given": repr(name)[:_SHOWN]},
        )
    if re.fullmatch(storing.NAME_PATTERN, name) is None:
        raise PydanticCustomError("name", "is not to be had: it would be taken for an id or a path")
    return name


def _dataset_key(
    dataset: Annotated[
        str,
        Path(
            description="Id or name of the data set.",
            json_schema_extra={"pattern": _NAME_OR_ID, "example": "titanic"},
        ),
    ],
) -> str:
    if re.fullmatch(_NAME_OR_ID, dataset) is None:
        raise UnknownDataset(dataset[:_SHOWN])
    return dataset


def _import_id(
    import_id: Annotated[
        str,
        Path(
            description="Id of the import.",
            json_schema_extra={"pattern": ID_PATTERN, "example": "01JD0M3X8Z6T4Q2W9V5K7N1R3P"},
        ),
    ],
) -> str:
    if re.fullmatch(ID_PATTERN, import_id) is None:
        raise UnknownImport(import_id[:_SHOWN])
    return import_id


DatasetKey = Annotated[str, Depends(_dataset_key)]
ImportId = Annotated[str, Depends(_import_id)]
Note = Annotated[str, Field(min_length=1, max_length=500, pattern="^[^\\x00]*$")] | SkipJsonSchema[None]
_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "Path of what is there now."}}
_NAME = Annotated[
    Annotated[str, Field(json_schema_extra={"pattern": _NAME_OR_ID}), AfterValidator(_free_name)]
    | SkipJsonSchema[None],
    Query(description="Of a table: what it is called; no other table has the name.", examples=["titanic"]),
]


class _Said:
    """What the query says of a table."""

    def __init__(  # noqa: PLR0913, PLR0917  # each is a part of the request
        self,
        name: _NAME = None,
        target: uploads.Target = None,
        categorical: uploads.Categorical = "auto",
        delimiter: uploads.AskedDelimiter = None,
        licence: Annotated[Note, Query(description="Of a table: under which it may be used.")] = None,
        source: Annotated[Note, Query(description="Of a table: where it comes from.")] = None,
        *,
        dry_run: Annotated[
            bool, Query(description="Of a table: check and describe it only; nothing is stored.")
        ] = False,
    ) -> None:
        self.name, self.target, self.categorical = name, target, categorical
        self.delimiter, self.licence, self.source, self.dry_run = delimiter, licence, source, dry_run

    def of_table(self) -> tuple[Asked, About]:
        """Return what is said; raises ProblemError where it is too little."""
        if self.name is None or self.target is None:
            needs = {"name": "what it is called", "target": "the name of the column with the classes"}
            errors = [
                ProblemPart(parameter=name, detail=f"a table comes with `{name}`, {what}")
                for name, what in needs.items()
                if getattr(self, name) is None
            ]
            raise ProblemError(422, "the table lacks a part; see `errors`", errors=errors)
        asked = Asked(self.target.strip(), uploads.listed(self.categorical))
        return asked, About(self.name, self.licence, self.source)


_CREATED: documents.Responses = {
    **documents.ok(dataset_examples.DATASET, description="There already; or with `dry_run`, not stored."),
    201: {
        "model": Dataset,
        **documents.ok(dataset_examples.DATASET, status=201, description="Stored.", headers=_LOCATION)[201],
    },
    202: {
        "model": DatasetImport,
        **documents.ok(
            dataset_examples.IMPORT, status=202, description="A worker imports it.", headers=_LOCATION
        )[202],
    },
    **documents.problems(400, 409, 413, 415),
}


@router.post(
    "",
    response_model=Dataset,
    responses=_CREATED,
    openapi_extra=uploads.documented(documents.union(_REQUEST)),
)
async def create_dataset(
    request: Request, state: AppState, background: BackgroundTasks, said: Annotated[_Said, Depends()]
) -> Response:
    """Bring a table, as a file in the body; or ask in JSON for an import.

    Rows and columns are checked, described and stored once, whatever the file's format: the same table again
    is answered with 200. Nothing is imputed, encoded or scaled: that is done in training, inside the folds.
    """
    kind = uploads.sent(request)
    if kind is None:
        answer = await _begin_import(request, state)
        background.add_task(state.ring_imports)
        return answer
    asked, about = said.of_table()
    async with uploads.on_disk(request, kind, said.delimiter) as file:
        described, new = await run_in_threadpool(_take, state, file, asked, about, dry_run=said.dry_run)
    headers = {} if said.dry_run else {"Location": f"{router.prefix}/{described.id}"}
    return conditional.json_answer(request, described, status=201 if new else 200, headers=headers)


def _take(state: State, file: File, asked: Asked, about: About, *, dry_run: bool) -> tuple[Dataset, bool]:
    table = files.read(file, asked, state.settings.max_dataset_bytes)
    prepared = storing.prepare(table, about)
    if dry_run:
        return prepared.described, False
    with state.database.write() as session:
        return storing.store(session, prepared)


async def _begin_import(request: Request, state: State) -> Response:
    unused = sorted(request.query_params)
    if unused:
        errors = [
            ProblemPart(parameter=name, detail="goes with a table, not with an import") for name in unused
        ]
        raise ProblemError(422, "an import takes no parameters; see `errors`", errors=errors)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > state.settings.max_body_bytes:
            raise ProblemError(413, f"a body of JSON has at most {state.settings.max_body_bytes} bytes")
    if not body:
        raise ProblemError(400, "the body is empty; send a JSON object")
    document = read_json(body)
    try:
        wanted = _REQUEST.validate_python(document)
    except ValidationError as error:
        found = [_said_of_import(dict(item)) for item in error.errors(include_url=False)]
        raise RequestValidationError(found, body=document) from None
    begun = await run_in_threadpool(_submit, state.database, wanted)
    headers = {"Location": f"{router.prefix}/imports/{begun.id}"}
    return conditional.json_answer(request, begun, status=202, headers=headers)


def _said_of_import(item: dict[str, Any]) -> dict[str, Any]:
    """Return pydantic's error with its place in the body, and in words where pydantic's are of unions."""
    match item["type"]:
        case "union_tag_not_found":
            item |= {"type": "missing", "ctx": {"pointer": "/source"}}
        case "union_tag_invalid":
            item |= {"msg": f"Input should be {item['ctx']['expected_tags']}", "ctx": {"pointer": "/source"}}
            item["input"] = item["input"]["source"]
        case "extra_forbidden":
            name = "name" if item["loc"][0] == "sklearn" else "id"
            item |= {"type": "value_error", "msg": f"is unknown; the fields here are source and {name}"}
    return {**item, "loc": ("body", *item["loc"])}


def _submit(database: Database, wanted: ImportRequest) -> DatasetImport:
    with database.write() as session:
        return importing.answer(session, importing.submit(session, wanted).id)


@router.get(
    "",
    response_model=Page[Dataset],
    responses={
        **documents.ok(dataset_examples.DATASETS, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(),
    },
)
def list_datasets(
    request: Request,
    session: ReadSession,
    limit: Annotated[int, Query(ge=1, le=200, description="Data sets on a page.")] = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """List data sets by name, without their profiles."""
    rows = datasets.page(session, limit=limit + 1, after=paging.dataset_before(cursor))
    shown = [storing.answer(row, with_profile=False) for row in rows[:limit]]
    more = paging.after_dataset(shown[-1].name) if len(rows) > limit else None
    return conditional.json_answer(request, Page[Dataset](items=shown, next_cursor=more))


@router.get(
    "/imports/{import_id}",
    response_model=DatasetImport,
    responses={
        **documents.ok(dataset_examples.IMPORT, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404),
    },
)
def get_import(request: Request, import_id: ImportId, session: ReadSession) -> Response:
    """Read where an import is, and what became of each of its data sets."""
    return conditional.json_answer(request, importing.answer(session, import_id))


@router.get(
    "/{dataset}",
    response_model=Dataset,
    responses={
        **documents.ok(dataset_examples.DATASET, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404),
    },
)
def get_dataset(request: Request, dataset: DatasetKey, session: ReadSession) -> Response:
    """Read what is known of a data set, by its id or its name."""
    return conditional.json_answer(request, storing.answer(storing.known(session, dataset)))


@router.get(
    "/{dataset}/data",
    response_class=Response,
    responses={
        200: {
            "description": "The table. In CSV missing values are empty, and categories are plain text.",
            "headers": {**documents.ETAG, "Content-Disposition": {"schema": {"type": "string"}}},
            "content": {
                _DATA_TYPES["parquet"]: {"schema": {"type": "string", "format": "binary"}},
                _DATA_TYPES["csv"]: {"schema": {"type": "string"}},
            },
        },
        **documents.not_modified(),
        **documents.problems(404, 406),
    },
)
def get_data(
    request: Request,
    dataset: DatasetKey,
    state: AppState,
    session: ReadSession,
    file_format: Annotated[
        DataFormat | SkipJsonSchema[None], Query(alias="format", description="Goes before the Accept header.")
    ] = None,
) -> Response:
    """Take the table of a data set back, as Parquet or CSV."""
    wanted = file_format or _accepted(request)
    row = storing.known(session, dataset)
    headers = {"Vary": "Accept", "Content-Disposition": f'attachment; filename="{row.name}.{wanted}"'}
    if wanted == "csv":
        return conditional.answer(
            request, to_csv(storing.load(session, row.id)), _DATA_TYPES["csv"], headers=headers
        )
    etag = f'"{row.checksum[:32]}"'
    if (unchanged := conditional.not_modified(request, etag, headers)) is not None:
        return unchanged
    headers = conditional.tagged(etag, headers) | {"Content-Length": str(row.size)}
    # To nobody who listens nothing is read.
    body: Any = () if request.scope.get("tombola.method") == "HEAD" else _parts(state.database, row.id)
    return StreamingResponse(body, headers=headers, media_type=_DATA_TYPES["parquet"])


def _accepted(request: Request) -> DataFormat:
    accept = request.headers.get("accept")
    media_type = negotiation.best(accept, tuple(_DATA_TYPES.values()))
    for name, offered in _DATA_TYPES.items():
        if offered == media_type:
            return cast("DataFormat", name)
    raise ProblemError(406, f"a table comes as {' or '.join(_DATA_TYPES.values())}, and Accept is {accept!r}")


def _parts(database: Database, dataset_id: str) -> Iterator[bytes]:
    """Yield a file in parts, each from a short transaction; one that is deleted meanwhile breaks off."""
    for number in count():
        with database.read() as session:
            part = datasets.part(session, dataset_id, number)
        if part is None:
            return
        yield part


@router.delete("/{dataset}", status_code=204, response_class=Response, responses=documents.problems(404, 409))
def delete_dataset(dataset: DatasetKey, session: WriteSession) -> None:
    """Forget a data set that no unfinished experiment needs; finished runs on it stay."""
    storing.delete(session, dataset)


def body_limits(settings: Settings) -> dict[str, tuple[int, str]]:
    """Return the paths that take larger bodies than others: how large, and what is said of larger ones."""
    return {router.prefix: (settings.max_dataset_bytes, str(TableTooLarge(settings.max_dataset_bytes)))}
