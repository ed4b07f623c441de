"""Drives cloudsim with the real boto3, and holds every answer to the service model's output shape.

Run by `real_client.rs`: `python real_client.py URL`. It prints one line a problem and exits 1, or prints `ok`.
"""

import json
import sys
import xml.etree.ElementTree as ET

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
problems = []
checked = 0


def strip(tag):
    return tag.rsplit("}", 1)[-1]


def check_xml(path, node, shape):
    if shape.type_name == "structure":
        known = {m.serialization.get("name", n): m for n, m in shape.members.items()}
        for child in node:
            name = strip(child.tag)
            if name not in known:
                problems.append(f"{path}.{name} is not in the model")
            else:
                check_xml(f"{path}.{name}", child, known[name])
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for child in node:
            if strip(child.tag) != item:
                problems.append(f"{path}: item <{strip(child.tag)}>, not <{item}>")
            else:
                check_xml(f"{path}[]", child, shape.member)
    elif shape.type_name == "boolean" and node.text not in ("true", "false"):
        problems.append(f"{path}: {node.text} is no boolean")
    elif shape.type_name == "integer" and not (node.text or "").lstrip("-").isdigit():
        problems.append(f"{path}: {node.text} is no integer")


def check_json(path, value, shape):
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            problems.append(f"{path}: not an object")
            return
        known = {m.serialization.get("name", n): m for n, m in shape.members.items()}
        for name, inner in value.items():
            if name not in known:
                problems.append(f"{path}.{name} is not in the model")
            else:
                check_json(f"{path}.{name}", inner, known[name])
    elif kind == "list":
        for inner in value:
            check_json(f"{path}[]", inner, shape.member)
    elif kind in ("integer", "long"):
        if not isinstance(value, int) or isinstance(value, bool):
            problems.append(f"{path}: {value!r} is no integer")
    elif kind == "boolean" and not isinstance(value, bool):
        problems.append(f"{path}: {value!r} is no boolean")
    elif kind == "string" and not isinstance(value, str):
        problems.append(f"{path}: {value!r} is no string")
    elif kind == "timestamp" and not isinstance(value, (int, float)):
        problems.append(f"{path}: {value!r} is no timestamp")


def check(response_dict, operation_model, **_):
    global checked
    shape, body = operation_model.output_shape, response_dict["body"]
    name = operation_model.name
    if response_dict["status_code"] != 200 or shape is None:
        return
    checked += 1
    if operation_model.metadata["protocol"] == "json":
        check_json(name, json.loads(body or b"{}"), shape)
        return
    root = ET.fromstring(body)
    if operation_model.metadata["protocol"] == "query":
        wrapper = shape.serialization.get("resultWrapper")
        root = next((c for c in root if strip(c.tag) == wrapper), None)
        if root is None:
            if shape.members:
                problems.append(f"{name}: no <{wrapper}>")
            return
        check_xml(name, root, shape)
    else:
        for child in list(root):
            if strip(child.tag) == "requestId":
                root.remove(child)
        check_xml(name, root, shape)


