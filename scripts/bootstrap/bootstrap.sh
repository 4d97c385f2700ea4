# shellcheck shell=bash
# What scripts/quickstart and scripts/test share: from a Debian machine that has Node (18 or newer)
# and npm to an installed clone. Sourced with `set -euo pipefail`; call `bootstrap run` for what the
# product needs, `bootstrap test` for what its tests need as well.
#
# Nothing is done twice: a stamp in node_modules remembers the lockfile that was installed.

chancery_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
chancery_logs=$chancery_root/build/bootstrap

# shellcheck source=scripts/bootstrap/debian.sh
source "$chancery_root/scripts/bootstrap/debian.sh"
# shellcheck source=scripts/bootstrap/npm.sh
source "$chancery_root/scripts/bootstrap/npm.sh"

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# One line and exit 1 when there is no Node that can run npm: everything else can be brought along.
require_node() {
  local version major
  command -v node >/dev/null ||
    fail 'Node.js is not installed: install version 18 or newer with npm (apt-get install nodejs npm), then run this again.'
  version=$(node --version 2>/dev/null) || version=unknown
  major=${version#v}
  major=${major%%.*}
  [[ $major =~ ^[0-9]+$ ]] && ((major >= 18)) ||
    fail "Node.js $version is too old: install version 18 or newer with npm, then run this again."
  command -v npm >/dev/null ||
    fail 'npm is not installed: install it (apt-get install npm), then run this again.'
}

# bootstrap run|test
bootstrap() {
  local scope=$1 apt_job=''
  require_node
  mkdir -p "$chancery_logs"
  # Two starts at once would install over each other; the lock goes with this block.
  exec 9<"$chancery_root/scripts/bootstrap"
  flock 9
  local missing=()
  mapfile -t missing < <(missing_debian_packages "$scope")
  if ((${#missing[@]})); then
    require_root_for "${missing[@]}"
    say "Installing Debian packages: ${missing[*]}"
    # Beside the npm download, which needs none of them.
    install_debian_packages "${missing[@]}" >"$chancery_logs/apt.log" 2>&1 9<&- &
    apt_job=$!
  fi
  if ! npm_is_up_to_date "$scope"; then
    say "Installing npm packages ($(npm_scope_words "$scope")), with Node.js 24 among them"
    install_npm_packages "$scope" || {
      [[ -z $apt_job ]] || wait "$apt_job" || true
      fail "npm could not install the packages: see $chancery_logs/npm.log"
    }
  fi
  if [[ -n $apt_job ]]; then
    wait "$apt_job" || {
      tail -n 5 "$chancery_logs/apt.log" >&2
      fail "apt-get could not install ${missing[*]}: see $chancery_logs/apt.log"
    }
  fi
  if ! npm_is_up_to_date "$scope"; then
    say 'Compiling the PKCS#11 addon'
    build_npm_packages || fail "the PKCS#11 addon could not be compiled: see $chancery_logs/build.log"
    stamp_npm "$scope"
  fi
  exec 9<&-
  # Programs of Debian's that live beside the administrator's (nginx) are found by an ordinary login too.
  export PATH="$chancery_root/node_modules/.bin:$PATH:/usr/sbin:/sbin"
}
