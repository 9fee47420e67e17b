//! For comparison with the app's memory: the same crates, an icon, three rows, and no function.

use tao::event::{Event, StartCause};
use tao::event_loop::{ControlFlow, EventLoopBuilder};
use tray_icon::menu::{Menu, MenuItem};
use tray_icon::{Icon, TrayIcon, TrayIconBuilder};

fn main() {
    let event_loop = EventLoopBuilder::<()>::with_user_event().build();
    let mut tray: Option<TrayIcon> = None;
    event_loop.run(move |event, _, flow| {
        *flow = ControlFlow::Wait;
        if let Event::NewEvents(StartCause::Init) = event {
            let rows = ["State", "Restart", "Quit"].map(|text| MenuItem::new(text, true, None));
            let menu = Menu::with_items(&[&rows[0], &rows[1], &rows[2]]).expect("a menu");
            let icon = Icon::from_rgba(vec![128; 44 * 44 * 4], 44, 44).expect("an icon");
            let built = TrayIconBuilder::new().with_id("bare").with_menu(Box::new(menu)).with_icon(icon).build();
            tray = Some(built.expect("a tray"));
        }
        let _ = &tray;
    })
}
