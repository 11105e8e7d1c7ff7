"""What must hold of docker-compose.yml, one function for each rule; each gives the ways it is broken.

Rules of the rules: they read the file as written, before Docker fills in variables, so that no
variable can switch one off. `tests/test_compose.py` breaks every one of them once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cli.compose_commands import commands_exist, every_flow_has_a_service
from cli.compose_secrets import NAMES, SECRET_FILES
from cli.compose_stack import Bind, Service, Stack

PUBLISHED, ON_LOOPBACK = "grafana", re.compile(r"127\.0\.0\.1:(\d+|\$\{\w+:-\d+\}):\d+")
NOT_ROOT = re.compile(r"[1-9]\d*:\d+")
PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+(\.\d+)*(-[\w.-]+)?(@sha256:[0-9a-f]{64})?")
SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|_KEY|CREDENTIAL")
BY_FILE = re.compile(r"/run/secrets/(\w+)")
NEEDED = re.compile(r"\$\{(\w+):\?[^}]*compose init\}")
VARIABLE = re.compile(r"\$\{(\w+)([^}]*)\}|\$(\w+)")
INSIDE, OUTSIDE = "inside", "outside"
SENDS_OUT = {PUBLISHED, "dispatcher"}
Rule = Callable[[Stack], Iterator[str]]


def nothing_is_published_but_grafana_on_loopback(stack: Stack) -> Iterator[str]:
    """Only Grafana has a port, and only this machine reaches it."""
    for name, service in stack.services.items():
        for port in service.ports:
            if name != PUBLISHED or not ON_LOOPBACK.fullmatch(port):
                yield f"{name} publishes {port}"


def nobody_is_root(stack: Stack) -> Iterator[str]:
    """Every service has a numeric user that is not 0."""
    for name, service in stack.services.items():
        if not NOT_ROOT.fullmatch(service.user):
            yield f"{name} runs as {service.user or 'whoever its image says'}"


def services_are_sealed(stack: Stack) -> Iterator[str]:
    """No service writes to its root, has capabilities, gains rights or shares what is the host's."""
    for name, service in stack.services.items():
        wants = {
            "its root can be written": not service.read_only,
            "capabilities are left": service.cap_drop != ["ALL"] or service.cap_add,
            "it may gain rights": "no-new-privileges:true" not in service.security_opt,
            "it shares what is the host's": service.privileged
            or service.network_mode
            or service.pid
            or service.ipc
            or service.devices,
            "a tmpfs has no size": any("size=" not in place for place in service.tmpfs),
        }
        yield from (f"{name}: {what}" for what, broken in wants.items() if broken)


def shares_are_limited(stack: Stack) -> Iterator[str]:
    """Every service has a limit for processors, memory, processes and logs."""
    for name, service in stack.services.items():
        limits = service.deploy.resources.limits
        given = {"cpus": limits.cpus, "memory": limits.memory, "pids": limits.pids}
        given["logs"] = service.logging.options.get("max-size")
        yield from (f"{name} has no limit of {what}" for what, limit in given.items() if not limit)


def what_stays_is_watched(stack: Stack) -> Iterator[str]:
    """Every service that runs for ever has a health check with a time-out (not those of a profile)."""
    for name, service in stack.services.items():
        health = service.healthcheck
        watched = health and not health.disable and health.test and health.interval and health.timeout
        if service.stays and not service.profiles and not watched:
            yield f"{name} has no health check"


def versions_are_pinned(stack: Stack) -> Iterator[str]:
    """Every image is an exact version."""
    for name, service in stack.services.items():
        if not PINNED.fullmatch(service.image):
            yield f"{name} takes the image {service.image or 'without a name'}"


def no_password_stands_in_it(stack: Stack) -> Iterator[str]:
    """A secret comes as a file; a variable that is needed has no default."""
    for name, service in stack.services.items():
        for variable, value in service.environment.items():
            if SECRET_NAME.search(variable):
                file = BY_FILE.fullmatch(value)
                if not variable.endswith("_FILE") or not file or file[1] not in service.secrets:
                    yield f"{name}: {variable} is no file of its secrets"
            for used, how, bare in VARIABLE.findall(value):
                if (used or bare) in NAMES and not NEEDED.fullmatch(f"${{{used}{how}}}"):
                    yield f"{name}: {variable} starts without {used or bare}"


