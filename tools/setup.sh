# Sourced by ./run and ./test: installs what is missing on Debian 12 and says what it does.
# Needs root or sudo only when something is missing.

say() { printf '%s\n' "dialtone: $*" >&2; }
fail() { say "$*"; exit 1; }

build_packages="gcc libc6-dev meson ninja-build pkg-config python3-minimal libevent-dev libxxhash-dev liblz4-dev
  libzstd-dev zlib1g-dev libssl-dev libjansson-dev libyaml-dev libsqlite3-dev libcurl4-openssl-dev"
test_packages="clang clang-format libclang-rt-14-dev libcmocka-dev cppcheck bsdutils netcat-openbsd curl chromium git python3"

# Node may come from elsewhere than Debian, so it is looked for as a command.
node_packages() {
  command -v node >/dev/null || printf 'nodejs '
  command -v npm >/dev/null || printf 'npm '
}

# All are asked of dpkg in one call.
missing_packages() {
  have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sort -u)
  for package in "$@"; do
    case "
$have
" in
      *"
installed $package
"*) ;;
      *) printf '%s ' "$package" ;;
    esac
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then env DEBIAN_FRONTEND=noninteractive "$@" >&2
  else sudo env DEBIAN_FRONTEND=noninteractive "$@" >&2
  fi
}

# need_packages PACKAGE...: installs those that are missing, and node.
need_packages() {
  command -v dpkg-query >/dev/null || fail "this script knows Debian 12 only; install by hand what these packages hold: $*"
  # shellcheck disable=SC2046
  lacking=$(missing_packages "$@" $(node_packages))
  if [ -n "$lacking" ]; then
    by_hand="as root: apt-get update && apt-get install --no-install-recommends $lacking"
    if [ "$(id -u)" != 0 ]; then
      command -v sudo >/dev/null || fail "Debian packages are missing, and installing them needs root or sudo; $by_hand"
      sudo -v || fail "Debian packages are missing, and sudo does not allow to install them; $by_hand"
    fi
    say "installing Debian packages: $lacking"
    as_root apt-get update -qq || fail "apt-get update failed: is a Debian mirror reachable? Missing: $lacking"
    # shellcheck disable=SC2086
    as_root apt-get install -y -qq --no-install-recommends $lacking ||
      fail "apt-get could not install what is missing: $lacking"
  fi
  major=$(node -p 'process.versions.node.split(".")[0]') || fail "node does not run: $(command -v node)"
  [ "$major" -ge 18 ] || fail "node $major ($(command -v node)) is too old; building the page needs 18 or later"
}
