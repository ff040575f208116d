"""Text from outside in Markdown is that text and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from edgeall.cards.text import one_line, safe, table

MARKDOWN = MarkdownIt("commonmark").enable("table")


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


@given(st.text())
def test_any_text_stays_what_it_is(text: str) -> None:
    shown = one_line(text)
    for page in (f"> {safe(text)}", f"- {safe(text)}", table(["a", "b"], [[safe(text), "x"]])):
        read = inline(MARKDOWN.parse(page))
        assert {token.type for token in read} <= {"text", "text_special"}
        assert shown.strip() in "".join(token.content for token in read)


@pytest.mark.parametrize(
    "text",
    [
        "- a",
        "+ a",
        "1. a",
        "2) a",
        "~~~",
        "===",
        "---",
        "# a",
        "> a",
        "&lt;b&gt;",
        "<b>",
        "[a](b)",
        "a|b",
        "`a`",
    ],
)
def test_markup_is_shown_as_it_was_written(text: str) -> None:
    tokens = MARKDOWN.parse(f"- {safe(text)}")
    assert [token.type for token in tokens] == [
        *("bullet_list_open", "list_item_open", "paragraph_open", "inline"),
        *("paragraph_close", "list_item_close", "bullet_list_close"),
    ]
    assert "".join(token.content for token in inline(tokens)) == text
