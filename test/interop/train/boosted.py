"""Trains a booster of another house on the numbers of a frame, and leaves what the step contract asks for."""
import json
import os

import numpy as np
import pandas as pd
from onnxmltools.convert.common.data_types import FloatTensorType

step = os.environ["MILLRACE_STEP"]
told = json.load(open(os.environ["MILLRACE_PARAMS"]))
train, test = (pd.read_parquet(os.path.join(step, told[part])) for part in ("train", "test"))
names = [one["name"] for one in told["inputs"]]
x, y, held = train[names].to_numpy(np.float32), train[told["label"]].to_numpy(), test[names].to_numpy(np.float32)
out = os.path.join(step, told["outputs"])
path = os.path.join(out, "model.onnx")
kinds = [("x", FloatTensorType([None, len(names)]))]
house, options = told["params"]["house"], {"n_estimators": 30, "max_depth": 3, "random_state": told["seed"]}
y = y.astype(np.int64)

if house == "lightgbm":
    from lightgbm import LGBMClassifier
    from onnxmltools import convert_lightgbm

    model = LGBMClassifier(verbose=-1, **options).fit(x, y)
    open(path, "wb").write(convert_lightgbm(model, initial_types=kinds, zipmap=False, target_opset=15).SerializeToString())
elif house == "xgboost":
    from onnxmltools import convert_xgboost
    from xgboost import XGBClassifier

    model = XGBClassifier(**options).fit(x, y)
    open(path, "wb").write(convert_xgboost(model, initial_types=kinds, target_opset=15).SerializeToString())
else:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(iterations=30, depth=3, random_seed=told["seed"], verbose=False, allow_writing_files=False)
    model.fit(x, y)
    model.save_model(path, format="onnx")

pd.DataFrame({"score": model.predict_proba(held)[:, 1]}).to_parquet(os.path.join(out, "scores.parquet"))
importance = np.asarray(model.feature_importances_, dtype=float)
json.dump(dict(zip(names, importance.tolist())), open(os.path.join(out, "importance.json"), "w"))
