"""The experiment's page: one HTML file with its own plots, no script, nothing loaded from elsewhere."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rounds import plots
from tutelage.rehearsal.report import STYLE, number, svg, table, text

Figures = Mapping[str, Any]

WIDTH, HEIGHT, LEFT, FOOT = 480, 260, 44, 40
TOP = 12
COLOURS = ("#1f6f5c", "#b4552d", "#4461a8", "#8a6d1a", "#7d4a8d", "#5b6770")
OWN_STYLE = """
h3 { font-weight: 600; margin: 1.5rem 0 .25rem } p { max-width: 48rem }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1rem; color: var(--soft) } .key svg { vertical-align: middle }
table { display: block; overflow-x: auto }
polyline { fill: none; stroke-width: 1.6 } .dashed { stroke-dasharray: 5 4 } .dotted { stroke-dasharray: 1.5 3 }
"""


@dataclass(frozen=True)
class Series:
    """One line of a plot. `look` is solid, dashed or dotted; with `dots` its points are marked, not joined."""

    name: str
    points: Sequence[plots.Point]
    colour: str
    look: str = "solid"
    dots: bool = False


def page(result: Figures) -> str:
    """The whole report of what every seed showed."""
    parts = [
        "<h1>The gold-reward experiment</h1>",
        f"<p>Seeds {', '.join(str(each['seed']) for each in result['seeds'])}; {result['seconds'] / 60:.0f} minutes. "
        "Gold is a preference that is known exactly and that only simulated people see; proxy is what the reward "
        "model says. Both are in standard deviations of what the policy wrote after SFT, from its mean. "
        "docs/algorithms/experiment.md says how everything was made.</p>",
        "<h2>What was expected, and what came out</h2>",
        verdicts_table(result["seeds"]),
        *(part for each in result["seeds"] for part in seed_part(each, result["scale"])),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>The gold-reward experiment</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}{OWN_STYLE}</style></head>\n<body>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def verdicts_table(seeds: Sequence[Figures]) -> str:
    heads = ("Expected", *(f"Seed {each['seed']}" for each in seeds))
    rows = zip(*(each["verdicts"] for each in seeds), strict=True)
    return table(heads, ([text(row[0]["expected"]), *(verdict(each) for each in row)] for row in rows))


def verdict(each: Figures) -> str:
    return f"{'yes' if each['holds'] else '<b>no</b>'}: {text(each['found'])}"


def seed_part(found: Figures, scale: Figures) -> list[str]:
    smallest = min(scale["labels"])
    kway = [each for each in found["rewards"] if each["kind"] == "K-way"]
    free = [each for each in found["ppo"] if each["beta"] == min(scale["betas"]) and each["kind"] == "K-way"]
    priced = [each for each in found["ppo"] if each["labels"] == smallest and each["kind"] == "K-way"]
    heads = [each for each in found["ppo"] if each["labels"] == smallest and each["beta"] == min(scale["betas"])]
    return [
        f"<h2>Seed {found['seed']}</h2>",
        "<h3>Reward models</h3>",
        "<p>Agreement with people on held-out rankings, against the agreement that the gold order itself reaches.</p>",
        group([learning_plot(found)]),
        rewards_table(found),
        "<h3>Best of n</h3>",
        group(overoptimised(kway, "best_of_n", lambda each: f"{each['labels']} rankings", plots_of_bon)),
        "<h3>PPO without a penalty, by the number of rankings</h3>",
        group(overoptimised(free, "points", lambda each: f"{each['labels']} rankings", plots_of_rl)),
        f"<h3>PPO by the price of KL, {smallest} rankings</h3>",
        group(overoptimised(priced, "points", lambda each: f"β = {each['beta']:g}", plots_of_rl)),
        f"<h3>One head beside an ensemble, {smallest} rankings</h3>",
        group(overoptimised(heads, "points", lambda each: each["kind"].replace("K-way", "one head"), plots_of_rl)),
        ppo_table(found),
        "<h3>Where the policies ended</h3>",
        "<p>On held-out prompts; proxy is the reward model with the most rankings.</p>",
        frontier_table(found),
    ]


def group(figures: Iterable[str]) -> str:
    return f'<div class="plots">{"".join(figures)}</div>'


def plots_of_bon(d: float, fit: Figures) -> float:
    return float(d * (fit["alpha"] - fit["beta"] * d))


def plots_of_rl(d: float, fit: Figures) -> float:
    return float(d * (fit["alpha"] - fit["beta"] * math.log(d)))


def overoptimised(runs: Sequence[Figures], points: str, name: Any, law: Any) -> list[str]:
    """A plot of the proxy and one of gold over √KL: what was measured as dots, the fit as a line."""
    return [
        plot(
            f"{value} over √KL",
            [
                series
                for place, each in enumerate(runs)
                for series in fitted_series(each, points, value, name(each), COLOURS[place % len(COLOURS)], law)
            ],
        )
        for value in ("proxy", "gold")
    ]


def fitted_series(each: Figures, points: str, value: str, name: str, colour: str, law: Any) -> list[Series]:
    seen = [(math.sqrt(max(point["kl"], 0.0)), point[value]) for point in each[points]]
    found, most = each["fits"][value], max(d for d, _ in seen)
    line = [(most * step / 60, law(most * step / 60, found)) for step in range(1, 61)] if found and most > 0 else []
    return [Series(name, seen, colour, dots=True), Series("", line, colour)]


def learning_plot(found: Figures) -> str:
    """Agreement over the number of rankings, on a scale of their logarithm."""
    lines = []
    for place, kind in enumerate(("K-way", "pairs")):
        mine = [each for each in found["rewards"] if each["kind"] == kind and each["accuracy"]["value"] is not None]
        points = [(math.log2(each["labels"]), each["accuracy"]["value"]) for each in mine]
        lines.append(Series(kind, points, COLOURS[place]))
    ends = [at for line in lines for at, _ in line.points]
    top = Series("ceiling", [(min(ends), found["ceiling"]), (max(ends), found["ceiling"])], COLOURS[5], "dashed")
    chance = Series("chance", [(min(ends), 0.5), (max(ends), 0.5)], COLOURS[5], "dotted")
    names = {math.log2(each["labels"]): str(each["labels"]) for each in found["rewards"]}
    return plot("agreement over rankings", [*lines, top, chance], names)


def plot(title: str, lines: Sequence[Series], x_names: Mapping[float, str] | None = None) -> str:
    """A figure of several lines with its key; `x_names` are the ticks of x where those are no plain numbers."""
    drawn = [line for line in lines if line.points]
    xs, ys = ([point[axis] for line in drawn for point in line.points] for axis in (0, 1))
    y_ticks = plots.round_values(min(ys), max(ys))
    ticks = x_names or {value: plots.figure(value) for value in plots.round_values(0.0, max(xs))}
    x = plots.Scale(min(ticks), max(ticks) if len(ticks) > 1 else min(ticks) + 1, LEFT, WIDTH - 12)
    y = plots.Scale(y_ticks[0], y_ticks[-1], HEIGHT - FOOT, TOP)
    marks = "".join(dots(line, x, y) if line.dots else joined(line, x, y) for line in drawn)
    axes = y_axis(y, y_ticks) + x_axis(x, ticks)
    return (
        f"<figure>{svg(WIDTH, HEIGHT, axes + marks, title)}<figcaption>{text(title)}</figcaption>"
        f'<div class="key">{"".join(key(line) for line in lines if line.name)}</div></figure>'
    )


def y_axis(y: plots.Scale, ticks: Sequence[float]) -> str:
    return "".join(
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y.at(tick)}" y2="{y.at(tick)}"/>'
        f'<text x="{LEFT - 6}" y="{y.at(tick) + 4}" text-anchor="end">{plots.figure(tick, ticks)}</text>'
        for tick in ticks
    )


def x_axis(x: plots.Scale, names: Mapping[float, str]) -> str:
    return "".join(
        f'<text x="{x.at(value)}" y="{HEIGHT - FOOT + 18}" text-anchor="middle">{name}</text>'
        for value, name in names.items()
    )


def joined(line: Series, x: plots.Scale, y: plots.Scale) -> str:
    points = plots.path((x.at(at), y.at(value)) for at, value in line.points)
    return f'<polyline class="{line.look}" stroke="{line.colour}" points="{points}"/>'


def dots(line: Series, x: plots.Scale, y: plots.Scale) -> str:
    return "".join(
        f'<circle cx="{x.at(at)}" cy="{y.at(value)}" r="2.2" fill="{line.colour}"/>' for at, value in line.points
    )


def key(line: Series) -> str:
    sign = f'<line class="{line.look}" x1="0" x2="18" y1="5" y2="5" stroke="{line.colour}" stroke-width="2"/>'
    return f"<span>{svg(18, 10, sign, line.name)} {text(line.name)}</span>"


def rewards_table(found: Figures) -> str:
    heads = ("Rankings", "Fed as", "Comparisons", "Agreement", "Ceiling", "Order of gold", "R² proxy, gold")
    return table(
        heads,
        (
            [
                str(each["labels"]),
                text(each["kind"]),
                str(each["comparisons"]),
                f"{number(each['accuracy']['value'])} [{number(each['accuracy']['low'])}, "
                f"{number(each['accuracy']['high'])}]",
                number(found["ceiling"]),
                number(each["gold_accuracy"]),
                f"{number(r2(each, 'proxy'))}, {number(r2(each, 'gold'))}",
            ]
            for each in found["rewards"]
        ),
    )


def r2(each: Figures, value: str) -> float | None:
    fit = each["fits"][value]
    return fit["r2"] if fit else None


def ppo_table(found: Figures) -> str:
    heads = ("Run", "Gold at its peak", "KL there", "Gold at the end", "KL there", "α, β of gold", "R² proxy, gold")
    return table(heads, (ppo_row(each) for each in found["ppo"]))


def ppo_row(each: Figures) -> list[str]:
    fit = each["fits"]["gold"] or {"alpha": None, "beta": None}
    return [
        f"{text(each['kind'])}, {each['labels']} rankings, β = {each['beta']:g}",
        number(each["gold_peak"], 2),
        number(each["kl_at_peak"], 1),
        number(each["gold_end"], 2),
        number(each["kl_end"], 1),
        f"{number(fit['alpha'], 2)}, {number(fit['beta'], 2)}",
        f"{number(r2(each, 'proxy'))}, {number(r2(each, 'gold'))}",
    ]


def frontier_table(found: Figures) -> str:
    heads = ("Policy", "KL", "Proxy", "Gold", "Tokens", "Ended", "Different words", "Length and reward")
    return table(
        heads,
        (
            [
                text(each["policy"]),
                number(each["kl"], 1),
                number(each["proxy"], 2),
                number(each["gold"], 2),
                number(each["monitors"]["tokens_mean"], 0),
                number(each["monitors"]["finished_share"], 2),
                number(each["monitors"]["distinct_1"], 2),
                number(each["monitors"]["length_correlation"], 2),
            ]
            for each in found["frontier"]
        ),
    )
