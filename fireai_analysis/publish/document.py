"""The report as blocks with every value in its place: what the renderers show, and what notebook cells display."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fireai_analysis import narrative
from fireai_analysis.errors import ReportError
from fireai_analysis.narrative.words import NOT_RUN, asked_for, ran, title
from fireai_analysis.plots import Figure
from fireai_analysis.plots.style import load_text
from fireai_analysis.publish import figures, skeleton, values
from fireai_analysis.publish.skeleton import (
    Block,
    Bold,
    Code,
    CodeText,
    Directive,
    Grid,
    Heading,
    Inline,
    Items,
    Line,
    Paragraph,
    Rule,
    Slot,
    Text,
    Value,
)
from fireai_analysis.publish.source import limits
from fireai_analysis.results import CriterionResult, ScenarioResult, Summary
from fireai_analysis.spec import SIGNS
from fireai_analysis.tables import Table
from fireai_analysis.tables.table import interval_text
from fireai_analysis.tables.verdicts import actual_text, value_text
from fireai_analysis.units import duration_text, number_text, percent_text

VERDICT_COLUMNS = ("Criterion", "Limit", "Actual", "95 % interval", "Verdict", "Evidence and reason")
SCALE_COLUMNS = ("Scenario", "State", "Duration", "Users", "Rate", "Share of the ticket", "Verdict")
QUESTION = "Is the Fire-AI compliance platform ready for 100,000 requests a day?"


@dataclass(frozen=True)
class Hero:
    """The answer at the head of the report."""

    question: str
    answer: str
    verdict: Value
    terms: tuple[tuple[str, Value], ...]


Filled = Block | Table | Figure | Hero


def section_names() -> tuple[str, ...]:
    """Return the headings of the report's sections in their order, `front` first."""
    return tuple(skeleton.sections(skeleton.load()))


def section(summary: Summary, frames: figures.Frames, name: str) -> tuple[Filled, ...]:
    """Return a section of the report, every slot filled and every directive resolved.

    Parameters
    ----------
    summary : Summary
        The judged campaign.
    frames : mapping of str to mapping of str to frame
        Derived tables of each scenario, for the figures.
    name : str
        Heading of the section.

    Raises
    ------
    ReportError
        Where there is no such section, or a slot of the skeleton has no value.
    """
    found = skeleton.sections(skeleton.load())
    if name not in found:
        raise ReportError(f"report.skeleton.md: {name!r}: no such section; known: {', '.join(found)}")
    return _Filler(summary, frames).filled(found[name])


class _Filler:
    """Fills blocks from one summary."""

    def __init__(self, summary: Summary, frames: figures.Frames) -> None:
        self._summary, self._frames = summary, frames
        self._values = values.of(summary)

    def filled(self, blocks: Sequence[Block]) -> tuple[Filled, ...]:
        return tuple(done for block in self._told(blocks) for done in self._block(block))

    def _told(self, blocks: Sequence[Block]) -> Iterator[Block]:
        """Yield the blocks without the parts of scenarios that the campaign left out; a note stands in their place."""
        left_out = False
        for block in blocks:
            if isinstance(block, Heading | Rule):
                left_out = False
            elif isinstance(block, Directive) and block.kind == "part":
                result = self._summary.scenarios.get(block.name)
                left_out = result is not None and not asked_for(result)
                if left_out:
                    yield _left_out(block.name)
                continue
            if not left_out:
                yield block

    def _block(self, block: Block) -> Sequence[Filled]:
        if isinstance(block, Directive):
            return self._directive(block)
        if isinstance(block, Heading):
            return [replace(block, line=self._line(block.line))]
        if isinstance(block, Grid):
            rows = tuple(tuple(map(self._line, row)) for row in block.rows)
            return [replace(block, columns=tuple(map(self._line, block.columns)), rows=rows)]
        if isinstance(block, Paragraph | Items | Code):
            return [replace(block, lines=tuple(map(self._line, block.lines)))]
        return [block]

    def _line(self, line: Line) -> Line:
        return tuple(done for part in line for done in self._inline(part))

    def _inline(self, part: Inline) -> Sequence[Inline]:
        if isinstance(part, Bold):
            return [Bold(self._line(part.parts))]
        if not isinstance(part, Slot):
            return [part]
        if part.key not in self._values:
            raise ReportError(f"report.skeleton.md: {part.key}: no value fills this slot; add it to publish/values.py")
        return self._values[part.key]

    def _directive(self, block: Directive) -> Sequence[Filled]:
        summary = self._summary
        if block.kind == "figure":
            figure = figures.figure(summary, self._frames, block.name)
            return [] if figure is None else [figure]
        if block.kind == "table":
            found = figures.table(summary, block.name)
            return [] if found is None else [found]
        if block.kind == "text":
            return [Paragraph(((Value(text),),)) for text in _texts(summary, block.name)]
        makers = {"banner": _banner, "hero": _hero, "grid": _grid, "list": _list}
        return makers[block.kind](summary, block.name)


def _left_out(scenario: str) -> Paragraph:
    words = "Not part of this campaign: nothing was sent, and what rests on this scenario is NOT MEASURED. To run it: "
    return Paragraph(((Text(words), CodeText(f"fireai run {scenario}")),), "note")


