"""Everything that can be set from outside, read once from `GAMEWAX_*` or `.env` into one frozen value.

Nested names use two underscores: `GAMEWAX_KAFKA__BOOTSTRAP_SERVERS`. A secret may also be given as
a file: `GAMEWAX_CLICKHOUSE__PASSWORD_FILE`. Nothing else in the project reads the environment.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from sinks.webhook_schedule import WAITS_S
from topics.errors import BadInput

FROZEN = ConfigDict(frozen=True, extra="forbid")


def read_secret_file(values: object, name: str) -> object:
    """Replace `<name>_file` by the content of that file, as `<name>`."""
    if isinstance(values, dict) and f"{name}_file" in values:
        path = Path(values.pop(f"{name}_file"))
        values[name] = path.read_text(encoding="utf-8").strip()
    return values


class Kafka(BaseModel):
    """Where Kafka is and how its client is tuned."""

    model_config = FROZEN

    bootstrap_servers: str = Field(default="127.0.0.1:9092", description="brokers, as host:port,host:port")
    group: str = Field(default="gamewax", description="prefix of the consumer groups that lag tools see")
    options: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="any librdkafka option, as JSON (TLS, SASL …)"
    )
    on_gap: Literal["stop", "earliest", "latest"] = Field(
        default="stop",
        description="when messages are gone unread: stop with exit code 3, or go on, at each start, with the "
        "earliest that the log holds or with what comes after the latest",
    )


class ClickHouse(BaseModel):
    """Where ClickHouse answers HTTP, and who writes and who reads."""

    model_config = FROZEN

    url: str = Field(default="http://127.0.0.1:8123", description="address, without credentials")
    database: str = Field(default="gamewax", description="the database that holds all tables")
    user: str = Field(default="default", description="who writes and migrates")
    password: SecretStr = Field(default=SecretStr(""), description="the writer's password")
    reader_user: str = Field(default="", description="who only reads (panels, pages)")
    reader_password: SecretStr = Field(default=SecretStr(""), description="the reader's password")

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: object) -> object:
        return read_secret_file(read_secret_file(values, "password"), "reader_password")


class Recovery(BaseModel):
    """Where a flow keeps what it needs to go on after a stop."""

    model_config = FROZEN

    dir: Path = Field(
        default=Path(".gamewax/recovery"), description="folder of the recovery stores, one for each flow"
    )
    epoch_s: float = Field(default=2.0, gt=0, le=60, description="seconds between snapshots")
    backup_every_s: float = Field(
        default=300.0, ge=0, description="seconds between copies of a store, the last two are kept; 0 = none"
    )
    least_free_mb: int = Field(
        default=50, ge=0, description="with less disk space a flow is not ready, and none starts; 0 = any"
    )


class Embedded(BaseModel):
    """What the local Kafka is made of; the defaults need nothing but the network, once."""

    model_config = FROZEN

    cache: Path | None = Field(default=None, description="where downloads are kept; else `~/.cache/gamewax`")
    java_home: Path | None = Field(default=None, description="a Java 17 or later to use instead of our own")
    kafka_home: Path | None = Field(default=None, description="an Apache Kafka to use instead of our own")
    maven_url: str = Field(default="", description="a Maven mirror; empty = the central repository")


class Windows(BaseModel):
    """How event time is cut."""

    model_config = FROZEN

    allowed_lateness_s: int = Field(default=600, ge=0, description="late events correct a window this long")
    max_out_of_orderness_s: float = Field(default=2.0, ge=0, description="how far the watermark trails")
    upsert_every_s: float = Field(
        default=1.0, gt=0, description="a changed open window is written this often"
    )
    idle_after_s: float = Field(
        default=30.0, gt=0, description="a silent partition stops holding windows back"
    )
    dedup_offsets: int = Field(
        default=100_000, ge=0, description="event ids remembered per partition; 0 = off"
    )


class DeadLetters(BaseModel):
    """What is done about messages that are no events."""

    model_config = FROZEN

    pause: bool = Field(
        default=True, description="stop reading when more than half of the messages are dead letters"
    )


class Files(BaseModel):
    """Files to read instead of Kafka; `./gamewax run FLOW --from-files` sets these for its flow."""

    model_config = FROZEN

    globs: tuple[str, ...] = Field(default=(), description="files to read instead of Kafka, as JSON")
    as_of: AwareDatetime | None = Field(
        default=None, description="when their messages count as arrived; else when they are first read"
    )
    topic: str = Field(default="", description="which topic they hold, for a flow that reads several")


class Backfill(BaseModel):
    """A time that is counted again; `./gamewax backfill` sets these for the flow that it runs."""

    model_config = FROZEN

    name: str = Field(default="", description="the backfill's recovery store, which says what it counts")
    rate: float = Field(default=0.0, ge=0, description="messages a second at most; 0 = any")
    nice: int = Field(
        default=19, ge=0, le=19, description="how far it stays behind: 0 = not at all, 19 = behind all others"
    )


class Thresholds(BaseModel):
    """Above which value a server's metric is an alert; empty: the metric is not watched."""

    model_config = FROZEN

    cpu_load: float | None = Field(
        default=95.0, allow_inf_nan=False, description="per cent; empty = not watched"
    )
    memory_usage: float | None = Field(
        default=95.0, allow_inf_nan=False, description="per cent; empty = not watched"
    )
    latency: float | None = Field(
        default=None, allow_inf_nan=False, description="milliseconds; empty = not watched"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value


class Health(BaseModel):
    """How a flow's process tells how it is: on 127.0.0.1, and in `pipeline_metrics`."""

    model_config = FROZEN

    port: int = Field(
        default=0,
        ge=0,
        le=65_535,
        description="health and metrics answer on the first free port from here; 0 = any",
    )
    away_after_s: float = Field(
        default=10.0, gt=0, description="not ready once Kafka or ClickHouse has been away this long"
    )
    stuck_after_s: float = Field(
        default=60.0, gt=0, description="not healthy once the loop has hung this long for no reason"
    )
    table_every_s: float = Field(
        default=10.0, ge=0, description="seconds between writes to `pipeline_metrics`; 0 = none"
    )


class Fraud(BaseModel):
    """How suspicious a purchase must be, and where the models that score it are kept."""

    model_config = FROZEN

    models: Path | None = Field(
        default=None, description="folder of trained models; else `models` in the user's data folder"
    )
    rules: Path | None = Field(
        default=None, description="folder of rule files instead of those that come with Gamewax"
    )
    review_at: float = Field(default=0.5, gt=0, le=1, description="score from which a purchase is reviewed")
    block_at: float = Field(default=0.9, gt=0, le=1, description="score from which a purchase is blocked")

    @property
    def folder(self) -> Path:
        """Give the folder of trained models."""
        return self.models or data_home() / "models"


class Webhooks(BaseModel):
    """Who is told of fraud, and how the dispatcher that tells them works."""

    model_config = FROZEN

    endpoints: Path | None = Field(
        default=None, description="the file of endpoints (docs/webhooks.md); none = nobody is told"
    )
    dir: Path | None = Field(
        default=None,
        description="folder of the dispatcher's store; else `webhooks` beside GAMEWAX_RECOVERY__DIR",
    )
    ports: tuple[int, ...] = Field(
        default=(), description="ports that endpoints may have besides 443 (and 80 with http), as JSON"
    )
    waits_s: tuple[float, ...] = Field(
        default=WAITS_S,
        min_length=1,
        description="seconds before each try of a message, as JSON (the first is made at once)",
    )
    timeout_s: float = Field(default=15.0, gt=0, le=60, description="one try takes at most this long")
    connect_s: float = Field(default=3.0, gt=0, le=60, description="to connect takes at most this long")
    rest_s: float = Field(
        default=5.0,
        gt=0,
        description="an endpoint that failed 5 times in a row is left alone this long, then "
        "twice as long and so on, up to 60 times as long",
    )
    keep_days: float = Field(
        default=30.0, gt=0, description="how long the log of what was sent or is dead is kept"
    )


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="GAMEWAX_", env_nested_delimiter="__", env_file=".env", frozen=True, extra="ignore"
    )

    kafka: Kafka = Kafka()
    clickhouse: ClickHouse = ClickHouse()
    recovery: Recovery = Recovery()
    windows: Windows = Windows()
    dead_letters: DeadLetters = DeadLetters()
    files: Files = Files()
    thresholds: Thresholds = Thresholds()
    backfill: Backfill = Backfill()
    health: Health = Health()
    fraud: Fraud = Fraud()
    webhooks: Webhooks = Webhooks()
    drain: bool = Field(default=False, description="read to the end seen at start, then stop")
    embedded: Embedded = Embedded()


