# `make run` and `make test` are all that a new contributor needs: each installs what is missing, builds, and runs.

APPLE ?= aarch64-apple-darwin x86_64-apple-darwin

# Names of Debian packages. pkg-config and GTK are needed to build the tray; the tests run it with the others.
BUILD_PACKAGES = build-essential pkg-config libgtk-3-dev
TEST_PACKAGES = dbus-bin dbus-daemon xvfb xfce4-panel dunst xdotool xclip imagemagick fonts-dejavu-core \
	adwaita-icon-theme libayatana-appindicator3-1 libplist-utils systemd util-linux btrfs-progs tmux \
	sqlite3 python3 python3-venv
DEB_PACKAGES = dpkg-dev

.PHONY: run test install app deb prove-packages bench campaign check-macos icons icons-sheet screenshots recording build-tools \
	test-tools

# The app: on the configured bridge or, without a configuration, on a throw-away one with faults in its menu. Without a
# display a throw-away bridge fails and is healed in the terminal.
run: build-tools
	cargo build --locked --bins
	@echo "Faults, in the app's Demo menu or by 'demo --fault NAME': crash, hang, stop, flood, lock (rung 3), bad-commit (rung 4)"
	if [ "$$(uname -s)" = Darwin ] || [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
		cargo run --locked --quiet --bin bridge-watchdog -- tray; \
	else \
		cargo run --locked --quiet --bin bridge-watchdog -- demo; \
	fi

# A test fails if it lacks something that this machine should have; with BRIDGE_WATCHDOG_REQUIRE= it is skipped instead.
# The number of threads is that of .config/nextest.toml.
test: test-tools
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	tests/tools/check-macos.sh aarch64-apple-darwin
	cargo build --locked --all-targets
	required=$$(tests/tools/required.sh) && export BRIDGE_WATCHDOG_REQUIRE="$${BRIDGE_WATCHDOG_REQUIRE-$$required}" && \
	if command -v cargo-nextest >/dev/null; then cargo nextest run --locked; else RUST_TEST_THREADS=6 cargo test --locked --no-fail-fast; fi

# Prints goals and measured values side by side; never fails because something is slow.
bench: test-tools
	cargo build --locked --release --bins --examples
	cargo bench --locked --bench cost

# 200 rounds of the tests of which `make test` runs a few (kills of the watch and of whoever writes to the session, `hold` in a
# race with `recover`), fifty incidents with a Telegram that fails, some more with a Bot API that nobody here wrote, and an
# hour of healthy but odd bridges.
campaign: test-tools
	tests/tools/telegram-test-api.sh
	cargo build --locked --bins --examples
	BRIDGE_WATCHDOG_ROUNDS=200 BRIDGE_WATCHDOG_MINUTES=60 cargo test --locked --test tests -- \
		campaign:: hold:: revert:: session_kills:: alert_campaign:: alert_test_api:: --nocapture

check-macos:
	tests/tools/check-macos.sh $(APPLE)

icons:
	tests/tools/icons.sh

icons-sheet:
	tests/tools/icons.sh sheet

screenshots: test-tools
	tests/tools/screenshots.sh

# The demo in a terminal, as the README shows it: docs/demo.cast and docs/screenshots/demo.svg.
recording: test-tools
	cargo build --locked --bin bridge-watchdog
	tests/tools/recording.py target/debug/bridge-watchdog hang

# Builds the program and puts it where it stays; what runs afterwards is what was built.
install: build-tools
	tests/tools/install.sh

# "Bridge Watchdog.app": on a Mac signed, with a zip and its checksum beside it; elsewhere laid out and looked at.
app: build-tools
	tests/tools/app.sh

# Two Debian packages: the command line with the watch, and the app.
deb: build-tools
	@tests/tools/packages.sh $(DEB_PACKAGES)
	tests/tools/deb.sh

# In a Debian that has nothing but its base system, made in target/bare-root (a few hundred MB are downloaded): the packages
# are installed, heal a bridge, and leave nothing behind; and a fresh clone runs by the README's two commands.
prove-packages: build-tools
	@tests/tools/packages.sh $(DEB_PACKAGES) mmdebstrap
	tests/tools/bare-root.sh packages
	tests/tools/bare-root.sh clone

build-tools:
	@command -v cargo >/dev/null || { echo "Rust is not installed: get it with rustup, then run make again"; exit 1; }
	@tests/tools/packages.sh $(BUILD_PACKAGES)

test-tools: build-tools
	@tests/tools/packages.sh $(TEST_PACKAGES) $(DEB_PACKAGES)
	@tests/tools/telethon.sh