def client(service, key="AKIDEXAMPLE", secret="cloudsim-secret-key"):
    made = boto3.client(
        service,
        endpoint_url=URL,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    made.meta.events.register("before-parse", check)
    return made


def refused(code, call, **kwargs):
    try:
        call(**kwargs)
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            problems.append(f"{call.__name__}: {error.response['Error']}, not {code}")
        return
    problems.append(f"{call.__name__}: accepted, but {code} was due")


def until(what, look, tries=30):
    for _ in range(tries):
        if look():
            return
    problems.append(f"never: {what}")


TAGS = {"cloudark:environment": "e1", "cloudark:piece": "p1"}
UPPER = [{"Key": k, "Value": v} for k, v in TAGS.items()]
LOWER = [{"key": k, "value": v} for k, v in TAGS.items()]


def spec(kind):
    return [{"ResourceType": kind, "Tags": UPPER}]


ec2, elb, rds, iam = client("ec2"), client("elbv2"), client("rds"), client("iam")
ecs, ssm, logs, ecr, sts = client("ecs"), client("ssm"), client("logs"), client("ecr"), client("sts")

assert sts.get_caller_identity()["Account"] == "123456789012"
assert client("sts", "AKIDOTHER", "cloudsim-other-secret").get_caller_identity()["Account"] == "210987654321"
refused("SignatureDoesNotMatch", client("sts", secret="wrong").get_caller_identity)
refused("InvalidClientTokenId", client("sts", key="AKIDNOBODY").get_caller_identity)
refused("AuthFailure", client("ec2", secret="wrong").describe_vpcs)
refused("InvalidSignatureException", client("ecs", secret="wrong").list_clusters)
refused("UnrecognizedClientException", client("ecs", key="AKIDNOBODY").list_clusters)

# Network.
zones = [z["ZoneName"] for z in ec2.describe_availability_zones()["AvailabilityZones"]]
ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc"))["Vpc"]["VpcId"]
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
until("vpc", lambda: ec2.describe_vpcs(Filters=[{"Name": "tag:cloudark:piece", "Values": ["p1"]}])["Vpcs"])
subnets = [
    ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zones[n], TagSpecifications=spec("subnet"))
    ["Subnet"]["SubnetId"]
    for n in range(2)
]
ec2.modify_subnet_attribute(SubnetId=subnets[0], MapPublicIpOnLaunch={"Value": True})
until("subnets", lambda: len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]) == 2)
igw = ec2.create_internet_gateway(TagSpecifications=spec("internet-gateway"))["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
until("gateway", lambda: ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"])
table = ec2.create_route_table(VpcId=vpc, TagSpecifications=spec("route-table"))["RouteTable"]["RouteTableId"]
ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
associations = [ec2.associate_route_table(RouteTableId=table, SubnetId=s)["AssociationId"] for s in subnets]
until("tables", lambda: len(ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]) == 2)


def group(name):
    return ec2.create_security_group(
        GroupName=name, Description="for tests", VpcId=vpc, TagSpecifications=spec("security-group")
    )["GroupId"]


outer, inner, data = group("outer"), group("inner"), group("data")
refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="outer", Description="x", VpcId=vpc)


def allow(to, port, **peer):
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}
    return ec2.authorize_security_group_ingress(GroupId=to, IpPermissions=[permission])


allow(outer, 80, IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "all"}])
allow(inner, 8080, UserIdGroupPairs=[{"GroupId": outer}])
allow(data, 3306, UserIdGroupPairs=[{"GroupId": inner}])
until("groups", lambda: len(ec2.describe_security_groups(Filters=[{"Name": "tag-key", "Values": ["cloudark:piece"]}])["SecurityGroups"]) == 3)
until("rules", lambda: ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [inner]}])["SecurityGroupRules"])
ec2.create_tags(Resources=[inner], Tags=[{"Key": "x", "Value": "y"}])
ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [inner]}])
ec2.delete_tags(Resources=[inner], Tags=[{"Key": "x"}])

# Database.
rds.create_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=subnets, Tags=UPPER)
until("subnet group", lambda: rds.describe_db_subnet_groups()["DBSubnetGroups"])
rds.modify_db_subnet_group(DBSubnetGroupName="g", SubnetIds=subnets)
rds.describe_orderable_db_instance_options(Engine="mysql", DBInstanceClass="db.t4g.micro")
rds.describe_db_engine_versions(Engine="postgres")
rds.create_db_instance(
    DBInstanceIdentifier="db1", Engine="mysql", DBInstanceClass="db.t4g.micro", AllocatedStorage=20, MasterUsername="testuser",
    MasterUserPassword="correct-horse", DBName="testdb", DBSubnetGroupName="g", VpcSecurityGroupIds=[data], Tags=UPPER,
    PubliclyAccessible=False,
)


def database():
    try:
        return rds.describe_db_instances(DBInstanceIdentifier="db1")["DBInstances"][0]
    except ClientError as error:
        assert error.response["Error"]["Code"] == "DBInstanceNotFound", error
        return {"DBInstanceStatus": "none"}


