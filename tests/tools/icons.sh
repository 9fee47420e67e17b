#!/bin/sh
# Renders assets/*.svg with resvg.
#
#   icons.sh          NAME.png (black and alpha, a template on macOS), NAME-linux.png (a middle tone with a thin light edge,
#                     legible on light and dark panels) and bridge-watchdog.icns, all committed
#   icons.sh sheet    docs/screenshots/icons.png: every state at a true 18 px, at 44 px, and the 18 px magnified, on light
#                     and dark, to be looked at
#
# The sources are drawn on a grid of 18: an edge that lies on it is sharp in the smallest bar.
set -eu
cd "$(dirname "$0")/../.."

states="healthy starting recovering degraded waiting person paused stopped down unknown"
mkdir -p "${CARGO_TARGET_DIR:-target}/icons"
work=$(cd "${CARGO_TARGET_DIR:-target}/icons" && pwd)
# Pinned: another version may draw an edge differently, and every committed file would change with it.
resvg_version=0.49.0

# The renderer has a build folder of its own, so that its features do not cause rebuilds of the program.
if [ "$("$work/bin/resvg" --version 2>/dev/null)" != "$resvg_version" ]; then
    echo "icons: building resvg $resvg_version (three minutes, once)" >&2
    cargo install resvg --version "$resvg_version" --locked --quiet --root "$work" --target-dir "$work/build"
    rm -rf "$work/build"
fi
resvg() { "$work/bin/resvg" --resources-dir assets "$@"; }

# The template's shape in a middle tone, which stands out by 3:1 or more from a white panel and from a black one, and
# within a thin white edge for the panels in between. The hue only repeats what the shape says.
linux_variant() {
    # Thin, or it fills the gaps of a small icon; wider where the tone is that of a grey panel.
    edge=0.17
    case $1 in
        healthy) tone='#23925a' ;;
        starting | recovering) tone='#3b7dd8' ;;
        degraded) tone='#b87700' ;;
        down) tone='#e2453c' ;;
        waiting) tone='#8468cc' ;;
        person) tone='#cc3d8f' ;;
        *) tone='#7f8287' edge=0.29 ;;
    esac
    sed "s|<g |<filter id='edge' x='-20%' y='-20%' width='140%' height='140%' color-interpolation-filters='sRGB'>\\
<feMorphology in='SourceAlpha' operator='dilate' radius='$edge' result='wide'/>\\
<feFlood flood-color='#fff' flood-opacity='0.7'/><feComposite in2='wide' operator='in' result='edge'/>\\
<feFlood flood-color='$tone'/><feComposite in2='SourceAlpha' operator='in' result='shape'/>\\
<feMerge><feMergeNode in='edge'/><feMergeNode in='shape'/></feMerge></filter><g filter='url(#edge)' |" "assets/$1.svg"
}

# An .icns is a header and entries, each a four-letter type, a length that includes these eight bytes, and a PNG.
# The types: ic11 16@2x, ic12 32@2x, ic07 128, ic13 128@2x, ic08 256, ic14 256@2x, ic09 512, ic10 512@2x.
icns() {
    python3 - "$work" assets/bridge-watchdog.icns <<'PY'
import struct, sys
work, out = sys.argv[1:]
entries = b""
for kind, px in (("ic11", 32), ("ic12", 64), ("ic07", 128), ("ic13", 256), ("ic08", 256), ("ic14", 512), ("ic09", 512), ("ic10", 1024)):
    png = open(f"{work}/app-{px}.png", "rb").read()
    entries += kind.encode() + struct.pack(">I", len(png) + 8) + png
open(out, "wb").write(b"icns" + struct.pack(">I", len(entries) + 8) + entries)
PY
}

# The mean of each area, as a bar scales the shipped 44 px down: 9 * 44 is 22 * 18.
at_18_px() { convert "$1" -scale 900% -filter box -resize '18x18!' -set colorspace sRGB "PNG32:$2"; }

# A row a panel: the template on light and inverted on dark, as macOS shows it, then the Linux variant on light, grey
# and dark.
sheet() {
    rows=
    for row in ":#f2f2f4" "-white:#26262a" "-linux:#f2f2f4" "-linux:#8a8a8a" "-linux:#26262a"; do
        variant=${row%:*} ground=${row#*:} small= large=
        for state in $states; do
            at_18_px "$work/$state$variant.png" "$work/$state$variant-18.png"
            small="$small ( -size 18x18 xc:$ground $work/$state$variant-18.png -composite )"
            large="$large ( -size 44x44 xc:$ground $work/$state$variant.png -composite )"
        done
        # Unquoted: words.
        convert $small -bordercolor "$ground" -border 3x3 +append -type TrueColor "$work/row-18.png"
        convert $large -bordercolor "$ground" -border 3x3 +append -type TrueColor "$work/row-44.png"
        convert "$work/row-18.png" -scale 400% "$work/row-72.png"
        convert "$work/row-18.png" "$work/row-44.png" "$work/row-72.png" -background "$ground" -gravity center \
            +append "$work/row$variant-${ground#?}.png"
        rows="$rows $work/row$variant-${ground#?}.png"
    done
    mkdir -p docs/screenshots
    convert $rows -append +dither -colors 256 -strip "PNG8:docs/screenshots/icons.png"
    echo docs/screenshots/icons.png
}

if [ "${1:-}" = sheet ]; then
    for state in $states; do
        cp "assets/$state.png" "assets/$state-linux.png" "$work/"
        sed 's/#000/#fff/g' "assets/$state.svg" | resvg -w 44 - "$work/$state-white.png"
    done
    sheet
    exit
fi

for state in $states; do
    resvg -w 44 "assets/$state.svg" "assets/$state.png"
    linux_variant "$state" | resvg -w 44 - "assets/$state-linux.png"
done
for px in 32 64 128 256 512 1024; do
    resvg -w $px assets/app.svg "$work/app-$px.png"
done
icns
