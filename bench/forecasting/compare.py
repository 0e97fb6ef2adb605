"""Runs ours and the peers set by set, one after the other on the same series, and compares.

Parts: the sample over all sets (`accuracy`), coverage on it from earlier origins (`windows`, see windows.py), columns that
are known ahead (`exogenous`), the whole open part of the M3 competition (`m3`), sums over lead times (`paths`, see
lead_times.py), anomalies (`anomalies`, see anomalies.py), and Prophet beside prophet (`prophet`, see prophet_part.py). Each
part's rows and figures are printed as they are found.

Accuracy: MASE with the seasonal naive scale of the training part, mean over series; sMAPE as in the M3 competition. CPU:
user and system time of the thread that fits and forecasts, backtests and calibration included; imports, compilation and
reading are not counted, on either side. Peers' forecasts and their times are kept by series, so that a second run costs
only ours.

A peer that is slow is given so many CPU seconds, the same for each set, and answers as many series as it can in its share
(at least LEAST_SERIES): the rows say how many, and the comparison is on these. Sets alike, because a verdict on a set is
as good as its fewest series. On the whole M3 part it is given M3_SHARE of them again, by the sizes of its sets.
"""

import argparse
import csv
import hashlib
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile

import anomalies
import lead_times
import prophet_part
import windows
from scores import Side, mean, median_of, read, score
from series_sets import EXOGENOUS_SETS, SETS, directory, sample, scattered, write_train
from verdicts import M3_PUBLISHED, Figures, judge_exogenous, judge_latency, judge_m3, judge_sample

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.environ.get("DYOCENSE_BIN")
KEPT = os.path.join(os.environ["DYOCENSE_BENCH_DIR"], "peers")
OURS = ["theta", "ets", "trees", "arima", "ensemble"]
PEERS = ["theta", "ets", "trees", "arima"]
PARTS = ["accuracy", "windows", "exogenous", "m3", "paths", "anomalies", "prophet"]
M3 = [name for name in SETS if name.startswith("m3_")]
# Peers that are given CPU seconds; the others answer every series.
BOXED = ("arima", "ets")
LEAST_SERIES = 5
M3_SHARE = 0.25
# Windows on which columns known ahead are tried.
ROLLING = 8


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


def run_peer(model, name, series, train, seconds=None):
    """Forecasts and CPU seconds of the peer by series; what is kept from earlier runs is not run again. With `seconds`,
    series are taken far from each other until these are spent; what was kept counts as spent again."""
    folder = os.path.join(KEPT, name)
    os.makedirs(folder, exist_ok=True)
    # A model over all series is another model on another sample.
    tag = f"trees-{hashlib.sha256(' '.join(series).encode()).hexdigest()[:12]}" if model == "trees" else model
    path = os.path.join(folder, f"{tag}.jsonl")
    ids = list(series)
    if seconds is not None:
        ids = [ids[k] for k in scattered(len(ids))]
    write_train({i: series[i] for i in ids}, train)
    answered = answered_within(ids, kept_rows(path), seconds)
    if answered is None:
        command = [sys.executable, os.path.join(HERE, "peers.py"), model, name, train, path]
        command += [str(seconds), str(LEAST_SERIES)] if seconds is not None else []
        if subprocess.run(command).returncode != 0:
            raise SystemExit(f"the peer {model} could not be run on {name}")
        answered = answered_within(ids, kept_rows(path), seconds) or {}
    return ({i: row["rows"] for i, row in answered.items() if row["rows"]},
            {i: row["cpu"] for i, row in answered.items()})


def answered_within(ids, kept, seconds):
    """What is kept of these series, in their order until the seconds are spent; None when one is missing before."""
    answered, spent = {}, 0.0
    for k, i in enumerate(ids):
        if seconds is not None and k >= LEAST_SERIES and spent >= seconds:
            break
        if i not in kept:
            return None
        answered[i] = kept[i]
        spent += kept[i]["cpu"]
    return answered


def show(value, width=8, digits=4):
    return " " * (width - 1) + "-" if value is None else f"{value:{width}.{digits}f}"


