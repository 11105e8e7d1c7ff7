"""Writes `kafka_jars.sha256` for a Kafka version: `python -m embedded.kafka_pin 4.3.1`.

For maintainers, on a network they trust; the change is reviewed like code.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import Artifact, MavenContext

from embedded.kafka_jars import BROKER, PINS

LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl"  # else the broker logs nothing
USED_AT_RUN_TIME = ("compile", "runtime")


def needed(maven: MavenContext, version: str) -> list[Artifact]:
    """Resolve the broker and everything that it needs at run time."""
    asked, behind = maven.resolver.resolve([maven.create_dependency(f"{BROKER}:{version}")])
    jars = [found.artifact for found in (*asked, *behind) if found.scope in {*USED_AT_RUN_TIME, None}]
    log4j = next(jar.version for jar in jars if jar.artifactId == "log4j-core")
    return [*jars, maven.create_dependency(f"{LOG_BINDING}:{log4j}").artifact]


def main(version: str) -> None:
    """Download all jars of one version and write their hashes."""
    with tempfile.TemporaryDirectory() as folder:
        jars = needed(MavenContext(repo_cache=Path(folder)), version)
        pins = {
            f"{jar.groupId}:{jar.artifactId}:{jar.version}": hashlib.sha256(jar.resolve().read_bytes())
            for jar in jars
        }
    lines = [f"{digest.hexdigest()}  {name}\n" for name, digest in sorted(pins.items())]
    PINS.write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1])
