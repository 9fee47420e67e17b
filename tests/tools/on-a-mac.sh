#!/bin/bash
# What only a real Mac can show, step by step: the agents under the real launchd, the app in the real menu bar. Called by
# the workflow, and by hand on a Mac that has no watchdog yet: it installs one with a small bridge, and takes all of it away
# again.
#
#   on-a-mac.sh [STEP…]     default: all of them, in this order
#
# What launchctl printed, the list of windows and a screenshot are kept in OUT (default: target/on-a-mac). Each step ends as
# passed, FAILED or skipped, with the reason; exit code 1 if one failed. BUILD_PROFILE and SIGN_ID are those of make install.
# shellcheck disable=SC2317,SC2086  # the steps are called by their names; labels have no blanks
set -uo pipefail
cd "$(dirname "$0")/../.."

[ "$(uname -s)" = Darwin ] || { echo "on-a-mac: this is no Mac" >&2; exit 2; }
kept=${OUT:-$PWD/target/on-a-mac}
mkdir -p "$kept"
unset OUT # app.sh has a variable of that name

ours=com.valor.bridge-watchdog
bridge=com.valor.bridge-proof
domain=gui/$(id -u)
launchctl=/bin/launchctl
support="$HOME/Library/Application Support/bridge-watchdog"
agents=$HOME/Library/LaunchAgents
work=$HOME/bridge-watchdog-proof
session=$($launchctl managername 2>/dev/null || echo unknown)

# --- tools of the steps ---------------------------------------------------------------------------------------------

say() { echo "    $*"; }
fail() {
    echo "    $*" >&2
    exit 1
}
skip() {
    echo "    skipped: $*"
    exit 77
}
wants_gui() { $launchctl print "$domain" >/dev/null 2>&1 || skip "there is no domain $domain; launchctl managername: $session"; }
wants_aqua() { [ "$session" = Aqua ] || skip "this shell is in no Aqua session; launchctl managername: $session"; }

# Seconds with a fraction, which date has not.
now() { perl -MTime::HiRes=time -e 'printf "%.3f\n", time'; }
# within SECONDS COMMAND…
within() {
    local late=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $late ] || return 1
        sleep 0.1
    done
}
# limited SECONDS COMMAND…: macOS has no timeout(1). An alarm outlives exec.
limited() { perl -e 'alarm shift; exec @ARGV or exit 127' "$@"; }

