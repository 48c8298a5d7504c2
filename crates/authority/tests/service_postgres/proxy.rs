//! A proxy before PostgreSQL that makes faults: it goes silent, loses messages, cuts connections,
//! and sends other statements than the client.
//!
//! It knows the framing of the protocol's messages, and the statements in them. Errors are raised
//! by the server itself, so that its messages, their order and the state of the transaction are
//! right.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The sender of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// A message that passes.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) side: Side,
    /// The type: the first byte of the message.
    pub(crate) kind: u8,
    /// The statement of a client's message, or the tag of a completed one.
    pub(crate) text: String,
    bytes: Vec<u8>,
}

/// The connections that a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The connections that are open. New ones work.
    Open,
    /// New connections, too: they are accepted and get no answer.
    All,
}

/// A fault of the connection, from a message on, which does not pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing passes in either direction. Both kernels acknowledge what they receive.
    Silence(Scope),
    /// The messages of one side are lost on the connections that are open.
    Loss(Side),
    /// Both sides see the end of this connection.
    Cut,
}

/// Statements that the server gets in place of the client's.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    sql: String,
    /// The tags that the client must not see.
    hidden: Vec<&'static str>,
}

impl Replacement {
    /// Raises this error in place of a statement.
    pub(crate) fn error(state: &str) -> Self {
        Self { sql: raise(state), hidden: Vec::new() }
    }

    /// Undoes the transaction in place of its commit, and raises this error.
    pub(crate) fn error_at_commit(state: &str) -> Self {
        Self { sql: format!("ROLLBACK; {}", raise(state)), hidden: vec!["ROLLBACK"] }
    }

    /// Commits the transaction, and raises this error in place of the answer.
    pub(crate) fn error_after_commit(state: &str) -> Self {
        Self { sql: format!("COMMIT; {}", raise(state)), hidden: vec!["COMMIT"] }
    }

    /// Ends the server's process in place of a statement, as an administrator does (57P01).
    pub(crate) fn end_of_process() -> Self {
        Self { sql: "SELECT pg_terminate_backend(pg_backend_pid())".to_owned(), hidden: Vec::new() }
    }
}

fn raise(state: &str) -> String {
    format!("DO $$ BEGIN RAISE EXCEPTION 'a simulated fault' USING ERRCODE = '{state}'; END $$")
}

type Matches = Box<dyn Fn(&Message) -> bool + Send>;

/// A fault that waits for its message.
struct Rule<T> {
    matches: Matches,
    /// The number of messages that match and still pass.
    left: usize,
    /// True if the rule stays.
    repeats: bool,
    result: T,
}

#[derive(Default)]
struct State {
    closed: bool,
    next: u64,
    /// Connections below this number are silent.
    silent_below: u64,
    /// Connections below this number lose the messages of this side.
    lost: Option<(u64, Side)>,
    delay: Duration,
    autocommit_before_ddl: bool,
    /// The number of definitions after which the server's process ends.
    end_after: Option<usize>,
    faults: Vec<Rule<Fault>>,
    replacements: Vec<Rule<Replacement>>,
    history: Vec<Message>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A running proxy. Its connections end when it is dropped.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    port: u16,
}