def _texts(summary: Summary, name: str) -> Sequence[str]:
    if name == "conclusion":
        return narrative.conclusion(summary)
    result = summary.scenarios.get(name)
    if result is None:
        return (f"NOT MEASURED: {title(name)} was not run.",)
    return narrative.analysis(result, limits(summary))


def _banner(summary: Summary, name: str) -> Sequence[Filled]:
    warnings = narrative.run_warnings(summary)
    return [Paragraph(tuple((Value(text),) for text in warnings), "warning")] if warnings else []


def _hero(summary: Summary, name: str) -> Sequence[Filled]:
    terms = (
        ("Readiness", Value(summary.readiness.replace("_", " "), "readiness")),
        ("Confidence", Value(summary.confidence, "confidence")),
        ("Criteria met", Value(f"{summary.criteria_met}/{summary.criteria_total}", "criteria_met")),
        ("Profile", Value(summary.profile, "profile")),
    )
    return [Hero(QUESTION, narrative.answer(summary), Value(summary.overall, "overall", kind="verdict"), terms)]


def _grid(summary: Summary, name: str) -> Sequence[Filled]:
    if name == "verdicts":
        rows = tuple(_verdict_row(entry, f"criteria.{place}") for place, entry in enumerate(summary.criteria))
        return [Grid(_texts_of(VERDICT_COLUMNS), rows, "Verdict by criterion", "verdicts", wide_last=True)]
    rows = tuple(_scale_row(scenario, result) for scenario, result in summary.scenarios.items())
    return [Grid(_texts_of(SCALE_COLUMNS), rows, "What ran, and how much of the ticket it is", "scale")]


def _verdict_row(entry: CriterionResult, key: str) -> tuple[Line, ...]:
    interval = interval_text(entry.interval, lambda value: value_text(value, entry)) if entry.interval else "–"
    return (
        (Value(entry.title),),
        (Value(f"{SIGNS[entry.bound]} {value_text(entry.limit, entry)}", f"{key}.limit"),),
        (Value(actual_text(entry), f"{key}.actual"),),
        (Value(interval, f"{key}.interval"),),
        (Value(entry.verdict, f"{key}.verdict", kind="verdict"),),
        (
            Value(f"{entry.reason.rstrip('.')}.", f"{key}.reason"),
            *((Text(" "), Value(" ".join(entry.reasons), f"{key}.reasons", kind="codes")) if entry.reasons else ()),
            Text(" Evidence: "),
            Value(f"{(entry.evidence or 'none').rstrip('.')}.", f"{key}.evidence"),
        ),
    )


def _scale_row(name: str, result: ScenarioResult) -> tuple[Line, ...]:
    key, scale = f"scenarios.{name}", result.scale
    if not asked_for(result):
        blank = ((Value("–"),),) * (len(SCALE_COLUMNS) - 2)
        return ((Value(title(name)),), (Value(NOT_RUN),), *blank)
    shares = (("duration", scale.duration_ratio), ("users", scale.users_ratio), ("rate", scale.rate_ratio))
    cells = (
        Value(result.state, f"{key}.state"),
        Value(duration_text(result.duration_s), f"{key}.duration_s"),
        Value(number_text(result.users_count, 0), f"{key}.users_count"),
        Value(load_text(result), "" if result.load_model == "closed" else f"{key}.rate_rps"),
        Value(_of_ticket(shares) if ran(result) else "–", f"{key}.scale"),
        Value(result.verdict, f"{key}.verdict", kind="verdict"),
    )
    return ((Value(title(name)),), *((cell,) for cell in cells))


def _of_ticket(shares: Sequence[tuple[str, float | None]]) -> str:
    """Return which parts of the ticket's scenario were cut, and to how much."""
    cut = [f"{percent_text(ratio)} % of the {name}" for name, ratio in shares if ratio is not None and ratio < 1]
    return ", ".join([*cut, *(f"{name} not told" for name, ratio in shares if ratio is None)]) or "full"


def _list(summary: Summary, name: str) -> Sequence[Filled]:
    if name in ("rulings", "confidence"):
        entries = summary.rulings if name == "rulings" else summary.confidence_terms
        return [Items(tuple((Value(text),) for text in entries), ordered=name == "rulings")]
    pairs: Mapping[str, Sequence[tuple[str, str]]] = {
        "bottlenecks": narrative.bottlenecks(summary),
        "hotspots": narrative.hotspots(summary),
        "recommendations.p0": narrative.recommendations(summary, "P0"),
        "recommendations.p1": narrative.recommendations(summary, "P1"),
        "recommendations.p2": narrative.recommendations(summary, "P2"),
    }
    return _pairs_as_blocks(pairs[name])


def _pairs_as_blocks(pairs: Sequence[tuple[str, str]]) -> Sequence[Filled]:
    """Return pairs with a heading as a numbered list, those without as paragraphs below it."""
    lines: tuple[Line, ...] = tuple(
        (Bold((Value(f"{head}:"),)), Text(" "), Value(text)) for head, text in pairs if head
    )
    closing = [Paragraph(((Value(text),),)) for head, text in pairs if not head]
    return [*([Items(lines, ordered=True)] if lines else []), *closing]


def _texts_of(words: Sequence[str]) -> tuple[Line, ...]:
    return tuple((Text(word),) for word in words)
