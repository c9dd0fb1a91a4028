"""Results of one experiment: made once for each question as long as the experiment does not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from service.api import conditional
from service.api.kept import Kept, Key
from service.api.parameters import ExperimentId
from service.api.state import AppState, ReadSession
from service.lab import answers
from service.lab.answers import Kind

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one experiment, as a request asks for them; they depend on nothing else in the store.

    Attributes:
        of: What the experiment must be on.
    """

    request: Request
    experiment_id: str
    session: Session
    kept: Kept
    of: Kind = "parity"

    def answer(
        self,
        make: Callable[[Session, str], BaseModel | bytes],
        *,
        media_type: str = _JSON,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return what `make` gives, with its ETag, or what it gave before.

        Args:
            make: Makes the answer from a session and the experiment's id: a model to be sent as JSON, or
                the bytes of another media type.
            media_type: Of the answer.
            headers: More headers.

        Raises:
            UnknownExperiment: No such experiment.
            WrongKind: It is on something else.
        """

        def content() -> bytes:
            made = make(self.session, self.experiment_id)
            return made if isinstance(made, bytes) else made.model_dump_json().encode()

        version = answers.of_kind(self.session, self.experiment_id, self.of).version
        body = self.kept.get(Key(str(self.request.url), media_type, version), content)
        return conditional.respond(self.request, body, media_type, headers=headers)


def _results(of: Kind) -> Callable[[Request, ExperimentId, ReadSession, AppState], Results]:
    def asked(
        request: Request, experiment_id: ExperimentId, session: ReadSession, state: AppState
    ) -> Results:
        return Results(request, experiment_id, session, state.kept, of)

    return asked


#: Of an experiment on a parity, and on tables; the other kind is answered 409.
AskedResults = Annotated[Results, Depends(_results("parity"), scope="function")]
AskedTabularResults = Annotated[Results, Depends(_results("tabular"), scope="function")]
