#!/bin/sh
# Prints what this machine can have, for BRIDGE_WATCHDOG_REQUIRE: for those needs a skip is a failure. It checks rights
# and not programs, since `make test` has installed those.
set -eu
# The exception: whether a package index can be reached was seen when it was installed.
telethon=
[ ! -e "$(dirname "$0")/../../target/telethon-venv/installed.txt" ] || telethon=,telethon
case $(uname -s) in
Darwin)
    # These come with the system or Apple's developer tools.
    echo "plist,sqlite$telethon"
    exit
    ;;
esac
# Only on Debian does `make test` install a panel; elsewhere the tests say what is missing.
command -v apt-get >/dev/null || exit 0
required=panel,plist,sqlite$telethon
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
