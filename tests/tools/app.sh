#!/bin/sh
# Builds "Bridge Watchdog.app" in the target directory's release folder (make app). On Linux the bundle is laid out too,
# for inspection, but not signed.
set -eu
cd "$(dirname "$0")/../.."

cargo build --locked --release
release=${CARGO_TARGET_DIR:-target}/release
app="$release/Bridge Watchdog.app"

# Laid out beside its place and renamed: writing over a binary that runs makes macOS kill it for a broken signature.
new=$(mktemp -d "$release/app.XXXXXX")
trap 'rm -rf "$new"' EXIT
mkdir -p "$new/app/Contents/MacOS" "$new/app/Contents/Resources"
cp Info.plist "$new/app/Contents/"
cp assets/bridge-watchdog.icns "$new/app/Contents/Resources/"
cp "$release/bridge-watchdog" "$release/bridge-watchdog-tray" "$new/app/Contents/MacOS/"
printf 'APPL????' >"$new/app/Contents/PkgInfo"

if [ "$(uname -s)" = Darwin ]; then
    # arm64 runs nothing unsigned. Ad-hoc is enough for one's own Mac. The command line first: the bundle's signature, which
    # is also the tray's, covers it.
    codesign --force --sign - --identifier com.valor.bridge-watchdog.cli "$new/app/Contents/MacOS/bridge-watchdog"
    codesign --force --sign - "$new/app"
fi
rm -rf "$app"
mv "$new/app" "$app"
echo "$app"
