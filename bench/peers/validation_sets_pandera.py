"""The sets of checks of bench/validation-sets/ in Pandera on polars, as one would write them by hand.

Prints as JSON the ids of the checks that do not hold, of whatever severity. What Pandera and polars have no check for (the
type of a column by its footer) is left out; nulls are refused by `nullable=False`.
"""

import json
import sys
from datetime import datetime

import pandera.polars as pa
import polars as pl

name, file = sys.argv[1:]
frame = pl.read_parquet(file)
n = frame.height
date, delay, distance, origin, destination = (pl.col(c) for c in ("date", "delay", "distance", "origin", "destination"))
checks: list[pa.Check] = []


def whole(id: str, condition: pl.Expr) -> None:
    """One answer for the table."""
    checks.append(pa.Check(lambda data: data.lazyframe.select(condition), name=id))


def rows(id: str, good: pl.Expr, mostly: float = 1.0, when: pl.Expr | None = None, max_bad: int | None = None) -> None:
    """A share of the rows that meet a condition; those of null are not judged."""
    some = good if when is None else good.filter(when)
    if max_bad is not None:
        whole(id, (~some).sum() <= max_bad)
    elif mostly < 1:
        whole(id, some.mean() >= mostly)
    else:
        whole(id, some.all())


def alone(id: str, columns: list[str], mostly: float = 1.0, spare: bool = False, max_bad: int = 0) -> None:
    """Uniqueness; `spare` leaves out the first of each group."""
    key = pl.struct(columns)
    good = key.is_first_distinct() if spare else key.is_unique()
    whole(id, good.mean() >= mostly if mostly < 1 else (~good).sum() <= max_bad)


def between(id, c, least, most, mostly=1.0, when=None) -> None:
    good = (c >= least if least is not None else True) & (c <= most if most is not None else True)
    rows(id, good, mostly, when)


def figure(id, value: pl.Expr, least=None, most=None) -> None:
    whole(id, (value >= least if least is not None else pl.lit(True)) & (value <= most if most is not None else pl.lit(True)))


def top(c: pl.Expr, total) -> pl.Expr:
    return c.value_counts().struct.field("count").max() / total


airports = ["ATL", "ORD", "LAX", "DFW", "PHX", "DEN", "DTW", "SFO", "LAS", "MSP"]


def keys() -> None:
    whole("rows", pl.len() >= 2_900_000)
    alone("one-departure-a-minute", ["date", "origin", "destination"])
    alone("one-a-minute", ["date", "origin"])
    alone("one-arrival", ["date", "destination"])
    alone("key", ["date", "origin", "destination", "distance"], 0.9)
    alone("duplicates", frame.columns, spare=True, max_bad=500)
    rows("distinct-within-row", origin != destination)
    rows("all-or-none", delay.is_null() == distance.is_null())
    rows("compare", delay < distance, 0.9)
    rows("delay-two-distances", delay.abs() <= distance * 2)
    rows("no-loop", origin != destination)
    rows("northbound", origin < destination, 0.3)
    rows("southbound", origin > destination, 0.3)
    rows("sum-positive", delay + distance > 0, 0.99)
    rows("difference", distance - delay > -1000)
    rows("even-miles", distance % 2 == 0, 0.3)
    rows("hours", date.dt.hour().is_between(0, 23))
    rows("weekdays", date.dt.weekday() <= 5, 0.6)
    rows("far-soon", ~(distance > 2500) | (delay < 1000))
    rows("late-and-far", ~(delay > 600) | (distance > 200), 0.5)
    rows("honolulu", ~(origin == "HNL") | (distance > 50))
    rows("atlanta", ~(origin == "ATL") | (destination != "ATL"))
    figure("correlation", pl.corr(delay, distance), -0.2, 0.2)
    rows("sums", (distance + delay) == (distance + delay).cast(pl.Float64))
    for airport in airports:
        there = origin == airport
        rows(f"far-from-{airport}", distance < 5000, when=there)
        between(f"delay-at-{airport}", delay, -60, 600, 0.99, there)
        figure(f"mean-at-{airport}", delay.filter(there).mean(), -10, 40)
        figure(f"farthest-from-{airport}", distance.filter(destination == airport).max(), most=5000)


