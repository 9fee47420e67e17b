#!/bin/bash
# In a Debian with nothing but its base system (make prove-packages; needs root, and downloads that system from the mirror
# that this machine is configured with):
#
#   bare-root.sh packages   the packages of `make deb` are installed; the demo heals; after dpkg -r, and after dpkg -P, every
#                           file is gone
#   bare-root.sh clone      a fresh clone of HEAD with Rust, make and git: `make run` heals, then `make test`
#                           (TESTS=no: only the first; LIMIT: seconds for each, 5400)
#   bare-root.sh enter      a shell there
#
# Everything is in target/bare-root: the system as an archive, unpacked anew for each run and removed after it. BUILD_PROFILE and
# BINARIES are those of `make deb`.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { echo "bare-root: $*" >&2; }
wrong() {
    say "$@"
    exit 1
}
[ "$(id -u)" = 0 ] || wrong "only root may unpack a system and change into it"
for tool in mmdebstrap dpkg unshare; do
    command -v $tool >/dev/null || wrong "$tool is missing; apt-get install $tool"
done

where=${CARGO_TARGET_DIR:-$PWD/target}/bare-root
mkdir -p "$where"
root=
finish() { [ -z "$root" ] || rm -rf --one-file-system "$root"; }
trap finish EXIT

# --- the system -----------------------------------------------------------------------------------------------------

make_archive() {
    # shellcheck source=/dev/null
    . /etc/os-release
    archive=$where/$VERSION_CODENAME.tar
    [ ! -s "$archive" ] || return 0
    # Debian's own sources of this machine, as they are configured, and what apt was told of the network.
    # shellcheck disable=SC2016  # the fields are apt's
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
        sed 's/^/deb /' | sort -u >"$where/sources.list"
    [ -s "$where/sources.list" ] || wrong "apt of this machine has no source of Debian: run apt-get update"
    apt-config dump | grep -iE '^Acquire::(http|https|ftp)::' >"$where/apt.conf" || true
    say "fetching the base system of $VERSION_CODENAME"
    mmdebstrap --quiet --variant=minbase --aptopt="$where/apt.conf" "$VERSION_CODENAME" --format=tar "$archive.new" "$where/sources.list"
    mv "$archive.new" "$archive"
}

unpack() {
    root=$(mktemp -d "$where/root.XXXXXX")
    chmod 755 "$root"
    tar -x -f "$archive" -C "$root" --exclude=./dev
    mkdir -p "$root/dev"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    [ -e "$root/etc/hosts" ] || echo "127.0.0.1 localhost" >"$root/etc/hosts"
}

# A command in it: processes, mounts and devices of its own, and of this machine's variables only those of the network. It is
# the root of its mounts and no chroot, in which nobody may make a mount namespace, as the tests with systemd do.
inside() {
    local variables=(HOME=/root USER=root LC_ALL=C.UTF-8 TERM=dumb "PATH=${INSIDE_PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}") name
    for name in http_proxy https_proxy no_proxy SSL_CERT_FILE CARGO_HTTP_CAINFO PIP_CERT CARGO_BUILD_JOBS; do
        [ -z "${!name:-}" ] || variables+=("$name=${!name}")
    done
    # shellcheck disable=SC2016  # the inner shell's own
    unshare --mount --pid --fork --kill-child --propagation private bash -c '
        root=$1
        shift
        mount --bind "$root" "$root" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
            mount --rbind /sys "$root/sys" || exit 1
        [ -z "${RUST:-}" ] || { mkdir -p "$root/opt/rust" && mount --bind "$RUST" "$root/opt/rust"; }
        cd "$root" && pivot_root . . && umount -l . && exec env -i "$@"' inside "$root" "${variables[@]}" "$@"
}

# Every file, folder and link, but what dpkg writes about itself.
listing() {
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./sys \) -prune -o -printf '%y %p\n') |
        grep -vE '^f \./var/(lib/dpkg/[a-z]+-old|log/(dpkg|alternatives)\.log|cache/.*)$' | LC_ALL=C sort
}

