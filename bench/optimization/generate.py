"""Instances of the families of problems with any seed: what the open ones look like, not the same ones.

Each is a dictionary in the raw form (sense, c, lb, ub, int, names, rows) with the business problem as
`domain` where there is one; the same family, size and seed give the same instance.
"""

import math
import random


class Model:
    def __init__(self, sense):
        self.sense, self.c, self.lb, self.ub, self.int, self.names, self.rows = sense, [], [], [], [], [], []

    def column(self, name, cost, lower=0, upper=None, whole=False):
        self.names.append(name)
        self.c.append(cost)
        self.lb.append(lower)
        self.ub.append(upper)
        self.int.append(whole)
        return len(self.c) - 1

    def row(self, name, terms, lower=None, upper=None):
        self.rows.append({"n": name, "i": [j for j, _ in terms], "v": [v for _, v in terms], "lo": lower, "hi": upper})

    def done(self, domain=None):
        out = {"sense": self.sense, "c": self.c, "lb": self.lb, "ub": self.ub, "int": self.int,
               "names": self.names, "rows": self.rows}
        if domain:
            out["domain"] = domain
        return out


def inventory(size, rng):
    products, periods = {"S": (4, 12), "M": (12, 26), "L": (40, 52)}[size]
    out = []
    for _ in range(products):
        level, swing, phase = rng.uniform(30, 110), rng.uniform(0.2, 0.7), rng.uniform(0, 6.28)
        demand = []
        for t in range(periods):
            mean = level * (1 + swing * math.sin(6.28 * t / periods + phase))
            demand.append(0 if rng.random() < 0.08 else max(0, round(rng.gauss(mean, 0.3 * level))))
        cost = rng.randint(6, 60)
        out.append({"demand": demand, "hold": rng.randint(1, 6), "setup_cost": rng.randint(150, 880),
                    "unit_cost": cost, "lost_sale": cost + rng.randint(50, 160), "setup_time": rng.randint(5, 20),
                    "unit_time": rng.choice([1, 1, 1, 1, 2]), "moq": rng.choice([0, 0, 30, 60, 100]),
                    "init": rng.randint(0, 110)})
    load = sum(p["unit_time"] * sum(p["demand"]) for p in out) / periods
    capacity = [int(load * rng.uniform(1.3, 1.6))] * periods
    m = Model("min")
    at = lambda p, t: 4 * (p * periods + t)
    for p, q in enumerate(out):
        for t in range(periods):
            m.column(f"q{p}_{t}", q["unit_cost"])
            m.column(f"y{p}_{t}", q["setup_cost"], 0, 1, True)
            m.column(f"I{p}_{t}", q["hold"])
            m.column(f"L{p}_{t}", q["lost_sale"], 0, q["demand"][t])
    for p, q in enumerate(out):
        for t in range(periods):
            c, need = at(p, t), q["demand"][t] - (q["init"] if t == 0 else 0)
            m.row(f"bal{p}_{t}", [(c, 1), (c + 3, 1), (c + 2, -1)] + ([(at(p, t - 1) + 2, 1)] if t else []), need, need)
            rest = max(sum(q["demand"][t:]), q["moq"]) + q["moq"]
            most = min(rest, math.floor(max((capacity[t] - q["setup_time"]) / q["unit_time"], 0)))
            m.row(f"set{p}_{t}", [(c, 1), (c + 1, -most)], None, 0)
            if q["moq"]:
                m.row(f"moq{p}_{t}", [(c, 1), (c + 1, -q["moq"])], 0, None)
    for t in range(periods):
        terms = [x for p, q in enumerate(out) for x in ((at(p, t), q["unit_time"]), (at(p, t) + 1, q["setup_time"]))]
        m.row(f"cap{t}", terms, None, capacity[t])
    return m.done({"kind": "inventory", "products": out, "periods": periods, "capacity": capacity})


