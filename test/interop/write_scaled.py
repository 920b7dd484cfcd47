"""Fits pipelines that scale and writes them as ONNX, with what each input is scaled by.

Argument: a folder. For each pipeline NAME.onnx and NAME.json {inputs, columns, none}: `columns` are what scikit-learn learned of each
input that is scaled: [name, centre, scale, what a missing value became before it was scaled or null]; `none` names inputs that are not scaled.
"""

import json
import pathlib
import sys
import warnings

import numpy
import pandas
from lightgbm import LGBMClassifier
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from xgboost import XGBClassifier

warnings.filterwarnings("ignore")
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
chance = numpy.random.default_rng(11)
ROWS = 900
table = pandas.DataFrame(
    {
        "age": chance.integers(1, 80, ROWS).astype(numpy.float32),
        "fare": chance.gamma(2.0, 15.0, ROWS).astype(numpy.float32),
        "mass": chance.normal(70, 12, ROWS).astype(numpy.float32),
        "port": chance.choice(["S", "C", "Q"], ROWS),
    }
)
table.loc[chance.random(ROWS) < 0.1, "mass"] = numpy.nan
y = (chance.random(ROWS) < 1 / (1 + numpy.exp(0.03 * table.age - 0.02 * table.fare))).astype(int)
whole = table.assign(mass=table.mass.fillna(70.0).astype(numpy.float32))
names = ["age", "fare", "mass"]
for kind, convert in ((LGBMClassifier, convert_lightgbm), (XGBClassifier, convert_xgboost)):
    update_registered_converter(
        kind,
        kind.__name__,
        calculate_linear_classifier_output_shapes,
        convert,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )


def of(scaler, columns, fills=None) -> list:
    """What a fitted scaler does to each column: (x - centre) / scale."""
    ones, zeros = numpy.ones(len(columns)), numpy.zeros(len(columns))
    if isinstance(scaler, MinMaxScaler):
        centre, scale = -scaler.min_ / scaler.scale_, 1 / scaler.scale_
    elif isinstance(scaler, MaxAbsScaler):
        centre, scale = zeros, scaler.scale_
    elif isinstance(scaler, RobustScaler):
        centre, scale = scaler.center_, scaler.scale_
    else:
        centre, scale = scaler.mean_ if scaler.with_mean else None, scaler.scale_
    centre = zeros if centre is None else centre
    scale = ones if scale is None else scale
    return [
        [name, float(centre[at]), float(scale[at]), None if fills is None else float(fills[at])]
        for at, name in enumerate(columns)
    ]


def write(name: str, fitted, columns: list, none=(), one_a_column=False, texts=False, double=False, target=None) -> None:
    number = DoubleTensorType if double else FloatTensorType
    if one_a_column:
        kinds = [(one, number([None, 1])) for one in names] + [("port", StringTensorType([None, 1]))] * texts
    else:
        kinds = [("X", number([None, 3]))]
    classifier = not isinstance(fitted.steps[-1][1], Ridge)
    options = {"zipmap": False} if classifier else None
    written = to_onnx(fitted, initial_types=kinds, options=options, target_opset=target or {"": 17, "ai.onnx.ml": 3})
    (folder / f"{name}.onnx").write_bytes(written.SerializeToString())
    json.dump(
        {
            "task": "binary" if classifier else "regression",
            "inputs": [{"name": one, "type": "float"} for one in names]
            + [{"name": "port", "type": "text"}] * texts,
            "columns": columns,
            "none": list(none),
        },
        (folder / f"{name}.json").open("w"),
    )
    print(name, flush=True)


numbers = whole[names].to_numpy()
for name, scaler in {
    "standard": StandardScaler(),
    "centred": StandardScaler(with_std=False),
    "spread": StandardScaler(with_mean=False),
    "minmax": MinMaxScaler(),
    "minmax-both-sides": MinMaxScaler((-1, 1)),
    "minmax-clipped": MinMaxScaler(clip=True),
    "robust": RobustScaler(),
    "robust-uncentred": RobustScaler(with_centering=False),
    "maxabs": MaxAbsScaler(),
}.items():
    fitted = make_pipeline(scaler, LogisticRegression()).fit(numbers, y)
    write(name, fitted, of(scaler, names))

