"""tritonclient[grpc], unmodified and with its defaults, against a server whose address is the first argument and whose
deployment is the second. Prints what it found as JSON."""

import asyncio
import json
import queue
import sys

import numpy
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

url, model, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = grpc.InferenceServerClient(url)
metadata = client.get_model_metadata(model, as_json=True)
version = metadata["versions"][0]


def tensors(km=numpy.array([12.0, 3.5, 40.0]), only=None):
    values = {
        "km": km,
        "zone": numpy.array(["north", "s\u00fcd", "west"], dtype=object),
        "at": numpy.full(3, at, dtype=numpy.int64),
    }
    made = []
    for column in metadata["inputs"]:
        if only is not None and column["name"] not in only:
            continue
        data = values[column["name"]]
        tensor = grpc.InferInput(column["name"], list(data.shape), np_to_triton_dtype(data.dtype))
        tensor.set_data_from_numpy(data)
        made.append(tensor)
    return made


def scores(result):
    return result.as_numpy("score").tolist()


def refusal(call):
    try:
        call()
    except InferenceServerException as error:
        return str(error)
    return "answered"


def callback():
    answers = queue.Queue()
    client.async_infer(model, tensors(), callback=lambda result, error: answers.put(error or result))
    return scores(answers.get(timeout=30))


def stream():
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put(error or result))
    for number in range(3):
        client.async_stream_infer(model, tensors(), request_id=str(number))
    found = [scores(answers.get(timeout=30)) for _ in range(3)]
    client.stop_stream()
    return found


async def asynchronous():
    async with aio.InferenceServerClient(url) as own:
        one = scores(await own.infer(model, tensors()))
        many = await asyncio.gather(*(own.infer(model, tensors()) for _ in range(20)))
        return one, [scores(each) for each in many]


numbers = {"FP16": "float16", "FP32": "float32", "FP64": "float64"}
wholes = {f"{sign}{bits}": f"{sign.lower()}{bits}" for sign in ("INT", "UINT") for bits in (8, 16, 32, 64)}
asyncio_one, asyncio_many = asyncio.run(asynchronous())
found = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "modelReady": client.is_model_ready(model),
    "versionReady": client.is_model_ready(model, version),
    "otherVersionReady": refusal(lambda: client.is_model_ready(model, "99")),
    "name": client.get_server_metadata().name,
    "config": client.get_model_config(model).config.name,
    "index": [one.name for one in client.get_model_repository_index().models],
    "plain": scores(client.infer(model, tensors())),
    "version": scores(client.infer(model, tensors(), model_version=version)),
    "options": scores(
        client.infer(
            model,
            tensors(),
            request_id="mine",
            priority=1,
            timeout=5_000_000,
            outputs=[grpc.InferRequestedOutput("score")],
        )
    ),
    "gzip": scores(client.infer(model, tensors(), compression_algorithm="gzip")),
    "deflate": scores(client.infer(model, tensors(), compression_algorithm="deflate")),
    "deadline": scores(client.infer(model, tensors(), client_timeout=30)),
    "callback": callback(),
    "stream": stream(),
    "asyncio": asyncio_one,
    "asyncioMany": asyncio_many,
    "labels": client.infer(model, tensors()).as_numpy("label").tolist(),
    "arms": [one.decode() for one in client.infer(model, tensors()).as_numpy("arm").tolist()],
    "types": {
        **{name: scores(client.infer(model, tensors(numpy.array([12, 3.5, 40], dtype=kind)))) for name, kind in numbers.items()},
        **{name: scores(client.infer(model, tensors(numpy.array([12, 3, 40], dtype=kind)))) for name, kind in wholes.items()},
    },
    "count": client.get_inference_statistics(model).model_stats[0].inference_count,
    "unknown": refusal(lambda: client.infer("nothing", tensors())),
    "missing": refusal(lambda: client.infer(model, tensors(only=["zone", "at"]))),
    "unload": refusal(lambda: client.unload_model(model)),
}
client.load_model(model)
print(json.dumps(found))
