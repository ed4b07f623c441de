"""The calls of a recording, made by boto3, one after the other: the baseline of `aws`.

Arguments: the endpoint, and the folder of `shapes.py`. On standard input a JSON list of `{"service", "target", "body"}`
in the order they were made. Prints the seconds that the calls took: clients, which load the vendor's models, are made
before.
"""

import json
import sys
import time

import boto3
import botocore.config
import botocore.exceptions
from botocore import xform_name

endpoint, folder = sys.argv[1:]
sys.path.insert(0, folder)
import shapes  # noqa: E402

# A call is made once, as it is recorded; a name that is not there is an answer.
CONFIG = botocore.config.Config(retries={"total_max_attempts": 1}, region_name="us-east-1")
clients = {}
calls = []
for request in json.load(sys.stdin):
    operation, parameters = shapes.parameters(request)
    service = shapes.NAMES.get(request["service"], request["service"])
    if service not in clients:
        clients[service] = boto3.client(
            service,
            endpoint_url=endpoint,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="moto-secret-key",
            config=CONFIG,
        )
    calls.append((operation.name, getattr(clients[service], xform_name(operation.name)), parameters))
assert not shapes.problems, shapes.problems

refused = []
began = time.perf_counter()
for name, call, parameters in calls:
    try:
        call(**parameters)
    except botocore.exceptions.ClientError as error:
        refused.append(f"{name}: {error.response['Error']['Code']}")
took = time.perf_counter() - began
print(json.dumps({"seconds": took, "calls": len(calls), "refused": refused}))
