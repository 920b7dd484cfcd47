"""Checks exported models with the ONNX project's own checker and runs them in Python's ONNX Runtime.

Argument: a directory with NAME.onnx and NAME.json ({rows, features, categories?, scores}; null for missing).
Prints one JSON object a model: the largest difference of scores and the number of labels that do not follow from them.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    sample = json.loads(path.with_suffix(".json").read_text())
    rows = sample["rows"]
    numbers = [float("nan") if value is None else value for value in sample["features"]]
    feeds = {"features": numpy.array(numbers, dtype=numpy.float32).reshape(rows, -1)}
    if "categories" in sample:
        feeds["categories"] = numpy.array(sample["categories"], dtype=object).reshape(rows, -1)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    answer = dict(zip(names, session.run(names, feeds)))
    scores = answer["scores"]
    wanted = numpy.array(sample["scores"], dtype=numpy.float32).reshape(rows, -1)
    wrong = 0
    if "label" in answer:
        decided = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0.5)
        wrong = int((answer["label"] != decided).sum())
    print(
        json.dumps(
            {
                "model": path.stem,
                "difference": float(numpy.max(numpy.abs(scores - wanted) / numpy.maximum(1, numpy.abs(wanted)))),
                "wrongLabels": wrong,
                "checker": onnx.__version__,
            }
        )
    )
