"""The OpenAPI document: it holds for every answer, and tools accept it."""

import http.client
import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, settings
from served import Served

from edgeall.artifact import Artifact
from edgeall.serving import Limits, openapi, types
from edgeall.serving.operations import OPERATIONS

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")

from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

pytest.importorskip("uvicorn", reason="needs edgeall[serve]")

from served import served  # noqa: E402

SCHEMA = schemathesis.openapi.from_dict(openapi.document())
EXAMPLES = int(os.environ.get("EDGEALL_EXAMPLES", "25"))
"""Requests an operation, and more where the tool adds its own."""


@pytest.fixture(scope="module")
def station(artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A station that answers every request: what is refused as one too many says nothing of it."""
    limits = Limits(rate=1e6, burst=1_000_000, question_rate=1e6, question_burst=1_000_000)
    with served(artifact, tmp_path_factory.mktemp("log") / "log.db", limits=limits) as station:
        yield station


# /api/live does not end.
@SCHEMA.exclude(path="/api/live").parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
def test_every_answer_is_as_the_document_says(case: "schemathesis.Case", station: Served) -> None:
    # No schema says which bytes are a picture.
    accepts = [positive_data_acceptance] if case.operation.body else []
    case.call_and_validate(base_url=station.address.url, excluded_checks=accepts)


def test_the_document_is_that_of_the_table(station: Served) -> None:
    answer = station.ask("/openapi.json")
    assert answer.json == openapi.document()
    operations = {(method.upper(), path) for path, each in answer.json["paths"].items() for method in each}
    assert operations == {(each.method, each.path) for each in OPERATIONS}
    for each in OPERATIONS:
        described = answer.json["paths"][each.path][each.method.lower()]
        assert {"401", "403", "421"} <= set(described["responses"])


def test_parameters_are_those_of_their_types() -> None:
    parameters = openapi.document()["paths"]["/api/history"]["get"]["parameters"]
    assert [each["name"] for each in parameters] == list(types.Search.__struct_fields__)
    assert not any(each["required"] for each in parameters)
    (name,) = openapi.document()["paths"]["/api/pictures"]["post"]["parameters"]
    assert (name["name"], name["required"]) == ("name", True)


@pytest.mark.parametrize(
    "query",
    [
        "count=0",
        "count=501",
        "count=x",
        "after=-1",
        "decision=maybe",
        "decision=null",
        "before=",
        f"text={'x' * 257}",
    ],
)
def test_wrong_parameters_are_refused_in_one_sentence(station: Served, query: str) -> None:
    answer = station.ask(f"/api/history?{query}")
    assert answer.status == 400
    assert answer.json["error"].startswith("the parameters are wrong: ")


def test_a_search_for_the_word_null_is_a_search(station: Served) -> None:
    station.decide("nullable.png", b"no picture")
    station.decide("other.png", b"no picture")
    found = station.ask("/api/history?text=null").json["entries"]
    assert {each["path"] for each in found} == {"nullable.png"}


def test_a_parameter_is_given_once(station: Served) -> None:
    assert station.ask("/api/history?text=a&text=b").json == {"error": "a parameter is given twice"}


def test_unknown_addresses_and_methods_are_refused_in_json(station: Served) -> None:
    assert station.ask("/api/nothing").json == {"error": "there is nothing at this address"}
    answer = station.request("DELETE", "/api/pictures")
    assert (answer.status, answer.json) == (405, {"error": "this address does not take this method"})
    assert answer.headers["allow"] == "POST"
    assert station.request("PUT", "/api/history", b"").status == 405


def test_names_of_any_language_come_back_as_they_were(station: Served, pictures: list[bytes]) -> None:
    for name in ("श्वेत कोशिका.png", "a b+c&d=e?f#g.png", "\u202egnp.png", "a\x00b\n.png", "C:\\scans\\a.png"):
        connection = http.client.HTTPConnection(station.host, station.port, timeout=60)
        connection.request("POST", f"/api/pictures?name={quote(name)}", pictures[0])
        assert connection.getresponse().status == 200
        connection.close()
        assert station.ask("/api/history?count=1").json["entries"][0]["path"] == name
