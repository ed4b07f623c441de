"""Holds requests to the vendor's own service models, as botocore has them.

Run by `shapes.rs`: a JSON list of `{"service", "target", "body"}` on standard input, `target` null for the Query
protocols. Prints a line for each problem, then `checked N`.
"""

import json
import re
import sys
from urllib.parse import parse_qsl

import botocore.session
from botocore.validate import ParamValidator

SESSION = botocore.session.get_session()
# What the signature calls a service, and what botocore calls it.
NAMES = {"elasticloadbalancing": "elbv2"}
problems = []


def model(service):
    return SESSION.get_service_model(NAMES.get(service, service))


def spelled(name, shape, ec2):
    """How a member is spelled in a form."""
    serialization = shape.serialization
    if ec2:
        if "queryName" in serialization:
            return serialization["queryName"]
        given = serialization.get("name", name)
        return given[0].upper() + given[1:]
    return serialization.get("name", name)


def tree(fields):
    root = {}
    for name, value in fields:
        node = root
        steps = name.split(".")
        for step in steps[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name} is a value and a structure")
        node[steps[-1]] = value
    return root


def typed(where, node, shape, ec2):
    """What a form says, with the types of the model."""
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(node, dict):
            problems.append(f"{where} is a structure, not {node!r}")
            return {}
        known = {}
        for name, member in shape.members.items():
            prefix = spelled(name, member, ec2)
            flat = member.type_name == "list" and member.serialization.get("flattened") and not ec2
            if flat and "name" in member.member.serialization:
                prefix = member.member.serialization["name"]
            known[prefix] = (name, member)
        result = {}
        for key, inner in node.items():
            if key not in known:
                problems.append(f"{where}.{key} is not in the model")
                continue
            name, member = known[key]
            result[name] = typed(f"{where}.{key}", inner, member, ec2)
        return result
    if kind == "list":
        if not ec2 and not shape.serialization.get("flattened"):
            word = shape.member.serialization.get("name", "member")
            if not isinstance(node, dict) or list(node) != [word]:
                problems.append(f"{where}: items are numbered below `{word}`, not {node!r}")
                return []
            node = node[word]
        if not isinstance(node, dict) or sorted(node, key=int) != [str(n + 1) for n in range(len(node))]:
            problems.append(f"{where}: items are numbered from 1: {node!r}")
            return []
        return [typed(f"{where}.{n}", node[n], shape.member, ec2) for n in sorted(node, key=int)]
    if not isinstance(node, str):
        problems.append(f"{where} is a {kind}, not a structure")
        return None
    if kind in ("integer", "long"):
        if not re.fullmatch(r"-?[0-9]+", node):
            problems.append(f"{where}: {node!r} is no {kind}")
            return 0
        return int(node)
    if kind == "boolean":
        if node not in ("true", "false"):
            problems.append(f"{where}: {node!r} is no boolean")
        return node == "true"
    if kind in ("float", "double"):
        return float(node)
    return node


def words(where, value, shape):
    """Enumerations and patterns, which botocore itself does not check."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name, inner in value.items():
            if name in shape.members:
                words(f"{where}.{name}", inner, shape.members[name])
    elif kind == "list" and isinstance(value, list):
        for n, inner in enumerate(value):
            words(f"{where}.{n}", inner, shape.member)
    elif kind == "string" and isinstance(value, str):
        if shape.enum and value not in shape.enum:
            problems.append(f"{where}: {value!r} is none of {shape.enum}")
        pattern = shape.metadata.get("pattern")
        if pattern and len(value) < 5000:
            try:
                fits = re.fullmatch(pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w\s"), value)
            except re.error:
                return
            if not fits:
                problems.append(f"{where}: {value!r} does not match {pattern}")


def parameters(request):
    """The operation that a request asks for, and its parameters with the types of the model."""
    service = model(request["service"])
    if request["target"]:
        prefix, name = request["target"].rsplit(".", 1)
        if prefix != service.metadata["targetPrefix"]:
            problems.append(f"{request['target']}: the service's prefix is {service.metadata['targetPrefix']}")
        return service.operation_model(name), json.loads(request["body"])
    fields = dict(parse_qsl(request["body"], keep_blank_values=True, strict_parsing=True))
    name, version = fields.pop("Action"), fields.pop("Version")
    if version != service.api_version:
        problems.append(f"{name}: version {version}, the service's is {service.api_version}")
    operation = service.operation_model(name)
    ec2 = service.metadata["protocol"] == "ec2"
    shape = operation.input_shape
    return operation, typed(name, tree(fields.items()), shape, ec2) if shape else {}


def check(request):
    operation, value = parameters(request)
    if operation.input_shape is None:
        return
    report = ParamValidator().validate(value, operation.input_shape)
    if report.has_errors():
        problems.append(f"{operation.name}: {report.generate_report()}")
    words(operation.name, value, operation.input_shape)


def main():
    requests = json.load(sys.stdin)
    for request in requests:
        try:
            check(request)
        except Exception as error:
            problems.append(f"{request['service']} {request['target'] or request['body'][:200]}: {type(error).__name__} {error}")
    for problem in dict.fromkeys(problems):
        print(problem)
    print(f"checked {len(requests)}")


if __name__ == "__main__":
    main()