until("available", lambda: database()["DBInstanceStatus"] == "available")
assert database()["Endpoint"]["Port"] == 3306
rds.list_tags_for_resource(ResourceName=database()["DBInstanceArn"])
rds.modify_db_instance(DBInstanceIdentifier="db1", AllocatedStorage=30, ApplyImmediately=True)
until("available", lambda: database()["DBInstanceStatus"] == "available")

# Role, logs, parameter, repository.
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust), Tags=UPPER)["Role"]["Arn"]
execution = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
iam.attach_role_policy(RoleName="r", PolicyArn=execution)
reading = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ssm:GetParameters"], "Resource": "*"}]}
iam.put_role_policy(RoleName="r", PolicyName="read", PolicyDocument=json.dumps(reading))
refused("NoSuchEntity", iam.get_role, RoleName="r")
assert iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"] == trust
iam.list_roles()
iam.list_role_tags(RoleName="r")
iam.list_attached_role_policies(RoleName="r")
assert iam.list_role_policies(RoleName="r")["PolicyNames"] == ["read"]
assert iam.get_role_policy(RoleName="r", PolicyName="read")["PolicyDocument"] == reading
logs.create_log_group(logGroupName="/e1/web", tags=TAGS)
logs.put_retention_policy(logGroupName="/e1/web", retentionInDays=7)
until("log group", lambda: logs.describe_log_groups(logGroupNamePrefix="/e1")["logGroups"])
logs.list_tags_for_resource(resourceArn=logs.describe_log_groups()["logGroups"][0]["logGroupArn"])
ssm.put_parameter(Name="/e1/password", Value="s3cret-value", Type="SecureString", Tags=UPPER)
until("parameter", lambda: ssm.get_parameters(Names=["/e1/password"], WithDecryption=True)["Parameters"])
secret = ssm.get_parameter(Name="/e1/password", WithDecryption=True)["Parameter"]
assert secret["Value"] == "s3cret-value"
ssm.describe_parameters(ParameterFilters=[{"Key": "tag:cloudark:piece", "Values": ["p1"]}])
ssm.get_parameters_by_path(Path="/e1", Recursive=True)
ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/e1/password")
ssm.get_parameter(Name="/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id")
ecr.create_repository(repositoryName="web", tags=UPPER)
until("repository", lambda: ecr.describe_repositories()["repositories"])
ecr.get_authorization_token()
ecr.delete_repository(repositoryName="web", force=True)

# Load balancer.
lb = elb.create_load_balancer(Name="web", Subnets=subnets, SecurityGroups=[outer], Tags=UPPER)["LoadBalancers"][0]["LoadBalancerArn"]
target = elb.create_target_group(
    Name="web", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckPath="/", Matcher={"HttpCode": "200-499"}, Tags=UPPER
)["TargetGroups"][0]["TargetGroupArn"]
elb.modify_target_group(TargetGroupArn=target, HealthCheckIntervalSeconds=10)
elb.modify_target_group_attributes(TargetGroupArn=target, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
elb.modify_load_balancer_attributes(LoadBalancerArn=lb, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "60"}])
listener = elb.create_listener(
    LoadBalancerArn=lb, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": target}], Tags=UPPER
)["Listeners"][0]["ListenerArn"]


def balancer():
    try:
        return elb.describe_load_balancers(Names=["web"])["LoadBalancers"][0]["State"]["Code"] == "active"
    except ClientError:
        return False


until("load balancer", balancer)
elb.describe_target_groups()
elb.describe_tags(ResourceArns=[lb, target, listener])
until("listener", lambda: elb.describe_listeners(LoadBalancerArn=lb)["Listeners"])

# Service.
refused("InvalidParameterException", ecs.create_cluster, clusterName="c")
ecs.create_cluster(clusterName="c", tags=LOWER)
until("cluster", lambda: ecs.describe_clusters(clusters=["c"], include=["TAGS"])["clusters"])
options = {"awslogs-group": "/e1/web", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web"}
definition = ecs.register_task_definition(
    family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512", executionRoleArn=role, tags=LOWER,
    containerDefinitions=[{
        "name": "web", "image": "web:1", "portMappings": [{"containerPort": 8080}],
        "secrets": [{"name": "PASSWORD", "valueFrom": secret["ARN"]}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }],
)["taskDefinition"]["taskDefinitionArn"]
ecs.describe_task_definition(taskDefinition="web", include=["TAGS"])
ecs.create_service(
    cluster="c", serviceName="web", taskDefinition=definition, desiredCount=1, launchType="FARGATE", clientToken="t1", tags=LOWER,
    loadBalancers=[{"targetGroupArn": target, "containerName": "web", "containerPort": 8080}],
    deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}}, propagateTags="SERVICE",
    networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [inner], "assignPublicIp": "ENABLED"}},
)


