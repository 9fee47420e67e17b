#!/bin/sh
# make install: builds, puts the program where it stays, replaces a version that runs, and looks which one runs then. On a
# Mac that is the app in the Applications folder and a link to its command in a folder of the PATH; elsewhere both binaries
# in ~/.local/bin, with the man pages and completions where shells look. Where there is no configuration it ends with
# `setup`. Run again, it does the same.
#
#   BUILD_PROFILE, BINARIES, SIGN_ID   as in built.sh and app.sh
#   SYSTEM, APPLICATIONS, LAUNCHCTL   for the tests: another platform's way, another folder, a stand-in for launchd; and
#                                     COMMAND_ARGS, the first argument of a program that is built for the tests
set -eu
cd "$(dirname "$0")/../.."

system=${SYSTEM:-$(uname -s)}
launchctl=${LAUNCHCTL:-/bin/launchctl}
label=com.valor.bridge-watchdog
say() { echo "$*" >&2; }
wrong() {
    say "install: $*"
    exit 1
}
[ -n "${HOME:-}" ] || wrong "HOME is not set, so there is no folder to install into"

# Waits until a command succeeds: within SECONDS COMMAND…
within() {
    late=$(($(date +%s) + $1))
    shift
    while ! "$@"; do
        [ "$(date +%s)" -lt $late ] || return 1
        sleep 1
    done
}

# --- the watch that runs ---------------------------------------------------------------------------------------------

# Our command in the new place; in the tests it gets the environment's file first.
ours() {
    if [ -n "${COMMAND_ARGS:-}" ]; then "$command" "$COMMAND_ARGS" "$@"; else "$command" "$@"; fi
}
# The pid of the watch; empty where none runs.
running() {
    ours ${config:+--config "$config"} status --json 2>/dev/null | tr -d ' \n' |
        sed -n 's/.*"watching":\([0-9][0-9]*\).*/\1/p'
}
# The doctor compares the version in the watch's status file with its own, and the watch's program with the one on disk.
is_new() {
    found=$(ours ${config:+--config "$config"} doctor --json 2>/dev/null | tr -d ' \n' | tr '{' '\n' | grep '"watch-version"') &&
        case $found in *'"ok":true'*) true ;; *) false ;; esac
}

# --- the two platforms -----------------------------------------------------------------------------------------------

# Swaps a file or a folder in one moment: what runs keeps the old one, which nobody writes over.
swap() {
    [ ! -e "$2" ] || mv "$2" "$2.old.$$"
    mv "$1" "$2"
    rm -rf "$2.old.$$"
}

# The first folder of the PATH that we may write to, of those that are for this.
command_folder() {
    for folder in /opt/homebrew/bin /usr/local/bin "$HOME/.local/bin" "$HOME/bin"; do
        case ":$PATH:" in *":$folder:"*) [ ! -w "$folder" ] || { echo "$folder"; return; } ;; esac
    done
    echo "$HOME/.local/bin"
}

is_loaded() { "$launchctl" print "gui/$(id -u)/$label" >/dev/null 2>&1; }
is_gone() { ! is_loaded; }
# A job that its operator has disabled goes on, and once ended it could not be loaded again.
is_disabled() { "$launchctl" print-disabled "gui/$(id -u)" 2>/dev/null | grep -q "\"$label\" => \(disabled\|true\)"; }
starts() { "$launchctl" bootstrap "gui/$(id -u)" "$plist"; }

on_a_mac() {
    app=$(OUT="${OUT:-}" tests/tools/app.sh)
    folder=${APPLICATIONS:-/Applications}
    [ -w "$folder" ] || folder=$HOME/Applications
    mkdir -p "$folder"
    place="$folder/Bridge Watchdog.app"
    # Copied first, onto the same disk: between stop and start there is only a rename.
    rm -rf "$folder/.bridge-watchdog.new"
    cp -R "$app" "$folder/.bridge-watchdog.new"

    plist=$HOME/Library/LaunchAgents/$label.plist
    # Without its file ("Start at login" is off) or disabled it could not be loaded again: what runs goes on, and is named.
    if is_loaded && [ -e "$plist" ] && ! is_disabled; then
        restarted=yes
        # It returns before the job is gone, and while that ends nothing can be loaded again.
        "$launchctl" bootout "gui/$(id -u)/$label" || true
        within 40 is_gone || wrong "the watchdog does not end; the new app is in $folder/.bridge-watchdog.new"
    fi
    swap "$folder/.bridge-watchdog.new" "$place"
    command=$place/Contents/MacOS/bridge-watchdog
    program=$place/Contents/MacOS/bridge-watchdog-tray
    say "app: $place"

    link=$(command_folder)
    mkdir -p "$link"
    if [ -e "$link/bridge-watchdog" ] && [ ! -L "$link/bridge-watchdog" ]; then
        say "$link/bridge-watchdog is no link of ours and stays; the command is $command"
    else
        ln -sfn "$command" "$link/bridge-watchdog"
        say "command: $link/bridge-watchdog"
    fi
    case ":$PATH:" in *":$link:"*) ;; *) say "$link is not in your PATH; add to ~/.zprofile: export PATH=\"$link:\$PATH\"" ;; esac

    if [ ! -e "$plist" ]; then
        ! is_loaded || kept="its file is gone (\"Start at login\" is off); quit it in its menu and open the app, or run: bridge-watchdog install"
        return
    fi
    # The arguments that `install` wrote: program, --config, file.
    config=$(sed -n '/<string>--config<\/string>/{n;s/.*<string>\(.*\)<\/string>.*/\1/p;}' "$plist" |
        sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g')
    if ! grep -qF "<string>$(echo "$program" | sed 's/&/\&amp;/g')</string>" "$plist"; then
        say "the agent starts another program; it is told of this one"
        ours ${config:+--config "$config"} install
        restarted=yes
    elif [ -n "$restarted" ]; then
        # 5 and 37 say that the old job is still going.
        starts || { sleep 2 && starts; } || { sleep 2 && starts; } || wrong "launchd does not take $plist; see: launchctl print gui/$(id -u)/$label"
    elif is_loaded; then
        kept="$label is disabled by its operator; run: launchctl enable gui/$(id -u)/$label && bridge-watchdog install"
    fi
}