def tolerated() -> None:
    whole("rows", pl.len() >= 2_900_000)
    alone("duplicates", frame.columns, spare=True)
    for limit in [0, 5, 10, 15, 20, 30, 45, 60]:
        between(f"at-most-{limit}", delay, None, limit, 0.4)
    for limit in [-20, -15, -10, -5, 0, 5]:
        between(f"at-least-{limit}", delay, limit, None, 0.2)
    for limit in [200, 400, 800, 1600]:
        between(f"nearer-{limit}", distance, None, limit, 0.1)
        between(f"farther-{limit}", distance, limit, None)
    for airport in airports[:6]:
        rows(f"not-from-{airport}", origin != airport, 0.9)
        rows(f"not-to-{airport}", destination != airport)
    rows("first-half", origin.str.contains("^[A-M]"), 0.3)
    rows("first-half-to", destination.str.contains("^[A-M]"), 0.3)
    rows("rare-letters", ~origin.str.contains("[XQZ]"), 0.8)
    rows("rare-letters-to", ~destination.str.contains("[XQZ]"), 0.8)
    rows("late-far", ~((delay > 15) & (distance > 500)), 0.7)
    rows("late-or-far", (delay > 15) | (distance > 500), 0.3)
    rows("daytime", (date.dt.hour() >= 6) & (date.dt.hour() < 22), 0.8)
    rows("not-at-three", date.dt.hour() != 3, max_bad=100_000)
    rows("before-june", date.dt.month() <= 5, 0.7)
    for month in range(1, 7):
        between(f"month-{month}", delay, -30, 120, 0.9, date.dt.month() == month)
        between(f"miles-{month}", distance, 100, 2500, 0.9, date.dt.month() == month)
    for q in [0.1, 0.5, 0.9]:
        figure(f"q{q}", delay.quantile(q, "linear"), -50, 200)
    rows("not-about-15", (delay - 15).abs() > 5, 0.99)
    alone("unique-tolerated", ["date", "origin"], 0.1)


def entropy(c: pl.Expr) -> pl.Expr:
    return c.value_counts().struct.field("count").entropy(base=2.0, normalize=True)


