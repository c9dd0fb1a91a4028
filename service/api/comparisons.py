"""Models against each other on tables: comparison, width frontier, what they read, and every run's scores."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.api import comparison_examples, conditional, documents, exporting, paging
from service.api.parameters import AskedConfidence, ExperimentId
from service.api.results import AskedTabularResults
from service.api.routes import guarded_router
from service.api.state import AppState, ReadSession
from service.api.tables import Probability
from service.lab.comparison import scores
from service.lab.comparison.scores import SCORES
from service.lab.comparison.table import COMPARISON, comparison_page
from tombola.results import Comparison, Contender, DryRun, Importances, Page, Score, WidthFrontier
from tombola.spec import ModelKind

router = guarded_router("/v1/experiments/{experiment_id}", "results")

Baseline = Annotated[
    Contender | SkipJsonSchema[None],
    Query(
        description="The model that others are compared with. By default the forest, else the first model; "
        "of networks alone those with a dense start."
    ),
]


@router.get(
    "/comparison",
    response_model=Comparison,
    responses={
        **exporting.documented(
            "The comparison in JSON. A file has a row for each data set, size and model.",
            COMPARISON,
            comparison_examples.COMPARISON,
            comparison_examples.COMPARISON_CSV,
            headers=documents.ETAG,
        ),
        **documents.not_modified(),
        **documents.problems(404, 406, 409),
    },
)
def get_comparison(  # noqa: PLR0913  # each is a part of the request
    request: Request,
    results: AskedTabularResults,
    *,
    baseline: Baseline = None,
    level: Annotated[
        float, Query(ge=0.5, lt=1, description="Confidence level of limits and of the critical difference.")
    ] = 0.95,
    trials: Annotated[
        Annotated[int, Field(ge=1, le=10_000)] | SkipJsonSchema[None],
        Query(description="Count so many hyperparameter settings of each model only."),
    ] = None,
    seconds: Annotated[
        Annotated[float, Field(gt=0, le=1e9)] | SkipJsonSchema[None],
        Query(description="Count so many core-seconds of each model's search, on each table and size, only."),
    ] = None,
    file_format: exporting.AskedFormat = None,
) -> Response:
    """Compare the models of an experiment on tables: accuracies, differences to the baseline, tests, ranks.

    Which candidate of a model counts is chosen on validation rows. Sizes of data sets that do not have all
    their runs yet are left out.
    """
    wanted = exporting.wanted(request, file_format)

    def make(session: Session, experiment_id: str) -> Comparison:
        from service.lab.comparison.compose import comparison  # noqa: PLC0415  # numpy and scipy load with it
        from service.lab.comparison.trials import Budget  # noqa: PLC0415  # as above

        return comparison(
            session, experiment_id, baseline=baseline, level=level, budget=Budget(trials, seconds)
        )

    return exporting.kept(results, wanted, "comparison", COMPARISON, make, comparison_page)


@router.get(
    "/comparison/frontier",
    response_model=WidthFrontier,
    responses={
        **documents.ok(comparison_examples.WIDTH_FRONTIER, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404, 409),
    },
)
def get_width_frontier(
    results: AskedTabularResults,
    confidence: AskedConfidence,
    *,
    probability: Probability = 0.5,
    against: Annotated[
        Literal["same", "full"],
        Query(description="Be as good as the baseline of the same size, or as that of the largest one."),
    ] = "same",
    baseline: Baseline = None,
) -> Response:
    """Read how much width and data networks need to be as good as the baseline, data set by data set."""

    def make(session: Session, experiment_id: str) -> WidthFrontier:
        from service.lab.comparison.networks import width_frontier  # noqa: PLC0415  # numpy loads with it

        return width_frontier(
            session,
            experiment_id,
            probability=probability,
            against=against,
            baseline=baseline,
            confidence=confidence.for_fixed_runs(),
        )

    return results.answer(make)


@router.get(
    "/importance",
    response_model=Importances,
    responses={
        **documents.ok(comparison_examples.IMPORTANCES, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404, 409),
    },
)
def get_importance(results: AskedTabularResults) -> Response:
    """Read what the models read of each column, side by side; the experiment must have asked for it."""

    def make(session: Session, experiment_id: str) -> Importances:
        from service.lab.comparison.importance import importances  # noqa: PLC0415  # numpy loads with it

        return importances(session, experiment_id)

    return results.answer(make)


@router.get(
    "/importance/plan",
    response_model=DryRun,
    responses={
        **documents.ok(comparison_examples.IMPORTANCE_PLAN, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404, 409),
    },
)
def get_importance_plan(
    request: Request, experiment_id: ExperimentId, state: AppState, session: ReadSession
) -> Response:
    """Plan a small experiment that shows what the winning networks and the forest of a comparison read.

    The candidates that were chosen most often at the largest size are trained again, with
    `"importance": true`. The answer's `spec` is what to submit.
    """
    from service.lab.comparison.reading import reading  # noqa: PLC0415  # numpy loads with it

    spec = reading(session, experiment_id)
    return conditional.json_answer(request, DryRun(quote=state.lab.quote(session, spec), spec=spec))


@router.get(
    "/scores",
    response_model=Page[Score],
    responses={
        **exporting.documented(
            "A page of scores in JSON; all of them in a file, their hyperparameters as JSON text.",
            SCORES,
            comparison_examples.SCORES,
            comparison_examples.SCORES_CSV,
        ),
        **documents.problems(404, 406, 409),
    },
)
def list_scores(  # noqa: PLR0913, PLR0917  # each is a part of the request
    request: Request,
    experiment_id: ExperimentId,
    state: AppState,
    session: ReadSession,
    dataset: Annotated[
        Annotated[str, Field(min_length=1, max_length=100)] | SkipJsonSchema[None],
        Query(description="Runs on this data set only: its name or id."),
    ] = None,
    model: Annotated[ModelKind | SkipJsonSchema[None], Query(description="Runs of this model only.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Runs on a page of JSON.")] = 100,
    cursor: paging.Cursor = None,
    file_format: exporting.AskedFormat = None,
) -> Response:
    """List what finished runs on tables scored, by cell and seed, as `list_runs` lists those of a parity."""
    wanted = exporting.wanted(request, file_format)
    after = paging.run_before(cursor)
    which = scores.Wanted(dataset, model)
    if wanted != "json":
        scores.check(session, experiment_id, which)
        pages = scores.score_pages(state.database, experiment_id, which)
        return exporting.stream(request, wanted, f"{experiment_id}-scores", SCORES, pages)
    found = scores.score_page(session, experiment_id, which, limit + 1, after)
    shown = found[:limit]
    more = paging.after_run(shown[-1][0], shown[-1][1].seed) if len(found) > limit else None
    page = Page[Score](items=[score for _, score in shown], next_cursor=more)
    return Response(page.model_dump_json(), headers=exporting.VARY, media_type="application/json")
