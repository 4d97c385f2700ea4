# shellcheck shell=bash
# npm packages by the lockfile's integrity, install scripts of the allowed packages only.

npm_stamp=$chancery_root/node_modules/.chancery-installed

# The packages whose install scripts may run: package.json's allowScripts. No other one is run.
npm_allowed_scripts() {
  (cd "$chancery_root" &&
    node -p 'Object.keys(JSON.parse(fs.readFileSync("package.json")).allowScripts).join("\n")')
}

npm_scope_words() {
  if [[ $1 == test ]]; then printf 'with those of the tests'; else printf 'without those of the tests'; fi
}

npm_fingerprint() {
  (cd "$chancery_root" && cat package.json package-lock.json | sha256sum | cut -d ' ' -f 1)
}

# npm_is_up_to_date run|test: an installation for tests serves both.
npm_is_up_to_date() {
  local scope='' fingerprint=''
  [[ -r $npm_stamp ]] && read -r scope fingerprint <"$npm_stamp" || return 1
  [[ $fingerprint == "$(npm_fingerprint)" && ($scope == test || $scope == "$1") ]] &&
    [[ -x $chancery_root/node_modules/.bin/node ]]
}

stamp_npm() {
  printf '%s %s\n' "$1" "$(npm_fingerprint)" >"$npm_stamp"
}

# The packages of this machine's Node 24; there once npm has installed.
npm_node_folder() {
  printf '%s/node_modules/node-linux-%s' "$chancery_root" "$(node -p process.arch)"
}

# `npm ci` calls the lockfile incomplete where the registry lacks a tool's binary for another
# platform; `npm install --no-save` takes the same versions and integrity and writes no lockfile.
# The engine warning under an older Node is harmless (Node 24 comes with the packages) and stays in
# the log.
npm_install() {
  (cd "$chancery_root" && npm install --no-save --ignore-scripts --no-audit --no-fund --no-progress \
    --no-update-notifier "$@" 9<&-) >>"$chancery_logs/npm.log" 2>&1
}

# The tools ask for 20.19 or 22.12 and newer.
node_runs_the_tools() {
  [[ $(node -p 'const [a, b] = process.versions.node.split("."); (a === "20" && b >= 19) || (a === "22" && b >= 12) || a > 22') == true ]]
}

install_npm_packages() {
  local omit=()
  # What a developer has installed for the tests stays.
  [[ $1 == test || -d $chancery_root/node_modules/vitest ]] || omit=(--omit=dev)
  rm -f "$npm_stamp" "$chancery_logs/npm.log"
  npm_install "${omit[@]}" || return 1
  # An older npm leaves out the tools' binaries that ask for a newer Node than runs it.
  if ((${#omit[@]} == 0)) && ! node_runs_the_tools; then
    PATH="$(npm_node_folder)/bin:$PATH" npm_install || return 1
  fi
}

# The headers come with Node 24, so nothing is downloaded; the addon is N-API, so the Node that
# compiles it and the Node that loads it may differ.
build_npm_packages() {
  local package present=() headers
  while read -r package; do
    [[ ! -d $chancery_root/node_modules/$package ]] || present+=("$package")
  done < <(npm_allowed_scripts)
  headers=$(npm_node_folder)
  [[ -d $headers ]] || return 1
  (cd "$chancery_root" && npm_config_nodedir=$headers npm rebuild --no-update-notifier \
    "${present[@]}" 9<&-) >"$chancery_logs/build.log" 2>&1 || return 1
  # npm 9 leaves out the links of packages that it took as optional ones.
  mkdir -p "$chancery_root/node_modules/.bin"
  ln -sfn "../${headers##*/}/bin/node" "$chancery_root/node_modules/.bin/node"
}