def figures() -> None:
    five = ["ATL", "ORD", "LAX", "DFW", "PHX"]
    whole("rows", pl.len() >= 2_900_000)
    alone("nearly-a-key", ["date", "origin", "destination", "delay"], 0.9)
    alone("twice-but-for-delay", ["date", "distance", "origin", "destination"], spare=True)
    for q in [0.001, 0.05, 0.5, 0.95, 0.999]:
        figure(f"delay-{q}", delay.quantile(q, "linear"), -200, 1000)
        figure(f"distance-{q}", distance.quantile(q, "linear"), 0, 5000)
    figure("far-median", delay.filter(distance > 1000).median(), most=10)
    figure("hub-spread", delay.filter(origin.is_in(["ATL", "ORD"])).std(ddof=0), most=60)
    rows("delay-outliers", (delay - delay.mean()).abs() <= 8 * delay.std(ddof=0))
    rows("distance-outliers", (distance - distance.mean()).abs() <= 8 * distance.std(ddof=0), 0.9)
    rows("distance-whole", distance % 1 == 0)
    rows("delay-fives", delay % 5 == 0, 0.1)
    figure("delay-distinct-share", delay.n_unique() / n, most=0.001)
    figure("distance-distinct-share", distance.n_unique() / n, most=0.01)
    figure("date-distinct", date.n_unique(), 100_000)
    whole("date-fresh", date.max() > datetime(1950, 1, 1))
    whole("date-varies", date.n_unique() > 1)
    figure("delay-top", top(delay, n), most=0.2)
    figure("distance-top", top(distance, n), most=0.2)
    figure("late-top", top(origin.filter(delay > 60), (delay > 60).sum()), most=0.1)
    figure("destination-top", top(destination, n), most=0.1)
    figure("origin-entropy", entropy(origin), 4, 7)
    figure("destination-entropy", entropy(destination), 4, 7)
    figure("delay-entropy", entropy(delay), 3)
    for c in (origin, destination):
        whole("contains", pl.lit(["ATL", "ORD"]).list.set_difference(c.unique().implode()).list.len() == 0)
    rows("big-five", origin.is_in(five), 0.2)
    rows("big-five-to", destination.is_in(five))
    rows("code", origin.str.contains("^[A-Z]{3}$"))
    rows("begins", origin.str.contains("^(?:[A-L]|S[A-G]).*$"), 0.2)
    rows("any", origin.str.contains("A") | origin.str.contains("O") | origin.str.contains("L"), 0.5)
    rows("all", destination.str.contains("[A-Z]") & destination.str.contains("^...$"))
    rows("vowels", ~destination.str.contains(r"(?i)(.)[AEIOU]\w"), 0.2)
    rows("length", origin.str.len_chars() == 3)
    rows("length-to", destination.str.len_chars().is_between(1, 4))
    rows("trimmed", origin.str.strip_chars() == origin)
    rows("trimmed-to", destination.str.strip_chars() == destination)
    figure("mean", delay.mean(), 0, 15)
    figure("sum", delay.sum(), 1_000_000)
    figure("sum-distance", distance.sum(), 1_000_000)
    figure("weekend-mean", distance.filter(date.dt.weekday() >= 6).mean(), 600, 800)
    figure("std", distance.std(ddof=0), 100, 900)
    between("wide-low", delay, -4000, None)
    figure("delay-nulls", delay.is_null().mean(), most=0.01)
    figure("distance-nulls", distance.is_null().mean(), most=0.01)
    between("wide", delay, -5000, 5000)
    rows("six-letters", (origin + destination).str.len_chars() == 6)
    rows("lower", origin.str.to_lowercase() != destination.str.to_lowercase())
    rows("rate", delay / distance < 1, 0.9)
    rows("root", distance.sqrt() > 5, 0.9)
    rows("first-four-weeks", date.dt.day() <= 28, 0.8)
    rows("fibonacci", delay.is_in([0, 1, 2, 3, 5, 8, 13]), 0.05)
    rows("five-minutes", date.dt.minute() % 5 == 0, 0.1)
    between("delay-usual", delay, -60, 600, 0.99)
    between("distance-usual", distance, 50, 3000, 0.9)


