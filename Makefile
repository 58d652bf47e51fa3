# The few commands a person types. What they do is in scripts/; a new service adds none.
.DEFAULT_GOAL := help
.PHONY: help run test bench fix

# Passed on to the program: make run ARGS="--listen 0.0.0.0:8080"
ARGS ?=

help: ## print this
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

run: ## build what is out of date and serve with demonstration data; ARGS="…" goes to the program
	@bash scripts/run.sh $(ARGS)

test: ## the whole suite, exactly as continuous integration runs it
	@bash scripts/test.sh

bench: ## load and latency in a release build; ARGS="…" goes to the benchmark
	cd benches/peers && npm ci --no-audit --no-fund
	cargo run --locked --release -p benches -- $(ARGS)

fix: ## format everything and apply the fixes that the linters know
	cargo fmt --all
	cargo clippy --fix --allow-dirty --allow-staged --workspace --all-targets --locked
	cargo fmt --all
	cd web && npm run fix
