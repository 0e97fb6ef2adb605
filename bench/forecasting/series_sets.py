"""The open series of the benchmark: where they are, which are sampled, and how they are read."""

import csv
import os
from collections import OrderedDict

# set: season, horizon, pandas frequency, share of the whole sample
SETS = OrderedDict(
    m3_monthly=(12, 18, "MS", 0.17),
    m3_quarterly=(4, 8, "QS", 0.12),
    m3_yearly=(1, 6, "YS", 0.12),
    m3_other=(1, 8, "D", 0.09),
    tourism_monthly=(12, 24, "MS", 0.10),
    tourism_quarterly=(4, 8, "QS", 0.10),
    nn5_daily=(7, 56, "D", 0.07),
    aus_retail=(12, 18, "MS", 0.10),
    m4_weekly=(52, 13, "W", 0.07),
    m4_hourly=(24, 48, "h", 0.06),
)

# Sets with columns that are known ahead: file, season, horizon, columns
EXOGENOUS_SETS = OrderedDict(
    exog_walmart_weekly=(52, 20, ["IsHoliday", "Temperature", "Fuel_Price", "CPI", "Unemployment"]),
    exog_bike_daily=(7, 60, ["holiday", "workingday", "weathersit", "temp", "hum", "windspeed"]),
)

# Single series that come with prophet's own documentation: season, horizon, pandas frequency
PROPHET_EXAMPLES = OrderedDict(
    example_wp_log_peyton_manning=(7, 365, "D"),
    example_air_passengers=(12, 36, "MS"),
    example_retail_sales=(12, 36, "MS"),
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


def read_example(name):
    """The rows of a file that holds one series without an identifier."""
    with open(os.path.join(directory(), f"{name}.csv"), newline=None) as file:
        return [(row["ds"], float(row["y"])) for row in csv.DictReader(file)]


def scattered(count):
    """The numbers below `count`, each far from those before it: any beginning is spread over the whole, and a larger
    sample contains a smaller one, so that forecasts kept from one run serve another."""
    bits = max(1, (count - 1).bit_length())
    turned = (int(format(k, f"0{bits}b")[::-1], 2) for k in range(1 << bits))
    return [k for k in turned if k < count]


def sample(name, total):
    """This set's part of a sample of `total` series over all sets: id -> (train rows, test values)."""
    train = read(os.path.join(directory(), f"{name}_train.csv"))
    test = read(os.path.join(directory(), f"{name}_test.csv"))
    ids = [i for i in train if i in test]
    wanted = len(ids) if total == "all" else min(len(ids), max(2, round(SETS[name][3] * total)))
    chosen = [ids[k] for k in sorted(scattered(len(ids))[:wanted])]
    return OrderedDict((i, (train[i], [y for _, y in test[i]])) for i in chosen)


def write_train(series, path):
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["unique_id", "ds", "y"])
        for name, (train, _) in series.items():
            for ds, y in train:
                out.writerow([name, ds, y])
