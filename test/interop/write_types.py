"""Writes columns of every type that pyarrow, pandas, polars, SQLite and PostgreSQL write, with ordinary values, edges and
what lies beyond, and says what each cell is as each type that a column may be declared as.

    write_types.py FOLDER [POSTGRES_URL]

FOLDER/cases.json: a list of cases; of each cell `null`, or what it is as `int`, `float`, `text`, `bool`, `utc` (a time, those
without a zone being of UTC) and `ny` (those without a zone being of New York); left out where it is no such thing.
"""

import json
import math
import re
import sqlite3
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

getcontext().prec = 100
root = Path(sys.argv[1])
postgres = sys.argv[2] if len(sys.argv) > 2 else None
NEW_YORK = ZoneInfo("America/New_York")
EPOCH = datetime(1970, 1, 1)
LEAST, MOST = -62135596800000000, 253402300799999999  # the years 1 to 9999, in microseconds
cases = []


# what a cell is


def as_float(value: Fraction, whole: bool):
    """The nearest float; of a whole number only one that is the same number."""
    nearest = value.numerator / value.denominator if value.denominator != 1 else None
    try:
        nearest = float(value.numerator) if nearest is None else nearest
    except OverflowError:
        return None
    # or the one number that is written as this float is
    if whole and Fraction(nearest) != value and Fraction(Decimal(repr(nearest))) != value:
        return None
    return repr(nearest)


def number(value, whole: bool):
    exact = Fraction(value)
    cell = {}
    if exact.denominator == 1 and -(2**63) <= exact < 2**63:
        cell["int"] = str(int(exact))
    nearest = as_float(exact, whole)
    if nearest is not None:
        cell["float"] = nearest
    return cell


def whole(value: int):
    return {**number(value, True), "text": str(value)}


def decimal(value: Decimal):
    return {**number(value, value == int(value)), "text": format(value, "f")}


def real(value: float):
    return {"float": repr(value)}


def instant(micros: int):
    return {"utc": str(micros), "ny": str(micros)} if LEAST <= micros <= MOST else {}


