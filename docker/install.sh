#!/usr/bin/env bash
# The steps of the Dockerfile, by name. Runs inside of a build only.
set -euo pipefail

tools=/opt/tools
venv=/opt/runtail

# Node has a list of authorities of its own, and takes the base's in addition.
[ ! -f /etc/ssl/certs/ca-certificates.crt ] || export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
# The optional secrets: an index of packages, a registry of Node packages, further authorities.
[ ! -f /run/secrets/pip ] || export PIP_CONFIG_FILE=/run/secrets/pip
[ ! -f /run/secrets/npmrc ] || export NPM_CONFIG_USERCONFIG=/run/secrets/npmrc
[ ! -f /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca NODE_EXTRA_CA_CERTS=/run/secrets/ca
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_QUIET=1

install() { # ENVIRONMENT ARGUMENT...
  python3 -m pip --python "$1/bin/python" install --no-compile --only-binary :all: "${@:2}"
}

case "$1" in
  tools)
    python3 -m venv --without-pip "$tools"
    install "$tools" --require-hashes -r /requirements/node.txt
    install "$tools" --require-hashes -r /requirements/images.txt
    ;;
  node-modules)
    cd services/web/ui
    PATH="$tools/bin:$PATH" npm ci --loglevel error
    ;;
  pages)
    cd services/web/ui
    PATH="$tools/bin:$PATH" npm run --loglevel error build -- --logLevel warn
    ;;
  wheels)
    for package in libs/runtail services/web services/socket services/worker; do
      # hatchling is in the environment of the tools, pinned like everything else.
      (cd "$package" && "$tools/bin/hatchling" build -t wheel -d /wheels)
    done
    ;;
  locked) # IMAGE [with-pip]
    python3 -m venv --without-pip "$venv"
    if [ "${3:-}" = with-pip ]; then
      # The base's own, so that nothing unpinned comes from an index.
      python3 -m venv "$venv"
    fi
    install "$venv" --require-hashes -r "/requirements/$2.txt"
    ;;
  ours) # PACKAGE...
    for package in "${@:2}"; do
      install "$venv" --no-deps --no-index /wheels/"$package"-[0-9]*.whl
    done
    "$tools/bin/cyclonedx-py" environment --output-reproducible --sv 1.5 --of JSON \
      -o "$venv/sbom.cdx.json" "$venv/bin/python"
    # By content: the times of files differ from build to build, and nothing is written on a read-only root. -f: what
    # venv and the lister above have compiled goes by times, which change below, and would be of no use.
    python3 -m compileall -q -f --invalidation-mode unchecked-hash "$venv/lib"
    # Root's, readable for everybody, writable for nobody else; the group like others, since any uid may come.
    chmod -R u=rwX,go=rX "$venv"
    find "$venv" -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH:-0}" {} +
    ;;
  runtime)
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends 'tini=0.19.*' >/dev/null
    # The base's pip: what runs installs nothing.
    if dpkg --status python3-pip >/dev/null 2>&1; then
      DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq --auto-remove python3-pip python3-venv >/dev/null
    else
      python3 -m pip uninstall --yes pip
    fi
    find / -xdev -type f -perm /6000 -exec chmod a-s {} +
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* /var/cache/debconf/*-old /var/log/* /tmp/* \
      /var/lib/dpkg/*-old /root/.cache
    ;;
  *)
    echo "install.sh has no step $1" >&2
    exit 2
    ;;
esac
