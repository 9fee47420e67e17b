#!/bin/bash
# Screenshots of the app in every state, into docs/screenshots: its menu, its submenus and its windows, in a light and a
# dark desktop, at 1x and at 2x. The scenes (tests/screenshots.rs) are live: a real bridge is broken under a real panel.
# A few minutes; a scene that fails is named at the end, and its pictures stay as they were.
#
#   screenshots.sh              all; pictures that no scene makes any more are removed
#   screenshots.sh SCENE…       these: paused, questions, …
set -eu
cd "$(dirname "$0")/../.."
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

cargo build --quiet --locked --bins --examples
failed=0
BRIDGE_WATCHDOG_PICTURES=$made BRIDGE_WATCHDOG_SCENES="$*" \
    cargo test --quiet --locked --test tests -- --ignored --exact screenshots::all --nocapture || failed=1
if [ $# = 0 ] && [ $failed = 0 ]; then
    # The sheet is made by icons.sh.
    find docs/screenshots -name '*.png' ! -name icons.png -delete
fi
cp "$made"/*.png docs/screenshots/
du -sh docs/screenshots
exit $failed
