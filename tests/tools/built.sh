# Sourced by the scripts that pack. Builds the programs, and sets
#   version   of Cargo.toml
#   target    cargo's folder
#   built     the folder that the programs are in
#   folder    the name of the profile's folder
# Variables of the caller:
#   BUILD_PROFILE  cargo's profile: release, or dev, which is built in seconds and is good enough to look at a package. Not
#             called PROFILE, which build scripts read: all of them would run again
#   BINARIES  a folder with programs that are built already: nothing is built then
#   TARGETS   Rust targets to build for, each into target/TARGET/folder; there is no `built` then
# shellcheck shell=sh disable=SC2034  # whoever sources this uses what is set here

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
target=${CARGO_TARGET_DIR:-target}
profile=${BUILD_PROFILE:-release}
folder=$profile
[ "$profile" != dev ] || folder=debug

if [ -n "${BINARIES:-}" ]; then
    built=$BINARIES
elif [ -n "${TARGETS:-}" ]; then
    for each in $TARGETS; do
        cargo build --locked --profile "$profile" --bins --target "$each"
    done
else
    cargo build --locked --profile "$profile" --bins
    built=$target/$folder
fi

# The man pages and the completions, into the folder $1. By the dev profile: the text is the same.
write_manual() {
    if [ -n "${BINARIES:-}" ]; then
        "$BINARIES/examples/manual" "$1"
    else
        cargo run --quiet --locked --example manual -- "$1"
    fi
}
