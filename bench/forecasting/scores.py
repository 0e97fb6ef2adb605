"""How good forecasts are, series by series, and means over the series that several sides answered."""

import csv
import statistics

KEYS = ("mase", "smape", "c80", "c95", "msis")


def read(path):
    """Forecasts of a file: id -> for each step mean, lo_80, hi_80, lo_95, hi_95."""
    out = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            cells = [float(row[k]) if row.get(k) else None for k in ("mean", "lo_80", "hi_80", "lo_95", "hi_95")]
            out.setdefault(row["unique_id"], []).append(cells)
    return out


def scale(train, season):
    """Mean absolute error of the seasonal naive method inside the training part."""
    lag = season if len(train) > season else 1
    return sum(abs(a - b) for a, b in zip(train, train[lag:])) / (len(train) - lag)


def score(series, forecasts, season):
    """id -> MASE, sMAPE, coverage at 80 and 95 %, MSIS (what a side does not say is None), for the series that change and
    that have an answer."""
    out = {}
    for name, (train, actual) in series.items():
        rows = forecasts.get(name)
        base = scale([y for _, y in train], season)
        if rows is None or base == 0:
            continue
        pairs = list(zip(actual, rows))
        found = dict.fromkeys(KEYS)
        found["mase"] = statistics.fmean(abs(y - r[0]) for y, r in pairs) / base
        found["smape"] = 100 * statistics.fmean(2 * abs(y - r[0]) / max(abs(y) + abs(r[0]), 1e-300) for y, r in pairs)
        if rows[0][1] is not None:
            found["c80"] = statistics.fmean(r[1] <= y <= r[2] for y, r in pairs)
        if rows[0][3] is not None:
            found["c95"] = statistics.fmean(r[3] <= y <= r[4] for y, r in pairs)
            found["msis"] = statistics.fmean(
                (r[4] - r[3]) + 40 * max(0, r[3] - y) + 40 * max(0, y - r[4]) for y, r in pairs) / base
        out[name] = found
    return out


def median_of(parts):
    """The median of several sides' forecasts, for the series that all of them answered."""
    out = {}
    for name in set.intersection(*(set(p) for p in parts)):
        out[name] = [[statistics.median(p[name][h][0] for p in parts)] + [None] * 4 for h in range(len(parts[0][name]))]
    return out


class Side:
    """What one side answered: for each set its scores and CPU seconds by series, and how many it could not answer."""

    def __init__(self):
        self.scores, self.cpu, self.failed = {}, {}, {}

    def put(self, name, scores, cpu, failed):
        self.scores[name], self.cpu[name], self.failed[name] = scores, cpu, failed

    def sets(self):
        return [name for name in self.scores if self.scores[name]]

    def count(self):
        return sum(len(self.scores[name]) for name in self.scores)


def mean(side, key="mase", beside=None, only=None):
    """The mean over all series of the side (of the set `only`, if given), those alone that `beside` answered too; None
    where nothing is said."""
    values = []
    for name, found in side.scores.items():
        if only is not None and name != only:
            continue
        ids = found if beside is None else [i for i in found if i in beside.scores.get(name, {})]
        values += [found[i][key] for i in ids if found[i][key] is not None]
    return statistics.fmean(values) if values else None


def ratio(mine, theirs, key="mase", only=None):
    """Ours over theirs on the series that both answered."""
    return mean(mine, key, theirs, only) / mean(theirs, key, mine, only)


def cpu_ratio(mine, theirs):
    """CPU seconds of theirs over ours for the series that theirs was run on."""
    pairs = [(theirs.cpu[s][i], mine.cpu[s][i]) for s in theirs.cpu for i in theirs.cpu[s] if i in mine.cpu.get(s, {})]
    return sum(p[0] for p in pairs) / max(1e-9, sum(p[1] for p in pairs))
