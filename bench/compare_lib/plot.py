"""A bar chart of the ratios as SVG, in colours that can be read on light and on dark."""
import math
from xml.sax.saxutils import escape

from .figures import best_entries, ratio
from .report import names_of

LABEL, CHART, BAR, GAP, TOP = 330, 420, 13, 12, 62
COLOURS = ["#2f81c7", "#d9822b", "#3d9a57", "#a05fb4"]
GREY = "#808890"


def series_of(results):
    """[(legend, [a ratio or None for each work])] for every pair of ours and a peer that met."""
    ours, peers = names_of(results)
    out = []
    for peer in peers:
        for name in ours:
            ratios = []
            for result in results:
                entries = best_entries(result)
                ratios.append(ratio(result, entries.get(name), entries.get(peer)))
            if any(value is not None for value in ratios):
                out.append((f"{name} : {peer}", ratios))
    return out


def axis(values):
    """The powers of two that enclose the values, and 1."""
    low = min([1.0, *values])
    high = max([2.0, *values])
    return math.floor(math.log2(low)), math.ceil(math.log2(high))


def text(x, y, content, anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{GREY}">'
            f"{escape(content)}</text>")


def svg(results):
    series = series_of(results)
    low, high = axis([value for _, ratios in series for value in ratios if value is not None])

    def at(value):
        return LABEL + CHART * (math.log2(value) - low) / (high - low)

    block = len(series) * BAR + GAP
    legend = TOP - 24 + 16 * len(series)
    height = legend + len(results) * block + 34
    width = LABEL + CHART + 70
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
           text(12, 22, "How many times better Slipstream is (1 = equal; longer is better)")]
    for i, (name, _) in enumerate(series):
        y = 34 + 16 * i
        out.append(f'<rect x="12" y="{y}" width="10" height="10" fill="{COLOURS[i % 4]}"/>')
        out.append(text(28, y + 9, name))
    for exponent in range(low, high + 1):
        x = at(2.0 ** exponent)
        stroke = 2 if exponent == 0 else 0.5
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{legend}" y2="{height - 24}" '
                   f'stroke="{GREY}" stroke-width="{stroke}"/>')
        out.append(text(x, height - 8, f"{2.0 ** exponent:g} ×", "middle"))
    for row, result in enumerate(results):
        top = legend + GAP / 2 + row * block
        middle = top + len(series) * BAR / 2 + 4
        out.append(text(LABEL - 8, middle, result["title"].replace("`", ""), "end"))
        for i, (_, ratios) in enumerate(series):
            if ratios[row] is not None:
                out += bar(at(1.0), at(ratios[row]), top + i * BAR, (COLOURS[i % 4], ratios[row]))
    return "\n".join([*out, "</svg>"]) + "\n"


def bar(start, end, y, look):
    colour, value = look
    return [f'<rect x="{min(start, end):.1f}" y="{y:.1f}" width="{abs(end - start):.1f}" '
            f'height="{BAR - 2}" fill="{colour}"/>',
            text(max(start, end) + 4, y + BAR - 3, f"{value:.2g} ×")]
