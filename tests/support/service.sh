# Sourced by scripts that need a Bellwire that can be restarted while its simulator and its Postgres go on: `service_up` starts all
# three, `service_restart` restarts Bellwire, and everything is ended when the script ends. BELLWIRE names a binary that is built already.
#
# Sets BELLWIRE_URL, BELLWIRE_KEY, BELLWIRE_SECRET, and SIMULATOR, the simulator's control endpoint.

service_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
service_work=$(mktemp -d)
chmod 755 "$service_work"
service_pid=
simulator_pid=

service_as_owner() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

service_down() {
    for pid in $service_pid $simulator_pid; do kill -TERM "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done
    if [ -n "${postgres_binaries:-}" ]; then
        service_as_owner "$postgres_binaries/pg_ctl" -D "$service_work/postgres/data" -m immediate stop >/dev/null 2>&1 || true
    fi
    rm -rf "$service_work"
}
trap service_down EXIT

service_fail() {
    echo "$1" >&2
    tail -n 20 "$service_work"/*.log >&2
    exit 1
}

service_postgres() {
    postgres_binaries=$(dirname "$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb | sort -V | tail -1)")
    mkdir "$service_work/postgres"
    if [ "$(id -u)" = 0 ]; then chown postgres "$service_work/postgres"; fi
    service_as_owner "$postgres_binaries/initdb" -D "$service_work/postgres/data" -U bellwire -A trust --no-sync >/dev/null
    service_as_owner "$postgres_binaries/pg_ctl" -D "$service_work/postgres/data" -l "$service_work/postgres/log" -w \
        -o "-c listen_addresses= -c fsync=off -c max_connections=200 -k $service_work/postgres" start >/dev/null
    "$(command -v psql || echo "$postgres_binaries/psql")" -h "$service_work/postgres" -U bellwire -q postgres -c 'create database bellwire'
}

service_start() {
    "$BELLWIRE" serve >>"$service_work/serve.log" 2>&1 &
    service_pid=$!
    for _ in $(seq 300); do
        curl --silent --fail --output /dev/null "$BELLWIRE_URL/readyz" && return
        kill -0 $service_pid 2>/dev/null || service_fail "bellwire serve ended:"
        sleep 0.1
    done
    service_fail "bellwire serve did not become ready:"
}

# As a deployment does it: SIGTERM, and a new process when the old one has ended.
service_restart() {
    kill -TERM "$service_pid"
    wait "$service_pid" 2>/dev/null || true
    service_start
}

service_up() {
    if [ -z "${BELLWIRE:-}" ]; then
        (cd "$service_root" && cargo build --quiet --locked)
        BELLWIRE=$service_root/target/debug/bellwire
    fi
    local port=${PORT:-18090}
    service_postgres

    "$BELLWIRE" simulate --fcm-port $((port + 1)) --apns-port $((port + 2)) --control-port $((port + 3)) \
        --directory "$service_work/simulator" >"$service_work/simulate.log" 2>&1 &
    simulator_pid=$!
    for _ in $(seq 100); do grep -q ready "$service_work/simulate.log" && break; sleep 0.1; done
    grep -q ready "$service_work/simulate.log" || service_fail "bellwire simulate did not become ready:"

    export SIMULATOR=http://127.0.0.1:$((port + 3)) BELLWIRE_URL=http://127.0.0.1:$port BELLWIRE_KEY=dev BELLWIRE_SECRET=dev
    export BELLWIRE__DATABASE__URL="postgres://bellwire@/bellwire?host=$service_work/postgres"
    export BELLWIRE__SECRETS__MASTER_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
    export BELLWIRE__SERVER__LISTEN=127.0.0.1:$port BELLWIRE__METRICS__LISTEN=127.0.0.1:0
    export BELLWIRE__SERVER__DRAIN_DELAY=0s BELLWIRE__WEBHOOKS__ALLOW_PRIVATE=true
    export BELLWIRE__FCM__ENDPOINT=https://localhost:$((port + 1)) BELLWIRE__FCM__TOKEN_URIS=https://localhost:$((port + 1))/token
    export BELLWIRE__APNS__ENDPOINT=https://localhost:$((port + 2)) BELLWIRE__APNS__SANDBOX_ENDPOINT=https://localhost:$((port + 2))
    export BELLWIRE__FCM__CA_FILE=$service_work/simulator/ca.pem BELLWIRE__APNS__CA_FILE=$service_work/simulator/ca.pem
    # The simulator takes everything at once, and a test must not wait for the ramp that Google asks for.
    export BELLWIRE__FCM__MAX_PER_MINUTE=0
    service_start
    "$BELLWIRE" demo --directory "$service_work/simulator" >"$service_work/demo.log" 2>&1 || service_fail "bellwire demo failed:"
}
