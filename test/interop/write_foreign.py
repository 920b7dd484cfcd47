"""Trains models of other frameworks on scikit-learn's data and writes them as ONNX, with 10,000 rows and what they score.

Argument: a folder. For each model NAME.onnx, NAME.json {task, classes, inputs, rows, labels, maps} and NAME.bin: the numbers of the rows
(float64, row after row), what the framework itself predicts (float64, rows × outputs), and what Python's ONNX Runtime answers
(the same). Texts of the rows, where there are any, stand in the JSON.
"""

import json
import pathlib
import sys
import warnings

import numpy
import onnxruntime
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloat
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier, XGBRegressor

warnings.filterwarnings("ignore")
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
ROWS = 10_000
chance = numpy.random.default_rng(7)


def rows_like(x: numpy.ndarray) -> numpy.ndarray:
    """
    Rows drawn column by column from those of training, and between them, so that branches are taken that none of them took.
    Between, not at, the thresholds: those of LightGBM are float64, and an exporter rounds them to float32.
    """
    picks = chance.integers(0, len(x), size=(ROWS, x.shape[1]))
    drawn = numpy.take_along_axis(x, picks, axis=0)
    moved = chance.random(drawn.shape) < 0.4
    return numpy.where(moved, drawn * chance.uniform(0.9, 1.1, size=drawn.shape), drawn).astype(numpy.float32)


binary = load_breast_cancer(return_X_y=True)
three = load_wine(return_X_y=True)
number = load_diabetes(return_X_y=True)


def names(x: numpy.ndarray) -> list[dict]:
    return [{"name": f"x{at}", "type": "float"} for at in range(x.shape[1])]


def columns_of(answer, classes: list) -> numpy.ndarray:
    """A list of maps, as ZipMap gives it, as columns."""
    if isinstance(answer, list):
        return numpy.array([[row[one] for one in classes] for row in answer], dtype=numpy.float64)
    return numpy.asarray(answer, dtype=numpy.float64)


def write(name: str, model: bytes, task: str, predict, x: numpy.ndarray, classes=(), inputs=None, texts=None) -> None:
    path = folder / f"{name}.onnx"
    path.write_bytes(model)
    rows = rows_like(x) if texts is None else x
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    if texts is None:
        feeds = {session.get_inputs()[0].name: rows}
    else:
        feeds = {"age": rows[:, 0:1], "fare": rows[:, 1:2], "port": numpy.array(texts, dtype=object).reshape(-1, 1)}
    classes = list(classes)
    answers = session.run(None, feeds)
    scores = columns_of(answers[-1], classes).reshape(len(rows), -1)
    own = numpy.asarray(predict(rows, texts), dtype=numpy.float64).reshape(len(rows), -1)
    json.dump(
        {
            "task": task,
            "classes": [str(one) for one in classes],
            "inputs": inputs or names(x),
            "rows": len(rows),
            "width": rows.shape[1],
            "outputs": [own.shape[1], scores.shape[1]],
            "texts": texts,
        },
        (folder / f"{name}.json").open("w"),
    )
    (folder / f"{name}.bin").write_bytes(
        rows.astype(numpy.float64).tobytes() + own.tobytes() + scores.tobytes()
    )
    print(name, flush=True)


def of_sklearn(name: str, model, data, task: str, **options) -> None:
    x, y = data
    fitted = model.fit(x.astype(numpy.float32), y)
    options.setdefault("zipmap", False)
    zipmap = {} if task == "regression" else {"options": {"zipmap": options["zipmap"]}}
    # an open batch; the newest opset that both of its domains have
    written = convert_sklearn(fitted, initial_types=[("X", FloatTensorType([None, x.shape[1]]))], **zipmap)
    classes = [] if task == "regression" else fitted.classes_.tolist()
    predict = fitted.predict if task == "regression" else fitted.predict_proba
    write(name, written.SerializeToString(), task, lambda rows, _: predict(rows), x, classes)


of_sklearn("sk-minmax-logreg", make_pipeline(MinMaxScaler(), LogisticRegression()), binary, "binary")
of_sklearn("sk-scaler-logreg", make_pipeline(StandardScaler(), LogisticRegression()), binary, "binary")
of_sklearn("sk-scaler-mlp", make_pipeline(StandardScaler(), MLPClassifier(random_state=1, max_iter=80)), binary, "binary")
of_sklearn("sk-scaler-svc", make_pipeline(StandardScaler(), SVC(probability=True, random_state=1)), binary, "binary")
of_sklearn("sk-scaler-knn", make_pipeline(StandardScaler(), KNeighborsClassifier()), binary, "binary")
of_sklearn("sk-nb", GaussianNB(), binary, "binary")
of_sklearn("sk-rf", RandomForestClassifier(60, random_state=1), binary, "binary")
of_sklearn("sk-rf-3", RandomForestClassifier(60, random_state=1), three, "multiclass")
of_sklearn("sk-logreg-3", make_pipeline(StandardScaler(), LogisticRegression()), three, "multiclass")
of_sklearn("sk-ridge", make_pipeline(StandardScaler(), Ridge()), number, "regression")
of_sklearn("sk-gbr", GradientBoostingRegressor(random_state=1), number, "regression")
of_sklearn("sk-zipmap", make_pipeline(StandardScaler(), LogisticRegression()), binary, "binary", zipmap=True)
words = (three[0], numpy.array(["barolo", "grignolino", "barbera"])[three[1]])
of_sklearn("sk-zipmap-texts", RandomForestClassifier(30, random_state=1), words, "multiclass", zipmap=True)

