# Shared by scripts/* and .ci/run: source it after `set -euo pipefail`.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/slipstream
MODELS=$CACHE/models
PYTHON=/usr/bin/python3
LOGS=$ROOT/build/logs
JOBS=${SLIPSTREAM_BUILD_JOBS:-$(nproc)}
export CMAKE_BUILD_PARALLEL_LEVEL=$JOBS

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}
if [ ! -t 2 ] || [ -n "${NO_COLOR:-}" ]; then
  say() { printf '==> %s\n' "$*" >&2; }
fi

# packages SET...: the names that scripts/packages.txt lists for these sets.
packages() {
  local set
  for set in "$@"; do
    awk -v set="$set" '$1 == set { print $2 }' "$ROOT/scripts/packages.txt"
  done
}

# missing_packages NAME...: those that dpkg doesn't have installed.
missing_packages() {
  local installed
  # dpkg-query fails when one name is unknown to it; what it prints is still right.
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    awk '$2 == "installed" { print $1 }') || true
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

# as_root COMMAND...: runs it as root, through sudo when we are somebody else.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# require_root_for PACKAGE...: ends with a message that names what to do when we can't become root.
require_root_for() {
  [ "$(id -u)" = 0 ] && return
  local advice="ask somebody who may install packages to run: apt-get install --no-install-recommends $*"
  command -v sudo >/dev/null ||
    die "these Debian packages are missing, and sudo is not installed: $*" "$advice" \
      "or run this script as root"
  sudo -n true 2>/dev/null && return
  [ -t 0 ] || die "these Debian packages are missing, and sudo wants a password: $*" "$advice" \
    "or run this script from a terminal, where sudo can ask"
  say "sudo is needed to install: $*"
  sudo true || die "sudo refused" "$advice"
}

# ensure_packages SET...: installs what is missing of these sets, and only that.
ensure_packages() {
  local wanted missing log
  mapfile -t wanted < <(packages "$@")
  command -v dpkg-query >/dev/null || {
    [ -n "${SLIPSTREAM_SKIP_PACKAGES:-}" ] && return
    die "this system has no dpkg; the scripts are made for Debian 12" \
      "install the equivalents of: ${wanted[*]}" "then run again with SLIPSTREAM_SKIP_PACKAGES=1"
  }
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  [ ${#missing[@]} = 0 ] && return
  require_root_for "${missing[@]}"
  say "installing Debian packages: ${missing[*]}"
  mkdir -p "$LOGS"
  log=$LOGS/apt.log
  local options=(-o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30
    -o DPkg::Lock::Timeout=300)
  # A source that can't be reached matters only if a package is then not to be had.
  as_root apt-get "${options[@]}" update >"$log" 2>&1 </dev/null || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install -y \
    --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null && return
  grep -E '^(E|W|Err):?' "$log" | tail -8 >&2 || true
  if grep -qE 'Unable to locate package|has no installation candidate' "$log" &&
    ! grep -qE 'Could not resolve|Failed to fetch|Could not connect|Unable to connect' "$log"; then
    die "apt knows no such package" "is this Debian 12 (bookworm) with its 'main' component?" \
      "the whole output: $log"
  fi
  die "the Debian packages could not be installed" \
    "can the package registry be reached? try: apt-get update" "the whole output: $log"
}

# configure PRESET [OPTION...]: runs CMake when there is no build directory yet, when the presets are
# newer than it, or when an option differs from what it was configured with.
configure() {
  local preset=$1 build=$ROOT/build/$1 option name value
  shift
  local needed=
  if [ ! -f "$build/build.ninja" ] || [ "$ROOT/CMakePresets.json" -nt "$build/build.ninja" ]; then
    needed=1
  fi
  for option in "$@"; do
    name=${option#-D} value=${option#*=}
    name=${name%%=*}
    grep -qE "^${name}:[A-Z]+=${value}\$" "$build/CMakeCache.txt" 2>/dev/null || needed=1
  done
  [ -z "$needed" ] && return
  mkdir -p "$LOGS"
  (cd "$ROOT" && cmake --preset "$preset" "$@") >"$LOGS/configure-$preset.log" 2>&1 </dev/null || {
    tail -30 "$LOGS/configure-$preset.log" >&2
    die "cmake could not configure the preset '$preset'" \
      "the whole output: $LOGS/configure-$preset.log"
  }
}

# build PRESET TARGET...: ninja's progress on a terminal; in a pipe only the errors of a failed build.
build() {
  local preset=$1 log=$LOGS/build-$1.log
  shift
  mkdir -p "$LOGS"
  if [ -t 2 ]; then
    cmake --build "$ROOT/build/$preset" --target "$@" >&2 </dev/null && return
  else
    cmake --build "$ROOT/build/$preset" --target "$@" >"$log" 2>&1 </dev/null && return
    grep -E 'error|FAILED|Killed|No space' "$log" | head -40 >&2 || tail -40 "$log" >&2
  fi
  die "the build of '$preset' failed" "to see it: cmake --build build/$preset --target $*"
}

# python_for FOLDER: the Python of an environment with what tests/FOLDER asks for, made if there is
# none yet.
python_for() {
  local folder=$CACHE/$1-tests wanted=$ROOT/tests/$1/requirements.txt log=$LOGS/$1-tests-pip.log
  mkdir -p "$LOGS"
  if ! cmp -s "$wanted" "$folder/requirements.txt"; then
    rm -rf "$folder"
    "$PYTHON" -m venv --without-pip "$folder" >"$log" 2>&1 &&
      "$PYTHON" -m pip --python "$folder/bin/python" install --no-input --disable-pip-version-check \
        --only-binary :all: -r "$wanted" >>"$log" 2>&1 </dev/null ||
      die "the Python packages of tests/$1 could not be installed" "the whole output: $log"
    cp "$wanted" "$folder/requirements.txt"
  fi
  printf '%s\n' "$folder/bin/python"
}

# fetch_models NAME...: see scripts/fetch-models.
fetch_models() { "$PYTHON" "$ROOT/scripts/fetch-models" --dir "$MODELS" "$@" </dev/null; }