def run_set(name, total, models, seconds, folder, table):
    """Adds every side's scores on the set to the table; the number of its series."""
    season, horizon, _, _ = SETS[name]
    series = sample(name, total)
    train, out = os.path.join(folder, "train.csv"), os.path.join(folder, "ours.csv")
    print(f"\n{name}: {len(series)} series", flush=True)
    print(f"  {'model':<36}{'MASE':>8}{'80 %':>8}{'95 %':>8}{'MSIS':>9}{'ms/series':>11}{'failed':>8}", flush=True)
    kept = {}

    def line(label, side, beside=None):
        failed = side.failed[name] if beside is None else 0
        values = [mean(side, key, beside, name) for key in ("mase", "c80", "c95", "msis")]
        asked = side.cpu[name] if beside is None else beside.cpu[name]
        cost = 1000 * sum(side.cpu[name][i] for i in asked) / len(asked) if side.cpu[name] else None
        print(f"  {label:<36}{show(values[0])}{show(values[1])}{show(values[2])}{show(values[3], 9, 3)}"
              f"{show(cost, 11, 2)}{failed:>8}", flush=True)

    def put(label, forecasts, cpu):
        kept[label] = forecasts
        side = table.setdefault(label, Side())
        side.put(name, score(series, forecasts, season), cpu, len(cpu) - len(forecasts) if cpu else 0)
        return side

    for model in models:
        write_train(series, train)
        cpu = run_ours(model, season, horizon, train, out)
        mine = put(f"ours {model}", read(out), {i: cpu / len(series) for i in series})
        line(f"ours {model}", mine)
        if model in PEERS:
            box = seconds / len(SETS) if seconds is not None and model in BOXED else None
            theirs = put(f"peer {model}", *run_peer(model, name, series, train, box))
            asked = len(theirs.cpu[name])
            some = asked < len(series)
            line(f"peer {model}" + (f", {asked} of {len(series)} series" if some else ""), theirs)
            if some:
                line(f"ours {model}, the same series", mine, theirs)
    trio = [kept.get(f"peer {m}") for m in ("arima", "ets", "theta")]
    if all(trio):
        median = put("peer median of three", median_of(trio), {})
        line(f"peer median of three, {len(median.scores[name])} series", median)
    return len(series)


def run_m3(peers, seconds, folder):
    """Ours and the peers on the whole open part of the M3 competition: label -> side."""
    table = {}
    sizes = {name: len(sample(name, "all")) for name in M3}
    for name in M3:
        season, horizon, _, _ = SETS[name]
        series = sample(name, "all")
        train, out = os.path.join(folder, "train.csv"), os.path.join(folder, "ours.csv")
        write_train(series, train)
        cpu = run_ours("ensemble", season, horizon, train, out)
        found = {"ours ensemble": (read(out), {i: cpu / len(series) for i in series})}
        for model in peers:
            some = seconds is not None and model in BOXED
            box = M3_SHARE * seconds * sizes[name] / sum(sizes.values()) if some else None
            found[f"peer {model}"] = run_peer(model, name, series, train, box)
        for label, (forecasts, spent) in found.items():
            scores = score(series, forecasts, season)
            table.setdefault(label, Side()).put(name, scores, spent, len(spent) - len(forecasts))
        print(f"  {name}: {len(series)} series done, "
              + ", ".join(f"{label} answered {len(side.cpu[name])}" for label, side in table.items()), flush=True)
    ours = table["ours ensemble"]
    print(f"\nM3, open part\n  {'':<34}{'series':>8}{'MASE':>8}{'sMAPE':>8}{'ours on the same':>18}{'':>8}")
    for label, side in table.items():
        print(f"  {label:<34}{side.count():>8}{show(mean(side))}{show(mean(side, 'smape'), 8, 3)}"
              f"{show(mean(ours, beside=side), 18)}{show(mean(ours, 'smape', side), 8, 3)}")
    for label, (mase, smape) in M3_PUBLISHED.items():
        print(f"  {label + ', published':<34}{3003:>8}{mase:>8.2f}{smape:>8.2f}", flush=True)
    return table


def run_latency(model, name, total, folder):
    """CPU milliseconds of each series forecast alone, sorted."""
    season, horizon, _, _ = SETS[name]
    train = os.path.join(folder, "train.csv")
    write_train(sample(name, total), train)
    command = [os.environ["DYOCENSE_LATENCY"], train, str(season), str(horizon), model]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return sorted(float(line.rsplit(",", 1)[1]) for line in lines)


