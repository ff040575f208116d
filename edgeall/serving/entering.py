"""Takes the token of a person in a browser, and gives a cookie for it."""

from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from edgeall.serving.guard import COOKIE, cookie_of, is_equal
from edgeall.serving.limits import Limits
from edgeall.serving.receiving import Held, receive
from edgeall.serving.refusals import Refusal

_FORM = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>edgeall: token</title>
<link rel="stylesheet" href="/static/style.css">
</head>
<body>
<main class="enter">
<h1>edgeall</h1>
<p>This station answers who has its token. It was printed where <code>edgeall serve</code> was started.</p>
{problem}<form method="post" action="/enter">
<label for="token">Token</label>
<input id="token" name="token" required autocomplete="off" autocapitalize="none" spellcheck="false">
<button class="primary" type="submit">Enter</button>
</form>
<p class="use">Research use only, not a medical device.</p>
</main>
</body>
</html>
"""
_PROBLEM = '<p class="problem" role="alert">This is not the token.</p>\n'

_ENTERED = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0;url=/">
<title>edgeall</title>
</head>
<body><p><a href="/">Go to the page</a></p></body>
</html>
"""
"""A page of this station leads on: a browser that followed a link from elsewhere sends no strict cookie before."""

_LIMITS = Limits(upload_bytes=4096, held_bytes=4096)


class Entrance:
    """The page for the token; where there is none, nothing is asked."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def show(self, request: Request) -> Response:
        """The form, or, with the token in the link that was printed, the cookie."""
        given = request.query_params.get("token")
        return HTMLResponse(_FORM.format(problem="")) if given is None else self._answer(request, given)

    async def take(self, request: Request) -> Response:
        """The cookie for a form that was sent."""
        with Held(_LIMITS.held_bytes).share() as share:
            body = await receive(request, _LIMITS, share)
        try:
            given = parse_qs(body.decode(), max_num_fields=8).get("token", [""])[0]
        except ValueError:
            raise Refusal(HTTPStatus.BAD_REQUEST, "this is no form with a token") from None
        return self._answer(request, given)

    def _answer(self, request: Request, given: str) -> Response:
        if self._token is not None and not is_equal(given.strip(), self._token):
            return HTMLResponse(_FORM.format(problem=_PROBLEM), HTTPStatus.UNAUTHORIZED)
        entered = HTMLResponse(_ENTERED)
        if self._token is not None:
            secure = request.url.scheme == "https"
            entered.set_cookie(
                COOKIE, cookie_of(self._token), httponly=True, samesite="strict", secure=secure, path="/"
            )
        return entered
