//! A window of ours on the Mac: a panel that floats above other windows even if the app is not active, and does not
//! block. It relies on these facts: activation is a request that may be ignored, and a window that is modal for the
//! application blocks logout, restart and a system update.

use std::cell::RefCell;

use objc2::rc::Retained;
use objc2::runtime::{NSObject, NSObjectProtocol, ProtocolObject, Sel};
use objc2::{DefinedClass, MainThreadMarker, MainThreadOnly, define_class, msg_send, sel};
use objc2_app_kit::{
    NSBackingStoreType, NSButton, NSFloatingWindowLevel, NSFont, NSLayoutAttribute, NSPanel, NSStackView, NSTextField,
    NSUserInterfaceLayoutOrientation, NSWindowCollectionBehavior, NSWindowDelegate, NSWindowStyleMask,
};
use objc2_foundation::{NSEdgeInsets, NSNotification, NSPoint, NSRect, NSSize, NSString};

/// A width at which text is easy to read, in points.
const WIDTH: f64 = 380.0;
const MARGIN: f64 = 20.0;
const SPACING: f64 = 12.0;

/// What a press of the button means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    Yes,
    No,
}

/// An open window.
pub(crate) struct Panel {
    window: Retained<NSPanel>,
    /// AppKit holds targets and delegates weakly.
    listener: Retained<Listener>,
}

thread_local! {
    /// Every panel that was shown and may still be open, so that callers need not keep it.
    static SHOWN: RefCell<Vec<Panel>> = const { RefCell::new(Vec::new()) };
}

/// Shows a panel with these buttons, the last of which the Return key presses. `answer` is called once: true if the
/// button that means yes was pressed, false if the panel was closed in any other way.
pub(super) fn show(
    main: MainThreadMarker,
    title: &str,
    detail: &str,
    buttons: &[(&str, Means)],
    answer: Box<dyn FnOnce(bool)>,
) -> Panel {
    let style = NSWindowStyleMask::Titled | NSWindowStyleMask::Closable | NSWindowStyleMask::NonactivatingPanel;
    let frame = NSRect::new(NSPoint::new(0.0, 0.0), NSSize::new(WIDTH, WIDTH));
    let window = NSPanel::initWithContentRect_styleMask_backing_defer(
        NSPanel::alloc(main),
        frame,
        style,
        NSBackingStoreType::Buffered,
        false,
    );
    // SAFETY: we hold it ourselves, and so it must not release itself.
    unsafe { window.setReleasedWhenClosed(false) };
    window.setTitle(&NSString::from_str("Bridge Watchdog"));
    window.setFloatingPanel(true);
    window.setLevel(NSFloatingWindowLevel);
    window.setHidesOnDeactivate(false);
    // On every space, and over an app in full screen: the menu can be clicked there.
    window.setCollectionBehavior(
        NSWindowCollectionBehavior::CanJoinAllSpaces | NSWindowCollectionBehavior::FullScreenAuxiliary,
    );
    window.setPreventsApplicationTerminationWhenModal(false);
    let listener = Listener::new(main, answer);
    window.setDelegate(Some(ProtocolObject::from_ref(&*listener)));
    let content = content(main, title, detail, buttons, &listener);
    window.setContentSize(content.fittingSize());
    window.setContentView(Some(&content));
    window.center();
    let panel = Panel { window, listener };
    panel.present();
    SHOWN.with_borrow_mut(|shown| {
        // Dropped here and not when it closes: then one of its own methods is on the stack.
        shown.retain(|panel| panel.window.isVisible());
        shown.push(Panel { window: panel.window.clone(), listener: panel.listener.clone() });
    });
    panel
}

impl Panel {
    /// In front of all other windows, with the keyboard: a panel of this style takes it without its app being active.
    pub(crate) fn present(&self) {
        self.window.orderFrontRegardless();
        self.window.makeKeyWindow();
    }

    pub(crate) fn close(&self) {
        self.window.close();
    }
}

