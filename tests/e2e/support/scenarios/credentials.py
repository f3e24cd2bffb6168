"""Scenarios of 20-credentials.yaml. Real password files are opened for reading, never read from."""

from __future__ import annotations

from tests.e2e.support.stage import Stage, fires, silent

AFTER_STARTUP = "Read sensitive file trusted after startup"
UNTRUSTED = "Read sensitive file untrusted"
TRAVERSAL = "Directory traversal monitored file read"
SEARCH = "Search Private Keys or Passwords"
CLOUD_SEARCH = "Find Cloud Credentials"
SSH_KEY = "SSH private key read"
CLOUD_READ = "Cloud credentials read by a file tool"
TOKEN = "Service account token read by a file tool"
ENVIRON = "Environment of a process read"
MEMORY = "Memory of another process opened"

SHADOW = ("open", "r", "/etc/shadow")


def home_file(stage: Stage, path: str) -> str:
    target = stage.directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("not a secret\n")
    return str(target)


def climbing(path: str) -> str:
    """The way from any working directory of a scenario to `path`."""
    return "../" * 12 + path.lstrip("/")


def read_through_link(stage: Stage) -> None:
    """The link is the test's own: making it is another rule's business."""
    (stage.directory / "innocent").symlink_to("/etc/shadow")
    stage.host(["cat", "innocent"], cwd=stage.directory)


