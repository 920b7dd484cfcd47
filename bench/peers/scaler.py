"""Times scikit-learn's scalers on the numbers of bench/scaler.ts. Arguments: rows, columns, repeats. Prints medians in seconds."""

import json
import statistics
import sys
import time

import numpy
from sklearn.preprocessing import RobustScaler, StandardScaler

rows, width, repeats = (int(argument) for argument in sys.argv[1:4])


def column(seed):
    """The linear congruential generator, by doubling what is known of its powers."""
    states = numpy.empty(rows, dtype=numpy.uint32)
    states[0] = numpy.uint32((seed * 1664525 + 1013904223) % 2**32)
    factor, term, filled = 1664525, 1013904223, 1
    while filled < rows:
        more = min(filled, rows - filled)
        states[filled : filled + more] = states[:more] * numpy.uint32(factor) + numpy.uint32(term)
        factor, term, filled = factor * factor % 2**32, (factor * term + term) % 2**32, filled + more
    return 100 + states / 2**32 * 15


table = numpy.column_stack([column(at + 1) for at in range(width)])


def seconds(kind):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        fitted = kind().fit(table)
        times.append(time.perf_counter() - begin)
    return statistics.median(times), fitted


standard, fitted = seconds(StandardScaler)
robust, _ = seconds(RobustScaler)
print(json.dumps({"standard": standard, "robust": robust, "scale": float(fitted.scale_[0])}))
