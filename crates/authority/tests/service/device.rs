//! A small client of the exchange, which acts as a device does.

use std::sync::atomic::{AtomicU64, Ordering};

use authority::{AccountName, Authority, Purpose, Word};
use inwebo::mode::Mode;
use inwebo::values::{K0, K1, Kma, Modulus, Pin, Proofs, SecVal, Serial, ServiceSecret, bound_challenge, hex, otp};

pub(crate) const SEED: [u8; 32] = [5; 32];

pub(crate) fn pin(digits: &str) -> Pin {
    Pin::new(digits).unwrap()
}

/// The other side of the exchange: a library or a program.
pub(crate) trait Exchange {
    fn mac(&self, caller: Option<&AccountName>, query: &str) -> String;
}

impl Exchange for Authority {
    fn mac(&self, caller: Option<&AccountName>, query: &str) -> String {
        let answer = Authority::mac(self, caller, query).unwrap();
        let word = answer.xml.split_once("<err>").unwrap().1.split_once("</err>").unwrap().0;
        assert_eq!(answer.word.as_ref().map_or("OK", Word::as_str), word);
        answer.xml.to_string()
    }
}

/// The place that gives codes to accounts.
pub(crate) trait Scene {
    type Service: Exchange;

    fn service(&self) -> &Self::Service;

    /// Asks for a code and reads it.
    fn sent_code(&self, account: &AccountName, purpose: Purpose) -> String;
}

/// Returns a serial that is unlike all others.
pub(crate) fn serial() -> Serial {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Serial::new(NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes(), [0xf7; 16])
}

/// An answer: its children by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer(String);

impl Answer {
    pub(crate) fn of(authority: &impl Exchange, caller: Option<&AccountName>, query: &str) -> Self {
        let answer = Self(authority.mac(caller, query));
        let root = if query.contains("action=ActionFinalize") { "ActionFinalize" } else { "ActionSetup" };
        let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        assert!(answer.0.starts_with(&format!("{declaration}<{root}><err>")), "{}", answer.0);
        assert!(answer.0.ends_with(&format!("</{root}>")), "{}", answer.0);
        answer
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.0.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>")).unwrap().0)
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    /// Returns the children with this name that have children of their own, in their order.
    pub(crate) fn elements(&self, name: &str) -> Vec<Self> {
        let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
        let parts = self.0.split(&begin).skip(1);
        parts.map(|part| Self(part.split_once(&end).unwrap().0.to_owned())).collect()
    }

    pub(crate) fn err(&self) -> &str {
        self.get("err")
    }

    pub(crate) fn attempts_left(&self) -> Option<u32> {
        self.find("attemptsLeft").map(|left| left.parse().unwrap())
    }

    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.err(), "OK");
        self
    }
}

/// Returns a query, form-urlencoded.
pub(crate) fn query(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

const COMMON: [(&str, &str); 2] = [("version", "Generator-1.0/0.2.11"), ("macid", "0123456789abcdef0123456789abcdef")];

/// Returns a setup step of a device that never synchronized, or of no device.
pub(crate) fn setup(mode: &str, id: &str, more: &[(&str, &str)]) -> String {
    setup_since(mode, id, "0", more)
}

fn setup_since(mode: &str, id: &str, last_sync: &str, more: &[(&str, &str)]) -> String {
    let first = [("action", "ActionSetup"), ("mode", mode), ("id", id), ("lastsync", last_sync)];
    query(&[&first[..], &COMMON, more].concat())
}

/// Returns a finalize step of a device that never synchronized, or of no device.
pub(crate) fn finalize(mode: &str, id: &str, more: &[(&str, &str)]) -> String {
    finalize_since(mode, id, "0", more)
}

fn finalize_since(mode: &str, id: &str, last_sync: &str, more: &[(&str, &str)]) -> String {
    let first = [("action", "ActionFinalize"), ("mode", mode), ("id", id), ("lastsync", last_sync)];
    query(&[&first[..], &[("lang", "fr"), ("ack", "")], &COMMON, more].concat())
}

/// The keys of a setup answer.
pub(crate) struct Keys {
    pub(crate) factory: Modulus,
    pub(crate) device: Modulus,
}

impl Keys {
    pub(crate) fn read(answer: &Answer) -> Self {
        let factory = Modulus::from_hex(answer.get("Kfact")).unwrap();
        let device = opened(&factory, answer.get("Kiw"));
        assert_eq!(factory.size(), 128);
        Self { factory, device }
    }

    pub(crate) fn encrypt(&self, message: &[u8]) -> String {
        hex::encode(&self.device.encrypt(message, &SEED).unwrap())
    }
}

fn opened(factory: &Modulus, sealed: &str) -> Modulus {
    Modulus::from_bytes(&factory.open_sealed(&hex::decode(sealed).unwrap()).unwrap()).unwrap()
}

/// Returns the finalize step of an activation.
pub(crate) fn activation(keys: &Keys, code: &str, chosen: &Pin, serial: &Serial, phone: Option<&str>) -> String {
    let proofs = Proofs::before_activation(serial);
    let kma = keys.encrypt(Kma::derive(chosen, serial).as_bytes());
    let encrypted_pin = keys.encrypt(chosen.digits().as_bytes());
    let parameters = [
        ("serial", serial.as_str()),
        ("code", code),
        ("Kma", &kma),
        ("pin", &encrypted_pin),
        ("name", "Android SDK / test"),
        ("R0", &proofs.r0),
        ("R1", &proofs.r1),
        ("R2", &proofs.r2),
        ("phone", phone.unwrap_or_default()),
    ];
    finalize("activate", "", &parameters[..if phone.is_some() { 9 } else { 8 }])
}

/// An activated device.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) serial: Serial,
    pub(crate) last_sync: String,
    pub(crate) k0: K0,
    pub(crate) hidden_k1: [u8; 16],
    pub(crate) secret: Option<ServiceSecret>,
    pub(crate) factory: Modulus,
}