impl Proxy {
    /// Starts a proxy before this socket of a server.
    pub(crate) fn start(server: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { shared: Arc::default(), port: listener.local_addr().unwrap().port() };
        let shared = proxy.shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (shared, server) = (shared.clone(), server.clone());
                let Some(number) = shared.number() else { return };
                std::thread::spawn(move || serve(&shared, number, client, &server));
            }
        });
        proxy
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address for clients that log in as this role.
    pub(crate) fn address_of(&self, role: &str) -> String {
        format!("host=127.0.0.1 port={} user={role} dbname=postgres", self.port)
    }

    /// Begins a fault now.
    pub(crate) fn begin(&self, fault: Fault) {
        self.shared.lock().begin(fault);
        self.shared.changed.notify_all();
    }

    /// Begins a fault at the message that matches after this number of others that match.
    pub(crate) fn begin_at(&self, left: usize, fault: Fault, matches: impl Fn(&Message) -> bool + Send + 'static) {
        self.shared.lock().faults.push(Rule { matches: Box::new(matches), left, repeats: false, result: fault });
    }

    /// Replaces the client's messages up to a Sync, one of which matches after this number of such
    /// groups.
    pub(crate) fn replace_at(
        &self,
        left: usize,
        replacement: Replacement,
        matches: impl Fn(&Message) -> bool + Send + 'static,
    ) {
        let rule = Rule { matches: Box::new(matches), left, repeats: false, result: replacement };
        self.shared.lock().replacements.push(rule);
    }

    /// Replaces each such group of the client's messages.
    pub(crate) fn replace_each(&self, replacement: Replacement, matches: impl Fn(&Message) -> bool + Send + 'static) {
        let rule = Rule { matches: Box::new(matches), left: 0, repeats: true, result: replacement };
        self.shared.lock().replacements.push(rule);
    }

    /// Delays each message by this time.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    /// Commits the open transaction before each definition of a table or an index, as CockroachDB
    /// does.
    pub(crate) fn autocommit_before_ddl(&self) {
        self.shared.lock().autocommit_before_ddl = true;
    }

    /// Ends the server's process before the definition that follows this number of them.
    pub(crate) fn end_process_after(&self, definitions: usize) {
        self.shared.lock().end_after = Some(definitions);
    }

    /// Returns whether the end that was asked for has come.
    pub(crate) fn ended_process(&self) -> bool {
        self.shared.lock().end_after.is_none()
    }

    /// Ends a silence for new connections.
    pub(crate) fn answer_new_connections(&self) {
        let mut state = self.shared.lock();
        state.silent_below = state.silent_below.min(state.next);
        self.shared.changed.notify_all();
    }

    /// Ends all faults. Messages that waited pass now. Returns whether every fault had begun.
    pub(crate) fn resume(&self) -> bool {
        let mut state = self.shared.lock();
        let all_began = state.faults.is_empty() && state.replacements.iter().all(|rule| rule.repeats);
        let history = std::mem::take(&mut state.history);
        *state = State { closed: state.closed, next: state.next, history, ..State::default() };
        self.shared.changed.notify_all();
        all_began
    }

    /// Returns the messages since the last call.
    pub(crate) fn history(&self) -> Vec<Message> {
        std::mem::take(&mut self.shared.lock().history)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        // The listener's thread ends at the next connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Returns whether a message begins a transaction.
pub(crate) fn is_begin(message: &Message) -> bool {
    message.side == Side::Client && ["START", "BEGIN"].iter().any(|word| has_word(&message.text, word))
}

/// Returns whether a message asks for the commit.
pub(crate) fn is_commit(message: &Message) -> bool {
    message.side == Side::Client && matches!(message.kind, b'Q' | b'P') && has_word(&message.text, "COMMIT")
}

/// Returns whether a message says that the commit is done.
pub(crate) fn is_committed(message: &Message) -> bool {
    message.side == Side::Server && message.kind == b'C' && message.text == "COMMIT"
}

/// Returns whether a message ends a group of the client's messages, which the server answers.
pub(crate) fn ends_group(message: &Message) -> bool {
    message.side == Side::Client && matches!(message.kind, b'Q' | b'S')
}

fn has_word(sql: &str, word: &str) -> bool {
    statements(sql).iter().any(|statement| statement.to_uppercase().split_whitespace().next() == Some(word))
}

impl State {
    fn begin(&mut self, fault: Fault) {
        match fault {
            Fault::Silence(Scope::Open) => self.silent_below = self.silent_below.max(self.next),
            Fault::Silence(Scope::All) => self.silent_below = u64::MAX,
            Fault::Loss(side) => self.lost = Some((self.next, side)),
            // It is of one connection, which sees it itself.
            Fault::Cut => {}
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of a new connection.
    fn number(&self) -> Option<u64> {
        let mut state = self.lock();
        state.next += 1;
        (!state.closed).then_some(state.next - 1)
    }

    /// Waits as long as this connection is silent. Returns false if it must end.
    fn waited(&self, number: u64) -> bool {
        let mut state = self.lock();
        while !state.closed && number < state.silent_below {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.closed
    }

    /// Notes a message and begins its fault. Returns false if the connection is cut before it.
    fn note(&self, message: &Message) -> bool {
        let mut state = self.lock();
        state.history.push(message.clone());
        let Some(fault) = due(&mut state.faults, std::slice::from_ref(message)) else { return true };
        state.begin(fault);
        !matches!(fault, Fault::Cut)
    }

    /// Returns whether the messages of this side are lost.
    fn loses(&self, number: u64, side: Side) -> bool {
        self.lock().lost.is_some_and(|(below, lost)| number < below && lost == side)
    }
}

/// Returns the result of the rule whose turn it is, and removes the rule.
fn due<T: Clone>(rules: &mut Vec<Rule<T>>, messages: &[Message]) -> Option<T> {
    let mut found = None;
    for (index, rule) in rules.iter_mut().enumerate() {
        if messages.iter().any(|message| (rule.matches)(message)) {
            if rule.left == 0 {
                found = Some(index);
                break;
            }
            rule.left -= 1;
        }
    }
    found.map(|index| if rules[index].repeats { rules[index].result.clone() } else { rules.remove(index).result })
}

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// Serves one connection of a client.
fn serve(shared: &Arc<Shared>, number: u64, mut client: TcpStream, server: &PathBuf) {
    client.set_nodelay(true).unwrap();
    if !shared.waited(number) {
        return;
    }
    let Some(startup) = startup(&mut client) else { return };
    let Ok(mut server) = UnixStream::connect(server) else { return };
    if server.write_all(&startup).is_err() {
        return;
    }
    // The tags of completed statements that the client must not see.
    let hidden: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let answers = {
        let (shared, hidden) = (shared.clone(), hidden.clone());
        let (server, client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || {
            pass_answers(&shared, number, &server, &client, &hidden);
            shared.waited(number);
            end(&client, &server);
        })
    };
    pass_requests(shared, number, &client, &server, &hidden);
    // The end of the connection is silent, too.
    shared.waited(number);
    end(&client, &server);
    let _ = answers.join();
}

/// Ends both connections.
fn end(client: &TcpStream, server: &UnixStream) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Reads the first message of a client. Refuses encryption.
fn startup(client: &mut TcpStream) -> Option<Vec<u8>> {
    loop {
        let mut head = [0; 8];
        client.read_exact(&mut head).ok()?;
        let [length, code] = [&head[..4], &head[4..]].map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
        if [SSL_REQUEST, GSS_REQUEST].contains(&code) {
            client.write_all(b"N").ok()?;
            continue;
        }
        let mut message = head.to_vec();
        message.resize(length as usize, 0);
        client.read_exact(&mut message[8..]).ok()?;
        return Some(message);
    }
}

/// Passes the client's messages on, group by group.
fn pass_requests(
    shared: &Shared,
    number: u64,
    mut client: &TcpStream,
    mut server: &UnixStream,
    hidden: &Mutex<Vec<&'static str>>,
) {
    let mut prepared = HashMap::new();
    let mut group: Vec<Message> = Vec::new();
    while let Some((kind, bytes)) = read(&mut client) {
        let text = request_text(kind, &bytes[5..], &mut prepared);
        let message = Message { side: Side::Client, kind, text, bytes };
        let passes = shared.note(&message);
        if !shared.waited(number) {
            return;
        }
        if !passes {
            // The server gets the messages before it.
            let _ = server.write_all(&bytes_of(&group));
            return;
        }
        if shared.loses(number, Side::Client) {
            continue;
        }
        group.push(message);
        // A Parse, Bind, Describe, Execute or Close waits for the Sync or the Flush after it.
        if !matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C') {
            std::thread::sleep(shared.lock().delay);
            let sent = shared.rewritten(&group, hidden);
            group.clear();
            if server.write_all(&sent).is_err() {
                return;
            }
        }
    }
}

/// Passes the server's messages on.
fn pass_answers(
    shared: &Shared,
    number: u64,
    mut server: &UnixStream,
    mut client: &TcpStream,
    hidden: &Mutex<Vec<&'static str>>,
) {
    while let Some((kind, bytes)) = read(&mut server) {
        let text = if kind == b'C' { string(&bytes[5..]).0 } else { String::new() };
        let mut to_hide = hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if kind == b'C' && to_hide.first().is_some_and(|tag| *tag == text) {
            to_hide.remove(0);
            continue;
        }
        if kind == b'E' {
            // The statements after it are not run.
            to_hide.clear();
        }
        drop(to_hide);
        let passes = shared.note(&Message { side: Side::Server, kind, text, bytes: Vec::new() });
        if !shared.waited(number) || !passes {
            return;
        }
        if shared.loses(number, Side::Server) {
            continue;
        }
        std::thread::sleep(shared.lock().delay);
        if client.write_all(&bytes).is_err() {
            return;
        }
    }
}

impl Shared {
    /// Returns the bytes that the server gets for a group of messages.
    fn rewritten(&self, group: &[Message], hidden: &Mutex<Vec<&'static str>>) -> Vec<u8> {
        let mut state = self.lock();
        let hide = |tags: &[&'static str]| {
            hidden.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(tags);
        };
        if let Some(replacement) = due(&mut state.replacements, group) {
            hide(&replacement.hidden);
            return simple_query(&replacement.sql);
        }
        match group {
            [Message { kind: b'Q', text, .. }] if state.autocommit_before_ddl => {
                let (sql, commits) = with_commits(text, &mut state.end_after);
                hide(&vec!["COMMIT"; commits]);
                simple_query(&sql)
            }
            group => {
                let defines = group.iter().any(|message| has_definition(&message.text));
                assert!(!(state.autocommit_before_ddl && defines), "a definition in the extended protocol");
                bytes_of(group)
            }
        }
    }
}

fn bytes_of(group: &[Message]) -> Vec<u8> {
    group.iter().flat_map(|message| message.bytes.iter().copied()).collect()
}

fn simple_query(sql: &str) -> Vec<u8> {
    let length = u32::try_from(4 + sql.len() + 1).unwrap();
    [&b"Q"[..], &length.to_be_bytes(), sql.as_bytes(), &[0]].concat()
}

/// Puts a COMMIT before each definition, and the end of the process before the one at which it is
/// due. Returns the number of commits, too.
fn with_commits(sql: &str, end_after: &mut Option<usize>) -> (String, usize) {
    let mut commits = 0;
    let mut text = String::new();
    for statement in statements(sql) {
        if has_definition(&statement) {
            if *end_after == Some(0) {
                *end_after = None;
                text.push_str("COMMIT; SELECT pg_terminate_backend(pg_backend_pid())");
                return (text, commits + 1);
            }
            *end_after = end_after.map(|left| left - 1);
            text.push_str("COMMIT;");
            commits += 1;
        }
        text.push_str(&statement);
        text.push(';');
    }
    (text, commits)
}

/// Returns whether a statement defines a table, a column or an index.
pub(crate) fn has_definition(statement: &str) -> bool {
    ["CREATE", "ALTER", "DROP"].iter().any(|word| has_word(statement, word))
}

/// Splits SQL at its semicolons. Comments are left out. No string of ours has a semicolon or a
/// comment in it.
pub(crate) fn statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code)).collect();
    code.join("\n").split(';').map(|statement| statement.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// Reads a message. Returns its type and all of its bytes, or `None` at the end.
fn read(from: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    from.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
    let mut bytes = head.to_vec();
    bytes.resize(1 + length, 0);
    from.read_exact(&mut bytes[5..]).ok()?;
    Some((head[0], bytes))
}

/// Returns the statement that a client's message is about.
fn request_text(kind: u8, body: &[u8], prepared: &mut HashMap<String, String>) -> String {
    match kind {
        b'Q' => string(body).0,
        b'P' => {
            let (name, rest) = string(body);
            let sql = string(rest).0;
            prepared.insert(name, sql.clone());
            sql
        }
        b'B' => {
            let (_, rest) = string(body);
            prepared.get(&string(rest).0).cloned().unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Reads a string that ends with a zero. Returns the bytes after it, too.
fn string(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), bytes.get(end + 1..).unwrap_or_default())
}
