"""One peer on one set: `peers.py MODEL SET TRAIN.csv OUT.csv`. Prints one JSON line with its CPU seconds.

Models: ets, theta, arima (statsforecast), trees (mlforecast + XGBoost, one global model), prophet.
The clock runs over fit and forecast only: imports and just-in-time compilation are warmed up first.
"""

import json
import logging
import os
import sys
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
warnings.filterwarnings("ignore")

import numpy as np
import pandas as pd

from series_sets import SETS

LEVELS = [80, 95]


def children_and_self():
    """CPU seconds; the process' own to the nanosecond, for models that take less than a clock tick."""
    t = os.times()
    return time.process_time() + t.children_user + t.children_system


def statsforecast_model(name, season):
    from statsforecast.models import AutoARIMA, AutoETS, AutoTheta

    return {"ets": AutoETS, "theta": AutoTheta, "arima": AutoARIMA}[name](season_length=season)


def run_statsforecast(name, frame, season, horizon):
    rows, failures, times = [], 0, []
    warm = statsforecast_model(name, min(season, 12))
    y = np.abs(np.sin(np.arange(40.0))) * 10 + 20
    warm.forecast(y=y, h=2, level=LEVELS)
    warm.forecast(y=y + np.arange(40.0), h=2, level=LEVELS)
    groups = list(frame.groupby("unique_id", sort=False))
    for number, (key, part) in enumerate(groups):
        if number % 5 == 0:
            print(f"{name} {number}/{len(groups)}", file=sys.stderr, flush=True)
        model = statsforecast_model(name, season)
        start = children_and_self()
        try:
            out = model.forecast(y=part["y"].to_numpy(), h=horizon, level=LEVELS)
            times.append(children_and_self() - start)
            for h in range(horizon):
                rows.append([key, h + 1, name, out["mean"][h]] + [out[f"{s}-{l}"][h] for l in LEVELS for s in ("lo", "hi")])
        except Exception as error:
            times.append(children_and_self() - start)
            failures += 1
            print(f"{name} failed on {key}: {error}", file=sys.stderr)
    return rows, times, failures


def run_trees(frame, season, horizon, freq):
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean, RollingStd
    from mlforecast.target_transforms import Differences, LocalStandardScaler
    from xgboost import XGBRegressor

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
    cpu = children_and_self() - start
    rows = []
    for key, part in out.groupby("unique_id", sort=False):
        for h, value in enumerate(part["trees"]):
            rows.append([key, h + 1, "trees", value, "", "", "", ""])
    count = frame["unique_id"].nunique()
    return rows, [cpu / count] * count, 0


def run_prophet(frame, horizon, freq):
    logging.getLogger("prophet").setLevel(logging.ERROR)
    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    from prophet import Prophet

    rows, times = [], []
    groups = list(frame.groupby("unique_id", sort=False))
    for number, (key, part) in enumerate(groups):
        if number % 5 == 0:
            print(f"prophet {number}/{len(groups)}", file=sys.stderr, flush=True)
        start = children_and_self()
        model = Prophet(interval_width=0.95)
        model.fit(part[["ds", "y"]])
        future = model.make_future_dataframe(periods=horizon, freq=freq, include_history=False)
        out = model.predict(future)
        times.append(children_and_self() - start)
        lo, hi = out["yhat_lower"].to_numpy(), out["yhat_upper"].to_numpy()
        for h, value in enumerate(out["yhat"]):
            rows.append([key, h + 1, "prophet", value, "", "", lo[h], hi[h]])
    return rows, times, 0


def main():
    name, set_name, train, target = sys.argv[1:5]
    season, horizon, freq, _ = SETS[set_name]
    frame = pd.read_csv(train, parse_dates=["ds"], dtype={"unique_id": str})
    if name == "trees":
        rows, times, failures = run_trees(frame, season, horizon, freq)
    elif name == "prophet":
        rows, times, failures = run_prophet(frame, horizon, freq)
    else:
        rows, times, failures = run_statsforecast(name, frame, season, horizon)
    out = pd.DataFrame(rows, columns=["unique_id", "step", "model", "mean", "lo_80", "hi_80", "lo_95", "hi_95"])
    out.to_csv(target, index=False)
    quantile = lambda q: float(np.quantile(times, q)) if times else 0.0
    print(json.dumps({"model": name, "set": set_name, "series": len(times), "cpu": sum(times), "p50": quantile(0.5),
                      "p99": quantile(0.99), "failures": failures}))


if __name__ == "__main__":
    main()
