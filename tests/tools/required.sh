#!/bin/sh
# Prints what this machine can have, for BRIDGE_WATCHDOG_REQUIRE: for those needs a skip is a failure. It checks rights
# and not programs, since `make test` has installed those.
set -eu
# The exceptions: whether a package index can be reached was seen when they were installed.
target=$(dirname "$0")/../../target
installed=
[ ! -e "$target/telethon-venv/installed.txt" ] || installed=,telethon
[ ! -e "$target/telegram-test-api/installed.json" ] || installed=$installed,telegram-test-api
case $(uname -s) in
Darwin)
    # These come with the system or Apple's developer tools.
    echo "plist,sqlite$installed"
    exit
    ;;
esac
# Only on Debian does `make test` install a panel; elsewhere the tests say what is missing.
command -v apt-get >/dev/null || exit 0
required=panel,plist,sqlite,deb$installed
# Only root may make cgroups and mount namespaces, and in most containers not even root. So it is tried: some containers
# may.
if [ "$(id -u)" = 0 ]; then
    required=$required,root
    if unshare --mount true 2>/dev/null; then
        required=$required,mount
        ! grep -qw btrfs /proc/filesystems || [ ! -w /dev/loop-control ] || required=$required,btrfs
        tree=/sys/fs/cgroup/unified # hybrid layout
        [ -d $tree ] || tree=/sys/fs/cgroup
        [ ! -e $tree/cgroup.controllers ] || [ ! -w $tree ] || required=$required,systemd
    fi
fi
echo "$required"
