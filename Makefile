# Checks that need more than cargo. `cargo test` runs everything else.

.PHONY: schemathesis
# Holds every operation against /openapi.json with generated requests. Needs `pip install schemathesis`.
schemathesis:
	tests/schemathesis.sh
