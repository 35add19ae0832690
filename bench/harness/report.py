"""What a section found: tables for people, everything for the file. Must not know how anything is measured."""

from harness.spread import Spread


class Table:
    def __init__(self, title, columns):
        self.title, self.columns, self.rows = title, columns, []

    def row(self, *cells):
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells in a table of {len(self.columns)} columns")
        self.rows.append(cells)

    def lines(self):
        texts = [[cell if isinstance(cell, str) else "–" if cell is None else str(cell) for cell in row] for row in [self.columns, *self.rows]]
        widths = [max(len(row[i]) for row in texts) for i in range(len(self.columns))]
        made = ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip() for row in texts]
        return [self.title, "", *(f"  {line}" for line in [made[0], "  ".join("─" * width for width in widths), *made[1:]])]

    def as_json(self):
        return {"title": self.title, "columns": self.columns, "rows": [[as_json(cell) for cell in row] for row in self.rows]}


class Section:
    """`shows_not`: what nobody should conclude from it."""

    def __init__(self, name, title, workload, shows_not):
        self.name, self.title, self.workload, self.shows_not = name, title, workload, shows_not
        self.tables, self.targets, self.absent, self.notes, self.plots = [], {}, {}, [], []
        self.measured = {}  # all that was measured, as the programs said it
        self.load = None

    def table(self, title, columns):
        self.tables.append(Table(title, columns))
        return self.tables[-1]

    def note(self, line):
        self.notes.append(line)

    def as_text(self):
        lines = [f"━━ {self.name}: {self.title}", f"   workload: {self.workload}"]
        for table in self.tables:
            lines += ["", *(f"   {line}".rstrip() for line in table.lines())]
        lines.append("")
        lines += [f"   absent: {peer}: {reason}" for peer, reason in self.absent.items()]
        lines += [f"   note: {line}" for line in self.notes]
        lines.append(f"   does not show: {self.shows_not}")
        if self.load is not None:
            seen = f"{self.load['foreign']:.0%} of the processors were others', {self.load['stolen']:.0%} the host's; load {self.load['load_average']:.1f} at its end"
            lines.append(f"   {self.load['seconds']:.0f} s; {seen}" + ("" if self.load["quiet"] else ": NOT QUIET, its figures say little"))
        return "\n".join(lines)

    def as_json(self):
        return {"title": self.title, "workload": self.workload, "shows_not": self.shows_not, "load": self.load, "absent": self.absent, "notes": self.notes,
                "tables": [table.as_json() for table in self.tables], "targets": {name: as_json(value) for name, value in self.targets.items()},
                "plots": [name for name in self.plots if name], "measured": as_json(self.measured)}


def as_json(value):
    if isinstance(value, Spread):
        return value.as_json()
    if isinstance(value, dict):
        return {str(key): as_json(each) for key, each in value.items() if key != "curve"}  # which the plots have
    if isinstance(value, (list, tuple)):
        return [as_json(each) for each in value]
    return value
