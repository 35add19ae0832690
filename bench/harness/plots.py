"""The plots of a run, as SVG. Without matplotlib there are none, and the run says so. Must not know what is measured."""

try:
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as pyplot
    matplotlib.rcParams |= {"svg.hashsalt": "logboom", "svg.fonttype": "none", "figure.figsize": (8, 5), "axes.grid": True, "grid.alpha": 0.3}
except ImportError:
    pyplot = None

ABSENT = None if pyplot else "python3-matplotlib is not installed: no plots"


def _save(figure, path):
    path.parent.mkdir(exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path.name


def latency(path, title, unit, curves):
    """`curves`: name → [[part of the samples, value] …]. The abscissa goes by nines, so that the tail is seen."""
    if pyplot is None:
        return None
    figure, axes = pyplot.subplots()
    deepest = 1e-1
    for name, curve in curves.items():
        points = [(1 - part, max(value, 1e-3)) for part, value in curve if part < 1]
        deepest = min([deepest, *(rest for rest, _ in points)])
        axes.plot([rest for rest, _ in points], [value for _, value in points], label=name, drawstyle="steps-post")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1, deepest)
    marks = [(1 - q, text) for q, text in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (0.9999, "p99.99")) if 1 - q >= deepest * 0.9]
    axes.set_xticks([rest for rest, _ in marks], [text for _, text in marks])
    axes.set_xticks([], minor=True)
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.legend()
    return _save(figure, path)


def scaling(path, title, across, unit, lines, logarithmic=False):
    """`lines`: name → [(x, Spread) …], with lowest and highest as bars."""
    if pyplot is None:
        return None
    figure, axes = pyplot.subplots()
    for name, points in lines.items():
        middles = [spread.median for _, spread in points]
        errors = [[spread.median - spread.low for _, spread in points], [spread.high - spread.median for _, spread in points]]
        axes.errorbar([x for x, _ in points], middles, yerr=errors, label=name, marker="o", capsize=3)
    axes.set_xscale("log")
    ticks = sorted({x for points in lines.values() for x, _ in points})
    axes.set_xticks(ticks, [f"{x:,}" for x in ticks])
    axes.set_xticks([], minor=True)
    if logarithmic:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_title(title)
    axes.set_xlabel(across)
    axes.set_ylabel(unit)
    axes.legend()
    return _save(figure, path)
