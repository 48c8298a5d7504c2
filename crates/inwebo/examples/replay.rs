//! Replays a recorded exchange: activates a device, registers its service secret, makes a password.
//!
//! The answers are the recorded ones. The example makes each request as a program makes it, but
//! sends none: a real program sends it as `GET …/iwws/MAC?<query>`.

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;

use inwebo::client::{Client, Request, activate, otp, secret};
use inwebo::values::{Pin, Serial, ServiceSecret, SmsCode, hex};
use serde_json::Value;

const RECORDED: &str = include_str!("../tests/vectors/inwebo-mac.json");

fn main() -> Result<(), Box<dyn Error>> {
    let file: Value = serde_json::from_str(RECORDED)?;
    let case = &file["cases"][0];
    let text = |name: &str| case[name].as_str().ok_or("the recording lacks a value");
    let answers: Vec<&str> =
        case["exchanges"].as_array().into_iter().flatten().filter_map(|one| one["response"].as_str()).collect();
    let mut answers = answers.into_iter();
    let mut send = |request: &Request| {
        // A real program keeps the query secret.
        assert!(request.query().starts_with("action="));
        answers.next().ok_or("the recording has no more answers")
    };

    let client = Client::new(text("macid")?, "A phone");
    let pin = Pin::new(text("pin")?).ok_or("no PIN")?;
    let code = SmsCode::new(text("smsCode")?).ok_or("no SMS code")?;
    let bytes = |name| hex::decode_array(text(name).ok()?);
    let alea = hex::decode_array(text("alea")?).ok_or("no alea")?;
    let serial = Serial::new(bytes("deviceId").ok_or("no device id")?, alea);
    // A real program takes these 32 bytes from the system's random generator, anew for each
    // encryption.
    let seed = [7; 32];

    let prepared = activate::Prepared::read(send(&activate::setup(&client, &code, None))?, None)?;
    let (request, finalizing) = prepared.finalize(&client, &serial, &code, None, &pin, [seed, seed])?;
    let (mut device, wanted) = finalizing.read(send(&request)?)?;
    println!("activated {}", device.id);

    let made = ServiceSecret::new(hex::decode_array(text("serviceSecretRandom")?).ok_or("no secret")?);
    let unlocked = device.unlock(&pin);
    if let Some(wanted) = wanted {
        secret::read(send(&wanted.register(&client, &unlocked, &made, &seed)?)?)?;
    }
    let secval = unlocked.hide(&made);
    device.secval = Some(secval);

    // The service may ask for a second round, with keys that evolved.
    let password = loop {
        let challenge = otp::Challenge::read(send(&otp::setup(&client, &device))?)?;
        let unlocked = device.unlock(&pin);
        let granted = otp::Granted::read(send(&challenge.with_pin(&client, &unlocked))?)?;
        if !granted.again {
            break granted.password(&unlocked);
        }
        if let Some(evolved) = granted.evolved(&unlocked) {
            device.hidden_k1 = evolved;
        }
    };
    let equals = password.as_ref().map(|password| password.as_str()) == case["otp"][0]["code"].as_str();
    println!("password made: it {} the recorded one", if equals { "equals" } else { "differs from" });
    Ok(())
}