def local(micros: int):
    """A time without a zone."""
    if not LEAST <= micros <= MOST:
        return {}
    cell = {"utc": str(micros)}
    clock = EPOCH + timedelta(microseconds=micros)
    found = set()
    for fold in (0, 1):
        try:
            there = clock.replace(tzinfo=NEW_YORK, fold=fold).astimezone(timezone.utc).replace(tzinfo=None)
            back = there.replace(tzinfo=timezone.utc).astimezone(NEW_YORK).replace(tzinfo=None)
        except OverflowError:
            return cell
        if back == clock:
            found.add((there - EPOCH) // timedelta(microseconds=1))
    if len(found) == 1:
        cell["ny"] = str(found.pop())
    return cell


def text(value: str):
    """Text of a file that says nothing of types: everything that it is written as."""
    cell = {"text": value}
    plain = value.strip()
    if re.fullmatch(r"[+-]?[0-9]+", plain):
        cell.update(number(int(plain), True))
        if int(plain) == 0:
            cell["float"] = repr(float(plain))
    elif re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", plain):
        near = float(plain)
        if math.isfinite(near) and (near != 0 or Decimal(plain) == 0):
            cell["float"] = repr(near)
        if Decimal(plain) == int(Decimal(plain)) and abs(Decimal(plain)) < 2**63:
            cell["int"] = str(int(Decimal(plain)))
    elif re.fullmatch(r"[+-]?(nan|inf|infinity)", plain, re.I):
        cell["float"] = repr(float(plain))
    if plain.lower() in ("true", "t", "1"):
        cell["bool"] = True
    if plain.lower() in ("false", "f", "0"):
        cell["bool"] = False
    cell.update(time_of(plain))
    return cell


def time_of(plain: str):
    # the basic form of ISO 8601, whole: date and time, without any separator
    basic = re.fullmatch(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?(\.\d+)?(Z|[+-]\d\d(?::?\d\d)?)?", plain)
    if basic and (basic[6] or not basic[7]):
        year, month, day, hour, minute, second, fraction, zone = basic.groups()
        plain = f"{year}-{month}-{day}T{hour}:{minute}{':' + second if second else ''}{fraction or ''}{zone or ''}"
    form = re.fullmatch(
        r"(\d{4})[-/](\d\d?)[-/](\d\d?)(?:[ T](\d\d?):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?: ?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?)?",
        plain,
    )
    if not form:
        return {}
    year, month, day, hour, minute, second, fraction, zone = form.groups()
    try:
        clock = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return {}
    micros = (clock - EPOCH) // timedelta(microseconds=1) + int(((fraction or "") + "000000")[:6])
    if zone is None:
        return local(micros)
    offset = 0
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset = int(digits[:2]) * 60 + int(digits[2:] or 0)
        if offset > 15 * 60 + 59 or int(digits[2:] or 0) > 59:
            return {}
        offset = -offset if zone[0] == "-" else offset
    return instant(micros - offset * 60_000_000)


# columns of Arrow: a name, the type, the stored values and what each is

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
AUTUMN = 1730597400  # 2024-11-03 01:30, twice in New York
SPRING = 1710037800  # 2024-03-10 02:30, never there
TIMES = {
    "s": [0, -1, 1720008000, AUTUMN, SPRING, 253402300799, 253402300800, -62135596800, -62135596801, 2**62],
    "ms": [0, -1, 1720008000123, AUTUMN * 1000, 253402300800000, 2**63 - 1, 2**61, -(2**61)],
    "us": [0, -1, 1720008000123456, AUTUMN * 10**6, SPRING * 10**6, MOST, MOST + 1, LEAST, LEAST - 1, 2**63 - 1, -(2**63) + 1],
    "ns": [0, -1, -999, -1000, -1001, -1500, 1500, 1720008000123456789, AUTUMN * 10**9, 2**63 - 2, -(2**63) + 2],
}


def floor_micros(value: int, unit: str) -> int:
    return value * 10**6 // PER_SECOND[unit]


def columns():
    for bits in (8, 16, 32, 64):
        edge = 2 ** (bits - 1)
        values = [0, 1, -1, edge - 1, -edge]
        if bits == 64:
            values += [2**53, 2**53 + 1, -(2**53) - 1]
        yield f"int{bits}", getattr(pa, f"int{bits}")(), values, whole
        yield f"uint{bits}", getattr(pa, f"uint{bits}")(), [0, 1, 2**bits - 1, 2 ** (bits - 1)], whole
    yield "float16", pa.float16(), [0.0, -0.0, 1.5, math.nan, math.inf, -math.inf], real
    yield "float32", pa.float32(), [0.0, pl.Series([0.1], dtype=pl.Float32)[0], 1.5, math.nan, math.inf], real
    yield "float64", pa.float64(), [0.0, -0.0, 0.1, 1e308, 5e-324, math.nan, math.inf, -math.inf], real
    yield "decimal128(10,2)", pa.decimal128(10, 2), [Decimal(v) for v in ("1.10", "-0.01", "99999999.99", "12.00")], decimal
    yield "decimal128(38,2)", pa.decimal128(38, 2), [Decimal(v) for v in ("1.10", "12345678901234567.89", "9" * 36 + ".99")], decimal
    yield "decimal128(18,0)", pa.decimal128(18, 0), [Decimal(v) for v in ("7", "9" * 18, "-5")], decimal
    yield "decimal128(38,0)", pa.decimal128(38, 0), [Decimal(v) for v in (2**53, 2**53 + 1, 3, 2**63 - 1, 2**63, 10**37)], decimal
    yield "decimal256(50,3)", pa.decimal256(50, 3), [Decimal(v) for v in ("1.1", "2.2", "9" * 46 + ".125")], lambda v: decimal(v.quantize(Decimal("0.001")))
    yield "decimal256(50,0)", pa.decimal256(50, 0), [Decimal(v) for v in (1, 2**63, 10**49)], decimal
    for name, kind in (("string", pa.string()), ("large_string", pa.large_string()), ("string_view", pa.string_view())):
        yield name, kind, ["", "a", "007", "2024-01-01", "true", "ü\u2028x"], lambda v: {"text": v}
    yield "dictionary<string>", pa.dictionary(pa.int8(), pa.string()), ["a", "b", "a"], lambda v: {"text": v}
    yield "bool", pa.bool_(), [True, False], lambda v: {"bool": v}
    yield "date32", pa.date32(), [0, -1, 19907, 2932896, 2932897, 2**31 - 2, -719162, -719163], lambda v: local(v * 86_400_000_000)
    yield "date64", pa.date64(), [0, -86_400_000, 253402214400000], lambda v: local(v * 1000)
    for unit, values in TIMES.items():
        yield f"timestamp[{unit}]", pa.timestamp(unit), values, lambda v, unit=unit: local(floor_micros(v, unit))
        for zone in ("UTC", "America/New_York"):
            yield f"timestamp[{unit}, {zone}]", pa.timestamp(unit, zone), values, lambda v, unit=unit: instant(floor_micros(v, unit))
    # Parquet knows no spans: they are whole numbers there
    yield "duration", pa.duration("us"), [5], lambda v: number(v, True)
    yield "null", pa.null(), [], None
    for name, kind, value in (
        ("time64", pa.time64("us"), 5),
        ("binary", pa.binary(), b"a"),
        ("list<int64>", pa.list_(pa.int64()), [5]),
        ("struct", pa.struct([("a", pa.int64())]), {"a": 5}),
        ("map", pa.map_(pa.string(), pa.int64()), [("a", 5)]),
    ):
        yield name, kind, [value], lambda v: {}


def arrow_array(kind, values):
    if pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
        return pa.array([*values, None], pa.int64()).view(kind)
    if pa.types.is_date32(kind):
        return pa.array([*values, None], pa.int32()).view(kind)
    return pa.array([*values, None], kind)


def case(kind, stored, path, cells, **more):
    cases.append({"id": f"{kind} {len(cases)} {stored}", "kind": kind, "stored": stored, "path": path, "cells": cells, **more})


def folder(name: str) -> Path:
    path = root / f"{len(cases)}-{re.sub('[^a-z0-9]+', '-', name.lower())}"
    path.mkdir(parents=True)
    return path


def ipc(table, path, **options):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write(table)


def write_arrow_like():
    for name, kind, values, what in columns():
        # Parquet has no seconds, and no milliseconds for seconds so far away; of milliseconds so far away no microseconds
        far = {"s": 1, "ms": 3}.get(kind.unit, 0) if pa.types.is_timestamp(kind) else 0
        write_column(name, kind, values[: len(values) - far], what)
        if far:
            write_column(f"{name} beyond the year 294246", kind, values[-far:], what)


def write_column(name, kind, values, what):
    cells = [what(value) for value in values] + [None]
    try:
        table = pa.table({"v": arrow_array(kind, values)})
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SystemExit(f"{name}: {error}") from error
    at = folder(name)
    try:
        pq.write_table(table, at / "v.parquet", store_schema=False)
        bare = table.cast(pa.schema([("v", kind)]))
        pq.write_table(bare, at / "bare.parquet", write_statistics=False, compression="none", data_page_version="2.0", version="2.6")
        case("parquet", name, f"{at.name}/v.parquet", cells, table="Parquet")
        case("parquet", name, f"{at.name}/bare.parquet", cells)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass  # Parquet has no such type, or no such value of it
    ipc(table, at / "v.arrow")
    case("arrow", name, f"{at.name}/v.arrow", cells, table="Arrow")
    for codec in ("lz4", "zstd"):
        ipc(table, at / f"{codec}.arrow", compression=codec)
        case("arrow", name, f"{at.name}/{codec}.arrow", cells)
    with pa.OSFile(str(at / "stream.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=2):
            writer.write(batch)
    case("arrow", name, f"{at.name}/stream.arrow", cells)


def write_others():
    at = folder("others")
    values = TIMES["ns"]
    table = pa.table({"v": arrow_array(pa.timestamp("ns"), values)})
    pq.write_table(table, at / "int96.parquet", use_deprecated_int96_timestamps=True)
    # nanoseconds of the day, and days: Spark's form has no least value
    case("parquet", "int96 (Spark)", f"{at.name}/int96.parquet", [local(v // 1000) for v in values] + [None], table="Parquet")
    frame = pd.DataFrame({"v": pd.array([1, 2**53 + 1, None], dtype="Int64")})
    frame.to_parquet(at / "pandas-int.parquet")
    case("parquet", "pandas Int64", f"{at.name}/pandas-int.parquet", [whole(1), whole(2**53 + 1), None])
    frame = pd.DataFrame({"v": pd.Categorical(["a", "b", None])}, index=[5, 6, 7])
    frame.to_parquet(at / "pandas-cat.parquet")
    case("parquet", "pandas categorical", f"{at.name}/pandas-cat.parquet", [{"text": "a"}, {"text": "b"}, None])
    stamps = pd.to_datetime(["1950-05-05T00:00:00.000000001Z", "2024-07-03T12:00:00Z", None], format="ISO8601").as_unit("ns")
    pd.DataFrame({"v": stamps.tz_convert("America/New_York")}).to_parquet(at / "pandas-tz.parquet")
    case("parquet", "pandas datetime64[ns, tz]", f"{at.name}/pandas-tz.parquet", [instant(v.value // 1000) for v in stamps[:2]] + [None])
    stamps.to_frame(name="v").reset_index(drop=True).to_feather(at / "pandas.feather")
    case("arrow", "pandas feather", f"{at.name}/pandas.feather", [instant(v.value // 1000) for v in stamps[:2]] + [None])
    series = {
        "polars UInt64": (pl.Series("v", [1, 2**64 - 1, None], dtype=pl.UInt64), [whole(1), whole(2**64 - 1), None]),
        "polars Enum": (pl.Series("v", ["a", "b", None], dtype=pl.Enum(["a", "b"])), [{"text": "a"}, {"text": "b"}, None]),
        "polars Datetime[ms]": (pl.Series("v", [datetime(1969, 12, 31, 23, 59, 59, 999000), None], dtype=pl.Datetime("ms")), [local(-1000), None]),
        "polars Decimal(38,0)": (pl.Series("v", [Decimal(2**53 + 1), None], dtype=pl.Decimal(38, 0)), [whole(2**53 + 1), None]),
        "polars Null": (pl.Series("v", [None, None]), [None, None]),
        "polars Float64 NaN": (pl.Series("v", [1.0, math.nan, None]), [real(1.0), real(math.nan), None]),
    }
    for name, (column, cells) in series.items():
        file = re.sub("[^a-z0-9]+", "-", name.lower())
        column.to_frame().write_parquet(at / f"{file}.parquet")
        case("parquet", name, f"{at.name}/{file}.parquet", cells)
        column.to_frame().write_ipc(at / f"{file}.arrow", compression="zstd")
        case("arrow", name, f"{at.name}/{file}.arrow", cells)


def write_sets():
    """Several files that differ. `one` of each kind of difference is told in the table."""
    us, ns = pa.timestamp("us"), pa.timestamp("ns")
    text_of = lambda v: {"text": v}
    sets = {
        "int32, int64": [(pa.int32(), [1, -1], whole), (pa.int64(), [2**53 + 1], whole)],
        "int64, float64": [(pa.int64(), [2**53 + 1, 1], whole), (pa.float64(), [0.5, 9007199254740992.0], real)],
        "string, int64": [(pa.string(), ["a", "7"], text_of), (pa.int64(), [7, 8], lambda v: number(v, True))],
        "int64, string": [(pa.int64(), [7], lambda v: number(v, True)), (pa.string(), ["7"], text_of)],
        "float32, float64": [(pa.float32(), [1.5], real), (pa.float64(), [0.1], real)],
        "decimal(10,2), decimal(38,10)": [(pa.decimal128(10, 2), [Decimal("1.10")], decimal), (pa.decimal128(38, 10), [Decimal("1.1000000001")], decimal)],
        "decimal(38,0), int64": [(pa.decimal128(38, 0), [Decimal(2**53 + 1)], decimal), (pa.int64(), [2**53 + 1], lambda v: number(v, True))],
        "uint64, int64": [(pa.uint64(), [2**64 - 1], whole), (pa.int64(), [-1], lambda v: number(v, True))],
        "timestamp[us], timestamp[ns]": [(us, [-1], local), (ns, [-1], lambda v: local(v // 1000))],
        "timestamp[us], timestamp[us, America/New_York]": [(us, [1720008000000000], local), (pa.timestamp("us", "America/New_York"), [1720008000000000], instant)],
        "timestamp[us, UTC], timestamp[ns, America/New_York]": [(pa.timestamp("us", "UTC"), [-1], instant), (pa.timestamp("ns", "America/New_York"), [-1], lambda v: instant(v // 1000))],
        "date32, timestamp[s]": [(pa.date32(), [5], lambda v: local(v * 86_400_000_000)), (pa.timestamp("s"), [5], lambda v: local(v * 10**6))],
        "bool, int64": [(pa.bool_(), [True], lambda v: {"bool": v}), (pa.int64(), [1], lambda v: number(v, True))],
        "null, string": [(pa.null(), [], None), (pa.string(), ["a"], text_of)],
        "null, float64": [(pa.null(), [], None), (pa.float64(), [math.nan], real)],
        "dictionary<string>, string": [(pa.dictionary(pa.int8(), pa.string()), ["a"], text_of), (pa.string(), ["b"], text_of)],
    }
    for name, files in sets.items():
        for order in (1, -1):
            at = folder(name)
            cells = []
            for i, (kind, values, what) in enumerate(files[::order]):
                column = arrow_array(kind, values)
                other = pa.array([i] * len(column))
                # the order of columns differs too
                table = pa.table({"v": column, "o": other} if i == 0 else {"o": other, "v": column})
                pq.write_table(table, at / f"{i}.parquet")
                ipc(table, at / f"{i}.arrow")
                cells += [what(value) for value in values] + [None]
            case("parquet", f"files of {name}", f"{at.name}/*.parquet", cells, **({"table": "Files that differ"} if order == 1 else {}))
            case("arrow", f"files of {name}", f"{at.name}/*.arrow", cells)
    at = folder("absent")
    pq.write_table(pa.table({"o": [1, 2]}), at / "0.parquet")
    pq.write_table(pa.table({"v": pa.array([7], pa.int32()), "o": [1]}), at / "1.parquet")
    case("parquet", "files, one without the column", f"{at.name}/*.parquet", [None, None, whole(7)], table="Files that differ")
    for writer, suffix in ((lambda t, p: pq.write_table(t, p), "parquet"), (lambda t, p: pyarrow.csv.write_csv(t, p), "csv")):
        at = folder(f"keys {suffix}")
        for key in ("v=5", "v=007", "v=__HIVE_DEFAULT_PARTITION__", "v=a%20b"):
            (at / key).mkdir()
            writer(pa.table({"o": [1]}), at / key / f"x.{suffix}")
        said = sorted(["5", "007", "__HIVE_DEFAULT_PARTITION__", "a b"], key=lambda v: f"v={v}".replace(" ", "%20"))
        case("parquet" if suffix == "parquet" else "csv", "key of a folder", f"{at.name}/**/*.{suffix}", [None if v.startswith("__") else text(v) for v in said], table="Files that differ" if suffix == "parquet" else None)
        (at := folder(f"beside {suffix}") / "v=1").mkdir()
        writer(pa.table({"v": pa.array([5, 5], pa.int64())}), at / f"x.{suffix}")
        case("parquet" if suffix == "parquet" else "csv", "key of a folder beside a column of its name", f"{at.parent.name}/**/*.{suffix}", [whole(5), whole(5)])
    at = folder("twice")
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["v", "v"]), at / "same.parquet")
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["v", "V"]), at / "cased.parquet")
    ipc(pa.table([pa.array([1]), pa.array([2])], names=["v", "V"]), at / "cased.arrow")
    (at / "cased.csv").write_text("v,V\n1,2\n")
    (at / "cased.jsonl").write_text('{"v":1,"V":2}\n')
    for kind, file in (("parquet", "same.parquet"), ("parquet", "cased.parquet"), ("arrow", "cased.arrow"), ("csv", "cased.csv"), ("json", "cased.jsonl")):
        case(kind, "two columns of one name" if "same" in file else "two names that differ in case only", f"{at.name}/{file}", [{}], refused=True)
    at = folder("cased apart")
    for kind, suffix in (("parquet", "parquet"), ("arrow", "arrow"), ("csv", "csv")):
        for i, name in enumerate(("v", "V")):
            table = pa.table({name: [i]})
            {"parquet": pq.write_table, "arrow": ipc, "csv": pyarrow.csv.write_csv}[kind](table, at / f"{i}.{suffix}")
        case(kind, "files of two names that differ in case only", f"{at.name}/*.{suffix}", [{}, {}], refused=True)


# text

NUMBERS = ["0", "-0", "+7", "007", " 5", "9007199254740993", "9223372036854775807", "9223372036854775808", "1152921504606847000", "12.0", "0.1", "1e3",
           "1e400", "1e-400", "-1e400", "1e308", "5e-324", ".5", "5.", "1_000", "0x10", "1,5", "nan", "inf", "-Infinity", "x", "12 3", "1" * 40, "0." + "0" * 400 + "1"]
TRUTHS = ["true", "FALSE", "t", "f", "1", "0", "yes", "no"]
WRITTEN_TIMES = ["2024-07-01", "2024-07-01 12:00", "2024-07-01T12:00:00", "2024-07-01T12:00:00Z", "2024-07-01 12:00:00.123456789", "2024-07-01T12:00:00.5+02:00",
                 "2024-07-01 12:00:00-0530", "2024-07-01 12:00:00+02", "2024-07-01 12:00:00 EST", "2024-07-01 12:00:00", "2024-07-01 12:00:00 Europe/Berlin",
                 "2024-07-01 12:00:00", "2024-07-01 12:00:00 UTC", "infinity", "-infinity", "epoch", "now", "today", "2024-01-05 10:00:00-99", "2024-01-05 10:00:00+25:00",
                 "2024-01-05 10:00:00+15:59", "2024-01-05 10:00:00+16:00", "2024-01-05 10:00:00+02:60", "2024-02-30", "2023-02-29", "2024-13-01", "2024-01-05 24:00:00",
                 "2024-01-05 23:59:60", "1969-12-31 23:59:59.9999999", "0001-01-01", "0000-01-01", "9999-12-31 23:59:59.999999", "9999-12-31T23:59:59-01:00",
                 "0001-01-01 00:00:00+01", "10000-01-01", "2024-11-03 01:30:00", "2024-11-03 01:30:00-05:00", "2024-03-10 02:30:00", "2024-11-03 00:59:59", "2024-11-03 02:00:00",
                 "2024-03-10 01:59:59", "2024-03-10 03:00:00", "01/02/2024", "2024/07/01", "2024-7-1 5:06:07", "20240701T120000Z", "20240701T1200", "20240701T120000.5+0200", "20240701T120000-05", "20240230T120000Z", "20240701T12:00:00Z", "1720008000", "12:00", "2024-07-01T12:00:00z"]
TEXTS = {"numbers": NUMBERS, "truths": TRUTHS, "times": WRITTEN_TIMES}


def write_texts():
    at = folder("texts")
    for name, values in TEXTS.items():
        cells = [text(value) for value in values]
        with open(at / f"{name}.csv", "w", newline="") as file:
            file.write("o,v\n" + "".join(f'{i},"{value}"\n' for i, value in enumerate(values)))
        case("csv", name, f"{at.name}/{name}.csv", cells, table="CSV, JSON lines")
        with open(at / f"{name}.jsonl", "w") as file:
            file.write("".join(json.dumps({"o": i, "v": value}) + "\n" for i, value in enumerate(values)))
        case("json", name, f"{at.name}/{name}.jsonl", cells)
        # what stands around a cell says nothing of it
        for turned in (values[::-1],):
            with open(at / f"{name}-turned.csv", "w", newline="") as file:
                file.write("o,v\n" + "".join(f'{i},"{value}"\n' for i, value in enumerate(turned)))
            case("csv", f"{name} the other way round", f"{at.name}/{name}-turned.csv", [text(value) for value in turned])
    raw = ["1", "-5", "9007199254740993", "12345678901234567890123", "1.5", "1.10", "0.1", "1e5", "1e400", "9007199254740993.0", "true", "false", "null", "18446744073709551615"]
    with open(at / "raw.jsonl", "w") as file:
        file.write("".join(f'{{"o":{i},"v":{value}}}\n' for i, value in enumerate(raw)))
    case("json", "numbers and truths of JSON", f"{at.name}/raw.jsonl", [None if value == "null" else text(value) for value in raw], table="CSV, JSON lines")


def write_sqlite():
    path = root / "types.sqlite"
    database = sqlite3.connect(path)
    database.execute("create table storage (v)")
    values = [0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 0.1, 1.5, 1e308, 12.0, "a", "7", "2024-07-01 12:00:00 EST", "2024-07-01 12:00:00", b"ab", None, math.inf]
    database.executemany("insert into storage values (?)", [(value,) for value in values])
    database.commit()

    def cell(value):
        if value is None:
            return None
        if isinstance(value, int):
            return text(str(value))
        if isinstance(value, float):
            got = text(repr(value))
            # a real has no way of writing
            return {key: got[key] for key in ("float",) if key in got} | {"text": None}
        return text(value) if isinstance(value, str) else {"text": None}

    case("sqlite", "any storage class", "storage", [cell(value) for value in values], file="types.sqlite", table="SQLite")
    for name, values in TEXTS.items():
        database.execute(f"create table {name} (v text)")
        database.executemany(f"insert into {name} values (?)", [(value,) for value in values])
        case("sqlite", f"text: {name}", name, [text(value) for value in values], file="types.sqlite", table="SQLite")
    database.commit()
    database.close()


def write_postgres(url: str):
    import psycopg

    micros = lambda sql: int(sql)
    kinds = {
        "smallint": (["0", "32767", "-32768"], lambda v: whole(int(v))),
        "integer": (["0", "2147483647"], lambda v: whole(int(v))),
        "bigint": ([str(2**53 + 1), str(2**63 - 1), str(-(2**63))], lambda v: whole(int(v))),
        "numeric": (["1", "1.50", str(2**63), "9" * 40, "0.1"], lambda v: decimal(Decimal(v))),
        "numeric(38,0)": ([str(2**53), str(2**53 + 1), str(10**37)], lambda v: decimal(Decimal(v))),
        "numeric(10,2)": (["1.10", "12.00"], lambda v: decimal(Decimal(v))),
        "real": (["1.5", "NaN", "Infinity"], lambda v: real(float(v))),
        "double precision": (["0.1", "1e308", "1e22", "5e-324", "NaN", "-Infinity", "123456789012345680"], lambda v: real(float(v))),
        "text": (["", "a", "7"], lambda v: {"text": v}),
        "varchar(9)": (["a"], lambda v: {"text": v}),
        "uuid": (["00000000-0000-0000-0000-000000000001"], lambda v: {"text": v}),
        "boolean": (["true", "false"], lambda v: {"bool": v == "true"}),
        "date": (["2024-07-01", "0001-01-01", "9999-12-31", "infinity", "4713-01-01 BC", "10000-01-01"], lambda v: time_of(v)),
        "timestamp": (["2024-07-01 12:00:00.123456", "2024-11-03 01:30:00", "2024-03-10 02:30:00", "infinity", "-infinity", "20000-01-01", "1969-12-31 23:59:59.999999"], lambda v: time_of(v)),
        "timestamptz": (["2024-07-01 12:00:00+02", "2024-11-03 01:30:00-05", "infinity", "9999-12-31 23:00:00-05", "1969-12-31 23:59:59.999999Z"], lambda v: time_of(v)),
    }
    schema = f"types_{root.name.lower().replace('-', '_')}"
    with psycopg.connect(url, autocommit=True) as client:
        client.execute(f"create schema {schema}")
        for i, (name, (values, what)) in enumerate(kinds.items()):
            client.execute(f"create table {schema}.t{i} (v {name})")
            for value in [*values, None]:
                client.execute(f"insert into {schema}.t{i} values (%s::text::{name})", (value,))
            case("postgres", name, f"{schema}.t{i}", [what(value) for value in values] + [None], table="PostgreSQL")


write_arrow_like()
write_others()
write_sets()
write_texts()
write_sqlite()
if postgres:
    write_postgres(postgres)
(root / "cases.json").write_text(json.dumps(cases))
print(len(cases))
