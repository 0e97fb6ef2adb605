"""Runs ours and the peers set by set, one after the other on the same series, and compares.

Parts: the sample over all sets (`accuracy`), columns that are known ahead (`exogenous`), the whole open part of the M3
competition (`m3`), anomalies (`anomalies`, see anomalies.py), and Prophet beside prophet (`prophet`, see
prophet_part.py).

Accuracy: MASE with the seasonal naive scale of the training part, mean over series; sMAPE as in the M3 competition. CPU: user and system time of the
thread that fits and forecasts, backtests and calibration included; imports, compilation and reading are not counted, on
either side. Peers' forecasts and their times are kept by series, so that a second run costs only ours.
"""

import argparse
import csv
import hashlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

import anomalies
import prophet_part
from series_sets import EXOGENOUS_SETS, SETS, directory, sample, write_train

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.environ.get("DYOCENSE_BIN")
KEPT = os.path.join(os.environ["DYOCENSE_BENCH_DIR"], "peers")
OURS = ["theta", "ets", "trees", "arima", "ensemble"]
PEERS = ["theta", "ets", "trees", "arima"]
PARTS = ["accuracy", "exogenous", "m3", "anomalies", "prophet"]
M3 = [name for name in SETS if name.startswith("m3_")]
# MASE and sMAPE over all 3,003 series as published (Makridakis & Hibon 2000; Hyndman et al. 2008). The open part holds
# 2,167 of them: the peers' own figures on that part stand beside.
M3_PUBLISHED = {"Theta": (1.39, 12.76), "ETS": (1.43, 13.07), "auto.arima": (1.45, 13.57), "ForecastPro": (1.47, 13.06)}


def run_ours(model, season, horizon, train, out, exogenous=None):
    """CPU seconds. The program's include its start-up and its reading, the engine's do not."""
    if BINARY:
        command = [BINARY, "forecast", "--series", train, "--season", str(season), "--horizon", str(horizon),
                   "--level", "80,95", "--model", model, "--threads", "1", "--out", out]
        command += ["--exog", exogenous] if exogenous else []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    command = [os.environ["DYOCENSE_BATCH"], train, str(season), str(horizon), model, out]
    command += [exogenous] if exogenous else []
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def kept_rows(path):
    """What a peer answered in earlier runs, by series."""
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        return {row["id"]: row for row in map(json.loads, file)}


def run_peer(model, name, series, train):
    """Forecasts and CPU seconds of the peer for these series; what is kept from earlier runs is not run again."""
    folder = os.path.join(KEPT, name)
    os.makedirs(folder, exist_ok=True)
    # A model over all series is another model on another sample.
    tag = f"trees-{hashlib.sha256(' '.join(series).encode()).hexdigest()[:12]}" if model == "trees" else model
    path = os.path.join(folder, f"{tag}.jsonl")
    kept = kept_rows(path)
    if any(i not in kept for i in series):
        done = subprocess.run([sys.executable, os.path.join(HERE, "peers.py"), model, name, train, path])
        if done.returncode != 0:
            raise SystemExit(f"the peer {model} could not be run on {name}")
        kept = kept_rows(path)
    forecasts = {i: kept[i]["rows"] for i in series if kept[i]["rows"]}
    return forecasts, sum(kept[i]["cpu"] for i in series)


def read(path):
    out = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            cells = [float(row[k]) if row.get(k) else None for k in ("mean", "lo_80", "hi_80", "lo_95", "hi_95")]
            out.setdefault(row["unique_id"], []).append(cells)
    return out


def scale(train, season):
    lag = season if len(train) > season else 1
    return sum(abs(a - b) for a, b in zip(train, train[lag:])) / (len(train) - lag)


