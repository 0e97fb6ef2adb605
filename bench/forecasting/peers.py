"""One peer on one set: `peers.py MODEL SET TRAIN.csv KEPT.jsonl [SECONDS LEAST]`. Adds a line of JSON to KEPT for each
series that has none there yet: its id, CPU seconds, and for each step mean, lo_80, hi_80, lo_95, hi_95.

With SECONDS, it stops after the series that spends them, but not before LEAST series; what KEPT holds of the series is
spent already.

Models: ets, theta, arima (statsforecast), trees (mlforecast + XGBoost, one global model), prophet.
The clock runs over fit and forecast only: imports and just-in-time compilation are warmed up first.
"""

import json
import logging
import os
import signal
import sys
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
warnings.filterwarnings("ignore")

import numpy as np
import pandas as pd

from series_sets import PROPHET_EXAMPLES, SETS

LEVELS = [80, 95]
# Longest season that the peer's ARIMA is asked to model itself; beyond it its own MSTL takes the season out first, as
# its documentation advises. One weekly series would otherwise take many minutes.
LONGEST_ARIMA_SEASON = 24
# A series that takes longer than this is the peer's failure.
SECONDS_PER_SERIES = int(os.environ.get("PEER_SECONDS", "120"))


def children_and_self():
    """CPU seconds; the process' own to the nanosecond, for models that take less than a clock tick."""
    t = os.times()
    return time.process_time() + t.children_user + t.children_system


def statsforecast_model(name, season):
    from statsforecast.models import MSTL, AutoARIMA, AutoETS, AutoTheta

    if name == "arima" and season > LONGEST_ARIMA_SEASON:
        return MSTL(season_length=season, trend_forecaster=AutoARIMA())
    return {"ets": AutoETS, "theta": AutoTheta, "arima": AutoARIMA}[name](season_length=season)


def within(whole, kept, seconds, least):
    """The series to run, one by one, as long as those before have not spent the seconds. `kept` grows meanwhile."""
    spent = 0.0
    for k, (key, part) in enumerate(whole):
        if k >= least and spent >= seconds:
            return
        if key not in kept:
            yield key, part
        spent += kept[key]


def run_statsforecast(name, groups, season, horizon, keep):
    y = np.abs(np.sin(np.arange(240.0))) * 10 + 20
    for values in (y, y + np.arange(240.0)):
        statsforecast_model(name, season).forecast(y=values[-max(40, 3 * season):], h=2, level=LEVELS)

    def stop(*_):
        raise TimeoutError

    signal.signal(signal.SIGVTALRM, stop)
    for key, part in groups:
        model = statsforecast_model(name, season)
        start = children_and_self()
        rows = None
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_PER_SERIES)
            out = model.forecast(y=part["y"].to_numpy(), h=horizon, level=LEVELS)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            sides = [out["mean"]] + [out[f"{s}-{l}"] for l in LEVELS for s in ("lo", "hi")]
            rows = [[float(side[h]) for side in sides] for h in range(horizon)]
        except Exception as error:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            print(f"  {name} failed on {key}: {error!r}", file=sys.stderr, flush=True)
        keep(key, children_and_self() - start, rows)


def run_trees(groups, season, horizon, freq, keep):
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean, RollingStd
    from mlforecast.target_transforms import Differences, LocalStandardScaler
    from xgboost import XGBRegressor

    if not groups:
        return
    frame = pd.concat([part for _, part in groups])
    shortest = int(frame.groupby("unique_id").size().min())
    lags = [l for l in sorted({1, 2, 3, season, season + 1, 2 * season}) if l < shortest - 3]
    transforms = {1: [RollingMean(k) for k in (3, min(season, 12)) if 1 < k < shortest - 3]} if season > 1 else {}
    if season > 1 and min(season, 12) + 2 < shortest:
        transforms[1].append(RollingStd(min(season, 12)))
    date = {"MS": ["month"], "QS": ["quarter"], "D": ["dayofweek"], "W": ["week"], "h": ["hour", "dayofweek"]}.get(freq, [])
    model = MLForecast(
        models={"trees": XGBRegressor(n_estimators=200, max_depth=5, learning_rate=0.06, subsample=0.8,
                                      colsample_bytree=0.8, n_jobs=1, random_state=1)},
        freq=freq, lags=lags, lag_transforms=transforms, date_features=date,
        target_transforms=[Differences([1]), LocalStandardScaler()],
    )
    start = children_and_self()
    model.fit(frame)
    out = model.predict(horizon)
    cpu = (children_and_self() - start) / len(groups)
    for key, part in out.groupby("unique_id", sort=False):
        keep(key, cpu, [[float(value)] + [None] * 4 for value in part["trees"]])


def run_prophet(groups, horizon, freq, keep):
    logging.getLogger("prophet").setLevel(logging.ERROR)
    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    from prophet import Prophet

    if groups:
        warm = groups[0][1][["ds", "y"]]
        Prophet(uncertainty_samples=10).fit(warm).predict(warm.tail(2))
    for key, part in groups:
        start = children_and_self()
        model = Prophet(interval_width=0.95)
        model.fit(part[["ds", "y"]])
        future = model.make_future_dataframe(periods=horizon, freq=freq, include_history=False)
        out = model.predict(future)
        cpu = children_and_self() - start
        columns = (out["yhat"], out["yhat_lower"], out["yhat_upper"])
        keep(key, cpu, [[float(v), None, None, float(lo), float(hi)] for v, lo, hi in zip(*columns)])


def main():
    name, set_name, train, target = sys.argv[1:5]
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else None
    least = int(sys.argv[6]) if len(sys.argv) > 6 else 0
    season, horizon, freq = PROPHET_EXAMPLES.get(set_name) or SETS[set_name][:3]
    frame = pd.read_csv(train, parse_dates=["ds"], dtype={"unique_id": str})
    kept = {}
    if os.path.exists(target):
        with open(target) as file:
            kept = {row["id"]: row["cpu"] for row in map(json.loads, file)}
    whole = list(frame.groupby("unique_id", sort=False))
    groups = [(key, part) for key, part in whole if key not in kept]
    if seconds is not None:
        groups = within(whole, kept, seconds, least)
    done = 0
    with open(target, "a") as file:

        def keep(key, cpu, rows):
            nonlocal done
            file.write(json.dumps({"id": key, "cpu": cpu, "rows": rows}) + "\n")
            file.flush()
            kept[key] = cpu
            done += 1
            if done % 5 == 0:
                print(f"  {set_name}: {name} {len(kept)}/{len(whole)}", file=sys.stderr, flush=True)

        if name == "trees":
            run_trees(groups, season, horizon, freq, keep)
        elif name == "prophet":
            run_prophet(groups, horizon, freq, keep)
        else:
            run_statsforecast(name, groups, season, horizon, keep)


if __name__ == "__main__":
    main()
