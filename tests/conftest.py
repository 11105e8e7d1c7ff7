"""Fixtures that any test may ask for: `kafka`, `make_topic` and what the plugins below tell of."""

pytest_plugins = [
    "tests.kafka_fixture",
    "tests.flow_fixture",
    "tests.clickhouse_fixture",
    "tests.clickhouse_http_fixture",
    "tests.file_fixture",
]