on_linux() {
    . tests/tools/built.sh
    bin=${XDG_BIN_HOME:-$HOME/.local/bin}
    share=${XDG_DATA_HOME:-$HOME/.local/share}
    mkdir -p "$bin"
    command=$bin/bridge-watchdog
    program=$bin/bridge-watchdog-tray
    for each in bridge-watchdog bridge-watchdog-tray; do
        # A file of its own and a rename: a binary that runs can't be written to.
        [ -e "$built/$each" ] || continue
        cp "$built/$each" "$bin/.$each.new"
        chmod 755 "$bin/.$each.new"
        mv -f "$bin/.$each.new" "$bin/$each"
    done
    pages=$(mktemp -d)
    write_manual "$pages"
    put() { mkdir -p "${2%/*}" && cp "$1" "$2"; }
    for page in "$pages"/man/*.1; do put "$page" "$share/man/man1/${page##*/}"; done
    put "$pages/completions/bridge-watchdog.bash" "$share/bash-completion/completions/bridge-watchdog"
    put "$pages/completions/_bridge-watchdog" "$share/zsh/site-functions/_bridge-watchdog"
    put "$pages/completions/bridge-watchdog.fish" "$share/fish/vendor_completions.d/bridge-watchdog.fish"
    rm -rf "$pages"
    say "command: $command"
    case ":$PATH:" in *":$bin:"*) ;; *) say "$bin is not in your PATH; add to ~/.profile: export PATH=\"$bin:\$PATH\"" ;; esac

    unit=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/bridge-watchdog.service
    [ -e "$unit" ] || return 0
    # As `install` wrote it: each word in quotes, with \, ", % and $ as systemd wants them.
    config=$(sed -n 's/^ExecStart="[^"]*" --config "\(.*\)".*/\1/p' "$unit" | sed 's/%%/%/g; s/\$\$/$/g; s/\\\(.\)/\1/g')
    if ! grep -q "^ExecStart=\"$bin/bridge-watchdog" "$unit"; then
        say "the unit starts another program; it is told of this one"
        ours ${config:+--config "$config"} install
        restarted=yes
    elif systemctl --user --quiet is-active bridge-watchdog.service; then
        systemctl --user restart bridge-watchdog.service
        restarted=yes
    fi
}

# --- and then ---------------------------------------------------------------------------------------------------------

config= restarted= kept=
case $system in Darwin) on_a_mac ;; *) on_linux ;; esac

version=$(ours --version)
say "installed: $version"
[ -z "$kept" ] || wrong "the watchdog that runs is the old program, and is left as it is: $kept"
usual=${XDG_CONFIG_HOME:-$HOME/.config}/bridge-watchdog/config.toml
[ "$system" != Darwin ] || usual="$HOME/Library/Application Support/bridge-watchdog/config.toml"
if [ -z "$config" ] && [ ! -e "$usual" ]; then
    if [ -t 0 ] && [ -t 1 ]; then
        ours setup
    else
        say "there is no configuration yet; on a terminal run: $command setup"
    fi
    exit
fi
# One that was just started has not looked yet.
if [ -n "$restarted" ] && within 60 is_new || is_new; then
    say "the watchdog that runs (pid $(running)) is this version"
elif [ -n "$(running)" ]; then
    wrong "the watchdog that runs (pid $(running)) is not this version; quit it (its menu, or Ctrl-C), then run: bridge-watchdog install"
else
    say "no watchdog runs; to watch from login on: bridge-watchdog install"
fi
