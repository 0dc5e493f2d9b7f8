# Checks that need more than cargo. `cargo test` runs everything else.

.PHONY: schemathesis drill-compose
# Holds every operation against /openapi.json with generated requests. Needs `pip install schemathesis`.
schemathesis:
	tests/schemathesis.sh

# Builds the image, and tries the demo, three replicas of which one is killed, and Prometheus. Needs Docker;
# COMPOSE=docker-compose takes the first generation of compose.
drill-compose:
	deploy/drill
