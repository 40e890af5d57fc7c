#!/usr/bin/env bash
# The figures of the forecasts: against plain forecasts, and ETS and MSTL of the crate augurs, on recorded series of
# machines; on made-up disks of which the day is known on which they are full; and what a forecast costs.
#   benches/forecast.sh FOLDER
# FOLDER holds the series as files with `timestamp,value`: realAWSCloudwatch of the Numenta Anomaly Benchmark. Where
# statsforecast is installed (pip install statsforecast), its models with a season of 24 hours are measured on the same
# series, from every sixth hour.
set -euo pipefail

folder=$(readlink -f "${1:?"usage: benches/forecast.sh FOLDER"}")
cd "$(dirname "$0")/.."
CLEANBILL_NAB=$folder cargo bench --quiet --bench forecast

python3 -c 'import statsforecast' 2>/dev/null || exit 0
echo
python3 - "$folder" <<'PYTHON'
import csv, datetime, glob, os, sys, warnings
import numpy as np
from statsforecast.models import MSTL, AutoETS, AutoTheta

warnings.filterwarnings("ignore")
AHEAD, DAY = 48, 24
PEERS = {
    "AutoETS": lambda: AutoETS(season_length=DAY),
    "AutoTheta": lambda: AutoTheta(season_length=DAY),
    "MSTL+AutoETS": lambda: MSTL(season_length=DAY, trend_forecaster=AutoETS(model="ZZN")),
}


def hourly(file):
    hours = {}
    for time, value in list(csv.reader(open(file)))[1:]:
        at = datetime.datetime.fromisoformat(time).replace(tzinfo=datetime.timezone.utc)
        hours.setdefault(int(at.timestamp()) // 3600, []).append(float(value))
    return np.array([np.mean(hours.get(h, [np.nan])) for h in range(min(hours), max(hours) + 1)])


print(f"{'statsforecast, MASE':40}", *(f"{name:>14}" for name in PEERS))
rows = []
for file in sorted(glob.glob(sys.argv[1] + "/*.csv")):
    values = hourly(file)
    past = values.copy()
    for n in range(1, len(past)):
        past[n] = past[n - 1] if np.isnan(past[n]) else past[n]
    errors = {name: [] for name in PEERS}
    for origin in range(len(values) // 2, len(values) - AHEAD + 1, 6):
        scale = np.nanmean(np.abs(values[DAY:origin] - values[: origin - DAY]))
        for name, model in PEERS.items():
            path = np.asarray(model().forecast(y=past[:origin], h=AHEAD)["mean"])
            path = path if np.isfinite(path).all() else np.full(AHEAD, past[origin - 1])
            errors[name].append(np.nanmean(np.abs(path - values[origin : origin + AHEAD])) / scale)
    rows.append([np.mean(e) for e in errors.values()])
    print(f"{os.path.basename(file)[:-4]:40}", *(f"{e:14.3f}" for e in rows[-1]), flush=True)
print(f"{'mean of the series':40}", *(f"{e:14.3f}" for e in np.mean(rows, axis=0)))
PYTHON