/// The request for a service secret.
pub(crate) struct Wanted {
    key: Modulus,
    challenge: String,
}

/// The result of a request for a password.
pub(crate) enum Password {
    Made(String),
    /// K1 evolves. This device must ask again.
    Again(Box<Device>),
    Refused(String),
}

impl Device {
    /// Activates a device and makes its secret.
    pub(crate) fn activate(scene: &impl Scene, account: &AccountName, digits: &str) -> Self {
        let code = scene.sent_code(account, Purpose::Enrollment);
        Self::activate_with(scene, account, &code, digits)
    }

    pub(crate) fn activate_with(scene: &impl Scene, account: &AccountName, code: &str, digits: &str) -> Self {
        Self::activate_telling(scene, account, code, digits, "")
    }

    /// Activates a device whose finalize step has more parameters, form-urlencoded.
    pub(crate) fn activate_telling(
        scene: &impl Scene,
        account: &AccountName,
        code: &str,
        digits: &str,
        more: &str,
    ) -> Self {
        let authority = scene.service();
        let keys = Keys::read(&Answer::of(authority, Some(account), &setup("activate", "", &[("code", code)])).ok());
        let serial = serial();
        let chosen = pin(digits);
        let request = activation(&keys, code, &chosen, &serial, None) + more;
        let answer = Answer::of(authority, Some(account), &request).ok();
        let (mut device, wanted) = Self::read(&answer, answer.get("id"), &serial, &chosen, &keys.factory);
        device.register(authority, &wanted, digits).ok();
        device
    }

    /// Returns the device in an answer of `activate` or `synchro`.
    pub(crate) fn read(answer: &Answer, id: &str, serial: &Serial, chosen: &Pin, factory: &Modulus) -> (Self, Wanted) {
        assert_eq!((answer.get("s_n"), answer.get("s_id"), answer.get("s_name")), ("1", "7001", "PIMS"));
        assert_eq!((answer.get("ms_n"), answer.get("ms_id")), ("1", "9001"));
        let kma = Kma::derive(chosen, serial);
        let key = |name| hex::decode_array::<16>(answer.get(name)).unwrap();
        let wanted =
            Wanted { key: opened(factory, answer.get("ms_key")), challenge: answer.get("challenge").to_owned() };
        let device = Self {
            id: id.to_owned(),
            serial: serial.clone(),
            last_sync: answer.get("Tsync").to_owned(),
            k0: K0::new(kma.decrypt(&key("K0"))),
            hidden_k1: key("K1"),
            secret: None,
            factory: factory.clone(),
        };
        (device, wanted)
    }

    pub(crate) fn k1(&self, digits: &str) -> K1 {
        K1::new(Kma::derive(&pin(digits), &self.serial).decrypt(&self.hidden_k1))
    }

    pub(crate) fn secval(&self, digits: &str) -> SecVal {
        self.secret.as_ref().unwrap().under(&Kma::derive(&pin(digits), &self.serial))
    }

    pub(crate) fn proofs(&self, challenge: &str, digits: &str) -> Proofs {
        Proofs::with_pin(challenge, &self.serial, &self.k0, &self.k1(digits), &pin(digits))
    }

