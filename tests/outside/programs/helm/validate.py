"""Checks manifests against the schemas of Kubernetes, or values against the schema of a chart.

    validate.py manifests <version> < manifests.yaml
    validate.py values <chart> <values.yaml>

Says what is wrong, a line each, and ends with 1 where something is. Custom resources have no schema here: they are skipped.
"""

import json
import sys

import jsonschema
import kubernetes_validate
import yaml

CUSTOM = ("keda.sh/", "monitoring.coreos.com/")


def manifests(version):
    problems = []
    for document in yaml.safe_load_all(sys.stdin):
        if document is None or document["apiVersion"].startswith(CUSTOM):
            continue
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(str(part) for part in error.path)
            problems.append(f"{document['kind']} {place}: {error.message}")
    return problems


def merged(own, more):
    if not isinstance(own, dict) or not isinstance(more, dict):
        return more
    return {**own, **{key: merged(own.get(key), value) for key, value in more.items()}}


def values(chart, path):
    def load(name):
        with open(name, encoding="utf-8") as file:
            return yaml.safe_load(file) or {}

    with open(f"{chart}/values.schema.json", encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    found = jsonschema.Draft7Validator(schema).iter_errors(merged(load(f"{chart}/values.yaml"), load(path)))
    return [f"{'.'.join(str(part) for part in error.path)}: {error.message}" for error in found]


problems = manifests(sys.argv[2]) if sys.argv[1] == "manifests" else values(sys.argv[2], sys.argv[3])
print("\n".join(problems))
sys.exit(1 if problems else 0)