def score(series, forecasts, season):
    """Means over the series of MASE, coverage at 80 and 95 %, and MSIS; and how many series counted."""
    mase, smape, inside80, inside95, msis = [], [], [], [], []
    for name, (train, actual) in series.items():
        rows = forecasts.get(name)
        base = scale([y for _, y in train], season)
        if rows is None or base == 0:
            continue
        mase.append(statistics.fmean(abs(y - r[0]) for y, r in zip(actual, rows)) / base)
        smape.append(100 * statistics.fmean(
            2 * abs(y - r[0]) / max(abs(y) + abs(r[0]), 1e-300) for y, r in zip(actual, rows)))
        if rows[0][1] is not None:
            inside80.append(statistics.fmean(r[1] <= y <= r[2] for y, r in zip(actual, rows)))
        if rows[0][3] is not None:
            inside95.append(statistics.fmean(r[3] <= y <= r[4] for y, r in zip(actual, rows)))
            msis.append(statistics.fmean(
                (r[4] - r[3]) + 40 * max(0, r[3] - y) + 40 * max(0, y - r[4]) for y, r in zip(actual, rows)) / base)
    mean = lambda values: statistics.fmean(values) if values else None
    return {"mase": mean(mase), "smape": mean(smape), "c80": mean(inside80), "c95": mean(inside95), "msis": mean(msis), "n": len(mase)}


def median_of(parts):
    out = {}
    for name in set.intersection(*(set(p) for p in parts)):
        out[name] = [[statistics.median(p[name][h][0] for p in parts)] + [None] * 4 for h in range(len(parts[0][name]))]
    return out


def show(value, width=8, digits=4):
    return " " * (width - 1) + "-" if value is None else f"{value:{width}.{digits}f}"


def run_set(name, total, models, folder, table):
    season, horizon, _, _ = SETS[name]
    series = sample(name, total)
    train = os.path.join(folder, "train.csv")
    write_train(series, train)
    print(f"\n{name}: {len(series)} series", flush=True)
    print(f"  {'model':<22}{'MASE':>8}{'80 %':>8}{'95 %':>8}{'MSIS':>9}{'ms/series':>11}{'failed':>8}", flush=True)
    kept = {}

    def line(label, forecasts, cpu):
        kept[label] = forecasts
        s = score(series, forecasts, season)
        s["cpu"] = cpu
        s["failed"] = len(series) - len(forecasts)
        table.setdefault(label, {})[name] = s
        cost = None if cpu is None else 1000 * cpu / len(series)
        print(f"  {label:<22}{show(s['mase'])}{show(s['c80'])}{show(s['c95'])}{show(s['msis'], 9, 3)}"
              f"{show(cost, 11, 2)}{s['failed']:>8}", flush=True)

    for model in models:
        out = os.path.join(folder, "ours.csv")
        cpu = run_ours(model, season, horizon, train, out)
        line(f"ours {model}", read(out), cpu)
        if model in PEERS:
            line(f"peer {model}", *run_peer(model, name, series, train))
    trio = [kept.get(f"peer {m}") for m in ("arima", "ets", "theta")]
    if all(trio):
        line("peer median of three", median_of(trio), None)
    return len(series)


def run_m3(peers, folder):
    """Ours and the peers on the whole open part of the M3 competition: label -> set -> score."""
    table = {}
    for name in M3:
        season, horizon, _, _ = SETS[name]
        series = sample(name, "all")
        train, out = os.path.join(folder, "train.csv"), os.path.join(folder, "ours.csv")
        write_train(series, train)
        run_ours("ensemble", season, horizon, train, out)
        found = {"ours ensemble": read(out)}
        for model in peers:
            found[f"peer {model}"] = run_peer(model, name, series, train)[0]
        for label, forecasts in found.items():
            table.setdefault(label, {})[name] = score(series, forecasts, season)
    print(f"\nM3, open part: {sum(r['n'] for r in table['ours ensemble'].values())} series", flush=True)
    print(f"  {'':<34}{'MASE':>8}{'sMAPE':>8}")
    for label, rows in table.items():
        print(f"  {label:<34}{show(pooled(rows, M3))}{show(pooled(rows, M3, 'smape'), 8, 3)}")
    for label, (mase, smape) in M3_PUBLISHED.items():
        print(f"  {label + ', published, all 3,003':<34}{mase:>8.2f}{smape:>8.2f}")
    return table


def run_latency(model, name, total, folder):
    """CPU milliseconds of each series forecast alone, sorted."""
    season, horizon, _, _ = SETS[name]
    train = os.path.join(folder, "train.csv")
    write_train(sample(name, total), train)
    command = [os.environ["DYOCENSE_LATENCY"], train, str(season), str(horizon), model]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return sorted(float(line.rsplit(",", 1)[1]) for line in lines)


