"""Holds YAML files to the strict JSON schemas of Kubernetes, every version that the package bundles and we name.

Arguments: versions separated by commas, then files. Prints one JSON object a document: file, kind, version, error (null
when it is accepted).
"""

import json
import sys

import kubernetes_validate
import yaml

for version in sys.argv[1].split(","):
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                error = None
                try:
                    used = kubernetes_validate.validate(document, version, strict=True)
                    if not used.startswith(version):
                        error = f"checked against {used}"
                except Exception as wrong:  # noqa: BLE001 - whatever it says is the verdict
                    error = f"{type(wrong).__name__}: {getattr(wrong, 'message', wrong)}"
                print(json.dumps({"file": path, "kind": document["kind"], "version": version, "error": error}))