def secrets_are_those_of_init(stack: Stack) -> Iterator[str]:
    """Every secret is a file that `compose init` makes, each is used, and without them nothing starts."""
    for name, secret in stack.secrets.items():
        folder, _, file = secret.file.rpartition("/")
        if not NEEDED.fullmatch(folder) or file != name or name not in SECRET_FILES:
            yield f"secret {name} is {secret.file}"
    used = {name for service in stack.services.values() for name in service.secrets}
    yield from (f"secret {name} is used by nobody" for name in sorted(set(SECRET_FILES) - used))
    yield from (f"secret {name} is nowhere" for name in sorted(used - stack.secrets.keys()))


def settings_exist(stack: Stack) -> Iterator[str]:
    """Every GAMEWAX_ variable is a setting."""
    import settings
    from cli.doctor_settings import variables

    known = {name for name, _ in variables(settings.Settings())}
    for name, service in stack.services.items():
        for variable in service.environment:
            if variable.startswith("GAMEWAX_") and variable.removesuffix("_FILE") not in known:
                yield f"{name}: {variable} is no setting"


def mounts_exist(stack: Stack) -> Iterator[str]:
    """What is mounted from the repository is there, and cannot be written; every volume is declared."""
    for name, service in stack.services.items():
        for mount in service.volumes:
            if isinstance(mount, str):
                if mount.split(":")[0] not in stack.volumes:
                    yield f"{name} mounts {mount}"
            else:
                yield from _wrong_bind(stack, name, mount)
        build = service.build
        if build and not (stack.root / build.context / build.dockerfile).is_file():
            yield f"{name} is built in {build.context}, which has no {build.dockerfile}"


def _wrong_bind(stack: Stack, name: str, mount: Bind) -> Iterator[str]:
    if not mount.source.startswith("./") or not (stack.root / mount.source).exists():
        yield f"{name} mounts {mount.source}, which is not in the repository"
    if not mount.read_only or mount.bind.create_host_path:
        yield f"{name} may write to {mount.source}, or makes it"


def networks_are_closed(stack: Stack) -> Iterator[str]:
    """All talk on an internal network; Grafana has another one for its port, the dispatcher to send."""
    if not stack.networks.get(INSIDE, None) or not stack.networks[INSIDE].internal:
        yield f"network {INSIDE} is not internal"
    for name, service in stack.services.items():
        wanted = [INSIDE, OUTSIDE] if name in SENDS_OUT else [INSIDE]
        if service.networks != wanted:
            yield f"{name} is in the networks {', '.join(service.networks) or 'by default'}"


def waits_can_end(stack: Stack) -> Iterator[str]:
    """A service waits for health where there is a check, and for the end of what ends."""
    for name, service in stack.services.items():
        for other, wait in service.depends_on.items():
            awaited = stack.services.get(other, Service())
            fits = {
                "service_healthy": awaited.healthcheck is not None,
                "service_completed_successfully": other in stack.services and not awaited.stays,
            }
            if not fits.get(wait.condition):
                yield f"{name} waits for {other} by {wait.condition}"


def kafka_is_like_ours(stack: Stack) -> Iterator[str]:
    """The broker makes no topic by itself, and bounds times like the embedded one."""
    from embedded.kafka_config import MAX_TIME_AHEAD_MS

    given = stack.services.get("kafka", Service()).environment
    wanted = {
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS": str(MAX_TIME_AHEAD_MS),
    }
    yield from (
        f"kafka: {name} must be {value}" for name, value in wanted.items() if given.get(name) != value
    )


RULES: tuple[Rule, ...] = (
    nothing_is_published_but_grafana_on_loopback,
    nobody_is_root,
    services_are_sealed,
    shares_are_limited,
    what_stays_is_watched,
    versions_are_pinned,
    no_password_stands_in_it,
    secrets_are_those_of_init,
    settings_exist,
    mounts_exist,
    networks_are_closed,
    waits_can_end,
    kafka_is_like_ours,
    commands_exist,
    every_flow_has_a_service,
)


def broken(stack: Stack) -> Iterator[str]:
    """Give every way in which the file breaks a rule."""
    for rule in RULES:
        yield from (f"{rule.__name__}: {what}" for what in rule(stack))
