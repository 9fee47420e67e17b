#!/bin/bash
# Screenshots of the opened menu in every state, into docs/screenshots (or the folder that is given). The rows and the
# icon are the shipped app's, under Xvfb with a real panel; the states are snapshots in files, shown by the app in a test
# environment, because a crash loop or a flood wait with sensible clock times takes half an hour to come by.
set -eu
cd "$(dirname "$0")/../.."
out=$(mkdir -p "${1:-docs/screenshots}" && cd "${1:-docs/screenshots}" && pwd)
panel=tests/support/panel.sh
desk=$(mktemp -d)
app=
finish() { [ -z "$app" ] || kill "$app" 2>/dev/null || true; $panel stop "$desk" || true; rm -rf "$desk"; }
trap finish EXIT

cargo build --quiet --locked --example menu-in-a-state
menu=${CARGO_TARGET_DIR:-target}/debug/examples/menu-in-a-state

# A light bar, as most Macs have by day; `dark` at the end of a name is the other one.
for look in light dark; do
    case $look in
        light) export DARK=false; states=$($menu --list) ;;
        dark) export DARK=true; states="healthy down" ;;
    esac
    $panel start "$desk"
    for state in $states; do
        $panel exec "$desk" "$menu" "$state" >/dev/null 2>"$desk/log/menu" &
        app=$!
        name=$state
        [ $look = light ] || name=$state-$look
        # A click opens the menu; until the icon is there it does nothing.
        for try in 1 2 3 4 5 6 7 8 9 10; do
            sleep 0.7
            $panel exec "$desk" xdotool mousemove 886 14 click 1 mousemove 700 630
            sleep 0.7
            $panel shot "$desk" "$desk/shot.png"
            [ "$(convert "$desk/shot.png" -crop 900x500+0+60 -format %k info:-)" -gt 2 ] && break
        done
        # Below the bar all that is not menu is black; the bar is cut to the menu's width.
        read -r width height <<<"$(convert "$desk/shot.png" -crop 900x600+0+30 +repage -fuzz 1% -trim -format '%w %h' info:-)"
        convert "$desk/shot.png" -crop "${width}x$((height + 29))+$((900 - width))+0" +repage -colors 64 -strip "$out/$name.png"
        echo "$out/$name.png ${width}x$height"
        $panel exec "$desk" xdotool key Escape
        kill "$app"; wait "$app" 2>/dev/null || true; app=
    done
    $panel stop "$desk"
done
