"""From samples to what is told of them: medians, the best of each peer, ratios, goals met."""
from .contestants import middle

RULER = "llama.cpp"  # the peer that the goals are stated against


def spread(entry):
    """(median, least, greatest) or None."""
    samples = entry["samples"]
    return (middle(samples), min(samples), max(samples)) if samples else None


def best_entries(result):
    """By name, the configuration with the best median; one that failed, if there is no other."""
    best = {}
    sign = 1 if result["more_is_better"] else -1
    for entry in result["entries"]:
        rank = sign * middle(entry["samples"]) if entry["samples"] else float("-inf")
        if entry["name"] not in best or rank > best[entry["name"]][0]:
            best[entry["name"]] = (rank, entry)
    return {name: entry for name, (_, entry) in best.items()}


def ratio(result, ours, theirs):
    """How many times better ours is, or None."""
    if not (ours and theirs and ours["samples"] and theirs["samples"]):
        return None
    a, b = middle(ours["samples"]), middle(theirs["samples"])
    if min(a, b) <= 0:
        return None
    return a / b if result["more_is_better"] else b / a


def goal_text(result):
    goal, parts = result["goal"], []
    if "ratio" in goal:
        parts.append(f"≥ {goal['ratio']:g} ×")
    if "fraction" in goal:
        parts.append(f"≥ {goal['fraction'] * 100:g} % of the limit")
    if "at_most" in goal:
        parts.append(f"≤ {goal['at_most']:g} {result['unit']}")
    if "of_file" in goal:
        parts.append(f"≤ {goal['of_file']:g} × the file")
    return ", ".join(parts)


def is_met(result, entry):
    """Whether an entry of ours reaches all of the goal; None where that can't be told."""
    goal = result["goal"]
    if not entry["samples"]:
        return None
    value, verdicts = middle(entry["samples"]), []
    if "ratio" in goal:
        times = ratio(result, entry, best_entries(result).get(RULER))
        verdicts.append(None if times is None else times >= goal["ratio"])
    if "fraction" in goal:
        fraction = entry.get("fraction")
        verdicts.append(None if fraction is None else fraction >= goal["fraction"])
    if "at_most" in goal:
        verdicts.append(value <= goal["at_most"])
    if "of_file" in goal:
        verdicts.append(value <= goal["of_file"] * goal["file_mb"])
    if False in verdicts:
        return False
    return None if None in verdicts else True
