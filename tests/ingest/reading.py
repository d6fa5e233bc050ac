"""What a reader finds in some bytes or in a sample file: for tests of readers."""

from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest

from fireai_analysis.ingest.found import Format, Item, Rows
from fireai_analysis.ingest.source import Source
from tests.ingest.fuzz import SAMPLES_DIR

Kind = TypeVar("Kind")


def written(tmp_path: Path, data: bytes | str) -> Source:
    """Return a file of these bytes."""
    path = tmp_path / "file"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return Source(path)


def sample(folder: str, ending: str) -> Source:
    """Return the sample file of this name; the test is skipped where there are none."""
    found = sorted((SAMPLES_DIR / folder).glob(f"*{ending}"))
    if not found:
        pytest.skip("no sample files of others here")
    return Source(found[0])


def items(format_: Format, source: Source) -> list[Item]:
    """Return what a format reads from a file that it recognises."""
    assert format_.recognises(source.head())
    return list(format_.read(source))


def of(found: list[Item], kind: type[Kind]) -> list[Kind]:
    """Return the items of a kind."""
    return [one for one in found if isinstance(one, kind)]


def only(found: list[Item], kind: type[Kind]) -> Kind:
    """Return the only item of a kind."""
    (one,) = of(found, kind)
    return one


def rows(found: list[Item]) -> list[dict[str, Any]]:
    """Return the requests."""
    return pa.concat_tables([one.table for one in of(found, Rows)], promote_options="permissive").to_pylist()
