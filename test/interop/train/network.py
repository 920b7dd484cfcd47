"""A small network of PyTorch or Keras, by the contract of docs/reference/step-contract.md: argument `torch` or `keras`.

Where params name a file in `own`, the framework's own answers of the held-out rows are written there as float64.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy
import pandas

step = pathlib.Path(os.environ["MILLRACE_STEP"])
told = json.loads(pathlib.Path(os.environ["MILLRACE_PARAMS"]).read_text())
names = [one["name"] for one in told["inputs"]]
train, test = (pandas.read_parquet(step / told[part]) for part in ("train", "test"))
x, y = train[names].to_numpy("float32"), train[told["label"]].to_numpy("float32").reshape(-1, 1)
held = test[names].to_numpy("float32")
out = step / told["outputs"]
seed = int(told["params"]["seed"])
mean, spread = x.mean(axis=0), x.std(axis=0)


def by_torch() -> numpy.ndarray:
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.tensor(mean))
            self.register_buffer("spread", torch.tensor(spread))
            self.layers = torch.nn.Sequential(torch.nn.Linear(len(names), 16), torch.nn.ReLU(), torch.nn.Linear(16, 1), torch.nn.Sigmoid())

        def forward(self, features):
            return self.layers((features - self.mean) / self.spread)

    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    rows, labels = torch.tensor(x), torch.tensor(y)
    for _ in range(200):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy(network(rows), labels)
        loss.backward()
        optimiser.step()
    network.eval()
    torch.onnx.export(
        network,
        (rows[:2],),
        str(out / "model.onnx"),
        dynamo=False,
        input_names=["features"],
        output_names=["probability"],
        dynamic_axes={"features": {0: "N"}, "probability": {0: "N"}},
        opset_version=17,
    )
    with torch.no_grad():
        return network(torch.tensor(held)).numpy()


def by_keras() -> numpy.ndarray:
    import tensorflow as tf
    import tf2onnx

    tf.keras.utils.set_random_seed(seed)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    normal = tf.keras.layers.Normalization(mean=mean, variance=spread**2)
    network = tf.keras.Sequential(
        [tf.keras.Input((len(names),)), normal, tf.keras.layers.Dense(16, "relu"), tf.keras.layers.Dense(1, "sigmoid")]
    )
    network.compile("adam", "binary_crossentropy")
    network.fit(x, y, epochs=5, batch_size=128, verbose=0)
    spec = (tf.TensorSpec((None, len(names)), tf.float32, name="features"),)
    tf2onnx.convert.from_keras(network, input_signature=spec, opset=17, output_path=str(out / "model.onnx"))
    return network.predict(held, verbose=0)


scores = {"torch": by_torch, "keras": by_keras}[sys.argv[1]]().reshape(-1)
pandas.DataFrame({"score": scores}).to_parquet(out / "scores.parquet")
if told["params"].get("own"):
    scores.astype("float64").tofile(told["params"]["own"])
