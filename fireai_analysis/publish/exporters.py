"""nbconvert exporters: `jupyter nbconvert --to fireai-html` and `--to fireai-pdf`.

Both leave the code out and use no template of nbconvert and no file of the working directory.
"""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import Exporter
from traitlets import default

from fireai_analysis.publish import page, parts, pdf


class FireaiHtmlExporter(Exporter):
    """An executed notebook as one HTML file that needs no network."""

    export_from_notebook = "Fire-AI report (HTML)"
    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[Any, dict[str, Any]]:
        """Return the page and nbconvert's resources."""
        notebook, found = super().from_notebook_node(nb, resources, **kw)
        return page.screen(parts.of(notebook), _title(notebook, found)), found


class FireaiPdfExporter(Exporter):
    """An executed notebook as PDF, its figures as vector graphics."""

    export_from_notebook = "Fire-AI report (PDF)"
    output_mimetype = "application/pdf"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".pdf"

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[Any, dict[str, Any]]:
        """Return the PDF and nbconvert's resources."""
        notebook, found = super().from_notebook_node(nb, resources, **kw)
        title = _title(notebook, found)
        return pdf.write(page.printed(parts.of(notebook), title, pdf.font_faces()), title), found


def _title(notebook: Any, resources: dict[str, Any]) -> str:
    """Return the title in the notebook's metadata, else its file name."""
    name = resources.get("metadata", {}).get("name") or "report"
    return str(notebook.metadata.get("title") or name)


def html(notebook: Any) -> bytes:
    """Return an executed notebook as HTML."""
    text, _ = FireaiHtmlExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    return str(text).encode()


def pdf_document(notebook: Any) -> bytes:
    """Return an executed notebook as PDF."""
    content, _ = FireaiPdfExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    return bytes(content)