/// Text above, buttons below on the right.
fn content(
    main: MainThreadMarker,
    title: &str,
    detail: &str,
    buttons: &[(&str, Means)],
    listener: &Listener,
) -> Retained<NSStackView> {
    let text = |text: &str| {
        let label = NSTextField::wrappingLabelWithString(&NSString::from_str(text), main);
        label.widthAnchor().constraintEqualToConstant(WIDTH).setActive(true);
        // Its height is asked for before the first layout, which would set this.
        label.setPreferredMaxLayoutWidth(WIDTH);
        label
    };
    let heading = text(title);
    heading.setFont(Some(&NSFont::boldSystemFontOfSize(NSFont::systemFontSize())));
    let row = NSStackView::new(main);
    for (title, means) in buttons {
        row.addArrangedSubview(&button(main, title, listener, *means));
    }
    if let Some(last) = row.arrangedSubviews().lastObject().and_then(|view| view.downcast::<NSButton>().ok()) {
        last.setKeyEquivalent(&NSString::from_str("\r"));
    }
    let stack = NSStackView::new(main);
    stack.setOrientation(NSUserInterfaceLayoutOrientation::Vertical);
    stack.setAlignment(NSLayoutAttribute::Trailing);
    stack.setSpacing(SPACING);
    stack.setEdgeInsets(NSEdgeInsets { top: MARGIN, left: MARGIN, bottom: MARGIN, right: MARGIN });
    stack.addArrangedSubview(&heading);
    stack.addArrangedSubview(&text(detail));
    stack.addArrangedSubview(&row);
    stack
}

fn button(main: MainThreadMarker, title: &str, listener: &Listener, means: Means) -> Retained<NSButton> {
    let action = action(means);
    // SAFETY: the listener has both methods, and each takes the button that sends it.
    unsafe { NSButton::buttonWithTitle_target_action(&NSString::from_str(title), Some(listener), Some(action), main) }
}

fn action(means: Means) -> Sel {
    match means {
        Means::Yes => sel!(pressedYes:),
        Means::No => sel!(pressedNo:),
    }
}

struct Asked {
    answer: RefCell<Option<Box<dyn FnOnce(bool)>>>,
}

define_class!(
    // SAFETY:
    // - NSObject asks nothing of its subclasses.
    // - `Listener` does not implement `Drop`.
    #[unsafe(super(NSObject))]
    #[thread_kind = MainThreadOnly]
    #[name = "BridgeWatchdogPanelListener"]
    #[ivars = Asked]
    struct Listener;

    // SAFETY: NSObjectProtocol asks nothing.
    unsafe impl NSObjectProtocol for Listener {}

    // SAFETY: the method has the signature that the protocol declares.
    unsafe impl NSWindowDelegate for Listener {
        #[unsafe(method(windowWillClose:))]
        fn window_will_close(&self, _: &NSNotification) {
            // Closed in any way; a yes has been sent before.
            self.tell(false);
        }
    }

    impl Listener {
        #[unsafe(method(pressedYes:))]
        fn pressed_yes(&self, button: &NSButton) {
            self.tell(true);
            close(button);
        }

        #[unsafe(method(pressedNo:))]
        fn pressed_no(&self, button: &NSButton) {
            close(button);
        }
    }
);

impl Listener {
    fn new(main: MainThreadMarker, answer: Box<dyn FnOnce(bool)>) -> Retained<Listener> {
        let listener = Listener::alloc(main).set_ivars(Asked { answer: RefCell::new(Some(answer)) });
        // SAFETY: NSObject's `init` takes nothing and returns an object.
        unsafe { msg_send![super(listener), init] }
    }

    fn tell(&self, yes: bool) {
        let answer = self.ivars().answer.take();
        if let Some(answer) = answer {
            answer(yes);
        }
    }
}

fn close(button: &NSButton) {
    if let Some(window) = button.window() {
        window.close();
    }
}