# At one tab: nested blocks have keys of the same names. Nothing where it has no process; never a failure.
pid_of() { { $launchctl print "$domain/$1" 2>/dev/null || true; } | awk '/^\tpid = / && !seen { seen = 1; print $3 }'; }
runs() { [ -n "$(pid_of "$1")" ]; }
runs_anew() { local pid; pid=$(pid_of "$1") && [ -n "$pid" ] && [ "$pid" != "$2" ]; }
is_gone() { ! $launchctl print "$domain/$1" >/dev/null 2>&1; }
# What launchd says of both jobs, under the name of this moment.
keep() {
    local label code
    for label in $bridge $ours; do
        code=0
        { $launchctl print "$domain/$label" || code=$?; echo "exit code $code"; } >"$kept/$1-$label.txt" 2>&1
    done
}
age_of() { ps -o etime= -p "$1" | awk -F '[-:]' '{ s = 0; for (i = 1; i <= NF; i++) s = s * 60 + $i; print s + 0 }'; }
is_old() { [ "$(age_of "$1")" -ge "$2" ]; }
app() {
    local folder
    for folder in /Applications "$HOME/Applications"; do
        [ ! -d "$folder/Bridge Watchdog.app" ] || { echo "$folder/Bridge Watchdog.app"; return; }
    done
}
command_line() { "$(app)/Contents/MacOS/bridge-watchdog" "$@"; }
running_version() { find "$support" -name status.json -exec sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' {} + | tail -n 1; }

# --- the steps ------------------------------------------------------------------------------------------------------

nobody_else() {
    say "launchctl managername: $session; macOS $(sw_vers -productVersion), $(uname -m)"
    local path
    for path in "$support" "$agents/$ours.plist" "$work"; do
        [ ! -e "$path" ] || fail "$path is there already: this is for a Mac without a watchdog"
    done
}

# Ends without a configuration, so it only says what comes next.
make_install() {
    make install </dev/null 2>&1 | tee "$kept/make-install.txt"
    grep -q 'there is no configuration yet' "$kept/make-install.txt" || fail "it did not say what comes next"
    local app
    app=$(app)
    [ -n "$app" ] || fail "there is no app in an Applications folder"
    codesign --verify --strict --deep --verbose=2 "$app" 2>&1
    codesign -dv "$app" 2>&1 | tee "$kept/codesign.txt"
    plutil -lint "$app/Contents/Info.plist"
    command_line --version
}

# AppKit costs megabytes, and belongs to the app.
links_no_appkit() {
    otool -L "$(app)/Contents/MacOS/bridge-watchdog" | tee "$kept/otool.txt"
    ! grep -E 'AppKit|UserNotifications' "$kept/otool.txt" || fail "the command line links a window system"
}

refused_elsewhere() {
    local built said
    built=$(find target -maxdepth 3 \( -path '*/release/bridge-watchdog' -o -path '*/debug/bridge-watchdog' \) -type f | tail -n 1)
    [ -n "$built" ] || skip "no program in target/"
    configure
    ! said=$("$built" install 2>&1) || fail "install pointed an agent into $built"
    say "$said"
    case $said in *"is in a build folder"*"make install"*) ;; *) fail "it does not say why" ;; esac
    is_gone $ours || fail "an agent was loaded"
}

# A bridge that writes a line every few seconds.
configure() {
    [ ! -e "$support/config.toml" ] || return 0
    mkdir -p "$work/checkout/data" "$work/checkout/logs" "$support"
    printf 'while :; do date "+%%Y-%%m-%%d %%H:%%M:%%S INFO bridge: heartbeat"; sleep 5; done\n' >"$work/checkout/bridge.sh"
    git -C "$work/checkout" init -q
    git -C "$work/checkout" add bridge.sh
    git -C "$work/checkout" -c user.name=proof -c user.email=proof@localhost commit -q -m 'A bridge'
    cat >"$support/config.toml" <<TOML
[bridge]
root = "$work/checkout"
label = "$bridge"
program = ["/bin/sh", "bridge.sh"]
TOML
    chmod 600 "$support/config.toml"
}

install_agents() {
    wants_gui
    configure
    command_line install || fail "install failed"
    within 30 runs $bridge || fail "the bridge has no process"
    within 30 runs $ours || fail "the watchdog has no process"
    keep 1-installed
    plutil -lint "$agents/$bridge.plist" "$agents/$ours.plist"
    say "bridge $(pid_of $bridge), watchdog $(pid_of $ours)"
    command_line status || true
    command_line doctor || true
}

# A run that has lasted longer than the throttle is started again at once.
killed_bridge_is_back() {
    wants_gui
    local pid from to
    pid=$(pid_of $bridge)
    [ -n "$pid" ] || fail "the bridge does not run"
    within 30 is_old "$pid" 12
    from=$(now)
    kill -9 "$pid"
    within 30 runs_anew $bridge "$pid" || fail "no new process"
    to=$(now)
    keep 2-killed
    say "pid $pid -> $(pid_of $bridge) after $(echo "$to - $from" | bc) s"
    [ "$(echo "$to - $from < 1" | bc)" = 1 ] || fail "that is no less than a second"
}

reloaded() {
    wants_gui
    local label pid
    for label in $bridge $ours; do
        pid=$(pid_of $label)
        $launchctl bootout "$domain/$label" || say "bootout: exit code $?"
        within 40 is_gone $label || fail "$label does not go"
        keep "3-without-$label"
        within 10 $launchctl bootstrap "$domain" "$agents/$label.plist" || fail "$label can't be loaded"
        within 30 runs_anew $label "$pid" || fail "$label has no process"
        say "$label: pid $pid -> $(pid_of $label)"
    done
    keep 3-reloaded
}

