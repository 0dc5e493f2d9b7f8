# Builds Bellwire, and leaves a small image with the binary alone, run by nobody in particular. Plain enough for both of
# Docker's builders.

# The version is that of rust-toolchain.toml, so that an image and a developer have the same compiler.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /build
# The production image has neither the simulator nor the demo. The demo's image, which docker-compose.yml builds, has them.
ARG PROFILE=dist
ARG FEATURES=client,oidc,otlp
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
# An empty crate first, so that the compiled dependencies are a layer that stays until Cargo.toml or Cargo.lock changes.
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --locked --bin bellwire --profile "$PROFILE" --no-default-features --features "$FEATURES"
COPY .sqlx .sqlx
COPY assets assets
COPY config config
COPY migrations migrations
COPY src src
COPY templates templates
# Cargo goes by times, and the source may be older than the empty crate.
RUN touch src/main.rs src/lib.rs \
    && cargo build --locked --bin bellwire --profile "$PROFILE" --no-default-features --features "$FEATURES" \
    && mv "target/$PROFILE/bellwire" .
# Whoever runs the image owns this, and a volume that is mounted here begins as a copy of it.
RUN mkdir data

FROM debian:bookworm-slim
# The authorities of Debian's package ca-certificates, which the build's image has and this one has not.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /build/bellwire /usr/local/bin/
COPY --from=build --chown=65534:65534 /build/data /var/lib/bellwire
# By number, so that an orchestrator can tell that it is not root.
USER 65534:65534
WORKDIR /var/lib/bellwire
EXPOSE 8080 9464
# The process listens once Postgres answers and the schema is up to date, which may take a while at the first start.
HEALTHCHECK --interval=5s --timeout=6s --start-period=60s CMD ["bellwire", "health"]
ENTRYPOINT ["bellwire"]
CMD ["serve"]
