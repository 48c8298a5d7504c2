//! Replays recorded exchanges of an independent client. Our requests must equal the recorded ones
//! byte for byte, and the encrypted values of the recorded peer must open. `PIMS_INWEBO_VECTORS`
//! names another file of the same form.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::borrow::Cow;
use std::collections::HashMap;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use inwebo::client::{Client, Device, Request, activate, otp, secret};
use inwebo::values::{Kma, Modulus, Pin, Serial, ServiceSecret, SmsCode, hex, oaep};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    macid: String,
    pin: String,
    sms_code: String,
    device_id: String,
    alea: String,
    serial: String,
    service_secret_random: String,
    kma: String,
    #[serde(rename = "K0")]
    k0: String,
    #[serde(rename = "K1")]
    k1: String,
    #[serde(rename = "K1_after_dK1")]
    k1_after: String,
    iwid: String,
    service_id: String,
    secval: String,
    device_modulus: String,
    device_private_exponent: String,
    ms_modulus: String,
    ms_private_exponent: String,
    factory_modulus: String,
    otp: Vec<Password>,
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Password {
    defi: String,
    #[serde(rename = "K1")]
    k1: String,
    code: String,
}

#[derive(Deserialize)]
struct Exchange {
    request: String,
    response: String,
}

impl Exchange {
    fn params(&self) -> HashMap<Cow<'_, str>, Cow<'_, str>> {
        form_urlencoded::parse(self.request.as_bytes()).collect()
    }
}

/// Returns the padded block of an encryption, which holds its seed and its message. This needs the
/// private key.
fn unseal(encrypted: &str, modulus: &str, exponent: &str) -> Vec<u8> {
    let bits = 4 * modulus.len() as u32;
    let modulus = Odd::new(BoxedUint::from_be_hex(modulus, bits).unwrap()).unwrap();
    let exponent = BoxedUint::from_be_hex(&format!("{exponent:0>width$}", width = (bits / 4) as usize), bits).unwrap();
    let block = BoxedUint::from_be_hex(encrypted, bits).unwrap();
    let params = BoxedMontyParams::new_vartime(modulus);
    BoxedMontyForm::new(block, &params).pow(&exponent).retrieve().to_be_bytes().into_vec()
}

fn exact(request: &Request, recorded: &Exchange, what: &str) {
    assert_eq!(request.query(), recorded.request, "{what}");
}

fn cases() -> Vec<Case> {
    let path = std::env::var("PIMS_INWEBO_VECTORS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/inwebo-mac.json").into());
    let text = std::fs::read_to_string(path).unwrap();
    let file: File = serde_json::from_str(&text).unwrap();
    assert!(!file.cases.is_empty());
    file.cases
}

#[test]
fn every_recorded_exchange_is_replayed_byte_for_byte() {
    for case in cases() {
        println!("{}", case.name);
        replay(&case);
    }
}

fn replay(case: &Case) {
    let exchanges: Vec<&Exchange> = case.exchanges.iter().collect();
    let [setup, finalize, ms, rest @ ..] = exchanges.as_slice() else { panic!("too few exchanges") };
    let pin = Pin::new(&case.pin).unwrap();
    let code = SmsCode::new(&case.sms_code).unwrap();
    let name = finalize.params()["name"].clone().into_owned();
    let client = Client::new(case.macid.clone(), name);
    let serial = Serial::new(hex::decode_array(&case.device_id).unwrap(), hex::decode_array(&case.alea).unwrap());
    assert_eq!(serial.as_str(), case.serial);

    // Activation.
    exact(&activate::setup(&client, &code, None), setup, "activate, setup");
    let pinned = Modulus::from_hex(&case.factory_modulus).unwrap();
    let prepared = activate::Prepared::read(&setup.response, Some(&pinned)).unwrap();
    assert_eq!(hex::encode(&prepared.keys.device.to_bytes()), case.device_modulus);
    let (kma_seed, kma) = opened(finalize, "Kma", &case.device_modulus, &case.device_private_exponent);
    let (pin_seed, recorded_pin) = opened(finalize, "pin", &case.device_modulus, &case.device_private_exponent);
    assert_eq!(hex::encode(&kma), case.kma);
    assert_eq!(recorded_pin, case.pin.as_bytes());
    let (request, finalizing) = prepared.finalize(&client, &serial, &code, None, &pin, [kma_seed, pin_seed]).unwrap();
    exact(&request, finalize, "activate, finalize");
    let (mut device, wanted) = finalizing.read(&finalize.response).unwrap();
    assert_eq!(device.id, case.iwid);
    assert_eq!(device.service, case.service_id);
    assert_eq!(*device.k0.text(), case.k0);

    // The service secret.
    let (ms_seed, service_secret) = opened(ms, "ms_val0", &case.ms_modulus, &case.ms_private_exponent);
    assert_eq!(hex::encode(&service_secret), case.service_secret_random);
    let service_secret = ServiceSecret::new(service_secret.try_into().unwrap());
    let unlocked = device.unlock(&pin);
    let request = wanted.unwrap().register(&client, &unlocked, &service_secret, &ms_seed).unwrap();
    exact(&request, ms, "ms");
    secret::read(&ms.response).unwrap();
    let secval = unlocked.hide(&service_secret);
    assert_eq!(*secval.text(), case.secval);
    device.secval = Some(secval);

    passwords(case, &client, device, &pin, rest);
}

/// Replays the recorded passwords, each of one or two rounds, and compares the results.
fn passwords(case: &Case, client: &Client, mut device: Device, pin: &Pin, rounds: &[&Exchange]) {
    let mut expected = case.otp.iter();
    assert_eq!(hidden(&device, pin, &case.k1), device.hidden_k1);
    for round in rounds.chunks(2) {
        let [setup, finalize] = round else { panic!("half a round") };
        exact(&otp::setup(client, &device), setup, "otp, setup");
        let unlocked = device.unlock(pin);
        let challenge = otp::Challenge::read(&setup.response).unwrap();
        exact(&challenge.with_pin(client, &unlocked), finalize, "otp, finalize");
        let granted = otp::Granted::read(&finalize.response).unwrap();
        if granted.again {
            let evolved = granted.evolved(&unlocked).unwrap();
            device.hidden_k1 = evolved;
            assert_eq!(hidden(&device, pin, &case.k1_after), device.hidden_k1);
            continue;
        }
        let password = expected.next().unwrap();
        assert!(finalize.response.contains(&format!("<defi>{}</defi>", password.defi)));
        assert_eq!(hidden(&device, pin, &password.k1), device.hidden_k1);
        assert_eq!(*granted.password(&unlocked).unwrap(), password.code);
    }
    assert!(expected.next().is_none(), "a recorded password was never made");
}

/// Returns K1 as the device record stores it.
fn hidden(device: &Device, pin: &Pin, k1: &str) -> [u8; 16] {
    Kma::derive(pin, &device.serial).encrypt(&hex::decode_array(k1).unwrap())
}

/// Returns the seed and the message of an encrypted parameter.
fn opened(exchange: &Exchange, name: &str, modulus: &str, exponent: &str) -> ([u8; 32], Vec<u8>) {
    let block = unseal(&exchange.params()[name], modulus, exponent);
    (oaep::seed_of(&block).unwrap(), oaep::decode(&block).unwrap().to_vec())
}