SCENARIOS = [
    fires(AFTER_STARTUP, "nginx after six seconds", lambda s: s.act("wait", "6", *SHADOW, name="nginx")),
    silent(
        AFTER_STARTUP,
        "a server that checks passwords itself, after six seconds",
        lambda s: s.container(["/usr/sbin/vsftpd", "wait", "6", *SHADOW]),
    ),
    fires(UNTRUSTED, "cat", lambda s: s.host(["cat", "/etc/shadow"])),
    fires(UNTRUSTED, "cat in a container", lambda s: s.container(["/bin/cat", "/etc/shadow"])),
    fires(UNTRUSTED, "nginx at once", lambda s: s.act(*SHADOW, name="nginx")),
    fires(UNTRUSTED, "a dropped program called sshd", lambda s: s.act(*SHADOW, name="sshd")),
    fires(
        UNTRUSTED,
        "by way of a symlink",
        lambda s: read_through_link(s),
    ),
    fires(UNTRUSTED, "a relative name", lambda s: s.host(["cat", "shadow"], cwd="/etc")),
    fires(UNTRUSTED, "a line of Perl", lambda s: s.host(["perl", "-e", 'open(my $f, "<", "/etc/shadow") or die'])),
    silent(UNTRUSTED, "passwd", lambda s: s.host(["passwd", "-S", "root"])),
    silent(UNTRUSTED, "another file of /etc", lambda s: s.host(["cat", "/etc/hostname", "/etc/passwd"])),
    silent(UNTRUSTED, "a read that is refused", lambda s: s.act("as", "33", *SHADOW, code=1)),
    fires(
        TRAVERSAL,
        "cat climbs to /etc/passwd, not started by a shell",
        lambda s: s.host(["cat", climbing("/etc/passwd")], cwd=s.directory),
    ),
    silent(
        TRAVERSAL,
        "a person in a shell climbs",
        lambda s: s.host(["sh", "-c", f"cat {climbing('/etc/passwd')}; true"], cwd=s.directory),
    ),
    silent(TRAVERSAL, "the plain path", lambda s: s.host(["cat", "/etc/passwd"])),
    silent(TRAVERSAL, "climbs elsewhere", lambda s: s.host(["cat", climbing("/usr/bin/true")], cwd=s.directory)),
    fires(SEARCH, "grep for a key", lambda s: s.host(["grep", "-r", "BEGIN RSA PRIVATE KEY", "/etc/hostname"], code=1)),
    fires(SEARCH, "find a key", lambda s: s.host(["find", "/etc/hostname", "-name", "id_rsa"])),
    fires(SEARCH, "find in a container", lambda s: s.container(["/bin/find", "/root", "-name", "id_ed25519"])),
    silent(SEARCH, "grep for a certificate", lambda s: s.host(["grep", "BEGIN CERTIFICATE", "/etc/hostname"], code=1)),
    silent(SEARCH, "find something else", lambda s: s.host(["find", "/etc/hostname", "-name", "hostname"])),
    fires(
        CLOUD_SEARCH,
        "grep for an access key",
        lambda s: s.host(["grep", "AWS_SECRET_ACCESS_KEY", "/etc/hostname"], code=1),
    ),
    fires(CLOUD_SEARCH, "find credentials", lambda s: s.host(["find", "/etc/hostname", "-path", "*/.aws/credentials"])),
    silent(CLOUD_SEARCH, "grep for a region", lambda s: s.host(["grep", "-r", "aws_region", "/etc/hostname"], code=1)),
    silent(CLOUD_SEARCH, "find configuration", lambda s: s.host(["find", "/etc/hostname", "-path", "*/.aws/config"])),
    fires(SSH_KEY, "cat", lambda s: s.host(["cat", home_file(s, ".ssh/id_ed25519")])),
    fires(SSH_KEY, "in a container", lambda s: s.container(["/bin/cat", "/root/.ssh/id_ed25519"])),
    silent(SSH_KEY, "the public half", lambda s: s.host(["cat", home_file(s, ".ssh/id_ed25519.pub")])),
    silent(
        SSH_KEY,
        "ssh-keygen",
        lambda s: s.host(["ssh-keygen", "-l", "-f", home_file(s, ".ssh/id_ed25519")], code=None),
    ),
    fires(CLOUD_READ, "cat in a container", lambda s: s.container(["/bin/cat", "/root/.aws/credentials"])),
    fires(CLOUD_READ, "a job without terminal", lambda s: s.host(["base64", home_file(s, ".kube/config")])),
    silent(
        CLOUD_READ, "a client library", lambda s: s.act("open", "r", home_file(s, ".aws/credentials"), name="myapp")
    ),
    silent(CLOUD_READ, "another file", lambda s: s.container(["/bin/cat", "/root/.aws/config"])),
    fires(TOKEN, "cat", lambda s: s.container(["/bin/cat", "/run/secrets/kubernetes.io/serviceaccount/token"])),
    fires(
        TOKEN,
        "a shell reads it",
        lambda s: s.container(["/bin/bash", "-c", "read -r token < /run/secrets/kubernetes.io/serviceaccount/token"]),
    ),
    silent(
        TOKEN,
        "a program of the API",
        lambda s: s.container(["/usr/sbin/myapp", "open", "r", "/run/secrets/kubernetes.io/serviceaccount/token"]),
    ),
    silent(
        TOKEN,
        "its neighbour",
        lambda s: s.container(["/bin/cat", "/run/secrets/kubernetes.io/serviceaccount/namespace"]),
    ),
    fires(ENVIRON, "another process's", lambda s: s.container(["/bin/cat", "/proc/1/environ"])),
    fires(ENVIRON, "nginx is made to show its own", lambda s: s.act("open", "r", "/proc/self/environ", name="nginx")),
    silent(ENVIRON, "a program that is neither", lambda s: s.act("open", "r", "/proc/self/environ", name="myapp")),
    silent(ENVIRON, "another file of /proc", lambda s: s.container(["/bin/cat", "/proc/1/status"])),
    fires(
        MEMORY,
        "in a container",
        lambda s: s.container(["/usr/sbin/act", "run", "/usr/sbin/myapp", "myapp", "open", "r", "/proc/1/mem"]),
    ),
    silent(MEMORY, "its own", lambda s: s.act("open", "r", "/proc/self/mem", name="myapp")),
    silent(
        MEMORY,
        "another file of the process",
        lambda s: s.container(["/usr/sbin/act", "run", "/usr/sbin/myapp", "myapp", "open", "r", "/proc/1/maps"]),
    ),
]
