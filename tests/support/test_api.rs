//! `telegram-test-api`, an emulator of the Bot API that nobody here wrote. `make campaign` installs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::bot::TOKEN;

/// What `tests/tools/telegram-test-api.sh` makes.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/telegram-test-api");
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/telegram-test-api/server.js");

/// Ended when dropped.
pub(crate) struct TestApi {
    pub address: SocketAddr,
    child: Child,
}

impl TestApi {
    pub(crate) fn start() -> TestApi {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("loopback");
        TestApi::at(free)
    }

    /// At an address that nobody uses.
    pub(crate) fn at(address: SocketAddr) -> TestApi {
        let mut command = Command::new("node");
        command.arg(SERVER).arg(address.port().to_string()).env("NODE_PATH", Path::new(FOLDER).join("node_modules"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("node runs");
        let mut said = String::new();
        let output = child.stdout.as_mut().expect("its output");
        BufReader::new(output).read_line(&mut said).expect("a line");
        assert_eq!(said, "ready\n");
        TestApi { address, child }
    }

    /// The messages that the bot has sent, as they are now, oldest first: their ids and texts.
    pub(crate) fn messages(&self) -> Vec<(i64, String)> {
        let history = self.ask("/getUpdatesHistory", &json!({"token": TOKEN}));
        let updates = history["result"].as_array().expect("a history").iter();
        let message =
            |update: &Value| Some((update["messageId"].as_i64()?, update["message"]["text"].as_str()?.to_owned()));
        updates.map(|update| message(update).expect("a message")).collect()
    }

    fn ask(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut connection = TcpStream::connect(self.address).expect("it listens");
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close");
        write!(connection, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("it reads");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("it answers");
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

impl Drop for TestApi {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where it has been installed whole.
pub(crate) fn installed() -> PathBuf {
    Path::new(FOLDER).join("installed.json")
}
