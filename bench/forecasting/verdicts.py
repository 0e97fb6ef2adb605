"""What the scores say of each target: figures with a value, a unit, the target, and whether it holds."""

from scores import cpu_ratio, mean, ratio

FASTER = {"arima": 20, "ets": 5, "theta": 20, "trees": 3}
# MASE and sMAPE over all 3,003 series as published (Makridakis & Hibon 2000; Hyndman et al. 2008). The open part holds
# 2,167 of them: the peers' own figures on that part stand beside.
M3_PUBLISHED = {"Theta": (1.39, 12.76), "ETS": (1.43, 13.07), "auto.arima": (1.45, 13.57), "ForecastPro": (1.47, 13.06)}


class Figures:
    """Figures in the order in which they were found; each is printed as it comes."""

    def __init__(self):
        self.list = []

    def add(self, name, value, unit, target, holds):
        figure = {"name": name, "value": value if value is None else round(value, 4), "unit": unit, "target": target,
                  "holds": bool(holds)}
        self.list.append(figure)
        print(f"  {'holds ' if holds else 'MISSED'} {name}: {figure['value']} {unit} (target {target})", flush=True)


def judge_sample(table, add):
    """Adds the figures of the sample over all sets. Where a peer answered only some of the series, both sides are
    compared on these."""
    ours = table["ours ensemble"]
    singles = {label: side for label, side in table.items() if label.startswith("peer") and "median" not in label}
    if singles:
        worst = max(singles, key=lambda label: ratio(ours, singles[label]))
        value = ratio(ours, singles[worst])
        add(f"ensemble MASE over best single peer ({worst[5:]}, {singles[worst].count()} series)", value, "ratio",
            "<= 0.96", value <= 0.96)
    median = table.get("peer median of three")
    if median:
        value = ratio(ours, median)
        add(f"ensemble MASE over the peers' median of three ({median.count()} series)", value, "ratio", "<= 0.98",
            value <= 0.98)
        name, value = worst_set(ours, median)
        add(f"ensemble over the peers' median, worst set ({name})", value, "ratio", "<= 1.01", value <= 1.01)
    for model, faster in FASTER.items():
        mine, theirs = table.get(f"ours {model}"), table.get(f"peer {model}")
        if not theirs or not mine:
            continue
        name, value = worst_set(mine, theirs)
        add(f"{model} MASE over peer, worst set ({name})", value, "ratio", "<= 1", value <= 1)
        value = ratio(mine, theirs)
        add(f"{model} MASE over peer, pooled ({theirs.count()} series)", value, "ratio", "<= 1", value <= 1)
        failed = sum(mine.failed.values())
        add(f"{model}: series that ours could not forecast", failed, "series", "0", failed == 0)
        value = cpu_ratio(mine, theirs)
        add(f"{model} CPU of peer over ours (backtest and calibration included)", value, "x", f">= {faster}",
            value >= faster)
    for key, level in (("c80", 0.80), ("c95", 0.95)):
        value = mean(ours, key)
        add(f"coverage of the {level:.0%} interval, pooled", value, "share", f"{level} ± 0.01", abs(value - level) <= 0.01)
        by_set = {name: mean(ours, key, only=name) for name in ours.sets()}
        name = max(by_set, key=lambda s: abs(by_set[s] - level))
        add(f"coverage of the {level:.0%} interval, worst set ({name})", by_set[name], "share", f"{level} ± 0.03",
            abs(by_set[name] - level) <= 0.03)
    with_intervals = [side for side in singles.values() if mean(side, "msis") is not None]
    if with_intervals:
        value = max(ratio(ours, side, "msis") for side in with_intervals)
        add("ensemble MSIS over best peer", value, "ratio", "<= 0.90", value <= 0.90)
    rate = sum(len(c) for c in ours.cpu.values()) / sum(sum(c.values()) for c in ours.cpu.values())
    add("ensemble with backtest", rate, "series/s per core", ">= 4", rate >= 4)
    daily = ours.cpu.get("nn5_daily")
    if daily:
        hours = 100_000 * sum(daily.values()) / len(daily) / 2 / 3600
        add("5,000 tenants x 20 daily metrics on two cores", hours, "h", "< 8", hours < 8)


def worst_set(mine, theirs):
    by_set = {name: ratio(mine, theirs, only=name) for name in theirs.sets()}
    name = max(by_set, key=by_set.get)
    return name, by_set[name]


def judge_m3(table, add):
    """Adds the figures of the whole open part of the M3 competition."""
    ours = table["ours ensemble"]
    for k, (key, unit) in enumerate((("mase", "MASE"), ("smape", "sMAPE"))):
        best = min(row[k] for row in M3_PUBLISHED.values())
        value = mean(ours, key)
        add(f"M3 open part (published figures are of all 3,003), {unit}", value, unit, f"< {best}", value < best)
        peers = {label: ratio(ours, side, key) for label, side in table.items() if label.startswith("peer")}
        if peers:
            label = max(peers, key=peers.get)
            add(f"M3 open part, {unit} over the best peer on the same series ({label[5:]}, {table[label].count()} series)",
                peers[label], "ratio", "< 1", peers[label] < 1)


def judge_latency(spent, add):
    """`spent`: CPU milliseconds of each monthly series alone, sorted."""
    for share, bound in ((0.5, 50), (0.99, 400)):
        value = spent[min(len(spent) - 1, int(share * len(spent)))]
        add(f"ARIMA, a monthly series, p{share * 100:.0f}", value, "ms CPU", f"<= {bound}", value <= bound)


def judge_exogenous(name, found, add):
    """`found`: model -> MASE without and with the columns by window, the last window first."""
    for model in ("trees", "ensemble"):
        without, with_columns = found[model][0]
        value = with_columns / without
        add(f"{name}: {model} MASE with columns over without", value, "ratio", "< 1", value < 1)
        value = sum(pair[1] for pair in found[model]) / sum(pair[0] for pair in found[model])
        add(f"{name}: {model} MASE with columns over without, {len(found[model])} windows", value, "ratio", "< 1", value < 1)
