"""Shapley values by the `shap` package, for what Millrace explains.

`shap_values.py foreign FOLDER` trains models of other frameworks and writes for each NAME.onnx and NAME.json: {task, classes, inputs,
background, rows, expected, values}, numbers against the same background rows; `values[output][row][input]`.
`shap_values.py trees FILE` reads {trees, base, rows} of one output from FILE and prints {expected, values}, by the rows that reached the nodes.
`shap_values.py linear FILE` reads {coefficients, intercept, background, rows} and prints {expected, values}.
"""

import json
import pathlib
import sys
import warnings

import numpy
import shap

warnings.filterwarnings("ignore")


def trees(path: str) -> dict:
    told = json.loads(pathlib.Path(path).read_text())
    model = {
        "trees": [
            {
                "children_left": numpy.array(one["left"]),
                "children_right": numpy.array(one["right"]),
                "children_default": numpy.array(one["missing"]),
                "features": numpy.array(one["feature"]),
                "thresholds": numpy.array(one["threshold"], dtype=numpy.float64),
                "values": numpy.array(one["value"], dtype=numpy.float64).reshape(-1, 1),
                "node_sample_weight": numpy.array(one["count"], dtype=numpy.float64),
            }
            for one in told["trees"]
        ],
        "base_offset": told["base"],
        "internal_dtype": numpy.float32,
        "input_dtype": numpy.float32,
        "objective": "squared_error",
        "tree_output": "raw_value",
    }
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    rows = numpy.array([[numpy.nan if v is None else v for v in row] for row in told["rows"]], dtype=numpy.float32)
    return {"expected": float(numpy.ravel(explainer.expected_value)[0]), "values": explainer.shap_values(rows, check_additivity=False).tolist()}


def linear(path: str) -> dict:
    told = json.loads(pathlib.Path(path).read_text())
    background = numpy.array(told["background"], dtype=numpy.float64)
    masker = shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.LinearExplainer((numpy.array(told["coefficients"]), told["intercept"]), masker)
    return {"expected": float(explainer.expected_value), "values": explainer.shap_values(numpy.array(told["rows"])).tolist()}


def foreign(folder: pathlib.Path) -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloat
    from skl2onnx import to_onnx
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from xgboost import XGBClassifier, XGBRegressor

    folder.mkdir(parents=True, exist_ok=True)
    # Of quarters, which float32 holds exactly, so that no row stands between a threshold and its rounding
    def data(load, columns):
        x, y = load(return_X_y=True)
        x = x[:, :columns]
        scaled = numpy.round((x - x.mean(axis=0)) / x.std(axis=0) * 64) / 64
        return scaled.astype(numpy.float32), y

    binary, three, number = data(load_breast_cancer, 12), data(load_wine, 9), data(load_diabetes, 8)

    def write(name, onnx, task, x, explained, classes=()):
        (folder / f"{name}.onnx").write_bytes(onnx.SerializeToString())
        step = len(x) // 100
        background, rows = x[: 100 * step : step], x[1:60:3]
        expected, values = explained(background, rows)
        values = numpy.asarray(values, dtype=numpy.float64)
        # [row][input] of one output; [row][input][output] of several
        values = values[None] if values.ndim == 2 else numpy.moveaxis(values, 2, 0)
        json.dump(
            {
                "task": task,
                "classes": [str(one) for one in classes],
                "inputs": [f"x{at}" for at in range(x.shape[1])],
                "background": background.tolist(),
                "rows": rows.tolist(),
                "expected": numpy.ravel(expected).astype(float).tolist(),
                "values": values.tolist(),
            },
            (folder / f"{name}.json").open("w"),
        )

    def by_trees(model, output=None):
        def explained(background, rows):
            explainer = shap.TreeExplainer(model, background, feature_perturbation="interventional")
            values = explainer.shap_values(rows, check_additivity=False)
            expected = explainer.expected_value
            if output is not None:
                values, expected = values[:, :, output], expected[output]
            return expected, values

        return explained

    def sk(model, x):
        return to_onnx(model, x[:1], options={id(model): {"zipmap": False}} if hasattr(model, "classes_") else None, target_opset={"": 17, "ai.onnx.ml": 3})

    x, y = binary
    kinds = [("X", OtherFloat([None, x.shape[1]]))]
    forest = RandomForestClassifier(20, max_depth=5, random_state=1).fit(x, y)
    write("sklearn-forest", sk(forest, x), "binary", x, by_trees(forest, 1))
    boosted = GradientBoostingClassifier(n_estimators=20, random_state=1).fit(x, y)
    write("sklearn-boosting", sk(boosted, x), "binary", x, by_trees(boosted))
    light = LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1).fit(x, y)
    write("lightgbm", convert_lightgbm(light, initial_types=kinds, zipmap=False), "binary", x, by_trees(light))
    extreme = XGBClassifier(n_estimators=20, max_depth=4, n_jobs=1).fit(x, y)
    write("xgboost", convert_xgboost(extreme, initial_types=kinds), "binary", x, by_trees(extreme))

    x, y = three
    kinds = [("X", OtherFloat([None, x.shape[1]]))]
    light = LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1).fit(x, y)
    write("lightgbm-3", convert_lightgbm(light, initial_types=kinds, zipmap=False), "multiclass", x, by_trees(light), light.classes_)
    extreme = XGBClassifier(n_estimators=10, max_depth=3, n_jobs=1).fit(x, y)

    def with_margins(background, rows):
        # shap reads one base score where XGBoost has one a class: what is expected is asked of XGBoost
        return extreme.predict(background, output_margin=True).astype(float).mean(axis=0), by_trees(extreme)(background, rows)[1]

    write("xgboost-3", convert_xgboost(extreme, initial_types=kinds), "multiclass", x, with_margins, extreme.classes_)
    forest = RandomForestClassifier(20, max_depth=5, random_state=1).fit(x, y)
    write("sklearn-forest-3", sk(forest, x), "multiclass", x, by_trees(forest), forest.classes_)

    x, y = number
    kinds = [("X", OtherFloat([None, x.shape[1]]))]
    forest = RandomForestRegressor(20, max_depth=5, random_state=1).fit(x, y)
    write("sklearn-forest-number", sk(forest, x), "regression", x, by_trees(forest))
    light = LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1).fit(x, y)
    write("lightgbm-number", convert_lightgbm(light, initial_types=kinds), "regression", x, by_trees(light))
    extreme = XGBRegressor(n_estimators=20, max_depth=4, n_jobs=1).fit(x, y)
    write("xgboost-number", convert_xgboost(extreme, initial_types=kinds), "regression", x, by_trees(extreme))

    # Of which nothing is known but its answers; of seven inputs all subsets are asked
    x = x[:, :7]
    network = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=200, random_state=1)).fit(x, y)

    def exactly(background, rows):
        masker = shap.maskers.Independent(background, max_samples=len(background))
        found = shap.explainers.ExactExplainer(network.predict, masker)(rows)
        return found.base_values[0], found.values

    write("sklearn-network", sk(network, x), "regression", x, exactly)


if __name__ == "__main__":
    kind, where = sys.argv[1:]
    if kind == "foreign":
        foreign(pathlib.Path(where))
    else:
        print(json.dumps({"trees": trees, "linear": linear}[kind](where)))