same_as_before() {
    listing >"$where/after"
    diff -u "$where/before" "$where/after" >&2 || wrong "$1 left something behind, or took something along"
    say "$1: every file is as before ($(wc -l <"$where/after") of them)"
}

heals() {
    tee "$where/said" >&2
    grep -q '  HEALED  ' "$where/said" || wrong "$1: nothing was healed"
    say "$1: $(grep -o 'HEALED.*' "$where/said")"
}

# --- what is proved -------------------------------------------------------------------------------------------------

packages() {
    OUT=$where tests/tools/deb.sh >"$where/debs"
    { read -r headless && read -r tray; } <"$where/debs"
    unpack
    mkdir "$root/debs"
    cp "$headless" "$tray" "$root/debs"
    headless=/debs/${headless##*/} tray=/debs/${tray##*/}
    listing >"$where/before"

    # dpkg alone: it fetches nothing, so what is missing would be named.
    say "the base system has $(inside dpkg-query -W | wc -l) packages"
    inside dpkg -i "$headless" >&2
    inside bridge-watchdog --version >&2
    inside bridge-watchdog demo --headless --fault crash | heals "demo in the bare system"
    ! inside dpkg -i "$tray" >"$where/said" 2>&1 || wrong "the app wants no library of a desktop?"
    inside dpkg -r bridge-watchdog-tray bridge-watchdog >&2
    same_as_before "dpkg -r"
    inside dpkg -i "$headless" >&2
    inside dpkg -P bridge-watchdog >&2
    same_as_before "dpkg -P"

    # The app, with what it wants.
    inside apt-get -qq update
    inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "$headless" "$tray" >"$where/apt.log" 2>&1 ||
        { tail -n 20 "$where/apt.log" >&2; wrong "apt can't install the app"; }
    ! inside ldd /usr/bin/bridge-watchdog-tray | grep 'not found' || wrong "the app lacks a library"
    inside bridge-watchdog-tray --version >&2
    inside ls /usr/lib/"$(gcc -print-multiarch)"/libayatana-appindicator3.so.1 >&2
    inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge bridge-watchdog bridge-watchdog-tray >"$where/apt.log" 2>&1
    rm -r "$root/debs"
    # apt's journal and its record of what was installed by hand name every package.
    left=$(cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./sys \) -prune -o -name '*bridge-watchdog*' -print)
    [ -z "$left" ] || wrong "apt-get purge left: $left"
    say "apt-get purge: nothing with our name is left"
}

clone() {
    unpack
    # What a person has who has read the README's first line.
    inside apt-get -qq update
    inside env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends make git ca-certificates >"$where/apt.log" 2>&1
    # This machine's certificates and registry, where it has its own.
    [ -z "${SSL_CERT_FILE:-}" ] || { mkdir -p "$root${SSL_CERT_FILE%/*}" && cp -L "$SSL_CERT_FILE" "$root$SSL_CERT_FILE"; }
    mkdir -p "$root/root/.cargo"
    for file in config config.toml; do
        [ ! -e "${CARGO_HOME:-$HOME/.cargo}/$file" ] || cp -L "${CARGO_HOME:-$HOME/.cargo}/$file" "$root/root/.cargo/"
    done
    RUST=$(rustc --print sysroot)
    export RUST
    INSIDE_PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    git clone --quiet --no-hardlinks . "$root/root/bridge-watchdog"
    say "clone of $(git rev-parse --short HEAD); packages: $(inside dpkg-query -W | wc -l); $(inside rustc --version), $(inside make --version | sed -n 1p)"
    inside timeout "${LIMIT:-5400}" make -C /root/bridge-watchdog run 2>&1 | heals "make run in a fresh clone"
    [ "${TESTS:-}" != no ] || return 0
    inside timeout "${LIMIT:-5400}" make -C /root/bridge-watchdog test
    say "make test in a fresh clone: passed"
}

make_archive
case ${1:-} in
packages | clone) "$1" ;;
enter)
    unpack
    TERM=${TERM:-dumb} inside bash
    ;;
*) wrong "usage: bare-root.sh packages|clone|enter" ;;
esac
