"""Judges entries by the schemas of docs/schemas: reads {"schema": name, "entries": […]} and prints a verdict for each."""

import json
import sys

import jsonschema_rs

# The schemas say which draft they are of, and the one of AsyncAPI's does too.
asked = json.load(open(sys.argv[1], encoding="utf-8"))
validator = jsonschema_rs.validator_for(json.load(open(asked["schema"], encoding="utf-8")))
print(json.dumps([next((error.message for error in validator.iter_errors(entry)), None) for entry in asked["entries"]]))
