//! A window of a start that goes no further: started by a double click there is no terminal, and a line on standard error
//! would be seen by nobody.

use std::io::IsTerminal;

use bridge_watchdog::install::LABEL;
use bridge_watchdog::text::dialogs::Question;
use tao::event::{Event, StartCause};
use tao::event_loop::ControlFlow;
use tao::platform::run_return::EventLoopExtRunReturn;

use super::app;
use super::desktop;
use super::message::{Asked, Message};
use super::panics::caught;

/// Whether a person started us by a double click. A service manager starts us again and again, and a window each time
/// would be a nuisance; in a terminal the line is read.
pub(super) fn started_by_hand() -> bool {
    !std::io::stderr().is_terminal() && !by_a_manager()
}

/// systemd names the process that it started; what that starts inherits the variable. launchd names the job, and for a
/// double click it names the application.
fn by_a_manager() -> bool {
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    is("SYSTEMD_EXEC_PID", &std::process::id().to_string()) || is("XPC_SERVICE_NAME", LABEL)
}

/// Shows the window until it is closed. Returns whether its "yes" was pressed; `None` where there is no display.
pub(super) fn ask(question: &Question) -> Option<bool> {
    let mut event_loop = caught(app::event_loop).ok()?;
    let proxy = event_loop.create_proxy();
    let (mut window, mut answer) = (None, None);
    event_loop.run_return(|event, _, flow| {
        *flow = ControlFlow::Wait;
        match event {
            Event::NewEvents(StartCause::Init) => {
                window = desktop::ask(question, Asked::Log, &proxy);
                if window.is_none() {
                    *flow = ControlFlow::Exit;
                }
            }
            Event::UserEvent(Message::Confirmed(_, yes)) => {
                answer = Some(yes);
                *flow = ControlFlow::Exit;
            }
            _ => {}
        }
    });
    answer
}
