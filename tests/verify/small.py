"""A small honest campaign on disk: real bundles with known rows, judged, and the page of its report without figures."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from fireai_analysis import scenarios
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes, write_parquet
from fireai_analysis.campaign import Campaign
from fireai_analysis.judge import judged
from fireai_analysis.publish import report
from fireai_analysis.results import Summary
from fireai_analysis.scenarios import SCENARIO_NAMES, load_criteria, params_dir
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES
from fireai_analysis.verify import reports
from tests import made

TODAY = pd.Timestamp(made.GENERATED).date()


@contextmanager
def made_params(folder: Path, scales: Mapping[str, dict[str, float]] | None = None) -> Iterator[Path]:
    """Parameters in which the ticket's scenarios are those that `made` makes rows for: one kind of request, even.

    `scales` are what a smaller ticket asks for, by scenario.
    """
    if not folder.exists():
        content = yaml.safe_load((params_dir() / "scenarios.yaml").read_text())
        one = {"action": "classify", "door": "fastapi", "weight": 1, "judged": True}
        content["mixes"] = {name: [one] for name in content["mixes"]}
        for name, scenario in content["scenarios"].items():
            scenario |= (scales or {}).get(name, {})
            scenario["arrivals"] = "waves" if scenario["arrivals"] == "waves" else "fixed"
        folder.mkdir()
        (folder / "scenarios.yaml").write_text(yaml.safe_dump(content))
        (folder / "criteria.yaml").write_text((params_dir() / "criteria.yaml").read_text())
        (folder / "targets").symlink_to(params_dir() / "targets")
    before = os.environ.get("FIREAI_PARAMS_DIR")
    os.environ["FIREAI_PARAMS_DIR"] = str(folder)
    scenarios._scenario_file.cache_clear()
    try:
        yield folder
    finally:
        os.environ.pop("FIREAI_PARAMS_DIR")
        if before is not None:
            os.environ["FIREAI_PARAMS_DIR"] = before
        scenarios._scenario_file.cache_clear()


def table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """A frame as a table of a schema; columns that it has not are null."""
    return pa.Table.from_pandas(frame.reindex(columns=schema.names), schema=schema, preserve_index=False)


def add_run(directory: Path, data: RunData) -> None:
    """Write a run with all its tables, analyse what was written, and hash it."""
    bundle = RunBundle.create(directory, data.manifest.spec)
    manifest = data.manifest
    bundle.update(state="recording")
    bundle.write_requests(table(data.requests, REQUESTS))
    if data.operations is not None:
        bundle.write_operations(table(data.operations, OPERATIONS))
    for name, frame in data.samples.items():
        bundle.write_samples(name, table(frame, SAMPLES[name]))
    bundle.update(
        state="recorded",
        facts=manifest.facts,
        started_ns=manifest.started_ns,
        ended_ns=manifest.ended_ns,
        clock_offset_us=manifest.clock_offset_us,
    )
    analyse(bundle)


def analyse(bundle: RunBundle) -> None:
    """Write the figures of a run, and hash it."""
    criteria = load_criteria()
    analysis = analyze_run(RunData.from_bundle(bundle), criteria)
    result = judged(analysis.result, criteria, TODAY)
    for name, frame in analysis.tables.items():
        bundle.write_analysis(name, frame)
    atomic_write(bundle.results_path, json_bytes(result.model_dump(mode="json")))
    bundle.update(state="analyzed")
    bundle.seal()


def campaign(directory: Path, profile: str = "smoke", names: tuple[str, ...] = SCENARIO_NAMES, **runs: RunData) -> Path:
    """A whole campaign; `runs` replace the healthy ones."""
    told = {"campaign": "made", "profile": profile, "scenarios": list(names), "seed": 1}
    Campaign.create(directory, told)
    for name in names:
        add_run(directory, runs.get(name) or made.healthy(name, profile))
    judge_again(directory)
    return directory


def judge_again(directory: Path) -> None:
    """Write summary and reports from the results of the runs, judged after the last run ended."""
    summary = report.summary_of(Campaign.open(directory), {}, made.GENERATED)
    atomic_write(directory / "summary.json", json_bytes(summary.model_dump(mode="json", by_alias=True)))
    write_page(directory, summary)


def write_page(directory: Path, summary: Summary) -> None:
    """Write every form of the report but the PDF, as a campaign has them."""
    found = report._report(Campaign.open(directory), summary)
    atomic_write(directory / "report.html", reports.html_page(found).encode())
    atomic_write(directory / "report.md", found.markdown().encode())
    found.finish()


def mend(directory: Path) -> None:
    """Hash every run again and write the new hashes into `summary.json`, as whoever forges a campaign would."""
    for name in SCENARIO_NAMES:
        if (directory / name / "manifest.json").is_file():
            RunBundle.open(directory / name).seal()
    content = read(directory / "summary.json")
    files = report._files(Campaign.open(directory))
    content["files"] = [one.model_dump(mode="json") for one in files]
    atomic_write(directory / "summary.json", json_bytes(content))


def read(path: Path) -> Any:
    """Content of a JSON file."""
    return json.loads(path.read_text())


def put(path: Path, key: str, value: Any) -> None:
    """Replace what stands at a dotted key of a JSON file."""
    content = read(path)
    holder = content
    *steps, last = key.split(".")
    for step in steps:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    holder[int(last) if isinstance(holder, list) else last] = value
    atomic_write(path, json_bytes(content))


def change(path: Path, column: str, place: int, value: Any) -> None:
    """Replace one cell of a Parquet file."""
    kept = pq.read_table(path)
    values = kept.column(column).to_pylist()
    values[place] = value
    position = kept.schema.get_field_index(column)
    write_parquet(
        path, kept.set_column(position, kept.schema.field(position), pa.array(values, kept.schema.field(position).type))
    )
