"""Measuring a work: all contestants in turn, round after round."""
from . import Failure
from .contestants import middle
from .process import stolen_share, stolen_ticks

# A peer's configuration whose best sample of so many rounds is this much slower than the best one's
# isn't run again.
TRIAL_ROUNDS, HOPELESS = 2, 0.75


class Entry:
    """A contestant's samples of one work."""

    def __init__(self, contestant):
        self.contestant = contestant
        self.samples = []
        self.error = None

    def as_json(self):
        out = {"name": self.contestant.name, "peer": self.contestant.peer,
               "configuration": self.contestant.configuration,
               "samples": [round(sample.value, 3) for sample in self.samples]}
        fractions = [sample.fraction for sample in self.samples if sample.fraction is not None]
        if fractions:
            out["fraction"] = round(middle(fractions), 4)
            out["bound"] = self.samples[-1].bound
        if self.error:
            out["error"] = self.error
        return out


def measure(work, contestants, setting, n_rounds, say):
    """The work's results, as they stand in the JSON file."""
    entries = [Entry(contestant) for contestant in contestants if contestant.can(work)]
    if work.kind == "memory":  # which hardly varies
        n_rounds = 1
    before = stolen_ticks()
    running = entries
    for number in range(n_rounds):
        say(f"{work.name}, round {number + 1} of {n_rounds}")
        take_round(work, running, setting, say)
        if number + 1 == TRIAL_ROUNDS:
            running = [entry for entry in entries if has_hope(work, entry, entries)]
    share = stolen_share(before, stolen_ticks())
    return {"name": work.name, "title": work.title, "unit": work.unit,
            "more_is_better": work.more_is_better, "goal": goal_of(work, setting),
            "stolen": None if share is None else round(share, 4),
            "entries": [entry.as_json() for entry in entries]}


def take_round(work, entries, setting, say):
    measured = []
    for entry in entries:
        if entry.error:
            continue
        try:
            if work.kind in ("start", "memory"):  # what it reads is packed and in the page cache
                entry.contestant.sample(work, setting)
            sample = entry.contestant.sample(work, setting)
        except Failure as failure:
            entry.error = str(failure)
            say(f"  {entry.contestant.name} ({entry.contestant.configuration}): {failure}")
            continue
        entry.samples.append(sample)
        measured.append(entry)
        say(f"  {entry.contestant.name} ({entry.contestant.configuration}): "
            f"{sample.value:.1f} {work.unit}")
    for entry in measured:
        entry.samples[-1] = of_one_limit(entry.samples[-1], [it.samples[-1] for it in measured])


def of_one_limit(sample, rivals):
    """The sample as a share of the highest limit that a run of the same round measured: each has
    peaks of its own, and the machine isn't slower for one precision than for another."""
    limits = [it.value / it.fraction for it in rivals if it.fraction and it.bound == sample.bound]
    return sample._replace(fraction=sample.value / max(limits)) if sample.fraction else sample


def has_hope(work, entry, entries):
    """Whether this configuration may yet turn out to be the best of its peer's."""
    if not entry.contestant.peer or not entry.samples:
        return not entry.error

    def best(of):
        values = [sample.value for sample in of.samples]
        return max(values) if work.more_is_better else 1 / min(values)

    rivals = [other for other in entries
              if other.contestant.name == entry.contestant.name and other.samples]
    return best(entry) >= HOPELESS * max(map(best, rivals))


def goal_of(work, setting):
    """What is asked for, the size of the file filled in."""
    goal = {key: value for key, value in work.goal._asdict().items() if value is not None}
    if "of_file" in goal:
        goal["file_mb"] = round(setting.path(work).stat().st_size / 1e6, 1)
    return goal
