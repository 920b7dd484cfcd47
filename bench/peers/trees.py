"""LightGBM on the file that bench/trees.ts wrote; prints one line of JSON with CPU and wall seconds and the AUC."""

import json
import resource
import sys
import time

import lightgbm
import numpy
from sklearn.metrics import roc_auc_score

path, threads = sys.argv[1], int(sys.argv[2])
raw = numpy.fromfile(path, dtype=numpy.float32)
train_rows, test_rows, width, mask = (int(value) for value in raw[:4].view(numpy.int32))
categorical = [at for at in range(width) if mask >> at & 1]
at = 4


def part(rows):
    global at
    columns = raw[at : at + rows * width].reshape(width, rows)
    labels = raw[at + rows * width : at + rows * (width + 1)]
    at += rows * (width + 1)
    return numpy.ascontiguousarray(columns.T), labels


train_x, train_y = part(int(train_rows))
test_x, test_y = part(int(test_rows))


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


parameters = {
    "objective": "binary",
    "num_leaves": 31,
    "learning_rate": 0.1,
    "max_bin": 255,
    "num_threads": threads,
    "verbose": -1,
}
cpu_before, wall_before = cpu(), time.time()
model = lightgbm.train(parameters, lightgbm.Dataset(train_x, train_y, categorical_feature=categorical), num_boost_round=100)
print(
    json.dumps(
        {
            "cpu": cpu() - cpu_before,
            "wall": time.time() - wall_before,
            "auc": roc_auc_score(test_y, model.predict(test_x)),
            "version": lightgbm.__version__,
        }
    )
)
