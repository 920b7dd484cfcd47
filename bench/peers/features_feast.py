"""The training set of bench/features.ts by Feast on its DuckDB store: python features_feast.py FOLDER."""

import sys
from datetime import timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64, Int64
from feast.value_type import ValueType

root = Path(sys.argv[1])
repository = root / "feast"
repository.mkdir(exist_ok=True)
(repository / "feature_store.yaml").write_text(
    "project: bench\nregistry: registry.db\nprovider: local\n"
    "offline_store:\n  type: duckdb\nonline_store:\n  type: sqlite\n  path: online.db\nentity_key_serialization_version: 3\n"
)
source = FileSource(name="rows", path=str(root / "events.parquet"), timestamp_field="at", created_timestamp_column="known")
who = Entity(name="who", join_keys=["who"], value_type=ValueType.INT64)
names = [f"f{i}" for i in range(10)]
view = FeatureView(
    name="v",
    entities=[who],
    ttl=timedelta(days=1),
    schema=[Field(name="who", dtype=Int64), *[Field(name=name, dtype=Float64) for name in names]],
    source=source,
)
store = FeatureStore(repo_path=str(repository))
store.apply([who, view])
labels = pd.read_parquet(root / "labels.parquet")
frame = pd.DataFrame(
    {"who": labels["who"], "event_timestamp": pd.to_datetime(labels["millrace_at"].astype("int64"), unit="us", utc=True)}
)
made = store.get_historical_features(entity_df=frame, features=[f"v:{name}" for name in names]).to_df()
made.to_parquet(root / "feast.parquet")
