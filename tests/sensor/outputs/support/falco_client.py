"""A client of Falco's gRPC interfaces, generated from `falco/*.proto`; a program of its own, because its messages
have the same names as the sensor's.

    falco_client.py GENERATED ADDRESS CA,CERTIFICATE,KEY|- version|get|sub|stall

Prints an object a line. `sub` begins with {"subscribed": true}, asks again every tenth of a second as Falco's Go client
does, and says {"ended": ...} when the server ends it; `stall` reads one alert and then no more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROTOS = Path(__file__).parent / "falco"


def generate(directory: Path) -> None:
    command = ["-I", str(PROTOS), f"--python_out={directory}", f"--grpc_python_out={directory}"]
    names = [str(path) for path in sorted(PROTOS.glob("*.proto"))]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *command, *names], check=True)


class Client:
    """A running client. mtls: files of authority, certificate and key."""

    def __init__(self, generated: Path, address: str, action: str, mtls: tuple[str, str, str] | None = None) -> None:
        shown = ",".join(mtls) if mtls else "-"
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(generated), address, shown, action],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> dict[str, Any]:
        """The next one."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        assert text, self.process.stderr.read() if self.process.stderr else ""
        found: dict[str, Any] = json.loads(text)
        return found

    def rest(self) -> list[dict[str, Any]]:
        """Everything until it ends."""
        out, _ = self.process.communicate(timeout=60)
        return [json.loads(line) for line in out.splitlines()]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def _main(generated: str, address: str, mtls: str, action: str) -> None:
    sys.path.insert(0, generated)
    import grpc
    import outputs_pb2  # type: ignore[import-not-found]
    import outputs_pb2_grpc  # type: ignore[import-not-found]
    import version_pb2  # type: ignore[import-not-found]
    import version_pb2_grpc  # type: ignore[import-not-found]
    from google.protobuf import json_format

    def show(message: Any) -> None:
        print(json.dumps(json_format.MessageToDict(message, preserving_proto_field_name=True)), flush=True)

    if mtls == "-":
        channel = grpc.insecure_channel(address)
    else:
        names = [None if name == "" else Path(name).read_bytes() for name in mtls.split(",")]
        authority, certificate, key = names
        credentials = grpc.ssl_channel_credentials(authority, key, certificate)
        channel = grpc.secure_channel(address, credentials)
    if action == "version":
        show(version_pb2_grpc.serviceStub(channel).version(version_pb2.request(), timeout=20))
        return
    outputs = outputs_pb2_grpc.serviceStub(channel)
    if action == "get":
        for each in outputs.get(outputs_pb2.request(), timeout=20):
            show(each)
        return

    def requests():
        while True:
            yield outputs_pb2.request()
            time.sleep(0.1)

    stream = outputs.sub(requests())
    stream.initial_metadata()
    print('{"subscribed": true}', flush=True)
    for each in stream:
        show(each)
        if action == "stall":
            time.sleep(1000)
    print(json.dumps({"ended": str(stream.code())}), flush=True)


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except Exception as error:
        code = error.code() if hasattr(error, "code") else repr(error)
        print(json.dumps({"error": str(code)}), flush=True)