def operations() -> None:
    hawaii = ["HNL", "OGG", "KOA", "LIH", "ITO"]
    california = ["LAX", "SFO", "SAN", "OAK", "SJC", "SMF", "BUR", "ONT", "SNA", "PSP"]
    new_york = ["JFK", "LGA", "EWR", "HPN", "ISP"]
    coasts = california + new_york
    whole("rows", (pl.len() >= 1_000_000) & (pl.len() <= 10_000_000))
    between("first-half-year", date, datetime(2001, 1, 1), datetime(2001, 7, 1))
    between("before-summer", date, datetime(2001, 1, 1), datetime(2001, 6, 1), 0.5)
    between("after-january", date, datetime(2001, 2, 1), None)
    whole("date-fresh", date.max() > datetime(1950, 1, 1))
    figure("date-distinct", date.n_unique(), 10_000)
    whole("no-day-without-flights", date.sort().diff().max() <= pl.duration(days=1))
    rows("date-known", date.is_not_null())
    rows("clock-goes-on", (date.sort_by("date").diff() >= pl.duration()).fill_null(True).over("origin"))
    rows("far-first", (distance.sort_by("date", maintain_order=True).diff() <= 0).fill_null(True).over("destination"), 0.1)
    alone("one-gate", ["origin", "destination", "date", "distance"], 0.5)
    key = pl.struct("date", "origin", "destination").filter(origin.is_in(hawaii))
    whole("one-gate-hawaii", key.is_unique().mean() >= 0.9)
    for day in range(1, 8):
        on = date.dt.weekday() == day
        figure(f"mean-on-{day}", delay.filter(on).mean(), -20, 30)
        between(f"delay-on-{day}", delay, -90, 900, 0.99, on)
    for hour in [0, 6, 12, 18]:
        on = (date.dt.hour() >= hour) & (date.dt.hour() < hour + 6)
        figure(f"late-from-{hour}", delay.filter(on).quantile(0.9, "linear"), -60, 240)
    figure("holidays", delay.filter((date.dt.month() == 5) & (date.dt.day() >= 25)).median(), most=30)
    rows("minutes", date.dt.minute() < 60)
    rows("year", date.dt.year() == 2001)
    rows("night-early", (date.dt.hour() >= 5) | (delay > -60), 0.9)
    rows("takes-off-after-all", date + pl.duration(minutes=delay) > date - pl.duration(days=1), 0.99)
    rows("islands", ~origin.is_in(hawaii) | (distance > 80))
    rows("in-state", ~(origin.is_in(california) & destination.is_in(california)) | (distance < 700))
    rows("not-next-door", ~origin.is_in(new_york) | ~destination.is_in(new_york), 0.99)
    rows("coasts", origin.is_in(coasts) | destination.is_in(coasts), 0.2)
    for i, some in enumerate([hawaii, california, new_york]):
        figure(f"minutes-{i}", delay.filter(origin.is_in(some)).sum(), -10_000_000, 10_000_000)
        figure(f"miles-{i}", distance.filter(origin.is_in(some)).sum(), 0)
        figure(f"farthest-{i}", distance.filter(destination.is_in(some)).max(), most=5000)
        figure(f"reached-{i}", destination.filter(origin.is_in(some)).n_unique(), 5, 250)
        figure(f"spread-{i}", delay.filter(destination.is_in(some)).std(ddof=0), most=100)
    rows("length", origin.str.len_chars() == 3, when=distance > 100)
    rows("length-to", destination.str.len_chars() == 3, when=delay > 0)
    rows("code", origin.str.contains("^[A-Z]{3}$"), when=delay < 0)
    rows("code-to", destination.str.contains("^(?:[A-Z]{2}[A-Z])$"))
    rows("no-icao", ~origin.str.contains("^K"), 0.9)
    rows("a-vowel", destination.str.contains("[AEIOU]"), 0.5)
    rows("pair", (origin + destination).str.contains("^[A-Z]{6}$"))
    rows("s-to-s", ~(origin.str.starts_with("S") & destination.str.starts_with("S")), 0.9)
    rows("regions", origin.is_in(hawaii + coasts), 0.1)
    rows("no-filler", ~destination.is_in(["XXX", "ZZZ", "---"]))
    low, high = delay.quantile(0.25, "linear"), delay.quantile(0.75, "linear")
    rows("outliers", (delay >= low - 10 * (high - low)) & (delay <= high + 10 * (high - low)), 0.95)
    rows("whole-miles", distance % 1 == 0, when=origin != "ATL")
    figure("punctual-median", distance.filter(delay < 0).quantile(0.5, "linear"), 100, 1500)
    figure("delay-nulls", delay.is_null().mean(), most=0.1)
    rows("slower-than-walking", distance > delay - 2000)
    figure("far-is-late", pl.corr(distance, delay), -0.5, 0.5)


def auc(of: pl.Expr, label: pl.Expr) -> pl.Expr:
    """The share of pairs that come in order, ties half, by the ranks of one value."""
    yes = label.sum().cast(pl.Float64)
    area = (of.rank("average").filter(label).sum() - yes * (yes + 1) / 2) / (yes * (n - yes))
    return pl.max_horizontal(area, 1 - area)


