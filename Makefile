# Checks that need more than cargo and Postgres. `cargo test` runs everything else.

.PHONY: local-time slow-clients webhooks-drill console console-crowd liquid standardwebhooks faketime drill-pgbouncer citus schemathesis generated-clients other-clients posts newcomer migrating clients clients-drill clients-generated drill-compose deny audit sbom fuzz

# Runs the tests that step the clock of a process. Needs libfaketime (Debian: apt install libfaketime).
faketime:
	cargo test --test it -- --ignored clock

# Tries the console in headless Chromium, with axe-core. Needs chromium and chromium-driver (Debian: apt install chromium
# chromium-driver), npm and its registry. BELLWIRE_SCREENSHOTS=docs/screenshots writes the pictures of the documents anew.
console:
	npm install --silent --no-save --prefix target/console axe-core@4
	AXE_CORE=$(CURDIR)/target/console/node_modules/axe-core/axe.min.js cargo test --test it -- --ignored console::browser console::oidc

# Watches 100,000 notifications being sent, in headless Chromium. Needs chromium and chromium-driver, and minutes.
console-crowd:
	cargo test --test it -- --ignored console::crowd

# Sends to 10,000 Users in 38 time zones by their clocks, over both switches of daylight saving time. Takes ten minutes. Needs
# libfaketime and Python 3.11.
local-time:
	tests/local_time/run

# Attacks Bellwire, alone and behind deploy/haproxy, with clients that send half a request or read nothing. Takes three minutes. Needs
# HAProxy and Python 3.11.
slow-clients:
	tests/slow_clients/run

# Sends 1,000,000 notifications to webhooks whose receivers are killed, hang, fail, are slow, gone or redirect, while Bellwire is killed
# again and again: each receiver that answers must get every notification. Takes ten minutes on idle cores. Needs Python 3.11 and BELLWIRE, a release
# build. WEBHOOKS_RECIPIENTS=20000 sends fewer, REPLICAS=2 runs two processes.
webhooks-drill:
	tests/webhooks/run

# Runs the service behind PgBouncer. Needs PgBouncer (Debian: apt install pgbouncer).
drill-pgbouncer:
	cargo test --test it -- --ignored pgbouncer::

# Verifies requests of Bellwire with the official libraries of Standard Webhooks. Needs node, npm, python3 and their registries.
standardwebhooks:
	npm install --silent --prefix target/standardwebhooks standardwebhooks
	python3 -m venv target/standardwebhooks/python
	target/standardwebhooks/python/bin/pip install --quiet standardwebhooks
	STANDARDWEBHOOKS_NODE=$(CURDIR)/target/standardwebhooks PATH=$(CURDIR)/target/standardwebhooks/python/bin:$$PATH \
		cargo test --test it -- --ignored official

# Runs the tests of Citus, and those of every feature on it. Needs CITUS_DATABASE_URL, a coordinator's with its workers:
# see docs/citus.md.
citus:
	@test -n "$$CITUS_DATABASE_URL" || { echo "CITUS_DATABASE_URL is not set: give it the coordinator's" >&2; exit 1; }
	cargo test --test it -- --include-ignored --test-threads=2 citus:: send:: cancel:: broadcast:: lists:: users:: faults:: \
		retention:: idempotency:: interleavings:: crash:: many:: templates:: tenants:: credentials:: secrets::

# Holds every operation against /openapi.json with generated requests. Needs `pip install schemathesis`.
schemathesis:
	tests/schemathesis.sh

# Validates /openapi.json, and generates, compiles and uses clients with openapi-typescript, hey-api, orval and
# openapi-python-client. Needs Node 20, npm and Python 3.11.
generated-clients:
	tests/generated_clients/run

# Runs other people's clients of FCM and APNs, unpatched, against the simulator: node-apn, aioapns, PyAPNs2, firebase-admin (Node
# and Python) and google-auth. Needs Node 20, npm, Python 3.11, openssl, and root or the right to make mount namespaces.
other-clients:
	tests/other_clients/run

# Makes 1,000 POSTs each with Java's HttpClient, Node's fetch, Python's http.client and requests, Go's net/http and curl. Needs Node 20,
# Python 3.11, Go 1.19, a JDK 17 and curl.
posts:
	tests/posts/run

# Tries what newcomers get wrong, and holds the text of each error: it must name what is wrong, its value and what to do. Needs Python
# 3.11.
newcomer:
	tests/newcomer/run

# Runs every recipe of docs/migrating on its example, and sends to the devices that it registered. Needs Python 3.11 and curl.
migrating:
	tests/migrating/run

# Builds, lints and tests the clients in clients/; each sends 1,000 notifications while Bellwire is restarted, of which none may be
# lost or doubled. Needs Node 20, npm, Python 3.11, Go 1.19, a JDK 17 and Jackson (Debian: golang, default-jdk-headless,
# libjackson2-databind-java). COUNT=10000 sends more.
clients:
	clients/check

# The same with 10,000.
clients-drill:
	COUNT=10000 clients/check

# Writes the generated parts of the clients anew. Needs Node 20, npm, Python 3.11 and Go.
clients-generated:
	clients/generate

# Builds the image, and tries the demo, three replicas of which one is killed, and Prometheus. Needs Docker;
# COMPOSE=docker-compose takes the first generation of compose.
drill-compose:
	deploy/drill

# Holds every dependency against deny.toml: licences, bans, sources. Needs `cargo install cargo-deny --locked`, and no network.
deny:
	cargo deny --locked check bans licenses sources

# Looks for known vulnerabilities, unmaintained and yanked releases. Needs the same, and https://github.com/RustSec/advisory-db.
audit:
	cargo deny --locked check advisories

# Writes bellwire.cdx.json, which lists what is in the image's binary, in CycloneDX. Needs `cargo install cargo-cyclonedx --locked`.
sbom:
	cargo cyclonedx --format json --spec-version 1.5 --no-build-deps --no-default-features --features client,oidc,otlp

# Compares templates with LiquidJS: writes tests/liquid/cases.json anew, and makes LIQUID_COUNT templates from a grammar.
# Needs Node 20, npm and its registry. LIQUID_SEED repeats a run.
LIQUID_COUNT ?= 20000
liquid:
	npm install --silent --no-audit --no-fund --prefix tests/liquid
	node tests/liquid/generate.mjs
	node tests/liquid/random.mjs target/liquid/random.json $(LIQUID_COUNT) $(LIQUID_SEED)
	BELLWIRE_LIQUID_CASES=$(CURDIR)/target/liquid/random.json cargo test --lib template:: -- --include-ignored

# Runs every fuzz target for FUZZ_SECONDS, beginning with its corpus in fuzz/corpus; a crash is written to fuzz/artifacts.
# Needs `cargo install cargo-fuzz --locked`. RUSTC_BOOTSTRAP lets the stable compiler instrument what it builds.
FUZZ_SECONDS ?= 300
fuzz:
	for target in $$(cargo fuzz list); do \
		RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=4096 || exit 1; \
	done
