"""Tracks a run against the server at argv[1] with the unmodified MLflow client; prints what it read back as JSON."""

import json
import os
import sys
import tempfile

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

import mlflow  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
default = client.get_experiment("0")
experiment = mlflow.set_experiment("flights")
mlflow.set_experiment("flights")

with mlflow.start_run(run_name="first") as run:
    mlflow.log_param("depth", 6)
    mlflow.log_params({"rate": 0.1, "note": ""})
    for step in range(5):
        mlflow.log_metric("auc", 0.6 + step / 50, step=step)
    mlflow.log_metrics({"loss": 0.4, "odd": float("nan")})
    mlflow.set_tag("team", "delays")
    mlflow.log_text("hello", "notes/a.txt")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "b.bin")
        with open(path, "wb") as file:
            file.write(bytes(range(256)) * 1000)
        mlflow.log_artifact(path)

with mlflow.start_run() as other:
    mlflow.log_metric("auc", 0.5)

errors = []
for attempt in (
    lambda: client.get_run("0" * 32),
    lambda: client.log_param(run.info.run_id, "depth", 7),
    lambda: client.get_experiment("999"),
    lambda: client.search_runs([experiment.experiment_id], "metrics.auc >"),
    lambda: client.create_experiment("flights"),
    lambda: client.create_registered_model("none"),
):
    try:
        attempt()
        errors.append(None)
    except MlflowException as error:
        errors.append(error.error_code)

found = client.get_run(run.info.run_id)
search = lambda text, order=None: [one.info.run_name for one in client.search_runs([experiment.experiment_id], text, order_by=order)]
print(
    json.dumps(
        {
            "version": mlflow.__version__,
            "default": default.name,
            "status": found.info.status,
            "name": found.info.run_name,
            "params": found.data.params,
            "auc": round(found.data.metrics["auc"], 6),
            "nan": found.data.metrics["odd"] != found.data.metrics["odd"],
            "team": found.data.tags["team"],
            "history": [round(point.value, 6) for point in client.get_metric_history(run.info.run_id, "auc")],
            "files": sorted(one.path for one in client.list_artifacts(run.info.run_id)),
            "below": [one.path for one in client.list_artifacts(run.info.run_id, "notes")],
            "text": mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt"),
            "bytes": os.path.getsize(client.download_artifacts(run.info.run_id, "b.bin")),
            "good": search("metrics.auc > 0.6 and params.depth = '6'"),
            "like": search("tags.team LIKE 'del%'"),
            "order": len(search("", ["metrics.auc DESC"])),
            "best": search("", ["metrics.auc DESC"])[0],
            "errors": errors,
        }
    )
)
