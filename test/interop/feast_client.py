"""Reads and pushes through the unmodified Feast SDK: python feast_client.py URL. Prints what it got as JSON."""

import json
import sys
import tempfile
from pathlib import Path

import feast
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource
from feast.types import Float64, Int64, String
from feast.value_type import ValueType

url = sys.argv[1]
root = Path(tempfile.mkdtemp(prefix="millrace-feast-"))
(root / "feature_store.yaml").write_text(
    "project: rides\nregistry: registry.db\nprovider: local\noffline_store:\n  type: file\n"
    f"online_store:\n  type: remote\n  path: {url}\nentity_key_serialization_version: 3\n"
)
pd.DataFrame(
    {"zone": ["north"], "at": pd.to_datetime(["2026-01-01"], utc=True), "rides_6h": [1], "km_6h": [1.0]}
).to_parquet(root / "rows.parquet")
source = FileSource(name="rows", path=str(root / "rows.parquet"), timestamp_field="at")
zone = Entity(name="zone", join_keys=["zone"], value_type=ValueType.STRING)
view = FeatureView(
    name="recent",
    entities=[zone],
    schema=[
        Field(name="zone", dtype=String),
        Field(name="rides_6h", dtype=Int64),
        Field(name="km_6h", dtype=Float64),
    ],
    source=PushSource(name="rides", batch_source=source),
)
store = FeatureStore(repo_path=str(root))
store.apply([zone, view])

read = store.get_online_features(
    features=["recent:rides_6h", "recent:km_6h"],
    entity_rows=[{"zone": "north"}, {"zone": "south"}, {"zone": "nowhere"}],
).to_dict()

try:
    store.get_online_features(features=["recent:none"], entity_rows=[{"zone": "north"}])
    unknown = "answered"
except Exception as error:  # noqa: BLE001 - which one is Feast's business
    unknown = type(error).__name__

print(json.dumps({"version": feast.__version__, "read": read, "unknown": unknown}))
