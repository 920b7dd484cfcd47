"""Judges data frames by Great Expectations and Pandera, for comparison with what Millrace makes of the same rules.

argv: a folder. Reads cases.json: {"frames": {name: {column: {"dtype": …, "values": […]}}}, "expectations": […],
"schema": "<yaml>"}; writes each frame as <name>.parquet and what the tools say as judged.json.
"""

import json
import sys
import warnings
from pathlib import Path

import great_expectations as gx
import pandas as pd
import pandera.pandas as pa
from pandera.io.pandas_io import from_yaml

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
cases = json.loads((folder / "cases.json").read_text())
frames = {
    name: pd.DataFrame({column: pd.Series(one["values"], dtype=one["dtype"]) for column, one in columns.items()})
    for name, columns in cases["frames"].items()
}
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}


def by_great_expectations(name, frame):
    whole = context.data_sources.add_pandas(name).add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    batch = whole.get_batch({"dataframe": frame})
    for config in cases["expectations"]:
        try:
            suite = gx.ExpectationSuite(name="one", expectations=[dict(config)])
            result = batch.validate(suite).results[0]
        except Exception as error:  # an expectation that the tool itself refuses
            yield {"refused": str(error)[:200]}
            continue
        info = result.exception_info
        raised = info.get("raised_exception", any(isinstance(one, dict) and one.get("raised_exception") for one in info.values()))
        yield {"refused": str(info)[:200]} if raised else {
            "success": bool(result.success),
            "bad": result.result.get("unexpected_count"),
        }


def by_pandera(frame):
    schema = from_yaml(cases["schema"])
    try:
        schema.validate(frame[list(schema.columns)], lazy=True)
        return []
    except pa.errors.SchemaErrors as errors:
        return [told(error) for error in errors.schema_errors]


def told(error):
    # the cases of a frame's own check stand once a column; nulls among duplicates are no cases, but break the rule
    cases, name = error.failure_cases, error.schema.name
    check = getattr(error.check, "error", None) or str(error.check)
    counted = name is not None and isinstance(cases, pd.DataFrame) and len(cases) > 0
    bad = len(cases) if counted else None
    return {"column": name, "check": check, "bad": bad}


judged = {}
for name, frame in frames.items():
    frame.to_parquet(folder / f"{name}.parquet")
    judged[name] = {"expectations": list(by_great_expectations(name, frame)), "schema": by_pandera(frame)}
(folder / "judged.json").write_text(json.dumps(judged))
