"""Text from outside stays text in every medium."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from fireai_analysis.markup import html_text, markdown_text, plotly_text, spreadsheet_text

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "$x$ and $$y$$",
    "[a](javascript:x)",
    "![a](https://evil.example/x.png)",
    "<https://evil.example>",
    "| a | b |",
    "`code` **bold** _it_ ~~no~~",
    "# heading",
    "1. list",
    "- list",
    "> quote",
    "a\n\n---\n\n# b",
    "&lt;b&gt;",
    "\\[a](x)",
    "{{ template }} {% block %} {placeholder}",
]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags = "", []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.mark.parametrize("text", HOSTILE)
def test_html_gives_the_text_back_and_no_element(text: str) -> None:
    shown = read(f"<p>{html_text(text)}</p>")
    assert (shown.text, shown.tags) == (text, ["p"])


@pytest.mark.parametrize("text", HOSTILE)
def test_html_attribute_cannot_be_left(text: str) -> None:
    assert read(f'<p title="{html_text(text)}">').tags == ["p"]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_the_text_in_a_paragraph(text: str) -> None:
    shown = read(MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(markdown_text(text)))
    assert set(shown.tags) <= {"p"}
    assert " ".join(shown.text.split()) == " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_table_keeps_its_shape(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {markdown_text(text)} | x |\n"
    shown = read(MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(table))
    assert (shown.tags.count("td"), shown.tags.count("tr")) == (2, 2)


def test_markdown_does_not_link_bare_addresses() -> None:
    assert "://" not in markdown_text("https://evil.example").replace("\\://", "")
    assert markdown_text("www.evil.example").startswith("www\\.")


def test_numbers_stay_readable_in_markdown() -> None:
    assert markdown_text("-12.3 ms") == "-12.3 ms"
    assert markdown_text("17,280") == "17,280"


def test_direction_marks_and_surrogates_are_shown() -> None:
    assert html_text("a\u202eb\udc80\x00") == "a\\u202eb\\udc80\\x00"
    html_text("a\udc80").encode()


def test_plotly_has_neither_elements_nor_tex_nor_templates() -> None:
    shown = plotly_text("<a href='x'>$y$ %{z}</a>")
    assert "<" not in shown
    assert "$" not in shown
    assert "%{" not in shown


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\0"])
def test_spreadsheet_text_is_no_formula(start: str) -> None:
    assert spreadsheet_text(start + "1").startswith("'")


@given(st.text())
def test_any_text_is_one_line_of_markdown_and_valid_utf8(text: str) -> None:
    shown = markdown_text(text)
    assert "\n" not in shown
    shown.encode()
    assert read(html_text(text)).tags == []
