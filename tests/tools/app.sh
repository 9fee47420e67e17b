#!/bin/sh
# Builds "Bridge Watchdog.app" in cargo's folder (make app), and looks at what came out. On a Mac it is for both kinds of
# processor where both of Apple's targets are installed, it is signed, and a zip and its checksum lie beside it; on Linux
# all of it is done that needs no tool of Apple's: the layout, the property lists, the versions.
#
#   BUILD_PROFILE, BINARIES   as in built.sh
#   OUT                 the folder for the bundle; default: that of the profile
#   SIGN_ID             who signs: a name or a hash of `security find-identity -p codesigning`; without it the signature is
#                       ad hoc, which runs on this Mac, but macOS forgets the permission for folders at each new build
#   NOTARY_PROFILE      of `xcrun notarytool store-credentials`; or
#   NOTARY_KEY, NOTARY_KEY_ID, NOTARY_ISSUER    an API key of App Store Connect (the path of its .p8 file)
set -eu
cd "$(dirname "$0")/../.."

id=com.valor.bridge-watchdog
system=$(uname -s)
say() { echo "app: $*" >&2; }
wrong() {
    say "$@"
    exit 1
}

# --- the programs ---------------------------------------------------------------------------------------------------

TARGETS=
if [ "$system" = Darwin ] && [ -z "${BINARIES:-}" ]; then
    sysroot=$(rustc --print sysroot)
    TARGETS='aarch64-apple-darwin x86_64-apple-darwin'
    for each in $TARGETS; do
        ls "$sysroot/lib/rustlib/$each/lib"/libstd-*.rlib >/dev/null 2>&1 || {
            say "for this Mac's processor only; for both: rustup target add $each"
            TARGETS=
            break
        }
    done
fi
. tests/tools/built.sh
out=${OUT:-$target/$folder}
mkdir -p "$out"
app="$out/Bridge Watchdog.app"

# --- the layout -----------------------------------------------------------------------------------------------------

# Laid out beside its place and renamed: writing over a binary that runs makes macOS kill it for a broken signature.
new=$(mktemp -d "$out/app.XXXXXX")
trap 'rm -rf "$new"' EXIT
contents="$new/Bridge Watchdog.app/Contents"
mkdir -p "$contents/MacOS" "$contents/Resources"
cp Info.plist "$contents/"
printf 'APPL????' >"$contents/PkgInfo"
cp assets/bridge-watchdog.icns LICENSE "$contents/Resources/"
for program in bridge-watchdog bridge-watchdog-tray; do
    set --
    for each in ${TARGETS:-}; do set -- "$@" "$target/$each/$folder/$program"; done
    if [ $# -gt 0 ]; then
        lipo -create -output "$contents/MacOS/$program" "$@"
    else
        cp "$built/$program" "$contents/MacOS/"
    fi
done
write_manual "$contents/Resources"

# --- the signature --------------------------------------------------------------------------------------------------

# Apple notarises only what has the hardened runtime and a timestamp of theirs. Any other certificate has no use for these,
# and the timestamp would want a network.
sign() {
    case ${SIGN_ID:--} in
    -) codesign --force --sign - "$@" ;;
    *) # shellcheck disable=SC2086  # options
        codesign --force --sign "$SIGN_ID" $hardened "$@" ;;
    esac
}
if [ "$system" = Darwin ]; then
    hardened=--timestamp=none
    if [ -n "${SIGN_ID:-}" ]; then
        identity=$(security find-identity -p codesigning | grep -F -- "$SIGN_ID" | head -n 1)
        [ -n "$identity" ] || wrong "no identity '$SIGN_ID' in the keychain; security find-identity -p codesigning lists them"
        case $identity in *'"Developer ID Application'*) hardened='--options runtime --timestamp' ;; esac
    fi
    # The command line first: the bundle's signature, which is also the tray's, covers it.
    sign --identifier $id.cli "$contents/MacOS/bridge-watchdog"
    sign "$new/Bridge Watchdog.app"
    codesign --verify --strict --deep "$new/Bridge Watchdog.app"
fi

# --- a look at what came out ----------------------------------------------------------------------------------------

lint() {
    if command -v plutil >/dev/null && [ "$system" = Darwin ]; then
        plutil -lint -s "$1" || wrong "$1 is no property list"
    elif command -v plistutil >/dev/null; then
        # It exits with 0 whatever it reads.
        plistutil -f xml -i "$1" 2>/dev/null | grep -q '<plist' || wrong "$1 is no property list"
    else
        say "neither plutil nor plistutil is here, so $1 is not checked (Debian: libplist-utils)"
    fi
}
# The text after a key, in the one form that our own files have.
value() { sed -n "/<key>$1<\/key>/{n;s/.*<string>\(.*\)<\/string>.*/\1/p;}" "$contents/Info.plist"; }
is() { [ "$(value "$1")" = "$2" ] || wrong "$1 of Info.plist is '$(value "$1")', which should be $2"; }

for plist in "$contents/Info.plist" launchd/*.plist; do lint "$plist"; done
is CFBundleIdentifier $id
is CFBundleShortVersionString "$version"
is CFBundleVersion "$version"
is CFBundlePackageType APPL
for file in "MacOS/$(value CFBundleExecutable)" MacOS/bridge-watchdog "Resources/$(value CFBundleIconFile).icns" \
    Resources/man/bridge-watchdog.1 Resources/completions/_bridge-watchdog; do
    [ -s "$contents/$file" ] || wrong "the bundle lacks Contents/$file"
done
grep -q "<string>$id</string>" launchd/$id.plist || wrong "launchd/$id.plist has another label than $id"
if [ "$system" = Darwin ]; then
    [ "$("$contents/MacOS/bridge-watchdog" --version)" = "bridge-watchdog $version" ] || wrong "the program is no $version"
fi

# --- notarised and zipped -------------------------------------------------------------------------------------------

# Named as the cask's URL has it.
zip="$out/Bridge-Watchdog-$version.zip"
zipped() {
    rm -f "$zip" "$zip.sha256"
    ditto -c -k --keepParent "$new/Bridge Watchdog.app" "$zip"
}
if [ "$system" = Darwin ]; then
    zipped
    set --
    if [ -n "${NOTARY_PROFILE:-}" ]; then
        set -- --keychain-profile "$NOTARY_PROFILE"
    elif [ -n "${NOTARY_KEY:-}" ]; then
        set -- --key "$NOTARY_KEY" --key-id "${NOTARY_KEY_ID:?goes with NOTARY_KEY}" --issuer "${NOTARY_ISSUER:?goes with NOTARY_KEY}"
    fi
    if [ $# -gt 0 ]; then
        # A refusal is exit code 0 here, too: what counts is that the ticket can be stapled.
        # Our standard output names the app, and nothing else.
        xcrun notarytool submit "$zip" --wait --timeout 30m "$@" >&2
        xcrun stapler staple "$new/Bridge Watchdog.app" >&2
        # The ticket is in the bundle, so it is zipped again.
        zipped
    fi
    (cd "$out" && shasum -a 256 "${zip##*/}" >"${zip##*/}.sha256")
fi
rm -rf "$app"
mv "$new/Bridge Watchdog.app" "$app"
(cd "$out" && find "Bridge Watchdog.app" -type f | LC_ALL=C sort | sed 's/^/  /') >&2
[ "$system" != Darwin ] || say "zip: $zip"
say "version $version, ${SIGN_ID:+signed by $SIGN_ID, }${TARGETS:-$built}"
echo "$app"
