"""Lead times: how often demand over a lead time, a sum over steps, lies where the futures drawn say.

Forecasts by the ensemble from four rolling origins inside the training parts, one horizon apart, 2,000 futures each. How
steps err together was not chosen on these series but on the first 60 of each set in the order of series_sets.scattered;
the calibration of single steps was chosen on windows of both.
"""

import csv
import io
import os
import subprocess

from series_sets import SETS, directory, read, scattered, write_train

LEADS = (1, 4, 8, 12)
LEVELS = (50, 80, 95)
CHOSEN_ON, SERIES, ORIGINS, NEWEST = 60, 40, 4, 400
JUDGED = ("m3_monthly", "m3_quarterly", "tourism_monthly", "nn5_daily", "aus_retail", "m4_weekly")


def below(program, name, folder):
    """lead -> the probabilities that the futures give to less demand than came."""
    series = read(os.path.join(directory(), f"{name}_train.csv"))
    ids = list(series)
    path = os.path.join(folder, "lead_times.csv")
    chosen = sorted(scattered(len(ids))[CHOSEN_ON:CHOSEN_ON + SERIES])
    write_train({ids[k]: (series[ids[k]][-NEWEST:], None) for k in chosen}, path)
    asked = [program, path, str(SETS[name][0]), "ensemble", str(ORIGINS), *map(str, LEADS)]
    out = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {lead: [] for lead in LEADS}
    for row in csv.DictReader(io.StringIO(out)):
        found[int(row["lead"])].append(float(row["below"]))
    return found


def inside(places, level):
    return sum(abs(p - 0.5) <= level / 200 for p in places) / len(places)


def run(program, folder, sets=JUDGED):
    """Figures for the summary."""
    pooled = {lead: [] for lead in LEADS}
    heads = "".join(f"{f'{lead} steps':>22}" for lead in LEADS)
    print(f"\ndemand over a lead time, share inside {'/'.join(map(str, LEVELS))} %\n  {'':<18}{'n':>5}{heads}", flush=True)
    row = lambda found: "".join(f"{'/'.join(f'{inside(found[l], level):.3f}' for level in LEVELS):>22}" for l in LEADS)
    for name in (s for s in JUDGED if s in sets):
        found = below(program, name, folder)
        print(f"  {name:<18}{len(found[LEADS[0]]):>5}{row(found)}", flush=True)
        for lead in LEADS:
            pooled[lead] += found[lead]
    print(f"  {'all':<18}{len(pooled[LEADS[0]]):>5}{row(pooled)}", flush=True)
    figures = []
    for level in LEVELS:
        share = {lead: inside(pooled[lead], level) for lead in LEADS}
        worst = max(LEADS, key=lambda lead: abs(share[lead] - level / 100))
        said = f"{level} % coverage of demand over a lead time, worst of {', '.join(map(str, LEADS))} steps ({worst})"
        figures.append((said, share[worst], "", f"{level / 100} ± 0.03", abs(share[worst] - level / 100) <= 0.03))
    return figures
