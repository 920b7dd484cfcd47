"""tritonclient[http], unmodified and with its defaults, against a server whose address is the first argument and whose
deployment is the second. Prints what it found as JSON."""

import json
import sys

import numpy
import tritonclient.http as http

url, model, at = sys.argv[1].removeprefix("http://"), sys.argv[2], int(sys.argv[3])
client = http.InferenceServerClient(url)
metadata = client.get_model_metadata(model)
version = metadata["versions"][0]

km = numpy.array([12.0, 3.5, 40.0])
values = {
    "km": ("FP64", km),
    "zone": ("BYTES", numpy.array(["north", "s\u00fcd", "west"], dtype=object)),
    "at": ("INT64", numpy.full(3, at, dtype=numpy.int64)),
}


def tensors(binary=True):
    made = []
    for column in metadata["inputs"]:
        datatype, data = values[column["name"]]
        tensor = http.InferInput(column["name"], list(data.shape), datatype)
        tensor.set_data_from_numpy(data, binary_data=binary)
        made.append(tensor)
    return made


def score(**options):
    return client.infer(model, tensors(options.pop("binary", True)), **options).as_numpy("score").tolist()


found = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "modelReady": client.is_model_ready(model),
    "versionReady": client.is_model_ready(model, version),
    "otherVersionReady": client.is_model_ready(model, "99"),
    "extensions": client.get_server_metadata()["extensions"],
    "config": client.get_model_config(model)["name"],
    "index": [one["name"] for one in client.get_model_repository_index()],
    "binary": score(),
    "json": score(binary=False),
    "binaryOut": score(outputs=[http.InferRequestedOutput("score", binary_data=True)]),
    "jsonOut": score(outputs=[http.InferRequestedOutput("score", binary_data=False)]),
    "version": score(model_version=version),
    "gzip": score(request_compression_algorithm="gzip", response_compression_algorithm="gzip"),
    "deflate": score(request_compression_algorithm="deflate"),
    "options": score(request_id="mine", priority=1, timeout=5_000_000),
    "async": client.async_infer(model, tensors()).get_result().as_numpy("score").tolist(),
    "labels": client.infer(model, tensors()).as_numpy("label").tolist(),
    "arms": [one.decode() for one in client.infer(model, tensors()).as_numpy("arm").tolist()],
    "count": client.get_inference_statistics(model)["model_stats"][0]["inference_count"],
}
try:
    client.infer("nothing", tensors())
except Exception as error:  # noqa: BLE001
    found["unknown"] = str(error)
print(json.dumps(found))
