"""The Markdown of a comparison of servers."""
from .report import NOTHING, line
from .scenarios import SCENARIOS


def best(entries, scenario):
    """By name, the configuration with the best headline; a failed one if there is no other."""
    found = {}
    for entry in entries:
        value = entry.get("figures", {}).get(scenario.headline)
        rank = float("-inf") if value is None else value if scenario.more_is_better else -value
        if entry["name"] not in found or rank > found[entry["name"]][0]:
            found[entry["name"]] = (rank, entry)
    return {name: entry for name, (_, entry) in found.items()}


def number(value):
    if value is None:
        return NOTHING
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(ours, theirs):
    """How many times theirs ours is, or ours theirs, whichever is above 1."""
    if not ours or not theirs:
        return NOTHING
    return f"{ours / theirs:.2f} ×" if ours >= theirs else f"1/{theirs / ours:.2f} ×"


def verdict(scenario, figure, ours, theirs):
    for name, text, is_met in scenario.goals:
        if name == figure:
            met = None if ours is None else is_met(ours, theirs)
            return f"{text}: " + {True: "met", False: "missed", None: "unknown"}[met]
    return ""


def section(result, scenario):
    entries = best(result["entries"], scenario)
    ours = next((e for e in entries.values() if not e["peer"]), {})
    peers = [e for e in entries.values() if e["peer"]]
    heads = ["", *(e["name"] for e in [ours, *peers] if e), *(["ratio"] if peers else []), "goal"]
    rows = [line(heads), line(["---"] * len(heads))]
    names = dict.fromkeys(name for e in [ours, *peers] for name in e.get("figures", {}))
    for name in names:
        mine = ours.get("figures", {}).get(name)
        others = [peer.get("figures", {}).get(name) for peer in peers]
        cells = [name, *([number(mine)] if ours else []), *map(number, others)]
        if peers:
            cells.append(ratio(mine, others[0]))
        rows.append(line([*cells, verdict(scenario, name, mine, others[0] if others else None)]))
    notes = [f"{e['name']}: {e['configuration']}" + (f"; failed: {e['error']}" if "error" in e else "")
             for e in [ours, *peers] if e]
    return f"### {result['title']}\n\n" + "\n".join(rows) + f"\n\n{'. '.join(notes)}.\n"


def markdown(found):
    machine = found["machine"]
    head = (f"{found['title']}. {machine['cpu']}, {machine['cores']} cores, {found['threads']} "
            f"threads. {found['slipstream']}.\n\n")
    known = {scenario.name: scenario for scenario in SCENARIOS}
    return head + "\n".join(section(result, known[result["name"]]) for result in found["results"])
