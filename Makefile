# Checks that need more than cargo. `cargo test` runs everything else.

.PHONY: schemathesis drill-compose deny audit sbom
# Holds every operation against /openapi.json with generated requests. Needs `pip install schemathesis`.
schemathesis:
	tests/schemathesis.sh

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

# Writes bellwire.cdx.json, which lists what is in the binary, in CycloneDX. Needs `cargo install cargo-cyclonedx --locked`.
sbom:
	cargo cyclonedx --format json --spec-version 1.5 --no-build-deps