# One input a column, of several types
ages = chance.integers(1, 80, ROWS).astype(numpy.float32)
fares = chance.gamma(2.0, 15.0, ROWS).astype(numpy.float32)
ports = chance.choice(["S", "C", "Q"], ROWS)
lived = (chance.random(ROWS) < 1 / (1 + numpy.exp(0.03 * ages - 0.02 * fares - (ports == "C")))).astype(int)
import pandas

table = pandas.DataFrame({"age": ages, "fare": fares, "port": ports})
mixed = make_pipeline(
    ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["age", "fare"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["port"]),
        ]
    ),
    LogisticRegression(),
).fit(table, lived)
written = convert_sklearn(
    mixed,
    initial_types=[
        ("age", FloatTensorType([None, 1])),
        ("fare", FloatTensorType([None, 1])),
        ("port", StringTensorType([None, 1])),
    ],
    options={"zipmap": False},
)
seen = chance.choice(["S", "C", "Q", "unseen"], ROWS).tolist()
write(
    "sk-columns",
    written.SerializeToString(),
    "binary",
    lambda rows, texts: mixed.predict_proba(pandas.DataFrame({"age": rows[:, 0], "fare": rows[:, 1], "port": texts})),
    numpy.column_stack([ages, fares]),
    [0, 1],
    [{"name": "age", "type": "float"}, {"name": "port", "type": "text"}, {"name": "fare", "type": "float"}],
    seen,
)


def of_other(name: str, model, data, task: str, convert) -> None:
    x, y = data
    fitted = model.fit(x.astype(numpy.float32), y)
    written = convert(fitted, initial_types=[("X", OtherFloat([None, x.shape[1]]))])
    classes = [] if task == "regression" else numpy.unique(y).tolist()
    predict = fitted.predict if task == "regression" else fitted.predict_proba
    write(name, written.SerializeToString(), task, lambda rows, _: predict(rows), x, classes)


quiet = {"n_estimators": 60, "verbose": -1, "random_state": 1, "n_jobs": 1}
of_other("lgb-binary", LGBMClassifier(**quiet), binary, "binary", convert_lightgbm)
of_other("lgb-3", LGBMClassifier(**quiet), three, "multiclass", convert_lightgbm)
of_other("lgb-number", LGBMRegressor(**quiet), number, "regression", convert_lightgbm)
# Places as numbers, split by sets of them: a tree whose nodes have children in common
places = numpy.column_stack([chance.integers(0, 12, 2000), chance.normal(size=2000)]).astype(numpy.float32)
hilly = numpy.isin(places[:, 0], [1, 4, 7, 11]).astype(float)
visited = (chance.random(2000) < 1 / (1 + numpy.exp(1 - 3 * hilly - places[:, 1]))).astype(int)


def rows_of_places(x: numpy.ndarray) -> numpy.ndarray:
    return numpy.column_stack([chance.integers(0, 12, ROWS), chance.normal(size=ROWS)]).astype(numpy.float32)


by_place = LGBMClassifier(**quiet).fit(places, visited, categorical_feature=[0])
by_place_onnx = convert_lightgbm(by_place, initial_types=[("X", OtherFloat([None, 2]))]).SerializeToString()
rows_as_before, rows_like = rows_like, rows_of_places
write("lgb-categories", by_place_onnx, "binary", lambda rows, _: by_place.predict_proba(rows), places, [0, 1])
rows_like = rows_as_before
grown = {"n_estimators": 60, "max_depth": 5, "random_state": 1, "n_jobs": 1}
of_other("xgb-binary", XGBClassifier(**grown), binary, "binary", convert_xgboost)
of_other("xgb-3", XGBClassifier(**grown), three, "multiclass", convert_xgboost)
of_other("xgb-number", XGBRegressor(**grown), number, "regression", convert_xgboost)


def of_catboost(name: str, model, data, task: str) -> None:
    x, y = data
    model.fit(x.astype(numpy.float32), y)
    path = folder / f"{name}.onnx"
    model.save_model(str(path), format="onnx")
    classes = [] if task == "regression" else numpy.unique(y).tolist()
    predict = model.predict if task == "regression" else model.predict_proba
    write(name, path.read_bytes(), task, lambda rows, _: predict(rows), x, classes)


still = {"iterations": 60, "depth": 5, "random_seed": 1, "verbose": False, "thread_count": 1, "allow_writing_files": False}
of_catboost("cat-binary", CatBoostClassifier(**still), binary, "binary")
of_catboost("cat-3", CatBoostClassifier(**still), three, "multiclass")
of_catboost("cat-number", CatBoostRegressor(**still), number, "regression")
