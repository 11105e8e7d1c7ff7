"""Writes `flink_jars.sha256`: `python -m bench.peers.flink_pin 2.1.0 4.0.1-2.0` (Flink, its Kafka connector).

For maintainers, on a network they trust; the change is reviewed like code. All of Flink's own jars are of the
first version, also those that the connector asks for in an older one.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import Artifact, MavenContext

from bench.peers.flink_jars import PINS

FLINK = "org.apache.flink"
PARTS = (
    "flink-clients",
    "flink-table-planner-loader",
    "flink-table-runtime",
    "flink-table-api-java-bridge",
    "flink-connector-base",
    "flink-connector-files",
    "flink-json",
    "flink-csv",
)
KAFKA = f"{FLINK}:flink-connector-kafka"
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
COMPILER = "org.eclipse.jdt:ecj:3.42.0"  # a Java compiler in a jar: no JDK is needed
USED_AT_RUN_TIME = ("compile", "runtime", None)


def needed(maven: MavenContext, flink: str, connector: str) -> list[Artifact]:
    """Resolve Flink's parts and everything that they need at run time."""
    parts = [f"{FLINK}:{part}:{flink}" for part in PARTS]
    named = [*parts, f"{KAFKA}:{connector}", LOG_BINDING, COMPILER]
    asked, behind = maven.resolver.resolve([maven.create_dependency(name) for name in named])
    jars = [found.artifact for found in (*asked, *behind) if found.scope in USED_AT_RUN_TIME]
    older = {jar.version for jar in jars if jar.groupId == FLINK and jar.artifactId == "flink-core"} - {flink}
    return [_at(maven, jar, flink) if jar.groupId == FLINK and jar.version in older else jar for jar in jars]


def _at(maven: MavenContext, jar: Artifact, version: str) -> Artifact:
    return maven.create_dependency(f"{jar.groupId}:{jar.artifactId}:{version}").artifact


def main(flink: str, connector: str) -> None:
    """Download all jars of these versions and write their hashes."""
    with tempfile.TemporaryDirectory() as folder:
        jars = needed(MavenContext(repo_cache=Path(folder)), flink, connector)
        pins = {
            f"{jar.groupId}:{jar.artifactId}:{jar.version}": hashlib.sha256(jar.resolve().read_bytes())
            for jar in jars
        }
    lines = [f"{digest.hexdigest()}  {name}\n" for name, digest in sorted(pins.items())]
    PINS.write_text("".join(lines), encoding="ascii")
    print(f"{len(lines)} jars of Flink {flink}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
