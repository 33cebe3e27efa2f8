"""Reads requests from the file that is named first, and prints what the guide's code reads from each: an event, or null."""

import base64
import json
import sys

import guide


def event_of(request):
    try:
        event = guide.read_event(request["headers"], base64.b64decode(request["body"]))
    # Whatever the library raises: it is no event.
    except Exception:
        return None
    attributes = {name: value if isinstance(value, str) else value.isoformat() for name, value in event.get_attributes().items()}
    return {"attributes": attributes, "data": event.get_data()}


with open(sys.argv[1], encoding="utf-8") as file:
    print(json.dumps([event_of(request) for request in json.load(file)]))
