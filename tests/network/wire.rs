//! The program over TLS, through a wire that is cut after a number of bytes in either direction:
//! within the handshake, a request or an answer.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use pims::facade;
use rcgen::{CertificateParams, KeyPair};

use crate::operations::{OPERATIONS, Operation, World, is_activated};
use crate::program::{CERTIFICATE, KEY, Program, binary, write};
use crate::service::Service;
use crate::shards::{Templates, each};
use crate::{expect, turn};

/// A direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    ToService,
    ToDevice,
}

/// The number of cuts in each direction, spread over all the bytes that an operation sends there.
const PARTS: usize = 6;

/// A wire to a program.
struct Wire {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The number of bytes in each direction.
    passed: [usize; 2],
    /// The place of the cut, which happens once.
    cut: Option<(Direction, usize)>,
}

impl Wire {
    fn to(program: &Program) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, address) = (state.clone(), program.address.clone());
        // The thread ends with the process. After the end of the program it only closes new
        // connections.
        std::thread::spawn(move || {
            for device in listener.incoming().map_while(Result::ok) {
                if let Ok(service) = TcpStream::connect(&address) {
                    join(device, service, &shared);
                }
            }
        });
        Self { url, state }
    }

    fn cut(&self, direction: Direction, after: usize) {
        *self.state.lock().unwrap() = State { passed: [0; 2], cut: Some((direction, after)) };
    }

    fn was_cut(&self) -> bool {
        self.state.lock().unwrap().cut.is_none()
    }

    fn passed(&self) -> [usize; 2] {
        std::mem::take(&mut self.state.lock().unwrap().passed)
    }
}

fn join(device: TcpStream, service: TcpStream, state: &Arc<Mutex<State>>) {
    for direction in [Direction::ToService, Direction::ToDevice] {
        let (device, service) = (device.try_clone().unwrap(), service.try_clone().unwrap());
        let (from, to) = if direction == Direction::ToService { (device, service) } else { (service, device) };
        let state = state.clone();
        std::thread::spawn(move || pump(from, to, direction, &state));
    }
}

/// Passes bytes on until the wire is cut or one side has ended. Then both sides have ended.
fn pump(mut from: TcpStream, mut to: TcpStream, direction: Direction, state: &Mutex<State>) {
    let mut bytes = [0; 4096];
    while let Ok(count) = from.read(&mut bytes) {
        let mut state = state.lock().unwrap();
        let passed = &mut state.passed[direction as usize];
        let before = *passed;
        *passed += count;
        let left = match state.cut {
            Some((cut, after)) if cut == direction && before + count > after => {
                state.cut = None;
                Some(after - before)
            }
            _ => None,
        };
        drop(state);
        if to.write_all(&bytes[..left.unwrap_or(count)]).is_err() || left.is_some() || count == 0 {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// Creates a self-signed certificate for the program and its clients.
fn certify(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    write(&folder.join(CERTIFICATE), &certificate.pem());
    write(&folder.join(KEY), &key.serialize_pem());
}

/// Runs work with a program over a wire, as the device in this folder.
fn over_the_wire<T>(binary: &Path, folder: &Path, work: impl FnOnce(&Wire, &World<'_>) -> T) -> T {
    certify(folder);
    let program = Program::start(binary, folder);
    let wire = Wire::to(&program);
    let ca_file = folder.join(CERTIFICATE);
    let world = World { folder, url: &wire.url, ca_file: Some(&ca_file), service: &program };
    world.init(30_000);
    let done = work(&wire, &world);
    facade::free();
    done
}

/// One cut in an operation.
struct Case {
    operation: &'static Operation,
    direction: Direction,
    after: usize,
}

#[test]
fn wherever_the_wire_is_cut_the_next_call_goes_on() {
    let _turn = turn();
    let Some(binary) = binary("the program over a wire that is cut") else { return };
    let start = |folder: &Path| Service::start_program(&binary, folder);
    let templates = RefCell::new(Templates::new(&start));
    let mut cases = Vec::new();
    // *blocked* succeeds without an answer, with the last known state: `broken` tests that.
    for operation in OPERATIONS.iter().filter(|operation| operation.step != "blocked") {
        let folder = templates.borrow_mut().copy(operation.prepare);
        let whole = over_the_wire(&binary, folder.path(), |wire, world| {
            expect(&world.act(operation.step));
            wire.passed()
        });
        for direction in [Direction::ToService, Direction::ToDevice] {
            let parts = (0..PARTS).map(|part| whole[direction as usize] * part / PARTS);
            // A handshake has several hundred bytes each way.
            let handshake = [1, 40, 200];
            cases.extend(handshake.into_iter().chain(parts).map(|after| Case { operation, direction, after }));
        }
    }
    each("wire::wherever_the_wire_is_cut_the_next_call_goes_on", &cases, |case| {
        case.run(&binary, templates.borrow_mut().copy(case.operation.prepare).path());
    });
}

impl Case {
    fn run(&self, binary: &Path, folder: &Path) {
        let Self { operation: Operation { step, .. }, direction, after } = self;
        let about = format!("{step}, cut after {after} bytes {direction:?}");
        over_the_wire(binary, folder, |wire, world| {
            wire.cut(*direction, *after);
            let message = world.act(step);
            assert!(wire.was_cut(), "{about}: {message}");
            let code = message["error"]["code"].as_u64();
            let may_be_done = matches!(*step, "enroll" | "enroll with number" | "update" | "reset");
            assert!(matches!(code, Some(2202 | 2203)) || may_be_done && code == Some(2316), "{about}: {message}");
            let activated = is_activated();
            facade::free();
            world.init(30_000);
            assert_eq!(is_activated(), activated, "{about}: {message}, and otherwise after a restart");
            if step.starts_with("enroll") {
                assert_eq!(activated, code == Some(2316), "{about}: {message}");
            }
            let is_new = world.goes_on(step, &message, &about);
            let uncertain = message["error"]["detail"].as_str().unwrap().contains("it is not known whether");
            if code == Some(2316) && !step.starts_with("enroll") || is_new {
                assert!(is_new && (code == Some(2316) || uncertain), "{about}: {message}");
            }
        });
    }
}