scaler = StandardScaler()
write("double", make_pipeline(scaler, LogisticRegression()).fit(numbers.astype(float), y), of(scaler, names), double=True)
scaler = StandardScaler()
write("network", make_pipeline(scaler, MLPClassifier(max_iter=20)).fit(numbers, y), of(scaler, names))
scaler = RobustScaler()
write("ridge", make_pipeline(scaler, Ridge()).fit(numbers, y), of(scaler, names))
scaler = StandardScaler()
write("normalized", make_pipeline(scaler, Normalizer(), LogisticRegression()).fit(numbers, y), of(scaler, names))
write("normalized-only", make_pipeline(Normalizer(), LogisticRegression()).fit(numbers, y), [], names)
write("unscaled", make_pipeline(LogisticRegression()).fit(numbers, y), [], names)
scaler = StandardScaler()
write("products", make_pipeline(scaler, PolynomialFeatures(2), LogisticRegression()).fit(numbers, y), of(scaler, names))
write("products-first", make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression()).fit(numbers, y), [], names)
scaler = StandardScaler()
write("components", make_pipeline(scaler, PCA(2), LogisticRegression()).fit(numbers, y), of(scaler, names))

# Missing values: filled before they are scaled, and after
holed = table[names].to_numpy()
imputer, scaler = SimpleImputer(strategy="median"), StandardScaler()
write("imputed", make_pipeline(imputer, scaler, LogisticRegression()).fit(holed, y), of(scaler, names, imputer.statistics_))
imputer, scaler = SimpleImputer(), StandardScaler()
write("imputed-after", make_pipeline(scaler, imputer, LogisticRegression()).fit(holed, y), of(scaler, names))

# One input a column, a scaler for some, others beside; and what is joined of one matrix
for name, first, second, one_a_column in (
    ("columns", StandardScaler(), MinMaxScaler(), True),
    ("columns-of-a-matrix", RobustScaler(), MaxAbsScaler(), False),
):
    parts = [
        ("first", first, ["fare", "age"] if one_a_column else [1, 0]),
        ("second", second, ["mass"] if one_a_column else [2]),
        *([("texts", OneHotEncoder(handle_unknown="ignore"), ["port"])] if one_a_column else []),
    ]
    fitted = make_pipeline(ColumnTransformer(parts), LogisticRegression()).fit(whole if one_a_column else numbers, y)
    made = fitted.steps[0][1].named_transformers_
    columns = of(made["first"], ["fare", "age"]) + of(made["second"], ["mass"])
    write(name, fitted, columns, one_a_column=one_a_column, texts=one_a_column)
imputer, first = SimpleImputer(), StandardScaler()
fitted = make_pipeline(
    ColumnTransformer(
        [
            ("numbers", make_pipeline(imputer, first), ["mass", "fare"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["port"]),
        ],
        remainder="passthrough",
    ),
    LogisticRegression(),
).fit(table, y)
inner = fitted.steps[0][1].named_transformers_["numbers"]
write(
    "passed-through",
    fitted,
    of(inner.steps[1][1], ["mass", "fare"], inner.steps[0][1].statistics_),
    ["age"],
    one_a_column=True,
    texts=True,
)
first, second = StandardScaler(), MinMaxScaler()
fitted = make_pipeline(FeatureUnion([("a", first), ("b", second)]), LogisticRegression()).fit(numbers, y)
write("twice", fitted, of(first, names) + of(second, names))
first, second = MinMaxScaler(), StandardScaler()
fitted = make_pipeline(first, second, LogisticRegression()).fit(numbers, y)
once = of(first, names)
write(
    "one-after-another",
    fitted,
    [[n, c + s * float(second.mean_[at]), s * float(second.scale_[at]), None] for at, (n, c, s, _) in enumerate(once)],
)

for name, booster in (
    ("lightgbm", LGBMClassifier(n_estimators=8, verbose=-1, n_jobs=1)),
    ("xgboost", XGBClassifier(n_estimators=8, n_jobs=1)),
):
    scaler = StandardScaler()
    write(name, make_pipeline(scaler, booster).fit(numbers, y), of(scaler, names))
