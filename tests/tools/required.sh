#!/bin/sh
# Prints what the tests may count on here, for BRIDGE_WATCHDOG_REQUIRE: a skip of it is a failure. What it names is there
# once `make test` has installed its packages; so it asks for rights, and not whether the tests work.
set -eu
case $(uname -s) in
Darwin)
    # plutil comes with the system.
    echo plist
    exit
    ;;
esac
# Elsewhere than on Debian nobody has installed a panel, and the tests say what they lack.
command -v apt-get >/dev/null || exit 0
required=panel,plist
# Only root makes cgroups and mount namespaces, and in most containers not even root. Whether this is a container tells
# nothing: some may.
if [ "$(id -u)" = 0 ]; then
    required=$required,root
    if unshare --mount true 2>/dev/null; then
        required=$required,mount
        tree=/sys/fs/cgroup/unified # hybrid layout
        [ -d $tree ] || tree=/sys/fs/cgroup
        [ ! -e $tree/cgroup.controllers ] || [ ! -w $tree ] || required=$required,systemd
    fi
fi
echo "$required"