@cache
def load() -> Settings:
    """Read the settings once.

    Raises:
        BadInput: a value is missing or of the wrong kind; names the variable.

    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "GAMEWAX_" + "__".join(str(part).upper() for part in first["loc"])
        raise BadInput(f"setting {name}: {first['msg']}") from error
    except SettingsError as error:
        raise BadInput(f"a GAMEWAX_ setting must be JSON and is not: {error}") from error
    except OSError as error:
        raise BadInput(f"a secret file cannot be read: {error}") from error


def given() -> dict[str, str]:
    """Tell which `GAMEWAX_*` variables are set, and where (`environment` or `.env`); never their values."""
    places = {".env": DotEnvSettingsSource(Settings), "environment": EnvSettingsSource(Settings)}
    return {
        name.upper(): place
        for place, source in places.items()
        for name in source.env_vars
        if name.upper().startswith("GAMEWAX_")
    }


def data_home() -> Path:
    """Give the user's data folder for Gamewax (`XDG_DATA_HOME`, else `~/.local/share`)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "gamewax"


def cache_home() -> Path:
    """Give the user's cache folder for Gamewax (`XDG_CACHE_HOME`, else `~/.cache`)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gamewax"


def from_caller(path: str | Path) -> Path:
    """Make a path absolute as the caller meant it: the launcher changes folder and says from where."""
    return Path(os.environ.get("GAMEWAX_CWD") or Path.cwd(), path).expanduser().absolute()