def service():
    found = ecs.describe_services(cluster="c", services=["web"], include=["TAGS"])["services"]
    return found[0] if found else {"deployments": [{}], "status": "none"}


until("rollout", lambda: service()["deployments"][0].get("rolloutState") == "COMPLETED")
tasks = ecs.list_tasks(cluster="c", serviceName="web")["taskArns"]
ecs.describe_tasks(cluster="c", tasks=tasks, include=["TAGS"])
ecs.list_services(cluster="c"), ecs.list_clusters(), ecs.list_task_definitions(familyPrefix="web")
ecs.list_tags_for_resource(resourceArn=service()["serviceArn"])
health = elb.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
assert [h["TargetHealth"]["State"] for h in health] == ["healthy"], health
assert len(logs.filter_log_events(logGroupName="/e1/web", logStreamNamePrefix="web/")["events"]) == 3
stream = logs.describe_log_streams(logGroupName="/e1/web")["logStreams"][0]["logStreamName"]
logs.get_log_events(logGroupName="/e1/web", logStreamName=stream, startFromHead=True)
ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])

# Everything goes again.
refused("ClusterContainsServicesException", ecs.delete_cluster, cluster="c")
ecs.update_service(cluster="c", service="web", desiredCount=0)
ecs.delete_service(cluster="c", service="web", force=True)
until("service inactive", lambda: service()["status"] == "INACTIVE")
ecs.delete_cluster(cluster="c")
ecs.deregister_task_definition(taskDefinition=definition)
ecs.delete_task_definitions(taskDefinitions=[definition])
elb.delete_listener(ListenerArn=listener)
elb.delete_load_balancer(LoadBalancerArn=lb)
elb.delete_target_group(TargetGroupArn=target)
refused("DeleteConflict", iam.delete_role, RoleName="r")
iam.detach_role_policy(RoleName="r", PolicyArn=execution)
iam.delete_role_policy(RoleName="r", PolicyName="read")
iam.delete_role(RoleName="r")
logs.delete_log_group(logGroupName="/e1/web")
ssm.delete_parameter(Name="/e1/password")
rds.delete_db_instance(DBInstanceIdentifier="db1", FinalDBSnapshotIdentifier="last")
refused("InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, DBSubnetGroupName="g")
until("database gone", lambda: database()["DBInstanceStatus"] == "none")
rds.describe_db_snapshots()
rds.delete_db_snapshot(DBSnapshotIdentifier="last")
rds.delete_db_subnet_group(DBSubnetGroupName="g")
refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)


def gone(call, **kwargs):
    def attempt():
        try:
            call(**kwargs)
            return True
        except ClientError as error:
            if error.response["Error"]["Code"] != "DependencyViolation":
                problems.append(f"{call.__name__}: {error}")
            return error.response["Error"]["Code"] != "DependencyViolation"

    until(f"{call.__name__} {kwargs}", attempt)


for name in (data, inner, outer):
    gone(ec2.delete_security_group, GroupId=name)
gone(ec2.detach_internet_gateway, InternetGatewayId=igw, VpcId=vpc)
gone(ec2.delete_internet_gateway, InternetGatewayId=igw)
for name in associations:
    ec2.disassociate_route_table(AssociationId=name)
gone(ec2.delete_route_table, RouteTableId=table)
for name in subnets:
    gone(ec2.delete_subnet, SubnetId=name)
gone(ec2.delete_vpc, VpcId=vpc)

if problems:
    print("\n".join(problems))
    sys.exit(1)
assert checked > 100, checked
print(f"ok: {checked} answers held to their model")
