#!/usr/bin/env bash
# The whole suite, from a fresh clone: each step with its duration, then a table of what ran and what was
# left out and why. Every step runs, also after one has failed. Exit code 1 when a step failed, or when
# something was left out although CI or BACKLINE_NOTHING_LEFT_OUT is set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tools.sh

readonly POSTGRES=${BACKLINE_TEST_POSTGRES:-postgres://postgres@127.0.0.1:5432}
readonly NATS=${BACKLINE_TEST_NATS:-nats://127.0.0.1:4222}
readonly RABBITMQ=${BACKLINE_TEST_RABBITMQ:-amqp://guest:guest@127.0.0.1:5672/%2f}
readonly REDIS=${BACKLINE_TEST_REDIS:-redis://127.0.0.1:6379}
readonly PROGRAM=${CARGO_TARGET_DIR:-$PWD/target}/debug/backline
# The exact version that deny.toml was written for.
readonly CARGO_DENY_VERSION=0.20.2
readonly LINES_TOLD_AGAIN=20
output=$(mktemp "${TMPDIR:-/tmp}/backline-test.XXXXXX")
readonly output
trap 'rm -f "$output"' EXIT

table=()     # one line for each step: outcome, duration, name
failures=()  # names of failed steps
endings=()   # what failed steps said last, told again below the table: some servers keep only the end of a log
left_out=()  # what did not run, and why
excluded=()  # parts of names of tests that cannot run here

main() {
    require_tools
    look_for_servers
    step "system packages" install_system_packages
    test_web
    test_rust
    test_dependencies
    test_in_the_browser
    test_against_the_contract
    summarize
}

test_web() {
    # Always from nothing: a lock file that only fits what is already installed fails here and not in the next clone.
    step "web: packages" in_web npm ci --no-audit --no-fund
    step "web: format, lint, types" in_web npm run --silent check
    step "web: tests" in_web npm test --silent
    step "web: build" in_web npm run --silent build
}

test_rust() {
    step "rust: format" cargo fmt --all --check
    step "rust: lints" cargo clippy --workspace --all-targets --locked -- -D warnings
    # The tests that kill the program and the journeys in the browser start this binary.
    step "rust: program" cargo build --locked --bin backline
    step "rust: tests" run_rust_tests
}

test_dependencies() {
    if ! has cargo-deny && ! nothing_may_be_left_out; then
        leave_out "dependencies" "cargo-deny is missing; get it by: cargo install cargo-deny --locked"
        return
    fi
    step "dependencies: licences, sources" check_dependencies
}

test_in_the_browser() {
    if [[ ! -x /usr/bin/chromium ]]; then
        leave_out "web: journeys" "there is no /usr/bin/chromium; get it by: sudo apt-get install chromium"
        return
    fi
    step "web: journeys in the browser" env BACKLINE_BINARY="$PROGRAM" bash -c "cd web && npx --no-install playwright test"
}

test_against_the_contract() {
    [[ -f tests/fuzz/run.sh ]] || return 0
    step "contract: generated requests" env BACKLINE_BINARY="$PROGRAM" bash tests/fuzz/run.sh
}

# ---- the steps

in_web() {
    cd web
    "$@"
}

# One apt at a time: two test runs on one machine would fail each other.
install_system_packages() {
    if [[ -x /usr/bin/chromium ]]; then
        echo "chromium is there"
    elif [[ $EUID -eq 0 ]] && has apt-get; then
        (
            flock 9
            apt-get -qq -o DPkg::Lock::Timeout=600 update
            DEBIAN_FRONTEND=noninteractive \
                apt-get -qq -y -o DPkg::Lock::Timeout=600 install --no-install-recommends chromium
        ) 9>"${TMPDIR:-/tmp}/backline-apt.lock"
    else
        echo "chromium is missing, and only root may install it"
    fi
}

run_rust_tests() {
    local skips=() filter="all()" part
    if has cargo-nextest; then
        for part in "${excluded[@]}"; do filter+=" - test($part)"; done
        cargo nextest run --workspace --locked --filterset "$filter"
    else
        echo "cargo-nextest is missing, so this takes longer and no test has a time limit;"
        echo "get it by: cargo install cargo-nextest --locked"
        for part in "${excluded[@]}"; do skips+=(--skip "$part"); done
        cargo test --workspace --locked --all-targets -- "${skips[@]}"
    fi
}

check_dependencies() {
    has cargo-deny || cargo install cargo-deny --locked --version "$CARGO_DENY_VERSION"
    cargo deny --locked check licenses bans sources
}

# ---- what is there

look_for_servers() {
    look_for "PostgreSQL" postgres "$POSTGRES" 5432
    look_for "NATS" nats "$NATS" 4222
    look_for "RabbitMQ" rabbitmq "$RABBITMQ" 5672
    look_for "Redis" redis "$REDIS" 6379
}

# Tests with the server's name in theirs need it; without it they are left out, and said to be.
look_for() {
    local name=$1 test_name=$2 url=$3 port_default=$4 authority host port
    authority=${url#*://}
    authority=${authority##*@}
    authority=${authority%%[/?,]*}
    host=${authority%%:*}
    port=$port_default
    [[ $authority == *:* ]] && port=${authority##*:}
    if ! timeout 3 bash -c "exec 3<>'/dev/tcp/$host/$port'" 2>/dev/null; then
        excluded+=("$test_name")
        leave_out "rust: tests with $test_name in their name" "no $name answers at $host:$port"
    fi
}

nothing_may_be_left_out() {
    [[ ${CI:-} =~ ^(1|true)$ || ${BACKLINE_NOTHING_LEFT_OUT:-} == 1 ]]
}

# ---- telling

step() {
    local name=$1 started=$SECONDS status=0
    shift
    printf '\n\033[1m== %s\033[0m\n' "$name"
    # In a subshell of its own, so that the first failing command ends the step and not the suite.
    set +e
    (
        set -e
        "$@"
    ) 2>&1 | tee "$output"
    status=${PIPESTATUS[0]}
    set -e
    local took
    took=$(duration $((SECONDS - started)))
    if ((status == 0)); then
        table+=("$(printf 'ok      %7s  %s' "$took" "$name")")
        printf -- '-- ok, %s: %s\n' "$took" "$name"
    else
        table+=("$(printf 'FAILED  %7s  %s' "$took" "$name")")
        failures+=("$name")
        endings+=("$(printf '\n-- the end of: %s\n' "$name" && tail -n "$LINES_TOLD_AGAIN" "$output")")
        printf -- '-- FAILED with %d, %s: %s\n' "$status" "$took" "$name"
    fi
}

leave_out() {
    left_out+=("$1: $2")
}

summarize() {
    printf '\n\033[1m== summary, %s\033[0m\n' "$(duration "$SECONDS")"
    printf '%s\n' "${table[@]}"
    ((${#left_out[@]} == 0)) || printf 'left out         %s\n' "${left_out[@]}"
    if ((${#failures[@]} > 0)); then
        printf '%s\n' "${endings[@]}"
        printf '\n%d of %d steps failed\n' "${#failures[@]}" "${#table[@]}"
        return 1
    fi
    if ((${#left_out[@]} > 0)) && nothing_may_be_left_out; then
        printf '\nsomething was left out, which counts as a failure here\n'
        return 1
    fi
    printf '\nall %d steps passed\n' "${#table[@]}"
}

main "$@"
