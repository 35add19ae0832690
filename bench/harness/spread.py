"""Several measurements of one thing: median, lowest, highest. Must not know what they are of."""

import statistics


class Spread:
    def __init__(self, values):
        self.values = [float(value) for value in values]
        if not self.values:
            raise ValueError("a spread of nothing")
        self.low, self.high = min(self.values), max(self.values)
        self.median = statistics.median(self.values)

    def __truediv__(self, other):
        """Ratios round by round: both were measured in the same rounds, so that what else the machine did in one is in both."""
        if len(self.values) != len(other.values):
            raise ValueError(f"{len(self.values)} rounds beside {len(other.values)}")
        return Spread(mine / theirs if theirs else float("inf") for mine, theirs in zip(self.values, other.values))

    def __sub__(self, other):
        if len(self.values) != len(other.values):
            raise ValueError(f"{len(self.values)} rounds beside {len(other.values)}")
        return Spread(mine - theirs for mine, theirs in zip(self.values, other.values))

    def __str__(self):
        if len(self.values) == 1 or self.low == self.high:
            return number(self.median)
        return f"{number(self.median)} [{number(self.low)}–{number(self.high)}]"

    def as_json(self):
        return {"median": self.median, "low": self.low, "high": self.high, "rounds": self.values}


def number(value):
    """Three digits that count, and no more than two behind the point."""
    if value != value or value in (float("inf"), float("-inf")):
        return "–"
    size = abs(value)
    if size >= 1000:
        return f"{round(value, 3 - len(str(int(size)))):,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"