def training() -> None:
    whole("rows", pl.len() >= 500_000)
    for c in (delay, distance, origin, destination):
        rows("known", c.is_not_null())
    whole("conflicting", (delay.n_unique().over("date", "origin", "destination") == 1).mean() >= 0.5)
    figure("leak", auc(distance, delay > 15), most=0.9)
    figure("label-known", delay.is_null().mean(), most=0.05)
    figure("no-filler-delay", top(delay, n), most=0.1)
    figure("no-filler-distance", top(distance.filter(origin != "LAX"), (origin != "LAX").sum()), most=0.1)
    figure("ranks", pl.corr(delay.rank("average"), distance.rank("average")), -0.3, 0.3)
    early = date.dt.month() <= 3
    figure("first-quarter", pl.corr(delay.filter(early), distance.filter(early)), -0.3, 0.3)
    alone("seen-twice", frame.columns, spare=True, max_bad=100_000)
    alone("nearly-keys", ["date", "delay", "origin"], 0.9)
    alone("coarse-keys", ["origin", "distance", "delay"], 0.01)
    for hour in [0, 3, 6, 9, 12, 15, 18, 21]:
        at = date.dt.hour() == hour
        figure(f"mean-at-{hour}", delay.filter(at).mean(), -30, 60)
        figure(f"spread-at-{hour}", delay.filter(at).std(ddof=0), most=120)
        figure(f"miles-at-{hour}", distance.filter(at).mean(), 100, 3000)
    for a, b in [("SFO", "LAX"), ("LAX", "SFO"), ("DAL", "HOU"), ("ORD", "MSP"), ("BOS", "LGA")]:
        route = (origin == a) & (destination == b)
        figure(f"mean-{a}-{b}", delay.filter(route).mean(), -20, 60)
        figure(f"one-distance-{a}-{b}", distance.filter(route).n_unique(), most=3)
        figure(f"late-{a}-{b}", delay.filter(route).quantile(0.95, "linear"), 0, 400)
    rows("ratio", distance / (delay + 2000) < 5, 0.99)
    rows("log-distance", (distance + 1).log() > 3, 0.99)
    rows("root-delay", delay.abs().sqrt() < 25, 0.99)
    rows("square", delay * delay < 1_000_000)
    rows("same-evening", (date + pl.duration(minutes=delay)).dt.hour() >= date.dt.hour(), 0.5)
    rows("not-sunday-night", ~((date.dt.weekday() == 7) & (date.dt.hour() < 6)), 0.9)
    rows("no-circle", origin + "-" + destination != "LAX-LAX")
    rows("a-or-near", origin.str.starts_with("A") | destination.str.starts_with("A") | (distance < 6000))
    between("short-hops", delay, -60, 180, 0.95, distance < 300)
    between("long-hauls", delay, -60, 180, 0.95, distance >= 2000)
    middle = delay.median()
    rows("tails", (delay - middle).abs() <= 20 * 1.4826 * (delay - middle).abs().median(), 0.9)
    rows("far-tails", (distance - distance.mean()).abs() <= 4 * distance.std(ddof=0), 0.9)
    figure("origin-varied", entropy(origin.filter(delay > 30)), 3)
    figure("reached-late", destination.filter(delay > 30).n_unique(), 50, 1000)
    figure("june", date.filter(date.dt.month() == 6).n_unique(), 1000)
    between("half-year", date, datetime(2001, 1, 1), datetime(2001, 7, 1))
    rows("stuck", ~((delay > 1400) & (distance < 100)))
    whole("rare-origins", origin.value_counts().struct.field("count").min() >= 5)


{"keys": keys, "tolerated": tolerated, "figures": figures, "operations": operations, "training": training}[name]()
schema = pa.DataFrameSchema(
    {
        "date": pa.Column(pl.Datetime, nullable=False, coerce=True),
        "delay": pa.Column(pl.Int64, nullable=False),
        "distance": pa.Column(pl.Int64, nullable=False),
        "origin": pa.Column(pl.String, nullable=False),
        "destination": pa.Column(pl.String, nullable=False),
    },
    checks=checks,
)
broken: list[str] = []
try:
    schema.validate(frame, lazy=True)
except pa.errors.SchemaErrors as errors:
    broken = sorted({str(getattr(one.check, "name", one.check)) for one in errors.schema_errors})
print(json.dumps({"checks": len(checks), "broken": broken}))
