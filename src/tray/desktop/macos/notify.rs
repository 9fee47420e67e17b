//! Notifications by the framework that current systems show (UNUserNotificationCenter). It relies on these facts: outside a
//! real bundle the framework aborts the process, which can't be caught; permission is asked once, and a question that
//! nobody saw counts as no, for good; the delegate is held weakly.

use std::cell::OnceCell;

use block2::{DynBlock, RcBlock};
use objc2::rc::Retained;
use objc2::runtime::{Bool, NSObject, NSObjectProtocol, ProtocolObject};
use objc2::{AllocAnyThread, DefinedClass, define_class, msg_send};
use objc2_foundation::{NSArray, NSBundle, NSError, NSSet, NSString};
use objc2_user_notifications::{
    UNAuthorizationOptions, UNMutableNotificationContent, UNNotification, UNNotificationAction,
    UNNotificationActionOptions, UNNotificationCategory, UNNotificationCategoryOptions,
    UNNotificationDismissActionIdentifier, UNNotificationPresentationOptions, UNNotificationRequest,
    UNNotificationResponse, UNUserNotificationCenter, UNUserNotificationCenterDelegate,
};
use tao::event_loop::EventLoopProxy;

use crate::tray::message::{Message, Notice};
use bridge_watchdog::install::place;
use bridge_watchdog::system::program;

/// One name: a newer notification takes the place of the one before.
const NAME: &str = "bridge";
const LOG: &str = "log";

thread_local! {
    static CLICKS: OnceCell<Retained<Clicks>> = const { OnceCell::new() };
}

/// From now on a click on a notification is a message. Before the app has finished launching: a click may be what launched
/// it.
pub(super) fn begin(proxy: &EventLoopProxy<Message>) {
    let Some(center) = center() else { return };
    let log = UNNotificationAction::actionWithIdentifier_title_options(
        &NSString::from_str(LOG),
        &NSString::from_str("Open log"),
        UNNotificationActionOptions::empty(),
    );
    let category = UNNotificationCategory::categoryWithIdentifier_actions_intentIdentifiers_options(
        &NSString::from_str(NAME),
        &NSArray::from_retained_slice(&[log]),
        &NSArray::new(),
        UNNotificationCategoryOptions::empty(),
    );
    center.setNotificationCategories(&NSSet::from_retained_slice(&[category]));
    let clicks = Clicks::new(proxy.clone());
    center.setDelegate(Some(ProtocolObject::from_ref(&*clicks)));
    CLICKS.with(|held| drop(held.set(clicks)));
}

/// Asks for the permission. Called where a person is there to see it; the system asks only the first time.
pub(crate) fn ask_to_notify() {
    let Some(center) = center() else { return };
    let answered = RcBlock::new(|_: Bool, _: *mut NSError| {});
    center.requestAuthorizationWithOptions_completionHandler(UNAuthorizationOptions::Alert, &answered);
}

/// Without a permission nothing is shown; that is no error.
pub(crate) fn notify(notice: &Notice) {
    let Some(center) = center() else { return };
    let content = UNMutableNotificationContent::new();
    content.setTitle(&NSString::from_str(&notice.title));
    content.setBody(&NSString::from_str(&notice.body));
    content.setCategoryIdentifier(&NSString::from_str(NAME));
    let request =
        UNNotificationRequest::requestWithIdentifier_content_trigger(&NSString::from_str(NAME), &content, None);
    center.addNotificationRequest_withCompletionHandler(&request, None);
}

/// `None` outside a real bundle: our program inside `*.app/Contents/MacOS/`, and the system knows the bundle's id.
pub(super) fn center() -> Option<Retained<UNUserNotificationCenter>> {
    let inside = program::ours().is_ok_and(|program| place::bundle(&program).is_some());
    let known = NSBundle::mainBundle().bundleIdentifier().is_some();
    (inside && known).then(UNUserNotificationCenter::currentNotificationCenter)
}

struct Clicked {
    proxy: EventLoopProxy<Message>,
}

define_class!(
    // SAFETY:
    // - NSObject asks nothing of its subclasses.
    // - `Clicks` does not implement `Drop`.
    #[unsafe(super(NSObject))]
    #[name = "BridgeWatchdogNotificationClicks"]
    #[ivars = Clicked]
    struct Clicks;

    // SAFETY: NSObjectProtocol asks nothing.
    unsafe impl NSObjectProtocol for Clicks {}

    // SAFETY: the methods have the signatures that the protocol declares.
    unsafe impl UNUserNotificationCenterDelegate for Clicks {
        /// Without this a notification is not shown while our own window is in front.
        #[unsafe(method(userNotificationCenter:willPresentNotification:withCompletionHandler:))]
        fn will_present(
            &self,
            _: &UNUserNotificationCenter,
            _: &UNNotification,
            done: &DynBlock<dyn Fn(UNNotificationPresentationOptions)>,
        ) {
            done.call((UNNotificationPresentationOptions::Banner | UNNotificationPresentationOptions::List,));
        }

        #[unsafe(method(userNotificationCenter:didReceiveNotificationResponse:withCompletionHandler:))]
        fn did_receive(
            &self,
            _: &UNUserNotificationCenter,
            response: &UNNotificationResponse,
            done: &DynBlock<dyn Fn()>,
        ) {
            let action = response.actionIdentifier();
            // SAFETY: a constant of the framework's.
            let dismissed = unsafe { UNNotificationDismissActionIdentifier };
            if *action != *dismissed {
                let log = action.to_string() == LOG;
                let message = if log { Message::OpenLog } else { Message::ShowStatus };
                let _ = self.ivars().proxy.send_event(message);
            }
            done.call(());
        }
    }
);

impl Clicks {
    fn new(proxy: EventLoopProxy<Message>) -> Retained<Clicks> {
        let clicks = Clicks::alloc().set_ivars(Clicked { proxy });
        // SAFETY: NSObject's `init` takes nothing and returns an object.
        unsafe { msg_send![super(clicks), init] }
    }
}
