# `make run` and `make test` are all that a newcomer needs: each installs what the machine lacks, builds, and goes.

APPLE ?= aarch64-apple-darwin x86_64-apple-darwin

# Debian's names. pkg-config and GTK build the tray; the rest is what the tests run it under.
BUILD_PACKAGES = build-essential pkg-config libgtk-3-dev
TEST_PACKAGES = dbus-bin dbus-daemon xvfb xfce4-panel dunst xdotool xclip imagemagick fonts-dejavu-core \
	adwaita-icon-theme libayatana-appindicator3-1 libplist-utils systemd util-linux

.PHONY: run test bench campaign check-macos icons icons-sheet screenshots app build-tools test-tools

# The app: on the configured bridge or, where there is no configuration, on a throw-away one with faults in its menu.
# Without a display a throw-away bridge fails and is healed in the terminal.
run: build-tools
	cargo build --locked --bins
	if [ "$$(uname -s)" = Darwin ] || [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
		cargo run --locked --quiet --bin bridge-watchdog -- tray; \
	else \
		cargo run --locked --quiet --bin bridge-watchdog -- demo; \
	fi

# A test whose need is not met fails where this machine has it; BRIDGE_WATCHDOG_REQUIRE= in the environment lets it skip.
# The threads are those of .config/nextest.toml.
test: test-tools
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	tests/tools/check-macos.sh aarch64-apple-darwin
	cargo build --locked --all-targets
	required=$$(tests/tools/required.sh) && export BRIDGE_WATCHDOG_REQUIRE="$${BRIDGE_WATCHDOG_REQUIRE-$$required}" && \
	if command -v cargo-nextest >/dev/null; then cargo nextest run --locked; else RUST_TEST_THREADS=6 cargo test --locked; fi

# Goal and measured value side by side; nothing fails for being slow.
bench: test-tools
	cargo build --locked --release --bins --examples
	cargo bench --locked --bench cost

# Hundreds of rounds of what `make test` does a few of.
campaign: test-tools
	cargo build --locked --examples
	BRIDGE_WATCHDOG_ROUNDS=200 cargo test --locked --test tests campaign:: -- --nocapture

check-macos:
	tests/tools/check-macos.sh $(APPLE)

icons:
	tests/tools/icons.sh

icons-sheet:
	tests/tools/icons.sh sheet

screenshots: test-tools
	tests/tools/screenshots.sh

# "Bridge Watchdog.app", signed ad hoc on a Mac.
app:
	tests/tools/app.sh

build-tools:
	@command -v cargo >/dev/null || { echo "Rust is not installed: get it with rustup, then run make again"; exit 1; }
	@tests/tools/packages.sh $(BUILD_PACKAGES)

test-tools: build-tools
	@tests/tools/packages.sh $(TEST_PACKAGES)
