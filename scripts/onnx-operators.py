"""Writes src/onnx/operator-table.ts from the official schemas: every operator of ai.onnx and ai.onnx.ml in every version.

    test/interop/.venv-models/bin/python scripts/onnx-operators.py

A line an operator, its versions newest first, each [since, deprecated, inputs, least, most, outputs, least, most, attributes, constraints]:
inputs and outputs are type names or variables, with ? for optional, * for any number of one type, + for any number of any types;
attributes are name:kind, with ! for those that must be there; constraints give the types of a variable by their place in `typeSets`.
"""

import json
import pathlib

import onnx
from onnx import defs

DOMAINS = {"": "", "ai.onnx.ml": "ml."}
UNBOUNDED = 2**31 - 1
KINDS = {kind: str(kind).split(".")[-1].lower() for kind in defs.OpSchema.AttrType.__members__.values()}

type_sets: list[str] = []


def place_of(types: list[str]) -> int:
    text = " ".join(sorted(types))
    if text not in type_sets:
        type_sets.append(text)
    return type_sets.index(text)


def formal(parameter) -> str:
    option = str(parameter.option).split(".")[-1]
    mark = {"Single": "", "Optional": "?", "Variadic": "*" if parameter.is_homogeneous else "+"}[option]
    return parameter.type_str.replace(" ", "") + mark


def version(schema) -> list:
    attributes = [
        f"{name}:{KINDS[one.type]}{'!' if one.required else ''}" for name, one in sorted(schema.attributes.items())
    ]
    return [
        schema.since_version,
        int(schema.deprecated),
        [formal(one) for one in schema.inputs],
        schema.min_input,
        -1 if schema.max_input >= UNBOUNDED else schema.max_input,
        [formal(one) for one in schema.outputs],
        schema.min_output,
        -1 if schema.max_output >= UNBOUNDED else schema.max_output,
        attributes,
        {one.type_param_str: place_of([t.replace(" ", "") for t in one.allowed_type_strs]) for one in schema.type_constraints},
    ]


operators: dict[str, list] = {}
for schema in defs.get_all_schemas_with_history():
    if schema.domain in DOMAINS:
        operators.setdefault(DOMAINS[schema.domain] + schema.name, []).append(version(schema))

lines = []
for name in sorted(operators):
    versions = sorted(operators[name], key=lambda one: -one[0])
    lines.append(f"{name} {json.dumps(versions, separators=(',', ':'))}")
pathlib.Path(__file__).parent.parent.joinpath("src/onnx/operator-table.ts").write_text(
    "\n".join(
        [
            f"// Made by scripts/onnx-operators.py from onnx {onnx.__version__}; not to be edited.",
            "",
            "/** Types that a variable may stand for, a line a set. */",
            "export const typeSets = `",
            *type_sets,
            "`",
            "",
            "/** A line an operator: its name and, as JSON, its versions, the newest first. The script says what is in them. */",
            "export const operatorTable = `",
            *lines,
            "`",
            "",
        ]
    )
)
