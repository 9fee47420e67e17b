#!/bin/sh
# Builds two Debian packages in cargo's folder (make deb): bridge-watchdog, which a server takes and which wants nothing
# but the C library, and bridge-watchdog-tray with the app and what it needs of a desktop. `Depends` is what the binaries
# really link (dpkg-shlibdeps). Nothing of systemd is in them: `bridge-watchdog install` writes the units of the person
# who runs it, as there may be several.
#
#   BUILD_PROFILE, BINARIES   as in built.sh
#   OUT                 the folder for the packages; default: that of the profile
set -eu
cd "$(dirname "$0")/../.."
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v $tool >/dev/null || { echo "deb: $tool is missing: apt-get install dpkg-dev" >&2; exit 2; }
done

. tests/tools/built.sh
out=${OUT:-$target/$folder}
mkdir -p "$out"
# A Debian version sorts 1.0~rc.1 before 1.0.
version=$(echo "$version" | sed 's/-/~/')
architecture=$(dpkg --print-architecture)
# Whoever builds the same commit gets the same packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

stage=$(mktemp -d "$out/deb.XXXXXX")
trap 'rm -rf "$stage"' EXIT
umask 022
write_manual "$stage/manual"

# put MODE FILE PACKAGE/PATH
put() { install -D -m "$1" "$2" "$stage/$3"; }

# --- what goes where ------------------------------------------------------------------------------------------------

one=bridge-watchdog two=bridge-watchdog-tray
put 755 "$built/bridge-watchdog" $one/usr/bin/bridge-watchdog
put 755 "$built/bridge-watchdog-tray" $two/usr/bin/bridge-watchdog-tray
for page in "$stage/manual/man"/*.1; do
    package=$one
    [ "${page##*/}" != bridge-watchdog-tray.1 ] || package=$two
    put 644 "$page" "$package/usr/share/man/man1/${page##*/}"
done
put 644 "$stage/manual/completions/bridge-watchdog.bash" $one/usr/share/bash-completion/completions/bridge-watchdog
put 644 "$stage/manual/completions/_bridge-watchdog" $one/usr/share/zsh/vendor-completions/_bridge-watchdog
put 644 "$stage/manual/completions/bridge-watchdog.fish" $one/usr/share/fish/vendor_completions.d/bridge-watchdog.fish
put 644 packaging/deb/bridge-watchdog.desktop $two/usr/share/applications/bridge-watchdog.desktop
put 644 assets/app.svg $two/usr/share/icons/hicolor/scalable/apps/bridge-watchdog.svg
for package in $one $two; do
    put 644 packaging/deb/copyright "$package/usr/share/doc/$package/copyright"
    [ ! -e CHANGELOG.md ] || put 644 CHANGELOG.md "$package/usr/share/doc/$package/changelog"
    find "$stage/$package" \( -path '*/man1/*.1' -o -name changelog \) -exec gzip -9n {} +
done
for script in postinst prerm; do put 755 packaging/deb/$script $one/DEBIAN/$script; done

# --- the control files ----------------------------------------------------------------------------------------------

# What a binary links, as `Depends` has it. The tool wants a source package around it.
mkdir -p "$stage/source/debian"
echo "Source: bridge-watchdog" >"$stage/source/debian/control"
linked() {
    (cd "$stage/source" && dpkg-shlibdeps -O -e"$stage/$1" 2>"$stage/shlibdeps.log") | sed -n 's/^shlibs:Depends=//p'
}

# control PACKAGE DEPENDS FURTHER-FIELDS DESCRIPTION
control() {
    [ -n "$2" ] || { echo "deb: the libraries of $1 can't be found out:" >&2; cat "$stage/shlibdeps.log" >&2; exit 1; }
    cat >"$stage/$1/DEBIAN/control" <<CONTROL
Package: $1
Version: $version
Architecture: $architecture
Maintainer: ${DEB_MAINTAINER:-Bridge Watchdog <bridge-watchdog@localhost>}
Installed-Size: $(du -sk --exclude=DEBIAN "$stage/$1" | cut -f 1)
Section: net
Priority: optional
Depends: $2
$3
Description: $4
CONTROL
    (cd "$stage/$1" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$stage/$1/DEBIAN/md5sums"
}
mkdir -p "$stage/$two/DEBIAN"
stage=$(cd "$stage" && pwd)
# git2, SQLite and TLS are in the program; a bridge's own programs are its own affair.
control $one "$(linked $one/usr/bin/bridge-watchdog)" "Suggests: $two" "$(cat packaging/deb/description)"
# The indicator is loaded at run time, so the binary does not name it.
control $two "$one (= $version), $(linked $two/usr/bin/bridge-watchdog-tray), libayatana-appindicator3-1" \
    "Recommends: notification-daemon" "$(cat packaging/deb/description-tray)"

for package in $one $two; do
    deb="$out/${package}_${version}_$architecture.deb"
    # Programs of the dev profile are large, and nobody ships them.
    compression=xz
    [ "$profile" = release ] && [ -z "${BINARIES:-}" ] || compression=none
    dpkg-deb --root-owner-group "-Z$compression" --build "$stage/$package" "$deb" >&2
    echo "$deb"
done
