"""Steers what schemathesis makes up, by what run.sh says in the environment.

Ids that are made up name nothing, so every other one becomes that of a thing which is there. And no request may
end the session or the account that makes the requests, as everything after that would be 401.
"""

import itertools
import json
import os
import uuid

import schemathesis

OWN_IDS = os.environ["OWN_IDS"].split()
STAND_IN = os.environ["STAND_IN"]
# By the folder of a path or the member of a body that names such a thing.
THERE = json.loads(os.environ["THERE"])

turns = itertools.cycle([True, False])


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters = case.path_parameters or {}
    if next(turns):
        # A made-up version is never the present one, and everything behind that check would stay untried.
        (case.headers or {}).pop("If-Match", None)
        # What is deleted is gone for all requests after.
        if case.method.upper() != "DELETE":
            use_what_is_there(case, parameters)
    if case.method.upper() != "GET":
        spare_itself(parameters)


def use_what_is_there(case, parameters):
    point_to_what_is_there(parameters, "id", case.path.split("/")[3])
    for names in bodies(case.body):
        for member in names:
            point_to_what_is_there(names, member, member)


def point_to_what_is_there(names, name, kind):
    if kind in THERE and is_id(names.get(name)):
        names[name] = THERE[kind]


def bodies(body):
    """The objects in a body that may name things: itself, and the lines of an order."""
    if isinstance(body, dict):
        yield body
        lines = body.get("lines")
        yield from (line for line in lines if isinstance(line, dict)) if isinstance(lines, list) else ()


def spare_itself(parameters):
    for name, value in parameters.items():
        if value in OWN_IDS:
            parameters[name] = STAND_IN


def is_id(value):
    try:
        return bool(uuid.UUID(value))
    except (TypeError, ValueError, AttributeError):
        return False
