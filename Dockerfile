# Builds Bellwire, and leaves a small image with the binary alone, run by nobody in particular.
FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY .sqlx .sqlx
COPY config config
COPY migrations migrations
COPY src src
RUN cargo build --release --locked --bin bellwire

FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/target/release/bellwire /usr/local/bin/bellwire
USER 65534:65534
EXPOSE 8080
ENTRYPOINT ["bellwire"]
CMD ["serve"]
