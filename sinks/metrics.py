"""Every number that a flow tells about itself, named once: its kind, its labels, its meaning, what to do.

Rules:
- A name is Prometheus' way: `gamewax_`, the unit, `_total` for what only grows. The endpoint `/metrics`,
  the table `pipeline_metrics` and `docs/metrics.md` take all of it from here.
- `act` says what a person does when the number is bad, in one or two sentences; no metric is without it.
- Metrics are pulled: nothing on the way of an event knows of them.
"""

from __future__ import annotations

from sinks.metric import Kind, Metric

METRICS: list[Metric] = []
PARTITION = ("topic", "partition")
WINDOW = (*PARTITION, "window_seconds")
ENDPOINT = ("endpoint",)


def _metric(name: str, unit: str, labels: tuple[str, ...], what: str, act: str) -> Metric:
    kind = Kind.COUNTER if name.endswith("_total") else Kind.GAUGE
    made = Metric(name, kind, unit, labels, what, act)
    METRICS.append(made)
    return made


READ = _metric(
    "gamewax_messages_read_total",
    "messages",
    PARTITION,
    "Messages judged since the log's first one; kept in the snapshots, so a restart goes on counting.",
    "If it stands still while the lag grows, look at `/readyz`: it says what the flow waits for.",
)
DEAD = _metric(
    "gamewax_dead_letters_total",
    "messages",
    PARTITION,
    "Messages that were no event; kept in the snapshots.",
    "If it grows fast, a producer has changed its format: the table `dead_letters` tells the reason and the "
    "field of each.",
)
DUPLICATES = _metric(
    "gamewax_duplicates_total",
    "messages",
    PARTITION,
    "Messages whose `event_id` was there before; kept in the snapshots.",
    "A few are producers' retries. If most are duplicates, a producer sends everything twice.",
)
LATE = _metric(
    "gamewax_late_events_total",
    "messages",
    WINDOW,
    "Events that came after their window was out of reach; kept in the snapshots.",
    "They stand in `late_events`. If they are many, raise GAMEWAX_WINDOWS__ALLOWED_LATENESS_S or find the "
    "producer whose clock or queue is behind.",
)
NEXT_OFFSET = _metric(
    "gamewax_next_offset",
    "offset",
    PARTITION,
    "The offset after the last message that was handed on to the windows.",
    "Nothing to do: compare it with `gamewax_end_offset`.",
)
END_OFFSET = _metric(
    "gamewax_end_offset",
    "offset",
    PARTITION,
    "The offset after the log's last message, as Kafka last told it (at most some seconds ago).",
    "Nothing to do: it grows as producers write.",
)
LAG = _metric(
    "gamewax_lag_messages",
    "messages",
    PARTITION,
    "Messages in the log that were not handed on to the windows yet.",
    "If it grows for minutes, the flow is slower than its producers or is held up: see `/readyz` first, then "
    "start more processes (`--processes`), at most one for each partition.",
)
WATERMARK = _metric(
    "gamewax_watermark_timestamp_seconds",
    "seconds since 1970",
    PARTITION,
    "The partition's watermark: its newest event time less the allowed disorder, or its floor if it is idle.",
    "Nothing to do: `gamewax_watermark_age_seconds` is the one to watch.",
)
WATERMARK_AGE = _metric(
    "gamewax_watermark_age_seconds",
    "seconds",
    PARTITION,
    "The present less the watermark. A producer whose clock is ahead makes it negative.",
    "If it grows and the lag is near 0, no events come: look at the producers. If the lag grows too, the "
    "flow is behind.",
)
FRESHNESS = _metric(
    "gamewax_freshness_seconds",
    "seconds",
    PARTITION,
    "The present less the newest event time whose rows ClickHouse has acknowledged.",
    "It is what people at a panel feel. If it grows while the watermark age does not, ClickHouse is slow: "
    "see `gamewax_unacknowledged_age_seconds`.",
)
IDLE = _metric(
    "gamewax_partition_idle",
    "0 or 1",
    PARTITION,
    "1 while the partition has been silent for so long that it holds no window back.",
    "Fine at night or with few keys. If a partition with much traffic is idle, its producer is gone.",
)
UNREAD = _metric(
    "gamewax_partition_unread",
    "0 or 1",
    PARTITION,
    "1 while messages lie in the log that the flow has not fetched yet.",
    "Steady 1 means the flow is catching up: see `gamewax_lag_messages`.",
)
PAUSED = _metric(
    "gamewax_partition_paused",
    "0 or 1",
    PARTITION,
    "1 while reading is paused because most messages are dead letters.",
    "Look at the newest rows of `dead_letters`, mend the producer or the topic's file, start the flow again.",
)
SOURCE_ANSWER_AGE = _metric(
    "gamewax_kafka_answer_age_seconds",
    "seconds",
    ("topic",),
    "Time since Kafka last answered the question, put every 4 s, how the topic stands.",
    "Above 14 s the brokers are away or the network is: reading goes on by itself when they are back.",
)
ROWS = _metric(
    "gamewax_rows_written_total",
    "rows",
    ("table",),
    "Rows that ClickHouse has acknowledged, by the table that they were inserted into.",
    "If it stands still while messages are read, see `gamewax_unacknowledged_age_seconds`.",
)
INSERTS = _metric(
    "gamewax_inserts_total",
    "inserts",
    (),
    "Inserts that ClickHouse has acknowledged.",
    "More than about five a second for long: ClickHouse merges many small parts. Fewer processes help.",
)
RETRIES = _metric(
    "gamewax_insert_retries_total",
    "tries",
    (),
    "Inserts that failed and were tried again; no row is lost or doubled by it.",
    "If it grows, the flow's log says `clickhouse_away` with the reason.",
)
WAITED = _metric(
    "gamewax_clickhouse_waited_seconds_total",
    "seconds",
    (),
    "Time spent waiting after failed inserts.",
    "The share of this in an hour is how long ClickHouse was away.",
)
QUEUE = _metric(
    "gamewax_sink_queue_bytes",
    "bytes",
    (),
    "Rows that wait for ClickHouse or are on their way to it.",
    "At 32 MB the flow waits. If it is often near that, ClickHouse is the bottleneck.",
)
UNACKNOWLEDGED_AGE = _metric(
    "gamewax_unacknowledged_age_seconds",
    "seconds",
    (),
    "How long the oldest row that ClickHouse has not acknowledged waits; 0 when none does.",
    "Above 10 s the flow is not ready: ClickHouse is away, overloaded or read-only. Its own log says why.",
)
ACKNOWLEDGED_AGE = _metric(
    "gamewax_acknowledged_age_seconds",
    "seconds",
    (),
    "Time since ClickHouse last acknowledged all that was sent.",
    "High with a lag of 0 means only that nothing happens.",
)
LOOP_AGE = _metric(
    "gamewax_loop_age_seconds",
    "seconds",
    (),
    "Time since the flow last asked for messages.",
    "Some seconds while it waits for ClickHouse. Above a minute with all services there it hangs: end the "
    "process, it goes on from its last snapshot; then send us the `crash-*.log` of its recovery folder.",
)
SNAPSHOTS = _metric(
    "gamewax_snapshots_total",
    "snapshots",
    (),
    "Snapshots since the process started.",
    "If it stands still, nothing is committed and a restart would repeat much: see `/readyz`.",
)
SNAPSHOT_AGE = _metric(
    "gamewax_snapshot_age_seconds",
    "seconds",
    (),
    "Time since the last snapshot was begun.",
    "Far above GAMEWAX_RECOVERY__EPOCH_S the flow waits for ClickHouse, or the recovery disk is slow.",
)
STORE = _metric(
    "gamewax_recovery_store_bytes",
    "bytes",
    (),
    "Size of the recovery store's files.",
    "It levels off after some minutes. Make room if it comes near the disk's size.",
)
RSS = _metric(
    "gamewax_process_resident_memory_bytes",
    "bytes",
    (),
    "Memory of the process.",
    "It is flat after the first hour. If not, many more groups (levels, items, servers) than usual are open.",
)
CPU = _metric(
    "gamewax_process_cpu_seconds_total",
    "seconds",
    (),
    "CPU time of the process, all threads.",
    "Near 1 a second with a growing lag: start more processes (`--processes`).",
)
STARTED = _metric(
    "gamewax_process_start_time_seconds",
    "seconds since 1970",
    (),
    "When the process started.",
    "If it changes often, the flow dies and is started again: its log and `crash-*.log` say why.",
)
READY = _metric(
    "gamewax_ready",
    "0 or 1",
    (),
    "1 while `/readyz` says that Kafka is read and ClickHouse has the rows.",
    "At 0 for more than a minute, page somebody: `/readyz` and `./gamewax status` say what is wrong.",
)
MISSED = _metric(
    "gamewax_metrics_missed_total",
    "writes",
    (),
    "Times that these numbers could not be written to `pipeline_metrics`; they are left out, not repeated.",
    "It grows only while ClickHouse is away; panels of the pipeline have a gap there.",
)
WEBHOOKS_PENDING = _metric(
    "gamewax_webhooks_pending",
    "messages",
    ENDPOINT,
    "Messages of the dispatcher that the endpoint is still to get.",
    "If it grows, `./gamewax webhooks list` says what the endpoint answers.",
)
WEBHOOKS_OLDEST = _metric(
    "gamewax_webhooks_oldest_pending_age_seconds",
    "seconds",
    ENDPOINT,
    "How long the oldest message has been pending; 0 when none is.",
    "Above a minute the endpoint is slow or fails: `./gamewax webhooks log --endpoint NAME` shows what it "
    "answers.",
)
WEBHOOKS_DEAD = _metric(
    "gamewax_webhooks_dead",
    "messages",
    ENDPOINT,
    "Messages that the endpoint did not get and will not, in the time that the log is kept.",
    "Mend the endpoint, then `./gamewax webhooks resend --dead`.",
)
WEBHOOKS_OPEN = _metric(
    "gamewax_webhooks_breaker_open",
    "0 or 1",
    ENDPOINT,
    "1 while the endpoint is left alone: it failed several times in a row, or is disabled.",
    "At 1 for long: `./gamewax webhooks list` says why, `./gamewax webhooks test NAME` tries it.",
)
WEBHOOKS_TRIES = _metric(
    "gamewax_webhooks_attempts_total",
    "tries",
    (*ENDPOINT, "result"),
    "Tries by what became of them; `delivered` is success. Kept in the store, so a restart goes on counting.",
    "Many `timeout` or `http_5xx`: the receiver is overloaded. `refused`: its address is not allowed. "
    "`tls`: its certificate is wrong.",
)
WEBHOOKS_UNREADABLE = _metric(
    "gamewax_webhooks_unreadable",
    "messages",
    (),
    "Records of the topic `fraud-outbox` that were no message; the dispatcher's store keeps them.",
    "Somebody else writes to the topic, or the flow is of a later version than the dispatcher.",
)
FRAUD_RULES = _metric(
    "gamewax_fraud_rules",
    "rules",
    (),
    "Rules that judge purchases now, those in shadow among them.",
    "At 0 nothing is found: `./gamewax rules list` says which rules there are and from when they count.",
)
FRAUD_MODEL = _metric(
    "gamewax_fraud_model",
    "version",
    (),
    "Version of the model that scores purchases; 0: none is loaded, and rules judge alone.",
    "At 0 where a model should work: `./gamewax fraud promote VERSION`, then start the flow again.",
)
SIDE_REFUSED = _metric(
    "gamewax_side_records_refused",
    "messages",
    ("topic",),
    "Records of a side topic (rules, labels, players) that were no good, since the start.",
    "The flow's log names the first ones, with their place and what is wrong: publish them again, mended.",
)
