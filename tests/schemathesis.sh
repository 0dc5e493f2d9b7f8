#!/usr/bin/env bash
# Runs schemathesis against everything in /openapi.json: no 5xx, no undocumented status or media type, no answer that breaks
# its schema. Starts a service of its own, and ends it.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
port=18087
cargo build --quiet
target/debug/bellwire dev --port $port --data-dir "$work" >"$work/log" 2>&1 &
service=$!
stop() { kill -INT $service 2>/dev/null || true; wait $service 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT
for _ in $(seq 300); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/openapi.json" && break
    sleep 0.2
done

schemathesis --config-file tests/schemathesis.toml run "http://127.0.0.1:$port/openapi.json" --auth dev:dev --no-color --max-examples "${EXAMPLES:-50}" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance "$@"
