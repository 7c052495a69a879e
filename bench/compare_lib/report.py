"""The Markdown of a comparison, and its place in the README."""
from . import Failure
from .figures import RULER, best_entries, goal_text, is_met, ratio, spread

BEGIN, END = "<!-- bench/compare: begin -->", "<!-- bench/compare: end -->"
NOTHING = "—"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def cell(result, entry):
    if entry is None:
        return NOTHING
    figures = spread(entry)
    if figures is None:
        return "failed"
    median, least, greatest = map(number, figures)
    text = f"{median} {result['unit']} ({least}…{greatest})"
    return f"{text}, {entry['configuration']}" if entry["peer"] else text


def names_of(results):
    """Our columns and the peers', each in the order of appearance."""
    ours, peers = {}, {}
    for result in results:
        for entry in result["entries"]:
            (peers if entry["peer"] else ours)[entry["name"]] = True
    return list(ours), list(peers)


def line(cells):
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in cells) + " |"


def each(ours, entries, text_of):
    """A cell for all of our columns together: what text_of says of each, in their order."""
    texts = [text_of(entries[name]) if name in entries else NOTHING for name in ours]
    return " / ".join(texts)


def row(result, ours, peers):
    entries = best_entries(result)

    def times_of(peer):
        def text(entry):
            times = ratio(result, entry, entries.get(peer))
            return NOTHING if times is None else f"{times:.2f} ×"
        return text

    def fraction(entry):
        if "fraction" not in entry:
            return NOTHING
        return f"{entry['fraction'] * 100:.0f} % {entry['bound']}"

    def verdict(entry):
        return {True: "met", False: "missed", None: "unknown"}[is_met(result, entry)]

    cells = [result["title"]] + [cell(result, entries.get(name)) for name in ours + peers]
    cells += [each(ours, entries, times_of(peer)) for peer in peers]
    cells += [each(ours, entries, fraction),
              f"{goal_text(result)}: {each(ours, entries, verdict)}"]
    return line(cells)


def table(results):
    ours, peers = names_of(results)
    heads = ["work", *ours, *peers, *(f"against {peer}" for peer in peers),
             "of the machine's limit", f"goal (ratios: against {RULER})"]
    return "\n".join([line(heads), line(["---"] * len(heads)),
                      *(row(result, ours, peers) for result in results)]) + "\n"


def notes(report):
    """What the table needs to be understood, and what failed."""
    machine, results = report["machine"], report["results"]
    stolen = [result["stolen"] for result in results if result["stolen"] is not None]
    ours = names_of(results)[0]
    text = (f"{machine['cpu']}, {report['threads']} threads, {report['slipstream']}. "
            f"Rounds, interleaved: {report['rounds']}; medians (least…greatest), each peer in the "
            "configuration that was best at the work.")
    if len(ours) > 1:
        text += f" Where a cell has several figures, they are of {'; '.join(ours)}."
    if stolen:
        text += f" Processor time stolen from the machine meanwhile: up to {max(stolen):.1%}."
    failures = dict.fromkeys(
        f"{entry['name']} ({entry['configuration']}), {result['title']}: {entry['error']}"
        for result in results for entry in result["entries"] if "error" in entry)
    lines = "".join(f"- {' '.join(failure.split())}\n" for failure in failures)
    return text + "\n" + (f"\nWhat failed:\n{lines}" if lines else "")


def markdown(report):
    return table(report["results"]) + "\n" + notes(report)


def replace_section(text, section):
    """The text with `section` between the markers."""
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise Failure(f"expected the lines {BEGIN} and {END}, got a text without them")
    return text[:begin + len(BEGIN)] + "\n" + section.strip("\n") + "\n" + text[end:]
