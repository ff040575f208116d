"""The API as a table: paths, what they take and what they answer. Routes and the OpenAPI document are made from it."""

from http import HTTPStatus

from edgeall.serving import types
from edgeall.values import dataclass

TOO_EARLY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.MISDIRECTED_REQUEST)
"""Statuses that the guard gives, whatever the path."""
OF_UPLOADS = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)
OF_RECORDED = (
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
OF_QUESTIONS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True)
class Operation:
    """One operation of the API.

    Attributes:
        name: of the method of `Handlers` that answers it.
        query: type of its parameters; None: none.
        takes_picture: its body is a picture's bytes.
        answers: type of its JSON answer, or the media type of another.
        refusals: statuses of refusals beside those of the guard and of wrong parameters.
        in_path: names of whole numbers in its path.
    """

    method: str
    path: str
    name: str
    summary: str
    answers: type | str
    query: type | None = None
    takes_picture: bool = False
    refusals: tuple[HTTPStatus, ...] = ()
    in_path: tuple[str, ...] = ()


OPERATIONS = (
    Operation(
        "GET",
        "/api/station",
        "station",
        "What answers here, and how it decides",
        types.Station,
        refusals=OF_QUESTIONS,
    ),
    Operation(
        "POST",
        "/api/pictures",
        "decide",
        "Decide a picture, and record the answer",
        types.Decided,
        types.Named,
        True,
        OF_UPLOADS,
    ),
    Operation(
        "POST",
        "/api/previews",
        "preview",
        "A picture as a JPEG, for browsers that do not show its format; nothing is recorded",
        "image/jpeg",
        types.Named,
        True,
        OF_UPLOADS,
    ),
    Operation(
        "GET",
        "/api/pictures/{seq}/preview",
        "recorded",
        "A picture of the watched folder as a JPEG, while its file is there and unchanged",
        "image/jpeg",
        refusals=OF_RECORDED,
        in_path=("seq",),
    ),
    Operation(
        "POST",
        "/api/explanations",
        "explain",
        "Which parts of a picture the answer rests on; nothing is recorded",
        types.Explanation,
        types.Named,
        True,
        OF_UPLOADS,
    ),
    Operation(
        "GET",
        "/api/pictures/{seq}/explanation",
        "explain_recorded",
        "As /api/explanations, of a picture of the watched folder, while its file is there and unchanged",
        types.Explanation,
        refusals=OF_RECORDED,
        in_path=("seq",),
    ),
    Operation(
        "GET",
        "/api/history",
        "history",
        "Pictures in the log, the latest first",
        types.History,
        types.Search,
        refusals=OF_QUESTIONS,
    ),
    Operation(
        "GET",
        "/api/history.csv",
        "csv",
        "As /api/history, all that is found, as CSV",
        "text/csv",
        types.Search,
        refusals=OF_QUESTIONS,
    ),
    Operation(
        "GET",
        "/api/summary",
        "summary",
        "Counts by folder (slide) or person, with intervals",
        types.Summary,
        types.Grouped,
        refusals=OF_QUESTIONS,
    ),
    Operation(
        "GET",
        "/api/live",
        "live",
        "Pictures as they are recorded: server-sent events",
        "text/event-stream",
        types.After,
        refusals=OF_QUESTIONS,
    ),
    Operation("GET", "/healthz", "health", "Whether the server answers", types.Health),
    Operation("GET", "/metrics", "metrics", "Numbers for Prometheus", "text/plain"),
)