    /// Makes a service secret.
    pub(crate) fn register(&mut self, authority: &impl Exchange, wanted: &Wanted, digits: &str) -> Answer {
        let secret = ServiceSecret::new([0x50; 16]);
        let value = hex::encode(&wanted.key.encrypt(secret.as_bytes(), &SEED).unwrap());
        let proofs = self.proofs(&wanted.challenge, digits);
        let request = query(&[
            ("action", "ActionFinalize"),
            ("mode", "ms"),
            ("ms_id0", "9001"),
            ("ms_val0", &value),
            ("macid", "0123456789abcdef0123456789abcdef"),
            ("id", &self.id),
            ("lastsync", &self.last_sync),
            ("ms_n", "1"),
            ("R0", &proofs.r0),
            ("R1", &proofs.r1),
            ("R2", &proofs.r2),
        ]);
        let answer = Answer::of(authority, None, &request);
        if answer.err() == "OK" {
            self.secret = Some(secret);
        }
        answer
    }

    pub(crate) fn setup(&self, authority: &impl Exchange, mode: &str, more: &[(&str, &str)]) -> Answer {
        Answer::of(authority, None, &setup_since(mode, &self.id, &self.last_sync, more))
    }

    /// Sends a finalize step with these proofs.
    pub(crate) fn finalize(
        &self,
        authority: &impl Exchange,
        mode: &str,
        proofs: &Proofs,
        more: &[(&str, &str)],
    ) -> Answer {
        let proved = [("R0", proofs.r0.as_str()), ("R1", &proofs.r1), ("R2", &proofs.r2)];
        Answer::of(authority, None, &finalize_since(mode, &self.id, &self.last_sync, &[more, &proved].concat()))
    }

    /// Does both steps of `otp` with a PIN.
    pub(crate) fn ask(&self, authority: &impl Exchange, digits: &str) -> Answer {
        let answer = self.setup(authority, "otp", &[("sid", "7001")]);
        let Some(challenge) = answer.find("challenge") else { return answer };
        self.finalize(authority, "otp", &self.proofs(challenge, digits), &[("sid", "7001"), ("keytype", "0")])
    }

    pub(crate) fn password(&self, authority: &impl Exchange, digits: &str) -> Password {
        let answer = self.ask(authority, digits);
        match (answer.err(), answer.find("dK1")) {
            ("OK", Some(dk1)) => {
                assert_eq!(answer.get("J"), "1");
                let kma = Kma::derive(&pin(digits), &self.serial);
                let hidden_k1 = kma.encrypt(self.k1(digits).evolve(dk1).as_bytes());
                Password::Again(Box::new(Self { hidden_k1, ..self.clone() }))
            }
            ("OK", None) => {
                let defi = answer.get("defi");
                assert!((1..=9).contains(&defi.len()) && !defi.starts_with('0'), "{defi}");
                Password::Made(otp::with_pin(&self.k1(digits), defi, &self.secval(digits)).to_string())
            }
            (word, _) => Password::Refused(word.to_owned()),
        }
    }

    /// Makes a password as an honest device does: it evolves and synchronizes if the service asks
    /// for that. Returns the device in its new state, or the word of a refusal.
    pub(crate) fn logs_in(self, authority: &impl Exchange, digits: &str) -> Result<(Self, String), String> {
        let mut device = self;
        for _ in 0..4 {
            match device.password(authority, digits) {
                Password::Made(password) => return Ok((device, password)),
                Password::Again(evolved) => device = *evolved,
                Password::Refused(word) if word == "NOK:DESYNCHRONIZED" => {
                    let (mut synchronized, wanted) =
                        device.synchronize(authority, digits).map_err(|answer| answer.err().to_owned())?;
                    synchronized.register(authority, &wanted, digits).ok();
                    device = synchronized;
                }
                Password::Refused(word) => return Err(word),
            }
        }
        panic!("the service asks for no end of evolutions")
    }

    /// Makes a password, if K1 does not evolve.
    pub(crate) fn made(&self, authority: &impl Exchange, digits: &str) -> String {
        match self.password(authority, digits) {
            Password::Made(password) => password,
            Password::Again(_) => panic!("K1 evolves"),
            Password::Refused(word) => panic!("{word}"),
        }
    }

    /// Does both steps of `otp` without a PIN.
    pub(crate) fn ask_without_pin(&self, authority: &impl Exchange) -> Answer {
        let answer = self.setup(authority, "otp", &[("sid", "7001")]).ok();
        let proofs = Proofs::without_pin(answer.get("challenge"), &self.serial, &self.k0);
        self.finalize(authority, "otp", &proofs, &[("sid", "7001"), ("keytype", "2")])
    }

