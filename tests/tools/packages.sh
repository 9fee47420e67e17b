#!/bin/sh
# Installs the Debian packages that are named and not there yet. On other systems it does nothing: a Mac needs only
# Apple's developer tools, and elsewhere the build itself says what is missing.
set -eu
command -v apt-get >/dev/null || exit 0

lacking=
for package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || lacking="$lacking $package"
done
[ -n "$lacking" ] || exit 0

echo "installing:$lacking" >&2
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # a list of names
install() { $sudo apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -q -y install --no-install-recommends $lacking; }
# The lists may be missing or old, which shows only on the first try.
install >/dev/null 2>&1 || { $sudo apt-get -o DPkg::Lock::Timeout=300 -q update >/dev/null && install >/dev/null; }
