#!/bin/sh
# Lints the program for Apple's targets with warnings denied, on Linux as well as on a Mac.
#
#   tests/tools/check-macos.sh [TARGET...]     default: both Apple targets
#
# A lint links nothing, so no Apple SDK is needed; two things are:
#   - a standard library for the target: the installed one or, where there is none, its source for exactly our
#     rustc (cargo then checks that first, -Zbuild-std);
#   - a C compiler, because build scripts compile SQLite, libgit2 and Objective-C: a stub that creates the file it
#     is asked for and nothing else.
# What is fetched or built stays in a folder of the target directory; the toolchain's own folder is left alone,
# unless only rustup can bring the source. Exit codes: 0 clean, 1 a lint or a compile error, 2 something is missing.
set -eu
cd "$(dirname "$0")/../.."

[ $# -gt 0 ] || set -- aarch64-apple-darwin x86_64-apple-darwin

say() { echo "check-macos: $*" >&2; }
missing() {
    say "$@"
    exit 2
}

for tool in cargo rustc cargo-clippy; do
    command -v $tool >/dev/null || missing "$tool is not installed: install Rust with clippy (rustup component add clippy)"
done
version=$(rustc -vV | sed -n 's/^release: //p')
sysroot=$(rustc --print sysroot)

# A folder of its own below the given target directory: RUSTC_BOOTSTRAP=1 changes what build scripts of
# dependencies decide, so in a shared folder this check and the ordinary build would undo each other's work.
cache=${CARGO_TARGET_DIR:-target}/check-macos
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
# What is built here is never run, so it has no debug information: 0.5 GB instead of 1.5.
export CARGO_TARGET_DIR="$cache/target" CARGO_PROFILE_DEV_DEBUG=0

has_std() { ls "$sysroot/lib/rustlib/$1/lib"/libstd-*.rlib >/dev/null 2>&1; }

# Both feature sets, the library, both binaries and the tests.
lint() {
    for features in "" --no-default-features; do
        say "cargo clippy $* $features (two minutes or three the first time, then seconds)"
        cargo clippy --quiet --locked --all-targets $features "$@" -- -D warnings || exit 1
    done
}

# --- the standard library's source, without touching the toolchain -------------------------------------------------

# Prints the folder that holds library/Cargo.lock. Debian's package is tried first: it needs no root and no change
# of the toolchain. What the tools print goes to a log, shown only on failure.
find_source() {
    for dir in "$sysroot/lib/rustlib/src/rust" "$cache/rust-src-$version"; do
        if [ -f "$dir/library/Cargo.lock" ]; then
            echo "$dir"
            return
        fi
    done
    log="$cache/fetch.log"
    : >"$log"
    say "fetching the standard library's source (45 MB, once)"
    if from_debian >>"$log" 2>&1; then
        echo "$cache/rust-src-$version"
    elif command -v rustup >/dev/null && rustup component add rust-src >>"$log" 2>&1; then
        echo "$sysroot/lib/rustlib/src/rust"
    else
        cat "$log" >&2
        missing "no source of the standard library of rustc $version. Mend: rustup component add rust-src, or unpack" \
            "Debian's rust-src of that version (suite trixie-backports) so that" \
            "$cache/rust-src-$version/library/Cargo.lock is there"
    fi
}

# Downloads Debian's rust-src of exactly our version from the mirror that this machine already uses, through package
# lists of our own: the machine's stay as they are.
from_debian() {
    . /etc/os-release || return 1
    if [ "${ID:-}" != debian ] || ! command -v apt-get >/dev/null; then
        echo "no Debian here to take rust-src from"
        return 1
    fi
    mirror=$(apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' "Release: $VERSION_CODENAME" 'Component: main' | head -n 1)
    [ -n "$mirror" ] || {
        echo "no mirror of $VERSION_CODENAME in the machine's apt sources"
        return 1
    }
    apt="$cache/apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie-backports main" >"$apt/sources.list"
    own_apt apt-get update || return 1
    exact=$(own_apt apt-cache madison rust-src | awk -v v="$version" '$3 ~ "^" v "[^0-9.]" { print $3; exit }')
    [ -n "$exact" ] || {
        echo "trixie-backports has no rust-src $version"
        return 1
    }
    # Unpacked beside its place and renamed: a run that is cut short leaves no half source behind.
    new=$(mktemp -d "$cache/unpack.XXXXXX")
    (cd "$new" && own_apt apt-get download "rust-src=$exact" &&
        dpkg-deb --fsys-tarfile rust-src_*.deb | tar -x "./usr/src/rustc-$version/library") || return 1
    rm -rf "$cache/rust-src-$version"
    mv "$new/usr/src/rustc-$version" "$cache/rust-src-$version" || return 1
    rm -rf "$new" "$apt"
}

# An apt program on the package lists in $apt. As root apt would download as the user _apt, who may not write there.
own_apt() {
    program=$1
    shift
    "$program" -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$apt/lists" \
        -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# A sysroot of links into the toolchain's own, but with the source, which cargo looks for nowhere else. cargo asks
# clippy for the sysroot, and clippy takes it from SYSROOT.
link_sysroot() {
    links="$cache/sysroot-$version"
    mkdir -p "$links/lib/rustlib/src/rust"
    for part in "$sysroot"/lib/rustlib/*; do
        [ "${part##*/}" = src ] || ln -sfn "$part" "$links/lib/rustlib/${part##*/}"
    done
    ln -sfn "$1/library" "$links/lib/rustlib/src/rust/library"
    # cargo notes where that was. In a checkout that has been moved or copied the note is wrong.
    grep -qs "$links" "$cache/target/.rustc_info.json" || rm -f "$cache/target/.rustc_info.json"
    export SYSROOT="$links"
}

# CC, CXX and AR for one target, and an SDK folder, so that no build script asks for Xcode's tools.
stub_compiler() {
    stub="$cache/stub"
    mkdir -p "$stub/sdk"
    cat >"$stub/cc" <<'STUB'
#!/bin/sh
# Creates the file after -o, or the archive after ar's flags; compiles nothing.
previous=
for argument; do
    case "$previous" in -o | cq* | cr* | s) : >>"$argument" ;; esac
    previous=$argument
done
STUB
    chmod +x "$stub/cc"
    suffix=$(echo "$1" | tr - _)
    export "CC_$suffix=$stub/cc" "CXX_$suffix=$stub/cc" "AR_$suffix=$stub/cc" "SDKROOT=$stub/sdk"
}

# --- the work -------------------------------------------------------------------------------------------------------

for target; do
    case $target in *-apple-darwin) ;; *) missing "$target is no Apple target" ;; esac
    if [ "$(uname -s)" = Darwin ]; then
        # A Mac has the compiler and the SDK; only the other architecture's std may be missing.
        has_std "$target" || rustup target add "$target" || missing "no std for $target: rustup target add $target"
        lint --target "$target"
        continue
    fi
    stub_compiler "$target"
    if has_std "$target"; then
        lint --target "$target"
    else
        source=$(find_source)
        [ "$source" = "$sysroot/lib/rustlib/src/rust" ] || link_sysroot "$source"
        export RUSTC_BOOTSTRAP=1
        lint --target "$target" -Zbuild-std=std,panic_abort
    fi
done
say "clean: $*"
