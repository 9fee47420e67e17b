//! All integration tests in one binary: to link thirty takes longer than to run them. Each file of this folder is a
//! module of it.

mod alert;
mod architecture;
mod assets;
mod bad_input;
mod campaign;
mod chains;
mod crash_loops;
mod decoys;
mod demo;
mod embedded;
mod headless;
mod incidents_markers;
mod incidents_quiet;
mod install_faults;
mod install_launchd;
mod install_ownership;
mod install_systemd;
mod launchd_faults;
mod offline;
mod output;
mod second_look;
mod standin;
mod standin_faults;
mod standin_shapes;
mod support;
mod tray;
mod tray_demo;
mod tray_faults;
mod tray_output;
mod tray_restart;
mod tray_states;
mod under_launchd;
mod under_systemd;
mod under_systemd_stops;
mod under_systemd_unknown;
