"""The PDF has pages, text, pictures and every glyph, and reads no file but its fonts."""

import io
from unicodedata import normalize

import pypdf
import pytest

from fireai_analysis.errors import ReportError
from fireai_analysis.plots import Figure
from fireai_analysis.publish import document, exporters, pdf
from tests.publish import campaigns


@pytest.fixture(scope="module")
def reader() -> pypdf.PdfReader:
    made = campaigns.notebook(campaigns.summary(), campaigns.all_frames())
    return pypdf.PdfReader(io.BytesIO(exporters.pdf_document(made)))


@pytest.fixture(scope="module")
def text(reader: pypdf.PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def test_pages_are_numbered_and_headed(reader: pypdf.PdfReader) -> None:
    count = len(reader.pages)
    assert count > 8
    for number, page in enumerate(reader.pages, start=1):
        words = page.extract_text()
        assert f"{number} / {count}" in words
        assert "FM-ENH-005: Performance Validation Report" in words


def test_the_first_page_holds_every_verdict(reader: pypdf.PdfReader) -> None:
    words = reader.pages[0].extract_text()
    for criterion in campaigns.criteria():
        assert criterion["title"].split()[0] in words
    assert "INCONCLUSIVE" in words
    assert "NOT READY" in words


def test_a_figure_and_its_caption_stand_on_one_page(reader: pypdf.PdfReader) -> None:
    pages = ["".join(normalize("NFKC", page.extract_text()).split()) for page in reader.pages]  # without ligatures
    judged, frames = campaigns.summary(), campaigns.all_frames()
    figures = [
        block
        for name in document.section_names()
        for block in document.section(judged, frames, name)
        if isinstance(block, Figure) and block.caption
    ]
    assert len(figures) > 15
    for figure in figures:
        title, end = ("".join(text.split()) for text in (figure.title, figure.caption[-30:]))
        assert [page for page in pages if title in page and end in page], figure.title


def test_text_and_marks_are_there(text: str) -> None:
    for words in ("Sustained: memory of the Go service", "–", "★", "≤", "→", "Conclusion"):
        assert words in text
    assert "\ufffd" not in text


def test_the_fonts_have_the_marks_of_every_verdict() -> None:
    style = f"<style>{pdf.font_faces()} body {{ font-family: 'DejaVu Sans'; }}</style>"
    [page] = pypdf.PdfReader(io.BytesIO(pdf.write(f"<html><head>{style}</head><body>✔✘–</body></html>", "t"))).pages
    assert "✔✘–" in page.extract_text()
    fonts = page["/Resources"].get_object()["/Font"].values()
    assert all("DejaVu" in str(font.get_object()["/BaseFont"]) for font in fonts)


def test_only_embedded_dejavu_fonts(reader: pypdf.PdfReader) -> None:
    names = {
        str(font.get_object()["/BaseFont"])
        for page in reader.pages
        for font in page["/Resources"].get_object().get("/Font", {}).values()
    }
    assert names
    assert all("DejaVu" in name for name in names), names


def test_the_title_is_set(reader: pypdf.PdfReader) -> None:
    assert reader.metadata is not None
    assert reader.metadata.title == "FM-ENH-005: Performance Validation Report"


def test_no_other_file_is_read(tmp_path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>hunter2</text></svg>')
    html = f'<html><body>x<img src="{secret.as_uri()}"></body></html>'
    try:
        content = pdf.write(html, "t")
    except ReportError:
        return
    assert "hunter2" not in "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def test_without_an_engine_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(html: str, title: str) -> bytes:
        raise ImportError("gone")

    for name in ("_plutoprint", "_weasyprint", "_chromium"):
        monkeypatch.setattr(pdf, name, absent)
    with pytest.raises(ReportError, match="pip install plutoprint"):
        pdf.write("<html></html>", "t")
