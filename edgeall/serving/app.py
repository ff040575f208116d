"""The application: routes of the API and the page, behind the guard."""

from collections.abc import Collection
from functools import partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgeall.serving.entering import Entrance
from edgeall.serving.files import PageFile, page_files
from edgeall.serving.guard import Guard
from edgeall.serving.handlers import Handlers
from edgeall.serving.numbers import REFUSALS
from edgeall.serving.operations import OPERATIONS
from edgeall.serving.refusals import Refusal, json_response, response_to


def application(handlers: Handlers, *, names: Collection[str], local: bool, token: str | None) -> ASGIApp:
    """The ASGI application; see `Guard` for the arguments."""
    entrance = Entrance(token)

    def count(status: int) -> None:
        handlers.numbers.add(REFUSALS, status=str(int(status)))

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        count(error.status)
        return response_to(error)

    async def refuse_path(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        count(error.status_code)
        sentence = _SENTENCES.get(error.status_code, error.detail)
        return json_response({"error": sentence}, error.status_code, dict(error.headers or {}))

    async def vanished(request: Request, error: Exception) -> Response:
        return Response(status_code=499)

    async def fail(request: Request, error: Exception) -> Response:
        count(HTTPStatus.INTERNAL_SERVER_ERROR)
        return json_response(
            {"error": "edgeall failed: look where edgeall serve was started"},
            HTTPStatus.INTERNAL_SERVER_ERROR,
        )

    routes = [
        Route(each.path, getattr(handlers, each.name), methods=[each.method], name=each.name)
        for each in OPERATIONS
    ]
    routes.append(Route("/openapi.json", handlers.openapi))
    routes += [Route("/enter", entrance.show), Route("/enter", entrance.take, methods=["POST"])]
    routes += [Route(path, partial(_send, file)) for path, file in page_files().items()]
    app = Starlette(
        routes=routes,
        exception_handlers={
            Refusal: refuse,
            HTTPException: refuse_path,
            ClientDisconnect: vanished,
            Exception: fail,
        },
    )
    app.router.redirect_slashes = False
    return Guard(app, names=names, local=local, token=token, refused=count)


async def _send(file: PageFile, request: Request) -> Response:
    return Response(file.content, media_type=file.media_type)


_SENTENCES = {
    int(HTTPStatus.NOT_FOUND): "there is nothing at this address",
    int(HTTPStatus.METHOD_NOT_ALLOWED): "this address does not take this method",
}