def staffing(size, rng):
    skills, starts, lengths = {"S": (1, 2, [8]), "M": (2, 2, [4, 8]), "L": (3, 1, [4, 6, 8])}[size]
    base = {"S": 1.0, "M": 1.15, "L": 2.2}[size]
    shape = [2, 2, 2, 2, 2, 2, 3, 4, 5, 7, 9, 10, 9, 8, 6, 6, 8, 9, 10, 9, 6, 4, 3, 2]
    demand = []
    for k in range(skills):
        scale = base * 0.5 ** k * rng.uniform(0.9, 1.1)
        week = [rng.uniform(0.85, 1.2) for _ in range(7)]
        demand.append([max(1, round(shape[h % 24] * scale * week[h // 24] * rng.uniform(0.85, 1.15))) for h in range(168)])
    tours = []
    for k in range(skills):
        wage = [15, 19, 26][k]
        for start in range(0, 24, starts):
            for length in lengths:
                for first in range(7):
                    night = sum(1 for h in range(length) if (start + h) % 24 < 6) / length
                    cost = int(wage * length * 5 * (1 + 0.25 * night) + (10 if length < 6 else 0))
                    tours.append({"skill": k, "start": start, "len": length, "off": [first, (first + 1) % 7], "cost": cost})
    heads = [math.ceil(sum(demand[k]) / 40 * 1.15) for k in range(skills)]
    domain = {"kind": "staffing", "demand": demand, "tours": tours, "under_penalty": 60, "max_heads": heads}
    m = Model("min")
    for i, tour in enumerate(tours):
        m.column(f"t{tour['skill']}_{tour['start']}_{tour['len']}_{tour['off'][0]}_{i}", tour["cost"], 0, None, True)
    need = [[sum(demand[s][h] for s in range(k, skills)) for h in range(168)] for k in range(skills)]
    under = [[m.column(f"u{k}_{h}", 60, 0, need[k][h]) for h in range(168)] for k in range(skills)]
    cover = [[[] for _ in range(168)] for _ in range(skills)]
    for i, tour in enumerate(tours):
        for day in range(7):
            if day not in tour["off"]:
                for h in range(tour["len"]):
                    for k in range(tour["skill"] + 1):
                        cover[k][(day * 24 + tour["start"] + h) % 168].append((i, 1))
    for k in range(skills):
        for h in range(168):
            m.row(f"cov{k}_{h}", cover[k][h] + [(under[k][h], 1)], need[k][h], None)
    for k in range(skills):
        m.row(f"heads{k}", [(i, 1) for i, tour in enumerate(tours) if tour["skill"] == k], None, heads[k])
    return m.done(domain)


def roster(size, rng):
    people, days, peak = {"S": (20, 7, [6, 5, 2]), "M": (30, 14, [8, 7, 3]), "L": (50, 28, [14, 12, 5])}[size]
    demand = [[max(1, n - (1 if d % 7 > 4 else 0)) for n in peak] for d in range(days)]
    senior = [rng.random() < 0.33 for _ in range(people)]
    senior[0] = senior[1] = True
    nonight = [rng.random() < 0.08 for _ in range(people)]
    off = [[rng.random() < 0.08 for _ in range(days)] for _ in range(people)]
    pref = [[[rng.choice([0, 0, 0, 0, 0, -2, 1, 2, 4]) for _ in range(3)] for _ in range(days)] for _ in range(people)]
    domain = {"kind": "roster", "E": people, "D": days, "shifts": ["early", "late", "night"], "demand": demand,
              "senior": senior, "nonight": nonight, "off": off, "pref": pref}
    m = Model("min")
    x = [[[m.column(f"x{e}_{d}_{s}", pref[e][d][s], 0, 0 if off[e][d] or s == 2 and nonight[e] else 1, True)
           for s in range(3)] for d in range(days)] for e in range(people)]
    for d in range(days):
        for s in range(3):
            u = m.column(f"u{d}_{s}", 100, 0, demand[d][s], True)
            o = m.column(f"o{d}_{s}", 12, 0, people, True)
            z = m.column(f"z{d}_{s}", 40, 0, 1, True)
            m.row(f"dem{d}_{s}", [(x[e][d][s], 1) for e in range(people)] + [(u, 1), (o, -1)], demand[d][s], demand[d][s])
            m.row(f"sen{d}_{s}", [(x[e][d][s], 1) for e in range(people) if senior[e]] + [(z, 1)], 1, None)
    for e in range(people):
        span = lambda a, b: [(x[e][d][s], 1) for d in range(a, b) for s in range(3)]
        for d in range(days):
            m.row(f"one{e}_{d}", span(d, d + 1), None, 1)
            if d + 1 < days:
                for s in range(3):
                    for n in range(s):
                        m.row(f"rest{e}_{d}_{s}{n}", [(x[e][d][s], 1), (x[e][d + 1][n], 1)], None, 1)
        for d in range(days - 5):
            m.row(f"cons{e}_{d}", span(d, d + 6), None, 5)
        for w in range(days // 7):
            m.row(f"wkhi{e}_{w}", span(7 * w, 7 * w + 7), None, 5)
            low = m.column(f"lo{e}_{w}", 30, 0, 4, True)
            m.row(f"wklo{e}_{w}", span(7 * w, 7 * w + 7) + [(low, 1)], 4, None)
            m.row(f"nights{e}_{w}", [(x[e][d][2], 1) for d in range(7 * w, 7 * w + 7)], None, 3)
    return m.done(domain)


def budget(size, rng):
    channels, periods, pieces = {"S": (5, 1, 10), "M": (12, 4, 15), "L": (30, 12, 20)}[size]
    per_period, most = {"S": (5000, 3), "M": (12000, 7), "L": (30000, 18)}[size]
    lot, m = 50, Model("max")
    chosen = [{"alpha": round(rng.uniform(1500, 5500), 3), "k": round(rng.uniform(350, 2500), 3),
               "min": rng.choice([0, 100, 200, 400]), "cap": 5 * rng.randint(320, 680), "group": i % 3}
              for i in range(channels)]
    at = lambda i, t: (i * periods + t) * (2 + pieces)
    for i, q in enumerate(chosen):
        width, curve = q["cap"] / pieces, lambda s: q["alpha"] * s / (q["k"] + s)
        for t in range(periods):
            m.column(f"y{i}_{t}", -25, 0, 1, True)
            m.column(f"n{i}_{t}", 0, 0, q["cap"] // lot, True)
            for k in range(pieces):
                m.column(f"s{i}_{t}_{k}", round((curve(width * (k + 1)) - curve(width * k)) / width, 6), 0, width)
    for i, q in enumerate(chosen):
        for t in range(periods):
            c = at(i, t)
            m.row(f"lot{i}_{t}", [(c + 2 + k, 1) for k in range(pieces)] + [(c + 1, -lot)], 0, 0)
            m.row(f"act{i}_{t}", [(c + 1, lot), (c, -q["cap"])], None, 0)
            if q["min"]:
                m.row(f"min{i}_{t}", [(c + 1, lot), (c, -q["min"])], 0, None)
    for t in range(periods):
        m.row(f"bud{t}", [(at(i, t) + 1, lot) for i in range(channels)], None, 0.8 * per_period)
        m.row(f"maxact{t}", [(at(i, t), 1) for i in range(channels)], None, most)
        for g in range(3):
            m.row(f"grp{g}_{t}", [(at(i, t) + 1, lot) for i in range(channels) if i % 3 == g], None, 0.45 * per_period)
    if periods > 1:
        all_spend = [(at(i, t) + 1, lot) for i in range(channels) for t in range(periods)]
        m.row("total", all_spend, None, 0.6 * per_period * periods)
        for i in range(0, channels, 4):
            m.row(f"contract{i}", [(at(i, t) + 1, lot) for t in range(periods)], 50 * rng.randint(8, 60), None)
    return m.done()


def supply(size, rng):
    """Plants, products and customers over periods: a linear problem."""
    products, plants, customers, periods = {"S": (4, 2, 4, 12), "M": (15, 4, 4, 26), "L": (40, 6, 4, 52)}[size]
    m = Model("min")
    of = range
    make = {(p, f, t): m.column(f"p{p}_{f}_{t}", rng.randint(5, 27)) for p in of(products) for f in of(plants) for t in of(periods)}
    keep = {(p, f, t): m.column(f"i{p}_{f}_{t}", rng.randint(1, 4)) for p in of(products) for f in of(plants) for t in of(periods)}
    demand = {(p, c, t): rng.randint(10, 60) for p in of(products) for c in of(customers) for t in of(periods)}
    room = sum(demand.values()) / plants / periods * 1.1
    over = {(f, t): m.column(f"ot{f}_{t}", 9, 0, room / 4) for f in of(plants) for t in of(periods)}
    ship = {(p, f, c): rng.randint(4, 18) for p in of(products) for f in of(plants) for c in of(customers)}
    send = {(p, f, c, t): m.column(f"x{p}_{f}_{c}_{t}", ship[p, f, c]) for p in of(products) for f in of(plants)
            for c in of(customers) for t in of(periods)}
    miss = {key: m.column("u{}_{}_{}".format(*key), 200, 0, demand[key]) for key in demand}
    for f in of(plants):
        for t in of(periods):
            m.row(f"cap{f}_{t}", [(make[p, f, t], 1) for p in of(products)] + [(over[f, t], -1)], None, room)
    for (p, c, t), need in demand.items():
        m.row(f"dem{p}_{c}_{t}", [(send[p, f, c, t], 1) for f in of(plants)] + [(miss[p, c, t], 1)], need, None)
    for (p, f, t), j in make.items():
        terms = [(j, 1), (keep[p, f, t], -1)] + [(send[p, f, c, t], -1) for c in of(customers)]
        m.row(f"bal{p}_{f}_{t}", terms + ([(keep[p, f, t - 1], 1)] if t else []), 0, 0)
    return m.done()


FAMILIES = {"inv": inventory, "staff": staffing, "roster": roster, "budget": budget, "lp": supply}


def instance(family, size, seed):
    return FAMILIES[family](size, random.Random(f"{family} {size} {seed}"))


def planted(instance, rng, number):
    """The same with rows that cannot all be kept: parts of a sum below what the whole must reach."""
    out = {key: value for key, value in instance.items() if key != "domain"}
    columns = rng.sample(range(len(out["c"])), min(6, len(out["c"])))
    parts = [columns[:2], columns[2:4], columns[4:]][: 2 + number % 2]
    limits = [rng.randint(1, 4) for _ in parts]
    rows = list(out["rows"])
    for k, (part, limit) in enumerate(zip(parts, limits)):
        rows.append({"n": f"planted part {k}", "i": part, "v": [1] * len(part), "lo": None, "hi": limit})
    whole = [j for part in parts for j in part]
    rows.append({"n": "planted whole", "i": whole, "v": [1] * len(whole), "lo": sum(limits) + rng.randint(1, 3), "hi": None})
    out["rows"] = rows
    return out


def history(rng):
    """Spend and outcome of some channels, and each channel's true curve (alpha, k, decay)."""
    periods, count = rng.choice([104, 156]), rng.choice([2, 3, 4])
    base = rng.uniform(3000, 12000)
    trend, noise, rho = rng.uniform(-0.2, 0.3) * base, base * rng.uniform(0.02, 0.08), rng.choice([0, 0.3])
    outcome, channels, truth = [0.0] * periods, [], []
    for c in range(count):
        level, spend, burst = rng.uniform(200, 2000), [], 0
        for _ in range(periods):
            if rng.random() < 0.1:
                burst = rng.randint(2, 6)
            paid = level * math.exp(rng.gauss(0, 0.45)) * (1.8 if burst > 0 else 1)
            burst -= 1
            spend.append(0 if rng.random() < 0.08 else round(paid, 2))
        mean = sum(spend) / periods
        alpha, k, decay = base * rng.uniform(0.15, 0.6), mean * rng.uniform(0.4, 3), rng.choice([0, 0.2, 0.4, 0.6])
        left = sum(spend[:8]) / 8
        for t, paid in enumerate(spend):
            left = decay * left + (1 - decay) * paid
            outcome[t] += alpha * left / (k + left)
        channels.append({"name": f"channel {c}", "spend": spend})
        truth.append((alpha, k, decay))
    error = 0.0
    for t in range(periods):
        error = rho * error + rng.gauss(0, noise)
        outcome[t] += base + trend * t / periods + 0.1 * base * math.sin(2 * math.pi * t / 52) + error
    return {"outcome": outcome, "channels": channels, "season": 52}, truth


def unique_prices(rng):
    """A packing problem of random figures: its duals are unique."""
    m = Model("max")
    for j in range(30):
        m.column(f"x{j}", rng.uniform(1, 10), 0, rng.uniform(2, 9))
    for i in range(20):
        terms = [(j, rng.uniform(0.2, 5)) for j in range(30) if rng.random() < 0.5] or [(0, 1.0)]
        m.row(f"r{i}", terms, None, rng.uniform(10, 60))
    return m.done()
