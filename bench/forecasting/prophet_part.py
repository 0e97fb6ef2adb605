"""Ours beside prophet from PyPI, set by set on the same series: how far apart the forecasts are, and the CPU time of each.

The difference of a series is mean |ours - theirs| over the horizon, over mean |theirs|. Ours cuts forecasts at zero where
the history was never negative; theirs are cut the same before they are compared. Ours also backtests and calibrates in
the time measured; theirs samples its own intervals, as it does by default.
"""

import os
import statistics

from series_sets import PROPHET_EXAMPLES, SETS, directory, read_example, sample, write_train


def run(total, sets, folder, run_ours, run_peer, read):
    """Figures for the summary. `run_ours`, `run_peer` and `read` are those of the comparison."""
    apart, ours_cpu, theirs_cpu = [], 0.0, 0.0
    print(f"\nprophet beside prophet\n  {'set':<32}{'series':>8}{'median %':>10}{'95th %':>10}{'over 2 %':>10}"
          f"{'ms/series':>11}{'theirs':>9}", flush=True)
    rows = [(name, sample(name, total), SETS[name][0], SETS[name][1]) for name in sets]
    for name, (season, horizon, _) in PROPHET_EXAMPLES.items():
        if os.path.exists(os.path.join(directory(), f"{name}.csv")):
            rows.append((name, {name: (read_example(name), [])}, season, horizon))
    for name, series, season, horizon in rows:
        train, out = (os.path.join(folder, f) for f in ("train.csv", "ours.csv"))
        write_train(series, train)
        mine = run_ours("prophet", season, horizon, train, out)
        forecasts = read(out)
        theirs, spent = run_peer("prophet", name, series, train)
        cpu = sum(spent.values())
        found = []
        for key, steps in theirs.items():
            floor = 0.0 if all(y >= 0 for _, y in series[key][0]) else float("-inf")
            reference = [max(floor, step[0]) for step in steps]
            gap = sum(abs(r - step[0]) for r, step in zip(reference, forecasts[key]))
            found.append(gap / max(1e-12, sum(abs(r) for r in reference)))
        found.sort()
        print(f"  {name:<32}{len(found):>8}{100 * statistics.median(found):>10.4f}"
              f"{100 * found[int(0.95 * (len(found) - 1))]:>10.3f}{sum(d >= 0.02 for d in found):>10}"
              f"{1000 * mine / len(series):>11.2f}{1000 * cpu / len(series):>9.1f}", flush=True)
        apart += found
        ours_cpu += mine
        theirs_cpu += cpu
    median = 100 * statistics.median(apart)
    under = sum(d < 0.02 for d in apart) / len(apart)
    faster = theirs_cpu / max(1e-9, ours_cpu)

    return [
        (f"prophet: median difference to prophet over {len(apart)} series", median, "%", "<= 0.2", median <= 0.2),
        ("prophet: fits under 2 % of difference", under, "share", ">= 0.95", under >= 0.95),
        ("prophet CPU of peer over ours (backtest and calibration included)", faster, "x", ">= 10", faster >= 10),
    ]
