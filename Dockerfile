# The image of every Gamewax process; docker-compose.yml says which one runs where.
# Packages come from requirements.lock with their hashes, as wheels: nothing is compiled, here or later.

FROM python:3.12.14-slim-trixie AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock compose/image_packages.py ./
RUN python image_packages.py requirements.lock > image.lock \
    && python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --require-hashes --no-deps --only-binary :all: -r image.lock \
    && /opt/venv/bin/python -m pip uninstall --yes pip

FROM python:3.12.14-slim-trixie AS gamewax
LABEL org.opencontainers.image.title="Gamewax" \
      org.opencontainers.image.description="A Python-native stream processor for games: Kafka to ClickHouse" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="0.1.0"
RUN groupadd --gid 10001 gamewax \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gamewax \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/gamewax
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . .
RUN python -m compileall -q . && chmod -R a+rX,go-w /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GAMEWAX_RECOVERY__DIR=/var/lib/gamewax/recovery \
    GAMEWAX_HEALTH__PORT=8099 \
    NUMBA_CACHE_DIR=/var/lib/gamewax/compiled
USER 10001:10001
VOLUME ["/var/lib/gamewax"]
# A flow ends at an epoch's edge with a snapshot; give it --stop-timeout 60.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "compose/healthy.py"]
ENTRYPOINT ["python", "-m", "cli"]
CMD ["--help"]
