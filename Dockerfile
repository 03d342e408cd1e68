# The operator's image: Python, Helm, Lockflight; no shell is needed to run it, no root, nothing written outside mounts.
# Build: docker build -t registry.example/lockflight:0.1.0 .
# For a release name the bases by digest: --build-arg PYTHON_IMAGE=…@sha256:… --build-arg GO_IMAGE=…@sha256:…
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-bookworm
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm

# Helm, from the module that pins every program (tools/go.mod).
FROM ${GO_IMAGE} AS helm
WORKDIR /src/tools
COPY tools/go.mod tools/go.sum tools/tools.go ./
RUN CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags="-s -w" -o /out/helm helm.sh/helm/v4/cmd/helm

# Lockflight and what it needs to run: every wheel is checked against the lock file, and only wheels are installed.
FROM ${PYTHON_IMAGE} AS python
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements.lock ./
RUN pip wheel --require-hashes --wheel-dir /wheels --requirement requirements.lock
RUN pip install --no-index --find-links /wheels hatchling
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY crds crds
COPY charts charts
RUN pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels .
RUN python -m venv /opt/lockflight && /opt/lockflight/bin/pip install --no-index --find-links /wheels 'lockflight[s3]' \
    && /opt/lockflight/bin/pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title=lockflight \
      org.opencontainers.image.description="Carries releases through gated environments to production" \
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=helm /out/helm /usr/local/bin/helm
COPY --from=python /opt/lockflight /opt/lockflight
ENV PATH=/opt/lockflight/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
EXPOSE 8080
CMD ["python", "-m", "lockflight.main"]
