"""Metrics, for Prometheus."""

from __future__ import annotations

from fastapi import Request, Response

from service.api import documents
from service.api.routes import guarded_router
from service.api.state import AppState

router = guarded_router("", "health")


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Metrics as Prometheus reads them, or OpenMetrics where Accept names it.",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/openmetrics-text": {"schema": {"type": "string"}},
            },
        },
        **documents.problems(),
    },
)
def get_metrics(request: Request, state: AppState) -> Response:
    """Read the metrics of this process and of the database."""
    content, media_type = state.metrics.render(request.headers.get("accept", ""))
    return Response(content, headers={"Content-Type": media_type})
