# Brings Falcon's CRDs to what this image was made with. Run by templates/crd-upgrade.yaml.
import json
import os
import ssl
import sys
import urllib.error
import urllib.request

import yaml

from falcon_rules import crds

account = "/var/run/secrets/kubernetes.io/serviceaccount"
host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
context = ssl.create_default_context(cafile=f"{account}/ca.crt")
with open(f"{account}/token", encoding="ascii") as file:
    token = file.read().strip()

for text in crds.files().values():
    crd = yaml.safe_load(text)
    name = crd["metadata"]["name"]
    # Server-side apply in helm's name, so that a later installation finds its own.
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}?fieldManager=helm&force=true"
    request = urllib.request.Request(
        server + path,
        data=json.dumps(crd).encode(),
        method="PATCH",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"},
    )
    try:
        urllib.request.urlopen(request, context=context, timeout=30).close()
    except urllib.error.HTTPError as error:
        reason = json.loads(error.read() or b"{}").get("message", error.reason)
        hint = "Apply the CRDs by hand (kubectl apply --server-side -f crds/) and set crds.upgrade=false."
        sys.exit(f"{name}: {reason}\n{hint}")
    print(f"{name} is up to date")
