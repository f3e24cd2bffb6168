# Waits until the operator is ready and every rule is in force on every sensor. Run by `helm test`.
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

account = "/var/run/secrets/kubernetes.io/serviceaccount"
host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
context = ssl.create_default_context(cafile=f"{account}/ca.crt")


def get(path):
    with open(f"{account}/token", encoding="ascii") as file:
        headers = {"Authorization": "Bearer " + file.read().strip()}
    request = urllib.request.Request(server + path, headers=headers)
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        return json.load(answer)


def operator():
    try:
        urllib.request.urlopen(os.environ["OPERATOR"] + "/readyz", timeout=5).close()
    except urllib.error.HTTPError as error:
        return f"the operator is not ready: {error.read().decode(errors='replace')}"
    return ""


def ready(item):
    conditions = {each["type"]: each for each in item.get("status", {}).get("conditions", [])}
    return conditions.get("Ready", {"status": "Unknown", "message": "no status yet"})


def sensors():
    wanted = get(f"/apis/apps/v1/namespaces/{os.environ['NAMESPACE']}/daemonsets/{os.environ['SENSOR']}")["status"]
    nodes = get("/apis/falcon.dev/v1alpha1/falconnodes")["items"]
    bad = [node["metadata"]["name"] for node in nodes if ready(node)["status"] != "True"]
    if not nodes or len(nodes) < wanted["desiredNumberScheduled"] or bad:
        told = f", not ready: {', '.join(bad)}" if bad else ""
        return f"{len(nodes)} sensors known to the operator of {wanted['desiredNumberScheduled']}{told}"
    return ""


def rules():
    for kind in ("falconrulesets", "clusterfalconrules"):
        for item in get(f"/apis/falcon.dev/v1alpha1/{kind}")["items"]:
            condition = ready(item)
            # A broken rule of somebody's is no fault of this installation; that it is told is its virtue.
            if condition["status"] != "True" and condition.get("reason") not in TOLD:
                return f"{kind}/{item['metadata']['name']}: {condition.get('reason')} {condition.get('message', '')}"
    return ""


TOLD = {"Invalid", "CompileError", "TestFailed", "PartlyCompiled", "LastGoodInForce"}
TOLD |= {"Disabled", "NothingToLoad", "NoNodes"}
end = time.monotonic() + float(os.environ["TIMEOUT"])
for name, check in (("operator", operator), ("sensors", sensors), ("rules", rules)):
    while True:
        try:
            problem = check()
        except (OSError, ValueError) as error:
            problem = f"{name}: {error}"
        if not problem:
            print(f"{name}: good", flush=True)
            break
        if time.monotonic() > end:
            sys.exit(problem)
        time.sleep(1)
