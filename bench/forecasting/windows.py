"""Coverage over several windows: the last one is a single throw for each set, as its series go through good and bad times
together. The same sample is forecast from the last origin and from earlier ones, each a horizon before the next, inside
the training parts.
"""

import os
import statistics

from scores import read, score
from series_sets import SETS, sample, write_train

# Windows before the last one.
EARLIER = 3
# Seasons, and points, that are left to learn from.
LEAST = (3, 16)
LEVELS = (("c80", 0.80), ("c95", 0.95))


def earlier(series, season, horizon, window):
    """The series as they were `window` horizons before the end of their training parts, and what then came."""
    if window == 0:
        return series
    found = {}
    for name, (train, _) in series.items():
        cut = len(train) - window * horizon
        if cut >= max(LEAST[0] * season, LEAST[1]):
            found[name] = (train[:cut], [y for _, y in train[cut:cut + horizon]])
    return found


def run(run_ours, total, sets, folder):
    """Figures for the summary."""
    train, out = os.path.join(folder, "train.csv"), os.path.join(folder, "ours.csv")
    found = {}
    heads = "".join(f"{f'{k} back' if k else 'last':>15}" for k in range(EARLIER + 1))
    print(f"\nthe ensemble from the last and {EARLIER} earlier origins, share inside 80/95 %\n  {'':<20}{'n':>6}{'all':>15}{heads}", flush=True)
    for name in sets:
        season, horizon, _, _ = SETS[name]
        whole = sample(name, total)
        for window in range(EARLIER + 1):
            series = earlier(whole, season, horizon, window)
            if not series:
                continue
            write_train(series, train)
            run_ours("ensemble", season, horizon, train, out)
            found[name, window] = list(score(series, read(out), season).values())
        print(row(found, name), flush=True)
    print(row(found), flush=True)
    figures = []
    for key, level in LEVELS:
        value = share(found, key)
        said = f"coverage of the {level:.0%} interval from {1 + EARLIER} origins"
        figures.append((f"{said}, pooled", value, "share", f"{level} ± 0.01", abs(value - level) <= 0.01))
        by_set = {name: share(found, key, name) for name, _ in found}
        name = max(by_set, key=lambda s: abs(by_set[s] - level))
        holds = abs(by_set[name] - level) <= 0.03
        figures.append((f"{said}, worst set ({name})", by_set[name], "share", f"{level} ± 0.03", holds))
    return figures


def of(found, name=None, window=None):
    """Scores of a set and a window, of all where none is named."""
    return [s for (n, w), scores in found.items() if name in (None, n) and window in (None, w) for s in scores]


def share(found, key, name=None, window=None):
    return statistics.fmean(s[key] for s in of(found, name, window))


def row(found, name=None):
    def cell(window=None):
        if not of(found, name, window):
            return f"{'-':>15}"
        return f"{'/'.join(f'{share(found, key, name, window):.3f}' for key, _ in LEVELS):>15}"

    cells = "".join(cell(window) for window in (None, *range(EARLIER + 1)))
    return f"  {name or 'all':<20}{len(of(found, name)):>6}{cells}"
