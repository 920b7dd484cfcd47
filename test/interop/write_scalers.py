"""Writes scalers in every form that `millrace import sklearn-scaler` reads, with what scikit-learn makes of some rows.

Argument: a folder. For each NAME there are NAME.skops, NAME.npz, NAME.json, NAME-float.onnx, NAME-double.onnx,
NAME-columns.onnx and NAME.pkl; NAME.rows holds {rows, scaled, class, clip}.
"""

import json
import pathlib
import pickle
import sys

import numpy
import skops.io
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

folder = pathlib.Path(sys.argv[1])
random = numpy.random.default_rng()
names = ["distance", "hour", "fixed"]
table = random.normal([700, 12, 0], [500, 6, 0], (400, 3)).astype(numpy.float32).astype(float)
table[:, 2] = 14.62
scalers = {
    "standard": StandardScaler(),
    "uncentred": StandardScaler(with_mean=False),
    "unscaled": StandardScaler(with_std=False),
    "minmax": MinMaxScaler(),
    "ranged": MinMaxScaler(feature_range=(-1, 3)),
    "clipped": MinMaxScaler(clip=True),
    "robust": RobustScaler(),
    "narrow": RobustScaler(quantile_range=(10.0, 90.0), with_centering=False),
    "maxabs": MaxAbsScaler(),
}
for name, scaler in scalers.items():
    scaler.fit(table)
    scaler.feature_names_in_ = numpy.array(names, dtype=object)
    skops.io.dump(scaler, folder / f"{name}.skops")
    known = {key: value for key, value in vars(scaler).items() if value is not None}
    known["feature_names_in_"] = numpy.array(names)
    numpy.savez(folder / f"{name}.npz", **known)
    plain = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in known.items()}
    (folder / f"{name}.json").write_text(json.dumps({"class": type(scaler).__name__, **plain}))
    forms = {
        "float": [("X", FloatTensorType([None, 3]))],
        "double": [("X", DoubleTensorType([None, 3]))],
        "columns": [(column, FloatTensorType([None, 1])) for column in names],
    }
    for form, types in forms.items():
        (folder / f"{name}-{form}.onnx").write_bytes(to_onnx(scaler, initial_types=types).SerializeToString())
    (folder / f"{name}.pkl").write_bytes(pickle.dumps(scaler))
    rows = table[:20]
    (folder / f"{name}.rows").write_text(
        json.dumps({"rows": rows.tolist(), "scaled": scaler.transform(rows).tolist(), "class": type(scaler).__name__})
    )
