"""Prints the ids of the events that the guide's receiver has taken down in the database that is named first."""

import sqlite3
import sys

for (event_id,) in sqlite3.connect(sys.argv[1]).execute("SELECT event_id FROM inbox ORDER BY event_id"):
    print(event_id)
