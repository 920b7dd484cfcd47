"""What the ONNX project's checker and Python's ONNX Runtime say of ONNX files, and the files to ask them about.

corpus DIR            writes every node test of the onnx package and the models of its backend tests as NAME.onnx
mutate DIR N SEED OF  writes N damaged models, made from those in the folder OF: bits and bytes, spans, and fields of the message
judge DIR OUT         writes one JSON line a file: {file, checker, runtime}, each null or why it refuses

The runtime runs in processes of its own: a file that ends one counts as refused and is named.
"""

import json
import multiprocessing
import os
import pathlib
import random
import sys

import onnx
from google.protobuf.message import Message


def corpus(folder: pathlib.Path) -> None:
    import onnx.backend.test.case.node as node
    from onnx.backend.test.loader import load_model_tests

    folder.mkdir(parents=True, exist_ok=True)
    for case in node.collect_testcases(None):
        (folder / f"node-{case.name}.onnx").write_bytes(case.model.SerializeToString())
    for kind in ("simple", "pytorch-converted", "pytorch-operator"):
        for case in load_model_tests(kind=kind):
            (folder / f"{kind}-{case.name}.onnx").write_bytes(pathlib.Path(case.model_dir, "model.onnx").read_bytes())
    data = pathlib.Path(onnx.__file__).parent / "backend/test/data/light"
    for path in data.glob("*.onnx"):
        (folder / f"light-{path.name}").write_bytes(path.read_bytes())


def messages(message: Message) -> list[Message]:
    """A message and all within it."""
    found = [message]
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in value if field.is_repeated else [value]:
            found += messages(inner)
    return found


NAMES = ["x", "", "N", "Cast", "Gather", "Scaler", "axis", "to", "ai.onnx.ml", "LEAF", "BRANCH_LT", "scores"]
NUMBERS = [0, 1, 2, 3, 7, 8, 11, 13, 33, -1, -7, 2**31, 2**40]


def change_field(message: Message, chance: random.Random) -> None:
    """One field of a message: another value, twice, gone, in another order."""
    fields = message.ListFields()
    if not fields:
        return
    field, value = chance.choice(fields)
    if field.is_repeated:
        at = chance.randrange(len(value))
        way = chance.choice(["drop", "twice", "swap", "value"])
        if way == "drop":
            del value[at]
        elif way == "twice":
            value.append(value[at])
        elif way == "swap" and field.message_type is None and len(value) > 1:
            other = chance.randrange(len(value))
            value[at], value[other] = value[other], value[at]
        elif field.message_type is None:
            value[at] = other_value(value[at], chance)
        return
    if chance.random() < 0.25:
        message.ClearField(field.name)
    elif field.message_type is None:
        setattr(message, field.name, other_value(value, chance))


def other_value(value, chance: random.Random):
    if isinstance(value, bytes):
        return chance.choice([b"", value + b"x", value[:-1], b"LEAF"])
    if isinstance(value, str):
        letters = list(value)
        if letters and chance.random() < 0.5:
            letters[chance.randrange(len(letters))] = chance.choice("abcU_")
            return "".join(letters)
        return chance.choice(NAMES)
    if isinstance(value, float):
        return chance.choice([0.0, -1.0, 1e30, float("nan"), float("inf")])
    return chance.choice([*NUMBERS, value + 1, value - 1])


def damaged(data: bytes, other: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.5:
        model = onnx.ModelProto.FromString(data)
        try:
            for _ in range(chance.choice([1, 1, 1, 2, 3])):
                change_field(chance.choice(messages(model)), chance)
            return model.SerializeToString()
        except (ValueError, TypeError):
            return data
    out = bytearray(data)
    at = chance.randrange(len(out))
    way = chance.choice(["bit", "bit", "byte", "zeros", "cut", "splice", "twice", "gone"])
    length = chance.choice([1, 2, 4, 16, 64])
    if way == "bit":
        for _ in range(chance.choice([1, 1, 2, 8])):
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    elif way == "byte":
        out[at] = chance.randrange(256)
    elif way == "zeros":
        out[at : at + length] = bytes(len(out[at : at + length]))
    elif way == "cut":
        del out[at:]
    elif way == "splice":
        begin = chance.randrange(len(other))
        out[at : at + length] = other[begin : begin + length]
    elif way == "twice":
        out[at:at] = out[at : at + length]
    else:
        del out[at : at + length]
    return bytes(out)


def mutate(folder: pathlib.Path, count: int, seed: int, of: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    sources = [path.read_bytes() for path in sorted(of.glob("*.onnx"))]
    for number in range(count):
        data = damaged(chance.choice(sources), chance.choice(sources), chance)
        (folder / f"{number:05d}.onnx").write_bytes(data)


def verdict(path: str) -> dict:
    import onnxruntime

    found = {"file": pathlib.Path(path).name, "checker": None, "runtime": None}
    data = pathlib.Path(path).read_bytes()
    try:
        onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    except Exception as error:
        found["checker"] = str(error).strip().split("\n")[0][:300] or type(error).__name__
    try:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        found["runtime"] = str(error).strip().split("\n")[0][:300] or type(error).__name__
    return found


def worker(link) -> None:
    # What they write on the way is not their verdict
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    while (path := link.recv()) is not None:
        link.send(verdict(path))


def judge(folder: pathlib.Path, out: pathlib.Path) -> None:
    def begin():
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=worker, args=(there,), daemon=True)
        process.start()
        there.close()
        return here, process

    link, process = begin()
    with out.open("w") as lines:
        for path in sorted(folder.glob("*.onnx")):
            try:
                link.send(str(path))
                found = link.recv() if link.poll(60) else None
            except (EOFError, ConnectionError, BrokenPipeError):
                found = None
            if found is None:
                process.kill()
                found = {"file": path.name, "checker": "ended the process", "runtime": "ended the process"}
                link, process = begin()
            lines.write(json.dumps(found) + "\n")
    link.send(None)


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    if task == "corpus":
        corpus(pathlib.Path(rest[0]))
    elif task == "mutate":
        mutate(pathlib.Path(rest[0]), int(rest[1]), int(rest[2]), pathlib.Path(rest[3]))
    else:
        judge(pathlib.Path(rest[0]), pathlib.Path(rest[1]))
