# syntax=docker/dockerfile:1
# The operator's image: one binary and pg_dump, no shell, no root, nothing that is written to at run time.
#
#   docker build --tag sluice --build-arg SLUICE_COMMIT="$(git rev-parse HEAD)" .

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
COPY migrations migrations
ARG SLUICE_COMMIT
# The caches stay on the builder: a change of our own code does not build the dependencies again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin sluice && \
    install -D -m 0755 target/release/sluice /out/sluice

# pg_dump of the newest server that is supported, and what it is linked with besides glibc: rehearsals copy schemas with it.
FROM postgres:18-bookworm AS dump
RUN set -eu; mkdir -p /out/lib; cp /usr/lib/postgresql/18/bin/pg_dump /out/pg_dump; \
    ldd /out/pg_dump | awk '$2 == "=>" { print $3 }' | grep -vE '/lib(c|m|dl|rt|pthread|resolv)\.so' | \
    while read -r library; do cp -L "$library" /out/lib/; done

# glibc, libgcc and the certificates of public authorities; no shell and no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="A Kubernetes operator that moves databases between schema versions safely" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/sluice-dev/sluice"
COPY --from=build /out/sluice /sluice
COPY --from=dump /out/pg_dump /usr/bin/pg_dump
COPY --from=dump /out/lib/ /usr/lib/sluice/
ENV LD_LIBRARY_PATH=/usr/lib/sluice
# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/sluice"]
CMD ["operator"]
