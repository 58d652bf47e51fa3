# What run.sh and test.sh share: which tools there are, and the browser application. Sourced, not run.
# shellcheck shell=bash

# The oldest Node.js that the web tools run on, as in web/package.json.
readonly NODE_MAJOR_MIN=20
readonly NODE_MINOR_MIN=19

has() {
    command -v "$1" >/dev/null 2>&1
}

# Says everything that is missing at once, each with the way to get it.
require_tools() {
    local missing=()
    has cargo || missing+=("cargo: install Rust with rustup (https://rustup.rs); rust-toolchain.toml picks the version")
    has cc || missing+=("a C compiler, for SQLite and TLS: apt-get install build-essential, or xcode-select --install")
    if ! has node; then
        missing+=("node $NODE_MAJOR_MIN.$NODE_MINOR_MIN or newer: https://nodejs.org/en/download, or your system's packages")
    elif ! node_is_new_enough; then
        missing+=("node $NODE_MAJOR_MIN.$NODE_MINOR_MIN or newer (found $(node --version)): https://nodejs.org/en/download")
    fi
    has npm || missing+=("npm: it comes with Node.js; on Debian: apt-get install npm")
    if ((${#missing[@]} > 0)); then
        echo "Backline is built from source, and this is missing:" >&2
        printf '  - %s\n' "${missing[@]}" >&2
        return 1
    fi
}

node_is_new_enough() {
    local version major minor
    version=$(node --version) # v20.19.4
    IFS=. read -r major minor _ <<<"${version#v}"
    ((major > NODE_MAJOR_MIN || (major == NODE_MAJOR_MIN && minor >= NODE_MINOR_MIN)))
}

# Installs exactly what web/package-lock.json says, unless that is what is there.
install_web_packages() {
    local installed=web/node_modules/.package-lock.json
    if [[ -f $installed && ! web/package-lock.json -nt $installed && ! web/package.json -nt $installed ]]; then
        echo "web packages are up to date"
        return
    fi
    (cd web && npm ci --no-audit --no-fund)
}

# True when no source of the browser application is newer than what was built from it.
web_is_built() {
    local newer
    [[ -f web/dist/index.html ]] || return 1
    newer=$(find web/src web/public web/index.html web/*.json web/*.ts -newer web/dist/index.html -type f -print -quit)
    [[ -z $newer ]]
}

# 127 seconds -> 2m07s
duration() {
    printf '%dm%02ds' $(($1 / 60)) $(($1 % 60))
}
