//! The least that a Rust program costs which sleeps and wakes: what the watchdog's memory and CPU are measured beside.
//! `bare-loop SECONDS`

fn main() {
    let seconds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(60.0);
    loop {
        std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
    }
}
