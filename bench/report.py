"""Rows of numbers: medians, ratio, spread; as text for people and as JSON for programs.

Nothing here decides anything: a target that is missed is marked, never an error. A row whose rounds
lie further apart than NOISY on either side is marked too: run it again on a quieter machine before
believing its ratio.
"""
import json
import operator
import statistics

NOISY = 0.15
COLUMNS = ("weir", "pgbouncer", "relay", "direct")
COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Row:
    """One quantity under one condition; `values` holds every round's reading by name."""

    def __init__(self, quantity, condition, values, target="", digits=0, noise_floor=0):
        self.quantity = quantity
        self.condition = condition
        self.values = values
        self.target = target
        self.digits = digits
        self.noise_floor = noise_floor  # medians below it count as it when the spread is computed

    def median(self, name):
        return statistics.median(self.values[name]) if self.values.get(name) else None

    def ratio(self, name="weir", base="pgbouncer"):
        """The median of the rounds' ratios: what a machine does from one minute to the next falls
        out. Of the medians where a side lacks a round, or reads zero."""
        tops, bottoms = self.values.get(name) or [], self.values.get(base) or []
        if tops and len(tops) == len(bottoms) and all(bottoms):
            return statistics.median(top / bottom for top, bottom in zip(tops, bottoms))
        top, bottom = self.median(name), self.median(base)
        return top / bottom if top is not None and bottom else None

    def spread(self):
        """Largest (max - min) / median over the two sides that are compared."""
        spreads = [0.0]
        for name in ("weir", "pgbouncer"):
            rounds = self.values.get(name)
            base = max(self.median(name) or 0, self.noise_floor)
            if rounds and base:
                spreads.append((max(rounds) - min(rounds)) / base)
        return max(spreads)

    def verdict(self):
        """What the target says: yes, no, or nothing. "v < 5" is about weir's value, "< 5" about
        the ratio."""
        value = self.median("weir") if self.target.startswith("v ") else self.ratio()
        if not self.target or value is None:
            return ""
        sign, bound = self.target.split()[-2:]
        return "yes" if COMPARE[sign](value, float(bound)) else "NO"

    def as_json(self):
        return {"quantity": self.quantity, "condition": self.condition,
                "median": {name: self.median(name) for name in self.values},
                "rounds": self.values, "ratio": self.ratio(),
                "ratio_to_relay": self.ratio(base="relay"), "target": self.target,
                "is_met": {"yes": True, "NO": False, "": None}[self.verdict()],
                "spread": self.spread(), "is_noisy": self.spread() > NOISY}


def number(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def line(row):
    noise = f"{row.spread():6.0%}" + (" noisy" if row.spread() > NOISY else "")
    return (f"{row.quantity:21} {row.condition:20} {number(row.median('weir'), row.digits):>9} "
            f"{number(row.median('pgbouncer'), row.digits):>9} {number(row.ratio(), 2):>6} "
            f"{row.target:>8} {row.verdict():>3} {number(row.ratio(base='relay'), 2):>6} "
            f"{number(row.median('relay'), row.digits):>8} "
            f"{number(row.median('direct'), row.digits):>8} {noise}")


def table(groups):
    """`groups` are lists of rows, set apart by empty lines."""
    head = (f"{'':21} {'':20} {'weir':>9} {'pgbouncer':>9} {'ratio':>6} {'target':>8} {'met':>3} "
            f"{'/relay':>6} {'relay':>8} {'direct':>8} spread")
    lines = [head]
    for rows in groups:
        lines += ["", *(line(row) for row in rows)]
    verdicts = [row.verdict() for rows in groups for row in rows if row.verdict()]
    lines += ["", f"targets met: {verdicts.count('yes')} of {len(verdicts)}"]
    return "\n".join(lines)


def write_json(path, machine, groups):
    rows = [row.as_json() for group in groups for row in group]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "rows": rows}, file, indent=1)
        file.write("\n")
