"""Bench documents, made as a test wants them."""

from collections.abc import Callable

import pytest
from bench_documents import Document, MakeResult, document, journey, result


@pytest.fixture
def make_result() -> MakeResult:
    return result


@pytest.fixture
def make_document() -> Callable[..., Document]:
    return document


@pytest.fixture
def make_journey() -> Callable[..., Document]:
    return journey