    /// Does both steps of `password`.
    pub(crate) fn change_pin(&self, authority: &impl Exchange, old: &str, new: &str) -> Answer {
        let answer = self.setup(authority, "password", &[]);
        let Some(challenge) = answer.find("challenge") else { return answer };
        let (kma, new) = self.new_pin(&answer, new);
        self.finalize(authority, "password", &self.proofs(challenge, old), &[("nKma", &kma), ("newpin", &new)])
    }

    /// Returns `nKma` and `newpin`.
    pub(crate) fn new_pin(&self, answer: &Answer, new: &str) -> (String, String) {
        let keys = Keys::read(answer);
        let kma = keys.encrypt(Kma::derive(&pin(new), &self.serial).as_bytes());
        (kma, keys.encrypt(new.as_bytes()))
    }

    /// Does both steps of `reset`.
    pub(crate) fn reset_pin(&self, authority: &impl Exchange, code: &str, new: &str) -> Answer {
        let answer = self.setup(authority, "reset", &[("code", code)]);
        if answer.err() != "OK" {
            return answer;
        }
        self.finish_reset(authority, &answer, code, new)
    }

    pub(crate) fn finish_reset(&self, authority: &impl Exchange, answer: &Answer, code: &str, new: &str) -> Answer {
        let r0 = Proofs::without_pin(answer.get("challenge"), &self.serial, &self.k0).r0;
        let (kma, new) = self.new_pin(answer, new);
        let parameters = [("code", code), ("R0", &r0), ("nKma", &kma), ("newpin", &new)];
        Answer::of(authority, None, &finalize("reset", &self.id, &parameters))
    }

    /// Does both steps of `synchro`, without the `ms` that follows.
    pub(crate) fn synchronize(&self, authority: &impl Exchange, digits: &str) -> Result<(Self, Wanted), Answer> {
        let answer = self.setup(authority, "synchro", &[]);
        let Some(challenge) = answer.find("challenge") else { return Err(answer) };
        let answer = self.finalize(authority, "synchro", &self.proofs(challenge, digits), &[]);
        if answer.err() != "OK" {
            return Err(answer);
        }
        Ok(Self::read(&answer, &self.id, &self.serial, &pin(digits), &self.factory))
    }

    /// Does `synchro` and `ms`.
    pub(crate) fn synchronized(&self, authority: &impl Exchange, digits: &str) -> Self {
        let (mut device, wanted) = self.synchronize(authority, digits).expect("synchronized");
        device.register(authority, &wanted, digits).ok();
        device
    }

    /// Does both steps of `remove`.
    pub(crate) fn remove(&self, authority: &impl Exchange) -> Answer {
        let answer = self.setup(authority, "remove", &[]);
        let Some(challenge) = answer.find("challenge") else { return answer };
        let r0 = Proofs::without_pin(challenge, &self.serial, &self.k0).r0;
        Answer::of(authority, None, &finalize("remove", &self.id, &[("R0", &r0)]))
    }

    /// Does both steps of `devices`.
    pub(crate) fn list(&self, authority: &impl Exchange) -> Answer {
        let answer = self.setup(authority, "devices", &[]);
        let Some(challenge) = answer.find("challenge") else { return answer };
        let r0 = Proofs::without_pin(challenge, &self.serial, &self.k0).r0;
        Answer::of(authority, None, &finalize("devices", &self.id, &[("R0", &r0)]))
    }

    /// Does both steps of `renamedevice`.
    pub(crate) fn rename_device(&self, authority: &impl Exchange, digits: &str, target: &str, name: &str) -> Answer {
        let answer = self.setup(authority, "renamedevice", &[]);
        let Some(challenge) = answer.find("challenge") else { return answer };
        let challenge = bound_challenge(challenge, Mode::RenameDevice, target, name);
        let more = [("device", target), ("name", name)];
        self.finalize(authority, "renamedevice", &self.proofs(&challenge, digits), &more)
    }

    /// Does both steps of `removedevice`.
    pub(crate) fn remove_device(&self, authority: &impl Exchange, digits: &str, target: &str) -> Answer {
        let answer = self.setup(authority, "removedevice", &[]);
        let Some(challenge) = answer.find("challenge") else { return answer };
        self.finish_removal(authority, challenge, digits, target)
    }

    /// Does the finalize step of `removedevice`.
    pub(crate) fn finish_removal(
        &self,
        authority: &impl Exchange,
        challenge: &str,
        digits: &str,
        target: &str,
    ) -> Answer {
        let challenge = bound_challenge(challenge, Mode::RemoveDevice, target, "");
        self.finalize(authority, "removedevice", &self.proofs(&challenge, digits), &[("device", target)])
    }

    pub(crate) fn status(&self, authority: &impl Exchange) -> String {
        self.setup(authority, "status", &[]).err().to_owned()
    }
}
