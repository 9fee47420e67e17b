//! The least that a Rust program costs that only sleeps and wakes. The watchdog's memory and CPU are compared with it.
//! `bare-loop SECONDS`

fn main() {
    let seconds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(60.0);
    loop {
        std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
    }
}
