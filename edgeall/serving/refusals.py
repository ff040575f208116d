"""Refusals of requests: a status of HTTP and one sentence."""

import math
from http import HTTPStatus

import msgspec
from starlette.responses import Response


class Refusal(Exception):
    """A request is not answered.

    Attributes:
        status: of HTTP.
        again: seconds after which the same request can be tried again; None where that does not help.
    """

    def __init__(self, status: HTTPStatus, sentence: str, again: float | None = None) -> None:
        super().__init__(sentence)
        self.status, self.again = status, again


def response_to(refusal: Refusal) -> Response:
    """The JSON document {"error": sentence}."""
    headers = {} if refusal.again is None else {"Retry-After": str(math.ceil(refusal.again))}
    return json_response({"error": str(refusal)}, refusal.status, headers)


def json_response(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Response(
        msgspec.json.encode(document), status_code=status, headers=headers, media_type="application/json"
    )
