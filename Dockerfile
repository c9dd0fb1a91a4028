# Two images from one file: `--target api` (API, sweeper, migrations; no torch) and `--target worker`.

FROM python:3.11-slim AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATH=/opt/tombola/bin:$PATH \
    # The root file system is read-only in deployment: what libraries cache goes to /tmp.
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib
RUN python -m venv --without-pip /opt/tombola \
    && useradd --system --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tombola
WORKDIR /tmp


FROM base AS wheels
# For the native engine; the images that train hold only what it makes.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY clients/python clients/python
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY service service
COPY worker worker
COPY migrations migrations
RUN pip wheel --no-deps --wheel-dir /wheels ./clients/python . \
    && python -m zipfile --list /wheels/tombola_server-*.whl | grep --quiet worker/engine/_native


FROM base AS api
LABEL org.opencontainers.image.title="Tombola API" \
      org.opencontainers.image.licenses="Apache-2.0"
# Both wheels by their file names: a package of the same name on an index is never asked for.
RUN --mount=type=bind,source=constraints.txt,target=/mnt/constraints.txt \
    --mount=type=bind,from=wheels,source=/wheels,target=/mnt/wheels \
    set -- /mnt/wheels/tombola_server-*.whl \
    && pip --python /opt/tombola install --constraint /mnt/constraints.txt /mnt/wheels/tombola-*.whl "$1[postgres]"
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=5)"]
ENTRYPOINT ["tombola"]
CMD ["api", "--host", "0.0.0.0", "--port", "8000"]


FROM base AS worker
LABEL org.opencontainers.image.title="Tombola worker" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
# Triton, which comes with torch, compiles what launches its kernels.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
# torch in a layer of its own: gigabytes that a change of the code leaves in the cache. The wheel for Linux
# brings its CUDA libraries and also runs on hosts without a GPU.
RUN --mount=type=bind,source=constraints.txt,target=/mnt/constraints.txt \
    pip --python /opt/tombola install --constraint /mnt/constraints.txt torch numpy
RUN --mount=type=bind,source=constraints.txt,target=/mnt/constraints.txt \
    --mount=type=bind,from=wheels,source=/wheels,target=/mnt/wheels \
    set -- /mnt/wheels/tombola_server-*.whl \
    && pip --python /opt/tombola install --constraint /mnt/constraints.txt /mnt/wheels/tombola-*.whl "$1[worker,postgres]"
USER 10001
HEALTHCHECK --interval=30s --timeout=15s --start-period=120s --retries=3 \
    CMD ["tombola", "worker-health"]
ENTRYPOINT ["tombola"]
CMD ["worker"]
