"""A rehearsal's report: one HTML file with its own small plots, no script, nothing loaded from elsewhere."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rounds import plots

Figures = Mapping[str, Any]
Curve = tuple[str, Sequence[plots.Point]]

GOLD = ("gold_before", "gold_sft", "gold_after")
LABELS = {"gold_before": "before", "gold_sft": "SFT", "gold_after": "PPO"}
WIDTH, HEIGHT, MARGIN = 520, 220, 44
CONFIDENCE = 1.96

STYLE = """
:root { color-scheme: light dark; --ink: #1d2127; --paper: #fbfaf7; --soft: #6b7280; --line: #d8d4cb; --mark: #1f6f5c }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --paper: #17191c; --soft: #9aa0a8; --line: #3a3f45; --mark: #6cc3aa }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { font-weight: 600; margin: 2rem 0 .5rem } h1 { margin-top: 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .3rem .8rem; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left } th { color: var(--soft); font-weight: 500 }
.plots { margin-top: 1.5rem; display: flex; flex-wrap: wrap; gap: 1.5rem } figure { margin: 0 }
figcaption { color: var(--soft) } svg { max-width: 100%; height: auto }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif }
.axis { stroke: var(--line) } .line { fill: none; stroke: var(--mark); stroke-width: 1.8 }
.bar { stroke: var(--mark); stroke-width: 2 } .dot { fill: var(--mark) }
"""


def page(result: Figures, curves: Mapping[int, Sequence[Curve]], passed: bool) -> str:
    """The whole report. `curves` holds, for each round, named points of its training stages."""
    rounds = result["rounds"]
    parts = [
        f"<h1>Rehearsal: {text(result['model'])}, seed {result['seed']}</h1>",
        f"<p>{'Passed' if passed else 'Not passed'}. {invariants_sentence(result['invariants'])} "
        f"{waiting_sentence(result['label_to_policy_seconds'])}</p>",
        "<h2>Gold preference</h2>",
        "<p>Means over prompts that no stage trained on, with 95 % intervals.</p>",
        gold_plot(rounds),
        rounds_table(rounds),
        *(section for each in rounds for section in round_section(each, curves.get(each["round"], ()))),
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Rehearsal</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def text(value: object) -> str:
    return html.escape(str(value))


def number(value: float | None, places: int = 3) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def invariants_sentence(invariants: Mapping[str, bool]) -> str:
    broken = [name for name, holds in invariants.items() if not holds]
    return f"Broken invariants: {', '.join(broken)}." if broken else "Every invariant holds."


def waiting_sentence(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"From the last ranking to completions of the improved policy: {seconds:.0f} s."


def rounds_table(rounds: Sequence[Figures]) -> str:
    heads = ("Round", "Rankings", "Before", "SFT", "PPO", "PPO − before", "Reward accuracy", "KL", "Length", "Verdict")
    return table(heads, (round_row(each) for each in rounds))


def round_row(each: Figures) -> list[str]:
    difference, accuracy = each["paired_difference"], each["reward_accuracy"]
    return [
        str(each["round"]),
        str(each["rankings"]),
        *(number(each[name] and each[name]["mean"]) for name in GOLD),
        f"{number(difference['mean'])} ± {number(difference['se'])}" if difference else "–",
        interval(accuracy) if accuracy else "–",
        number(each["kl"], 2),
        f"{number(each['length_before'], 0)} → {number(each['length_after'], 0)}",
        text(each["verdict"]),
    ]


def interval(figure: Figures) -> str:
    return f"{number(figure['value'])} [{number(figure['low'])}, {number(figure['high'])}]"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def round_section(each: Figures, curves: Sequence[Curve]) -> list[str]:
    seconds = table(("Stage", "Seconds"), ([text(name), number(took, 1)] for name, took in each["seconds"].items()))
    figures = "".join(curve_plot(name, points) for name, points in curves if points)
    return [f"<h2>Round {each['round']}</h2>", seconds, f'<div class="plots">{figures}</div>']


def gold_plot(rounds: Sequence[Figures]) -> str:
    """Each policy's mean gold score with its 95 % interval, in the order in which the policies came."""
    found = [(each["round"], name, each[name]) for each in rounds for name in GOLD if each[name]]
    if not found:
        return "<p>No round came to its evaluation.</p>"
    errors = [CONFIDENCE * figure["sd"] / math.sqrt(figure["n"]) for _, _, figure in found]
    ends = [
        figure["mean"] + sign * error for (_, _, figure), error in zip(found, errors, strict=True) for sign in (-1, 1)
    ]
    ticks = plots.round_values(min(ends), max(ends))
    y = plots.Scale(ticks[0], ticks[-1], HEIGHT - 2 * MARGIN / 2, 12)
    x = plots.Scale(0, len(found), MARGIN, WIDTH)
    marks = "".join(
        gold_mark(x.at(place + 0.5), y, figure["mean"], error, f"{number_of_round} {LABELS[name]}")
        for place, ((number_of_round, name, figure), error) in enumerate(zip(found, errors, strict=True))
    )
    return svg(WIDTH, HEIGHT, axis(y, ticks, WIDTH) + marks, "Gold preference of each policy")


def gold_mark(x: float, y: plots.Scale, mean: float, error: float, label: str) -> str:
    return (
        f'<line class="bar" x1="{x}" x2="{x}" y1="{y.at(mean - error)}" y2="{y.at(mean + error)}"/>'
        f'<circle class="dot" cx="{x}" cy="{y.at(mean)}" r="4"/>'
        f'<text x="{x}" y="{HEIGHT - 14}" text-anchor="middle">{text(label)}</text>'
    )


def axis(y: plots.Scale, ticks: Sequence[float], width: int) -> str:
    return "".join(
        f'<line class="axis" x1="{MARGIN}" x2="{width}" y1="{y.at(tick)}" y2="{y.at(tick)}"/>'
        f'<text x="{MARGIN - 6}" y="{y.at(tick) + 4}" text-anchor="end">{plots.figure(tick, ticks)}</text>'
        for tick in ticks
    )


def curve_plot(name: str, points: Sequence[plots.Point]) -> str:
    drawn = plots.curve(points, until=points[-1][0])
    ticks = "".join(
        f'<line class="axis" x1="{drawn.frame.left}" x2="{drawn.right}" y1="{tick.at}" y2="{tick.at}"/>'
        f'<text x="{drawn.frame.left - 6}" y="{tick.at + 4}" text-anchor="end">{tick.label}</text>'
        for tick in drawn.y_ticks
    )
    line = f'<polyline class="line" points="{drawn.points}"/>'
    caption = f"<figcaption>{text(name)}, {len(points)} steps</figcaption>"
    return f"<figure>{svg(drawn.frame.width, drawn.frame.height, ticks + line, name)}{caption}</figure>"


def svg(width: int, height: int, inside: str, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        f"<title>{text(title)}</title>{inside}</svg>"
    )
