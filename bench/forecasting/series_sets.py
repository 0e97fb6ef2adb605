"""The open series of the benchmark: where they are, which are sampled, and how they are read."""

import csv
import os
from collections import OrderedDict

# set, season, horizon, pandas frequency, series sampled
SETS = OrderedDict(
    m3_monthly=(12, 18, "MS", 100),
    m3_quarterly=(4, 8, "QS", 70),
    m3_yearly=(1, 6, "YS", 70),
    m3_other=(1, 8, "D", 50),
    tourism_monthly=(12, 24, "MS", 60),
    tourism_quarterly=(4, 8, "QS", 60),
    nn5_daily=(7, 56, "D", 40),
    aus_retail=(12, 18, "MS", 60),
    m4_weekly=(52, 13, "W", 40),
    m4_hourly=(24, 48, "h", 30),
)


def directory():
    root = os.environ.get("DYOCENSE_CASES")
    if not root:
        here = os.path.dirname(os.path.abspath(__file__))
        root = os.path.join(here, "..", "..", "..", "shared", "cases")
    inner = os.path.join(root, "forecasting")
    return inner if os.path.isdir(inner) else root


def read(path):
    """Series of a file in order of appearance: id -> list of (ds, y)."""
    out = OrderedDict()
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            out.setdefault(row["unique_id"], []).append((row["ds"], float(row["y"])))
    return out


def sample(name, share=1.0):
    """Evenly spaced series of a set: id -> (train rows, test values)."""
    train = read(os.path.join(directory(), f"{name}_train.csv"))
    test = read(os.path.join(directory(), f"{name}_test.csv"))
    ids = [i for i in train if i in test]
    wanted = len(ids) if share == "all" else max(1, round(SETS[name][3] * share))
    step = max(1.0, len(ids) / wanted)
    chosen = [ids[int(k * step)] for k in range(min(wanted, len(ids)))]
    return OrderedDict((i, (train[i], [y for _, y in test[i]])) for i in chosen)


def write_train(series, path):
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["unique_id", "ds", "y"])
        for name, (train, _) in series.items():
            for ds, y in train:
                out.writerow([name, ds, y])
