#!/usr/bin/env bash
# From a fresh clone to the running product with demonstration data: builds what is out of date, then
# serves. Arguments and BACKLINE_* variables go to the program; BACKLINE_DATA chooses the data folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tools.sh

main() {
    require_tools
    build_web
    build_program
    serve "$@"
}

say() {
    printf '\033[1m%s\033[0m\n' "$*"
}

build_web() {
    if web_is_built; then
        say "step 1/3  browser application: up to date"
        return
    fi
    say "step 1/3  browser application: building (about a minute the first time)"
    install_web_packages
    (cd web && npx --no-install vite build --logLevel warn)
}

build_program() {
    say "step 2/3  program: building (some ten minutes the first time, seconds after that)"
    cargo build --locked --bin backline
}

serve() {
    local data=(--data "${BACKLINE_DATA:-data}") argument
    for argument in "$@"; do
        # The caller's choice wins; the program refuses an option given twice.
        case $argument in --data | --data=*) data=() ;; esac
    done
    say "step 3/3  serving with demonstration data; Ctrl-C stops it, \`make run\` goes on with the same data"
    # A line for each request would bury the sign-ins that are printed.
    export BACKLINE_LOG__FILTER="${BACKLINE_LOG__FILTER:-info,access=warn}"
    exec "${CARGO_TARGET_DIR:-target}/debug/backline" serve --demo ${data[@]+"${data[@]}"} "$@"
}

main "$@"
