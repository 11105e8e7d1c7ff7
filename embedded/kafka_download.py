"""Downloads pinned jars with jgo, several at once, under a progress bar.

Rules: nothing is resolved here, the pins name every artifact; jgo's own Java download is not used.
A jar enters the folder by a rename, after its hash was checked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from jgo.maven import MavenContext
from rich.console import Console
from rich.progress import track

from embedded.kafka_jars import Jar, Product
from topics.errors import Broken

AT_ONCE = 6
TIMEOUT_S = 30


def download(jars: Sequence[Jar], folder: Path, maven_url: str, product: Product) -> None:
    """Bring these jars of a product into `folder`, from Maven's central repository or a mirror of it.

    Raises:
        Broken: no network, no such artifact, or other bytes than the pinned ones.
        OSError: the folder cannot be written.

    """
    say = Console(stderr=True)
    title = f"Downloading {product.name} (once, {product.size_mb} MB)"
    if not say.is_terminal:
        say.print(f"{title} …")
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as unchecked,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        maven = MavenContext(
            repo_cache=Path(unchecked),
            remote_repos={"mirror": maven_url} if maven_url else None,
            timeout=TIMEOUT_S,
        )
        arrivals = threads.map(lambda jar: _fetch(jar, folder, maven, product.name), jars)
        try:
            for _ in track(arrivals, title, len(jars), console=say, disable=not say.is_terminal):
                pass
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(jar: Jar, folder: Path, maven: MavenContext, what: str) -> None:
    try:
        arrived = maven.project(jar.group, jar.name).at_version(jar.version).artifact().resolve()
    except requests.exceptions.SSLError as error:
        raise Broken(
            f"cannot download {what}: the repository's certificate is not trusted; where a proxy has "
            "one of its own, REQUESTS_CA_BUNDLE names the file with it"
        ) from error
    except requests.RequestException as error:
        raise Broken(
            f"cannot download {what}: the first start needs the network, later ones do not; "
            "behind a proxy or with a mirror set GAMEWAX_EMBEDDED__MAVEN_URL"
        ) from error
    except RuntimeError as error:
        raise Broken(
            f"{jar.file_name} is not in the Maven repository; is GAMEWAX_EMBEDDED__MAVEN_URL right?"
        ) from error
    if not jar.is_whole(arrived):
        raise Broken(
            f"{jar.file_name} arrived with other bytes than the pinned ones and was thrown away: "
            "try again, and if it stays so, do not trust this network or mirror"
        )
    arrived.replace(folder / jar.file_name)
