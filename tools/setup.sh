# Sourced by ./run and ./test: installs what is missing on Debian 12 and says what it does.
# Needs root or sudo only when something is missing.

say() { printf '%s\n' "dialtone: $*" >&2; }
fail() { say "$*"; exit 1; }

# Packages that have no file of their own to look for are asked of dpkg in one call.
missing_packages() {
  dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    awk '$1 == "installed" { print $2 }' | sort -u > "$tmp_have"
  for package in "$@"; do grep -qx "$package" "$tmp_have" || printf '%s ' "$package"; done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "needs root to run: $* (run as root, or install sudo)"
  fi
}

need_packages() {
  command -v dpkg-query >/dev/null || fail "this script knows Debian 12 only; install by hand: $*"
  tmp_have=$(mktemp)
  lacking=$(missing_packages "$@")
  rm -f "$tmp_have"
  [ -n "$lacking" ] || return 0
  say "installing Debian packages: $lacking"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
    fail "apt-get update failed: is a Debian mirror reachable?"
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking >&2 ||
    fail "apt-get install failed for: $lacking"
}

build_packages="gcc libc6-dev meson ninja-build pkg-config python3-minimal libevent-dev libxxhash-dev liblz4-dev
  libzstd-dev zlib1g-dev libssl-dev libjansson-dev libyaml-dev libsqlite3-dev libcurl4-openssl-dev"
test_packages="clang clang-format libclang-rt-14-dev libcmocka-dev cppcheck bsdutils netcat-openbsd curl chromium git python3"

need_node() {
  if ! command -v node >/dev/null; then need_packages nodejs; fi
  if ! command -v npm >/dev/null; then need_packages npm; fi
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 18 ] || fail "node $major is too old; 18 or later is needed to build the page"
}
