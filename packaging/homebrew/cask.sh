#!/bin/sh
# Prints the cask of a release: cask.sh OWNER/REPOSITORY VERSION ZIP
set -eu
[ $# = 3 ] || { echo "usage: cask.sh OWNER/REPOSITORY VERSION ZIP" >&2; exit 2; }
if command -v sha256sum >/dev/null; then sum=$(sha256sum <"$3"); else sum=$(shasum -a 256 <"$3"); fi
sum=${sum%% *}
[ ${#sum} = 64 ] || { echo "cask: $3 has no checksum" >&2; exit 1; }
sed -e '/^# /d' -e "s/^  version \".*\"$/  version \"$2\"/" -e "s/^  sha256 \".*\"$/  sha256 \"$sum\"/" \
    -e "s|OWNER/bridge-watchdog|$1|" "$(dirname "$0")/Casks/bridge-watchdog.rb"