def run_exogenous(name, folder):
    """MASE of ours with and without the columns that are known ahead: model -> pairs by window, the last window first.
    One window of few series says little of what columns are worth: ROLLING windows end at the last point and before it, a
    quarter of the horizon apart, or closer where the series would else become shorter than two seasons."""
    season, horizon, columns = EXOGENOUS_SETS[name]
    number = {"True": "1", "False": "0"}
    series = {}
    with open(os.path.join(directory(), f"{name}.csv"), newline="") as file:
        for row in csv.DictReader(file):
            values = [number.get(row[c], row[c]) for c in columns]
            series.setdefault(row["unique_id"], []).append((row["ds"], float(row["y"]), values))
    spare = {i: len(rows) - horizon - 2 * season - 3 for i, rows in series.items()}
    series = {i: rows for i, rows in series.items() if spare[i] >= ROLLING - 1}
    step = min(horizon // 4, *(spare[i] // (ROLLING - 1) for i in series))
    train, known, out = (os.path.join(folder, f) for f in ("train.csv", "known.csv", "ours.csv"))
    found = {model: [] for model in ("arima", "trees", "ensemble")}
    for window in range(ROLLING):
        ends = {i: len(rows) - window * step for i, rows in series.items()}
        cut = {i: ([(ds, y) for ds, y, _ in rows[:ends[i] - horizon]], [y for _, y, _ in rows[ends[i] - horizon:ends[i]]])
               for i, rows in series.items()}
        write_train(cut, train)
        with open(known, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["unique_id", "ds", *columns])
            for i, rows in series.items():
                writer.writerows([i, ds, *values] for ds, _, values in rows[:ends[i]])
        for model, pairs in found.items():
            pair = []
            for exogenous in (None, known):
                run_ours(model, season, horizon, train, out, exogenous)
                side = Side()
                side.put(name, score(cut, read(out), season), {}, 0)
                pair.append(mean(side))
            pairs.append(pair)
    print(f"\n{name}: {len(series)} series, MASE of the last window and the mean of {ROLLING}, {step} points apart\n"
          f"  {'model':<22}{'without':>9}{'with columns':>14}{'without':>11}{'with columns':>14}", flush=True)
    for model, pairs in found.items():
        means = [sum(pair[k] for pair in pairs) / len(pairs) for k in (0, 1)]
        print(f"  ours {model:<17}{pairs[0][0]:>9.4f}{pairs[0][1]:>14.4f}{means[0]:>11.4f}{means[1]:>14.4f}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(prog="bench/forecasting/run")
    parser.add_argument("--series", default="600")
    parser.add_argument("--models", default=",".join(OURS))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--peer-seconds", default="600")
    parser.add_argument("--prophet-series", default="120")
    parser.add_argument("--m3-peers", default="theta,ets,arima")
    parser.add_argument("--fresh", action="store_true")
    args = parser.parse_args()
    if args.fresh:
        shutil.rmtree(KEPT, ignore_errors=True)
    number = lambda text: text if text == "all" else int(text)
    total, prophets = number(args.series), number(args.prophet_series)
    seconds = None if args.peer_seconds == "all" else float(args.peer_seconds)
    models, parts = args.models.split(","), args.parts.split(",")
    figures, count = Figures(), 0
    add = figures.add
    with tempfile.TemporaryDirectory() as folder:
        if "accuracy" in parts:
            table = {}
            for name in args.sets.split(","):
                count += run_set(name, total, models, seconds, folder, table)
            print(f"\nthe sample: {count} series", flush=True)
            if "ours ensemble" in table:
                judge_sample(table, add)
            if "ours arima" in table and not BINARY:
                judge_latency(run_latency("arima", "m3_monthly", total, folder), add)
        if "windows" in parts:
            for figure in windows.run(run_ours, total, args.sets.split(","), folder):
                add(*figure)
        if "exogenous" in parts:
            for name in EXOGENOUS_SETS:
                judge_exogenous(name, run_exogenous(name, folder), add)
        if "m3" in parts:
            print("\nM3, open part", flush=True)
            judge_m3(run_m3([m for m in args.m3_peers.split(",") if m], seconds, folder), add)
        if "prophet" in parts:
            for figure in prophet_part.run(prophets, args.sets.split(","), folder, run_ours, run_peer, read):
                add(*figure)
        if "paths" in parts and not BINARY:
            for figure in lead_times.run(os.environ["DYOCENSE_LEAD_TIMES"], folder, args.sets.split(",")):
                add(*figure)
        if "anomalies" in parts and not BINARY:
            for figure in anomalies.run(os.environ["DYOCENSE_ANOMALIES"], folder, os.path.join(KEPT, "anomalies")):
                add(*figure)
    held = sum(f["holds"] for f in figures.list)
    print(f"\n{held} of {len(figures.list)} targets hold")
    print(json.dumps({"bench": "forecasting", "series": count, "peer_seconds": args.peer_seconds, "figures": figures.list,
                      "machine": f"{platform.machine()}, {os.cpu_count()} processors"}))


if __name__ == "__main__":
    main()