app_lives() {
    wants_gui
    local pid
    pid=$(pid_of $ours)
    [ -n "$pid" ] || fail "the app does not run"
    within 60 is_old "$pid" 30 || fail "it did not live for 30 s"
    [ "$(pid_of $ours)" = "$pid" ] || fail "it was started again: $pid -> $(pid_of $ours)"
    say "pid $pid is $(age_of "$pid") s old"
}

status_item_is_there() {
    wants_gui
    limited 30 screencapture -x "$kept/screen.png" || say "no screenshot"
    wants_aqua
    local pid
    pid=$(pid_of $ours)
    [ -n "$pid" ] || fail "the app does not run"
    # Level 25 is that of status items. Since macOS 26 another process may own the window; then its name is ours.
    cat >"$kept/windows.swift" <<'SWIFT'
import CoreGraphics
import Foundation
let pid = Int(CommandLine.arguments[1])!
let windows = CGWindowListCopyWindowInfo(.optionAll, kCGNullWindowID) as? [[String: Any]] ?? []
var found = false
for window in windows where window[kCGWindowLayer as String] as? Int == 25 {
    let owner = window[kCGWindowOwnerPID as String] as? Int ?? 0
    let name = window[kCGWindowName as String] as? String ?? ""
    print(owner, window[kCGWindowOwnerName as String] ?? "", name, window[kCGWindowBounds as String] ?? "")
    if owner == pid || name.contains("bridge-watchdog") { found = true }
}
exit(found ? 0 : 1)
SWIFT
    limited 120 swift "$kept/windows.swift" "$pid" >"$kept/windows.txt" || {
        cat "$kept/windows.txt"
        fail "pid $pid has no status item in the menu bar"
    }
    grep "^$pid " "$kept/windows.txt" || true
}

sigterm_brings_it_back() {
    wants_gui
    local pid
    pid=$(pid_of $ours)
    [ -n "$pid" ] || fail "the app does not run"
    kill -TERM "$pid"
    within 40 runs_anew $ours "$pid" || fail "after SIGTERM nobody watches"
    keep 4-after-sigterm
    say "pid $pid -> $(pid_of $ours)"
}

# Activity Monitor, a script and a logout quit an app so: only our own Quit may end the watch.
appleevent_brings_it_back() {
    wants_gui
    wants_aqua
    local pid said
    pid=$(pid_of $ours)
    [ -n "$pid" ] || fail "the app does not run"
    if ! said=$(limited 30 osascript -e "tell application id \"$ours\" to quit" 2>&1); then
        case $said in
        "" | *-1743* | *"not allowed"*) skip "this shell may send no AppleEvent: ${said:-no answer in 30 s}" ;;
        *) say "osascript: $said" ;;
        esac
    fi
    within 40 runs_anew $ours "$pid" || fail "after the AppleEvent 'quit' nobody watches, or the app stayed: pid $(pid_of $ours)"
    keep 5-after-appleevent
    say "pid $pid -> $(pid_of $ours)"
}

full_disk_ends_nothing() {
    local image=$work/full.dmg mount=$work/full one=0 other=0
    mkdir -p "$mount"
    hdiutil create -quiet -size 1m -fs HFS+ -volname full "$image"
    hdiutil attach -quiet -nobrowse -mountpoint "$mount" "$image"
    : >"$mount/err"
    # To the last block, and to the last byte of it.
    dd if=/dev/zero of="$mount/fill" bs=4096 2>/dev/null || true
    dd if=/dev/zero of="$mount/rest" bs=1 2>/dev/null || true
    df -k "$mount"
    command_line demo --headless --fault crash >"$kept/demo.txt" 2>"$mount/err" || one=$?
    command_line demo --headless --fault crash >"$mount/err" 2>&1 || other=$?
    hdiutil detach -quiet -force "$mount"
    cat "$kept/demo.txt"
    [ $one$other = 00 ] || fail "exit codes $one and $other with a full disk under its output"
    grep -q HEALED "$kept/demo.txt" || fail "nothing was healed"
}