def pooled(rows, sets, key="mase"):
    """The mean over all series of several sets."""
    return sum(rows[s][key] * rows[s]["n"] for s in sets) / sum(rows[s]["n"] for s in sets)


def run_exogenous(name, folder):
    """MASE of ours with and without the columns that are known ahead."""
    season, horizon, columns = EXOGENOUS_SETS[name]
    number = {"True": "1", "False": "0"}
    series = {}
    with open(os.path.join(directory(), f"{name}.csv"), newline="") as file:
        for row in csv.DictReader(file):
            values = [number.get(row[c], row[c]) for c in columns]
            series.setdefault(row["unique_id"], []).append((row["ds"], float(row["y"]), values))
    series = {i: rows for i, rows in series.items() if len(rows) > horizon + 2 * season + 2}
    cut = {i: (([(ds, y) for ds, y, _ in rows[:-horizon]]), [y for _, y, _ in rows[-horizon:]])
           for i, rows in series.items()}
    train, known, out = (os.path.join(folder, f) for f in ("train.csv", "known.csv", "ours.csv"))
    write_train(cut, train)
    with open(known, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unique_id", "ds", *columns])
        for i, rows in series.items():
            writer.writerows([i, ds, *values] for ds, _, values in rows)
    print(f"\n{name}: {len(series)} series, MASE\n  {'model':<22}{'without':>9}{'with columns':>14}", flush=True)
    found = {}
    for model in ("arima", "trees", "ensemble"):
        pair = []
        for exogenous in (None, known):
            run_ours(model, season, horizon, train, out, exogenous)
            pair.append(score(cut, read(out), season)["mase"])
        found[model] = pair
        print(f"  ours {model:<17}{pair[0]:>9.4f}{pair[1]:>14.4f}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(prog="bench/forecasting/run")
    parser.add_argument("--series", default="120")
    parser.add_argument("--models", default=",".join(OURS))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--m3-peers", default="theta,ets,arima")
    parser.add_argument("--fresh", action="store_true")
    args = parser.parse_args()
    if args.fresh:
        shutil.rmtree(KEPT, ignore_errors=True)
    total = args.series if args.series == "all" else int(args.series)
    models, parts = args.models.split(","), args.parts.split(",")
    figures, count = [], 0

    def add(name, value, unit, target, holds):
        figures.append({"name": name, "value": value if value is None else round(value, 4), "unit": unit,
                        "target": target, "holds": bool(holds)})

    with tempfile.TemporaryDirectory() as folder:
        if "accuracy" in parts:
            table = {}
            for name in args.sets.split(","):
                count += run_set(name, total, models, folder, table)
            if "ours ensemble" in table:
                judge(table, add)
            if "ours arima" in table and not BINARY:
                spent = run_latency("arima", "m3_monthly", total, folder)
                for share, bound in ((0.5, 50), (0.99, 400)):
                    value = spent[min(len(spent) - 1, int(share * len(spent)))]
                    add(f"ARIMA, a monthly series, p{share * 100:.0f}", value, "ms CPU", f"<= {bound}", value <= bound)
        if "exogenous" in parts:
            for name in EXOGENOUS_SETS:
                for model, (without, with_columns) in run_exogenous(name, folder).items():
                    if model != "arima":
                        value = with_columns / without
                        add(f"{name}: {model} MASE with columns over without", value, "ratio", "< 1", value < 1)
        if "m3" in parts:
            table = run_m3([m for m in args.m3_peers.split(",") if m], folder)
            best = {key: min(row[k] for row in M3_PUBLISHED.values()) for k, key in enumerate(("mase", "smape"))}
            for key, unit in (("mase", "MASE"), ("smape", "sMAPE")):
                value = pooled(table["ours ensemble"], M3, key)
                on_part = [pooled(rows, M3, key) for label, rows in table.items() if label.startswith("peer")]
                add(f"M3 open part (published figures are of all 3,003), {unit}", value, unit, f"< {best[key]}",
                    value < best[key])
                if on_part:
                    value /= min(on_part)
                    add(f"M3 open part, {unit} over the best peer on the same part", value, "ratio", "< 1", value < 1)
        if "prophet" in parts:
            for figure in prophet_part.run(total, args.sets.split(","), folder, run_ours, run_peer, read):
                add(**figure)
        if "anomalies" in parts and not BINARY:
            for figure in anomalies.run(os.environ["DYOCENSE_ANOMALIES"], folder, os.path.join(KEPT, "anomalies")):
                add(*figure)
    print()
    for f in figures:
        print(f"  {'holds ' if f['holds'] else 'MISSED'} {f['name']}: {f['value']} {f['unit']} (target {f['target']})")
    print("\n" + json.dumps({"bench": "forecasting", "series": count, "figures": figures,
                             "machine": f"{platform.machine()}, {os.cpu_count()} processors"}))


def judge(table, add):
    """Adds the figures of the sample over all sets."""
    ours = table["ours ensemble"]
    peers = {k: v for k, v in table.items() if k.startswith("peer")}

    singles = {k: v for k, v in peers.items() if set(v) == set(ours) and k != "peer median of three"}
    if singles:
        best = min(singles, key=lambda k: pooled(singles[k], ours))
        value = pooled(ours, ours) / pooled(singles[best], ours)
        add(f"ensemble MASE over best single peer ({best[5:]})", value, "ratio", "<= 0.96", value <= 0.96)
    median = peers.get("peer median of three")
    if median:
        value = pooled(ours, median) / pooled(median, median)
        add("ensemble MASE over the peers' median of three", value, "ratio", "<= 0.98", value <= 0.98)
        worst = max(ours[s]["mase"] / median[s]["mase"] for s in median)
        add("ensemble over the peers' median, worst set", worst, "ratio", "<= 1.01", worst <= 1.01)
    for model, faster in (("arima", 20), ("ets", 5), ("theta", 20), ("trees", 3)):
        mine, theirs = table.get(f"ours {model}"), peers.get(f"peer {model}")
        if not theirs:
            continue
        worst = max(mine[s]["mase"] / theirs[s]["mase"] for s in theirs)
        add(f"{model} MASE over peer, worst set", worst, "ratio", "<= 1", worst <= 1)
        value = pooled(mine, theirs) / pooled(theirs, theirs)
        add(f"{model} MASE over peer, pooled", value, "ratio", "<= 1", value <= 1)
        failed = sum(mine[s]["failed"] for s in mine)
        add(f"{model}: series that ours could not forecast", failed, "series", "0", failed == 0)
        value = sum(theirs[s]["cpu"] for s in theirs) / max(1e-9, sum(mine[s]["cpu"] for s in theirs))
        add(f"{model} CPU of peer over ours (backtest and calibration included)", value, "x", f">= {faster}", value >= faster)
    for key, level in (("c80", 0.80), ("c95", 0.95)):
        value = pooled(ours, ours, key)
        add(f"coverage of the {level:.0%} interval, pooled", value, "share", f"{level} ± 0.01", abs(value - level) <= 0.01)
        worst = max((ours[s][key] for s in ours), key=lambda v: abs(v - level))
        add(f"coverage of the {level:.0%} interval, worst set", worst, "share", f"{level} ± 0.03", abs(worst - level) <= 0.03)
    with_msis = {k: v for k, v in singles.items() if all(r["msis"] is not None for r in v.values())}
    if with_msis:
        best = min(pooled(v, ours, "msis") for v in with_msis.values())
        value = pooled(ours, ours, "msis") / best
        add("ensemble MSIS over best peer", value, "ratio", "<= 0.90", value <= 0.90)
    seconds = sum(r["cpu"] for r in ours.values())
    rate = sum(r["n"] for r in ours.values()) / seconds
    add("ensemble with backtest", rate, "series/s per core", ">= 4", rate >= 4)
    daily = ours.get("nn5_daily")
    if daily:
        hours = 100_000 * daily["cpu"] / daily["n"] / 2 / 3600
        add("5,000 tenants x 20 daily metrics on two cores", hours, "h", "< 8", hours < 8)


if __name__ == "__main__":
    main()
