"""Reads through the unmodified Feast SDK: python feast_client.py URL. Prints what it got as JSON."""

import json
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

import feast
import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource
from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.protos.feast.core.Entity_pb2 import Entity as EntityProto
from feast.protos.feast.core.FeatureService_pb2 import FeatureService as FeatureServiceProto
from feast.protos.feast.core.FeatureView_pb2 import FeatureView as FeatureViewProto
from feast.protos.feast.core.Project_pb2 import Project as ProjectProto
from feast.types import Float64, Int64, String
from feast.value_type import ValueType
from google.protobuf.json_format import ParseDict

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


def told(path: str) -> dict:
    with urlopen(f"{url}/api/v1/{path}?project=rides") as answer:
        return json.load(answer)


# The registry, as Feast's own objects: unknown members and values of its protocol buffers are errors here.
fields = told("feature_views/recent")
assert fields.pop("type") == "featureView"
listed = FeatureView.from_proto(ParseDict(fields, FeatureViewProto()))
service = FeatureService.from_proto(ParseDict(told("feature_services/late"), FeatureServiceProto()))
key = Entity.from_proto(ParseDict(told("entities/zone"), EntityProto()))
pushed = DataSource.from_proto(ParseDict(told("data_sources/rides"), DataSourceProto()))
projects = [ParseDict(one, ProjectProto()).spec.name for one in told("projects")["projects"]]
registry = {
    "view": [listed.name, listed.entities, {one.name: str(one.dtype) for one in listed.features}, listed.online],
    "source": [listed.stream_source.name, type(listed.stream_source).__name__, pushed.name],
    "service": [
        service.name,
        [[one.name, [field.name for field in one.features]] for one in service.feature_view_projections],
    ],
    "entity": [key.name, key.join_key, key.value_type.name],
    "projects": projects,
}

print(json.dumps({"version": feast.__version__, "read": read, "unknown": unknown, "registry": registry}))
