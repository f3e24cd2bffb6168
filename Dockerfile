# The images: `make image` builds them (scripts/image). Targets: operator, sensor, hub.
#
# Same sources, same base and same Debian packages give the same layers, byte by byte: Python packages are pinned with
# hashes (requirements/, written by `make lock`), file times come from SOURCE_DATE_EPOCH, caches and
# logs are left out, and compiled Python is checked by nothing (unchecked-hash), since times are equal.
# Any Debian 12 image can be the base.
ARG BASE=debian:bookworm-slim

# --- Debian and its Python: the layer that all images share ---------------------------------------
FROM ${BASE} AS python
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends ca-certificates python3; \
    python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3.11 /usr/lib/python3 || true; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/* \
        /usr/share/doc/* /usr/share/man/* /usr/share/locale/* /usr/share/info/* /usr/share/lintian/*

# --- the wheel of this repository ------------------------------------------------------------------
FROM python AS build
# Where pip is configured, while building only; empty: nowhere.
ARG PIP_CONFIG_FILE=/dev/null
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends python3-venv; \
    python3 -m venv /build
COPY requirements/build.txt /src/requirements/
RUN /build/bin/pip install --no-cache-dir --require-hashes -r /src/requirements/build.txt
COPY requirements/operator.txt requirements/sensor.txt requirements/hub.txt /src/requirements/

# An environment has no pip: what is in an image cannot be added to by whoever gets into it.
FROM build AS operator-environment
ARG PIP_CONFIG_FILE=/dev/null
RUN set -eu; \
    python3 -m venv --without-pip /opt/falcon; \
    /build/bin/pip --python /opt/falcon/bin/python install --no-cache-dir --no-compile --require-hashes \
        -r /src/requirements/operator.txt
FROM build AS sensor-environment
ARG PIP_CONFIG_FILE=/dev/null
RUN set -eu; \
    # bcc is Debian's, hence the system's packages too.
    python3 -m venv --without-pip --system-site-packages /opt/falcon; \
    /build/bin/pip --python /opt/falcon/bin/python install --no-cache-dir --no-compile --require-hashes \
        -r /src/requirements/sensor.txt

FROM build AS hub-environment
ARG PIP_CONFIG_FILE=/dev/null
RUN set -eu; \
    python3 -m venv --without-pip /opt/falcon; \
    /build/bin/pip --python /opt/falcon/bin/python install --no-cache-dir --no-compile --require-hashes \
        -r /src/requirements/hub.txt

FROM build AS wheel
ARG PIP_CONFIG_FILE=/dev/null
COPY pyproject.toml README.md LICENSE /src/
COPY rules/falcon_rules /src/rules/falcon_rules
COPY operator/falcon_operator /src/operator/falcon_operator
COPY sensor/falcon_sensor /src/sensor/falcon_sensor
# With the page in it, which scripts/web builds before.
COPY hub/falcon_hub /src/hub/falcon_hub
ARG SOURCE_DATE_EPOCH=0
RUN SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation \
        --wheel-dir /dist /src

FROM operator-environment AS operator-complete
COPY --from=wheel /dist /dist
RUN set -eu; \
    /build/bin/pip --python /opt/falcon/bin/python install --no-cache-dir --no-compile --no-index --no-deps /dist/*.whl; \
    # A record of where it was installed from would differ from build to build.
    find /opt/falcon -name direct_url.json -delete; \
    find /opt/falcon -type d -name tests -prune -exec rm -rf {} +; \
    # 120 MB of typed models and calls, which the operator does without (falcon_operator/clients/api.py).
    # They are imported by name on first use; what remains says which there are.
    cd /opt/falcon/lib/python3.11/site-packages/kubernetes; \
    find client/models client/api aio/client/models aio/client/api -name '*.py' ! -name __init__.py -delete; \
    cd /; \
    python3 -m compileall -q -f --invalidation-mode unchecked-hash /opt/falcon; \
    /opt/falcon/bin/python -c 'import falcon_operator.app.run, kubernetes.aio.client as c; c.ApiClient, c.Configuration'
FROM sensor-environment AS sensor-complete
COPY --from=wheel /dist /dist
RUN set -eu; \
    /build/bin/pip --python /opt/falcon/bin/python install --no-cache-dir --no-compile --no-index --no-deps /dist/*.whl; \
    find /opt/falcon -name direct_url.json -delete; \
    find /opt/falcon -type d -name tests -prune -exec rm -rf {} +; \
    python3 -m compileall -q -f --invalidation-mode unchecked-hash /opt/falcon; \
    /opt/falcon/bin/falcon-sensor --help >/dev/null

FROM hub-environment AS hub-complete
COPY --from=wheel /dist /dist
RUN set -eu; \
    /build/bin/pip --python /opt/falcon/bin/python install --no-cache-dir --no-compile --no-index --no-deps /dist/*.whl; \
    find /opt/falcon -name direct_url.json -delete; \
    find /opt/falcon -type d -name tests -prune -exec rm -rf {} +; \
    python3 -m compileall -q -f --invalidation-mode unchecked-hash /opt/falcon; \
    test -e /opt/falcon/lib/python3.11/site-packages/falcon_hub/web/static/index.html; \
    /opt/falcon/bin/python -c 'import falcon_hub.app.serve'

# --- the sensor: root, since it loads programs into the kernel -------------------------------------
FROM python AS sensor
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends python3-bpfcc; \
    python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/* \
        /usr/share/doc/* /usr/share/man/* /usr/share/lintian/*
COPY rules/default /etc/falcon/rules
COPY --from=sensor-complete /opt/falcon /opt/falcon
ENV PATH=/opt/falcon/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="falcon-sensor" \
      org.opencontainers.image.description="Falcon's sensor: rules into the kernel, alerts out of it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
EXPOSE 8765 8766
ENTRYPOINT ["/opt/falcon/bin/falcon-sensor"]
CMD ["run", "-r", "/etc/falcon/rules"]

# --- the operator: nobody in particular, and nothing to write to -----------------------------------
FROM python AS operator
COPY --from=operator-complete /opt/falcon /opt/falcon
ENV PATH=/opt/falcon/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    # kopf asks who it is, and no number that a cluster may choose is in /etc/passwd.
    LOGNAME=falcon
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="falcon-operator" \
      org.opencontainers.image.description="Falcon's operator: rules from the cluster to its sensors" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# By number: Kubernetes checks runAsNonRoot without looking into /etc/passwd.
USER 65532:65532
EXPOSE 8080 8443
ENTRYPOINT ["/opt/falcon/bin/falcon-operator"]
CMD ["run"]

# --- the hub: nobody in particular; /data is the one place that it writes to -----------------------
FROM python AS hub
COPY --from=hub-complete /opt/falcon /opt/falcon
ENV PATH=/opt/falcon/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FALCONHUB_DATA_DIR=/data \
    FALCONHUB_LISTEN__HOST=0.0.0.0
RUN install -d -m 700 -o 65532 -g 65532 /data
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="falcon-hub" \
      org.opencontainers.image.description="Falcon's hub: alerts kept, sent on and shown" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
VOLUME /data
EXPOSE 2801
ENTRYPOINT ["/opt/falcon/bin/falcon-hub"]
CMD ["serve"]
