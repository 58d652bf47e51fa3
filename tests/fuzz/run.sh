#!/usr/bin/env bash
# Holds the program to its own OpenAPI document: schemathesis makes up requests, good and bad ones, as nobody,
# as a member and as an administrator, and every answer must be one that the document promises, and no 5xx.
# BACKLINE_BINARY names the program (target/debug/backline). What was found stays in target/fuzz.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly TARGET=${CARGO_TARGET_DIR:-$PWD/target}
readonly PROGRAM=${BACKLINE_BINARY:-$TARGET/debug/backline}
readonly VENV=$TARGET/fuzz-venv
readonly FINDINGS=$TARGET/fuzz
readonly PASSWORD="a long enough secret"
# A run takes well under a minute; one that takes longer hangs.
readonly RUN_SECONDS_MAX=180

data=""     # the data folder
program=""  # the process id of the running program
base=""     # http://127.0.0.1:PORT
token=""    # of who acts; nobody when empty
there="{}"  # ids of things that are there, as JSON, for hooks.py
stand_in="" # an account that requests meet where they name the one that makes them

main() {
    trap clean_up EXIT
    install_schemathesis
    start_program
    fill_with_data
    local failed=()
    token=""
    fuzz nobody || failed+=("nobody")
    sign_in member@example.org
    fuzz member --exclude-operation-id logout || failed+=("member")
    sign_in admin@example.org
    fuzz admin --exclude-operation-id logout || failed+=("admin")
    # Last, as it ends the session that makes the requests.
    fuzz logout --include-operation-id logout || failed+=("logout")
    summarize "${failed[@]}"
}

summarize() {
    if (($# > 0)); then
        echo "the program and docs/openapi.json disagree, as: $*; see $FINDINGS" >&2
        return 1
    fi
    echo "every answer was one that the document promises"
}

# ---- what is needed

install_schemathesis() {
    local pins=tests/fuzz/requirements.txt
    mkdir -p "$FINDINGS"
    if cmp -s "$pins" "$VENV/installed.txt"; then
        echo "schemathesis is up to date"
        return
    fi
    python3 -m venv --clear "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$pins"
    cp "$pins" "$VENV/installed.txt"
}

start_program() {
    data=$(mktemp -d "${TMPDIR:-/tmp}/backline-fuzz.XXXXXX")
    base=http://127.0.0.1:$(free_port)
    make_admin admin@example.org
    # Generated requests come faster than anybody types.
    BACKLINE_GATEWAY__RATE_LIMIT__ENABLED=false BACKLINE_NODE__GRPC_LISTEN="" BACKLINE_BROKER__LISTEN="" \
        "$PROGRAM" serve --data "$data" --listen "${base#http://}" >"$FINDINGS/backline.log" 2>&1 &
    program=$!
    eventually "the program" get /ready
}

make_admin() {
    "$PROGRAM" users create --email "$1" --role admin --password-stdin --data "$data" <<<"$PASSWORD"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# So that made-up requests find something: a customer, an event on sale, tickets, a member.
fill_with_data() {
    sign_in admin@example.org
    local customer event order
    customer=$(post /api/v1/customers '{"name":"Harbour Nights","orgNumber":"556677-8899","customerType":"organiser"}' | member id)
    event=$(publish_event "$customer")
    order=$(post /api/v1/orders '{"lines":[{"eventId":"'"$event"'","quantity":2}]}' | member id)
    there='{"customers":"'$customer'","clients":"'$customer'","customerId":"'$customer'","events":"'$event'",
        "eventId":"'$event'","orders":"'$order'"}'
    sign_up member@example.org >/dev/null
    eventually "the role of the member" is_member
    stand_in=$(sign_up stand-in@example.org)
}

# The id of the new event.
publish_event() {
    local event day
    day=$(python3 -c 'import datetime as d; print(d.date.today() + d.timedelta(days=30))')
    event=$(post /api/v1/events '{"customerId":"'"$1"'","name":"Night of the Tides","startDate":"'"$day"'T18:00:00Z",
        "endDate":"'"$day"'T23:00:00Z","timeZone":"Europe/Stockholm","location":"Harbour stage","eventType":"concert",
        "seats":5000,"price":{"amountMinor":45000,"currency":"SEK"}}' | member id)
    send PATCH "/api/v1/events/$event" '{"status":"published"}' >/dev/null
    echo "$event"
}

# The id of the new account.
sign_up() {
    post /api/v1/users '{"email":"'"$1"'","password":"'"$PASSWORD"'","firstName":"Ada","lastName":"Byron"}' | member id
}

# The role comes with a message, a moment after the account.
is_member() {
    get /api/v1/users | grep -q '"role":"member"'
}

# ---- acting

sign_in() {
    token=""
    token=$(post /api/v1/auth/login '{"email":"'"$1"'","password":"'"$PASSWORD"'"}' | member accessToken)
}

# The ids of the account and of the session that act.
own_ids() {
    [[ -n $token ]] || return 0
    get /api/v1/users/me | member id
    get /api/v1/auth/sessions | python3 -c 'import json, sys
print(*(s["id"] for s in json.load(sys.stdin)["items"] if s["isCurrent"]))'
}

get() {
    send GET "$1"
}

post() {
    send POST "$@"
}

# METHOD PATH [JSON]: the body of the answer.
send() {
    local options=(--silent --show-error --fail-with-body --max-time 10 --request "$1")
    [[ -z $token ]] || options+=(--header "Authorization: Bearer $token")
    [[ -z ${3:-} ]] || options+=(--header "Content-Type: application/json" --data "$3")
    curl "${options[@]}" "$base$2"
}

# A member of the JSON object on standard input.
member() {
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

eventually() {
    local what=$1 try
    shift
    for ((try = 0; try < 150; try++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    echo "$what did not come within 30 seconds" >&2
    return 1
}

# ---- fuzzing

# NAME [OPTION...]: one run as whoever is signed in; the report is kept when it finds something.
fuzz() {
    local name=$1 started=$SECONDS report=$FINDINGS/$1.txt own_ids
    shift
    own_ids=$(own_ids)
    [[ -z $token ]] || set -- --header "Authorization: Bearer $token" "$@"
    if OWN_IDS=$own_ids STAND_IN=$stand_in THERE=$there make_requests "$@" >"$report" 2>&1 && is_unharmed "$name"; then
        echo "ok as $name, $((SECONDS - started)) s: $(grep -m 1 generated "$report")"
        rm -f "$report"
    else
        cat "$report"
        return 1
    fi
}

make_requests() {
    PYTHONPATH=tests/fuzz PYTHONDONTWRITEBYTECODE=1 timeout "$RUN_SECONDS_MAX" "$VENV/bin/schemathesis" --config-file tests/fuzz/schemathesis.toml run --no-color \
        "$@" "$base/api/v1/openapi.json"
}

# Who has lost the session on the way has tested nothing but 401 from then on.
is_unharmed() {
    if ! kill -0 "$program"; then
        echo "the program has ended" >&2
        return 1
    fi
    [[ -z $token || $1 == logout ]] && return
    get /api/v1/auth/sessions >/dev/null
}

# ---- afterwards

still_alive() {
    kill -0 "$program"
}

clean_up() {
    local status=$?
    if [[ -n $program ]]; then
        kill "$program" 2>/dev/null || true
        wait "$program" || true
    fi
    [[ -z $data ]] || rm -rf "$data"
    ((status != 0)) || rm -f "$FINDINGS/backline.log"
    exit "$status"
}

main "$@"
