"""A comparison for the terminal: figures, differences, and what they come to."""

from pathlib import Path

from seepseg.report import cost
from seepseg.report.compare import SEEDS, Comparison, Pair, Run, judge
from seepseg.report.compare_page import summarize_pair, write_signed
from seepseg.report.tables import UNDEFINED, write_interval
from seepseg.report.verdict import Headline
from seepseg.wording import align


def render(comparison: Comparison, out: Path | None = None) -> str:
    """The tables and sentences; `out` is where the page was written."""
    first = comparison.runs[0]
    blocks = [_figures(comparison.runs), _costs(comparison.runs)]
    for pair in comparison.pairs:
        blocks += [_differences(first, pair)] if pair.differences else []
        blocks += [f"note: {text}" for text in pair.notes if pair.differences]
        blocks.append(summarize_pair(first, pair))
    if comparison.is_of_trainings:
        blocks.append(SEEDS)
    if out:
        blocks.append(f"{out / 'compare.html'}")
    return "\n\n".join(filter(None, blocks))


def _figures(runs: tuple[Run, ...]) -> str:
    figures = [run.figures for run in runs]
    rows = [["", *(run.label for run in runs)]]
    for path in dict.fromkeys(path for some in figures for path in some):
        found = [some.get(path) for some in figures]
        label = next(one.label for one in found if one is not None)
        rows.append([label, *map(_value, found)])
    return align(rows)


def _costs(runs: tuple[Run, ...]) -> str:
    told = cost.rows([run.cost for run in runs])
    body = [[label, *(value or UNDEFINED for value in values)] for label, values in told]
    return align([["", *(run.label for run in runs)], *body]) if told else ""


def _value(one: Headline | None) -> str:
    if one is None or one.value is None:
        return UNDEFINED
    blank = "" if one.blank is None else f"{one.blank_label} {one.blank:.3f}"
    told = ", ".join(filter(None, [write_interval(one.interval), blank]))
    return f"{one.value:.3f} ({told})" if told else f"{one.value:.3f}"


def _differences(first: Run, pair: Pair) -> str:
    rows = [[f"{pair.label} − {first.label}", "difference", "95 % interval", "p", ""]]
    for path, one in first.figures.items():
        if path in pair.differences:
            apart = pair.differences[path]
            ends = f"{write_signed(apart.low)} to {write_signed(apart.high)}"
            rows.append([one.label, write_signed(apart.difference), ends, f"{apart.p:.3f}", judge(apart)])
    return align(rows)
