"""The checks of bench/validation-checks.ts in Pandera on polars, most of them written by hand; prints how many fail."""

import sys

import pandera.polars as pa
import polars as pl

frame = pl.read_parquet(sys.argv[1])
n = frame.height


def share(condition: pl.Expr, mostly: float) -> pa.Check:
    return pa.Check(lambda data: data.lazyframe.select(condition.mean() >= mostly))


def whole(condition: pl.Expr) -> pa.Check:
    return pa.Check(lambda data: data.lazyframe.select(condition))


def number(name: str) -> pl.Expr:
    return pl.col(name)


delay, distance = number("delay"), number("distance")
text = [
    pa.Check.str_matches("^[A-Z]{3}$"),
    pa.Check.str_length(3, 3),
]


def codes(name: str) -> list[pa.Check]:
    c = pl.col(name)
    return [
        *text,
        pa.Check(lambda data: data.lazyframe.select(~c.str.contains("[0-9]"))),
        pa.Check(lambda data: data.lazyframe.select(c.str.strip_chars() == c)),
        whole(c.n_unique().is_between(200, 250)),
        whole(c.n_unique() <= 220),
        whole(pl.lit(["ATL", "ORD", "LAX"]).list.set_difference(c.unique().implode()).list.len() == 0),
        whole(c.value_counts().struct.field("count").max() / n <= 0.06),
        pa.Check.notin(["XXX", ""]),
        pa.Check.notin(["ATL", "DFW"]),
        whole(c.n_unique() > 1),
    ]


schema = pa.DataFrameSchema(
    {
        "date": pa.Column(
            pl.Datetime,
            [
                whole(pl.col("date").is_between(pl.datetime(2001, 1, 1), pl.datetime(2001, 7, 1)).all()),
                whole(pl.col("date").is_between(pl.datetime(2001, 1, 1), pl.datetime(2001, 6, 30)).all()),
            ],
            nullable=False,
            coerce=True,
        ),
        "delay": pa.Column(
            pl.Int64,
            [
                pa.Check.in_range(-1200, 1700),
                pa.Check.in_range(-120, 1440),
                share(delay.is_between(-60, 600), 0.999),
                share(delay.is_between(-30, 60), 0.99),
                pa.Check.ge(-15),
                pa.Check.notin([9999, -9999]),
                whole(delay.mean().is_between(0, 10)),
                whole(delay.mean() >= 10),
                whole(delay.median().is_between(-5, 5)),
                whole(delay.std(ddof=0) <= 40),
                whole(delay.sum() >= 1),
                whole(delay.min() >= -120),
                whole(delay.max() <= 1700),
                *[whole(delay.quantile(q, "linear") <= at) for q, at in [(0.25, 0), (0.75, 20), (0.99, 100)]],
                whole(delay.n_unique().is_between(500, 1000)),
                whole(delay.value_counts().struct.field("count").max() / n <= 0.1),
            ],
            nullable=False,
        ),
        "distance": pa.Column(
            pl.Int64,
            [
                pa.Check.in_range(0, 5000),
                share(distance.is_between(50, 3000), 0.99),
                share(distance.is_between(100, 2500), 0.999),
                whole(distance.sum() <= 1e9),
                whole(distance.mean().is_between(700, 760)),
                whole(distance.median().is_between(500, 620)),
                whole(distance.std(ddof=0).is_between(500, 620)),
                whole(distance.min() >= 20),
                whole(distance.max() <= 4500),
                whole(distance.quantile(0.1, "linear") >= 100),
                whole(distance.quantile(0.9, "linear") <= 1700),
                whole(distance.n_unique().is_between(1000, 1200)),
                whole(distance.value_counts().struct.field("count").max() / n <= 0.05),
            ],
            nullable=False,
        ),
        "origin": pa.Column(pl.String, codes("origin"), nullable=False),
        "destination": pa.Column(pl.String, codes("destination"), nullable=False),
    },
    unique=["date", "delay", "distance", "origin", "destination"],
    checks=[pa.Check(lambda data: data.lazyframe.select(pl.col("origin") != pl.col("destination")))],
)
try:
    schema.validate(frame, lazy=True)
    print("nothing fails")
except pa.errors.SchemaErrors as errors:
    print(len(errors.schema_errors), "fail")
