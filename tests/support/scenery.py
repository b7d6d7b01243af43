"""A task with fields of many kinds, and a log worth looking at."""

from __future__ import annotations

BUILD = {
    "name": "etl.load",
    "doc": "Load one day of a region into the warehouse.\n\nRuns once at a time.",
    "schema": {
        "type": "object",
        "properties": {
            "region": {"enum": ["eu", "us"], "default": "eu", "description": "Where the day's files lie."},
            "day": {"type": "string", "format": "date"},
            "shards": {"type": "integer", "default": 8, "minimum": 1, "maximum": 64},
            "tables": {"type": "array", "items": {"type": "string"}, "default": ["orders", "items"]},
            "steps": {"type": "array", "items": {"enum": ["fetch", "check", "load"]}, "default": ["fetch", "load"]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "dry_run": {"type": "boolean", "default": False, "description": "Only say what would be done."},
            "options": {"type": "object", "default": {"retries": 2}},
            "token": {"type": "string", "writeOnly": True},
        },
        "required": ["day"],
    },
    "queue": "builds",
    "serializer": "json",
    "exclusive": True,
    "restart": False,
    "max_attempts": 3,
}

LOG = """\
$ make wheels
Collecting numpy==2.3.1
Collecting pandas==3.0.0
\x1b[32m✓\x1b[0m resolved 214 packages in \x1b[1m1.2 s\x1b[0m
\x1b[33mwarning:\x1b[0m pyproject.toml has no license field
building wheel for lxml (cp313-manylinux_x86_64)
  \x1b[2mgcc -O2 -fPIC -c src/lxml/etree.c\x1b[0m
  \x1b[2mgcc -O2 -fPIC -c src/lxml/objectify.c\x1b[0m
\x1b[31merror:\x1b[0m libxml/xmlversion.h: No such file or directory
\x1b[36mhint:\x1b[0m install libxml2-dev; see https://lxml.de/installation.html
"""
