"""What clients of MLflow and SageMaker send, by MLflow's own client and pandas, to the server whose address is the first
argument; the second is the rows as JSON, times in milliseconds. Prints the scores of each way as JSON."""

import csv
import io
import json
import sys

import pandas
import requests
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

url, rows = sys.argv[1], json.loads(sys.argv[2])
frame = pandas.DataFrame(rows)
frame["at"] = pandas.to_datetime(frame["at"], unit="ms")
zoned = frame.assign(at=frame["at"].dt.tz_localize("UTC"))
order = [one["name"] for one in requests.get(f"{url}/v2/models/late-api").json()["inputs"]]


def post(body, kind, query="", **headers):
    answer = requests.post(f"{url}/invocations{query}", data=body, headers={"Content-Type": kind, **headers})
    if answer.status_code != 200:
        return answer.text
    if answer.headers["Content-Type"] == "text/csv":
        return [float(line[0]) for line in csv.reader(io.StringIO(answer.text))]
    return [one["score"] for one in answer.json()["predictions"]]


def client(data):
    server = ScoringServerClient("127.0.0.1", int(url.rsplit(":", 1)[1]))
    server.wait_server_ready(timeout=30)
    return [one["score"] for one in server.invoke(data).get_predictions().to_dict("records")]


# as CSVSerializer of the SageMaker SDK writes rows: no names, one line a row
lines = io.StringIO()
csv.writer(lines, lineterminator="\n").writerows(zoned[order].assign(at=zoned["at"].map(str)).values.tolist())

print(
    json.dumps(
        {
            "client, times without a zone": client(frame),
            "client, times with a zone": client(zoned),
            "to_json, split": post(
                json.dumps({"dataframe_split": json.loads(frame.to_json(orient="split")), "params": {"times": "ms"}}),
                "application/json",
            ),
            "to_json, records": post(
                json.dumps({"dataframe_records": json.loads(frame.to_json(orient="records"))}),
                "application/json",
                "?times=ms",
            ),
            "to_json, iso": post(
                json.dumps({"dataframe_split": json.loads(frame.to_json(orient="split", date_format="iso"))}),
                "application/json",
            ),
            "to_csv": post(frame.to_csv(index=False), "text/csv"),
            "to_csv, with a zone": post(zoned.to_csv(index=False), "text/csv"),
            "rows of CSV without names": post(lines.getvalue(), "text/csv", Accept="text/csv"),
            "JSON lines": post(frame.to_json(orient="records", lines=True, date_format="iso"), "application/jsonlines"),
            "without a unit": post(json.dumps({"dataframe_split": json.loads(frame.to_json(orient="split"))}), "application/json"),
        }
    )
)
