"""The checks of bench/validation-checks.ts as Great Expectations has them, on a pandas frame; prints how many fail."""

import os
import sys

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import pandas as pd
import great_expectations as gx
import great_expectations.expectations as gxe

frame = pd.read_parquet(sys.argv[1])
text = ["origin", "destination"]
checks = [
    gxe.ExpectTableRowCountToBeBetween(min_value=2_999_999, max_value=3_000_001),
    gxe.ExpectTableColumnCountToEqual(value=5),
    gxe.ExpectColumnToExist(column="delay"),
    gxe.ExpectCompoundColumnsToBeUnique(column_list=["date", "delay", "distance", "origin", "destination"]),
    gxe.ExpectColumnValuesToBeBetween(column="date", min_value=pd.Timestamp("2001-01-01"), max_value=pd.Timestamp("2001-07-01")),
    gxe.ExpectColumnValuesToBeBetween(column="date", min_value=pd.Timestamp("2001-01-01"), max_value=pd.Timestamp("2001-06-30")),
    *[gxe.ExpectColumnValuesToNotBeNull(column=c) for c in frame.columns],
    *[gxe.ExpectColumnValuesToNotBeNull(column=c, mostly=1.0) for c in ["delay", "distance", "date"]],
    gxe.ExpectColumnValuesToBeBetween(column="delay", min_value=-1200, max_value=1700),
    gxe.ExpectColumnValuesToBeBetween(column="delay", min_value=-120, max_value=1440),
    gxe.ExpectColumnValuesToBeBetween(column="delay", min_value=-60, max_value=600, mostly=0.999),
    gxe.ExpectColumnValuesToBeBetween(column="delay", min_value=-30, max_value=60, mostly=0.99),
    gxe.ExpectColumnValuesToBeBetween(column="delay", min_value=-15),
    gxe.ExpectColumnValuesToNotBeInSet(column="delay", value_set=[9999, -9999]),
    gxe.ExpectColumnMeanToBeBetween(column="delay", min_value=0, max_value=10),
    gxe.ExpectColumnMeanToBeBetween(column="delay", min_value=10),
    gxe.ExpectColumnMedianToBeBetween(column="delay", min_value=-5, max_value=5),
    gxe.ExpectColumnStdevToBeBetween(column="delay", max_value=40),
    gxe.ExpectColumnSumToBeBetween(column="delay", min_value=1),
    gxe.ExpectColumnMinToBeBetween(column="delay", min_value=-120),
    gxe.ExpectColumnMaxToBeBetween(column="delay", max_value=1700),
    gxe.ExpectColumnQuantileValuesToBeBetween(
        column="delay",
        quantile_ranges={"quantiles": [0.01, 0.25, 0.75, 0.99], "value_ranges": [[-40, None], [None, 0], [None, 20], [None, 100]]},
    ),
    gxe.ExpectColumnUniqueValueCountToBeBetween(column="delay", min_value=500, max_value=1000),
    gxe.ExpectColumnValuesToBeBetween(column="distance", min_value=0, max_value=5000),
    gxe.ExpectColumnValuesToBeBetween(column="distance", min_value=50, max_value=3000, mostly=0.99),
    gxe.ExpectColumnValuesToBeBetween(column="distance", min_value=100, max_value=2500, mostly=0.999),
    gxe.ExpectColumnSumToBeBetween(column="distance", max_value=1e9),
    gxe.ExpectColumnMeanToBeBetween(column="distance", min_value=700, max_value=760),
    gxe.ExpectColumnMedianToBeBetween(column="distance", min_value=500, max_value=620),
    gxe.ExpectColumnStdevToBeBetween(column="distance", min_value=500, max_value=620),
    gxe.ExpectColumnMinToBeBetween(column="distance", min_value=20),
    gxe.ExpectColumnMaxToBeBetween(column="distance", max_value=4500),
    gxe.ExpectColumnQuantileValuesToBeBetween(
        column="distance", quantile_ranges={"quantiles": [0.1, 0.9], "value_ranges": [[100, None], [None, 1700]]}
    ),
    gxe.ExpectColumnUniqueValueCountToBeBetween(column="distance", min_value=1000, max_value=1200),
    *[gxe.ExpectColumnValuesToMatchRegex(column=c, regex="^[A-Z]{3}$") for c in text],
    gxe.ExpectColumnValuesToNotMatchRegex(column="origin", regex="[0-9]"),
    *[gxe.ExpectColumnValueLengthsToEqual(column=c, value=3) for c in text],
    *[gxe.ExpectColumnValuesToNotMatchRegex(column=c, regex=r"^\s|\s$") for c in text],
    *[gxe.ExpectColumnUniqueValueCountToBeBetween(column=c, min_value=200, max_value=250) for c in text],
    gxe.ExpectColumnUniqueValueCountToBeBetween(column="origin", max_value=220),
    gxe.ExpectColumnDistinctValuesToContainSet(column="origin", value_set=["ATL", "ORD", "LAX"]),
    gxe.ExpectColumnValuesToNotBeInSet(column="origin", value_set=["XXX", ""]),
    gxe.ExpectColumnValuesToNotBeInSet(column="origin", value_set=["ATL", "DFW"]),
    gxe.ExpectColumnValuesToNotBeInSet(column="destination", value_set=["ATL"]),
]

context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("flights").add_dataframe_asset("flights")
batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
result = batch.validate(gx.ExpectationSuite(name="flights", expectations=checks))
print(len(checks), "checks,", sum(1 for one in result.results if not one.success), "fail")
