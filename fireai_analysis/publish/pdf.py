"""HTML to PDF by an engine that pip installs; what the page may read is limited to the fonts."""

from __future__ import annotations

import importlib
import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from matplotlib import get_data_path

from fireai_analysis.errors import ReportError

FONTS = {
    "DejaVuSans.ttf": ("DejaVu Sans", "normal"),
    "DejaVuSans-Bold.ttf": ("DejaVu Sans", "bold"),
    "DejaVuSansMono.ttf": ("DejaVu Sans Mono", "normal"),
}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_TIMEOUT_S = 120


def font_faces() -> str:
    """Return @font-face rules for the fonts that come with matplotlib, so that no machine lacks them."""
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url("{_font(name).as_uri()}"); }}'
        for name, (family, weight) in FONTS.items()
    )


def write(html: str, title: str) -> bytes:
    """Return a page as PDF.

    Parameters
    ----------
    html : str
        A page with print style, without scripts.
    title : str
        Title of the document.

    Raises
    ------
    ReportError
        Where no engine is installed or the engine failed, with the remedy.
    """
    for engine in (_plutoprint, _weasyprint, _chromium):
        try:
            return engine(html, title)
        except ImportError:
            continue
    raise ReportError("report.pdf: no PDF engine is installed; run `pip install plutoprint` or install Chromium")


def _font(name: str) -> Path:
    return Path(get_data_path()) / "fonts" / "ttf" / name


def _plutoprint(html: str, title: str) -> bytes:
    import plutoprint

    allowed = {_font(name).as_uri() for name in FONTS}

    class FontsOnly(plutoprint.ResourceFetcher):
        """Hands out the fonts and refuses every other address."""

        def fetch_url(self, url: str) -> plutoprint.ResourceData:
            if url not in allowed:
                raise ReportError(f"report.pdf: the page asks for {url!r}; only its fonts may be read")
            return plutoprint.default_resource_fetcher.fetch_url(url)

    book = plutoprint.Book(plutoprint.PAGE_SIZE_A4, plutoprint.PAGE_MARGINS_NONE, plutoprint.MEDIA_TYPE_PRINT)
    book.custom_resource_fetcher = FontsOnly()
    book.set_metadata(plutoprint.PDF_METADATA_TITLE, title)
    stream = io.BytesIO()
    try:
        book.load_html(html)
        book.write_to_pdf_stream(stream)
    except plutoprint.Error as error:
        raise ReportError(f"report.pdf: plutoprint failed ({error}); the HTML report is complete") from error
    return stream.getvalue()


def _weasyprint(html: str, title: str) -> bytes:
    try:
        weasyprint = importlib.import_module("weasyprint")
    except OSError as error:  # installed, but its system libraries are not
        raise ImportError(str(error)) from error
    content: bytes = weasyprint.HTML(string=html).write_pdf(pdf_tags=True)
    return content


def _chromium(html: str, title: str) -> bytes:
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        raise ImportError("no Chromium on this machine")
    with tempfile.TemporaryDirectory(prefix="fireai-") as folder:
        page, out = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_text(html, encoding="utf-8")
        command = [found, "--headless", "--no-pdf-header-footer", f"--user-data-dir={folder}/profile"]
        try:
            subprocess.run(  # noqa: S603 - a browser found on the path, our own file
                [*command, f"--print-to-pdf={out}", page.as_uri()],
                check=True,
                capture_output=True,
                timeout=CHROMIUM_TIMEOUT_S,
            )
            return out.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise ReportError(f"report.pdf: Chromium failed ({error}); run `pip install plutoprint`") from error