# The same path with a new binary: launchd goes on with the old one unless somebody ends it.
rebuilt_version_runs() {
    wants_gui
    local before next pid
    has_a_version() { [ -n "$(running_version)" ]; }
    within 30 has_a_version || fail "no status file names a version"
    before=$(running_version) pid=$(pid_of $ours)
    next=$(echo "$before" | awk -F. '{ print $1 "." $2 "." $3 + 1 }')
    cp Cargo.toml Cargo.lock Info.plist "$work/"
    sed -i '' "s/^version = \"$before\"$/version = \"$next\"/" Cargo.toml
    sed -i '' "/^name = \"bridge-watchdog\"$/{n;s/$before/$next/;}" Cargo.lock
    sed -i '' "s/<string>$before<\/string>/<string>$next<\/string>/" Info.plist
    local code=0
    make install </dev/null 2>&1 | tee "$kept/make-install-again.txt" || code=$?
    cp "$work/Cargo.toml" "$work/Cargo.lock" "$work/Info.plist" .
    [ $code = 0 ] || fail "make install: exit code $code"
    within 30 runs_anew $ours "$pid" || fail "the same process runs on"
    has_version() { [ "$(running_version)" = "$next" ]; }
    within 30 has_version || fail "version $(running_version) runs, and $next is on disk"
    keep 6-new-version
    say "version $before (pid $pid) -> $(running_version) (pid $(pid_of $ours))"
}

uninstall() {
    wants_gui
    command_line uninstall || fail "uninstall failed"
    local label
    for label in $bridge $ours; do
        within 40 is_gone $label || fail "$label is still loaded"
        [ ! -e "$agents/$label.plist" ] || fail "$agents/$label.plist is still there"
    done
    keep 7-uninstalled
}

# Whatever came before.
take_away() {
    local label link
    for label in $bridge $ours; do
        $launchctl bootout "$domain/$label" 2>/dev/null
        rm -f "$agents/$label.plist"
    done
    for link in /opt/homebrew/bin /usr/local/bin "$HOME/.local/bin" "$HOME/bin"; do
        case $(readlink "$link/bridge-watchdog") in *"Bridge Watchdog.app"*) rm -f "$link/bridge-watchdog" ;; esac
    done
    # The journal tells what the watch saw.
    find "$support" -name journal.log -exec cp {} "$kept/journal.log" \;
    rm -rf "$work" "$support"
    [ -z "$(app)" ] || rm -rf "$(app)"
}

# --- one after the other --------------------------------------------------------------------------------------------

all=(nobody_else make_install links_no_appkit refused_elsewhere install_agents killed_bridge_is_back reloaded
    app_lives status_item_is_there sigterm_brings_it_back appleevent_brings_it_back full_disk_ends_nothing
    rebuilt_version_runs uninstall take_away)
[ $# -gt 0 ] || set -- "${all[@]}"
for step; do
    [ "$(type -t "$step")" = function ] || { echo "on-a-mac: there is no step '$step'; they are: ${all[*]}" >&2; exit 2; }
    [ -z "${GITHUB_ACTIONS:-}" ] || echo "::group::$step"
    echo "== $step"
    # In the background, so that set -e holds in it: within a condition bash ignores that.
    (
        [ "$step" = take_away ] || set -e
        "$step"
    ) &
    code=0
    wait $! || code=$?
    [ -z "${GITHUB_ACTIONS:-}" ] || echo "::endgroup::"
    case $code in
    0) echo "passed: $step" ;;
    77) echo "skipped: $step" ;;
    *)
        echo "FAILED: $step (exit code $code)"
        # Whatever is there is a person's own.
        [ "$step" != nobody_else ] || exit 1
        ;;
    esac
done | tee "$kept/steps.txt"
! grep -q '^FAILED' "$kept/steps.txt"
