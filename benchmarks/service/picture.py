"""The ratios of a run as a picture for the documentation: an SVG file."""

from collections.abc import Iterator
from html import escape
from statistics import median

from .measures import Measure
from .results import Results
from .targets import SERVICE

_LEFT, _TOP = 110, 40
_PANEL, _GAP, _ROW, _BAR = 170, 24, 26, 16
_LEAST = 1.25
"""A panel reaches to this ratio at least."""

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .head { font-weight: 600 }
  .ours { font-weight: 600 }
  .value { font-size: 11px }
  rect { fill: #9aa7b4 }
  rect.ours { fill: #1f6feb }
  line { stroke: #24292f; stroke-width: 1 }
  line.one { stroke: #8c959f; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #d1d7de }
    rect { fill: #57606a }
    rect.ours { fill: #388bfd }
    line { stroke: #d1d7de }
  }
"""


def draw(measures: list[Measure], results: Results) -> str:
    """Return a panel for each measure with a bar for each row of its table, more being better.

    A bar is the median of the rounds; the line at its end is their range.
    """
    shown = [measure for measure in measures if results.samples.get(measure.name)]
    names = list(dict.fromkeys(name for m in shown for name in results.samples[m.name]))
    ratios = {(m.name, name): results.ratios(m, name) for m in shown for name in names}
    reach = max([_LEAST, *(ratio for found in ratios.values() for ratio in found)]) * 1.05
    width = _LEFT + len(shown) * (_PANEL + _GAP)
    height = _TOP + len(names) * _ROW + 8

    def lines() -> Iterator[str]:
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">'
        )
        yield f"<style>{_STYLE}</style>"
        for row, name in enumerate(names):
            y = _TOP + row * _ROW + _BAR - 3
            yield (
                f'<text x="{_LEFT - 10}" y="{y}" text-anchor="end"{_ours(name)}>'
                f"{escape(name)}</text>"
            )
        for column, measure in enumerate(shown):
            left = _LEFT + column * (_PANEL + _GAP)
            yield f'<text class="head" x="{left}" y="16">{escape(measure.name)}</text>'
            for row, name in enumerate(names):
                if found := ratios[measure.name, name]:
                    yield from _bar(left, _TOP + row * _ROW, found, reach, name)
            one = left + _PANEL / reach
            yield f'<line class="one" x1="{one:.1f}" x2="{one:.1f}" y1="24" y2="{height - 8}"/>'
        yield "</svg>"

    return "\n".join(lines()) + "\n"


def _bar(left: int, top: int, found: list[float], reach: float, name: str) -> Iterator[str]:
    low, middle, high = (
        value / reach * _PANEL for value in (min(found), median(found), max(found))
    )
    centre = top + _BAR / 2
    yield f'<rect x="{left}" y="{top}" width="{middle:.1f}" height="{_BAR}"{_ours(name)}/>'
    yield (
        f'<line x1="{left + low:.1f}" x2="{left + high:.1f}" y1="{centre:.1f}" y2="{centre:.1f}"/>'
    )
    yield f'<text class="value" x="{left + 4}" y="{top + 12}">{median(found):.2f}</text>'


def _ours(name: str) -> str:
    return ' class="ours"' if name == SERVICE else ""
